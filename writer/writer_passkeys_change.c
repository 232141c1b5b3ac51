
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_passkeys.h"

#include "writer/writer_accounts.h"
#include "writer/writer_command.h"
#include "writer/writer_passkey_row.h"
#include "writer/writer_recovery.h"

#include "core/keepers_email.h"
#include "core/keepers_text.h"


#define WRITER_PASSKEYS_MAX  5


typedef struct {
    writer_context_t  *ctx;
    writer_job_t      *job;
    writer_json_t     *json;
    uint64_t           codes;
    bool               fault;
} writer_passkeys_list_t;


static int writer_passkeys_room(writer_context_t *ctx, writer_job_t *job,
    writer_store_second_t *second);
static bool writer_passkeys_off(writer_context_t *ctx, writer_job_t *job);
static void writer_passkeys_base64(writer_json_t *json, const char *key,
    keepers_str_t bytes);
static void writer_passkeys_challenge(writer_context_t *ctx,
    writer_job_t *job, writer_challenge_e purpose, writer_json_t *json);
static int writer_passkeys_ids(writer_context_t *ctx, writer_job_t *job,
    writer_json_t *json);
static int writer_passkeys_id(void *data, const writer_store_passkey_t *row);
static int writer_passkeys_user(writer_context_t *ctx, writer_job_t *job,
    writer_json_t *json);
static int writer_passkeys_show(void *data,
    const writer_store_passkey_t *row);
static bool writer_passkeys_take(writer_context_t *ctx, writer_job_t *job,
    writer_passkey_t *passkey, writer_challenge_t *challenge, char *name);
static int writer_passkeys_keep(writer_context_t *ctx, writer_job_t *job,
    const writer_passkey_t *passkey, const writer_challenge_t *challenge,
    const char *name, writer_store_passkey_t *row);
static int writer_passkeys_made(writer_context_t *ctx, writer_job_t *job,
    const writer_store_passkey_t *row, bool first);


static bool
writer_passkeys_off(writer_context_t *ctx, writer_job_t *job)
{
    if (ctx->conf->passkey_rp_id[0] != '\0') {
        return false;
    }

    (void) writer_job_problem(job, 404, "passkeys_off");

    return true;
}


