
/*
 * Copyright (C) Keepers
 *
 * A person's own change of password: judged and hashed on a thread of the
 * password pool, stored by the committer.
 */


#ifndef _WRITER_ACCOUNTS_CHANGE_H_INCLUDED_
#define _WRITER_ACCOUNTS_CHANGE_H_INCLUDED_


#include "writer/writer_job.h"


/* runs; 204, 403 "password", 409 "changed", 422 with what is wrong in "new" */
bool writer_accounts_change_read(writer_job_t *job, void *http);
int writer_accounts_change(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_ACCOUNTS_CHANGE_H_INCLUDED_ */
