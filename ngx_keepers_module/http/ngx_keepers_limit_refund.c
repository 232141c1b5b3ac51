
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


/*
 * What does not fit, after redirects through locations that have eight such
 * rules together already, stays charged.
 */

void
ngx_keepers_limit_hold(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state, ngx_uint_t degraded)
{
    ngx_uint_t                 i;
    ngx_keepers_limit_held_t  *held;
    ngx_keepers_limit_item_t  *item;

    for (i = 0; i < state->n; i++) {
        item = &state->items[i];

        if (!item->rule->failures
            || !item->admitted
            || item->cost == 0
            || state->held_n == NGX_KEEPERS_LIMIT_ITEMS_MAX)
        {
            continue;
        }

        held = &state->held[state->held_n++];

        held->rule = item->rule;
        held->cost = item->cost;
        held->degraded = degraded ? 1 : 0;
        held->held_ms = ngx_current_msec;
        held->ahead_us = item->ahead_us;

        ngx_memcpy(held->hash, item->hash, KEEPERS_HASH_LEN);
    }
}


/* The log phase: it runs once for each request, however that ended. */

ngx_int_t
ngx_keepers_limit_log_handler(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_keepers_ctx_t          *ctx;
    ngx_keepers_limit_state_t  *state;

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || ctx->limit_wait == NULL) {
        return NGX_OK;
    }

    state = ctx->limit_wait->data;

    if (!ngx_keepers_limit_failed(r)) {
        for (i = 0; i < state->held_n; i++) {
            ngx_keepers_limit_refund(r, &state->held[i]);
        }
    }

    state->held_n = 0;

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
        ngx_keepers_limit_undo(r, held);
    }

    ngx_keepers_limit_refund_zone(r, held);
}
