
/*
 * Copyright (C) Keepers
 *
 * The variables.  None holds personal data or a secret, except
 * $keepers_csrf_token (for pages) and $keepers_identity (for upstreams).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_bearer.h"
#include "core/keepers_identity.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_value.h"
#include "http/ngx_keepers_worker.h"


typedef enum {
    NGX_KEEPERS_VARIABLE_SESSION = 0,
    NGX_KEEPERS_VARIABLE_USER,
    NGX_KEEPERS_VARIABLE_BUSINESS,
    NGX_KEEPERS_VARIABLE_ROLE,
    NGX_KEEPERS_VARIABLE_TOKEN,
    NGX_KEEPERS_VARIABLE_SCOPES,
    NGX_KEEPERS_VARIABLE_AAL,
    NGX_KEEPERS_VARIABLE_AGE,
    NGX_KEEPERS_VARIABLE_RISK,
    NGX_KEEPERS_VARIABLE_CACHE,
    NGX_KEEPERS_VARIABLE_LIMIT,
    NGX_KEEPERS_VARIABLE_REASON,
    NGX_KEEPERS_VARIABLE_LINK,
    NGX_KEEPERS_VARIABLE_SIGNUP,
    NGX_KEEPERS_VARIABLE_CLIENT,
    NGX_KEEPERS_VARIABLE_REDIS_TIME,
    NGX_KEEPERS_VARIABLE_CSRF_TOKEN,
    NGX_KEEPERS_VARIABLE_IDENTITY
} ngx_keepers_variable_e;


static ngx_int_t ngx_keepers_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_keepers_variable_session(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, keepers_out_t *out, uintptr_t data);
static void ngx_keepers_variable_noted(ngx_keepers_ctx_t *ctx,
    keepers_out_t *out, uintptr_t data);
static void ngx_keepers_variable_redis_time(ngx_keepers_ctx_t *ctx,
    keepers_out_t *out);
static ngx_int_t ngx_keepers_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_variable_client(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_variable_link(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_variables_of(ngx_conf_t *cf,
    ngx_http_variable_t *v);
static ngx_keepers_ctx_t *ngx_keepers_variable_known(ngx_http_request_t *r);


#define ngx_keepers_variable_row(name, handler, id)                          \
    { ngx_string(name), NULL, handler, NGX_KEEPERS_VARIABLE_##id,            \
      NGX_HTTP_VAR_NOCACHEABLE, 0 }


static ngx_http_variable_t  ngx_keepers_variables[] = {

    ngx_keepers_variable_row("keepers_session", ngx_keepers_variable,
                             SESSION),
    ngx_keepers_variable_row("keepers_user", ngx_keepers_variable, USER),
    ngx_keepers_variable_row("keepers_business", ngx_keepers_variable,
                             BUSINESS),
    ngx_keepers_variable_row("keepers_role", ngx_keepers_variable, ROLE),
    ngx_keepers_variable_row("keepers_token", ngx_keepers_variable, TOKEN),
    ngx_keepers_variable_row("keepers_scopes", ngx_keepers_variable, SCOPES),
    ngx_keepers_variable_row("keepers_aal", ngx_keepers_variable, AAL),
    ngx_keepers_variable_row("keepers_session_age", ngx_keepers_variable,
                             AGE),
    ngx_keepers_variable_row("keepers_session_risk", ngx_keepers_variable,
                             RISK),
    ngx_keepers_variable_row("keepers_cache", ngx_keepers_variable, CACHE),
    ngx_keepers_variable_row("keepers_limit", ngx_keepers_variable, LIMIT),
    ngx_keepers_variable_row("keepers_reason", ngx_keepers_variable, REASON),
    ngx_keepers_variable_row("keepers_signup", ngx_keepers_variable, SIGNUP),
    ngx_keepers_variable_row("keepers_redis_time", ngx_keepers_variable,
                             REDIS_TIME),
    ngx_keepers_variable_row("keepers_csrf_token", ngx_keepers_variable,
                             CSRF_TOKEN),
    ngx_keepers_variable_row("keepers_link", ngx_keepers_variable_link, LINK),
    ngx_keepers_variable_row("keepers_client", ngx_keepers_variable_client,
                             CLIENT),

    ngx_keepers_variable_row("keepers_identity",
                             ngx_keepers_variable_identity, IDENTITY),

    ngx_http_null_variable
};


static const char  *ngx_keepers_checks[] = {
    "", "valid", "none", "expired", "revoked", "error", "stale"
};


/* by NGX_KEEPERS_CHANGED_... */

