
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_check.h"

#include "core/keepers_cookie.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_compat.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_recent.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


static ngx_int_t ngx_keepers_check_token(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    keepers_token_t *token);
static ngx_int_t ngx_keepers_check_ask(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim);
static void ngx_keepers_check_answer(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim);
static ngx_int_t ngx_keepers_check_open(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim,
    ngx_uint_t key);
static ngx_int_t ngx_keepers_check_epoch(
    const ngx_keepers_redis_value_t *value, uint32_t *epoch);
static void ngx_keepers_check_failed(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim);


ngx_int_t
ngx_keepers_check(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_keepers_claim_t  claim;

    if (ctx->check != NGX_KEEPERS_CHECK_UNKNOWN) {
        return NGX_OK;
    }

    if (ctx->wait != NULL && ctx->wait->op != NULL) {
        return NGX_AGAIN;
    }

    rc = ngx_keepers_check_claim(r, klcf, ctx, &claim);

    if (rc != NGX_OK) {
        ctx->check = NGX_KEEPERS_CHECK_NONE;
        ngx_keepers_count(r, SESSION_NONE);
        return NGX_OK;
    }

    if (ctx->wait != NULL) {
        /* the op has been answered, or could not be issued */
        ngx_keepers_check_answer(r, klcf, ctx, &claim);
        rc = NGX_OK;

    } else {
        rc = ngx_keepers_recent_find(r, ctx, &claim,
                                    ngx_min(klcf->cache_ms,
                                            NGX_KEEPERS_RECENT_MAX_MS));

        if (rc == NGX_OK) {
            ctx->cache_hit = 1;
            ngx_keepers_count(r, CACHE_HIT);

        } else {
            ngx_keepers_count(r, CACHE_MISS);
            rc = ngx_keepers_check_ask(r, klcf, ctx, &claim);
        }
    }

    keepers_wipe(&claim.token, sizeof(claim.token));

    return rc;
}


/* NGX_OK: exactly one cookie of ours has the shape of a token. */

