
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_operator.h"

#include "writer/writer_accounts.h"
#include "writer/writer_audit.h"
#include "writer/writer_http.h"
#include "writer/writer_json.h"
#include "writer/writer_links.h"
#include "writer/writer_mail.h"
#include "writer/writer_recovery.h"
#include "writer/writer_vault.h"

#include "core/keepers_email.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"


#define WRITER_OPERATOR  "operator"


static int writer_operator_check(writer_context_t *ctx, writer_job_t *job,
    writer_store_account_t *account);
static void writer_operator_uuid(uint64_t now_ms, keepers_uuid_t *uuid);
static int writer_operator_business(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t **business);
static int writer_operator_business_add(writer_context_t *ctx,
    writer_job_t *job, keepers_uuid_t *uuid);
static bool writer_operator_seal(writer_context_t *ctx, writer_job_t *job,
    writer_store_account_t *account);
static void writer_operator_hash(writer_job_t *job,
    char hash[WRITER_HASH_TEXT_MAX]);
static int writer_operator_factor(writer_context_t *ctx, writer_job_t *job,
    int (*remove)(writer_store_t *store, const keepers_uuid_t *user),
    const char *what);
static int writer_operator_link_state(writer_context_t *ctx,
    writer_job_t *job, uint8_t state);


bool
writer_operator_read(writer_job_t *job, void *http)
{
    return writer_command_read(job, writer_job_body(job),
                               writer_http_heap(http));
}


