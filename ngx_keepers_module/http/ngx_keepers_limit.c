
/*
 * Copyright (C) Keepers
 *
 * Limits: the rules of a location that can be decided at a time are decided
 * together, in one script call, and charged only if all admit the request.
 * Without Redis each machine decides on its own: ngx_keepers_limit_local.c.
 */


#include "http/ngx_keepers_limit.h"

#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_limit_int.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_problem.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_rivals.h"
#include "http/ngx_keepers_worker.h"


static ngx_uint_t ngx_keepers_limit_together(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static ngx_int_t ngx_keepers_limit_postpone(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static ngx_int_t ngx_keepers_limit_apart(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static ngx_int_t ngx_keepers_limit_admitted(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_limit_reserve_t *reserve);
static ngx_keepers_ctx_t *ngx_keepers_limits_of(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf);
static ngx_uint_t ngx_keepers_limit_denied(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static ngx_int_t ngx_keepers_limit_conclude(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_uint_t degraded);
static void ngx_keepers_limit_over(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_limit_item_t *item);
static ngx_int_t ngx_keepers_limit_refuse(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, uint64_t retry_us);
static ngx_uint_t ngx_keepers_limit_retry(uint64_t retry_us);


/* NGX_OK, NGX_AGAIN, what a refusal returns, NGX_ERROR: no memory */

ngx_int_t
ngx_keepers_limit_check(ngx_http_request_t *r,
    ngx_keepers_limit_stage_e stage, ngx_keepers_wake_pt wake)
{
    ngx_int_t                rc;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_limits_t    *limits;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    if (klcf->limits == NULL) {
        return NGX_OK;
    }

    ctx = ngx_keepers_limits_of(r, klcf);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* what was refused once is on its way to an error page or the form */

    if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
        return NGX_OK;
    }

    limits = ctx->limits;

    if (limits->later != 0) {
        rc = ngx_keepers_limit_settle(r);

        if (rc != NGX_OK || ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
            return rc;
        }
    }

    limits->wake = wake;

    if (limits->wait != NULL && ngx_keepers_wait_waits(limits->wait)) {
        return NGX_AGAIN;
    }

    if (limits->n == 0) {
        rc = ngx_keepers_limit_collect(r, limits, stage);

        if (rc == NGX_OK && stage == NGX_KEEPERS_LIMIT_EARLY) {
            rc = ngx_keepers_limit_postpone(r, limits);
        }

        if (rc != NGX_OK || limits->n == 0) {
            return rc;
        }

        if (ngx_keepers_limit_denied(r, limits)) {
            return ngx_keepers_limit_conclude(r, ctx, 0);
        }

        if (limits->later != 0) {
            return NGX_OK;
        }
    }

    switch (ngx_keepers_limit_ask(r, limits)) {

    case NGX_AGAIN:
        return NGX_AGAIN;

    case NGX_OK:
        return ngx_keepers_limit_conclude(r, ctx, 0);

    default:
        ngx_keepers_limit_local(r, limits);

        return ngx_keepers_limit_conclude(r, ctx, 1);
    }
}


/* Rules that can wait for what a signup says do, unless another cannot. */

static ngx_int_t
ngx_keepers_limit_postpone(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits)
{
    ngx_int_t   rc;
    ngx_uint_t  alone;

    if (ngx_keepers_loc_conf(r)->link == NULL) {
        return NGX_OK;
    }

    alone = (limits->n == 0);

    rc = ngx_keepers_limit_collect(r, limits, NGX_KEEPERS_LIMIT_LATER);

    if (rc == NGX_OK && alone) {
        limits->later = limits->n;
    }

    return rc;
}


ngx_int_t
ngx_keepers_limit_settle(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_keepers_ctx_t     *ctx;
    ngx_keepers_limits_t  *limits;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || ctx->limits == NULL || ctx->limits->later == 0) {
        return NGX_OK;
    }

    limits = ctx->limits;
    limits->wake = NULL;

    if (limits->wait != NULL && ngx_keepers_wait_waits(limits->wait)) {
        return NGX_AGAIN;
    }

    rc = ngx_keepers_limit_ask(r, limits);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        ngx_keepers_limit_local(r, limits);
    }

    return ngx_keepers_limit_conclude(r, ctx, rc != NGX_OK);
}


ngx_int_t
ngx_keepers_limit_admit(ngx_http_request_t *r,
    ngx_keepers_limit_stage_e stage, ngx_keepers_limit_reserve_t *reserve)
{
    ngx_int_t                rc;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_limits_t    *limits;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    if (klcf->limits == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_keepers_limits_of(r, klcf);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
        return NGX_DECLINED;
    }

    limits = ctx->limits;
    limits->wake = NULL;

    if (limits->wait != NULL && ngx_keepers_wait_waits(limits->wait)) {
        return NGX_AGAIN;
    }

    if (limits->reserve == NULL) {

        if (limits->asking != 0) {
            return ngx_keepers_limit_apart(r, limits);
        }

        rc = ngx_keepers_limit_collect(r, limits, stage);

        if (rc != NGX_OK) {
            return rc;
        }

        if (!ngx_keepers_limit_together(r, limits)) {
            return ngx_keepers_limit_apart(r, limits);
        }
    }

    return ngx_keepers_limit_admitted(r, ctx, reserve);
}


/* What waits is asked about alone, and the others once more, each alone. */

static ngx_int_t
ngx_keepers_limit_apart(ngx_http_request_t *r, ngx_keepers_limits_t *limits)
{
    ngx_int_t  rc;

    limits->n = limits->later;
    rc = ngx_keepers_limit_settle(r);

    return rc == NGX_OK ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_keepers_limit_admitted(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_limit_reserve_t *reserve)
{
    ngx_int_t              rc;
    ngx_keepers_limits_t  *limits;

    limits = ctx->limits;
    limits->reserve = reserve;

    rc = ngx_keepers_limit_ask(r, limits);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    limits->reserve = NULL;

    if (rc == NGX_OK) {
        reserve->asked = 1;

        if (reserve->found.data != NULL) {
            limits->n = limits->later;
        }

        return limits->n != 0 ? ngx_keepers_limit_conclude(r, ctx, 0) : NGX_OK;
    }

    if (ngx_keepers_redis_slots(ngx_keepers_worker.redis)) {
        return ngx_keepers_limit_apart(r, limits);
    }

    ngx_keepers_limit_local(r, limits);

    return ngx_keepers_limit_conclude(r, ctx, 1);
}


/*
 * A refusal that the zone knows of says nothing of a reservation, which may be
 * there; and the nodes of a cluster have one or the other.
 */

static ngx_uint_t
ngx_keepers_limit_together(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits)
{
    return limits->n != 0
           && !ngx_keepers_redis_slots(ngx_keepers_worker.redis)
           && !ngx_keepers_limit_denied(r, limits);
}


/*
 * The context, with room for the limits of this location: another, to which an
 * internal redirect leads, may need more.  NULL: no memory.
 */

static ngx_keepers_ctx_t *
ngx_keepers_limits_of(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf)
{
    ngx_uint_t             items;
    ngx_keepers_ctx_t     *ctx;
    ngx_keepers_limits_t  *limits;

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL || ctx->limits != NULL) {
        return ctx;
    }

    items = ngx_keepers_limit_items_of(klcf);

    limits = ngx_pcalloc(r->pool, sizeof(ngx_keepers_limits_t)
                                  + items * (sizeof(ngx_keepers_limit_item_t)
                                         + sizeof(ngx_keepers_limit_told_t)));
    if (limits == NULL) {
        return NULL;
    }

    limits->items = (ngx_keepers_limit_item_t *) &limits[1];
    limits->items_max = items;

    limits->told.elts = &limits->items[items];
    limits->told.size = sizeof(ngx_keepers_limit_told_t);
    limits->told.nalloc = items;
    limits->told.pool = r->pool;

    ctx->limits = limits;

    return ctx;
}


/*
 * Whether the zone knows of a refusal that still holds.  A rule that refuses
 * nobody asks each time: it shall see what it would see if it were enforced.
 */

static ngx_uint_t
ngx_keepers_limit_denied(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits)
{
    uint64_t                   now_us;
    ngx_uint_t                 i, denied;
    ngx_keepers_limit_item_t  *item;

    now_us = (uint64_t) ngx_current_msec * 1000;
    denied = 0;

    for (i = 0; i < limits->n; i++) {
        item = &limits->items[i];

        if (item->rule->mode == NGX_KEEPERS_LIMIT_ENFORCE
            && item->local.deny_us > now_us
            && item->cost >= item->local.deny_cost)
        {
            item->admitted = 0;
            item->noted = 1;
            item->known = 1;
            item->retry_us = item->local.deny_us - now_us;
            denied = 1;
        }
    }

    return denied;
}


static ngx_int_t
ngx_keepers_limit_conclude(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_uint_t degraded)
{
    uint64_t                   retry_us;
    ngx_uint_t                 i, limited;
    ngx_keepers_limits_t      *limits;
    ngx_keepers_limit_item_t  *item;

    limits = ctx->limits;
    retry_us = 0;
    limited = 0;

    for (i = 0; i < limits->n; i++) {
        item = &limits->items[i];

        limits->decided |= 1ULL << item->rule->number;

        /* another has refused before this one was asked about */

        if (!item->known) {
            continue;
        }

        ngx_keepers_limit_count(item);

        if (item->admitted) {
            if (!degraded) {
                ngx_keepers_limit_mirror(r, item);
            }

            continue;
        }

        if (item->rule->mode != NGX_KEEPERS_LIMIT_ENFORCE) {
            ngx_keepers_limit_over(r, ctx, item);
            continue;
        }

        limited = 1;
        retry_us = ngx_max(retry_us, item->retry_us);

        ngx_keepers_limit_deny(r, item, degraded);
    }

    if (ngx_keepers_limit_tell(limits) != NGX_OK
        || (!limited && ngx_keepers_limit_hold(r, limits, degraded) != NGX_OK))
    {
        return NGX_ERROR;
    }

    limits->n = 0;
    limits->later = 0;

    /* $keepers_limit is the gravest of what all stages found */

    if (degraded) {
        ngx_keepers_count(r, LIMIT_DEGRADED);
        ctx->limit = NGX_KEEPERS_LIMIT_DEGRADED;
    }

    if (limited) {
        ngx_keepers_count(r, LIMIT_LIMITED);
        return ngx_keepers_limit_refuse(r, ctx, retry_us);
    }

    if (ctx->limit <= NGX_KEEPERS_LIMIT_PASSED) {
        ngx_keepers_count(r, LIMIT_PASSED);
        ctx->limit = NGX_KEEPERS_LIMIT_PASSED;
    }

    return NGX_OK;
}


/* What is over a rule that refuses nobody; a signup has consequences. */

static void
ngx_keepers_limit_over(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_limit_item_t *item)
{
    if (item->rule->mode == NGX_KEEPERS_LIMIT_SHADOW) {
        ngx_keepers_count(r, LIMIT_SHADOW);
        ctx->limit = ngx_max(ctx->limit, NGX_KEEPERS_LIMIT_SHADOWED);
        return;
    }

    ngx_keepers_count(r, LIMIT_SUSPECT);
    ctx->limit = ngx_max(ctx->limit, NGX_KEEPERS_LIMIT_SUSPECT);

    if (item->rule->mode == NGX_KEEPERS_LIMIT_HOLD) {
        ctx->limit_hold = 1;
        return;
    }

    ctx->limit_tap = 1;
    ctx->retry_s = ngx_max(ctx->retry_s,
                           ngx_keepers_limit_retry(item->retry_us));
}


/*
 * A signup and a sign-in are not refused here: their handlers answer 429 with
 * the page again.  A person gets a page to read.
 */

static ngx_int_t
ngx_keepers_limit_refuse(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    uint64_t retry_us)
{
    ngx_int_t                rc;
    ngx_keepers_loc_conf_t  *klcf;

    ctx->limit = NGX_KEEPERS_LIMIT_LIMITED;
    ctx->retry_s = ngx_keepers_limit_retry(retry_us);
    ctx->reason = "rate_limited";

    klcf = ngx_keepers_loc_conf(r);

    if ((klcf->link != NULL && r->method == NGX_HTTP_POST)
        || ctx->limits->wake != NULL)
    {
        return NGX_OK;
    }

    if (ctx->wait != NULL && ngx_keepers_wait_waits(ctx->wait)) {

        /* the session's answer would wake what is an error page by then */

        ngx_keepers_wait_drop(ctx->wait);
        ctx->wait = NULL;
    }

    if (ctx->rivals != NULL) {
        ngx_keepers_rivals_drop(ctx->rivals);
    }

    ngx_keepers_log(NGX_LOG_INFO, r, "refused by a limit for %ui s",
                    ctx->retry_s);

    if (ngx_keepers_reply_error_page(r, klcf->limit_status)) {
        return ngx_keepers_reply_refuse(r, klcf->limit_status, "rate_limited",
                                        ctx->retry_s);
    }

    rc = ngx_keepers_reply_person(r)
         ? ngx_keepers_problem_busy(r, klcf->limit_status, ctx->retry_s)
         : ngx_keepers_reply_problem_text(r, klcf->limit_status,
                                          klcf->limit_problem, ctx->retry_s);

    return ngx_keepers_reply_finish(r, rc);
}


/*
 * Whole seconds, rounded up, and up to a tenth more, so that those who were
 * refused in the same moment do not come back in the same moment.
 */

static ngx_uint_t
ngx_keepers_limit_retry(uint64_t retry_us)
{
    ngx_uint_t  retry_s;

    retry_s = (ngx_uint_t) (retry_us / 1000000 + (retry_us % 1000000 != 0));
    retry_s = ngx_max(retry_s, 1);

    return retry_s + (ngx_uint_t) ngx_random() % (retry_s / 10 + 1);
}
