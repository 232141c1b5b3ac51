
/*
 * Copyright (C) Keepers
 *
 * Variables for the pages of a sign-in and of who has forgotten a password:
 * flags, for a template can only ask whether a value is empty, and what their
 * forms carry on.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_keyring.h"
#include "core/keepers_reset.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_remember.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_page_variable_flag(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_page_variable_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_page_variable_limited(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_page_variable_next(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#define ngx_keepers_page_variable_row(name, handler, reason)                \
    { ngx_string(name), NULL, ngx_keepers_page_variable_##handler,          \
      (uintptr_t) reason, NGX_HTTP_VAR_NOCACHEABLE, 0 }


ngx_http_variable_t  ngx_keepers_page_variables[] = {

    ngx_keepers_page_variable_row("keepers_signin_bad", flag, "credentials"),
    ngx_keepers_page_variable_row("keepers_signin_busy", flag, "busy"),
    ngx_keepers_page_variable_row("keepers_signin_refused", flag, "csrf"),
    ngx_keepers_page_variable_row("keepers_signin_limited", limited, ""),
    ngx_keepers_page_variable_row("keepers_signin_next", next, ""),

    { ngx_string("keepers_signin_remember"), NULL,
      ngx_keepers_remember_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    ngx_keepers_page_variable_row("keepers_forgot_sent", flag, "sent"),
    ngx_keepers_page_variable_row("keepers_forgot_invalid", flag, "email"),
    ngx_keepers_page_variable_row("keepers_forgot_off", flag, "mail_off"),
    ngx_keepers_page_variable_row("keepers_reset_done", flag, "changed"),
    ngx_keepers_page_variable_row("keepers_reset_short", flag, "too_short"),
    ngx_keepers_page_variable_row("keepers_reset_long", flag, "too_long"),
    ngx_keepers_page_variable_row("keepers_reset_common", flag, "common"),
    ngx_keepers_page_variable_row("keepers_reset_named", flag, "named"),
    ngx_keepers_page_variable_row("keepers_reset_token", token, ""),

    ngx_http_null_variable
};


/* Whether the request ended for this reason. */

static ngx_int_t
ngx_keepers_page_variable_flag(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    *v = ngx_http_variable_null_value;

    if (ctx != NULL && ctx->reason != NULL
        && ngx_strcmp(ctx->reason, (const char *) data) == 0)
    {
        *v = ngx_http_variable_true_value;
    }

    return NGX_OK;
}


/*
 * Of the form that failed, or of the page's address; only there, and only what
 * can be one: it goes into a page, and may not come back into any other.
 */

static ngx_int_t
ngx_keepers_page_variable_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char              token[KEEPERS_RESET_TOKEN_LEN];
    ngx_str_t           arg;
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    *v = ngx_http_variable_null_value;

    if (ctx == NULL || ngx_keepers_loc_conf(r)->reset.len == 0) {
        return NGX_OK;
    }

    if (r->method == NGX_HTTP_POST
        || ngx_http_arg(r, (u_char *) "token", 5, &arg) != NGX_OK)
    {
        arg = ngx_keepers_to(ctx->reset_token);
    }

    if (keepers_text_base64url_decode(ngx_keepers_from(arg), token,
                                      sizeof(token)))
    {
        v->len = arg.len;
        v->data = arg.data;
    }

    keepers_wipe(token, sizeof(token));

    return NGX_OK;
}


/* The minutes to wait, for a person. */

static ngx_int_t
ngx_keepers_page_variable_limited(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_out_t       out;
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    *v = ngx_http_variable_null_value;

    if (ctx == NULL || ctx->limit != NGX_KEEPERS_LIMIT_LIMITED) {
        return NGX_OK;
    }

    ngx_keepers_out(&out, r->pool, NGX_INT64_LEN);

    keepers_out_uint(&out, (ctx->retry_s + 59) / 60);

    if (out.overflow) {
        return NGX_ERROR;
    }

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}


/* The signed way back: of the form that failed, or of the page's address. */

static ngx_int_t
ngx_keepers_page_variable_next(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char             *dst, *src;
    ngx_str_t           arg;
    keepers_str_t       path;
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    *v = ngx_http_variable_null_value;

    if (ctx != NULL && ctx->next.len != 0) {
        v->len = ctx->next.len;
        v->data = ctx->next.data;

        return NGX_OK;
    }

    if (!ngx_keepers_main_conf(r)->used
        || ngx_http_arg(r, (u_char *) "next", 4, &arg) != NGX_OK
        || arg.len > 2 * KEEPERS_NEXT_LEN_MAX)
    {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, arg.len);

    if (dst == NULL) {
        return NGX_ERROR;
    }

    src = arg.data;
    arg.data = dst;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    arg.len = dst - arg.data;

    if (keepers_next_open(ngx_keepers_main_conf(r)->edge,
                          ngx_keepers_from(arg), &path)
        == KEEPERS_OK)
    {
        v->len = arg.len;
        v->data = arg.data;
    }

    return NGX_OK;
}
