
/*
 * Copyright (C) Keepers
 *
 * Which rules a request is to be decided by, whom each of them counts and what
 * it is charged.
 */


#include "http/ngx_keepers_limit_int.h"

#include "core/keepers_keyring.h"
#include "core/keepers_rate.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_proxied.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_value.h"
#include "http/ngx_keepers_worker.h"


/* a rule's name and most keys; longer ones are put together in the pool */
#define NGX_KEEPERS_LIMIT_TEXT  160


static ngx_keepers_limit_stage_e ngx_keepers_limit_due(ngx_http_request_t *r,
    ngx_keepers_limit_t *limit);
static ngx_uint_t ngx_keepers_limit_whole(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf);
static ngx_int_t ngx_keepers_limit_apply(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits, ngx_keepers_limit_t *limit);
static ngx_int_t ngx_keepers_limit_item(ngx_http_request_t *r,
    ngx_keepers_limit_t *limit, ngx_keepers_limit_rule_t *rule,
    ngx_keepers_limit_item_t *item);
static ngx_int_t ngx_keepers_limit_hash(ngx_http_request_t *r,
    ngx_str_t name, ngx_uint_t wide, ngx_str_t key,
    u_char hash[KEEPERS_HASH_LEN]);
static uint32_t ngx_keepers_limit_item_cost(ngx_keepers_limit_t *limit,
    ngx_str_t *text);


/*
 * The rules of this stage that have not yet decided on this request: phases
 * run again after a wait and after an internal redirect.
 */

