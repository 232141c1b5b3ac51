
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_theft.h"

#include "core/keepers_session.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_end.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_recent.h"
#include "http/ngx_keepers_unseal.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


/*
 * Whoever has a new token needs no old one.  A browser may still send it: a
 * request that hung in a tunnel, a tab that slept.  After this it is not late.
 */
#define NGX_KEEPERS_THEFT_LATE_MS  60000

/* Proofs within the hour that a replaced token is known, one after another. */
#define NGX_KEEPERS_THEFT_STEPS    32


static ngx_int_t ngx_keepers_theft_ask(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx);
static ngx_int_t ngx_keepers_theft_open(ngx_http_request_t *r,
    const ngx_keepers_ctx_t *ctx, keepers_session_t *session);
static ngx_uint_t ngx_keepers_theft_elsewhere(ngx_http_request_t *r,
    const keepers_session_t *session);
static ngx_int_t ngx_keepers_theft_none(ngx_keepers_ctx_t *ctx);


ngx_int_t
ngx_keepers_theft(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    uint64_t  late_ms;

    late_ms = ngx_keepers_now_ms() - ctx->session.absolute_ms;

    if (late_ms < NGX_KEEPERS_THEFT_LATE_MS - KEEPERS_SESSION_GRACE_MS
        || late_ms >= KEEPERS_SESSION_REPLACED_MS)
    {
        return ngx_keepers_theft_none(ctx);
    }

    ctx->late = 1;
    ctx->steps = 0;

    return ngx_keepers_theft_ask(r, ctx);
}


/*
 * A successor may have a successor.  The last of them is who has the session
 * now: not this request, so another wait than what told of it.
 */

static ngx_int_t
ngx_keepers_theft_ask(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    u_char                    text[2][NGX_KEEPERS_KEY_LEN];
    keepers_out_t             key[2];
    keepers_str_t             argv[3];
    ngx_keepers_wait_t       *wait;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    wait = NULL;

    if (ctx->steps++ < NGX_KEEPERS_THEFT_STEPS) {
        wait = ngx_keepers_wait_create(r, 2, 192);
    }

    if (wait == NULL) {
        return ngx_keepers_theft_none(ctx);
    }

    ctx->wait = wait;
    ctx->check = NGX_KEEPERS_CHECK_UNKNOWN;

    keepers_out_init(&key[0], text[0], NGX_KEEPERS_KEY_LEN);
    keepers_out_init(&key[1], text[1], NGX_KEEPERS_KEY_LEN);

    ngx_keepers_check_key(kmcf, ctx->tag, "s:", ctx->session.successor,
                          &key[0]);
    ngx_keepers_check_key(kmcf, ctx->tag, "e", NULL, &key[1]);

    argv[0] = keepers_str("MGET", 4);
    argv[1] = keepers_out_written(&key[0]);
    argv[2] = keepers_out_written(&key[1]);

    if (ngx_keepers_wait_command(wait, NGX_KEEPERS_WAIT_PHASE, NULL, argv, 3)
        == NGX_AGAIN)
    {
        return NGX_AGAIN;
    }

    return ngx_keepers_theft_none(ctx);
}


/*
 * Whatever Redis says, or does not say, this token opens nothing: that was
 * known before.
 */

ngx_int_t
ngx_keepers_theft_answer(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    uint32_t            epoch;
    keepers_session_t   last;

    if (ctx->wait->rc != NGX_OK
        || ctx->wait->reply.n != 2
        || ngx_keepers_check_epoch(&ctx->wait->reply.values[1], &epoch)
           != NGX_OK
        || ngx_keepers_theft_open(r, ctx, &last) != NGX_OK)
    {
        return ngx_keepers_theft_none(ctx);
    }

    if (last.marks & KEEPERS_SESSION_ROTATED) {
        ngx_memcpy(ctx->session.successor, last.successor, KEEPERS_SID_LEN);
        return ngx_keepers_theft_ask(r, ctx);
    }

    if (keepers_session_state(&last, epoch, ngx_keepers_now_ms())
        == KEEPERS_SESSION_VALID
        && ngx_keepers_theft_elsewhere(r, &last)
        && !ngx_keepers_recent_forgotten(r, ctx->session.successor,
                                         ctx->wait->asked_ms))
    {
        /* of requests at the same time one says so */

        ngx_keepers_end_send(ngx_keepers_main_conf(r), ctx->tag,
                             &ctx->session.successor, 1,
                             KEEPERS_METRIC_ENDED_THEFT);
        ngx_keepers_log(NGX_LOG_ERR, r,
                        "a session was ended: a token that it has replaced "
                        "was used from another network and another browser");
    }

    return ngx_keepers_theft_none(ctx);
}


static ngx_int_t
ngx_keepers_theft_open(ngx_http_request_t *r, const ngx_keepers_ctx_t *ctx,
    keepers_session_t *session)
{
    u_char                      text[NGX_KEEPERS_KEY_LEN];
    keepers_out_t               key;
    ngx_keepers_main_conf_t    *kmcf;
    ngx_keepers_redis_value_t  *value;

    kmcf = ngx_keepers_main_conf(r);
    value = &ctx->wait->reply.values[0];

    if (value->kind != NGX_KEEPERS_REDIS_STRING) {
        return NGX_DECLINED;
    }

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(kmcf, ctx->tag, "s:", ctx->session.successor, &key);

    return ngx_keepers_unseal_any(kmcf, keepers_out_written(&key),
                                  value->string, session);
}


/*
 * Another network alone is a phone that has left the Wi-Fi, another browser
 * alone one that was updated, or has taken over the cookies of its neighbour.
 * A network that is not known is no other.
 */

static ngx_uint_t
ngx_keepers_theft_elsewhere(ngx_http_request_t *r,
    const keepers_session_t *session)
{
    u_char  net[sizeof(session->net)];

    ngx_keepers_client_net(r, net);

    return net[0] != 0
           && session->net[0] != 0
           && ngx_memcmp(net, session->net, sizeof(net)) != 0
           && ngx_keepers_client_agent(r) != session->agent;
}


static ngx_int_t
ngx_keepers_theft_none(ngx_keepers_ctx_t *ctx)
{
    ctx->check = NGX_KEEPERS_CHECK_NONE;

    return NGX_OK;
}