/* Asked by whoever shows the sign-in page: it says nothing of any account. */
int
writer_passkeys_signin(writer_context_t *ctx, writer_job_t *job)
{
    writer_json_t  json;

    if (writer_passkeys_off(ctx, job)) {
        return WRITER_OK;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_passkeys_challenge(ctx, job, WRITER_CHALLENGE_SIGNIN, &json);
    writer_json_map_end(&json);
    job->status = 200;

    return writer_json_end(&json) ? WRITER_OK : WRITER_FAULT;
}


int
writer_passkeys_step_up(writer_context_t *ctx, writer_job_t *job)
{
    int            rc;
    writer_json_t  json;

    if (writer_passkeys_off(ctx, job)) {
        return WRITER_OK;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_passkeys_challenge(ctx, job, WRITER_CHALLENGE_STEP_UP, &json);
    rc = writer_passkeys_ids(ctx, job, &json);
    writer_json_map_end(&json);
    job->status = 200;

    return writer_json_end(&json) ? rc : WRITER_FAULT;
}


/* Whether one more may be added; WRITER_NONE: not, and the job says why. */
static int
writer_passkeys_room(writer_context_t *ctx, writer_job_t *job,
    writer_store_second_t *second)
{
    int  rc;

    if (writer_passkeys_off(ctx, job)) {
        return WRITER_NONE;
    }

    rc = writer_factors_guard(ctx, job, second);

    if (rc == WRITER_OK && second->passkeys >= WRITER_PASSKEYS_MAX) {
        (void) writer_job_problem(job, 409, "too_many");
        return WRITER_NONE;
    }

    return rc;
}


int
writer_passkeys_options(writer_context_t *ctx, writer_job_t *job)
{
    int                    rc;
    writer_json_t          json;
    writer_store_second_t  second;

    rc = writer_passkeys_room(ctx, job, &second);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_passkeys_challenge(ctx, job, WRITER_CHALLENGE_ADD, &json);
    rc = writer_passkeys_user(ctx, job, &json);

    if (rc == WRITER_OK) {
        rc = writer_passkeys_ids(ctx, job, &json);
    }

    writer_json_map_end(&json);
    job->status = 200;

    return writer_json_end(&json) ? rc : WRITER_FAULT;
}


static void
writer_passkeys_base64(writer_json_t *json, const char *key,
    keepers_str_t bytes)
{
    keepers_out_t  out;
    unsigned char  text[keepers_base64url_len(WRITER_PASSKEY_CREDENTIAL_MAX)];

    keepers_out_init(&out, text, sizeof(text));
    keepers_text_base64url(&out, bytes);

    if (key != NULL) {
        writer_json_key(json, key);
    }

    writer_json_str(json, keepers_out_written(&out));
}


/* For whom it is: see writer_challenge.h. */
static void
writer_passkeys_challenge(writer_context_t *ctx, writer_job_t *job,
    writer_challenge_e purpose, writer_json_t *json)
{
    keepers_out_t           state;
    unsigned char           text[keepers_base64url_len(
                                     WRITER_CHALLENGE_STATE_LEN)];
    writer_challenge_t      challenge;
    writer_challenge_for_t  what;

    memset(&what, 0, sizeof(what));
    what.purpose = purpose;

    if (purpose != WRITER_CHALLENGE_SIGNIN) {
        what.user = job->identity.user;
        memcpy(what.sid, job->identity.sid, sizeof(what.sid));
    }

    keepers_out_init(&state, text, sizeof(text));
    writer_challenge_make(ctx->conf->master_ring, &what, job->now_ms,
                          &challenge, &state);

    writer_passkeys_base64(json, "challenge",
                           keepers_str(challenge.bytes,
                                       sizeof(challenge.bytes)));
    writer_json_key(json, "state");
    writer_json_str(json, keepers_out_written(&state));
    writer_json_key(json, "rp_id");
    writer_json_text(json, ctx->conf->passkey_rp_id);
    writer_json_key(json, "seconds");
    writer_json_uint(json, WRITER_CHALLENGE_LIFE_MS / 1000);
}


/* Those that the account has: a browser looks for one, or makes no second. */
static int
writer_passkeys_ids(writer_context_t *ctx, writer_job_t *job,
    writer_json_t *json)
{
    int                     rc;
    writer_passkeys_list_t  list;

    list.ctx = ctx;
    list.job = job;
    list.json = json;
    list.fault = false;

    writer_json_key(json, "credentials");
    writer_json_array(json);
    rc = writer_store_passkeys(ctx->store, &job->identity.user,
                               writer_passkeys_id, &list);
    writer_json_array_end(json);

    return list.fault ? WRITER_FAULT : rc;
}


static int
writer_passkeys_id(void *data, const writer_store_passkey_t *row)
{
    keepers_str_t            name;
    unsigned char            room[WRITER_PASSKEY_SEALED];
    writer_passkey_t         passkey;
    writer_passkeys_list_t  *list;

    list = data;

    list->fault = !writer_passkey_row_open(list->ctx->conf->master_ring,
                                           &list->job->identity.business, row,
                                           room, &passkey, &name);
    if (list->fault) {
        return 1;
    }

    writer_passkeys_base64(list->json, NULL,
                           keepers_str(passkey.credential,
                                       passkey.credential_len));

    return 0;
}


/* The handle is the account's id: no address, and no other account has it. */
static int
writer_passkeys_user(writer_context_t *ctx, writer_job_t *job,
    writer_json_t *json)
{
    int            rc;
    keepers_out_t  email;
    unsigned char  address[KEEPERS_EMAIL_LEN_MAX];

    keepers_out_init(&email, address, sizeof(address));

    rc = writer_accounts_email(ctx, &job->identity.user, &email);
    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    writer_json_key(json, "user");
    writer_json_map(json);
    writer_passkeys_base64(json, "id",
                           keepers_str(job->identity.user.bytes,
                                       KEEPERS_UUID_LEN));
    writer_json_key(json, "name");
    writer_json_str(json, keepers_out_written(&email));
    writer_json_map_end(json);

    keepers_wipe(address, sizeof(address));

    return WRITER_OK;
}


int
writer_passkeys_list(writer_context_t *ctx, writer_job_t *job,
    writer_json_t *json, uint64_t codes)
{
    int                     rc;
    writer_passkeys_list_t  list;

    list.ctx = ctx;
    list.job = job;
    list.json = json;
    list.codes = codes;
    list.fault = false;

    rc = writer_store_passkeys(ctx->store, &job->identity.user,
                               writer_passkeys_show, &list);

    return list.fault ? WRITER_FAULT : rc;
}


static int
writer_passkeys_show(void *data, const writer_store_passkey_t *row)
{
    char                     id[WRITER_PASSKEY_ID_LEN + 1];
    keepers_str_t            name;
    writer_json_t           *json;
    unsigned char            room[WRITER_PASSKEY_SEALED];
    writer_passkey_t         passkey;
    writer_passkeys_list_t  *list;

    list = data;
    json = list->json;

    list->fault = !writer_passkey_row_open(list->ctx->conf->master_ring,
                                           &list->job->identity.business, row,
                                           room, &passkey, &name);
    if (list->fault) {
        return 1;
    }

    writer_passkey_row_id(row, id);

    writer_json_map(json);
    writer_json_key(json, "kind");
    writer_json_text(json, "passkey");
    writer_json_key(json, "id");
    writer_json_text(json, id);
    writer_json_key(json, "name");
    writer_json_str(json, name);
    writer_json_key(json, "since");
    writer_json_time(json, row->created_ms);
    writer_json_key(json, "used");

    if (row->used_ms == 0) {
        writer_json_null(json);

    } else {
        writer_json_time(json, row->used_ms);
    }

    writer_json_key(json, "recovery_codes");
    writer_json_uint(json, list->codes);
    writer_json_map_end(json);

    return 0;
}


int
writer_passkeys_add(writer_context_t *ctx, writer_job_t *job)
{
    int                     rc;
    char                    name[WRITER_PASSKEY_NAME_MAX + 1];
    writer_passkey_t        passkey;
    writer_challenge_t      challenge;
    writer_store_second_t   second;
    writer_store_passkey_t  row;

    rc = writer_passkeys_room(ctx, job, &second);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    if (!writer_passkeys_take(ctx, job, &passkey, &challenge, name)) {
        return WRITER_OK;
    }

    rc = writer_passkeys_keep(ctx, job, &passkey, &challenge, name, &row);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    return writer_passkeys_made(ctx, job, &row, !second.totp
                                                && second.passkeys == 0);
}


static bool
writer_passkeys_take(writer_context_t *ctx, writer_job_t *job,
    writer_passkey_t *passkey, writer_challenge_t *challenge, char *name)
{
    writer_passkey_e         fault;
    writer_challenge_for_t   what;
    writer_passkey_answer_t  answer;

    writer_command_copy(job, WRITER_FIELD_NAME, name,
                        WRITER_PASSKEY_NAME_MAX + 1);

    if (name[0] == '\0' && job->errors_n == 0) {
        writer_job_error(job, "name", "required");

    } else if (keepers_text_has_control(keepers_str(name, strlen(name)))) {
        writer_job_error(job, "name", "control");
    }

    what.purpose = WRITER_CHALLENGE_ADD;
    what.user = job->identity.user;
    memcpy(what.sid, job->identity.sid, sizeof(what.sid));

    fault = writer_passkey_read(ctx->conf, &what,
                                writer_command_str(job, WRITER_FIELD_PASSKEY),
                                job->now_ms, &answer);

    if (fault == WRITER_PASSKEY_OK) {
        fault = writer_passkey_make(ctx->conf, &answer, passkey);
    }

    if (fault != WRITER_PASSKEY_OK) {
        writer_job_error(job, "passkey", writer_passkey_code(fault));
    }

    *challenge = answer.challenge;

    return job->errors_n == 0;
}


/* NONE: it is not kept, and the problem is set. */
static int
writer_passkeys_keep(writer_context_t *ctx, writer_job_t *job,
    const writer_passkey_t *passkey, const writer_challenge_t *challenge,
    const char *name, writer_store_passkey_t *row)
{
    int  rc;

    rc = writer_store_challenge_use(ctx->store, challenge->bytes,
                                    challenge->asked_ms
                                    + WRITER_CHALLENGE_LIFE_MS, job->now_ms);

    if (rc == WRITER_NONE) {
        writer_job_error(job, "passkey",
                         writer_passkey_code(WRITER_PASSKEY_CHALLENGE));
    }

    if (rc != WRITER_OK) {
        return rc;
    }

    writer_passkey_row_seal(ctx->conf->master_ring, &job->identity.business,
                            &job->identity.user, passkey,
                            keepers_str(name, strlen(name)), job->now_ms,
                            row);

    rc = writer_store_passkey_add(ctx->store, row);

    if (rc == WRITER_NONE) {
        (void) writer_job_problem(job, 409, "enrolled");
    }

    return rc;
}


/* With the first factor of an account come recovery codes. */
static int
writer_passkeys_made(writer_context_t *ctx, writer_job_t *job,
    const writer_store_passkey_t *row, bool first)
{
    int            rc;
    char           id[WRITER_PASSKEY_ID_LEN + 1];
    writer_json_t  json;

    writer_passkey_row_id(row, id);

    writer_json_init(&json, writer_job_out(job));
    writer_json_map(&json);
    writer_json_key(&json, "id");
    writer_json_text(&json, id);

    rc = first ? writer_recovery_renew(ctx, &job->identity.user, &json)
               : WRITER_OK;

    writer_json_map_end(&json);
    job->status = 201;

    if (rc == WRITER_OK) {
        rc = writer_factors_note(ctx, job, "passkey.added", id);
    }

    return writer_json_end(&json) ? rc : WRITER_FAULT;
}


int
writer_passkeys_remove(writer_context_t *ctx, writer_job_t *job)
{
    int  rc;

    if (job->identity.aal < 2) {
        return writer_job_problem(job, 403, "step_up");
    }

    rc = writer_store_passkey_remove(ctx->store, &job->identity.user,
                                     keepers_str(job->subject,
                                                 strlen(job->subject)));

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 404, "not_found");
    }

    if (rc == WRITER_OK) {
        rc = writer_recovery_settle(ctx, &job->identity.user);
    }

    if (rc == WRITER_OK) {
        rc = writer_factors_note(ctx, job, "passkey.removed", job->subject);
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}
