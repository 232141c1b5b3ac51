
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


static ngx_int_t ngx_keepers_signout_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static ngx_int_t ngx_keepers_signout_reply(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_signout_handler(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_keepers_ctx_t  *ctx;

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

    return ngx_keepers_end(r, ctx->tag, &ctx->sid, 1,
                           KEEPERS_METRIC_ENDED_SIGNOUT,
                           ngx_keepers_signout_done, NULL);
}


static ngx_int_t
ngx_keepers_signout_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    if (rc != NGX_OK) {

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
