
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_check.h"

#include "core/keepers_bearer.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_flight.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_recent.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_rivals.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_theft.h"
#include "http/ngx_keepers_unseal.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


static ngx_int_t ngx_keepers_check_find(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx);
static ngx_int_t ngx_keepers_check_waited(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx);
static ngx_inline ngx_int_t ngx_keepers_check_look(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim);
static ngx_int_t ngx_keepers_check_ask(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim);
static ngx_int_t ngx_keepers_check_join(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_check_answer(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim);
static ngx_int_t ngx_keepers_check_rotated(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim) keepers_rare;
static ngx_int_t ngx_keepers_check_late(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim) keepers_rare;
static ngx_int_t ngx_keepers_check_replaced(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx) keepers_rare;
static void ngx_keepers_check_failed(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim) keepers_rare;


/* By whether the zone has said so, and nobody was asked. */
static const keepers_metric_e
    ngx_keepers_check_metrics[2][NGX_KEEPERS_CHECKS] =
{
    {
        KEEPERS_METRICS_N,              /* UNKNOWN: is not counted */
        KEEPERS_METRIC_SESSION_VALID,
        KEEPERS_METRIC_SESSION_NONE,
        KEEPERS_METRIC_SESSION_EXPIRED,
        KEEPERS_METRIC_SESSION_REVOKED,
        KEEPERS_METRIC_SESSION_ERROR,
        KEEPERS_METRIC_SESSION_STALE
    },
    {
        KEEPERS_METRICS_N,
        KEEPERS_METRIC_SESSION_VALID,
        KEEPERS_METRIC_SESSION_NEGATIVE,
        KEEPERS_METRIC_SESSION_EXPIRED,
        KEEPERS_METRIC_SESSION_REVOKED,
        KEEPERS_METRIC_SESSION_ERROR,
        KEEPERS_METRIC_SESSION_STALE
    }
};


ngx_int_t
ngx_keepers_check(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    ngx_int_t           rc;
    keepers_metric_e    metric;
    ngx_keepers_shm_t  *shm;

    if (ctx->check == NGX_KEEPERS_CHECK_STALE
        && !ngx_keepers_check_known(klcf, ctx))
    {
        /* another location, which an internal redirect has led to */

        ctx->check = NGX_KEEPERS_CHECK_ERROR;
        ctx->reason = "redis";
    }

    if (ctx->check != NGX_KEEPERS_CHECK_UNKNOWN) {
        return NGX_OK;
    }

    rc = ngx_keepers_check_find(r, klcf, ctx);

    if (rc == NGX_OK) {
        shm = ngx_keepers_main_conf(r)->shm;
        metric = ngx_keepers_check_metrics[ctx->cache_hit][ctx->check];

        (void) ngx_atomic_fetch_add(&shm->counters[metric], 1);
    }

    return rc;
}


ngx_uint_t
ngx_keepers_check_known(const ngx_keepers_loc_conf_t *klcf,
    const ngx_keepers_ctx_t *ctx)
{
    ngx_msec_int_t  age;

    if (ctx->check != NGX_KEEPERS_CHECK_STALE) {
        return ctx->check == NGX_KEEPERS_CHECK_VALID;
    }

    age = (ngx_msec_int_t) (ngx_current_msec - ctx->seen_ms);

    return age < (ngx_msec_int_t) klcf->stale_ms;
}


/* NGX_OK: ctx->check is set. */

static ngx_int_t
ngx_keepers_check_find(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_keepers_claim_t  claim;

    if (ctx->wait != NULL) {
        rc = ngx_keepers_check_waited(r, klcf, ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    rc = ngx_keepers_claim_read(r, klcf, ctx, &claim);

    if (rc == NGX_OK) {
        return ngx_keepers_check_look(r, klcf, ctx, &claim);
    }

    if (rc == NGX_BUSY) {
        return ngx_keepers_rivals(r, klcf, ctx);
    }

    ctx->check = NGX_KEEPERS_CHECK_NONE;

    return NGX_OK;
}


ngx_int_t
ngx_keepers_check_claim(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim)
{
    ngx_int_t  rc;

    if (ctx->wait != NULL) {
        rc = ngx_keepers_check_waited(r, klcf, ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_keepers_check_look(r, klcf, ctx, claim);
}


/* NGX_DECLINED: who has asked for both of us has left. */

static ngx_int_t
ngx_keepers_check_waited(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    if (ngx_keepers_wait_waits(ctx->wait)) {
        return NGX_AGAIN;
    }

    if (ctx->session.marks & KEEPERS_SESSION_ROTATED) {
        return ngx_keepers_check_replaced(r, klcf, ctx);
    }

    if (ctx->wait->rc != NGX_ABORT) {
        return ngx_keepers_check_answer(r, klcf, ctx, ctx->wait->data);
    }

    ctx->wait = NULL;

    return NGX_DECLINED;
}


static ngx_inline ngx_int_t
ngx_keepers_check_look(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim)
{
    if (ngx_keepers_recent_find(r, ctx, claim,
                                ngx_keepers_revoke_age(
                                    ngx_keepers_main_conf(r), klcf->cache_ms))
        == NGX_OK)
    {
        ctx->cache_hit = 1;
        ngx_keepers_count(r, CACHE_HIT);
        return NGX_OK;
    }

    ngx_keepers_count(r, CACHE_MISS);

    return ngx_keepers_check_ask(r, klcf, ctx, claim);
}


/*
 * One MGET: the session under every key of the ring, and the epoch.  All of
 * them carry the user's tag, hence share a slot of a Redis Cluster.
 */

static ngx_int_t
ngx_keepers_check_ask(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claimed)
{
    size_t                    from;
    ngx_uint_t                i, n;
    keepers_out_t             out;
    keepers_str_t             argv[KEEPERS_KEYRING_MAX + 2];
    ngx_keepers_wait_t       *wait;
    ngx_keepers_claim_t      *claim;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    n = claimed->n;

    wait = ngx_keepers_wait_create(r, n + 1, n * 160 + 32);
    claim = ngx_palloc(r->pool, sizeof(ngx_keepers_claim_t));
    ngx_keepers_out(&out, r->pool, (n + 1) * NGX_KEEPERS_KEY_LEN);

    if (wait == NULL || claim == NULL || out.data == NULL) {
        return NGX_ERROR;
    }

    /* not before it has its claim: the phase may run again after an error */

    ctx->wait = wait;
    wait->data = claim;
    *claim = *claimed;

    argv[0] = keepers_str("MGET", 4);

    for (i = 0; i < n; i++) {
        from = out.len;
        ngx_keepers_check_key(kmcf, claim->tag,
                              ngx_keepers_check_suffix(claim->machine),
                              claim->sids[i], &out);
        claim->keys[i] = keepers_str(out.data + from, out.len - from);
        argv[i + 1] = claim->keys[i];
    }

    from = out.len;
    ngx_keepers_check_key(kmcf, claim->tag, "e", NULL, &out);
    argv[n + 1] = keepers_str(out.data + from, out.len - from);

    if (ngx_keepers_check_join(r, klcf, wait) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (ngx_keepers_wait_command(wait, NGX_KEEPERS_WAIT_PHASE, NULL, argv,
                                 n + 2)
        == NGX_AGAIN)
    {
        if (klcf->cache_ms != 0) {
            ngx_keepers_flight_lead(wait, claim->sids[0]);
        }

        return NGX_AGAIN;
    }

    ngx_keepers_check_failed(r, klcf, ctx, claim);

    return NGX_OK;
}


/*
 * The answer to another request, which has asked already, is good for this one
 * if it would be found in the zone: asked for not too long ago, and since the
 * session was last heard to have ended.
 */

static ngx_int_t
ngx_keepers_check_join(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_wait_t *wait)
{
    ngx_msec_t            age_ms;
    ngx_keepers_wait_t   *leader;
    ngx_keepers_claim_t  *claim;

    if (klcf->cache_ms == 0) {
        return NGX_DECLINED;
    }

    claim = wait->data;
    leader = ngx_keepers_flight_find(claim->sids[0]);

    if (leader == NULL) {
        return NGX_DECLINED;
    }

    age_ms = ngx_keepers_revoke_age(ngx_keepers_main_conf(r), klcf->cache_ms);

    if (ngx_current_msec - leader->asked_ms >= age_ms
        || ngx_keepers_recent_forgotten(r, claim->sids[0], leader->asked_ms))
    {
        return NGX_DECLINED;
    }

    ngx_keepers_flight_join(wait, leader);

    return NGX_AGAIN;
}


/* NGX_OK, or NGX_AGAIN: asked once more. */

static ngx_int_t
ngx_keepers_check_answer(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim)
{
    uint32_t                    epoch;
    ngx_uint_t                  i;
    ngx_keepers_wait_t         *wait;
    ngx_keepers_recent_t        recent;
    ngx_keepers_redis_value_t  *values;

    wait = ctx->wait;
    values = wait->reply.values;

    ctx->redis_ms = (ngx_msec_int_t) (ngx_current_msec - wait->asked_ms);

    if (wait->rc != NGX_OK
        || wait->reply.n != claim->n + 1
        || ngx_keepers_check_epoch(&values[claim->n], &epoch) != NGX_OK)
    {
        ngx_keepers_check_failed(r, klcf, ctx, claim);
        return NGX_OK;
    }

    for (i = 0; i < claim->n; i++) {

        if (values[i].kind != NGX_KEEPERS_REDIS_STRING
            || ngx_keepers_unseal(r, ctx, claim, i, &recent) != NGX_OK)
        {
            continue;
        }

        ngx_keepers_check_state(ctx, epoch);

        if (ctx->check != NGX_KEEPERS_CHECK_VALID) {
            return ctx->check == NGX_KEEPERS_CHECK_EXPIRED
                   && ctx->session.marks & KEEPERS_SESSION_ROTATED
                   ? ngx_keepers_check_late(r, ctx, claim) : NGX_OK;
        }

        if (ctx->session.marks & KEEPERS_SESSION_ROTATED) {
            return ngx_keepers_check_rotated(r, klcf, ctx, claim);
        }

        ngx_keepers_recent_valid(r, ctx, &recent, wait->asked_ms);

        return NGX_OK;
    }

    ctx->check = NGX_KEEPERS_CHECK_NONE;

    ngx_keepers_recent_none(r, claim, wait->asked_ms);

    return NGX_OK;
}


/*
 * A session that another has replaced lives no longer than that one, by
 * whatever way it ends: so it is asked for too.  What is true for some seconds
 * only is not kept in the zone, and its idle time is not renewed.
 */

static ngx_int_t
ngx_keepers_check_rotated(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim)
{
    u_char               text[NGX_KEEPERS_KEY_LEN];
    keepers_out_t        key;
    keepers_str_t        argv[2];
    ngx_keepers_wait_t  *wait;

    wait = ngx_keepers_wait_create(r, 1, 32);

    if (wait == NULL) {
        ngx_keepers_check_failed(r, klcf, ctx, claim);
        return NGX_OK;
    }

    /* others may share the answer that told of it, but not this one */

    wait->data = ctx->wait->data;
    ctx->wait = wait;
    ctx->check = NGX_KEEPERS_CHECK_UNKNOWN;

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(ngx_keepers_main_conf(r), ctx->tag, "s:",
                          ctx->session.successor, &key);

    argv[0] = keepers_str("PTTL", 4);
    argv[1] = keepers_out_written(&key);

    if (ngx_keepers_wait_command(wait, NGX_KEEPERS_WAIT_PHASE, NULL, argv, 2)
        == NGX_AGAIN)
    {
        return NGX_AGAIN;
    }

    ngx_keepers_check_failed(r, klcf, ctx, claim);

    return NGX_OK;
}


/* Its grace is over: as if it were gone, but for who may have it. */

static ngx_int_t
ngx_keepers_check_late(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim)
{
    ngx_keepers_recent_none(r, claim, ctx->wait->asked_ms);

    return ngx_keepers_theft(r, ctx);
}


/* Redis was asked for its successor. */

static ngx_int_t
ngx_keepers_check_replaced(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx)
{
    const ngx_keepers_redis_value_t  *value;

    if (ctx->late) {
        return ngx_keepers_theft_answer(r, ctx);
    }

    value = ngx_keepers_wait_value(ctx->wait, NGX_KEEPERS_REDIS_INTEGER);

    if (value == NULL) {
        ngx_keepers_check_failed(r, klcf, ctx, ctx->wait->data);

    } else if (value->integer == -2) {
        ctx->check = NGX_KEEPERS_CHECK_REVOKED;

    } else {
        ctx->check = NGX_KEEPERS_CHECK_VALID;
        ngx_keepers_count(r, ROTATED_GRACE);
    }

    return NGX_OK;
}


ngx_int_t
ngx_keepers_check_epoch(const ngx_keepers_redis_value_t *value,
    uint32_t *epoch)
{
    uint64_t  n;

    *epoch = 0;

    if (value->kind == NGX_KEEPERS_REDIS_NIL) {
        return NGX_OK;
    }

    if (value->kind != NGX_KEEPERS_REDIS_STRING
        || !keepers_text_uint(value->string, &n)
        || n > UINT32_MAX)
    {
        return NGX_ERROR;
    }

    *epoch = (uint32_t) n;

    return NGX_OK;
}


/* Redis could not say: an error is never a miss, and logs nobody out. */

static void
ngx_keepers_check_failed(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim)
{
    if (klcf->stale_ms != 0
        && ngx_keepers_recent_find(r, ctx, claim, klcf->stale_ms)
           == NGX_OK
        && ctx->check == NGX_KEEPERS_CHECK_VALID)
    {
        ctx->check = NGX_KEEPERS_CHECK_STALE;
        return;
    }

    ctx->check = NGX_KEEPERS_CHECK_ERROR;
    ctx->reason = "redis";
}


void
ngx_keepers_check_state(ngx_keepers_ctx_t *ctx, uint32_t epoch)
{
    switch (keepers_session_state(&ctx->session, epoch,
                                  ngx_keepers_now_ms()))
    {
    case KEEPERS_SESSION_VALID:
        ctx->check = NGX_KEEPERS_CHECK_VALID;
        break;

    case KEEPERS_SESSION_EXPIRED:
        ctx->check = NGX_KEEPERS_CHECK_EXPIRED;
        break;

    default:
        ctx->check = NGX_KEEPERS_CHECK_REVOKED;
    }
}


void
ngx_keepers_check_key(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], const char *suffix, const u_char *sid,
    keepers_out_t *out)
{
    keepers_out_str(out, ngx_keepers_from(kmcf->redis.prefix));
    keepers_out_byte(out, '{');
    keepers_text_base64url(out, keepers_str(tag, KEEPERS_TAG_LEN));
    keepers_out_bytes(out, "}:", 2);
    keepers_out_text(out, suffix);

    if (sid != NULL) {
        keepers_text_base64url(out, keepers_str(sid, KEEPERS_SID_LEN));
    }
}
