
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

/* May "fresh" be the password of this account?  Errors are those of "new". */
int writer_accounts_change_judge(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account, keepers_str_t fresh)
    keepers_checked;

/*
 * In a transaction: stores the hash, ends all sessions, tokens and links to
 * set a password, notes it as "what", tells the owner, and answers 204.
 */
int writer_accounts_change_apply(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account, const char *hash, const char *what)
    keepers_checked;


#endif /* _WRITER_ACCOUNTS_CHANGE_H_INCLUDED_ */
