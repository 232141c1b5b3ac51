
/*
 * Copyright (C) Keepers
 *
 * The audit log of a business: what was done, in the transaction that did it.
 * Each entry's hash is keyed and covers the one before, so that a row cannot
 * be changed, dropped or put in without the business's data key.
 */


#ifndef _WRITER_AUDIT_H_INCLUDED_
#define _WRITER_AUDIT_H_INCLUDED_


#include "writer/writer_job.h"


/* "who" is a user's UUID, "operator" or "retention"; nothing personal. */
int writer_audit_note(writer_context_t *ctx, const writer_business_t *business,
    const char *who, const char *what, const char *subject, uint64_t now_ms)
    keepers_checked;

/* The same, by the user of a job. */
int writer_audit_job(writer_context_t *ctx, const writer_business_t *business,
    const writer_job_t *job, const char *what, const char *subject)
    keepers_checked;

/* Runs: notes a read that another thread has answered; GET /api/v1/audit. */
int writer_audit_run(writer_context_t *ctx, writer_job_t *job);
int writer_audit_page(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_AUDIT_H_INCLUDED_ */
