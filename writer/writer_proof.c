
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_proof.h"

#include "writer/writer_factors.h"
#include "writer/writer_hash.h"
#include "writer/writer_http.h"
#include "writer/writer_json.h"

#include "core/keepers_session.h"

#include <stdio.h>


#define WRITER_PROOF_ASKED_MS  30000


static void writer_proof_who(writer_job_t *job,
    const writer_store_account_t *account, const unsigned char net[8]);
static int writer_proof_refuse(writer_job_t *job,
    const writer_proof_words_t *words);
static int writer_proof_use(writer_context_t *ctx, writer_job_t *job);
static const char *writer_proof_word(const writer_proof_t *proof);
static int writer_proof_answer(writer_job_t *job, const writer_proof_t *proof,
    const char *aal);


int
writer_proof_end(writer_job_t *job, const writer_store_account_t *account,
    bool good, const writer_factor_t *factor, const unsigned char net[8],
    const writer_proof_words_t *words)
{
    writer_proof_t  *proof;

    keepers_wipe(job->room, sizeof(job->room));
    keepers_wipe(&job->in, sizeof(job->in));

    if (account == NULL) {
        return writer_job_problem(job, 401, "credentials");
    }

    writer_proof_who(job, account, net);

    if (!good) {
        return writer_proof_refuse(job, words);
    }

    proof = &job->in.proof;

    proof->user = account->uuid;
    proof->business = account->business_uuid;
    proof->role = account->role;
    proof->factor = *factor;
    proof->words = words;

    if (factor->kind == WRITER_FACTOR_NONE) {
        job->audit_apart = words->right;
        return writer_proof_answer(job, proof, "1");
    }

    job->then = writer_proof_use;

    return WRITER_OK;
}


/*
 * The business sees in its log who came in, and who tried: from where, as
 * coarse as a session has it.  Of an account that is not there, nobody.
 */
static void
writer_proof_who(writer_job_t *job, const writer_store_account_t *account,
    const unsigned char net[8])
{
    char    text[24];
    size_t  len;

    len = keepers_net_text(net, text);

    job->identity.user = account->uuid;
    job->identity.business = account->business_uuid;

    snprintf(job->audit_subject, sizeof(job->audit_subject), "%.*s",
             (int) len, text);
}


static int
writer_proof_refuse(writer_job_t *job, const writer_proof_words_t *words)
{
    job->audit_apart = words->refused;
    job->audit_once = true;

    return writer_job_problem(job, 401, "credentials");
}


/*
 * The code was right when it was looked at.  Somebody who came with the same
 * one may have been first: then this is a wrong code like any other.
 */
static int
writer_proof_use(writer_context_t *ctx, writer_job_t *job)
{
    int                    rc;
    bool                   copied;
    const writer_proof_t  *proof;

    proof = &job->in.proof;

    rc = writer_factors_use(ctx, &proof->user, &proof->factor, job->now_ms,
                            &copied);

    if (rc == WRITER_NONE) {
        rc = writer_proof_refuse(job, proof->words);

        if (copied) {
            job->audit_apart = "passkey.copied";
            job->audit_once = false;
        }

        return rc;
    }

    /* a store that fails is nobody's sign-in */

    if (rc == WRITER_OK) {
        job->audit_once = false;
        job->audit_apart = writer_proof_word(proof);
        rc = writer_proof_answer(job, proof, "2");
    }

    return rc;
}


static const char *
writer_proof_word(const writer_proof_t *proof)
{
    switch (proof->factor.kind) {

    case WRITER_FACTOR_RECOVERY:
        return proof->words->recovery;

    case WRITER_FACTOR_PASSKEY:
        return proof->words->passkey;

    default:
        return proof->words->right;
    }
}


static int
writer_proof_answer(writer_job_t *job, const writer_proof_t *proof,
    const char *aal)
{
    writer_json_t  json;

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_json_key(&json, "user");
    writer_json_uuid(&json, &proof->user);
    writer_json_key(&json, "business");
    writer_json_uuid(&json, &proof->business);
    writer_json_key(&json, "role");
    writer_json_text(&json, keepers_role_name(proof->role));
    writer_json_key(&json, "aal");
    writer_json_text(&json, aal);
    writer_json_map_end(&json);

    job->status = 200;

    return writer_json_end(&json) ? WRITER_OK : WRITER_FAULT;
}


bool
writer_proof_step_up_read(writer_job_t *job, void *data)
{
    size_t              len;
    keepers_step_up_t  *step_up;

    step_up = &job->in.step_up;

    if (!writer_http_envelope(data, job, KEEPERS_RECORD_STEP_UP, &len)) {
        return false;
    }

    if (keepers_step_up_decode(keepers_str(job->room, len), step_up)
        != KEEPERS_OK
        || step_up->asked_ms + WRITER_PROOF_ASKED_MS < job->now_ms
        || step_up->asked_ms > job->now_ms + WRITER_PROOF_ASKED_MS)
    {
        (void) writer_job_problem(job, 400, "envelope");
        return false;
    }

    return true;
}


/*
 * Who has a session proves the strongest that the account has: a code or a
 * passkey where there is a second factor, for a password is what a session
 * began with; else the password.  What is given beside it must be right too.
 */
int
writer_proof_step_up(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    bool                      known, given, right;
    unsigned char             net[8];
    writer_factor_t           factor;
    writer_factors_given_t    proof;
    const keepers_step_up_t  *step_up;
    writer_store_account_t    account;

    static const writer_proof_words_t  words = {
        "step_up", "step_up.refused", "step_up.recovery", "step_up.passkey"
    };

    step_up = &job->in.step_up;
    memcpy(net, step_up->net, sizeof(net));

    rc = writer_store_account_get(ctx->store, &step_up->user, &account);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    known = rc == WRITER_OK;
    given = step_up->password.len != 0;

    if (known && given) {
        rc = writer_hash_check(ctx->conf, account.password,
                               step_up->password);
        if (rc == WRITER_FAULT) {
            keepers_wipe(&account, sizeof(account));
            return rc;
        }
    }

    right = known && given && rc == WRITER_OK;

    proof.code = step_up->code;
    proof.passkey = step_up->passkey;
    proof.what.purpose = WRITER_CHALLENGE_STEP_UP;
    proof.what.user = step_up->user;
    memcpy(proof.what.sid, step_up->sid, sizeof(proof.what.sid));

    rc = writer_factors_check(ctx, known ? &account.uuid : NULL,
                              &account.business_uuid, &proof, job->now_ms,
                              &factor);

    if (rc == WRITER_OK) {
        if (factor.kind != WRITER_FACTOR_NONE) {
            right = (right || !given) && factor.kind != WRITER_FACTOR_WRONG;
        }

        rc = writer_proof_end(job, known ? &account : NULL, known && right,
                              &factor, net, &words);
    }

    keepers_wipe(&account, sizeof(account));

    return rc;
}