static ngx_int_t
ngx_keepers_check_token(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, keepers_token_t *token)
{
    size_t            pos;
    ngx_uint_t        i, n;
    keepers_str_t     name, value;
    ngx_table_elt_t  *line;
    keepers_token_t   other, *to;

    n = 0;
    to = token;
    name = ngx_keepers_from(klcf->cookie);

    for (i = 0; (line = ngx_keepers_cookie_line(r, i)) != NULL; i++) {
        pos = 0;

        while (keepers_cookie_next(ngx_keepers_from(line->value), name, &pos,
                                   &value))
        {
            if (keepers_token_read(value, to) != KEEPERS_OK) {
                continue;
            }

            n++;
            to = &other;
        }
    }

    if (n > 1) {

        /*
         * A second cookie of our name may have been planted by a sibling
         * domain: choosing either would be a guess.
         */

        ctx->reason = "duplicate_cookie";
        keepers_wipe(token, sizeof(keepers_token_t));
    }

    return n == 1 ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_keepers_check_claim(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, ngx_keepers_claim_t *claim)
{
    ngx_uint_t                i;
    ngx_keepers_main_conf_t  *kmcf;

    if (ngx_keepers_check_token(r, klcf, ctx, &claim->token) != NGX_OK) {
        return NGX_DECLINED;
    }

    kmcf = ngx_keepers_main_conf(r);

    claim->n = kmcf->edge->n;

    for (i = 0; i < claim->n; i++) {
        keepers_token_sid(kmcf->edge, i, &claim->token, claim->sids[i]);
    }

    return NGX_OK;
}


/*
 * One MGET: the session under every key of the ring, and the epoch.  All of
 * them carry the user's tag, hence share a slot of a Redis Cluster.
 */

static ngx_int_t
ngx_keepers_check_ask(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim)
{
    u_char                    text[KEEPERS_KEYRING_MAX + 1]
                                  [NGX_KEEPERS_KEY_LEN];
    ngx_int_t                 rc;
    ngx_uint_t                i;
    keepers_out_t             out;
    keepers_str_t             argv[KEEPERS_KEYRING_MAX + 2];
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    ctx->wait = ngx_keepers_wait_create(r, claim->n + 1,
                                        claim->n * 160 + 32);

    if (ctx->wait == NULL) {
        return NGX_ERROR;
    }

    argv[0] = keepers_str("MGET", 4);

    for (i = 0; i <= claim->n; i++) {
        keepers_out_init(&out, text[i], NGX_KEEPERS_KEY_LEN);

        ngx_keepers_check_key(kmcf, claim->token.raw,
                              i < claim->n ? "s:" : "e",
                              i < claim->n ? claim->sids[i] : NULL, &out);

        argv[i + 1] = keepers_out_written(&out);
    }

    rc = ngx_keepers_wait_command(ctx->wait, NGX_KEEPERS_WAIT_PHASE, NULL,
                                  argv, claim->n + 2);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ngx_keepers_check_failed(r, klcf, ctx, claim);

    return NGX_OK;
}


static void
ngx_keepers_check_answer(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim)
{
    uint32_t                    epoch;
    ngx_uint_t                  i;
    ngx_keepers_wait_t         *wait;
    ngx_keepers_redis_value_t  *values;

    wait = ctx->wait;
    values = wait->reply.values;

    ctx->redis_ms = (ngx_msec_int_t) (ngx_current_msec - wait->asked_ms);

    if (wait->rc != NGX_OK
        || wait->reply.n != claim->n + 1
        || ngx_keepers_check_epoch(&values[claim->n], &epoch) != NGX_OK)
    {
        ngx_keepers_check_failed(r, klcf, ctx, claim);
        return;
    }

    for (i = 0; i < claim->n; i++) {

        if (values[i].kind != NGX_KEEPERS_REDIS_STRING
            || ngx_keepers_check_open(r, ctx, claim, i) != NGX_OK)
        {
            continue;
        }

        ngx_keepers_check_state(r, ctx, epoch);

        if (ctx->check == NGX_KEEPERS_CHECK_VALID) {
            ngx_keepers_recent_valid(r, ctx, wait->asked_ms);
        }

        return;
    }

    ctx->check = NGX_KEEPERS_CHECK_NONE;
    ngx_keepers_count(r, SESSION_NONE);

    ngx_keepers_recent_none(r, claim, wait->asked_ms);
}


/* A record opens only under its own Redis key: it cannot be another's. */

static ngx_int_t
ngx_keepers_check_open(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim, ngx_uint_t key)
{
    int                       rc;
    u_char                    text[NGX_KEEPERS_KEY_LEN];
    u_char                    record[KEEPERS_SESSION_RECORD_LEN];
    size_t                    len;
    keepers_out_t             ad;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    keepers_out_init(&ad, text, sizeof(text));
    ngx_keepers_check_key(kmcf, claim->token.raw, "s:", claim->sids[key],
                          &ad);

    rc = keepers_open(kmcf->edge, key, KEEPERS_PURPOSE_SESSION_SEAL,
                      keepers_out_written(&ad),
                      ctx->wait->reply.values[key].string,
                      record, sizeof(record), &len);

    if (rc == KEEPERS_OK) {
        rc = keepers_session_decode(keepers_str(record, len), &ctx->session);
    }

    keepers_wipe(record, sizeof(record));

    if (rc != KEEPERS_OK) {
        ngx_keepers_count(r, SESSION_FORGED);
        ngx_keepers_log(NGX_LOG_WARN, r,
                        "a session record in Redis does not open: injected, "
                        "moved, or sealed with another key");
        return NGX_DECLINED;
    }

    ctx->key = key;
    ngx_memcpy(ctx->sid, claim->sids[key], KEEPERS_SID_LEN);
    ngx_memcpy(ctx->tag, claim->token.raw, KEEPERS_TAG_LEN);

    return NGX_OK;
}


static ngx_int_t
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

    ngx_keepers_count(r, SESSION_ERROR);
}


void
ngx_keepers_check_state(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    uint32_t epoch)
{
    switch (keepers_session_state(&ctx->session, epoch,
                                  ngx_keepers_now_ms()))
    {
    case KEEPERS_SESSION_VALID:
        ctx->check = NGX_KEEPERS_CHECK_VALID;
        ngx_keepers_count(r, SESSION_VALID);
        break;

    case KEEPERS_SESSION_EXPIRED:
        ctx->check = NGX_KEEPERS_CHECK_EXPIRED;
        ngx_keepers_count(r, SESSION_EXPIRED);
        break;

    default:
        ctx->check = NGX_KEEPERS_CHECK_REVOKED;
        ngx_keepers_count(r, SESSION_REVOKED);
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
