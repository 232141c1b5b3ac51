
/*
 * Copyright (C) Keepers
 *
 * What the limiter says to Redis: the script calls that decide and give back.
 */


#include "http/ngx_keepers_limit_int.h"

#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "core/keepers_rate.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_LIMIT_HASH_LEN   16     /* of the hash, in a Redis key */
#define NGX_KEEPERS_LIMIT_ARGS       4      /* of a rule, behind the keys */
#define NGX_KEEPERS_LIMIT_RESERVE_ARGS  4   /* of a reservation, and its key */

/* what the script says of a rule that never admits: 2^53 - 1 */
#define NGX_KEEPERS_LIMIT_NEVER_US   9007199254740991

#define NGX_KEEPERS_LIMIT_HASH_TEXT_LEN                                      \
    keepers_base64url_len(NGX_KEEPERS_LIMIT_HASH_LEN)

/* a rule's key without the hash, and four numbers, all of them encoded */
#define NGX_KEEPERS_LIMIT_RULE_LEN                                           \
    (NGX_KEEPERS_REDIS_PREFIX_MAX + NGX_KEEPERS_LIMIT_NAME_MAX               \
     + sizeof("$nnn\r\n{}:l:\r\n")                                           \
     + 4 * (NGX_INT64_LEN + sizeof("$nn\r\n\r\n")))

#define NGX_KEEPERS_LIMIT_CALL_LEN                                           \
    ((NGX_KEEPERS_LIMIT_ITEMS_MAX + NGX_KEEPERS_LIMIT_RESERVE_ARGS)          \
     * (NGX_KEEPERS_LIMIT_RULE_LEN + NGX_KEEPERS_LIMIT_HASH_TEXT_LEN))

#define ngx_keepers_limit_shadow(rule)                                       \
    ((rule)->mode == NGX_KEEPERS_LIMIT_ENFORCE ? 0 : 1)


_Static_assert(NGX_KEEPERS_LIMIT_ITEMS_MAX * (1 + NGX_KEEPERS_LIMIT_ARGS)
               + NGX_KEEPERS_LIMIT_RESERVE_ARGS
               <= NGX_KEEPERS_REDIS_ARGS_MAX, "the script takes all items");


static ngx_uint_t ngx_keepers_limit_decided(
    ngx_keepers_limits_t *limits);
