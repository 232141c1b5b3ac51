
/*
 * Copyright (C) Keepers
 *
 * Variables for the pages of who has forgotten a password: flags, for a
 * template can only ask whether a value is empty, and the token of the link.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_keyring.h"
#include "core/keepers_reset.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_reset_variable_flag(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_reset_variable_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


#define ngx_keepers_reset_variable_row(name, handler, reason)                \
    { ngx_string(name), NULL, ngx_keepers_reset_variable_##handler,          \
      (uintptr_t) reason, NGX_HTTP_VAR_NOCACHEABLE, 0 }


ngx_http_variable_t  ngx_keepers_reset_variables[] = {

    ngx_keepers_reset_variable_row("keepers_forgot_sent", flag, "sent"),
    ngx_keepers_reset_variable_row("keepers_forgot_invalid", flag, "email"),
    ngx_keepers_reset_variable_row("keepers_forgot_off", flag, "mail_off"),
    ngx_keepers_reset_variable_row("keepers_reset_done", flag, "changed"),
    ngx_keepers_reset_variable_row("keepers_reset_short", flag, "too_short"),
    ngx_keepers_reset_variable_row("keepers_reset_long", flag, "too_long"),
    ngx_keepers_reset_variable_row("keepers_reset_common", flag, "common"),
    ngx_keepers_reset_variable_row("keepers_reset_named", flag, "named"),
    ngx_keepers_reset_variable_row("keepers_reset_token", token, ""),

    ngx_http_null_variable
};


/* Whether the request ended for this reason. */

static ngx_int_t
ngx_keepers_reset_variable_flag(ngx_http_request_t *r,
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
ngx_keepers_reset_variable_token(ngx_http_request_t *r,
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
