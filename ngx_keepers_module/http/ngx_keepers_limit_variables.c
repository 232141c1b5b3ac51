
/*
 * Copyright (C) Keepers
 *
 * Variables for the keys of limits.  What names a person is a keyed hash.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_value.h"


#define NGX_KEEPERS_LIMIT_MARK_LEN  16


static ngx_int_t ngx_keepers_limit_variable_net(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_limit_variable_method(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_limit_variable_recipient(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_limit_variable_business(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_limit_variable_account(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_limit_variable_device(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_keepers_limit_variable_mark(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const keepers_str_t *parts, size_t n);


#define ngx_keepers_limit_variable_row(name, handler, data)                  \
    { ngx_string(name), NULL, ngx_keepers_limit_variable_##handler,          \
      data, NGX_HTTP_VAR_NOCACHEABLE, 0 }


ngx_http_variable_t  ngx_keepers_limit_variables[] = {

    /* what $keepers_client is in the key of a limit; not for hosts */

    ngx_keepers_limit_variable_row("keepers_limit_net", net,
                                   NGX_KEEPERS_CLIENT_NET),
    ngx_keepers_limit_variable_row("keepers_limit_net_wide", net,
                                   NGX_KEEPERS_CLIENT_WIDE),

    /* hosts may have a "map" of the same name: it is used then */

    { ngx_string("keepers_post"), NULL, ngx_keepers_limit_variable_method, 1,
      NGX_HTTP_VAR_CHANGEABLE, 0 },
    { ngx_string("keepers_reading"), NULL, ngx_keepers_limit_variable_method, 0,
      NGX_HTTP_VAR_CHANGEABLE, 0 },

    /* of a signup whose fields were read */

    ngx_keepers_limit_variable_row("keepers_recipient", recipient, 0),
    ngx_keepers_limit_variable_row("keepers_link_business", business, 0),

    /* of a sign-in whose fields were read */

    ngx_keepers_limit_variable_row("keepers_account", account, 0),
    ngx_keepers_limit_variable_row("keepers_device", device, 0),

    ngx_http_null_variable
};


/* An address, as bytes: the key it stands in is hashed. */

static ngx_int_t
ngx_keepers_limit_variable_net(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_str_t  address;

    address = ngx_keepers_client_address(r);
    address.len = ngx_min(address.len, data);

    ngx_keepers_variable_set(v, address);

    return NGX_OK;
}


/* "1" if this is a POST, "0" if not; or, with "data" 0, the other way round. */

static ngx_int_t
ngx_keepers_limit_variable_method(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_keepers_variable_set(v,
               keepers_str((r->method == NGX_HTTP_POST) == data ? "1" : "0",
                           1));

    return NGX_OK;
}


keepers_str_t
ngx_keepers_limit_link(ngx_http_request_t *r)
{
    return ngx_keepers_value_slug(r, ngx_keepers_loc_conf(r)->link);
}


keepers_str_t
ngx_keepers_limit_recipient(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    return ctx == NULL || ctx->link_business == NULL ? keepers_str(NULL, 0)
                                                     : ctx->recipient;
}


keepers_str_t
ngx_keepers_limit_business(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    return ctx == NULL || ctx->link_business == NULL
           ? keepers_str(NULL, 0)
           : keepers_str(ctx->link_business->bytes, KEEPERS_UUID_LEN);
}


static ngx_int_t
ngx_keepers_limit_variable_recipient(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_str_t  address;

    address = ngx_keepers_limit_recipient(r);

    if (address.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_keepers_limit_variable_mark(r, v, &address, 1);
}


static ngx_int_t
ngx_keepers_limit_variable_business(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_out_t       out;
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || ctx->link_business == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_keepers_out(&out, r->pool, KEEPERS_UUID_TEXT_LEN);

    keepers_text_uuid(&out, ctx->link_business);

    if (out.overflow) {
        return NGX_ERROR;
    }

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}


/* Not the hash of the same address in a signup: nobody can join the two. */

static ngx_int_t
ngx_keepers_limit_variable_account(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_str_t       parts[2] = { keepers_string("account\0") };
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || ctx->account.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    parts[1] = ctx->account;

    return ngx_keepers_limit_variable_mark(r, v, parts, 2);
}


static ngx_int_t
ngx_keepers_limit_variable_device(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    keepers_str_t       parts[3] = { keepers_string("device\0") };
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || !ctx->device_known) {
        v->not_found = 1;
        return NGX_OK;
    }

    parts[1] = keepers_str(ctx->device, KEEPERS_DEVICE_ID_LEN);
    parts[2] = ctx->account;

    return ngx_keepers_limit_variable_mark(r, v, parts, 3);
}


static ngx_int_t
ngx_keepers_limit_variable_mark(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, const keepers_str_t *parts, size_t n)
{
    u_char         hash[NGX_KEEPERS_LIMIT_MARK_LEN];
    keepers_out_t  out;

    keepers_keyed_hash(ngx_keepers_main_conf(r)->edge->keys[0]
                           .derived[KEEPERS_PURPOSE_LIMIT],
                       parts, n, hash, sizeof(hash));

    ngx_keepers_out(&out, r->pool, keepers_base64url_len(sizeof(hash)));

    keepers_text_base64url(&out, keepers_str(hash, sizeof(hash)));

    if (out.overflow) {
        return NGX_ERROR;
    }

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}
