
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


static ngx_int_t ngx_keepers_signout_done(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_signout_reply(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_signout_handler(ngx_http_request_t *r)
{
    u_char               sids[2][KEEPERS_SID_LEN];
    ngx_int_t            rc;
    ngx_keepers_ctx_t   *ctx;
    ngx_keepers_wait_t  *wait;

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

    wait = ngx_keepers_wait_create(r, 1, 32);

    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* with a session that has a successor, who signs out means both */

    ngx_memcpy(sids[0], ctx->sid, KEEPERS_SID_LEN);
    ngx_memcpy(sids[1], ctx->session.successor, KEEPERS_SID_LEN);

    return ngx_keepers_end(r, wait, ngx_keepers_signout_done, ctx->tag, sids,
                           ctx->session.marks & KEEPERS_SESSION_ROTATED
                           ? 2 : 1);
}


static ngx_int_t
ngx_keepers_signout_done(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    if (ngx_keepers_ended(r, wait, KEEPERS_METRIC_ENDED_SIGNOUT) != NGX_OK) {

        /* the cookie stays: it is all that can end the session later */

        return ngx_keepers_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "session_unavailable", 1);
    }

    return ngx_keepers_signout_reply(r);
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
