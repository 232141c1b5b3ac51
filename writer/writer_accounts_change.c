
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_accounts_change.h"

#include "writer/writer_accounts.h"
#include "writer/writer_audit.h"
#include "writer/writer_hash.h"
#include "writer/writer_http.h"
#include "writer/writer_mail.h"
#include "writer/writer_password.h"

#include "core/keepers_session.h"


#define WRITER_CHANGE_ASKED_MS  30000


static void writer_accounts_change_same(writer_job_t *job);
static int writer_accounts_change_store(writer_context_t *ctx,
    writer_job_t *job);


bool
writer_accounts_change_read(writer_job_t *job, void *http)
{
    size_t               len;
    keepers_password_t  *asked;

    asked = &job->in.change.asked;

    if (!writer_http_envelope(http, job, KEEPERS_RECORD_PASSWORD, &len)) {
        return false;
    }

    if (keepers_password_decode(keepers_str(job->room, len), asked)
        != KEEPERS_OK
        || asked->asked_ms + WRITER_CHANGE_ASKED_MS < job->now_ms
        || asked->asked_ms > job->now_ms + WRITER_CHANGE_ASKED_MS)
    {
        (void) writer_job_problem(job, 400, "envelope");
        return false;
    }

    return true;
}


/*
 * The current one first: who does not know it learns nothing of the rules, and
 * is counted by nginx as one who guesses.
 */
int
writer_accounts_change(writer_context_t *ctx, writer_job_t *job)
{
    int                     rc;
    bool                    right;
    writer_store_account_t  account;

    rc = writer_store_account_get(ctx->store, &job->in.change.asked.user,
                                  &account);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    if (rc == WRITER_OK) {
        rc = writer_hash_check(ctx->conf, account.password,
                               job->in.change.asked.current);
    }

    right = rc == WRITER_OK;

    if (right) {
        rc = writer_accounts_change_judge(ctx, job, &account,
                                          job->in.change.asked.fresh);
        writer_accounts_change_same(job);

    } else if (rc == WRITER_NONE) {
        rc = writer_job_problem(job, 403, "password");
    }

    if (rc == WRITER_OK && right && job->status == 0) {
        memcpy(job->in.change.was, account.password, WRITER_HASH_TEXT_MAX);

        if (writer_hash_make(ctx->conf, job->in.change.asked.fresh,
                             job->in.change.hash))
        {
            job->then = writer_accounts_change_store;

        } else {
            (void) writer_job_problem(job, 503, "memory");
        }
    }

    keepers_wipe(job->room, sizeof(job->room));
    keepers_wipe(&account, sizeof(account));

    return rc;
}


int
writer_accounts_change_judge(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account, keepers_str_t fresh)
{
    int                       rc, fault;
    keepers_out_t             email;
    unsigned char             buf[KEEPERS_EMAIL_LEN_MAX];
    const writer_business_t  *business;

    keepers_out_init(&email, buf, sizeof(buf));

    rc = writer_accounts_email(ctx, &account->uuid, &email);

    if (rc == WRITER_OK) {
        rc = writer_business_find(&ctx->businesses, ctx->store,
                                  &account->business_uuid, &business);
    }

    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    fault = writer_password_check(fresh, keepers_out_written(&email),
                                  keepers_str(business->name,
                                              strlen(business->name)));

    if (fault != KEEPERS_OK) {
        writer_job_error(job, "new", writer_password_code(fault));
    }

    keepers_wipe(buf, sizeof(buf));

    return WRITER_OK;
}


static void
writer_accounts_change_same(writer_job_t *job)
{
    keepers_str_t  fresh, current;

    fresh = job->in.change.asked.fresh;
    current = job->in.change.asked.current;

    if (job->errors_n == 0
        && fresh.len == current.len
        && keepers_equal(fresh.data, current.data, fresh.len))
    {
        writer_job_error(job, "new", "same");
    }
}


/*
 * What was judged must still stand: of two at once the second would else undo
 * what the first has just told its owner.
 */
static int
writer_accounts_change_store(writer_context_t *ctx, writer_job_t *job)
{
    int                     rc;
    writer_store_account_t  account;

    rc = writer_store_account_get(ctx->store, &job->in.change.asked.user,
                                  &account);

    if (rc == WRITER_NONE
        || (rc == WRITER_OK
            && strcmp(account.password, job->in.change.was) != 0))
    {
        return writer_job_problem(job, 409, "changed");
    }

    return rc == WRITER_OK
           ? writer_accounts_change_apply(ctx, job, &account,
                                          job->in.change.hash,
                                          "account.password")
           : rc;
}


/* All sessions, the caller's too: who has one gets a new one behind it. */
int
writer_accounts_change_apply(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account, const char *hash, const char *what)
{
    int                       rc;
    const writer_business_t  *business;

    rc = writer_business_find(&ctx->businesses, ctx->store,
                              &account->business_uuid, &business);

    if (rc == WRITER_OK) {
        rc = writer_store_account_password(ctx->store, &account->uuid, hash,
                                           job->now_ms);
    }

    if (rc == WRITER_OK) {
        rc = writer_store_end_add(ctx->store, &account->uuid, job->now_ms);
    }

    if (rc == WRITER_OK) {
        job->identity.user = account->uuid;
        job->identity.business = account->business_uuid;

        rc = writer_audit_job(ctx, business, job, what,
                              keepers_role_name(account->role));
    }

    if (rc == WRITER_OK) {
        rc = writer_mail_changed(ctx, job, &account->uuid);
    }

    job->ended = rc == WRITER_OK;

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}
