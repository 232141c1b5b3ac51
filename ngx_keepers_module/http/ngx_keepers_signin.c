
/*
 * Copyright (C) Keepers
 *
 * POST /signin: e-mail and password (and code) to the writer, sealed; then a
 * session, one Set-Cookie and 303; else the page again with one generic
 * answer.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_signin.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_ask.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_claim.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_csrf.h"
#include "http/ngx_keepers_device.h"
#include "http/ngx_keepers_end.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_mint.h"
#include "http/ngx_keepers_proof.h"
#include "http/ngx_keepers_remember.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_rivals.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


typedef struct {
    ngx_keepers_ask_t    ask;
    keepers_signin_t     signin;        /* views into the body */
    ngx_str_t            next;
    ngx_uint_t           remember;
} ngx_keepers_signin_t;


static void ngx_keepers_signin_body(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_signin_start(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_signin_fields_read(ngx_http_request_t *r,
    keepers_field_t *fields, keepers_signin_t *signin);
static ngx_int_t ngx_keepers_signin_limit(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_signin_forward(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_signin_seal(ngx_http_request_t *r,
    const keepers_signin_t *signin, keepers_str_t *envelope);
static ngx_int_t ngx_keepers_signin_asked(ngx_http_request_t *r,
    ngx_keepers_ask_t *ask);
static ngx_int_t ngx_keepers_signin_minted(ngx_http_request_t *r,
    ngx_keepers_mint_t *mint, ngx_int_t rc);
static void ngx_keepers_signin_drop(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_signin_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_keepers_proof_method(r);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    /*
     * Signing someone in to a stranger's account is an attack too.  A client
     * that says neither Sec-Fetch-Site nor Origin is no browser.
     */

    if (ngx_keepers_csrf_origin(r) == NGX_DECLINED) {
        ngx_keepers_count(r, CSRF_REFUSED);
        return ngx_keepers_proof_again(r, NGX_HTTP_FORBIDDEN, "csrf");
    }

    return ngx_keepers_proof_read(r, ngx_keepers_signin_body);
}


static void
ngx_keepers_signin_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_keepers_signin_start(r));
}


/* NGX_DONE: Redis or the writer was asked, and goes on with the request. */

static ngx_int_t
ngx_keepers_signin_start(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    keepers_field_t           fields[KEEPERS_SIGNIN_FIELDS];
    keepers_fieldset_t        set;
    ngx_keepers_ctx_t        *ctx;
    ngx_keepers_signin_t     *state;

    keepers_signin_fields(fields, &set);

    rc = ngx_keepers_proof_fields(r, &set);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    ctx = ngx_keepers_ctx_get(r);
    state = ngx_pcalloc(r->pool, sizeof(ngx_keepers_signin_t));

    if (ctx == NULL || state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->ask.done = ngx_keepers_signin_asked;
    state->ask.data = state;
    ctx->ask = &state->ask;

    state->next = ngx_keepers_proof_next(r,
                                         fields[KEEPERS_SIGNIN_NEXT].value);
    state->remember = ngx_keepers_remember_asked(r,
                                         &fields[KEEPERS_SIGNIN_REMEMBER]);

    if (ngx_keepers_signin_fields_read(r, fields, &state->signin) != NGX_OK) {
        ngx_keepers_count(r, SIGNIN_BAD);
        return ngx_keepers_proof_again(r, NGX_HTTP_UNAUTHORIZED,
                                       "credentials");
    }

    if (ngx_keepers_device_read(r, ctx, state->signin.email) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_signin_limit(r, NULL);
}


/*
 * Before the writer hashes anything, and before it is known whether there is
 * such an account: what is refused here says nothing of either.
 */

static ngx_int_t
ngx_keepers_signin_limit(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_int_t  rc;

    rc = ngx_keepers_proof_limit(r, ngx_keepers_signin_limit,
                                 KEEPERS_METRIC_SIGNIN_LIMITED);

    return rc == NGX_AGAIN ? ngx_keepers_signin_forward(r) : rc;
}


static ngx_int_t
ngx_keepers_signin_forward(ngx_http_request_t *r)
{
    keepers_str_t          envelope;
    ngx_keepers_signin_t  *state;

    state = ngx_keepers_ctx_find(r)->ask->data;

    if (ngx_keepers_signin_seal(r, &state->signin, &envelope) != NGX_OK
        || ngx_keepers_ask(r, &state->ask, &ngx_keepers_loc_conf(r)->signin,
                           envelope)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


/* What cannot be an account is answered as a wrong password is. */

static ngx_int_t
ngx_keepers_signin_fields_read(ngx_http_request_t *r, keepers_field_t *fields,
    keepers_signin_t *signin)
{
    ngx_memzero(signin, sizeof(keepers_signin_t));

    signin->asked_ms = ngx_keepers_now_ms();
    ngx_keepers_client_net(r, signin->net);

    if (fields[KEEPERS_SIGNIN_EMAIL].kind != KEEPERS_FIELD_STRING
        || fields[KEEPERS_SIGNIN_PASSWORD].kind != KEEPERS_FIELD_STRING)
    {
        return NGX_DECLINED;
    }

    signin->email = keepers_text_trim(fields[KEEPERS_SIGNIN_EMAIL].value);
    signin->password = fields[KEEPERS_SIGNIN_PASSWORD].value;

    if (fields[KEEPERS_SIGNIN_CODE].kind == KEEPERS_FIELD_STRING) {
        signin->code = keepers_text_trim(fields[KEEPERS_SIGNIN_CODE].value);
    }

    if (fields[KEEPERS_SIGNIN_PASSKEY].kind == KEEPERS_FIELD_STRING) {
        signin->passkey = fields[KEEPERS_SIGNIN_PASSKEY].value;
    }

    if (signin->email.len == 0
        || signin->email.len > KEEPERS_EMAIL_LEN_MAX
        || signin->password.len == 0
        || signin->password.len > KEEPERS_PASSWORD_LEN_MAX
        || signin->code.len > KEEPERS_CODE_LEN_MAX
        || signin->passkey.len > KEEPERS_PASSKEY_LEN_MAX)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_signin_seal(ngx_http_request_t *r, const keepers_signin_t *signin,
    keepers_str_t *envelope)
{
    u_char         record[KEEPERS_SIGNIN_RECORD_MAX];
    ngx_int_t      rc;
    keepers_out_t  plain;

    keepers_out_init(&plain, record, sizeof(record));
    keepers_signin_encode(signin, &plain);

    rc = ngx_keepers_seal(r, &plain, envelope);

    keepers_wipe(record, sizeof(record));

    return rc;
}


static ngx_int_t
ngx_keepers_signin_asked(ngx_http_request_t *r, ngx_keepers_ask_t *ask)
{
    ngx_keepers_mint_t    *mint;
    ngx_keepers_signin_t  *state;

    if (ask->status == NGX_HTTP_UNAUTHORIZED) {
        ngx_keepers_count(r, SIGNIN_BAD);
        return ngx_keepers_proof_again(r, NGX_HTTP_UNAUTHORIZED,
                                       "credentials");
    }

    if (ask->status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_keepers_count(r, SIGNIN_BUSY);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    mint = ngx_keepers_secret_alloc(r, sizeof(ngx_keepers_mint_t));

    if (mint == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(mint, sizeof(ngx_keepers_mint_t));

    if (ask->status != NGX_HTTP_OK
        || ngx_keepers_proof_who(ask->answer, &mint->session) != NGX_OK)
    {
        ngx_keepers_count(r, SIGNIN_ERROR);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    mint->done = ngx_keepers_signin_minted;
    state = ask->data;

    if (state->remember) {
        ngx_keepers_remember(r, mint);
    }

    return ngx_keepers_mint(r, mint);
}


/* Signed in only once Redis has the session: else the cookie leads nowhere. */

static ngx_int_t
ngx_keepers_signin_minted(ngx_http_request_t *r, ngx_keepers_mint_t *mint,
    ngx_int_t rc)
{
    ngx_keepers_ctx_t     *ctx;
    ngx_keepers_signin_t  *state;

    if (rc != NGX_OK) {
        ngx_keepers_count(r, SIGNIN_ERROR);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    if (ngx_keepers_mint_cookie(r, mint) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ngx_keepers_device_remember(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_keepers_signin_drop(r);
    ngx_keepers_count(r, SIGNIN_OK);

    state = ctx->ask->data;

    return ngx_keepers_reply_redirect(r, NGX_HTTP_SEE_OTHER, state->next);
}


/*
 * A session that the browser came with ends: a sign-in leaves no sibling.  It
 * need not be looked up, for nobody else can have its token.  Of several, as
 * many end as would be looked up: what kept their owner out does so no more.
 */

static void
ngx_keepers_signin_drop(ngx_http_request_t *r)
{
    ngx_uint_t            i, n;
    ngx_keepers_ctx_t    *ctx;
    ngx_keepers_claim_t   claims[NGX_KEEPERS_RIVALS_MAX];

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL) {
        return;
    }

    n = ngx_keepers_claim_cookies(r, ngx_keepers_loc_conf(r), ctx, claims,
                                  NGX_KEEPERS_RIVALS_MAX);

    for (i = 0; i < ngx_min(n, NGX_KEEPERS_RIVALS_MAX); i++) {
        ngx_keepers_end_send(ngx_keepers_main_conf(r), claims[i].tag,
                             claims[i].sids, claims[i].n,
                             KEEPERS_METRIC_ENDED_ROTATED);
    }
}
