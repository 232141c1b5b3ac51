
/*
 * Copyright (C) Keepers
 *
 * The access phase: limits, then the session, then limits on who it is; and
 * the guard for subrequests, in which nginx skips the access phase.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_token.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_compat.h"
#include "http/ngx_keepers_csrf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_live.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_remember.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_RETRY_S  1

#define NGX_KEEPERS_CHALLENGE_LEN  128


static ngx_int_t ngx_keepers_access_session(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx);
static ngx_int_t ngx_keepers_access_proofs(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx);
static ngx_int_t ngx_keepers_access_challenge(ngx_http_request_t *r);
static const char *ngx_keepers_access_lacks(ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx);
static ngx_inline ngx_uint_t ngx_keepers_access_weak(ngx_http_request_t *r,
    const ngx_keepers_loc_conf_t *klcf, const ngx_keepers_ctx_t *ctx);
static ngx_int_t ngx_keepers_access_known(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx);
static ngx_int_t ngx_keepers_access_marked(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx) keepers_rare;
static ngx_int_t ngx_keepers_access_unknown(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx);
static ngx_int_t ngx_keepers_access_step_up(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx);
static ngx_uint_t ngx_keepers_access_page(ngx_http_request_t *r,
    const ngx_str_t *url);
static ngx_int_t ngx_keepers_access_redirect(ngx_http_request_t *r,
    ngx_str_t url);


ngx_int_t
ngx_keepers_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    if (klcf->session == NGX_KEEPERS_SESSION_OFF && klcf->limits == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (klcf->limits != NULL) {
        rc = ngx_keepers_limit_check(r, NGX_KEEPERS_LIMIT_EARLY, NULL);

        if (rc == NGX_AGAIN && klcf->session != NGX_KEEPERS_SESSION_OFF) {

            /* the lookup leaves with the limits, in one write */

            (void) ngx_keepers_check(r, klcf, ctx);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (klcf->session == NGX_KEEPERS_SESSION_OFF) {
        return NGX_DECLINED;
    }

    rc = ngx_keepers_access_session(r, klcf, ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    if (klcf->limits != NULL && klcf->limit_session) {
        rc = ngx_keepers_limit_check(r, NGX_KEEPERS_LIMIT_SESSION, NULL);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* with "satisfy any", only a session that is required may open a door */

    return klcf->session == NGX_KEEPERS_SESSION_REQUIRED ? NGX_OK
                                                         : NGX_DECLINED;
}


/*
 * A subrequest (SSI, mirror, addition, auth_request) shows a protected
 * location only under a session that its main request has proved.
 */

ngx_int_t
ngx_keepers_guard_handler(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_loc_conf_t  *klcf;

    if (r == r->main) {

        /* the last of ours before a proxy reads the body */

        ngx_keepers_residue_preread(r);

        return NGX_DECLINED;
    }

    klcf = ngx_keepers_loc_conf(r);

    if (klcf->session != NGX_KEEPERS_SESSION_REQUIRED) {
        return NGX_DECLINED;
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx != NULL && ngx_keepers_check_known(klcf, ctx)) {

        if (ngx_keepers_access_lacks(klcf, ctx) == NULL
            && !ngx_keepers_access_weak(r, klcf, ctx))
        {
            return NGX_DECLINED;
        }

    } else if (ctx != NULL
               && (ctx->check == NGX_KEEPERS_CHECK_ERROR
                   || ctx->check == NGX_KEEPERS_CHECK_STALE))
    {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_keepers_log(NGX_LOG_WARN, r,
                    "a subrequest into a protected location was refused");

    return NGX_HTTP_FORBIDDEN;
}


static ngx_int_t
ngx_keepers_access_session(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->bearers != 0 && ctx->cookies != NULL) {
        return ngx_keepers_access_proofs(r, ctx);
    }

    rc = ngx_keepers_check(r, klcf, ctx);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ctx->check) {

    case NGX_KEEPERS_CHECK_VALID:
    case NGX_KEEPERS_CHECK_STALE:
        return ngx_keepers_access_known(r, klcf, ctx);

    case NGX_KEEPERS_CHECK_ERROR:

        if (klcf->session == NGX_KEEPERS_SESSION_OPTIONAL) {
            return NGX_OK;
        }

        return ngx_keepers_reply_refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                        "session_unavailable",
                                        NGX_KEEPERS_RETRY_S);

    default:

        if (klcf->session == NGX_KEEPERS_SESSION_OPTIONAL) {
            return NGX_OK;
        }

        return ngx_keepers_access_unknown(r, klcf, ctx);
    }
}


