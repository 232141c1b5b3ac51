
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_recent.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


/* How long Redis' "no such session" is believed. */
#define NGX_KEEPERS_RECENT_NONE_MS   1000

/* A slot is written in less than a microsecond. */
#define NGX_KEEPERS_RECENT_TRIES     100


static ngx_uint_t ngx_keepers_recent_touch(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_recent_t *recent);
static void ngx_keepers_recent_renew(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_ctx_t *ctx, uint64_t now_ms) keepers_rare;
static ngx_uint_t ngx_keepers_recent_used(ngx_keepers_main_conf_t *kmcf,
    ngx_keepers_ctx_t *ctx, ngx_keepers_recent_t *recent);


/* NGX_OK: the zone knows, from at most age_ms ago, and ctx->check is set. */

ngx_int_t
ngx_keepers_recent_find(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim,
    ngx_msec_t age_ms)
{
    size_t                         len;
    ngx_uint_t                     i;
    ngx_msec_t                     stamp_ms;
    ngx_msec_int_t                 age;
    ngx_keepers_shm_t             *shm;
    ngx_keepers_recent_t   cached;

    shm = ngx_keepers_main_conf(r)->shm;

    for (i = 0; i < claim->n; i++) {

        if (ngx_keepers_cache_get(&shm->sessions, claim->sids[i], &cached,
                                  &len, &stamp_ms)
            != NGX_OK)
        {
            continue;
        }

        age = (ngx_msec_int_t) (ngx_current_msec - stamp_ms);

        if (cached.state == NGX_KEEPERS_RECENT_FORGOTTEN) {
            continue;
        }

        if (cached.state == NGX_KEEPERS_RECENT_NONE) {

            if (claim->n == 1 && age < NGX_KEEPERS_RECENT_NONE_MS) {
                ctx->check = NGX_KEEPERS_CHECK_NONE;
                return NGX_OK;
            }

            continue;
        }

        if (age_ms == 0 || age >= (ngx_msec_int_t) age_ms) {
            continue;
        }

        if (ngx_keepers_claim_decode(claim,
                                     keepers_str(cached.record,
                                                 KEEPERS_SESSION_RECORD_LEN),
                                     &ctx->session)
            != NGX_OK)
        {
            continue;
        }

        ngx_memcpy(ctx->sid, claim->sids[i], KEEPERS_SID_LEN);
        ngx_memcpy(ctx->tag, claim->tag, KEEPERS_TAG_LEN);
        ctx->key = i;

        ctx->seen_ms = stamp_ms;

        ngx_keepers_check_state(ctx, ctx->session.epoch);

        if (ctx->check == NGX_KEEPERS_CHECK_VALID
            && ngx_keepers_recent_touch(r, ctx, &cached))
        {
            ngx_keepers_cache_put(&shm->sessions, ctx->sid, &cached,
                                  sizeof(cached), stamp_ms, stamp_ms);
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


void
ngx_keepers_recent_load(ngx_http_request_t *r,
    const u_char sid[KEEPERS_SID_LEN], ngx_keepers_recent_t *recent)
{
    size_t      len;
    ngx_msec_t  stamp_ms;

    if (ngx_keepers_cache_get(&ngx_keepers_main_conf(r)->shm->sessions, sid,
                              recent, &len, &stamp_ms)
        != NGX_OK)
    {
        recent->state = 0;
        recent->touched_s = 0;
    }
}


void
ngx_keepers_recent_valid(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_recent_t *recent, ngx_msec_t asked_ms)
{
    (void) ngx_keepers_recent_touch(r, ctx, recent);

    ngx_keepers_cache_put(&ngx_keepers_main_conf(r)->shm->sessions, ctx->sid,
                          recent, sizeof(ngx_keepers_recent_t), asked_ms,
                          asked_ms);
}


void
ngx_keepers_recent_none(ngx_http_request_t *r,
    const ngx_keepers_claim_t *claim, ngx_msec_t asked_ms)
{
    ngx_keepers_shm_t     *shm;
    ngx_keepers_recent_t   cached;

    /* with more keys, one SID that is not there says nothing of the others */

    if (claim->n != 1) {
        return;
    }

    shm = ngx_keepers_main_conf(r)->shm;

    ngx_memzero(&cached, sizeof(cached));

    cached.state = NGX_KEEPERS_RECENT_NONE;

    ngx_keepers_cache_put(&shm->sessions, claim->sids[0], &cached,
                          sizeof(cached), asked_ms, asked_ms);
}


void
ngx_keepers_recent_forget(ngx_keepers_main_conf_t *kmcf,
    const u_char sid[KEEPERS_SID_LEN])
{
    ngx_uint_t            i;
    ngx_msec_t            stamp_ms;
    ngx_keepers_recent_t  cached;

    ngx_memzero(&cached, sizeof(cached));

    cached.state = NGX_KEEPERS_RECENT_FORGOTTEN;

    /*
     * An answer that was asked for until now may be under way, and does not
     * overwrite this.  nginx's clock has stood still since this turn of the
     * loop began.
     */

    ngx_time_update();

    stamp_ms = ngx_current_msec + 1;

    for (i = 0; i < NGX_KEEPERS_RECENT_TRIES; i++) {

        if (ngx_keepers_cache_put(&kmcf->shm->sessions, sid, &cached,
                                  sizeof(cached), stamp_ms, stamp_ms)
            != NGX_BUSY)
        {
            return;
        }

        ngx_sched_yield();
    }

    /* a writer that was stopped holds the slot: then nothing is believed */

    ngx_keepers_revoke_flush(kmcf);
}


ngx_uint_t
ngx_keepers_recent_forgotten(ngx_http_request_t *r,
    const u_char sid[KEEPERS_SID_LEN], ngx_msec_t asked_ms)
{
    size_t                len;
    ngx_msec_t            stamp_ms;
    ngx_keepers_recent_t  cached;

    return ngx_keepers_cache_get(&ngx_keepers_main_conf(r)->shm->sessions, sid,
                                 &cached, &len, &stamp_ms)
           == NGX_OK
           && cached.state == NGX_KEEPERS_RECENT_FORGOTTEN
           && (ngx_msec_int_t) (stamp_ms - asked_ms) > 0;
}


/*
 * Renews the idle time in Redis when it is due, and says whether it was.
 * PEXPIRE does nothing to a key that is gone: a session that was ended stays
 * ended.
 */

static ngx_uint_t
ngx_keepers_recent_touch(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_recent_t *recent)
{
    uint64_t                  now_ms;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (ngx_keepers_check_machine(ctx)) {
        return ngx_keepers_recent_used(kmcf, ctx, recent);
    }

    now_ms = ngx_keepers_now_ms();

    if (!keepers_session_touch_due(&ctx->session, recent->touched_s, now_ms)) {
        return 0;
    }

    recent->touched_s = (uint32_t) (now_ms / 1000);

    ngx_keepers_recent_renew(kmcf, ctx, now_ms);

    return 1;
}


static void
ngx_keepers_recent_renew(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_ctx_t *ctx, uint64_t now_ms)
{
    u_char         text[NGX_KEEPERS_KEY_LEN], number[NGX_INT64_LEN];
    keepers_out_t  key, life;
    keepers_str_t  argv[3];

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(kmcf, ctx->tag, "s:", ctx->sid, &key);

    keepers_out_init(&life, number, sizeof(number));
    keepers_out_uint(&life, keepers_session_life_ms(&ctx->session, now_ms));

    argv[0] = keepers_str("PEXPIRE", 7);
    argv[1] = keepers_out_written(&key);
    argv[2] = keepers_out_written(&life);

    ngx_keepers_send(argv, 3);
}


/*
 * A token has no idle time, but its owner wants to know whether it is in use:
 * the hour is noted for the writer, once an hour and a zone.
 */

static ngx_uint_t
ngx_keepers_recent_used(ngx_keepers_main_conf_t *kmcf, ngx_keepers_ctx_t *ctx,
    ngx_keepers_recent_t *recent)
{
    u_char         text[NGX_KEEPERS_KEY_LEN], number[NGX_INT64_LEN];
    u_char         hash[KEEPERS_SID_TEXT_LEN];
    uint32_t       now_s;
    keepers_out_t  key, hour, member;
    keepers_str_t  argv[5];

    now_s = (uint32_t) (ngx_keepers_now_ms() / 1000);

    if (recent->touched_s / 3600 == now_s / 3600) {
        return 0;
    }

    recent->touched_s = now_s;

    keepers_out_init(&key, text, sizeof(text));
    keepers_out_str(&key, ngx_keepers_from(kmcf->redis.prefix));
    keepers_out_text(&key, "tokens:used");

    keepers_out_init(&hour, number, sizeof(number));
    keepers_out_uint(&hour, now_s / 3600);

    keepers_out_init(&member, hash, sizeof(hash));
    keepers_text_base64url(&member, keepers_str(ctx->sid, KEEPERS_SID_LEN));

    argv[0] = keepers_str("ZADD", 4);
    argv[1] = keepers_out_written(&key);
    argv[2] = keepers_str("GT", 2);
    argv[3] = keepers_out_written(&hour);
    argv[4] = keepers_out_written(&member);

    ngx_keepers_send(argv, 5);

    return 1;
}
