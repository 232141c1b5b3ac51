
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_factors.h"

#include "writer/writer_accounts.h"
#include "writer/writer_audit.h"
#include "writer/writer_command.h"
#include "writer/writer_json.h"
#include "writer/writer_passkeys.h"
#include "writer/writer_qr.h"
#include "writer/writer_recovery.h"
#include "writer/writer_totp.h"


#define WRITER_FACTORS_URI_MAX  1024


_Static_assert(sizeof(((writer_store_factor_t *) 0)->sealed)
               == WRITER_TOTP_SECRET_LEN + WRITER_VAULT_OVERHEAD, "sealed");


static bool writer_factors_open(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *business, const keepers_uuid_t *user,
    const writer_store_factor_t *factor,
    unsigned char secret[WRITER_TOTP_SECRET_LEN]);
static int writer_factors_code(writer_context_t *ctx,
    const keepers_uuid_t *user, const keepers_uuid_t *business,
    const writer_store_second_t *second, keepers_str_t code, uint64_t now_ms,
    writer_factor_t *factor);
static int writer_factors_renew(writer_context_t *ctx, writer_job_t *job);
static int writer_factors_keep(writer_context_t *ctx, writer_job_t *job,
    const unsigned char secret[WRITER_TOTP_SECRET_LEN]);
static int writer_factors_show(writer_context_t *ctx, writer_job_t *job,
    const unsigned char secret[WRITER_TOTP_SECRET_LEN]);
static int writer_factors_pending(writer_context_t *ctx, writer_job_t *job,
    uint64_t *step);

static bool
writer_factors_open(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *business, const keepers_uuid_t *user,
    const writer_store_factor_t *factor,
    unsigned char secret[WRITER_TOTP_SECRET_LEN])
{
    bool           ok;
    size_t         len;
    unsigned char  subkey[KEEPERS_KEY_LEN];

    writer_vault_platform(master, key, "keepers factor seal 1", subkey);

    ok = writer_vault_open(subkey, WRITER_VAULT_FACTOR, business, user,
                           keepers_str(factor->sealed, sizeof(factor->sealed)),
                           secret, WRITER_TOTP_SECRET_LEN, &len);
    keepers_wipe(subkey, sizeof(subkey));

    return ok && len == WRITER_TOTP_SECRET_LEN;
}


int
writer_factors_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, const writer_factors_given_t *given,
    uint64_t now_ms, writer_factor_t *factor)
{
    int                    rc;
    writer_store_second_t  second;

    static const keepers_uuid_t  nobody;

    memset(factor, 0, sizeof(*factor));

    user = user != NULL ? user : &nobody;

    rc = writer_store_second_get(ctx->store, user, &second);
    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    rc = given->passkey.len != 0
         ? writer_passkeys_check(ctx, user, business, given, now_ms, factor)
         : writer_factors_code(ctx, user, business, &second, given->code,
                               now_ms, factor);

    if (!second.totp && second.passkeys == 0) {
        factor->kind = WRITER_FACTOR_NONE;
    }

    return rc;
}


/*
 * Whoever has no app, or no account, costs the same: a secret of zeros is
 * tried, and a recovery code looked up that cannot be there.
 */
static int
writer_factors_code(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, const writer_store_second_t *second,
    keepers_str_t code, uint64_t now_ms, writer_factor_t *factor)
{
    int                    rc;
    bool                   right;
    size_t                 key;
    unsigned char          secret[WRITER_TOTP_SECRET_LEN];
    writer_store_factor_t  stored;

    memset(&stored, 0, sizeof(stored));
    memset(secret, 0, sizeof(secret));

    rc = writer_store_factor_get(ctx->store, user, &stored);

    if (rc == WRITER_FAULT
        || (second->totp
            && (!writer_vault_master(ctx->conf->master_ring, stored.master,
                                     &key)
                || !writer_factors_open(ctx->conf->master_ring, key, business,
                                        user, &stored, secret))))
    {
        /* it is not let in for want of a key */
        return WRITER_FAULT;
    }

    right = writer_totp_check(secret, code, now_ms, stored.last_step,
                              &factor->step);

    keepers_wipe(secret, sizeof(secret));

    /* anybody has the codes of a secret of zeros */

    if (right && second->totp) {
        factor->kind = WRITER_FACTOR_TOTP;
        return WRITER_OK;
    }

    return writer_recovery_check(ctx, user, second, code, factor);
}


int
writer_factors_use(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_factor_t *factor, uint64_t now_ms, bool *copied)
{
    *copied = false;

    switch (factor->kind) {

    case WRITER_FACTOR_TOTP:
        return writer_store_factor_step(ctx->store, user, factor->step);

    case WRITER_FACTOR_RECOVERY:
        return writer_store_code_use(ctx->store, user, factor->hash, now_ms);

    case WRITER_FACTOR_PASSKEY:
        return writer_passkeys_use(ctx, user, factor, now_ms, copied);

    default:
        return WRITER_NONE;
    }
}