static ngx_int_t ngx_keepers_limit_call(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static void ngx_keepers_limit_items(keepers_out_t *out,
    ngx_keepers_limits_t *limits, ngx_keepers_limit_reserve_t *reserve);
static ngx_uint_t ngx_keepers_limit_found(ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_answer(ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_decisions(
    const ngx_keepers_redis_value_t *value, ngx_uint_t n);
static void ngx_keepers_limit_verdict(ngx_keepers_limit_item_t *item,
    int64_t us);
static void ngx_keepers_limit_key(keepers_out_t *out, keepers_str_t before,
    const u_char *hash, keepers_str_t behind);
static void ngx_keepers_limit_terms(keepers_out_t *out,
    const ngx_keepers_limit_item_t *item);
static void ngx_keepers_limit_number(keepers_out_t *out, uint64_t n);
static void ngx_keepers_limit_string(keepers_out_t *out, keepers_str_t s);
static void ngx_keepers_limit_bulk(keepers_out_t *out, size_t len);


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


/* One script call for "asking" items: NGX_AGAIN, or issue()'s code. */

static ngx_int_t
ngx_keepers_limit_call(ngx_http_request_t *r, ngx_keepers_limits_t *limits)
{
    u_char                        buf[NGX_KEEPERS_LIMIT_CALL_LEN];
    ngx_uint_t                    keys, args, values;
    keepers_out_t                 out;
    ngx_keepers_wait_t           *wait;
    ngx_keepers_limit_reserve_t  *reserve;

    wait = limits->wait;
    reserve = limits->reserve;
    keys = limits->asking;
    args = limits->asking * (1 + NGX_KEEPERS_LIMIT_ARGS);
    values = limits->asking;

    if (reserve != NULL) {
        keys++;
        args += NGX_KEEPERS_LIMIT_RESERVE_ARGS;
        values++;
    }

    if (wait == NULL || wait->reply.values_max < values) {
        wait = ngx_keepers_wait_create(r, values, 64);
        if (wait == NULL) {
            return NGX_ERROR;
        }

        limits->wait = wait;
    }

    keepers_out_init(&out, buf, sizeof(buf));

    ngx_keepers_limit_items(&out, limits, reserve);

    if (out.overflow) {
        return NGX_ERROR;
    }

    return ngx_keepers_wait_eval_encoded(wait, limits->wake == NULL
                                               ? NGX_KEEPERS_WAIT_PHASE
                                               : NGX_KEEPERS_WAIT_HANDLER,
                                 limits->wake, reserve == NULL
                                               ? NGX_KEEPERS_SCRIPT_LIMIT
                                               : NGX_KEEPERS_SCRIPT_ADMIT,
                                 keys, keepers_out_written(&out), args);
}


static void
ngx_keepers_limit_items(keepers_out_t *out, ngx_keepers_limits_t *limits,
    ngx_keepers_limit_reserve_t *reserve)
{
    ngx_uint_t                 i;
    ngx_keepers_limit_item_t  *item;

    item = &limits->items[limits->asked];

    if (limits->asking == 1 && item->cost == 1 && reserve == NULL) {

        /* as most requests are asked about */

        ngx_keepers_limit_key(out, item->rule->before, item->hash,
                              item->rule->alone);
        return;
    }

    for (i = 0; i < limits->asking; i++) {
        ngx_keepers_limit_key(out, item[i].rule->before, item[i].hash,
                              item[i].rule->behind);
    }

    if (reserve != NULL) {
        ngx_keepers_limit_string(out, reserve->key);
    }

    for (i = 0; i < limits->asking; i++) {
        ngx_keepers_limit_terms(out, &item[i]);
    }

    if (reserve != NULL) {
        ngx_keepers_limit_string(out, reserve->value);
        ngx_keepers_limit_string(out, reserve->life);
        ngx_keepers_limit_number(out, limits->later);
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
    ngx_keepers_limit_items(&out, limits, NULL);

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


/* "P{HASH}:l:NAME", and what stands in "behind" with it */

static void
ngx_keepers_limit_key(keepers_out_t *out, keepers_str_t before,
    const u_char *hash, keepers_str_t behind)
{
    keepers_out_str(out, before);
    keepers_text_base64url(out, keepers_str(hash,
                                            NGX_KEEPERS_LIMIT_HASH_LEN));
    keepers_out_str(out, behind);
}


/* The four that the script wants of a rule; nearly always the cost is 1. */

static void
ngx_keepers_limit_terms(keepers_out_t *out,
    const ngx_keepers_limit_item_t *item)
{
    if (item->cost == 1) {
        keepers_out_str(out, item->rule->charge);
        return;
    }

    keepers_out_str(out, item->rule->bounds);
    ngx_keepers_limit_number(out, item->cost);
    ngx_keepers_limit_number(out, ngx_keepers_limit_shadow(item->rule));
}


/* A number as RESP's bulk string. */

static void
ngx_keepers_limit_number(keepers_out_t *out, uint64_t n)
{
    u_char         digits[NGX_INT64_LEN];
    keepers_out_t  text;

    keepers_out_init(&text, digits, sizeof(digits));
    keepers_out_uint(&text, n);

    ngx_keepers_limit_string(out, keepers_out_written(&text));
}


static void
ngx_keepers_limit_string(keepers_out_t *out, keepers_str_t s)
{
    ngx_keepers_limit_bulk(out, s.len);
    keepers_out_str(out, s);
    keepers_out_text(out, "\r\n");
}


/* How a bulk string of "len" bytes begins. */

static void
ngx_keepers_limit_bulk(keepers_out_t *out, size_t len)
{
    keepers_out_byte(out, '$');
    keepers_out_uint(out, len);
    keepers_out_text(out, "\r\n");
}


ngx_int_t
ngx_keepers_limit_encode(ngx_pool_t *pool, ngx_str_t prefix,
    ngx_keepers_limit_rule_t *rule)
{
    size_t         hash, bounds, charge;
    keepers_out_t  out;

    ngx_keepers_out(&out, pool, NGX_KEEPERS_LIMIT_RULE_LEN);

    ngx_keepers_limit_bulk(&out, prefix.len + sizeof("{}:l:") - 1
                                 + NGX_KEEPERS_LIMIT_HASH_TEXT_LEN
                                 + rule->name.len);
    keepers_out_str(&out, ngx_keepers_from(prefix));
    keepers_out_byte(&out, '{');

    hash = out.len;
    keepers_out_text(&out, "}:l:");
    keepers_out_str(&out, ngx_keepers_from(rule->name));
    keepers_out_text(&out, "\r\n");

    bounds = out.len;
    ngx_keepers_limit_number(&out, rule->rate.interval_us);
    ngx_keepers_limit_number(&out, rule->rate.tolerance_us);

    charge = out.len;
    ngx_keepers_limit_number(&out, 1);
    ngx_keepers_limit_number(&out, ngx_keepers_limit_shadow(rule));

    rule->before = keepers_str(out.data, hash);
    rule->behind = keepers_str(out.data + hash, bounds - hash);
    rule->bounds = keepers_str(out.data + bounds, charge - bounds);
    rule->charge = keepers_str(out.data + bounds, out.len - bounds);
    rule->alone = keepers_str(out.data + hash, out.len - hash);

    return out.overflow ? NGX_ERROR : NGX_OK;
}
