
/*
 * Copyright (C) Keepers
 *
 * POST of a step-up: the password, a code or a passkey's answer of who has a
 * session, to the writer, sealed; then a new session in the place of the old.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_step_up.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_ask.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_page.h"
#include "http/ngx_keepers_proof.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_rotate.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


typedef struct {
    ngx_keepers_ask_t    ask;
    ngx_str_t            next;
} ngx_keepers_step_up_t;


static void ngx_keepers_step_up_body(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_step_up_start(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_step_up_seal(ngx_http_request_t *r,
    const keepers_field_t *fields, keepers_str_t *envelope);
static keepers_str_t ngx_keepers_step_up_value(const keepers_field_t *field);
static ngx_int_t ngx_keepers_step_up_asked(ngx_http_request_t *r,
    ngx_keepers_ask_t *ask);
static ngx_int_t ngx_keepers_step_up_who(keepers_str_t answer,
    keepers_session_t *session);
static ngx_int_t ngx_keepers_step_up_rotated(ngx_http_request_t *r,
    ngx_keepers_mint_t *mint, ngx_int_t rc);
static ngx_int_t ngx_keepers_step_up_on(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_step_up_handler(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);
    ctx = ngx_keepers_ctx_find(r);

    if ((r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) && klcf->page != NULL) {
        return ngx_keepers_page_handler(r);
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_keepers_reply_method(r, klcf->page != NULL
                                           ? "GET, HEAD, POST" : "POST");
    }

    if (ctx != NULL && (ctx->check == NGX_KEEPERS_CHECK_STALE
                        || ctx->check == NGX_KEEPERS_CHECK_ERROR))
    {
        /* Redis is away, and could not take a new session */
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    if (ctx == NULL || ctx->check != NGX_KEEPERS_CHECK_VALID) {
        /* "satisfy any": another door than a session was open */
        return ngx_keepers_reply_problem(r, NGX_HTTP_UNAUTHORIZED,
                                         "session_required", 0);
    }

    if (ngx_keepers_check_machine(ctx)) {

        /* a token proves nothing of a person */

        return ngx_keepers_reply_problem(r, NGX_HTTP_FORBIDDEN, "role", 0);
    }

    return ngx_keepers_proof_read(r, ngx_keepers_step_up_body);
}


static void
ngx_keepers_step_up_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_keepers_step_up_start(r));
}


/* NGX_DONE: the writer was asked, and goes on with the request. */

