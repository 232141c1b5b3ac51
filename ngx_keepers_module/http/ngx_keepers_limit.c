
/*
 * Copyright (C) Keepers
 *
 * Limits: the rules of a location that can be decided at a time are decided
 * together, in one script call, and charged only if all admit the request.
 * Without Redis each machine decides on its own: ngx_keepers_limit_local.c.
 */


#include "http/ngx_keepers_limit.h"

#include "core/keepers_keyring.h"
#include "core/keepers_rate.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_limit_int.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_limit_begin(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_limit_state_t **state);
static ngx_int_t ngx_keepers_limit_collect(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state, ngx_keepers_limit_stage_e stage);
static ngx_int_t ngx_keepers_limit_apply(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state, ngx_keepers_limit_t *limit);
static ngx_int_t ngx_keepers_limit_item(ngx_http_request_t *r,
    ngx_keepers_limit_t *limit, ngx_keepers_limit_rule_t *rule,
    ngx_keepers_limit_item_t *item);
static uint32_t ngx_keepers_limit_item_cost(ngx_keepers_limit_t *limit,
    ngx_str_t *text);
static ngx_uint_t ngx_keepers_limit_denied(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state);
static ngx_int_t ngx_keepers_limit_conclude(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_limit_state_t *state,
    ngx_uint_t degraded);
static void ngx_keepers_limit_over(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_limit_item_t *item);
static ngx_int_t ngx_keepers_limit_refuse(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, uint64_t retry_us);
static ngx_uint_t ngx_keepers_limit_retry(uint64_t retry_us);


/* NGX_OK, NGX_AGAIN, what a refusal returns, NGX_ERROR: no memory */

ngx_int_t
ngx_keepers_limit_check(ngx_http_request_t *r,
    ngx_keepers_limit_stage_e stage)
{
    ngx_int_t                   rc;
    ngx_keepers_ctx_t          *ctx;
    ngx_keepers_limit_state_t  *state;

    if (ngx_keepers_loc_conf(r)->limits == NULL) {
        return NGX_OK;
    }

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL
        || ngx_keepers_limit_begin(r, ctx, &state) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what was refused once is on its way to an error page or the form */

    if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
        return NGX_OK;
    }

    if (ctx->limit_wait->op != NULL) {
        return NGX_AGAIN;
    }

    if (state->n == 0) {
        rc = ngx_keepers_limit_collect(r, state, stage);

        if (rc != NGX_OK || state->n == 0) {
            return rc;
        }

        if (ngx_keepers_limit_denied(r, state)) {
            return ngx_keepers_limit_conclude(r, ctx, state, 0);
        }

        rc = ngx_keepers_limit_ask(r, ctx->limit_wait, state);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    if (ngx_keepers_limit_answer(ctx->limit_wait, state)) {
        return ngx_keepers_limit_conclude(r, ctx, state, 0);
    }

    ngx_keepers_limit_local(r, state);

    return ngx_keepers_limit_conclude(r, ctx, state, 1);
}


/* The state of this request, kept beside its wait. */

static ngx_int_t
ngx_keepers_limit_begin(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_limit_state_t **state)
{
    ngx_keepers_wait_t  *wait;

    if (ctx->limit_wait != NULL) {
        *state = ctx->limit_wait->data;
        return NGX_OK;
    }

    wait = ngx_keepers_wait_create(r, NGX_KEEPERS_LIMIT_ITEMS_MAX
                                      * NGX_KEEPERS_LIMIT_ANSWERS, 64);
    if (wait == NULL) {
        return NGX_ERROR;
    }

    *state = ngx_palloc(r->pool, sizeof(ngx_keepers_limit_state_t));
    if (*state == NULL) {
        return NGX_ERROR;
    }

    (*state)->decided = 0;
    (*state)->n = 0;
    (*state)->told_n = 0;
    (*state)->held_n = 0;

    wait->data = *state;
    ctx->limit_wait = wait;

    return NGX_OK;
}


/*
 * The rules of this stage that have not yet decided on this request: phases
 * run again after a wait and after an internal redirect.  Where no session is
 * looked up its stage is the early one.
 */

