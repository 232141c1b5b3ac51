
/*
 * Copyright (C) Keepers
 *
 * What the limiter says to Redis: the script calls that decide and give back.
 */


#include "http/ngx_keepers_limit_int.h"

#include "core/keepers_out.h"
#include "core/keepers_rate.h"
#include "http/ngx_keepers_worker.h"


/* what the script says of a rule that never admits: 2^53 - 1 */
#define NGX_KEEPERS_LIMIT_NEVER_US   9007199254740991

#define NGX_KEEPERS_LIMIT_ARGS       4      /* of a rule, behind the keys */

#define NGX_KEEPERS_LIMIT_CALL_LEN                                           \
    (NGX_KEEPERS_LIMIT_ITEMS_MAX                                             \
     * (NGX_KEEPERS_LIMIT_RULE_LEN + NGX_KEEPERS_LIMIT_HASH_TEXT_LEN))


_Static_assert(NGX_KEEPERS_LIMIT_ITEMS_MAX * (1 + NGX_KEEPERS_LIMIT_ARGS)
               <= NGX_KEEPERS_REDIS_ARGS_MAX, "the script takes all items");


static ngx_uint_t ngx_keepers_limit_decided(
    ngx_keepers_limits_t *limits);
static ngx_int_t ngx_keepers_limit_call(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static void ngx_keepers_limit_items(keepers_out_t *out,
    ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_found(ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_answer(ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_decisions(
    const ngx_keepers_redis_value_t *value, ngx_uint_t n);
static void ngx_keepers_limit_verdict(ngx_keepers_limit_item_t *item,
    int64_t us);


ngx_int_t
ngx_keepers_limit_ask(ngx_http_request_t *r, ngx_keepers_limits_t *limits)
{
    ngx_uint_t  slots;

    slots = ngx_keepers_redis_slots(ngx_keepers_worker.redis);

    if (limits->asking == 0) {
        limits->asked = 0;

    } else if (ngx_keepers_limit_found(limits)) {
        limits->asking = 0;
        return NGX_OK;

    } else if (ngx_keepers_limit_answer(limits)) {

        if (ngx_keepers_limit_decided(limits)) {
            return NGX_OK;
        }

    } else if (limits->asking == 1 || limits->reserve != NULL || !slots) {
        limits->asking = 0;
        return NGX_DECLINED;
    }

    limits->asking = slots ? 1 : limits->n - limits->asked;

    if (ngx_keepers_limit_call(r, limits) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    limits->asking = 0;

    return NGX_DECLINED;
}


/*
 * Whether there is nothing more to ask.  What single calls have charged before
 * one of them refused is given back; what is left is not asked.
 */

static ngx_uint_t
ngx_keepers_limit_decided(ngx_keepers_limits_t *limits)
{
    ngx_uint_t                 i, refused;
    ngx_keepers_limit_item_t  *item;

    refused = 0;

    for (i = limits->asked - limits->asking; i < limits->asked; i++) {
        item = &limits->items[i];

        if (!item->admitted && item->rule->mode == NGX_KEEPERS_LIMIT_ENFORCE) {
            refused = 1;
        }
    }

    if (!refused && limits->asked < limits->n) {
        return 0;
    }

    /* of one call for all, the script has charged none */

    for (i = 0; refused && limits->asking < limits->n && i < limits->asked;
         i++)
    {
        item = &limits->items[i];

        if (item->admitted && item->cost != 0) {
            ngx_keepers_limit_undo(item->rule, item->hash, item->cost);
        }
    }

    limits->asking = 0;

    return 1;
}


/* A script call for "asking" items: NGX_AGAIN, or why there is none. */

static ngx_int_t
ngx_keepers_limit_call(ngx_http_request_t *r, ngx_keepers_limits_t *limits)
{
    u_char               buf[NGX_KEEPERS_LIMIT_CALL_LEN];
    ngx_uint_t           values;
    keepers_out_t        out;
    ngx_keepers_wait_t  *wait;

    wait = limits->wait;
    values = limits->asking + (limits->reserve != NULL);

    if (wait == NULL || wait->reply.values_max < values) {
        wait = ngx_keepers_wait_create(r, values, 64);
        if (wait == NULL) {
            return NGX_ERROR;
        }

        limits->wait = wait;
    }

    if (limits->reserve != NULL) {
        return ngx_keepers_limit_batch(limits);
    }

    keepers_out_init(&out, buf, sizeof(buf));

    ngx_keepers_limit_items(&out, limits);

    if (out.overflow) {
        return NGX_ERROR;
    }

    return ngx_keepers_wait_eval_encoded(wait, limits->wake == NULL
                                               ? NGX_KEEPERS_WAIT_PHASE
                                               : NGX_KEEPERS_WAIT_HANDLER,
                                 limits->wake, NGX_KEEPERS_SCRIPT_LIMIT,
                                 limits->asking, keepers_out_written(&out),
                                 limits->asking
                                 * (1 + NGX_KEEPERS_LIMIT_ARGS));
}


static void
ngx_keepers_limit_items(keepers_out_t *out, ngx_keepers_limits_t *limits)
{
    ngx_uint_t                 i;
    ngx_keepers_limit_item_t  *item;

    item = &limits->items[limits->asked];

    if (limits->asking == 1 && item->cost == 1) {

        /* as most requests are asked about */

        ngx_keepers_limit_key(out, item->rule->before, item->hash,
                              item->rule->alone);
        return;
    }

    for (i = 0; i < limits->asking; i++) {
        ngx_keepers_limit_key(out, item[i].rule->before, item[i].hash,
                              item[i].rule->behind);
    }

    for (i = 0; i < limits->asking; i++) {
        ngx_keepers_limit_terms(out, item[i].rule, item[i].cost);
    }
}


/* Whether the reservation was there; then just those that wait were asked. */

static ngx_uint_t
ngx_keepers_limit_found(ngx_keepers_limits_t *limits)
{
    ngx_uint_t                  i;
    ngx_keepers_wait_t         *wait;
    ngx_keepers_redis_value_t  *value;

    wait = limits->wait;

    if (limits->reserve == NULL || wait->rc != NGX_OK
        || wait->reply.n != 1 + limits->later)
    {
        return 0;
    }

    value = wait->reply.values;

    if (value[0].kind != NGX_KEEPERS_REDIS_STRING
        || !ngx_keepers_limit_decisions(&value[1], limits->later))
    {
        return 0;
    }

    for (i = 0; i < limits->later; i++) {
        ngx_keepers_limit_verdict(&limits->items[i], value[1 + i].integer);
    }

    limits->reserve->found = value[0].string;

    return 1;
}


/* Takes over what Redis decided; 0: it did not. */

static ngx_uint_t
ngx_keepers_limit_answer(ngx_keepers_limits_t *limits)
{
    ngx_uint_t                  i;
    ngx_keepers_wait_t         *wait;
    ngx_keepers_redis_value_t  *value;

    wait = limits->wait;

    if (wait->rc != NGX_OK || wait->reply.n != limits->asking) {
        return 0;
    }

    value = wait->reply.values;

    if (!ngx_keepers_limit_decisions(value, limits->asking)) {
        return 0;
    }

    for (i = 0; i < limits->asking; i++) {
        ngx_keepers_limit_verdict(&limits->items[limits->asked++],
                                  value[i].integer);
    }

    return 1;
}


static ngx_uint_t
ngx_keepers_limit_decisions(const ngx_keepers_redis_value_t *value,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (value[i].kind != NGX_KEEPERS_REDIS_INTEGER
            || value[i].integer < -NGX_KEEPERS_LIMIT_NEVER_US)
        {
            return 0;
        }
    }

    return 1;
}


/*
 * Redis refuses when ahead + need exceeds the capacity, and says by how much.
 */

static void
ngx_keepers_limit_verdict(ngx_keepers_limit_item_t *item, int64_t us)
{
    uint64_t         need_us, full_us;
    keepers_rate_t  *rate;

    rate = &item->rule->rate;

    item->known = 1;
    item->admitted = (us >= 0);

    if (us >= 0) {
        item->retry_us = 0;
        item->ahead_us = (uint64_t) us;
        item->remaining = keepers_rate_left(rate, item->ahead_us);
        return;
    }

    need_us = ngx_max(item->cost, 1) * rate->interval_us;
    full_us = rate->tolerance_us + rate->interval_us + (uint64_t) -us;

    item->retry_us = (uint64_t) -us;
    item->ahead_us = 0;
    item->remaining = keepers_rate_left(rate, full_us - ngx_min(full_us,
                                                                need_us));
}


void
ngx_keepers_limit_charge(ngx_keepers_limits_t *limits)
{
    u_char         buf[NGX_KEEPERS_LIMIT_CALL_LEN];
    keepers_out_t  out;

    if (limits->asking != 0) {
        return;
    }

    limits->asked = 0;
    limits->asking = limits->later;

    keepers_out_init(&out, buf, sizeof(buf));
    ngx_keepers_limit_items(&out, limits);

    if (out.overflow) {
        return;
    }

    (void) ngx_keepers_redis_eval_encoded(ngx_keepers_worker.redis,
                                          NGX_KEEPERS_SCRIPT_LIMIT,
                                          limits->later,
                                          keepers_out_written(&out),
                                          limits->later
                                          * (1 + NGX_KEEPERS_LIMIT_ARGS),
                                          NULL, NULL, NULL, NULL);
}


void
ngx_keepers_limit_undo(const ngx_keepers_limit_rule_t *rule,
    const u_char *hash, uint32_t cost)
{
    u_char         buf[NGX_KEEPERS_LIMIT_CALL_LEN];
    keepers_out_t  out;

    keepers_out_init(&out, buf, sizeof(buf));

    ngx_keepers_limit_key(&out, rule->before, hash, rule->behind);
    ngx_keepers_limit_number(&out, cost * rule->rate.interval_us);

    if (out.overflow) {
        return;
    }

    /* when it is lost, the charge drains as any other */

    (void) ngx_keepers_redis_eval_encoded(ngx_keepers_worker.redis,
                                          NGX_KEEPERS_SCRIPT_UNDO, 1,
                                          keepers_out_written(&out), 2, NULL,
                                          NULL, NULL, NULL);
}
