
/*
 * Copyright (C) Keepers
 *
 * The second factor of an account: an authenticator app, passkeys (see
 * writer_passkeys.h), either of which is enough, and recovery codes.
 */


#ifndef _WRITER_FACTORS_H_INCLUDED_
#define _WRITER_FACTORS_H_INCLUDED_


#include "writer/writer_challenge.h"
#include "writer/writer_job.h"


/* What somebody gives: the answer of a passkey is looked at before a code. */
typedef struct {
    keepers_str_t           code;
    keepers_str_t           passkey;
    writer_challenge_for_t  what;       /* that the passkey must answer */
} writer_factors_given_t;


/*
 * What is given, for this user; NULL: somebody who has no account, which is
 * the same work.  Reads only: what is right is used up by
 * writer_factors_use(), on the committer.  OK or FAULT.
 */
int writer_factors_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, const writer_factors_given_t *given,
    uint64_t now_ms, writer_factor_t *factor) keepers_checked;

/*
 * Of a hundred who come with one code, one: OK, else NONE.  A passkey whose
 * counter went back is NONE too, and "copied".
 */
int writer_factors_use(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_factor_t *factor, uint64_t now_ms, bool *copied)
    keepers_checked;

/* May the one who asks change the factors?  NONE: no, the problem is set. */
int writer_factors_guard(writer_context_t *ctx, writer_job_t *job,
    writer_store_second_t *second) keepers_checked;

/* In the log of the business. */
int writer_factors_note(writer_context_t *ctx, writer_job_t *job,
    const char *what, const char *subject) keepers_checked;

/* runs */
int writer_factors_page(writer_context_t *ctx, writer_job_t *job);
int writer_factors_enrol(writer_context_t *ctx, writer_job_t *job);
int writer_factors_confirm(writer_context_t *ctx, writer_job_t *job);
int writer_factors_codes(writer_context_t *ctx, writer_job_t *job);
int writer_factors_remove(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_FACTORS_H_INCLUDED_ */