static ngx_int_t
ngx_keepers_step_up_start(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    keepers_str_t           envelope;
    keepers_field_t         fields[KEEPERS_STEP_UP_FIELDS];
    keepers_fieldset_t      set;
    ngx_keepers_step_up_t  *state;

    keepers_step_up_fields(fields, &set);

    rc = ngx_keepers_proof_fields(r, &set);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    state = ngx_pcalloc(r->pool, sizeof(ngx_keepers_step_up_t));

    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->next = ngx_keepers_proof_next(r,
                                         fields[KEEPERS_STEP_UP_NEXT].value);

    rc = ngx_keepers_step_up_seal(r, fields, &envelope);

    if (rc == NGX_DECLINED) {
        ngx_keepers_count(r, STEP_UP_BAD);
        return ngx_keepers_proof_again(r, NGX_HTTP_UNAUTHORIZED,
                                       "credentials");
    }

    state->ask.done = ngx_keepers_step_up_asked;
    state->ask.data = state;

    if (rc != NGX_OK
        || ngx_keepers_ask(r, &state->ask, &ngx_keepers_loc_conf(r)->step_up,
                           envelope)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


/* NGX_DECLINED: nothing that could be a proof. */

static ngx_int_t
ngx_keepers_step_up_seal(ngx_http_request_t *r, const keepers_field_t *fields,
    keepers_str_t *envelope)
{
    u_char             record[KEEPERS_STEP_UP_RECORD_MAX];
    ngx_int_t          rc;
    keepers_out_t      plain;
    keepers_step_up_t  step_up;

    ngx_memzero(&step_up, sizeof(keepers_step_up_t));

    step_up.asked_ms = ngx_keepers_now_ms();
    step_up.user = ngx_keepers_ctx_find(r)->session.user;
    step_up.password = ngx_keepers_step_up_value(
                                          &fields[KEEPERS_STEP_UP_PASSWORD]);
    step_up.code = keepers_text_trim(ngx_keepers_step_up_value(
                                             &fields[KEEPERS_STEP_UP_CODE]));
    step_up.passkey = ngx_keepers_step_up_value(
                                           &fields[KEEPERS_STEP_UP_PASSKEY]);
    ngx_memcpy(step_up.sid, ngx_keepers_ctx_find(r)->sid,
               sizeof(step_up.sid));
    ngx_keepers_client_net(r, step_up.net);

    if ((step_up.password.len == 0 && step_up.code.len == 0
         && step_up.passkey.len == 0)
        || step_up.password.len > KEEPERS_PASSWORD_LEN_MAX
        || step_up.code.len > KEEPERS_CODE_LEN_MAX
        || step_up.passkey.len > KEEPERS_PASSKEY_LEN_MAX)
    {
        return NGX_DECLINED;
    }

    keepers_out_init(&plain, record, sizeof(record));
    keepers_step_up_encode(&step_up, &plain);

    rc = ngx_keepers_seal(r, &plain, envelope);

    keepers_wipe(record, sizeof(record));

    return rc;
}


static keepers_str_t
ngx_keepers_step_up_value(const keepers_field_t *field)
{
    return field->kind == KEEPERS_FIELD_STRING ? field->value
                                               : keepers_str(NULL, 0);
}


static ngx_int_t
ngx_keepers_step_up_asked(ngx_http_request_t *r, ngx_keepers_ask_t *ask)
{
    ngx_keepers_mint_t  *mint;

    if (ask->status == NGX_HTTP_UNAUTHORIZED) {
        ngx_keepers_count(r, STEP_UP_BAD);
        return ngx_keepers_proof_again(r, NGX_HTTP_UNAUTHORIZED,
                                       "credentials");
    }

    if (ask->status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_keepers_count(r, STEP_UP_BUSY);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    mint = ngx_keepers_secret_alloc(r, sizeof(ngx_keepers_mint_t));

    if (mint == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(mint, sizeof(ngx_keepers_mint_t));

    mint->session = ngx_keepers_ctx_find(r)->session;
    mint->done = ngx_keepers_step_up_rotated;

    if (ask->status != NGX_HTTP_OK
        || ngx_keepers_step_up_who(ask->answer, &mint->session) != NGX_OK)
    {
        ngx_keepers_count(r, STEP_UP_ERROR);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    return ngx_keepers_rotate(r, mint);
}


/* Role and aal as the writer has them now; user and business cannot change. */

static ngx_int_t
ngx_keepers_step_up_who(keepers_str_t answer, keepers_session_t *session)
{
    keepers_session_t  who;

    ngx_memzero(&who, sizeof(keepers_session_t));

    if (ngx_keepers_proof_who(answer, &who) != NGX_OK
        || ngx_memcmp(&who.user, &session->user, sizeof(keepers_uuid_t)) != 0
        || ngx_memcmp(&who.business, &session->business,
                      sizeof(keepers_uuid_t))
           != 0)
    {
        return NGX_ERROR;
    }

    session->role = who.role;
    session->aal = who.aal;
    session->authenticated_ms = ngx_keepers_now_ms();

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_step_up_rotated(ngx_http_request_t *r, ngx_keepers_mint_t *mint,
    ngx_int_t rc)
{
    if (rc == NGX_DECLINED) {

        /* a second press was quicker, and has the new cookie */

        ngx_keepers_count(r, ROTATED_REFUSED);

        return ngx_keepers_body_type(r) == NGX_KEEPERS_BODY_JSON
               ? ngx_keepers_reply_problem(r, NGX_HTTP_CONFLICT, "rotated", 1)
               : ngx_keepers_step_up_on(r);
    }

    if (rc != NGX_OK) {
        ngx_keepers_count(r, STEP_UP_ERROR);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    if (ngx_keepers_mint_cookie(r, mint) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_keepers_count(r, STEP_UP_OK);

    return ngx_keepers_step_up_on(r);
}


/* A form leads on; a script, which asked in JSON, stays where it is. */

static ngx_int_t
ngx_keepers_step_up_on(ngx_http_request_t *r)
{
    ngx_keepers_step_up_t  *state;

    if (ngx_keepers_body_type(r) != NGX_KEEPERS_BODY_JSON) {
        state = ngx_keepers_ctx_find(r)->ask->data;

        return ngx_keepers_reply_redirect(r, NGX_HTTP_SEE_OTHER, state->next);
    }

    if (ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, NGX_HTTP_NO_CONTENT, NULL,
                                  keepers_str(NULL, 0));
}
