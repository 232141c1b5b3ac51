
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_factors.h"

#include "writer/writer_accounts.h"
#include "writer/writer_audit.h"
#include "writer/writer_command.h"
#include "writer/writer_json.h"
#include "writer/writer_qr.h"
#include "writer/writer_totp.h"


#define WRITER_FACTORS_CODES    10
#define WRITER_FACTORS_URI_MAX  1024


_Static_assert(sizeof(((writer_store_factor_t *) 0)->sealed)
               == WRITER_TOTP_SECRET_LEN + WRITER_VAULT_OVERHEAD, "sealed");


static bool writer_factors_master(const keepers_keyring_t *master,
    const char *id, size_t *key);
static bool writer_factors_open(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *business, const keepers_uuid_t *user,
    const writer_store_factor_t *factor,
    unsigned char secret[WRITER_TOTP_SECRET_LEN]);
static void writer_factors_hash(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *user, const char code[WRITER_TOTP_RECOVERY_LEN],
    unsigned char hash[KEEPERS_HASH_LEN]);
static int writer_factors_recovery(writer_context_t *ctx,
    const keepers_uuid_t *user, size_t key, keepers_str_t code,
    writer_factor_t *factor);
static int writer_factors_keep(writer_context_t *ctx, writer_job_t *job,
    const unsigned char secret[WRITER_TOTP_SECRET_LEN]);
static int writer_factors_show(writer_context_t *ctx, writer_job_t *job,
    const unsigned char secret[WRITER_TOTP_SECRET_LEN]);
static int writer_factors_pending(writer_context_t *ctx, writer_job_t *job,
    uint64_t *step);
static int writer_factors_renew(writer_context_t *ctx, writer_job_t *job);
static void writer_factors_code(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *user, char shown[WRITER_TOTP_RECOVERY_LEN + 4],
    unsigned char hash[KEEPERS_HASH_LEN]);
static int writer_factors_note(writer_context_t *ctx, writer_job_t *job,
    const char *what);


static bool
writer_factors_master(const keepers_keyring_t *master, const char *id,
    size_t *key)
{
    for (*key = 0; *key < master->n; (*key)++) {
        if (strcmp(master->keys[*key].id, id) == 0) {
            return true;
        }
    }

    return false;
}


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


/*
 * 80 random bits under a key that the database does not have: nothing is to be
 * guessed, so the hash need not be slow.
 */
static void
writer_factors_hash(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *user, const char code[WRITER_TOTP_RECOVERY_LEN],
    unsigned char hash[KEEPERS_HASH_LEN])
{
    keepers_str_t  parts[2];
    unsigned char  subkey[KEEPERS_KEY_LEN];

    writer_vault_platform(master, key, "keepers recovery code 1", subkey);

    parts[0] = keepers_str(user->bytes, KEEPERS_UUID_LEN);
    parts[1] = keepers_str(code, WRITER_TOTP_RECOVERY_LEN);
    keepers_keyed_hash(subkey, parts, 2, hash, KEEPERS_HASH_LEN);

    keepers_wipe(subkey, sizeof(subkey));
}


/*
 * Whoever has no factor, or no account, costs the same: a secret of zeros is
 * tried, and a recovery code looked up that cannot be there.
 */
int
writer_factors_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, keepers_str_t code, uint64_t now_ms,
    writer_factor_t *factor)
{
    int                    rc;
    bool                   enrolled;
    size_t                 key;
    unsigned char          secret[WRITER_TOTP_SECRET_LEN];
    writer_store_factor_t  stored;

    static const keepers_uuid_t  nobody;

    memset(factor, 0, sizeof(*factor));
    memset(&stored, 0, sizeof(stored));
    memset(secret, 0, sizeof(secret));
    key = 0;

    user = user != NULL ? user : &nobody;

    rc = writer_store_factor_get(ctx->store, user, &stored);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    enrolled = rc == WRITER_OK && stored.confirmed_ms != 0;

    if (enrolled
        && (!writer_factors_master(ctx->conf->master_ring, stored.master, &key)
            || !writer_factors_open(ctx->conf->master_ring, key, business,
                                    user, &stored, secret)))
    {
        /* it is not let in for want of a key */
        return WRITER_FAULT;
    }

    rc = WRITER_OK;

    if (writer_totp_check(secret, code, now_ms, stored.last_step,
                          &factor->step))
    {
        factor->kind = WRITER_FACTOR_TOTP;

    } else {
        rc = writer_factors_recovery(ctx, user, key, code, factor);
    }

    keepers_wipe(secret, sizeof(secret));

    if (!enrolled) {
        factor->kind = WRITER_FACTOR_NONE;
    }

    return rc;
}