/*
 * Two proofs of who it is: choosing either would be a guess, and what a
 * browser adds by itself must not ride on a token.  (Of two tokens nginx has
 * refused the second; where its page of errors is protected neither counts.)
 */

static ngx_int_t
ngx_keepers_access_proofs(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    ctx->reason = "cookie_and_token";

    ngx_keepers_log(NGX_LOG_INFO, r, "refused: %s", ctx->reason);

    return ngx_keepers_reply_refuse(r, NGX_HTTP_BAD_REQUEST, ctx->reason, 0);
}


/* The code of what a valid session lacks here, or NULL. */

static const char *
ngx_keepers_access_lacks(ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx)
{
    if (klcf->roles != 0
        && !(klcf->roles & ((ngx_uint_t) 1 << ctx->session.role)))
    {
        return "role";
    }

    return NULL;
}


/* Whether this location wants a stronger or a newer proof, or one from here. */

static ngx_inline ngx_uint_t
ngx_keepers_access_weak(ngx_http_request_t *r,
    const ngx_keepers_loc_conf_t *klcf, const ngx_keepers_ctx_t *ctx)
{
    if (!klcf->proof) {
        return 0;
    }

    if (ctx->session.aal < klcf->aal) {
        return 1;
    }

    if (klcf->bind != 0
        && !ngx_keepers_check_machine(ctx)
        && ngx_keepers_client_changed(r, &ctx->session) & klcf->bind)
    {
        return 1;
    }

    return klcf->fresh_ms != 0
           && !keepers_session_fresh(&ctx->session, klcf->fresh_ms,
                                     ngx_keepers_now_ms());
}


