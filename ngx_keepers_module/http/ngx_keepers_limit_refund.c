
/*
 * Copyright (C) Keepers
 *
 * Rules that count failures: a request is charged when it comes, like any
 * other, so that a thousand guesses at once see one budget, and gets it back
 * when its outcome was none.  An answer below 400 is no failure; a request
 * that was given up, by either side, is one.
 */


#include "http/ngx_keepers_limit_int.h"

#include "http/ngx_keepers_handlers.h"


static ngx_uint_t ngx_keepers_limit_failed(ngx_http_request_t *r);
static void ngx_keepers_limit_refund(ngx_http_request_t *r,
    const ngx_keepers_limit_held_t *held);


ngx_int_t
ngx_keepers_limit_hold(ngx_http_request_t *r, ngx_keepers_limits_t *limits,
    ngx_uint_t degraded)
{
    ngx_uint_t                 i;
    ngx_keepers_limit_held_t  *held;
    ngx_keepers_limit_item_t  *item;

    for (i = 0; i < limits->n; i++) {
        item = &limits->items[i];

        if (!item->rule->failures || !item->admitted || item->cost == 0) {
            continue;
        }

        if (limits->held == NULL) {
            limits->held = ngx_array_create(r->pool, limits->n,
                                            sizeof(ngx_keepers_limit_held_t));
            if (limits->held == NULL) {
                return NGX_ERROR;
            }
        }

        held = ngx_array_push(limits->held);
        if (held == NULL) {
            return NGX_ERROR;
        }

        held->rule = item->rule;
        held->cost = item->cost;
        held->degraded = degraded ? 1 : 0;
        held->held_ms = ngx_current_msec;
        held->ahead_us = item->ahead_us;

        ngx_memcpy(held->hash, item->hash, KEEPERS_HASH_LEN);
    }

    return NGX_OK;
}


/* The log phase: it runs once for each request, however that ended. */

ngx_int_t
ngx_keepers_limit_log_handler(ngx_http_request_t *r)
{
    ngx_uint_t                 i;
    ngx_array_t               *array;
    ngx_keepers_ctx_t         *ctx;
    ngx_keepers_limit_held_t  *held;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || ctx->limits == NULL) {
        return NGX_OK;
    }

    /* a signup that another module has ended, or with a redirect */

    if (ctx->limits->later != 0) {
        ngx_keepers_limit_charge(ctx->limits);
    }

    if (ctx->limits->held == NULL) {
        return NGX_OK;
    }

    array = ctx->limits->held;
    held = array->elts;

    if (!ngx_keepers_limit_failed(r)) {
        for (i = 0; i < array->nelts; i++) {
            ngx_keepers_limit_refund(r, &held[i]);
        }
    }

    array->nelts = 0;

    return NGX_OK;
}


/* By the status that the access log shows; 0: there was no answer. */

static ngx_uint_t
ngx_keepers_limit_failed(ngx_http_request_t *r)
{
    ngx_uint_t  status;

    status = r->err_status ? r->err_status : r->headers_out.status;

    return status == 0 || status >= NGX_HTTP_BAD_REQUEST;
}


/*
 * Until the moment at which the state after our charge would run out, the
 * bucket has not been empty since, and less our charge is what it would have
 * been without it.  Later it may have been: our charge has drained, and giving
 * it back would take it from the failures of others.
 */

static void
ngx_keepers_limit_refund(ngx_http_request_t *r,
    const ngx_keepers_limit_held_t *held)
{
    uint64_t  passed_us;

    passed_us = (uint64_t) (ngx_current_msec - held->held_ms) * 1000;

    if (passed_us >= held->ahead_us) {
        return;
    }

    if (!held->degraded) {
        ngx_keepers_limit_undo(held->rule, held->hash, held->cost);
    }

    ngx_keepers_limit_refund_zone(r, held);
}
