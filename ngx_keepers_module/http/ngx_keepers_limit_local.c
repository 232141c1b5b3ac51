
/*
 * Copyright (C) Keepers
 *
 * What a machine knows of limits by itself, in the shared zone: whom Redis has
 * refused, so that asking again costs it nothing, and how far each budget was
 * used, so that its loss does not give all of them anew.
 *
 * The table is read and written without a lock over both, so two workers may
 * admit on the same state.  That lets through at most one request a worker too
 * many each time, and is why Redis decides while it can.
 */


#include "http/ngx_keepers_limit_int.h"

#include "core/keepers_rate.h"


static void ngx_keepers_limit_local_item(ngx_keepers_limit_item_t *item,
    uint64_t now_us, keepers_rate_decision_t *decision);
static uint32_t ngx_keepers_limit_local_cost(
    const ngx_keepers_limit_rule_t *rule, uint32_t cost);


void
ngx_keepers_limit_local(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits)
{
    uint64_t                   now_us;
    ngx_uint_t                 i, refused;
    keepers_rate_decision_t    decisions[NGX_KEEPERS_LIMIT_ITEMS_MAX];
    ngx_keepers_limit_item_t  *item;

    now_us = (uint64_t) ngx_current_msec * 1000;
    refused = 0;

    for (i = 0; i < limits->n; i++) {
        item = &limits->items[i];

        /* others were decided while this one waited for Redis */

        (void) ngx_keepers_limit_get(r, item->hash, &item->local);

        ngx_keepers_limit_local_item(item, now_us, &decisions[i]);

        if (!item->admitted && item->rule->mode == NGX_KEEPERS_LIMIT_ENFORCE) {
            refused = 1;
        }
    }

    for (i = 0; i < limits->n && !refused; i++) {
        item = &limits->items[i];

        if (item->admitted && item->cost > 0) {
            item->local.tat_us = decisions[i].tat_us;
            item->ahead_us = decisions[i].tat_us - now_us;
            item->remaining = decisions[i].remaining;
            ngx_keepers_limit_put(r, item->hash, &item->local);
        }
    }
}


/* What remains is what remained: it is charged only if all rules admit. */

static void
ngx_keepers_limit_local_item(ngx_keepers_limit_item_t *item, uint64_t now_us,
    keepers_rate_decision_t *decision)
{
    uint32_t  cost;

    cost = ngx_keepers_limit_local_cost(item->rule, item->cost);

    *decision = keepers_rate_decide(&item->rule->share, item->local.tat_us,
                                    now_us, cost);

    if (!decision->admitted) {
        item->local.tat_us = decision->tat_us;
    }

    item->admitted = decision->admitted;
    item->retry_us = decision->retry_us;
    item->ahead_us = item->local.tat_us > now_us
                     ? item->local.tat_us - now_us : 0;
    item->remaining = decision->remaining + (item->admitted ? cost : 0);
    item->known = 1;
}


/* More than a whole share could never be admitted: it costs all of it. */

static uint32_t
ngx_keepers_limit_local_cost(const ngx_keepers_limit_rule_t *rule,
    uint32_t cost)
{
    return ngx_min(cost, rule->share.burst);
}


/*
 * Redis refuses when max(tat, now) + cost * interval exceeds
 * now + burst * interval, and retry_us is by how much: so tat is known.
 */

void
ngx_keepers_limit_deny(ngx_http_request_t *r, ngx_keepers_limit_item_t *item,
    ngx_uint_t degraded)
{
    uint64_t         now_us, room_us, cost_us;
    keepers_rate_t  *rate;

    if (item->noted) {
        return;
    }

    rate = &item->rule->rate;
    now_us = (uint64_t) ngx_current_msec * 1000;
    room_us = item->retry_us + rate->tolerance_us + rate->interval_us;
    cost_us = ngx_max(item->cost, 1) * rate->interval_us;

    if (!degraded) {
        item->local.tat_us = now_us + (room_us > cost_us ? room_us - cost_us
                                                         : 0);
    }

    item->local.deny_us = now_us + item->retry_us;
    item->local.deny_cost = item->cost;

    ngx_keepers_limit_put(r, item->hash, &item->local);
}


/*
 * Replies to several workers come in any order: what is known already is not
 * made less.  A refund makes it less.
 */

void
ngx_keepers_limit_mirror(ngx_http_request_t *r,
    ngx_keepers_limit_item_t *item)
{
    uint64_t                   tat_us;
    ngx_keepers_limit_local_t  local;

    tat_us = (uint64_t) ngx_current_msec * 1000 + item->ahead_us;

    (void) ngx_keepers_limit_get(r, item->hash, &local);

    if (local.tat_us < tat_us) {
        local.tat_us = tat_us;
        ngx_keepers_limit_put(r, item->hash, &local);
    }
}


/*
 * What the zone learnt since then has our charge in it: the budget, and a
 * refusal of somebody else, who need not wait as long.
 */

void
ngx_keepers_limit_refund_zone(ngx_http_request_t *r,
    const ngx_keepers_limit_held_t *held)
{
    uint64_t                    now_us, amount_us;
    ngx_msec_t                  stamp_ms;
    ngx_keepers_limit_local_t   local;

    stamp_ms = ngx_keepers_limit_get(r, held->hash, &local);

    if (stamp_ms == 0 || (ngx_msec_int_t) (stamp_ms - held->held_ms) < 0) {
        return;
    }

    now_us = (uint64_t) ngx_current_msec * 1000;

    if (held->degraded) {
        amount_us = ngx_keepers_limit_local_cost(held->rule, held->cost)
                    * held->rule->share.interval_us;

    } else {
        amount_us = held->cost * held->rule->rate.interval_us;
    }

    local.tat_us = keepers_rate_undo(local.tat_us, now_us, amount_us);
    local.deny_us = keepers_rate_undo(local.deny_us, now_us, amount_us);

    ngx_keepers_limit_put(r, held->hash, &local);
}


/* When it was written, of ngx_current_msec; 0: there is nothing. */

ngx_msec_t
ngx_keepers_limit_get(ngx_http_request_t *r,
    const u_char hash[KEEPERS_HASH_LEN], ngx_keepers_limit_local_t *local)
{
    size_t      len;
    ngx_msec_t  stamp_ms;

    if (ngx_keepers_cache_get(&ngx_keepers_main_conf(r)->shm->limits, hash,
                              local, &len, &stamp_ms)
        == NGX_OK)
    {
        return stamp_ms;
    }

    ngx_memzero(local, sizeof(ngx_keepers_limit_local_t));

    return 0;
}


void
ngx_keepers_limit_put(ngx_http_request_t *r,
    const u_char hash[KEEPERS_HASH_LEN],
    const ngx_keepers_limit_local_t *local)
{
    (void) ngx_keepers_cache_put(&ngx_keepers_main_conf(r)->shm->limits, hash,
                                 local, sizeof(ngx_keepers_limit_local_t),
                                 ngx_current_msec, ngx_current_msec);
}
