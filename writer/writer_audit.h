
/*
 * Copyright (C) Keepers
 *
 * The audit log of a business: what was done, in the transaction that did it.
 * Each entry's hash is keyed and covers the one before, so that a row cannot
 * be changed, dropped or put in without the business's data key; a MAC of
 * their number and the last hash shows what is cut off at the end.
 */


#ifndef _WRITER_AUDIT_H_INCLUDED_
#define _WRITER_AUDIT_H_INCLUDED_


#include "writer/writer_job.h"


/* The head of a business that is made: its log has no row yet. */
int writer_audit_begin(writer_context_t *ctx,
    const writer_business_t *business) keepers_checked;

/* The hash of a row behind the one with "last", and the MAC of a log with so
 * many rows of which the last has that hash; zeros: there is none. */
void writer_audit_chain(const writer_business_t *business,
    const unsigned char last[KEEPERS_HASH_LEN],
    const writer_store_audit_t *audit, unsigned char hash[KEEPERS_HASH_LEN]);
void writer_audit_head(const writer_business_t *business, uint64_t rows,
    const unsigned char last[KEEPERS_HASH_LEN],
    unsigned char seal[KEEPERS_HASH_LEN]);

/* "who" is a user's UUID, a token's id, "operator" or "retention"; nothing
 * personal. */
int writer_audit_note(writer_context_t *ctx, const writer_business_t *business,
    const char *who, const char *what, const char *subject, uint64_t now_ms)
    keepers_checked;

/* The same, by the user of a job. */
int writer_audit_job(writer_context_t *ctx, const writer_business_t *business,
    const writer_job_t *job, const char *what, const char *subject)
    keepers_checked;

/* Runs: notes a read that another thread has answered; GET /api/v1/audit. */
int writer_audit_run(writer_context_t *ctx, writer_job_t *job);

/* A job of its own that notes what "job" calls audit_apart, to be submitted
 * once that is answered; NULL: nothing, or no memory. */
writer_job_t *writer_audit_apart(const writer_job_t *job);
int writer_audit_page(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_AUDIT_H_INCLUDED_ */
