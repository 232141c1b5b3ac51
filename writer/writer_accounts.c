
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_accounts.h"

#include "writer/writer_factors.h"
#include "writer/writer_hash.h"
#include "writer/writer_http.h"
#include "writer/writer_json.h"
#include "writer/writer_proof.h"

#include "core/keepers_email.h"
#include "core/keepers_session.h"


#define WRITER_ACCOUNTS_ASKED_MS  30000
#define WRITER_ACCOUNTS_DAYS      30
#define WRITER_ACCOUNTS_DAY_MS    86400000ull


typedef struct {
    uint64_t  first;
    uint64_t  signups[WRITER_ACCOUNTS_DAYS];
} writer_accounts_days_t;


static void writer_accounts_business(writer_json_t *json,
    const writer_business_t *business);
static int writer_accounts_user(writer_context_t *ctx, writer_json_t *json,
    const writer_job_t *job);
static int writer_accounts_day(void *data, uint64_t day, uint64_t signups);
static int writer_accounts_counts(writer_context_t *ctx, writer_json_t *json,
    const writer_business_t *business, uint64_t now_ms);


bool
writer_accounts_hash(const keepers_keyring_t *master, size_t key,
    keepers_str_t typed, unsigned char hash[KEEPERS_HASH_LEN])
{
    bool           eai;
    keepers_out_t  out;
    unsigned char  email[KEEPERS_EMAIL_LEN_MAX], subkey[KEEPERS_KEY_LEN];

    keepers_out_init(&out, email, sizeof(email));

    if (keepers_email_read(typed, &out, &eai) != KEEPERS_OK) {
        return false;
    }

    writer_vault_platform(master, key, "keepers account e-mail hash 1",
                          subkey);
    writer_vault_email(subkey, keepers_out_written(&out), hash);

    keepers_wipe(subkey, sizeof(subkey));
    keepers_wipe(email, sizeof(email));

    return true;
}


int
writer_accounts_find(writer_context_t *ctx, keepers_str_t typed,
    writer_store_account_t *account)
{
    int            rc;
    size_t         i;
    unsigned char  hash[KEEPERS_HASH_LEN];

    for (i = 0; i < ctx->conf->master_ring->n; i++) {
        if (!writer_accounts_hash(ctx->conf->master_ring, i, typed, hash)) {
            return WRITER_NONE;
        }

        rc = writer_store_account_find(ctx->store, hash, account);
        if (rc != WRITER_NONE) {
            return rc;
        }
    }

    return WRITER_NONE;
}


int
writer_accounts_email(writer_context_t *ctx, const keepers_uuid_t *user,
    keepers_out_t *out)
{
    int                       rc;
    size_t                    i, len;
    bool                      ok;
    unsigned char             email[KEEPERS_EMAIL_LEN_MAX];
    unsigned char             subkey[KEEPERS_KEY_LEN];
    writer_store_account_t    account;
    const keepers_keyring_t  *master;

    rc = writer_store_account_get(ctx->store, user, &account);
    if (rc != WRITER_OK) {
        return rc;
    }

    master = ctx->conf->master_ring;

    if (!writer_vault_master(master, account.master, &i)) {
        return WRITER_FAULT;
    }

    writer_vault_platform(master, i, "keepers account seal 1", subkey);

    ok = writer_vault_open(subkey, WRITER_VAULT_ACCOUNT,
                           &account.business_uuid, &account.uuid,
                           keepers_str(account.email, account.email_len),
                           email, sizeof(email), &len);
    keepers_wipe(subkey, sizeof(subkey));

    if (!ok) {
        return WRITER_FAULT;
    }

    keepers_out_bytes(out, email, len);
    keepers_wipe(email, sizeof(email));

    return WRITER_OK;
}


bool
writer_accounts_signin_read(writer_job_t *job, void *data)
{
    size_t             len;
    keepers_signin_t  *signin;

    signin = &job->in.signin;

    if (!writer_http_envelope(data, job, KEEPERS_RECORD_SIGNIN, &len)) {
        return false;
    }

    if (keepers_signin_decode(keepers_str(job->room, len), signin)
        != KEEPERS_OK
        || signin->asked_ms + WRITER_ACCOUNTS_ASKED_MS < job->now_ms
        || signin->asked_ms > job->now_ms + WRITER_ACCOUNTS_ASKED_MS)
    {
        /* a sign-in is not spooled: an old one is a replay */
        (void) writer_job_problem(job, 400, "envelope");
        return false;
    }

    return true;
}


/*
 * The same work for an unknown account, and for one without a second factor: a
 * hash with the same cost, codes compared in the same way, the same answer.
 */