static ngx_int_t
ngx_keepers_access_known(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    ngx_int_t    rc;
    const char  *lacks;

    if (ctx->session.marks != 0) {
        rc = ngx_keepers_access_marked(r, klcf, ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    lacks = ngx_keepers_access_lacks(klcf, ctx);

    if (lacks == NULL && ngx_keepers_access_weak(r, klcf, ctx)) {

        if (!ngx_keepers_check_machine(ctx)) {
            return ngx_keepers_access_step_up(r, klcf, ctx);
        }

        /* a token is no second factor, and nobody gives it a newer proof */

        lacks = "step_up";
    }

    if (lacks == NULL
        && klcf->csrf
        && !ngx_keepers_check_machine(ctx)      /* no browser sends it */
        && !ctx->csrf_passed
        && ngx_keepers_csrf_unsafe(r))
    {
        if (ngx_keepers_csrf_check(r, ctx) == NGX_OK) {
            ctx->csrf_passed = 1;

        } else {
            lacks = "csrf";
            ngx_keepers_count(r, CSRF_REFUSED);
        }
    }

    if (lacks == NULL) {
        ngx_keepers_live_begin(r, ctx);
        return NGX_OK;
    }

    ctx->reason = lacks;

    ngx_keepers_log(NGX_LOG_INFO, r, "refused: %s", lacks);

    return ngx_keepers_reply_refuse(r, NGX_HTTP_FORBIDDEN, lacks, 0);
}


/* What is not as it is with most sessions. */

static ngx_int_t
ngx_keepers_access_marked(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    if (ctx->session.marks & KEEPERS_SESSION_REMEMBERED) {
        ngx_keepers_remember_lower(klcf, &ctx->session);
    }

    if (!(ctx->session.marks & KEEPERS_SESSION_ROTATED)
        || klcf->signout
        || !ngx_keepers_csrf_unsafe(r))
    {
        return NGX_OK;
    }

    /* its successor may, and is what the browser has by now */

    ctx->reason = "rotated";
    ngx_keepers_count(r, ROTATED_REFUSED);

    return ngx_keepers_reply_refuse(r, NGX_HTTP_CONFLICT, "rotated",
                                    NGX_KEEPERS_RETRY_S);
}


static ngx_int_t
ngx_keepers_access_unknown(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx)
{
    if (ctx->reason == NULL) {
        ctx->reason = "session";
    }

    if (ctx->bearers != 0) {
        return ngx_keepers_access_challenge(r);
    }

    if (ngx_keepers_access_page(r, &klcf->signin_url)) {
        return ngx_keepers_reply_finish(r,
                             ngx_keepers_access_redirect(r, klcf->signin_url));
    }

    return ngx_keepers_reply_refuse(r, NGX_HTTP_UNAUTHORIZED,
                                    "session_required", 0);
}


/* RFC 6750, 3.1: a machine is never sent to a page. */

static ngx_int_t
ngx_keepers_access_challenge(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_keepers_header_last(h);
    ngx_str_set(&h->key, "WWW-Authenticate");
    ngx_str_set(&h->value, "Bearer error=\"invalid_token\"");

    /* another door of "satisfy any" takes it back */

    r->headers_out.www_authenticate = h;

    return ngx_keepers_reply_refuse(r, NGX_HTTP_UNAUTHORIZED, "token", 0);
}


/*
 * The session is good, but its proof is too weak or too old for what is here.
 * What is asked for stands in the challenge, as in RFC 9470.
 */

static ngx_int_t
ngx_keepers_access_step_up(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx)
{
    ngx_str_t      challenge;
    keepers_out_t  out;

    ctx->reason = "step_up";

    ngx_keepers_log(NGX_LOG_INFO, r, "refused: step_up");

    if (ngx_keepers_access_page(r, &klcf->step_up_url)) {
        return ngx_keepers_reply_finish(r,
                            ngx_keepers_access_redirect(r, klcf->step_up_url));
    }

    ngx_keepers_out(&out, r->pool, NGX_KEEPERS_CHALLENGE_LEN);

    keepers_out_text(&out,
                     "Session error=\"insufficient_user_authentication\"");

    if (klcf->aal > 1) {
        keepers_out_text(&out, ", acr_values=\"aal2\"");
    }

    if (klcf->fresh_ms != 0) {
        keepers_out_text(&out, ", max_age=\"");
        keepers_out_uint(&out, klcf->fresh_ms / 1000);
        keepers_out_byte(&out, '"');
    }

    challenge = ngx_keepers_to(keepers_out_written(&out));

    if (out.overflow
        || ngx_keepers_reply_header(r, "WWW-Authenticate", challenge)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_refuse(r, NGX_HTTP_UNAUTHORIZED, "step_up", 0);
}


/*
 * Whether a person is sent to a page of the host's.  A redirect would end the
 * phase before the others of "satisfy any".
 */

static ngx_uint_t
ngx_keepers_access_page(ngx_http_request_t *r, const ngx_str_t *url)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return url->len != 0
           && clcf->satisfy != NGX_HTTP_SATISFY_ANY
           && ngx_keepers_reply_navigation(r);
}


/* 303 to that page, with a signed way back if there is a safe one. */

static ngx_int_t
ngx_keepers_access_redirect(ngx_http_request_t *r, ngx_str_t url)
{
    u_char                   *p;
    size_t                    len;
    ngx_str_t                 location;
    keepers_out_t             next;
    keepers_str_t             text;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    text = ngx_keepers_from(r->unparsed_uri);

    if (!keepers_next_safe(text)) {
        return ngx_keepers_reply_redirect(r, NGX_HTTP_SEE_OTHER, url);
    }

    ngx_keepers_out(&next, r->pool, KEEPERS_NEXT_LEN_MAX + 32);

    keepers_next_sign(kmcf->edge, text, &next);

    if (next.overflow) {
        return ngx_keepers_reply_redirect(r, NGX_HTTP_SEE_OTHER, url);
    }

    len = url.len + sizeof("?next=") - 1 + next.len
          + 2 * ngx_escape_uri(NULL, next.data, next.len,
                               NGX_ESCAPE_URI_COMPONENT);

    p = ngx_pnalloc(r->pool, len);

    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    location.data = p;

    p = ngx_cpymem(p, url.data, url.len);
    p = ngx_cpymem(p, "?next=", sizeof("?next=") - 1);
    p = (u_char *) ngx_escape_uri(p, next.data, next.len,
                                  NGX_ESCAPE_URI_COMPONENT);

    location.len = p - location.data;

    return ngx_keepers_reply_redirect(r, NGX_HTTP_SEE_OTHER, location);
}