static const char  *ngx_keepers_risks[] = { "none", "agent", "net", "both" };


static const char  *ngx_keepers_limit_verdicts[] = {
    "", "passed", "limited", "shadow", "suspect", "degraded"
};


ngx_int_t
ngx_keepers_variables_add(ngx_conf_t *cf)
{
    if (ngx_keepers_variables_of(cf, ngx_keepers_variables) != NGX_OK
        || ngx_keepers_variables_of(cf, ngx_keepers_probe_variables) != NGX_OK
        || ngx_keepers_variables_of(cf, ngx_keepers_page_variables) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keepers_variables_of(cf, ngx_keepers_limit_variables);
}


static ngx_int_t
ngx_keepers_variables_of(ngx_conf_t *cf, ngx_http_variable_t *v)
{
    ngx_http_variable_t  *var;

    for ( /* void */ ; v->name.len != 0; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);

        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    keepers_out_t       out;
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_keepers_out(&out, r->pool, KEEPERS_SCOPES_LEN_MAX);

    switch (data) {

    case NGX_KEEPERS_VARIABLE_USER:
    case NGX_KEEPERS_VARIABLE_BUSINESS:
    case NGX_KEEPERS_VARIABLE_ROLE:
    case NGX_KEEPERS_VARIABLE_TOKEN:
    case NGX_KEEPERS_VARIABLE_SCOPES:
    case NGX_KEEPERS_VARIABLE_AAL:
    case NGX_KEEPERS_VARIABLE_AGE:
    case NGX_KEEPERS_VARIABLE_RISK:
    case NGX_KEEPERS_VARIABLE_CSRF_TOKEN:
        ngx_keepers_variable_session(r, ctx, &out, data);
        break;

    default:
        ngx_keepers_variable_noted(ctx, &out, data);
    }

    if (out.overflow) {
        return NGX_ERROR;
    }

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}


static void
ngx_keepers_variable_session(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    keepers_out_t *out, uintptr_t data)
{
    ngx_uint_t  machine;

    if (ngx_keepers_variable_known(r) == NULL) {
        return;
    }

    machine = ngx_keepers_check_machine(ctx);

    switch (data) {

    case NGX_KEEPERS_VARIABLE_USER:
        keepers_text_uuid(out, &ctx->session.user);
        break;

    case NGX_KEEPERS_VARIABLE_BUSINESS:
        keepers_text_uuid(out, &ctx->session.business);
        break;

    case NGX_KEEPERS_VARIABLE_ROLE:
        keepers_out_text(out, keepers_role_name(ctx->session.role));
        break;

    case NGX_KEEPERS_VARIABLE_TOKEN:
        keepers_text_hex(out, keepers_str(ctx->sid,
                                          machine ? KEEPERS_BEARER_ID_LEN : 0));
        break;

    case NGX_KEEPERS_VARIABLE_SCOPES:
        keepers_scopes_write(ctx->session.scopes, out);
        break;

    case NGX_KEEPERS_VARIABLE_AAL:
        keepers_out_uint(out, ctx->session.aal);
        break;

    case NGX_KEEPERS_VARIABLE_AGE:
        keepers_out_uint(out, (ngx_keepers_now_ms() - ctx->session.created_ms)
                              / 1000);
        break;

    case NGX_KEEPERS_VARIABLE_RISK:
        keepers_out_text(out, ngx_keepers_risks[machine ? 0
                              : ngx_keepers_client_changed(r, &ctx->session)]);
        break;

    default:

        if (!machine) {
            keepers_csrf_write(ngx_keepers_main_conf(r)->edge, ctx->sid, out);
        }
    }
}


static void
ngx_keepers_variable_noted(ngx_keepers_ctx_t *ctx, keepers_out_t *out,
    uintptr_t data)
{
    switch (data) {

    case NGX_KEEPERS_VARIABLE_SESSION:
        keepers_out_text(out, ngx_keepers_checks[ctx->check]);
        break;

    case NGX_KEEPERS_VARIABLE_CACHE:

        if (ctx->cache_hit) {
            keepers_out_text(out, "hit");

        } else if (ctx->redis_ms >= 0) {
            keepers_out_text(out, "miss");
        }

        break;

    case NGX_KEEPERS_VARIABLE_LIMIT:
        keepers_out_text(out, ngx_keepers_limit_verdicts[ctx->limit]);
        break;

    case NGX_KEEPERS_VARIABLE_REASON:
        keepers_out_text(out, ctx->reason != NULL ? ctx->reason : "");
        break;

    case NGX_KEEPERS_VARIABLE_SIGNUP:
        keepers_out_text(out, ctx->signup_state != NULL ? ctx->signup_state
                                                        : "");
        break;

    default:
        ngx_keepers_variable_redis_time(ctx, out);
    }
}


/* Seconds with milliseconds, as $request_time. */

static void
ngx_keepers_variable_redis_time(ngx_keepers_ctx_t *ctx, keepers_out_t *out)
{
    u_char  text[NGX_INT64_LEN + 4], *p;

    if (ctx->redis_ms < 0) {
        return;
    }

    p = ngx_sprintf(text, "%T.%03M", (time_t) (ctx->redis_ms / 1000),
                    (ngx_msec_t) (ctx->redis_ms % 1000));

    keepers_out_bytes(out, text, p - text);
}


/* Made only when asked for, and anew each time: it lives for 5 seconds. */

static ngx_int_t
ngx_keepers_variable_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_out_t         out;
    ngx_keepers_ctx_t    *ctx;
    keepers_identity_t    identity;

    ctx = ngx_keepers_variable_known(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    /* who is told whose request it is answers with what is theirs */

    if (ngx_keepers_residue_add(r) != NGX_OK) {
        return NGX_ERROR;
    }

    identity.user = ctx->session.user;
    identity.business = ctx->session.business;
    identity.issued_s = (uint64_t) ngx_time();
    identity.role = ctx->session.role;
    identity.aal = ctx->session.aal;
    identity.scopes = ctx->session.scopes;
    ngx_memcpy(identity.sid, ctx->sid, sizeof(identity.sid));

    ngx_keepers_out(&out, r->pool, KEEPERS_IDENTITY_LEN_MAX);

    keepers_identity_write(ngx_keepers_main_conf(r)->shared, &identity, &out);

    if (out.overflow) {
        return NGX_ERROR;
    }

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_variable_client(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_out_t  out;

    if (!ngx_keepers_main_conf(r)->used) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_keepers_out(&out, r->pool, NGX_KEEPERS_CLIENT_LEN);

    if (out.data == NULL) {
        return NGX_ERROR;
    }

    ngx_keepers_client_hash(r, out.data);

    out.len = NGX_KEEPERS_CLIENT_LEN;

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}


/* The slug of the location's link, if it is one. */

static ngx_int_t
ngx_keepers_variable_link(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_str_t  slug;

    slug = ngx_keepers_value_slug(r, ngx_keepers_loc_conf(r)->link);

    if (slug.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_keepers_variable_set(v, slug);

    return NGX_OK;
}


void
ngx_keepers_variable_set(ngx_http_variable_value_t *v, keepers_str_t value)
{
    v->len = value.len;
    v->data = (u_char *) value.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


/* The context, when a session was proved. */

static ngx_keepers_ctx_t *
ngx_keepers_variable_known(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || !ngx_keepers_check_known(ngx_keepers_loc_conf(r), ctx))
    {
        return NULL;
    }

    return ctx;
}
