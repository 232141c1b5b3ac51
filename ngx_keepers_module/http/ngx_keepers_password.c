
/*
 * Copyright (C) Keepers
 *
 * POST of a new password, under a session: current and new to the writer,
 * sealed as a sign-in is.  The writer orders the end of all sessions in the
 * transaction that stores it, and follows that in Redis a moment later, by
 * raising the user's epoch; a session of before that would end with the
 * others.  So the epoch is waited for, and then the caller gets a new one.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_keyring.h"
#include "core/keepers_password.h"
#include "http/ngx_keepers_ask.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_live.h"
#include "http/ngx_keepers_mint.h"
#include "http/ngx_keepers_proof.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


/* The writer looks at its orders at once, and at least each second. */
#define NGX_KEEPERS_PASSWORD_POLL_MS  25
#define NGX_KEEPERS_PASSWORD_POLLS    80


typedef struct {
    ngx_keepers_ask_t     ask;
    ngx_http_request_t   *request;
    ngx_keepers_wait_t   *wait;
    ngx_event_t           timer;
    ngx_uint_t            polls;
} ngx_keepers_password_t;


static void ngx_keepers_password_body(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_password_start(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_password_seal(ngx_http_request_t *r,
    keepers_str_t current, keepers_str_t fresh, keepers_str_t *envelope);
static ngx_int_t ngx_keepers_password_asked(ngx_http_request_t *r,
    ngx_keepers_ask_t *ask);
static ngx_int_t ngx_keepers_password_passed_on(ngx_http_request_t *r,
    ngx_keepers_ask_t *ask);
static ngx_int_t ngx_keepers_password_refuse(ngx_http_request_t *r,
    ngx_uint_t status, const char *reason, ngx_uint_t retry_s);
static ngx_int_t ngx_keepers_password_poll(ngx_http_request_t *r,
    ngx_keepers_password_t *state);
static ngx_int_t ngx_keepers_password_epoch(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_password_later(ngx_http_request_t *r,
    ngx_keepers_password_t *state);
static void ngx_keepers_password_tick(ngx_event_t *ev);
static void ngx_keepers_password_cleanup(void *data);
static ngx_int_t ngx_keepers_password_mint(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_password_minted(ngx_http_request_t *r,
    ngx_keepers_mint_t *mint, ngx_int_t rc);
static ngx_int_t ngx_keepers_password_done(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_password_handler(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);
    ctx = ngx_keepers_ctx_find(r);

    if (r->method != NGX_HTTP_POST) {
        return ngx_keepers_reply_method(r, "POST");
    }

    /* what Redis said earlier is not enough; "satisfy any" is another door */

    if (ctx != NULL
        && ctx->check == NGX_KEEPERS_CHECK_VALID
        && ngx_keepers_check_machine(ctx))
    {
        /* a token has no password */

        return ngx_keepers_reply_problem(r, NGX_HTTP_FORBIDDEN, "role", 0);
    }

    if (ctx == NULL || ctx->check != NGX_KEEPERS_CHECK_VALID) {
        return ctx != NULL && ngx_keepers_check_known(klcf, ctx)
               ? ngx_keepers_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "session_unavailable", 1)
               : ngx_keepers_reply_problem(r, NGX_HTTP_UNAUTHORIZED,
                                           "session_required", 0);
    }

    return ngx_keepers_proof_read(r, ngx_keepers_password_body);
}


static void
ngx_keepers_password_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_keepers_password_start(r));
}


/* NGX_DONE: the writer was asked, and goes on with the request. */

static ngx_int_t
ngx_keepers_password_start(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    keepers_str_t            current, fresh, envelope;
    keepers_field_t          fields[KEEPERS_PASSWORD_FIELDS];
    keepers_fieldset_t       set;
    ngx_keepers_loc_conf_t  *klcf;
    ngx_keepers_password_t  *state;

    klcf = ngx_keepers_loc_conf(r);

    keepers_password_fields(fields, &set);

    rc = ngx_keepers_proof_fields(r, &set);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    state = ngx_pcalloc(r->pool, sizeof(ngx_keepers_password_t));

    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    current = fields[KEEPERS_PASSWORD_CURRENT].value;
    fresh = fields[KEEPERS_PASSWORD_NEW].value;

    if (fields[KEEPERS_PASSWORD_CURRENT].kind != KEEPERS_FIELD_STRING
        || fields[KEEPERS_PASSWORD_NEW].kind != KEEPERS_FIELD_STRING
        || current.len > KEEPERS_PASSWORD_LEN_MAX
        || fresh.len > KEEPERS_PASSWORD_LEN_MAX)
    {
        return ngx_keepers_password_refuse(r, NGX_HTTP_BAD_REQUEST,
                                           "malformed", 0);
    }

    if (ngx_keepers_password_seal(r, current, fresh, &envelope) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* it ends the session that it runs under, and is not to be cut for it */

    ngx_keepers_live_leave(ngx_keepers_ctx_find(r));

    state->request = r;
    state->ask.done = ngx_keepers_password_asked;
    state->ask.data = state;

    return ngx_keepers_ask(r, &state->ask, &klcf->password, envelope) == NGX_OK
           ? NGX_DONE : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_keepers_password_seal(ngx_http_request_t *r, keepers_str_t current,
    keepers_str_t fresh, keepers_str_t *envelope)
{
    u_char              record[KEEPERS_PASSWORD_RECORD_MAX];
    ngx_int_t           rc;
    keepers_out_t       plain;
    keepers_password_t  password;

    password.asked_ms = ngx_keepers_now_ms();
    ngx_keepers_client_net(r, password.net);
    password.user = ngx_keepers_ctx_find(r)->session.user;
    password.current = current;
    password.fresh = fresh;

    keepers_out_init(&plain, record, sizeof(record));
    keepers_password_encode(&password, &plain);

    rc = ngx_keepers_seal(r, &plain, envelope);

    keepers_wipe(record, sizeof(record));

    return rc;
}


static ngx_int_t
ngx_keepers_password_asked(ngx_http_request_t *r, ngx_keepers_ask_t *ask)
{
    switch (ask->status) {

    case NGX_HTTP_NO_CONTENT:
        return ngx_keepers_password_poll(r, ask->data);

    case NGX_HTTP_FORBIDDEN:
        return ngx_keepers_password_refuse(r, ask->status, "password", 0);

    case NGX_HTTP_CONFLICT:
        return ngx_keepers_password_refuse(r, ask->status, "changed", 0);

    case 422:
        return ngx_keepers_password_passed_on(r, ask);

    default:
        return ngx_keepers_password_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "busy", 2);
    }
}


/* The writer's words on the new one: codes, and nothing of what was sent. */

static ngx_int_t
ngx_keepers_password_passed_on(ngx_http_request_t *r, ngx_keepers_ask_t *ask)
{
    ngx_keepers_ctx_find(r)->reason = "invalid";

    if (ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, ask->status, "application/problem+json",
                                  ask->answer);
}


static ngx_int_t
ngx_keepers_password_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason, ngx_uint_t retry_s)
{
    ngx_keepers_ctx_find(r)->reason = reason;

    return ngx_keepers_reply_problem(r, status, reason, retry_s);
}


static ngx_int_t
ngx_keepers_password_poll(ngx_http_request_t *r,
    ngx_keepers_password_t *state)
{
    u_char              text[NGX_KEEPERS_KEY_LEN];
    keepers_out_t       key;
    keepers_str_t       argv[2];
    ngx_http_cleanup_t  *cln;

    if (state->wait == NULL) {
        state->wait = ngx_keepers_wait_create(r, 1, 32);
        cln = ngx_http_cleanup_add(r, 0);

        if (state->wait == NULL || cln == NULL) {
            return ngx_keepers_password_done(r);
        }

        state->wait->data = state;
        state->timer.handler = ngx_keepers_password_tick;
        state->timer.data = state;
        state->timer.log = r->connection->log;

        cln->handler = ngx_keepers_password_cleanup;
        cln->data = state;
    }

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(ngx_keepers_main_conf(r),
                          ngx_keepers_ctx_find(r)->tag, "e", NULL, &key);

    argv[0] = keepers_str("GET", 3);
    argv[1] = keepers_out_written(&key);

    return ngx_keepers_wait_command(state->wait, NGX_KEEPERS_WAIT_HANDLER,
                                    ngx_keepers_password_epoch, argv, 2)
           == NGX_AGAIN ? NGX_DONE : ngx_keepers_password_later(r, state);
}


static ngx_int_t
ngx_keepers_password_epoch(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    uint32_t                          epoch;
    const ngx_keepers_redis_value_t  *value;

    value = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_STRING);

    if (value != NULL
        && ngx_keepers_check_epoch(value, &epoch) == NGX_OK
        && epoch != ngx_keepers_ctx_find(r)->session.epoch)
    {
        return ngx_keepers_password_mint(r);
    }

    return ngx_keepers_password_later(r, wait->data);
}