int
writer_accounts_signin(writer_context_t *ctx, writer_job_t *job)
{
    int                      rc;
    bool                     known, right;
    unsigned char            net[8];
    writer_factor_t          factor;
    writer_factors_given_t   given;
    const keepers_signin_t  *signin;
    writer_store_account_t   account;

    static const writer_proof_words_t  words = {
        "signin", "signin.refused", "signin.recovery", "signin.passkey"
    };

    signin = &job->in.signin;
    memcpy(net, signin->net, sizeof(net));

    rc = writer_accounts_find(ctx, signin->email, &account);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    known = rc == WRITER_OK;

    rc = writer_hash_check(ctx->conf, known ? account.password : NULL,
                           signin->password);
    if (rc == WRITER_FAULT) {
        keepers_wipe(&account, sizeof(account));
        return rc;
    }

    right = rc == WRITER_OK;

    memset(&given, 0, sizeof(given));
    given.code = signin->code;
    given.passkey = signin->passkey;
    given.what.purpose = WRITER_CHALLENGE_SIGNIN;

    rc = writer_factors_check(ctx, known ? &account.uuid : NULL,
                              &account.business_uuid, &given, job->now_ms,
                              &factor);

    if (rc == WRITER_OK) {
        right = right && factor.kind != WRITER_FACTOR_WRONG;
        rc = writer_proof_end(job, known ? &account : NULL, right, &factor,
                              net, &words);
    }

    keepers_wipe(&account, sizeof(account));

    return rc;
}


int
writer_accounts_summary(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    writer_json_t             json;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_accounts_business(&json, business);

    rc = writer_accounts_user(ctx, &json, job);

    if (rc == WRITER_OK) {
        rc = writer_accounts_counts(ctx, &json, business, job->now_ms);
    }

    writer_json_map_end(&json);

    if (!writer_json_end(&json)) {
        return WRITER_FAULT;
    }

    job->status = 200;

    return rc;
}


static void
writer_accounts_business(writer_json_t *json,
    const writer_business_t *business)
{
    writer_json_key(json, "business");
    writer_json_map(json);
    writer_json_key(json, "id");
    writer_json_uuid(json, &business->uuid);
    writer_json_key(json, "name");
    writer_json_text(json, business->name);
    writer_json_map_end(json);
}


static int
writer_accounts_user(writer_context_t *ctx, writer_json_t *json,
    const writer_job_t *job)
{
    int            rc;
    keepers_out_t  out;
    unsigned char  email[KEEPERS_EMAIL_LEN_MAX];

    keepers_out_init(&out, email, sizeof(email));

    rc = writer_accounts_email(ctx, &job->identity.user, &out);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    writer_json_key(json, "user");
    writer_json_map(json);
    writer_json_key(json, "email");
    writer_json_str(json, keepers_out_written(&out));
    writer_json_key(json, "role");
    writer_json_text(json, keepers_role_name(job->identity.role));
    writer_json_map_end(json);

    return WRITER_OK;
}


static int
writer_accounts_day(void *data, uint64_t day, uint64_t signups)
{
    writer_accounts_days_t  *days;

    days = data;

    if (day >= days->first && day - days->first < WRITER_ACCOUNTS_DAYS) {
        days->signups[day - days->first] = signups;
    }

    return 0;
}


static int
writer_accounts_counts(writer_context_t *ctx, writer_json_t *json,
    const writer_business_t *business, uint64_t now_ms)
{
    int                      rc;
    size_t                   i;
    uint64_t                 held;
    writer_accounts_days_t   days;
    writer_store_business_t  row;

    held = 0;
    memset(&days, 0, sizeof(days));
    days.first = now_ms / WRITER_ACCOUNTS_DAY_MS + 1 - WRITER_ACCOUNTS_DAYS;

    rc = writer_store_business_get(ctx->store, business->row, &row);

    if (rc == WRITER_OK) {
        rc = writer_store_held_count(ctx->store, business->row, now_ms, &held);
    }

    if (rc == WRITER_OK) {
        rc = writer_store_days(ctx->store, business->row, days.first,
                               writer_accounts_day, &days);
    }

    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    writer_json_key(json, "today");
    writer_json_uint(json, days.signups[WRITER_ACCOUNTS_DAYS - 1]);
    writer_json_key(json, "total");
    writer_json_uint(json, row.customers);
    writer_json_key(json, "held");
    writer_json_uint(json, held);
    writer_json_key(json, "days");
    writer_json_array(json);

    for (i = 0; i < WRITER_ACCOUNTS_DAYS; i++) {
        writer_json_map(json);
        writer_json_key(json, "day");
        writer_json_day(json, days.first + i);
        writer_json_key(json, "signups");
        writer_json_uint(json, days.signups[i]);
        writer_json_map_end(json);
    }

    writer_json_array_end(json);

    return WRITER_OK;
}
