
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


/* two names in quotes, their parameters with values, separators */
#define NGX_KEEPERS_LIMIT_TOLD_LEN                                           \
    (2 * (NGX_KEEPERS_LIMIT_NAME_MAX + sizeof("/48\"\";q=;w=, ")             \
          + 2 * NGX_INT64_LEN))


static ngx_int_t ngx_keepers_limit_headers(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_limit_headers_add(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state);
static void ngx_keepers_limit_headers_row(keepers_out_t *out,
    const ngx_keepers_limit_told_t *told, ngx_uint_t policy);
static uint64_t ngx_keepers_limit_seconds(uint64_t us);


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

void
ngx_keepers_limit_tell(ngx_keepers_limit_state_t *state)
{
    ngx_uint_t                 i;
    ngx_keepers_limit_item_t  *item;
    ngx_keepers_limit_told_t  *told;

    for (i = 0; i < state->n; i++) {
        item = &state->items[i];

        if (!item->known
            || item->rule->stage != NGX_KEEPERS_LIMIT_EARLY
            || item->rule->mode != NGX_KEEPERS_LIMIT_ENFORCE
            || (item->wide && item->admitted)
            || state->told_n == NGX_KEEPERS_LIMIT_ITEMS_MAX)
        {
            continue;
        }

        told = &state->told[state->told_n++];

        told->rule = item->rule;
        told->wide = item->wide;
        told->remaining = item->remaining;
        told->reset_us = item->admitted ? item->ahead_us : item->retry_us;
    }
}


/* A redirect is followed at once, and what it says of budgets is not read. */

static ngx_int_t
ngx_keepers_limit_headers(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t          *ctx;
    ngx_keepers_limit_state_t  *state;

    if (r != r->main
        || (r->headers_out.status >= NGX_HTTP_SPECIAL_RESPONSE
            && r->headers_out.status < NGX_HTTP_BAD_REQUEST))
    {
        return ngx_keepers_limit_next_header(r);
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx != NULL && ctx->limit_wait != NULL) {
        state = ctx->limit_wait->data;

        if (ngx_keepers_limit_headers_add(r, state) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_keepers_limit_next_header(r);
}


static ngx_int_t
ngx_keepers_limit_headers_add(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state)
{
    size_t         len;
    ngx_uint_t     i, policy;
    keepers_out_t  out;

    static const char *const  names[] = { "RateLimit", "RateLimit-Policy" };

    if (state->told_n == 0) {
        return NGX_OK;
    }

    ngx_keepers_out(&out, r->pool, state->told_n * NGX_KEEPERS_LIMIT_TOLD_LEN);

    for (policy = 0; policy < 2; policy++) {
        len = out.len;

        for (i = 0; i < state->told_n; i++) {
            if (i != 0) {
                keepers_out_text(&out, ", ");
            }

            ngx_keepers_limit_headers_row(&out, &state->told[i], policy);
        }

        if (out.data == NULL || out.overflow
            || ngx_keepers_reply_header(r, names[policy],
                   ngx_keepers_to(keepers_str(out.data + len,
                                              out.len - len)))
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_keepers_limit_headers_row(keepers_out_t *out,
    const ngx_keepers_limit_told_t *told, ngx_uint_t policy)
{
    const keepers_rate_t  *rate;

    rate = &told->rule->rate;

    keepers_out_byte(out, '"');
    keepers_out_str(out, ngx_keepers_from(told->rule->name));
    keepers_out_text(out, told->wide ? "/48" : "");
    keepers_out_text(out, policy ? "\";q=" : "\";r=");
    keepers_out_uint(out, policy ? rate->burst : told->remaining);
    keepers_out_text(out, policy ? ";w=" : ";t=");
    keepers_out_uint(out, ngx_keepers_limit_seconds(policy
                          ? rate->tolerance_us + rate->interval_us
                          : told->reset_us));
}


static uint64_t
ngx_keepers_limit_seconds(uint64_t us)
{
    return us / 1000000 + (us % 1000000 != 0);
}