ngx_int_t
ngx_keepers_limit_collect(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits, ngx_keepers_limit_stage_e stage)
{
    ngx_uint_t                  i;
    ngx_keepers_limit_t        *limit;
    ngx_keepers_loc_conf_t     *klcf;

    klcf = ngx_keepers_loc_conf(r);
    limit = klcf->limits->elts;

    /* an internal redirect may have led to where there are more */

    if (limits->items_max < ngx_keepers_limit_items_of(klcf)) {
        limits->items_max = ngx_keepers_limit_items_of(klcf);
        limits->items = ngx_palloc(r->pool, limits->items_max
                                            * sizeof(ngx_keepers_limit_item_t));
        if (limits->items == NULL) {
            limits->items_max = 0;
            return NGX_ERROR;
        }
    }

    for (i = 0; i < klcf->limits->nelts; i++) {
        if ((limits->decided & (1ULL << limit[i].rule->number))
            || ngx_keepers_limit_due(r, &limit[i]) != stage)
        {
            continue;
        }

        if (ngx_keepers_limit_apply(r, limits, &limit[i]) == NGX_ERROR) {
            limits->n = 0;
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Where no session is looked up its stage is the early one.  Rules that count
 * failed sign-ins are decided together, in one round trip: when it is known
 * whose account is tried, and from which device.  So are those on who has
 * forgotten a password, whose form is shown again.
 */

static ngx_keepers_limit_stage_e
ngx_keepers_limit_due(ngx_http_request_t *r, ngx_keepers_limit_t *limit)
{
    ngx_keepers_loc_conf_t     *klcf;
    ngx_keepers_limit_stage_e   due;

    klcf = ngx_keepers_loc_conf(r);
    due = limit->stage;

    if (due == NGX_KEEPERS_LIMIT_SESSION
        && klcf->session == NGX_KEEPERS_SESSION_OFF)
    {
        due = NGX_KEEPERS_LIMIT_EARLY;
    }

    if (due == NGX_KEEPERS_LIMIT_EARLY
        && ((limit->rule->failures && klcf->signin.len != 0)
            || klcf->forgot.len != 0 || klcf->reset.len != 0)
        && r->method == NGX_HTTP_POST)
    {
        due = NGX_KEEPERS_LIMIT_SIGNIN;
    }

    if (due == NGX_KEEPERS_LIMIT_EARLY && limit->at_signup
        && ngx_keepers_limit_whole(r, klcf))
    {
        due = NGX_KEEPERS_LIMIT_LATER;
    }

    return due;
}


/*
 * A signup whose body came with its headers: nothing is waited for before its
 * fields are read.  The nodes of a cluster cannot be asked for all at once.
 */

static ngx_uint_t
ngx_keepers_limit_whole(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf)
{
    return klcf->link != NULL
           && r == r->main
           && r->method == NGX_HTTP_POST
           && r->http_version < NGX_HTTP_VERSION_20
           && klcf->session == NGX_KEEPERS_SESSION_OFF
           && r->request_body == NULL
           && !r->headers_in.chunked
           && r->headers_in.content_length_n > 0
           && r->header_in->last - r->header_in->pos
              >= r->headers_in.content_length_n
           && !ngx_keepers_redis_slots(ngx_keepers_worker.redis);
}


/*
 * A rule does not apply if its condition does not hold, if its key is empty,
 * or if it names the client and there is none, as behind a Unix socket: that
 * would be one bucket for all.
 */

static ngx_int_t
ngx_keepers_limit_apply(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits, ngx_keepers_limit_t *limit)
{
    size_t                     address_len;
    ngx_int_t                  rc;
    ngx_str_t                  condition;
    ngx_keepers_limit_rule_t  *rule;

    rule = limit->rule;
    address_len = 0;

    if (rule->condition != NULL) {
        if (ngx_keepers_value(r, rule->condition, &condition) != NGX_OK) {
            return NGX_ERROR;
        }

        if (condition.len == 0
            || (condition.len == 1 && condition.data[0] == '0'))
        {
            return NGX_OK;
        }
    }

    if (rule->wide != NULL) {
        ngx_keepers_proxied_look(r);

        address_len = ngx_keepers_client_address(r).len;

        if (address_len == 0) {
            return NGX_OK;
        }
    }

    rc = ngx_keepers_limit_item(r, limit, rule, &limits->items[limits->n]);

    if (rc == NGX_OK && address_len == 16) {
        limits->n++;
        rc = ngx_keepers_limit_item(r, limit, rule->wide,
                                    &limits->items[limits->n]);
        limits->items[limits->n].wide = 1;
    }

    if (rc == NGX_OK) {
        limits->n++;
    }

    return rc;
}


/* NGX_OK, NGX_DECLINED: the key is empty, NGX_ERROR: no memory */

static ngx_int_t
ngx_keepers_limit_item(ngx_http_request_t *r, ngx_keepers_limit_t *limit,
    ngx_keepers_limit_rule_t *rule, ngx_keepers_limit_item_t *item)
{
    ngx_str_t  key, cost;

    ngx_str_null(&cost);

    if (rule->net != 0) {
        key = ngx_keepers_to(ngx_keepers_client_address(r));
        key.len = ngx_min(key.len, rule->net);

    } else if (rule->bytes != NULL) {
        key = ngx_keepers_to(rule->bytes(r));

    } else if (ngx_keepers_value(r, rule->key, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    if (limit->cost != NULL
        && ngx_keepers_value(r, limit->cost, &cost) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (key.len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_keepers_limit_hash(r, rule->name, rule != limit->rule, key,
                               item->hash)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

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
 * A hash that is a PRF (SipHash-2-4 with 128 bits) under a key of its own: it
 * names a state in the zone and in Redis, and tells nobody the address that it
 * was made of.  A name has no NUL, so it cannot run into the key; and the key
 * of a /48 shall not be that of anything else.
 */

static ngx_int_t
ngx_keepers_limit_hash(ngx_http_request_t *r, ngx_str_t name,
    ngx_uint_t wide, ngx_str_t key, u_char hash[KEEPERS_HASH_LEN])
{
    u_char         buf[NGX_KEEPERS_LIMIT_TEXT], *text, *p;
    size_t         len;
    const u_char  *secret;

    _Static_assert(KEEPERS_MARK_LEN <= KEEPERS_HASH_LEN
                   && KEEPERS_MARK_KEY_LEN <= KEEPERS_KEY_LEN,
                   "a mark is a part of a hash");

    text = buf;
    len = name.len + sizeof("\0/48") - 1 + key.len;

    if (len > sizeof(buf)) {
        text = ngx_pnalloc(r->pool, len);
        if (text == NULL) {
            return NGX_ERROR;
        }
    }

    p = ngx_cpymem(text, name.data, name.len);
    p = ngx_cpymem(p, "\0/48", wide ? sizeof("\0/48") - 1 : 1);
    p = ngx_cpymem(p, key.data, key.len);

    secret = ngx_keepers_main_conf(r)->edge->keys[0]
                 .derived[KEEPERS_PURPOSE_LIMIT];

    ngx_memzero(hash, KEEPERS_HASH_LEN);
    keepers_mark(secret, keepers_str(text, p - text), hash);

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
