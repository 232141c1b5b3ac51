
/*
 * Copyright (C) Keepers
 *
 * A request's limits while they are decided and until it ends; for the files
 * of the limiter alone.
 */


#ifndef _NGX_KEEPERS_LIMIT_INT_H_INCLUDED_
#define _NGX_KEEPERS_LIMIT_INT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_out.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_wait.h"


/* a rule whose key names the client is two, for an address of IPv6 */
#define NGX_KEEPERS_LIMIT_ITEMS_MAX  (2 * NGX_KEEPERS_LIMITS_MAX)
#define ngx_keepers_limit_items_of(klcf)  (2 * (klcf)->limits->nelts)


#define NGX_KEEPERS_LIMIT_HASH_LEN   16     /* of the hash, in a Redis key */

#define NGX_KEEPERS_LIMIT_HASH_TEXT_LEN                                      \
    keepers_base64url_len(NGX_KEEPERS_LIMIT_HASH_LEN)

/* a rule's key without the hash, and four numbers, all of them encoded */
#define NGX_KEEPERS_LIMIT_RULE_LEN                                           \
    (NGX_KEEPERS_REDIS_PREFIX_MAX + NGX_KEEPERS_LIMIT_NAME_MAX               \
     + sizeof("$nnn\r\n{}:l:\r\n")                                           \
     + 4 * (NGX_INT64_LEN + sizeof("$nn\r\n\r\n")))


/* One rule that is being decided for a request. */
typedef struct {
    ngx_keepers_limit_rule_t   *rule;
    uint32_t                    cost;
    unsigned                    admitted:1;
    uint32_t                    remaining;
    unsigned                    known:1;        /* what remains of the rule */
    unsigned                    noted:1;        /* its refusal, in the zone */
    unsigned                    wide:1;         /* of the client's /48 */
    uint64_t                    retry_us;
    uint64_t                    ahead_us;       /* charged: until all of it is
                                                   free again */
    u_char                      hash[KEEPERS_HASH_LEN];
    ngx_keepers_limit_local_t   local;
} ngx_keepers_limit_item_t;


/* What the client may be told of a rule. */
typedef struct {
    ngx_keepers_limit_rule_t   *rule;
    uint32_t                    remaining;
    uint64_t                    reset_us;
} ngx_keepers_limit_told_t;


/* What a rule that counts failures has reserved, until the outcome is known. */
typedef struct {
    ngx_keepers_limit_rule_t   *rule;
    uint32_t                    cost;
    unsigned                    degraded:1;     /* in the zone, not in Redis */
    ngx_msec_t                  held_ms;        /* ngx_current_msec */
    uint64_t                    ahead_us;       /* then */
    u_char                      hash[KEEPERS_HASH_LEN];
} ngx_keepers_limit_held_t;


/*
 * The limits of a request.  What most requests need none of, a wait for Redis
 * and what is held, is made when it is needed.
 */
struct ngx_keepers_limits_s {
    uint64_t                    decided;        /* a bit each rule's number */
    ngx_keepers_wait_t         *wait;
    ngx_keepers_wake_pt         wake;           /* NULL: the phase */
    ngx_keepers_limit_item_t   *items;          /* being decided now */
    ngx_uint_t                  n;
    ngx_uint_t                  items_max;
    ngx_uint_t                  asked;          /* of n, by answered calls */
    ngx_uint_t                  asking;         /* behind those, under way */
    ngx_uint_t                  later;          /* the first of n, which wait
                                                   for what a signup says */
    ngx_keepers_limit_reserve_t  *reserve;      /* in the same call, or NULL */
    ngx_array_t                 told;           /* ngx_keepers_limit_told_t */
    ngx_array_t                *held;           /* ngx_keepers_limit_held_t */
};

_Static_assert(NGX_KEEPERS_LIMIT_RULES_MAX <= 64, "decided has 64 bits");


/*
 * Makes items of the rules of this stage that have not decided yet.  NGX_OK,
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_limit_collect(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits, ngx_keepers_limit_stage_e stage);

/* What is said of a rule to Redis, made once.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_limit_encode(ngx_pool_t *pool, ngx_str_t prefix,
    ngx_keepers_limit_rule_t *rule);

/*
 * For a script call: "P{HASH}:l:NAME" and what stands in "behind" with it; the
 * four that the script wants of a rule; a number; a bulk string.
 */
void ngx_keepers_limit_key(keepers_out_t *out, keepers_str_t before,
    const u_char *hash, keepers_str_t behind);
void ngx_keepers_limit_terms(keepers_out_t *out,
    const ngx_keepers_limit_rule_t *rule, uint32_t cost);
void ngx_keepers_limit_number(keepers_out_t *out, uint64_t n);
void ngx_keepers_limit_string(keepers_out_t *out, keepers_str_t s);

/*
 * Asks Redis about all items and the reservation, in one call with the others
 * of this turn of the event loop.  NGX_AGAIN: limits->wait waits, and will have
 * a reply as if it had been asked alone; NGX_BUSY: too many calls are under
 * way; NGX_ERROR: the items are too many.
 */
ngx_int_t ngx_keepers_limit_batch(ngx_keepers_limits_t *limits);

/*
 * Asks Redis about all items in one script call or, if it is of a cluster, in
 * one for each: their keys are of different slots.  Called again when woken.
 *
 *   NGX_OK        all are decided, and charged only if all admit
 *   NGX_AGAIN     waiting
 *   NGX_DECLINED  Redis did not decide
 */
ngx_int_t ngx_keepers_limit_ask(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);

/* Charges what nobody has asked about; nor does anybody wait for it. */
void ngx_keepers_limit_charge(ngx_keepers_limits_t *limits);

/* Gives a charge back in Redis; nobody waits for it. */
void ngx_keepers_limit_undo(const ngx_keepers_limit_rule_t *rule,
    const u_char *hash, uint32_t cost);

/* Notes what was charged to rules that count failures.  NGX_OK, NGX_ERROR. */
ngx_int_t ngx_keepers_limit_hold(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits, ngx_uint_t degraded);

/* Notes what the response shall say of the items.  NGX_OK, NGX_ERROR. */
ngx_int_t ngx_keepers_limit_tell(ngx_keepers_limits_t *limits);

/* From and into the zone's table "limits"; zeros if it has nothing. */
ngx_msec_t ngx_keepers_limit_get(ngx_http_request_t *r,
    const u_char hash[KEEPERS_HASH_LEN], ngx_keepers_limit_local_t *local);
void ngx_keepers_limit_put(ngx_http_request_t *r,
    const u_char hash[KEEPERS_HASH_LEN],
    const ngx_keepers_limit_local_t *local);

/* Counts what became of the item at its rule. */
void ngx_keepers_limit_count(ngx_keepers_limit_item_t *item);

/* Decides as the script does, by the zone and each rule's share. */
void ngx_keepers_limit_local(ngx_http_request_t *r,
    ngx_keepers_limits_t *limits);

/* What the zone learns: a refusal, and what Redis knows of one it admitted. */
void ngx_keepers_limit_deny(ngx_http_request_t *r,
    ngx_keepers_limit_item_t *item, ngx_uint_t degraded);
void ngx_keepers_limit_mirror(ngx_http_request_t *r,
    ngx_keepers_limit_item_t *item);

/* Gives back, in the zone, what was charged at held_ms. */
void ngx_keepers_limit_refund_zone(ngx_http_request_t *r,
    const ngx_keepers_limit_held_t *held);


#endif /* _NGX_KEEPERS_LIMIT_INT_H_INCLUDED_ */