int
writer_factors_page(writer_context_t *ctx, writer_job_t *job)
{
    int                    rc;
    writer_json_t          json;
    writer_store_factor_t  factor;
    writer_store_second_t  second;

    rc = writer_store_second_get(ctx->store, &job->identity.user, &second);
    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    rc = writer_store_factor_get(ctx->store, &job->identity.user, &factor);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_items(&json);

    if (rc == WRITER_OK && factor.confirmed_ms != 0) {
        writer_json_map(&json);
        writer_json_key(&json, "kind");
        writer_json_text(&json, "totp");
        writer_json_key(&json, "since");
        writer_json_time(&json, factor.confirmed_ms);
        writer_json_key(&json, "recovery_codes");
        writer_json_uint(&json, second.codes);
        writer_json_map_end(&json);
    }

    rc = writer_passkeys_list(ctx, job, &json, second.codes);

    writer_json_items_end(&json);

    job->status = 200;

    return writer_json_end(&json) ? rc : WRITER_FAULT;
}


/*
 * Who has a second factor proves it before another comes beside it: else a
 * password and a session that it has made would be enough for both.  NONE: it
 * is not proved, and the problem is set.
 */
int
writer_factors_guard(writer_context_t *ctx, writer_job_t *job,
    writer_store_second_t *second)
{
    if (writer_store_second_get(ctx->store, &job->identity.user, second)
        != WRITER_OK)
    {
        return WRITER_FAULT;
    }

    if ((second->totp || second->passkeys != 0) && job->identity.aal < 2) {
        (void) writer_job_problem(job, 403, "step_up");
        return WRITER_NONE;
    }

    return WRITER_OK;
}


/* A secret that counts for nothing before it is confirmed with a code. */
int
writer_factors_enrol(writer_context_t *ctx, writer_job_t *job)
{
    int                    rc;
    unsigned char          secret[WRITER_TOTP_SECRET_LEN];
    writer_store_second_t  second;

    rc = writer_store_second_get(ctx->store, &job->identity.user, &second);

    if (rc == WRITER_OK && second.totp) {
        return writer_job_problem(job, 409, "enrolled");
    }

    rc = writer_factors_guard(ctx, job, &second);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    keepers_random(secret, sizeof(secret));

    rc = writer_factors_keep(ctx, job, secret);

    if (rc == WRITER_OK) {
        rc = writer_factors_show(ctx, job, secret);

    } else if (rc == WRITER_NONE) {
        rc = writer_job_problem(job, 409, "enrolled");
    }

    keepers_wipe(secret, sizeof(secret));

    return rc;
}


static int
writer_factors_keep(writer_context_t *ctx, writer_job_t *job,
    const unsigned char secret[WRITER_TOTP_SECRET_LEN])
{
    unsigned char             subkey[KEEPERS_KEY_LEN];
    writer_store_factor_t     factor;
    const keepers_keyring_t  *master;

    master = ctx->conf->master_ring;

    memset(&factor, 0, sizeof(factor));
    memcpy(factor.master, master->keys[0].id, sizeof(factor.master));

    writer_vault_platform(master, 0, "keepers factor seal 1", subkey);
    writer_vault_seal(subkey, WRITER_VAULT_FACTOR, &job->identity.business,
                      &job->identity.user,
                      keepers_str(secret, WRITER_TOTP_SECRET_LEN),
                      factor.sealed);
    keepers_wipe(subkey, sizeof(subkey));

    return writer_store_factor_put(ctx->store, &job->identity.user, &factor,
                                   job->now_ms);
}


static int
writer_factors_show(writer_context_t *ctx, writer_job_t *job,
    const unsigned char secret[WRITER_TOTP_SECRET_LEN])
{
    int               rc;
    bool              ok;
    char              text[WRITER_TOTP_SECRET_LEN * 8 / 5];
    char              uri[WRITER_FACTORS_URI_MAX];
    keepers_out_t     email, key, out;
    writer_json_t     json;
    unsigned char     address[KEEPERS_EMAIL_LEN_MAX];
    struct evbuffer  *svg;

    keepers_out_init(&email, address, sizeof(address));
    keepers_out_init(&key, text, sizeof(text));
    keepers_out_init(&out, uri, sizeof(uri) - 1);

    rc = writer_accounts_email(ctx, &job->identity.user, &email);
    svg = evbuffer_new();

    if (rc != WRITER_OK || svg == NULL) {
        if (svg != NULL) {
            evbuffer_free(svg);
        }

        return WRITER_FAULT;
    }

    writer_totp_base32(secret, WRITER_TOTP_SECRET_LEN, &key);
    writer_totp_uri(keepers_out_written(&email), keepers_out_written(&key),
                    &out);
    uri[out.len] = '\0';

    ok = writer_qr_svg(svg, uri, WRITER_QR_SCREEN);

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_json_key(&json, "secret");
    writer_json_str(&json, keepers_out_written(&key));
    writer_json_key(&json, "uri");
    writer_json_str(&json, keepers_out_written(&out));
    writer_json_key(&json, "qr");
    writer_json_str(&json, keepers_str(evbuffer_pullup(svg, -1),
                                       evbuffer_get_length(svg)));
    writer_json_map_end(&json);
    job->status = 201;

    ok = writer_json_end(&json) && ok && !out.overflow;

    evbuffer_free(svg);
    keepers_wipe(text, sizeof(text));
    keepers_wipe(uri, sizeof(uri));
    keepers_wipe(address, sizeof(address));

    return ok ? WRITER_OK : WRITER_FAULT;
}


