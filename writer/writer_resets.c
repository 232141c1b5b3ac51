
/*
 * Copyright (C) Keepers
 *
 * Who asks for a link is answered before anything is looked up, so that no
 * answer says whether there is such an account, in its bytes or in its time.
 * What follows is much alike, too: a row for the outbox, which of an unknown
 * address goes to nobody.
 */


#include "writer/writer_resets.h"

#include "writer/writer_accounts.h"
#include "writer/writer_accounts_change.h"
#include "writer/writer_audit.h"
#include "writer/writer_hash.h"
#include "writer/writer_http.h"
#include "writer/writer_mail.h"

#include "core/keepers_session.h"
#include "core/keepers_text.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_RESETS_ASKED_MS   30000
#define WRITER_RESETS_NOBODY_MS  60000


_Static_assert(KEEPERS_HASH_LEN == KEEPERS_RESET_TOKEN_LEN, "token");


static bool writer_resets_late(uint64_t asked_ms, uint64_t now_ms);
static int writer_resets_look(writer_context_t *ctx, writer_job_t *job);
static void writer_resets_looked(writer_job_t *job);
static int writer_resets_nobody(writer_context_t *ctx, writer_job_t *job);
static int writer_resets_mail(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account);
static int writer_resets_note(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account);
static void writer_resets_hash(const keepers_keyring_t *master, size_t key,
    const unsigned char token[KEEPERS_RESET_TOKEN_LEN],
    unsigned char hash[KEEPERS_HASH_LEN]);
static int writer_resets_find(writer_context_t *ctx, writer_job_t *job,
    writer_store_account_t *account);
static int writer_resets_store(writer_context_t *ctx, writer_job_t *job);


/* Takes the asking over into a job of its own, and hands that on. */
bool
writer_resets_ask_read(writer_job_t *job, void *http)
{
    size_t            len;
    writer_job_t     *apart;
    keepers_forgot_t  asked;

    if (!writer_http_envelope(http, job, KEEPERS_RECORD_FORGOT, &len)) {
        return false;
    }

    if (keepers_forgot_decode(keepers_str(job->room, len), &asked)
        != KEEPERS_OK
        || writer_resets_late(asked.asked_ms, job->now_ms))
    {
        (void) writer_job_problem(job, 400, "envelope");
        return false;
    }

    if (!writer_mail_wanted(writer_http_conf(http))) {
        /* for everybody: better than a page that promises a mail */
        (void) writer_job_problem(job, 404, "mail_off");
        return false;
    }

    apart = calloc(1, sizeof(*apart));

    if (apart == NULL) {
        (void) writer_job_problem(job, 503, "memory");
        return false;
    }

    apart->now_ms = job->now_ms;
    apart->run = writer_resets_look;
    apart->finished = writer_resets_looked;
    apart->in.forgot = asked;
    apart->in.forgot.email.data = apart->room;
    memcpy(apart->room, asked.email.data, asked.email.len);

    if (!writer_http_apart(http, apart)) {
        writer_resets_looked(apart);
        (void) writer_job_problem(job, 503, "queue");
        return false;
    }

    return true;
}


static bool
writer_resets_late(uint64_t asked_ms, uint64_t now_ms)
{
    return asked_ms + WRITER_RESETS_ASKED_MS < now_ms
           || asked_ms > now_ms + WRITER_RESETS_ASKED_MS;
}


/* On the loop: whoever it is, it will be looked at. */
int
writer_resets_ask(writer_context_t *ctx, writer_job_t *job)
{
    (void) ctx;

    return writer_job_text(job, 204, "");
}


/* On the committer; a run may come twice, and then makes another token. */
static int
writer_resets_look(writer_context_t *ctx, writer_job_t *job)
{
    int                     rc;
    writer_store_account_t  account;

    rc = writer_accounts_find(ctx, job->in.forgot.email, &account);

    if (rc == WRITER_OK) {
        rc = writer_resets_mail(ctx, job, &account);
    }

    if (rc == WRITER_NONE) {
        rc = writer_resets_nobody(ctx, job);
    }

    keepers_wipe(&account, sizeof(account));

    return rc == WRITER_OK ? WRITER_OK : WRITER_FAULT;
}


static void
writer_resets_looked(writer_job_t *job)
{
    keepers_wipe(job, sizeof(*job));
    free(job);
}


static int
writer_resets_nobody(writer_context_t *ctx, writer_job_t *job)
{
    writer_mail_t  mail;

    memset(&mail, 0, sizeof(mail));
    mail.kind = WRITER_MAIL_NOBODY;

    return writer_mail_put(ctx, job, &mail, WRITER_RESETS_NOBODY_MS);
}