static int
writer_factors_recovery(writer_context_t *ctx, const keepers_uuid_t *user,
    size_t key, keepers_str_t code, writer_factor_t *factor)
{
    int   rc;
    bool  shape;
    char  canonical[WRITER_TOTP_RECOVERY_LEN];

    shape = writer_totp_recovery(code, canonical);

    writer_factors_hash(ctx->conf->master_ring, key, user, canonical,
                        factor->hash);
    keepers_wipe(canonical, sizeof(canonical));

    rc = writer_store_code_find(ctx->store, user, factor->hash);

    factor->kind = rc == WRITER_OK && shape ? WRITER_FACTOR_RECOVERY
                                            : WRITER_FACTOR_WRONG;

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_factors_use(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_factor_t *factor, uint64_t now_ms)
{
    switch (factor->kind) {

    case WRITER_FACTOR_TOTP:
        return writer_store_factor_step(ctx->store, user, factor->step);

    case WRITER_FACTOR_RECOVERY:
        return writer_store_code_use(ctx->store, user, factor->hash, now_ms);

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
        writer_json_uint(&json, factor.codes);
        writer_json_map_end(&json);
    }

    writer_json_items_end(&json);

    job->status = 200;

    return writer_json_end(&json) ? WRITER_OK : WRITER_FAULT;
}


/* A secret that counts for nothing before it is confirmed with a code. */
int
writer_factors_enrol(writer_context_t *ctx, writer_job_t *job)
{
    int            rc;
    unsigned char  secret[WRITER_TOTP_SECRET_LEN];

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
    int       rc;
    uint64_t  step;

    rc = writer_factors_pending(ctx, job, &step);

    if (rc != WRITER_OK || job->status != 0) {
        return rc;
    }

    rc = writer_store_factor_confirm(ctx->store, &job->identity.user, step,
                                     job->now_ms);

    if (rc == WRITER_OK) {
        rc = writer_factors_note(ctx, job, "factor.added");
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
        || !writer_factors_master(ctx->conf->master_ring, factor.master, &key)
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
    writer_store_factor_t  factor;

    if (job->identity.aal < 2) {
        return writer_job_problem(job, 403, "step_up");
    }

    rc = writer_store_factor_get(ctx->store, &job->identity.user, &factor);

    if (rc == WRITER_NONE || (rc == WRITER_OK && factor.confirmed_ms == 0)) {
        return writer_job_problem(job, 404, "not_found");
    }

    if (rc == WRITER_OK) {
        rc = writer_factors_note(ctx, job, "factor.codes");
    }

    return rc == WRITER_OK ? writer_factors_renew(ctx, job) : WRITER_FAULT;
}


/* New ones, shown this once; those before are good for nothing. */
static int
writer_factors_renew(writer_context_t *ctx, writer_job_t *job)
{
    int                    rc;
    char                   shown[WRITER_TOTP_RECOVERY_LEN + 4];
    size_t                 i, key;
    writer_json_t          json;
    unsigned char          hash[KEEPERS_HASH_LEN];
    writer_store_factor_t  factor;

    rc = writer_store_factor_get(ctx->store, &job->identity.user, &factor);

    if (rc != WRITER_OK
        || !writer_factors_master(ctx->conf->master_ring, factor.master, &key))
    {
        return WRITER_FAULT;
    }

    rc = writer_store_codes_clear(ctx->store, &job->identity.user);

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_json_key(&json, "recovery_codes");
    writer_json_array(&json);

    for (i = 0; i < WRITER_FACTORS_CODES && rc == WRITER_OK; i++) {
        writer_factors_code(ctx->conf->master_ring, key, &job->identity.user,
                            shown, hash);
        writer_json_text(&json, shown);
        rc = writer_store_code_add(ctx->store, &job->identity.user, hash);
    }

    keepers_wipe(shown, sizeof(shown));

    writer_json_array_end(&json);
    writer_json_map_end(&json);
    job->status = 200;

    return writer_json_end(&json) ? rc : WRITER_FAULT;
}


/* "ABCD-EFGH-IJKL-MNOP" */
static void
writer_factors_code(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *user, char shown[WRITER_TOTP_RECOVERY_LEN + 4],
    unsigned char hash[KEEPERS_HASH_LEN])
{
    char           code[WRITER_TOTP_RECOVERY_LEN];
    size_t         i, n;
    keepers_out_t  out;
    unsigned char  random[WRITER_TOTP_RECOVERY_LEN * 5 / 8];

    keepers_random(random, sizeof(random));
    keepers_out_init(&out, code, sizeof(code));
    writer_totp_base32(random, sizeof(random), &out);

    writer_factors_hash(master, key, user, code, hash);

    for (i = 0, n = 0; i < sizeof(code); i++) {
        if (i != 0 && i % 4 == 0) {
            shown[n++] = '-';
        }

        shown[n++] = code[i];
    }

    shown[n] = '\0';

    keepers_wipe(random, sizeof(random));
    keepers_wipe(code, sizeof(code));
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
        rc = writer_factors_note(ctx, job, "factor.removed");
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


static int
writer_factors_note(writer_context_t *ctx, writer_job_t *job,
    const char *what)
{
    int                       rc;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);

    if (rc == WRITER_OK) {
        rc = writer_audit_job(ctx, business, job, what, "totp");
    }

    /* an account without its business is not for this to explain */
    return rc == WRITER_OK ? WRITER_OK : WRITER_FAULT;
}
