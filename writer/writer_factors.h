
/*
 * Copyright (C) Keepers
 *
 * The second factor of an account: an authenticator app, and ten recovery
 * codes for the day on which the phone is lost.
 */


#ifndef _WRITER_FACTORS_H_INCLUDED_
#define _WRITER_FACTORS_H_INCLUDED_


#include "writer/writer_job.h"


/*
 * What "code" is for this user; NULL: somebody who has no account, which is
 * the same work.  Reads only: a code that is right is used up by
 * writer_factors_use(), on the committer.  OK or FAULT.
 */
int writer_factors_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, keepers_str_t code, uint64_t now_ms,
    writer_factor_t *factor) keepers_checked;

/* Of a hundred who come with one code, one: OK, else NONE. */
int writer_factors_use(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_factor_t *factor, uint64_t now_ms) keepers_checked;

/* runs */
int writer_factors_page(writer_context_t *ctx, writer_job_t *job);
int writer_factors_enrol(writer_context_t *ctx, writer_job_t *job);
int writer_factors_confirm(writer_context_t *ctx, writer_job_t *job);
int writer_factors_codes(writer_context_t *ctx, writer_job_t *job);
int writer_factors_remove(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_FACTORS_H_INCLUDED_ */
