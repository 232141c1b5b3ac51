
/*
 * Copyright (C) Keepers
 *
 * POST /v1/signups: an envelope in, 202 and no more once it is durable; or a
 * batch of them (writer_signups_batch.h).
 */


#ifndef _WRITER_SIGNUPS_H_INCLUDED_
#define _WRITER_SIGNUPS_H_INCLUDED_


#include "writer/writer_job.h"


/* On the loop: opens the envelope, decodes, checks a second time. */
bool writer_signups_read(writer_job_t *job, void *http);

/* The same of a record of "len" bytes that stands in job->room. */
bool writer_signups_take(writer_job_t *job, size_t len) keepers_checked;

int writer_signups_run(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_SIGNUPS_H_INCLUDED_ */
