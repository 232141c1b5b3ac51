
/*
 * Copyright (C) Keepers
 *
 * The passkeys of an account, at most five: each is a second factor.
 */


#ifndef _WRITER_PASSKEYS_H_INCLUDED_
#define _WRITER_PASSKEYS_H_INCLUDED_


#include "writer/writer_factors.h"
#include "writer/writer_json.h"


/* For writer_factors.c alone: its check, its use, its list. */

int writer_passkeys_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, const writer_factors_given_t *given,
    uint64_t now_ms, writer_factor_t *factor) keepers_checked;
int writer_passkeys_use(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_factor_t *factor, uint64_t now_ms, bool *copied)
    keepers_checked;
int writer_passkeys_list(writer_context_t *ctx, writer_job_t *job,
    writer_json_t *json, uint64_t codes) keepers_checked;

/* runs: a challenge for a sign-in, a step-up, a new one; the new one */
int writer_passkeys_signin(writer_context_t *ctx, writer_job_t *job);
int writer_passkeys_step_up(writer_context_t *ctx, writer_job_t *job);
int writer_passkeys_options(writer_context_t *ctx, writer_job_t *job);
int writer_passkeys_add(writer_context_t *ctx, writer_job_t *job);
int writer_passkeys_remove(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_PASSKEYS_H_INCLUDED_ */