static ngx_int_t
ngx_keepers_limit_collect(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state, ngx_keepers_limit_stage_e stage)
{
    ngx_uint_t                  i;
    ngx_keepers_limit_t        *limit;
    ngx_keepers_loc_conf_t     *klcf;
    ngx_keepers_limit_stage_e   due;

    klcf = ngx_keepers_loc_conf(r);
    limit = klcf->limits->elts;

    for (i = 0; i < klcf->limits->nelts; i++) {
        due = limit[i].stage;

        if (due == NGX_KEEPERS_LIMIT_SESSION
            && klcf->session == NGX_KEEPERS_SESSION_OFF)
        {
            due = NGX_KEEPERS_LIMIT_EARLY;
        }

        if (due != stage
            || (state->decided & (1ULL << limit[i].rule->number)))
        {
            continue;
        }

        if (ngx_keepers_limit_apply(r, state, &limit[i]) == NGX_ERROR) {
            state->n = 0;
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * A rule does not apply if its condition does not hold, if its key is empty,
 * or if it names the client and there is none, as behind a Unix socket: that
 * would be one bucket for all.
 */

static ngx_int_t
ngx_keepers_limit_apply(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state, ngx_keepers_limit_t *limit)
{
    size_t                     address_len;
    ngx_int_t                  rc;
    ngx_str_t                  condition;
    ngx_keepers_limit_rule_t  *rule;

    rule = limit->rule;
    address_len = 0;

    if (rule->condition != NULL) {
        if (ngx_http_complex_value(r, rule->condition, &condition) != NGX_OK) {
            return NGX_ERROR;
        }

        if (condition.len == 0
            || (condition.len == 1 && condition.data[0] == '0'))
        {
            return NGX_OK;
        }
    }

    if (rule->wide != NULL) {
        address_len = ngx_keepers_client_address(r).len;

        if (address_len == 0) {
            return NGX_OK;
        }
    }

    rc = ngx_keepers_limit_item(r, limit, rule, &state->items[state->n]);

    if (rc == NGX_OK && address_len == 16) {
        state->n++;
        rc = ngx_keepers_limit_item(r, limit, rule->wide,
                                    &state->items[state->n]);
        state->items[state->n].wide = 1;
    }

    if (rc == NGX_OK) {
        state->n++;
    }

    return rc;
}


/* NGX_OK, NGX_DECLINED: the key is empty, NGX_ERROR: no memory */

static ngx_int_t
ngx_keepers_limit_item(ngx_http_request_t *r, ngx_keepers_limit_t *limit,
    ngx_keepers_limit_rule_t *rule, ngx_keepers_limit_item_t *item)
{
    ngx_str_t                 key, cost;
    keepers_str_t             parts[3];
    ngx_keepers_main_conf_t  *kmcf;

    ngx_str_null(&cost);

    if (ngx_http_complex_value(r, rule->key, &key) != NGX_OK
        || (limit->cost != NULL
            && ngx_http_complex_value(r, limit->cost, &cost) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (key.len == 0) {
        return NGX_DECLINED;
    }

    kmcf = ngx_keepers_main_conf(r);

    /*
     * A name has no NUL, so it cannot run into the key; and the key of a /48
     * shall not be that of anything else
     */

    parts[0] = ngx_keepers_from(rule->name);
    parts[1] = keepers_str("\0/48", rule == limit->rule ? 1 : 4);
    parts[2] = ngx_keepers_from(key);

    keepers_keyed_hash(kmcf->edge->keys[0].derived[KEEPERS_PURPOSE_LIMIT],
                       parts, 3, item->hash, KEEPERS_HASH_LEN);

    item->rule = rule;
    item->cost = ngx_keepers_limit_item_cost(limit, &cost);
    item->admitted = 1;
    item->noted = 0;
    item->wide = 0;
    item->retry_us = 0;
    item->ahead_us = 0;
    item->remaining = 0;
    item->known = 0;

    (void) ngx_keepers_limit_get(r, item->hash, &item->local);

    return NGX_OK;
}


/*
 * What is no number costs 1.  More than the burst could never be admitted,
 * whatever Retry-After said: it costs all of the burst.
 */

static uint32_t
ngx_keepers_limit_item_cost(ngx_keepers_limit_t *limit, ngx_str_t *text)
{
    uint64_t  cost;

    if (limit->cost == NULL
        || !keepers_text_uint(ngx_keepers_from(*text), &cost))
    {
        return 1;
    }

    return (uint32_t) ngx_min(cost, limit->rule->rate.burst);
}


/*
 * Whether the zone knows of a refusal that still holds.  A rule that refuses
 * nobody asks each time: it shall see what it would see if it were enforced.
 */

static ngx_uint_t
ngx_keepers_limit_denied(ngx_http_request_t *r,
    ngx_keepers_limit_state_t *state)
{
    uint64_t                   now_us;
    ngx_uint_t                 i, denied;
    ngx_keepers_limit_item_t  *item;

    now_us = (uint64_t) ngx_current_msec * 1000;
    denied = 0;

    for (i = 0; i < state->n; i++) {
        item = &state->items[i];

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
    ngx_keepers_limit_state_t *state, ngx_uint_t degraded)
{
    uint64_t                   retry_us;
    ngx_uint_t                 i, limited;
    ngx_keepers_limit_item_t  *item;

    retry_us = 0;
    limited = 0;

    for (i = 0; i < state->n; i++) {
        item = &state->items[i];

        state->decided |= 1ULL << item->rule->number;

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

    ngx_keepers_limit_tell(state);

    if (!limited) {
        ngx_keepers_limit_hold(r, state, degraded);
    }

    state->n = 0;

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
 * A signup is not refused here: the link's handler answers 429 with the page
 * and what the visitor typed.
 */

static ngx_int_t
ngx_keepers_limit_refuse(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    uint64_t retry_us)
{
    ctx->limit = NGX_KEEPERS_LIMIT_LIMITED;
    ctx->retry_s = ngx_keepers_limit_retry(retry_us);
    ctx->reason = "rate_limited";

    if (ngx_keepers_loc_conf(r)->link != NULL && r->method == NGX_HTTP_POST) {
        return NGX_OK;
    }

    if (ctx->wait != NULL && ctx->wait->op != NULL) {

        /* the session's answer would wake what is an error page by then */

        ngx_keepers_wait_drop(ctx->wait);
        ctx->wait = NULL;
    }

    ngx_keepers_log(NGX_LOG_INFO, r, "refused by a limit for %ui s",
                    ctx->retry_s);

    return ngx_keepers_reply_refuse(r, ngx_keepers_loc_conf(r)->limit_status,
                                    "rate_limited", ctx->retry_s);
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
