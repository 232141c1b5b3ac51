
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

/* what the script says of a rule that never admits: 2^53 - 1 */
#define NGX_KEEPERS_LIMIT_NEVER_US   9007199254740991

/* "{HASH}:l:" and a number */
#define NGX_KEEPERS_LIMIT_TEXT_LEN                                           \
    (keepers_base64url_len(NGX_KEEPERS_LIMIT_HASH_LEN) + 5 + NGX_INT64_LEN)


_Static_assert(NGX_KEEPERS_LIMIT_ITEMS_MAX * (1 + NGX_KEEPERS_LIMIT_ARGS)
               <= NGX_KEEPERS_REDIS_ARGS_MAX, "the script takes all items");


static ngx_uint_t ngx_keepers_limit_decided(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static ngx_int_t ngx_keepers_limit_call(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_answer(ngx_keepers_limits_t *limits);
static void ngx_keepers_limit_verdict(ngx_keepers_limit_item_t *item,
    int64_t us);
static void ngx_keepers_limit_key(keepers_out_t *out, ngx_str_t prefix,
    const ngx_keepers_limit_rule_t *rule, const u_char *hash);


ngx_int_t
ngx_keepers_limit_ask(ngx_http_request_t *r, ngx_keepers_limits_t *limits)
{
    ngx_uint_t  slots;

    slots = ngx_keepers_redis_slots(ngx_keepers_worker.redis);

    if (limits->asking == 0) {
        limits->asked = 0;

    } else if (ngx_keepers_limit_answer(limits)) {

        if (ngx_keepers_limit_decided(r, limits)) {
            return NGX_OK;
        }

    } else if (limits->asking == 1 || !slots) {
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
ngx_keepers_limit_decided(ngx_http_request_t *r, ngx_keepers_limits_t *limits)
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
            ngx_keepers_limit_undo(r, item->rule, item->hash, item->cost);
        }
    }

    limits->asking = 0;

    return 1;
}


/* One script call for "asking" items: NGX_AGAIN, or issue()'s code. */

static ngx_int_t
ngx_keepers_limit_call(ngx_http_request_t *r, ngx_keepers_limits_t *limits)
{
    size_t                     size, from;
    ngx_str_t                  prefix;
    ngx_uint_t                 i, argc;
    keepers_out_t              out;
    keepers_str_t              argv[NGX_KEEPERS_LIMIT_ITEMS_MAX
                                    * (1 + NGX_KEEPERS_LIMIT_ARGS)];
    ngx_keepers_wait_t        *wait;
    ngx_keepers_limit_item_t  *items, *item;

    wait = limits->wait;
    items = limits->items + limits->asked;

    if (wait == NULL || wait->reply.values_max < limits->asking) {
        wait = ngx_keepers_wait_create(r, limits->asking, 64);
        if (wait == NULL) {
            return NGX_ERROR;
        }

        limits->wait = wait;
    }

    prefix = ngx_keepers_main_conf(r)->redis.prefix;
    size = 0;

    for (i = 0; i < limits->asking; i++) {
        size += prefix.len + items[i].rule->name.len
                + NGX_KEEPERS_LIMIT_TEXT_LEN;
    }

    ngx_keepers_out(&out, r->pool, size);

    for (i = 0; i < limits->asking; i++) {
        from = out.len;

        ngx_keepers_limit_key(&out, prefix, items[i].rule, items[i].hash);
        argv[i] = keepers_str(out.data + from, out.len - from);
    }

    argc = limits->asking;

    for (i = 0; i < limits->asking; i++) {
        item = &items[i];

        argv[argc++] = item->rule->interval;
        argv[argc++] = item->rule->tolerance;

        if (item->cost == 1) {
            argv[argc++] = keepers_str("1", 1);

        } else {
            from = out.len;
            keepers_out_uint(&out, item->cost);
            argv[argc++] = keepers_str(out.data + from, out.len - from);
        }

        argv[argc++] = item->rule->mode == NGX_KEEPERS_LIMIT_ENFORCE
                           ? keepers_str("0", 1) : keepers_str("1", 1);
    }

    if (out.data == NULL || out.overflow) {
        return NGX_ERROR;
    }

    return ngx_keepers_wait_eval(wait, limits->wake == NULL
                                       ? NGX_KEEPERS_WAIT_PHASE
                                       : NGX_KEEPERS_WAIT_HANDLER,
                                 limits->wake, NGX_KEEPERS_SCRIPT_LIMIT,
                                 limits->asking, argv, argc);
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

    for (i = 0; i < limits->asking; i++) {
        if (value[i].kind != NGX_KEEPERS_REDIS_INTEGER
            || value[i].integer < -NGX_KEEPERS_LIMIT_NEVER_US)
        {
            return 0;
        }
    }

    for (i = 0; i < limits->asking; i++) {
        ngx_keepers_limit_verdict(&limits->items[limits->asked++],
                                  value[i].integer);
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
ngx_keepers_limit_undo(ngx_http_request_t *r,
    const ngx_keepers_limit_rule_t *rule, const u_char *hash, uint32_t cost)
{
    size_t         size;
    ngx_str_t      prefix;
    keepers_out_t  out;
    keepers_str_t  argv[2];

    prefix = ngx_keepers_main_conf(r)->redis.prefix;
    size = prefix.len + rule->name.len + NGX_KEEPERS_LIMIT_TEXT_LEN;

    ngx_keepers_out(&out, r->pool, size);
    ngx_keepers_limit_key(&out, prefix, rule, hash);

    argv[0] = keepers_str(out.data, out.len);

    keepers_out_uint(&out, cost * rule->rate.interval_us);

    argv[1] = keepers_str(out.data + argv[0].len, out.len - argv[0].len);

    if (out.data == NULL || out.overflow) {
        return;
    }

    /* when it is lost, the charge drains as any other */

    (void) ngx_keepers_redis_eval(ngx_keepers_worker.redis,
                                  NGX_KEEPERS_SCRIPT_UNDO, 1, argv, 2, NULL,
                                  NULL, NULL, NULL);
}


static void
ngx_keepers_limit_key(keepers_out_t *out, ngx_str_t prefix,
    const ngx_keepers_limit_rule_t *rule, const u_char *hash)
{
    keepers_out_str(out, ngx_keepers_from(prefix));
    keepers_out_byte(out, '{');
    keepers_text_base64url(out, keepers_str(hash,
                                            NGX_KEEPERS_LIMIT_HASH_LEN));
    keepers_out_text(out, "}:l:");
    keepers_out_str(out, ngx_keepers_from(rule->name));
}
