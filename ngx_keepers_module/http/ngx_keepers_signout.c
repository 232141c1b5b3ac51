
/*
 * Copyright (C) Keepers
 *
 * POST /signout.  A GET does nothing: a link must not sign anyone out.
 */


#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_end.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_unseal.h"


/*
 * Proofs that may have been given while a sign-out was under way, or in the
 * seconds before it.
 */
#define NGX_KEEPERS_SIGNOUT_STEPS  8


typedef struct {
    u_char       sid[KEEPERS_SID_LEN];      /* to be ended */
    ngx_uint_t   steps;
} ngx_keepers_signout_t;


static ngx_int_t ngx_keepers_signout_end(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_signout_done(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_uint_t ngx_keepers_signout_replaced(ngx_http_request_t *r,
    const ngx_keepers_ctx_t *ctx, ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_signout_reply(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_signout_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_keepers_ctx_t      *ctx;
    ngx_keepers_wait_t     *wait;
    ngx_keepers_signout_t  *state;

    if (r->method != NGX_HTTP_POST) {
        return ngx_keepers_reply_method(r, "POST");
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->check == NGX_KEEPERS_CHECK_ERROR) {
        return ngx_keepers_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "session_unavailable", 1);
    }

    /* nothing would have ended, whatever the browser forgets */

    if (ctx->several) {
        return ngx_keepers_reply_problem(r, NGX_HTTP_CONFLICT,
                                         "duplicate_cookie", 0);
    }

    if (!ngx_keepers_check_known(ngx_keepers_loc_conf(r), ctx)) {
        return ngx_keepers_signout_reply(r);
    }

    if (ngx_keepers_check_machine(ctx)) {
        return ngx_keepers_reply_problem(r, NGX_HTTP_FORBIDDEN, "role", 0);
    }

    wait = ngx_keepers_wait_create(r, 1, KEEPERS_SESSION_ROTATED_SEALED_LEN);
    state = ngx_pcalloc(r->pool, sizeof(ngx_keepers_signout_t));

    if (wait == NULL || state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(state->sid, ctx->sid, KEEPERS_SID_LEN);
    wait->data = state;

    return ngx_keepers_signout_end(r, wait);
}


static ngx_int_t
ngx_keepers_signout_end(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_signout_t  *state;

    state = wait->data;

    return ngx_keepers_end_take(r, wait, ngx_keepers_signout_done,
                                ngx_keepers_ctx_find(r)->tag, state->sid);
}


/*
 * With a session that has a successor, who signs out means both, also if it has
 * got that only since it was looked up: what stood there when it ended says so.
 */

static ngx_int_t
ngx_keepers_signout_done(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    const ngx_keepers_redis_value_t  *value;

    if (wait->rc == NGX_DECLINED) {
        return ngx_keepers_signout_reply(r);
    }

    value = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_STRING);

    if (value == NULL
        || (value->string.len != KEEPERS_SESSION_SEALED_LEN
            && value->string.len != KEEPERS_SESSION_ROTATED_SEALED_LEN))
    {

        /* the cookie stays: it is all that can end the session later */

        return ngx_keepers_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "session_unavailable", 1);
    }

    ngx_keepers_count(r, ENDED_SIGNOUT);

    return ngx_keepers_signout_replaced(r, ngx_keepers_ctx_find(r), wait)
           ? ngx_keepers_signout_end(r, wait) : ngx_keepers_signout_reply(r);
}


/* Is there a successor, which is to be ended next? */

static ngx_uint_t
ngx_keepers_signout_replaced(ngx_http_request_t *r,
    const ngx_keepers_ctx_t *ctx, ngx_keepers_wait_t *wait)
{
    u_char                    text[NGX_KEEPERS_KEY_LEN];
    keepers_out_t             key;
    keepers_str_t             sealed;
    keepers_session_t         session;
    ngx_keepers_signout_t    *state;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    state = wait->data;
    sealed = wait->reply.values[0].string;

    if (sealed.len != KEEPERS_SESSION_ROTATED_SEALED_LEN
        || state->steps++ == NGX_KEEPERS_SIGNOUT_STEPS)
    {
        return 0;
    }

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(kmcf, ctx->tag, "s:", state->sid, &key);

    if (ngx_keepers_unseal_any(kmcf, keepers_out_written(&key), sealed,
                               &session)
        != NGX_OK)
    {
        return 0;
    }

    ngx_memcpy(state->sid, session.successor, KEEPERS_SID_LEN);

    return 1;
}


static ngx_int_t
ngx_keepers_signout_reply(ngx_http_request_t *r)
{
    ngx_str_t                location, clear;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    ngx_str_set(&clear, "\"storage\"");
    ngx_str_set(&location, "/");

    if (klcf->signin_url.len != 0) {
        location = klcf->signin_url;
    }

    if (ngx_keepers_reply_cookie(r, keepers_str(NULL, 0), 0) != NGX_OK
        || ngx_keepers_reply_header(r, "Clear-Site-Data", clear) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_redirect(r, NGX_HTTP_SEE_OTHER, location);
}
