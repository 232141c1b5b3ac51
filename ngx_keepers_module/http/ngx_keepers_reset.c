
/*
 * Copyright (C) Keepers
 *
 * Whoever comes with the link of a mail sets another password.  A GET shows a
 * form and uses nothing up, for programs open links, too, before people do.  A
 * POST stores the password, signs nobody in, and ends all sessions: a second
 * factor is asked for as before.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_reset.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_ask.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_csrf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_proof.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


typedef struct {
    ngx_keepers_ask_t    ask;
    keepers_str_t        fresh;         /* a view into the body; secret */
} ngx_keepers_reset_t;


static void ngx_keepers_reset_body(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_reset_start(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_reset_limit(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_reset_forward(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_reset_seal(ngx_http_request_t *r,
    keepers_reset_t *reset, keepers_str_t *envelope);
static ngx_int_t ngx_keepers_reset_asked(ngx_http_request_t *r,
    ngx_keepers_ask_t *ask);
static ngx_int_t ngx_keepers_reset_ended(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_reset_wrong(ngx_http_request_t *r,
    keepers_str_t answer);


ngx_int_t
ngx_keepers_reset_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /* with a context, nginx's own messages leave the request line out */

    if (ngx_keepers_ctx_get(r) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_keepers_proof_method(r);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    /*
     * The page is under no-referrer, for its address has the token: so an
     * older browser says "Origin: null".  Whoever sends that from another site
     * has no token; and if they had, they could send it themselves.
     */

    if (ngx_keepers_csrf_origin(r) == NGX_DECLINED
        && !ngx_keepers_csrf_hidden(r))
    {
        ngx_keepers_count(r, CSRF_REFUSED);
        return ngx_keepers_proof_again(r, NGX_HTTP_FORBIDDEN, "csrf");
    }

    return ngx_keepers_proof_read(r, ngx_keepers_reset_body);
}


static void
ngx_keepers_reset_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_keepers_reset_start(r));
}


/* NGX_DONE: Redis or the writer was asked, and goes on with the request. */

static ngx_int_t
ngx_keepers_reset_start(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    keepers_field_t       fields[KEEPERS_RESET_FIELDS];
    keepers_fieldset_t    set;
    ngx_keepers_ctx_t    *ctx;
    ngx_keepers_reset_t  *state;

    keepers_reset_fields(fields, &set);

    rc = ngx_keepers_proof_fields(r, &set);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    ctx = ngx_keepers_ctx_find(r);
    state = ngx_pcalloc(r->pool, sizeof(ngx_keepers_reset_t));

    if (state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->ask.done = ngx_keepers_reset_asked;
    state->ask.data = state;
    ctx->ask = &state->ask;

    if (fields[KEEPERS_RESET_TOKEN].kind == KEEPERS_FIELD_STRING
        && fields[KEEPERS_RESET_TOKEN].value.len
           == KEEPERS_RESET_TOKEN_TEXT_LEN)
    {
        ctx->reset_token = fields[KEEPERS_RESET_TOKEN].value;
    }

    if (fields[KEEPERS_RESET_NEW].kind == KEEPERS_FIELD_STRING) {
        state->fresh = fields[KEEPERS_RESET_NEW].value;
    }

    return ngx_keepers_reset_limit(r, NULL);
}


static ngx_int_t
ngx_keepers_reset_limit(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_int_t  rc;

    rc = ngx_keepers_proof_limit(r, ngx_keepers_reset_limit,
                                 KEEPERS_METRIC_RESET_LIMITED);

    return rc == NGX_AGAIN ? ngx_keepers_reset_forward(r) : rc;
}


static ngx_int_t
ngx_keepers_reset_forward(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    keepers_str_t         envelope;
    keepers_reset_t       reset;
    ngx_keepers_ctx_t    *ctx;
    ngx_keepers_reset_t  *state;

    ctx = ngx_keepers_ctx_find(r);
    state = ctx->ask->data;

    if (!keepers_text_base64url_decode(ctx->reset_token, reset.token,
                                       sizeof(reset.token)))
    {
        return ngx_keepers_reset_ended(r);
    }

    if (state->fresh.len > KEEPERS_PASSWORD_LEN_MAX) {
        keepers_wipe(&reset, sizeof(keepers_reset_t));
        ngx_keepers_count(r, RESET_BAD);
        return ngx_keepers_proof_again(r, 422, "too_long");
    }

    reset.fresh = state->fresh;

    rc = ngx_keepers_reset_seal(r, &reset, &envelope);

    keepers_wipe(&reset, sizeof(keepers_reset_t));

    if (rc != NGX_OK
        || ngx_keepers_ask(r, &state->ask, &ngx_keepers_loc_conf(r)->reset,
                           envelope)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_keepers_reset_seal(ngx_http_request_t *r, keepers_reset_t *reset,
    keepers_str_t *envelope)
{
    u_char         record[KEEPERS_RESET_RECORD_MAX];
    ngx_int_t      rc;
    keepers_out_t  plain;

    reset->asked_ms = ngx_keepers_now_ms();
    ngx_keepers_client_net(r, reset->net);

    keepers_out_init(&plain, record, sizeof(record));
    keepers_reset_encode(reset, &plain);

    rc = ngx_keepers_seal(r, &plain, envelope);

    keepers_wipe(record, sizeof(record));

    return rc;
}


static ngx_int_t
ngx_keepers_reset_asked(ngx_http_request_t *r, ngx_keepers_ask_t *ask)
{
    switch (ask->status) {

    case NGX_HTTP_NO_CONTENT:
        ngx_keepers_count(r, RESET_OK);
        ngx_keepers_ctx_find(r)->reset_token = keepers_str(NULL, 0);
        return ngx_keepers_proof_good(r, "changed");

    case 410:
        return ngx_keepers_reset_ended(r);

    case 422:
        return ngx_keepers_reset_wrong(r, ask->answer);

    default:
        ngx_keepers_count(r, RESET_BUSY);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }
}


/* Used, too old, replaced by another password, never made: all alike. */

static ngx_int_t
ngx_keepers_reset_ended(ngx_http_request_t *r)
{
    ngx_keepers_count(r, RESET_BAD);
    ngx_keepers_ctx_find(r)->reset_token = keepers_str(NULL, 0);

    return ngx_keepers_proof_again(r, 410, "ended");
}


/* The writer's words on the new one: codes, and nothing of what was sent. */

static ngx_int_t
ngx_keepers_reset_wrong(ngx_http_request_t *r, keepers_str_t answer)
{
    ngx_uint_t  i;

    static const char  *codes[] = { "too_short", "too_long", "common",
                                    "named" };

    ngx_keepers_count(r, RESET_BAD);

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {

        if (answer.len != 0
            && ngx_strnstr((u_char *) answer.data, (char *) codes[i],
                           answer.len)
               != NULL)
        {
            return ngx_keepers_proof_again(r, 422, codes[i]);
        }
    }

    return ngx_keepers_proof_again(r, 422, "invalid");
}
