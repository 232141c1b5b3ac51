
/*
 * Copyright (C) Keepers
 *
 * RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers), as
 * structured fields:
 *
 *   RateLimit-Policy: "page";q=20;w=20, "day";q=500;w=86400
 *   RateLimit: "page";r=19;t=1, "day";r=312;t=32486
 *
 * q is the burst, w the seconds in which an empty budget fills; r is what
 * remains, t the seconds until all of it is back or, for a request that was
 * refused, until the same one would pass.
 */


#include "http/ngx_keepers_limit_int.h"

#include "core/keepers_out.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"


/* a name in quotes, its parameters with values, a separator */
#define NGX_KEEPERS_LIMIT_TOLD_LEN                                           \
    (NGX_KEEPERS_LIMIT_NAME_MAX + sizeof("/48\"\";q=;w=, ")                  \
     + 2 * NGX_INT64_LEN)


static ngx_int_t ngx_keepers_limit_headers(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_limit_headers_add(ngx_http_request_t *r,
    ngx_array_t *array);

static ngx_http_output_header_filter_pt  ngx_keepers_limit_next_header;


ngx_int_t
ngx_keepers_limit_headers_init(ngx_conf_t *cf)
{
    ngx_keepers_limit_next_header = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_keepers_limit_headers;

    return NGX_OK;
}


/*
 * Not of rules whose key names the session or what a signup says: how busy an
 * account or an address is concerns nobody else.  Not of rules that refuse
 * nobody, whatever remains.  Of a network only when it refuses.
 */

ngx_int_t
ngx_keepers_limit_tell(ngx_keepers_limits_t *limits)
{
    ngx_uint_t                 i;
    ngx_keepers_limit_item_t  *item;
    ngx_keepers_limit_told_t  *told;

    for (i = 0; i < limits->n; i++) {
        item = &limits->items[i];

        if (!item->known
            || item->rule->stage != NGX_KEEPERS_LIMIT_EARLY
            || item->rule->mode != NGX_KEEPERS_LIMIT_ENFORCE
            || (item->wide && item->admitted))
        {
            continue;
        }

        told = ngx_array_push(&limits->told);
        if (told == NULL) {
            return NGX_ERROR;
        }

        told->rule = item->rule;
        told->remaining = item->remaining;
        told->reset_us = item->admitted ? item->ahead_us : item->retry_us;
    }

    return NGX_OK;
}


/* A redirect is followed at once, and what it says of budgets is not read. */

static ngx_int_t
ngx_keepers_limit_headers(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t  *ctx;

    if (r != r->main
        || (r->headers_out.status >= NGX_HTTP_SPECIAL_RESPONSE
            && r->headers_out.status < NGX_HTTP_BAD_REQUEST))
    {
        return ngx_keepers_limit_next_header(r);
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx != NULL
        && ctx->limits != NULL
        && ctx->limits->told.nelts != 0
        && ngx_keepers_limit_headers_add(r, &ctx->limits->told) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keepers_limit_next_header(r);
}


static ngx_int_t
ngx_keepers_limit_headers_add(ngx_http_request_t *r, ngx_array_t *array)
{
    size_t                     size;
    ngx_uint_t                 i;
    keepers_out_t              remains, policy;
    ngx_keepers_limit_told_t  *told;

    told = array->elts;
    size = array->nelts * NGX_KEEPERS_LIMIT_TOLD_LEN;

    ngx_keepers_out(&remains, r->pool, size);

    for (i = 0; i < array->nelts; i++) {
        keepers_out_text(&remains, i != 0 ? ", " : "");
        keepers_out_str(&remains, told[i].rule->remains);
        keepers_out_uint(&remains, told[i].remaining);
        keepers_out_text(&remains, ";t=");
        keepers_out_uint(&remains, ngx_keepers_limit_seconds(told[i].reset_us));
    }

    if (array->nelts == 1) {
        policy.data = (u_char *) told->rule->policy.data;
        policy.len = told->rule->policy.len;
        policy.overflow = false;

    } else {
        ngx_keepers_out(&policy, r->pool, size);

        for (i = 0; i < array->nelts; i++) {
            keepers_out_text(&policy, i != 0 ? ", " : "");
            keepers_out_str(&policy, told[i].rule->policy);
        }
    }

    if (remains.overflow || policy.overflow
        || ngx_keepers_reply_header(r, "RateLimit",
                           ngx_keepers_to(keepers_out_written(&remains)))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keepers_reply_header(r, "RateLimit-Policy",
                                ngx_keepers_to(keepers_out_written(&policy)));
}