int
writer_operator_account(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    writer_json_t             json;
    const writer_business_t  *business;
    writer_store_account_t    account;

    memset(&account, 0, sizeof(account));
    writer_operator_uuid(job->now_ms, &account.uuid);

    rc = writer_operator_check(ctx, job, &account);

    if (rc == WRITER_OK && job->errors_n == 0) {
        rc = writer_operator_business(ctx, job, &business);
    }

    if (rc != WRITER_OK || job->errors_n != 0) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    account.business = business->row;
    account.business_uuid = business->uuid;

    /* what was checked cannot fail now; if it does, nothing is kept */
    if (!writer_operator_seal(ctx, job, &account)
        || writer_store_account_add(ctx->store, &account, job->now_ms)
           != WRITER_OK)
    {
        rc = WRITER_FAULT;
    }

    if (rc == WRITER_OK) {
        rc = writer_audit_note(ctx, business, WRITER_OPERATOR,
                               "account.created",
                               keepers_role_name(account.role), job->now_ms);
    }

    if (rc != WRITER_OK) {
        return rc;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_json_key(&json, "business");
    writer_json_uuid(&json, &account.business_uuid);
    writer_json_key(&json, "user");
    writer_json_uuid(&json, &account.uuid);
    writer_json_map_end(&json);
    job->status = 201;

    return writer_json_end(&json) ? WRITER_OK : WRITER_FAULT;
}


/*
 * Before anything is written: a refusal ends in a commit like any answer, and
 * must not leave a business that nobody can sign in to.  NONE: taken.
 */
static int
writer_operator_check(writer_context_t *ctx, writer_job_t *job,
    writer_store_account_t *account)
{
    int                     rc;
    keepers_str_t           email;
    writer_store_account_t  known;

    account->role = keepers_role_person(writer_command_str(job,
                                                           WRITER_FIELD_ROLE));

    if (account->role == KEEPERS_ROLE_NONE) {
        writer_job_error(job, "role", "unknown");
    }

    writer_operator_hash(job, account->password);

    email = writer_command_str(job, WRITER_FIELD_EMAIL);

    if (!writer_accounts_hash(ctx->conf->master_ring, 0, email,
                              account->email_hash))
    {
        writer_job_error(job, "email", "syntax");
    }

    if (job->errors_n != 0) {
        return WRITER_OK;
    }

    rc = writer_accounts_find(ctx, email, &known);

    if (rc == WRITER_OK) {
        (void) writer_job_problem(job, 409, "email_taken");
        return WRITER_NONE;
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


static void
writer_operator_uuid(uint64_t now_ms, keepers_uuid_t *uuid)
{
    unsigned char  random[10];

    keepers_random(random, sizeof(random));
    keepers_text_uuid7(uuid, now_ms, random);
}


/* The one that is named by its id, or a new one with a name. */
static int
writer_operator_business(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t **business)
{
    int             rc;
    bool            made;
    keepers_uuid_t  uuid;

    made = writer_command_str(job, WRITER_FIELD_BUSINESS).len == 0;

    if (!made) {
        if (!writer_command_uuid(job, WRITER_FIELD_BUSINESS, &uuid)) {
            return WRITER_OK;
        }

    } else {
        rc = writer_operator_business_add(ctx, job, &uuid);
        if (rc != WRITER_OK || job->errors_n != 0) {
            return rc;
        }
    }

    rc = writer_business_find(&ctx->businesses, ctx->store, &uuid, business);

    if (rc == WRITER_NONE) {
        writer_job_error(job, "business", "unknown");
    }

    return rc == WRITER_OK && made ? writer_audit_begin(ctx, *business) : rc;
}


static int
writer_operator_business_add(writer_context_t *ctx, writer_job_t *job,
    keepers_uuid_t *uuid)
{
    writer_store_business_t  business;

    memset(&business, 0, sizeof(business));

    writer_command_copy(job, WRITER_FIELD_NAME, business.name,
                        sizeof(business.name));

    if (business.name[0] == '\0') {
        writer_job_error(job, "name", "required");
        return WRITER_OK;
    }

    writer_operator_uuid(job->now_ms, uuid);

    business.uuid = *uuid;
    business.wrapped_len = WRITER_VAULT_WRAPPED_LEN;
    memcpy(business.master, ctx->conf->master_ring->keys[0].id,
           sizeof(business.master));
    writer_vault_wrap(ctx->conf->master_ring, uuid, business.wrapped);

    return writer_store_business_add(ctx->store, &business, job->now_ms);
}


/* The address as it was typed, to the business that is now known. */
static bool
writer_operator_seal(writer_context_t *ctx, writer_job_t *job,
    writer_store_account_t *account)
{
    bool                      eai;
    keepers_out_t             out;
    unsigned char             email[KEEPERS_EMAIL_LEN_MAX];
    unsigned char             subkey[KEEPERS_KEY_LEN];
    const keepers_keyring_t  *master;

    master = ctx->conf->master_ring;

    keepers_out_init(&out, email, sizeof(email));

    if (keepers_email_read(writer_command_str(job, WRITER_FIELD_EMAIL), &out,
                           &eai)
        != KEEPERS_OK)
    {
        return false;
    }

    memcpy(account->master, master->keys[0].id, sizeof(account->master));

    writer_vault_platform(master, 0, "keepers account seal 1", subkey);
    writer_vault_seal(subkey, WRITER_VAULT_ACCOUNT, &account->business_uuid,
                      &account->uuid, keepers_out_written(&out),
                      account->email);
    account->email_len = out.len + WRITER_VAULT_OVERHEAD;

    keepers_wipe(subkey, sizeof(subkey));
    keepers_wipe(email, sizeof(email));

    return true;
}


static void
writer_operator_hash(writer_job_t *job, char hash[WRITER_HASH_TEXT_MAX])
{
    writer_command_copy(job, WRITER_FIELD_PASSWORD, hash,
                        WRITER_HASH_TEXT_MAX);

    if (strncmp(hash, "$argon2id$", 10) != 0) {
        writer_job_error(job, "password", "hash");
    }
}


int
writer_operator_password(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    char                      hash[WRITER_HASH_TEXT_MAX];
    writer_store_account_t    account;
    const writer_business_t  *business;

    writer_operator_hash(job, hash);

    if (job->errors_n != 0) {
        return WRITER_OK;
    }

    rc = writer_accounts_find(ctx, writer_command_str(job, WRITER_FIELD_EMAIL),
                              &account);

    if (rc == WRITER_NONE) {
        writer_job_error(job, "email", "unknown");
        return WRITER_OK;
    }

    if (rc == WRITER_OK) {
        rc = writer_business_find(&ctx->businesses, ctx->store,
                                  &account.business_uuid, &business);
    }

    if (rc == WRITER_OK) {
        rc = writer_store_account_password(ctx->store, &account.uuid, hash,
                                           job->now_ms);
    }

    /* whoever knew the old one is signed out: see writer_redis_ends.c */

    if (rc == WRITER_OK) {
        rc = writer_store_end_add(ctx->store, &account.uuid, job->now_ms);
    }

    if (rc == WRITER_OK) {
        rc = writer_audit_note(ctx, business, WRITER_OPERATOR,
                               "account.password",
                               keepers_role_name(account.role), job->now_ms);
    }

    if (rc == WRITER_OK) {
        rc = writer_mail_changed(ctx, job, &account.uuid);
    }

    job->ended = rc == WRITER_OK;

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


int
writer_operator_totp_remove(writer_context_t *ctx, writer_job_t *job)
{
    return writer_operator_factor(ctx, job, writer_store_factor_remove,
                                  "factor.removed");
}


int
writer_operator_passkeys_remove(writer_context_t *ctx, writer_job_t *job)
{
    return writer_operator_factor(ctx, job, writer_store_passkeys_remove,
                                  "passkey.removed");
}


/* Whoever has what was lost is signed out, too. */
static int
writer_operator_factor(writer_context_t *ctx, writer_job_t *job,
    int (*remove)(writer_store_t *store, const keepers_uuid_t *user),
    const char *what)
{
    int                       rc;
    writer_store_account_t    account;
    const writer_business_t  *business;

    rc = writer_accounts_find(ctx, writer_command_str(job, WRITER_FIELD_EMAIL),
                              &account);

    if (rc == WRITER_NONE) {
        writer_job_error(job, "email", "unknown");
        return WRITER_OK;
    }

    if (rc == WRITER_OK) {
        rc = remove(ctx->store, &account.uuid);
    }

    if (rc == WRITER_NONE) {
        writer_job_error(job, "email", "no_factor");
        return WRITER_OK;
    }

    if (rc == WRITER_OK) {
        rc = writer_recovery_settle(ctx, &account.uuid);
    }

    if (rc == WRITER_OK) {
        rc = writer_business_find(&ctx->businesses, ctx->store,
                                  &account.business_uuid, &business);
    }

    if (rc == WRITER_OK) {
        rc = writer_store_end_add(ctx->store, &account.uuid, job->now_ms);
    }

    if (rc == WRITER_OK) {
        rc = writer_audit_note(ctx, business, WRITER_OPERATOR, what,
                               keepers_role_name(account.role), job->now_ms);
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


int
writer_operator_link(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    keepers_uuid_t            uuid;
    const writer_business_t  *business;

    if (!writer_command_uuid(job, WRITER_FIELD_BUSINESS, &uuid)) {
        return WRITER_OK;
    }

    rc = writer_business_find(&ctx->businesses, ctx->store, &uuid, &business);

    if (rc == WRITER_NONE) {
        writer_job_error(job, "business", "unknown");
        return WRITER_OK;
    }

    return rc == WRITER_OK
           ? writer_links_create(ctx, job, business, WRITER_OPERATOR) : rc;
}


int
writer_operator_link_open(writer_context_t *ctx, writer_job_t *job)
{
    return writer_operator_link_state(ctx, job, KEEPERS_LINK_OPEN);
}


int
writer_operator_link_close(writer_context_t *ctx, writer_job_t *job)
{
    return writer_operator_link_state(ctx, job, KEEPERS_LINK_CLOSED);
}


int
writer_operator_link_delete(writer_context_t *ctx, writer_job_t *job)
{
    return writer_operator_link_state(ctx, job, WRITER_LINK_DELETED);
}


static int
writer_operator_link_state(writer_context_t *ctx, writer_job_t *job,
    uint8_t state)
{
    return writer_links_change(ctx, job, NULL, WRITER_OPERATOR, state);
}