/* NONE: as many links as an account may have are on their way already. */
static int
writer_resets_mail(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account)
{
    int            rc;
    keepers_out_t  out;
    writer_mail_t  mail;
    unsigned char  token[KEEPERS_RESET_TOKEN_LEN], hash[KEEPERS_HASH_LEN];

    memset(&mail, 0, sizeof(mail));
    mail.kind = WRITER_MAIL_RESET;

    keepers_random(token, sizeof(token));
    keepers_out_init(&out, mail.token, KEEPERS_RESET_TOKEN_TEXT_LEN);
    keepers_text_base64url(&out, keepers_str(token, sizeof(token)));

    writer_resets_hash(ctx->conf->master_ring, 0, token, hash);
    keepers_wipe(token, sizeof(token));

    rc = writer_store_reset_add(ctx->store, &account->uuid, hash, job->now_ms,
                                job->now_ms + WRITER_RESETS_LIFE_MS,
                                WRITER_RESETS_MAX);

    if (rc == WRITER_OK) {
        keepers_out_init(&out, mail.to, sizeof(mail.to));
        rc = writer_accounts_email(ctx, &account->uuid, &out) == WRITER_OK
             ? WRITER_OK : WRITER_FAULT;
        mail.to_len = out.len;
    }

    if (rc == WRITER_OK) {
        rc = writer_mail_put(ctx, job, &mail, WRITER_RESETS_LIFE_MS);
    }

    keepers_wipe(&mail, sizeof(mail));

    return rc == WRITER_OK ? writer_resets_note(ctx, job, account) : rc;
}


/* The business sees that somebody asked, and from how far. */
static int
writer_resets_note(writer_context_t *ctx, writer_job_t *job,
    const writer_store_account_t *account)
{
    int                       rc;
    char                      net[24];
    size_t                    len;
    const writer_business_t  *business;

    rc = writer_business_find(&ctx->businesses, ctx->store,
                              &account->business_uuid, &business);
    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    len = keepers_net_text(job->in.forgot.net, net);

    (void) snprintf(job->audit_subject, sizeof(job->audit_subject), "%.*s",
                    (int) len, net);

    job->identity.user = account->uuid;

    return writer_audit_job(ctx, business, job, "reset.asked",
                            job->audit_subject);
}


/*
 * The token is chance enough for any hash.  The key is for whoever can write
 * to the database: a row of theirs is the hash of no token.
 */
static void
writer_resets_hash(const keepers_keyring_t *master, size_t key,
    const unsigned char token[KEEPERS_RESET_TOKEN_LEN],
    unsigned char hash[KEEPERS_HASH_LEN])
{
    keepers_str_t  part;
    unsigned char  subkey[KEEPERS_KEY_LEN];

    part = keepers_str(token, KEEPERS_RESET_TOKEN_LEN);

    writer_vault_platform(master, key, "keepers reset token 1", subkey);
    keepers_keyed_hash(subkey, &part, 1, hash, KEEPERS_HASH_LEN);
    keepers_wipe(subkey, sizeof(subkey));
}


bool
writer_resets_read(writer_job_t *job, void *http)
{
    size_t            len;
    keepers_reset_t  *asked;

    asked = &job->in.reset.asked;

    if (!writer_http_envelope(http, job, KEEPERS_RECORD_RESET, &len)) {
        return false;
    }

    if (keepers_reset_decode(keepers_str(job->room, len), asked)
        != KEEPERS_OK
        || writer_resets_late(asked->asked_ms, job->now_ms))
    {
        (void) writer_job_problem(job, 400, "envelope");
        return false;
    }

    return true;
}


/* The link first: who has none learns nothing of the rules, and costs no
 * hash. */
int
writer_resets_run(writer_context_t *ctx, writer_job_t *job)
{
    int                     rc;
    keepers_str_t           fresh;
    writer_store_account_t  account;

    fresh = job->in.reset.asked.fresh;

    rc = writer_resets_find(ctx, job, &account);

    if (rc == WRITER_OK) {
        rc = writer_accounts_change_judge(ctx, job, &account, fresh);
    }

    if (rc == WRITER_OK && job->status == 0) {
        if (writer_hash_make(ctx->conf, fresh, job->in.reset.hash)) {
            job->then = writer_resets_store;

        } else {
            (void) writer_job_problem(job, 503, "memory");
        }
    }

    keepers_wipe(job->room, sizeof(job->room));
    keepers_wipe(&account, sizeof(account));

    return rc == WRITER_NONE ? writer_job_problem(job, 410, "ended") : rc;
}


/* Under any key of the ring; NONE: no such link, or it has ended. */
static int
writer_resets_find(writer_context_t *ctx, writer_job_t *job,
    writer_store_account_t *account)
{
    int             rc;
    size_t          i;
    keepers_uuid_t  user;

    for (i = 0; i < ctx->conf->master_ring->n; i++) {
        writer_resets_hash(ctx->conf->master_ring, i,
                           job->in.reset.asked.token, job->in.reset.token);

        rc = writer_store_reset_find(ctx->store, job->in.reset.token,
                                     job->now_ms, &user);

        if (rc == WRITER_OK) {
            return writer_store_account_get(ctx->store, &user, account);
        }

        if (rc == WRITER_FAULT) {
            return rc;
        }
    }

    return WRITER_NONE;
}


/* What was good when it was looked at may be used up: of two the first wins. */
static int
writer_resets_store(writer_context_t *ctx, writer_job_t *job)
{
    int                     rc;
    keepers_uuid_t          user;
    writer_store_account_t  account;

    rc = writer_store_reset_find(ctx->store, job->in.reset.token, job->now_ms,
                                 &user);

    if (rc == WRITER_OK) {
        rc = writer_store_account_get(ctx->store, &user, &account);
    }

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 410, "ended");
    }

    if (rc == WRITER_OK) {
        rc = writer_accounts_change_apply(ctx, job, &account,
                                          job->in.reset.hash,
                                          "account.reset");
    }

    keepers_wipe(&account, sizeof(account));

    return rc;
}