/* A client that leaves meanwhile frees its place, as in ngx_keepers_wait.c. */

static ngx_int_t
ngx_keepers_password_later(ngx_http_request_t *r,
    ngx_keepers_password_t *state)
{
    if (++state->polls > NGX_KEEPERS_PASSWORD_POLLS) {
        return ngx_keepers_password_done(r);
    }

    r->read_event_handler = ngx_http_test_reading;
    r->main->count++;

    ngx_add_timer(&state->timer, NGX_KEEPERS_PASSWORD_POLL_MS);

    return NGX_DONE;
}


static void
ngx_keepers_password_tick(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_keepers_password_t  *state;

    state = ev->data;
    r = state->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;

    ngx_http_finalize_request(r, ngx_keepers_password_poll(r, state));

    ngx_http_run_posted_requests(c);
}


static void
ngx_keepers_password_cleanup(void *data)
{
    ngx_keepers_password_t  *state;

    state = data;

    if (state->timer.timer_set) {
        ngx_del_timer(&state->timer);
    }
}


/*
 * As a sign-in: whoever knew the password has proved who this is.  No code was
 * asked for, so a second factor is to be proved again where it is wanted.
 */

static ngx_int_t
ngx_keepers_password_mint(ngx_http_request_t *r)
{
    ngx_keepers_mint_t  *mint;

    mint = ngx_keepers_secret_alloc(r, sizeof(ngx_keepers_mint_t));

    if (mint == NULL) {
        return ngx_keepers_password_done(r);
    }

    ngx_memzero(mint, sizeof(ngx_keepers_mint_t));

    mint->session = ngx_keepers_ctx_find(r)->session;
    mint->session.aal = 1;
    mint->session.marks = 0;
    mint->done = ngx_keepers_password_minted;

    return ngx_keepers_mint(r, mint);
}


static ngx_int_t
ngx_keepers_password_minted(ngx_http_request_t *r, ngx_keepers_mint_t *mint,
    ngx_int_t rc)
{
    if (rc == NGX_OK && ngx_keepers_mint_cookie(r, mint) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_password_done(r);
}


/*
 * The password has changed, with or without a new session: who has none signs
 * in with it.
 */

static ngx_int_t
ngx_keepers_password_done(ngx_http_request_t *r)
{
    if (ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, NGX_HTTP_NO_CONTENT, NULL,
                                  keepers_str(NULL, 0));
}