/* The code that confirms is used up like any other. */
int
writer_factors_confirm(writer_context_t *ctx, writer_job_t *job)
{
    int                    rc;
    uint64_t               step;
    writer_store_second_t  second;

    rc = writer_factors_pending(ctx, job, &step);

    if (rc != WRITER_OK || job->status != 0) {
        return rc;
    }

    rc = writer_factors_guard(ctx, job, &second);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    rc = writer_store_factor_confirm(ctx->store, &job->identity.user, step,
                                     job->now_ms);

    if (rc == WRITER_OK) {
        rc = writer_factors_note(ctx, job, "factor.added", "totp");
    }

    return rc == WRITER_OK ? writer_factors_renew(ctx, job) : WRITER_FAULT;
}


static int
writer_factors_pending(writer_context_t *ctx, writer_job_t *job,
    uint64_t *step)
{
    int                    rc;
    bool                   right;
    size_t                 key;
    unsigned char          secret[WRITER_TOTP_SECRET_LEN];
    writer_store_factor_t  factor;

    rc = writer_store_factor_get(ctx->store, &job->identity.user, &factor);

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 404, "not_found");
    }

    if (rc == WRITER_OK && factor.confirmed_ms != 0) {
        return writer_job_problem(job, 409, "enrolled");
    }

    if (rc != WRITER_OK
        || !writer_vault_master(ctx->conf->master_ring, factor.master, &key)
        || !writer_factors_open(ctx->conf->master_ring, key,
                                &job->identity.business, &job->identity.user,
                                &factor, secret))
    {
        return WRITER_FAULT;
    }

    right = writer_totp_check(secret,
                              writer_command_str(job, WRITER_FIELD_CODE),
                              job->now_ms, 0, step);
    keepers_wipe(secret, sizeof(secret));

    if (!right) {
        writer_job_error(job, "code", "wrong");
    }

    return WRITER_OK;
}


/* The edge asks for a fresh second factor, and so does this. */
int
writer_factors_codes(writer_context_t *ctx, writer_job_t *job)
{
    int                    rc;
    writer_store_second_t  second;

    if (job->identity.aal < 2) {
        return writer_job_problem(job, 403, "step_up");
    }

    rc = writer_store_second_get(ctx->store, &job->identity.user, &second);

    if (rc == WRITER_OK && !second.totp && second.passkeys == 0) {
        return writer_job_problem(job, 404, "not_found");
    }

    if (rc == WRITER_OK) {
        rc = writer_factors_note(ctx, job, "factor.codes", "codes");
    }

    return rc == WRITER_OK ? writer_factors_renew(ctx, job) : WRITER_FAULT;
}


static int
writer_factors_renew(writer_context_t *ctx, writer_job_t *job)
{
    int            rc;
    writer_json_t  json;

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);

    rc = writer_recovery_renew(ctx, &job->identity.user, &json);

    writer_json_map_end(&json);
    job->status = 200;

    return writer_json_end(&json) ? rc : WRITER_FAULT;
}


int
writer_factors_remove(writer_context_t *ctx, writer_job_t *job)
{
    int  rc;

    if (job->identity.aal < 2) {
        return writer_job_problem(job, 403, "step_up");
    }

    rc = writer_store_factor_remove(ctx->store, &job->identity.user);

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 404, "not_found");
    }

    if (rc == WRITER_OK) {
        rc = writer_recovery_settle(ctx, &job->identity.user);
    }

    if (rc == WRITER_OK) {
        rc = writer_factors_note(ctx, job, "factor.removed", "totp");
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


int
writer_factors_note(writer_context_t *ctx, writer_job_t *job,
    const char *what, const char *subject)
{
    int                       rc;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);

    if (rc == WRITER_OK) {
        rc = writer_audit_job(ctx, business, job, what, subject);
    }

    /* an account without its business is not for this to explain */
    return rc == WRITER_OK ? WRITER_OK : WRITER_FAULT;
}
