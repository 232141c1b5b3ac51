
/*
 * Copyright (C) Keepers
 *
 * Where a connection goes: to an address, to what a name resolves to, or to
 * where a Sentinel says that the master is.
 */


#include "redis/ngx_keepers_redis_int.h"


/* that a name takes to resolve, where others can be asked */
#define NGX_KEEPERS_REDIS_PLACE_MS  1000


static void ngx_keepers_redis_place_resolve(ngx_keepers_redis_conn_t *conn,
    const ngx_keepers_redis_place_t *place);
static void ngx_keepers_redis_place_resolved(ngx_resolver_ctx_t *ctx);


void
ngx_keepers_redis_conn_start(ngx_keepers_redis_conn_t *conn)
{
    ngx_keepers_redis_t  *redis;

    redis = conn->redis;

    if (conn->asks) {
        ngx_keepers_redis_sentinel_next(redis->sentinel);
        return;
    }

    ngx_keepers_redis_count(redis, REDIS_CONNECTS, 1);

    if (redis->sentinel != NULL) {
        ngx_keepers_redis_sentinel_ask(conn);
        return;
    }

    ngx_keepers_redis_place_go(conn, &redis->conf->place);
}


void
ngx_keepers_redis_place_go(ngx_keepers_redis_conn_t *conn,
    const ngx_keepers_redis_place_t *place)
{
    conn->port = place->port;

    if (place->addr == NULL) {
        ngx_keepers_redis_place_resolve(conn, place);
        return;
    }

    ngx_keepers_redis_conn_connect(conn, place->addr->sockaddr,
                                   place->addr->socklen);
}


static void
ngx_keepers_redis_place_resolve(ngx_keepers_redis_conn_t *conn,
    const ngx_keepers_redis_place_t *place)
{
    ngx_resolver_ctx_t              *ctx;
    const ngx_keepers_redis_conf_t  *conf;

    conf = conn->redis->conf;
    conn->state = NGX_KEEPERS_REDIS_RESOLVING;

    ctx = NULL;

    if (conf->resolver != NULL) {
        ctx = ngx_resolve_start(conf->resolver, NULL);
    }

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_NAME);
        return;
    }

    ctx->name = place->host;
    ctx->handler = ngx_keepers_redis_place_resolved;
    ctx->data = conn;
    ctx->timeout = conf->resolver_timeout_ms;
    ctx->cancelable = 1;

    conn->resolving = ctx;

    if (conn->redis->sentinel != NULL) {
        ngx_keepers_redis_breaker_wait(conn, NGX_KEEPERS_REDIS_PLACE_MS);
    }

    if (ngx_resolve_name(ctx) != NGX_OK) {

        /* the resolver has freed it */

        conn->resolving = NULL;
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_NAME);
    }
}


static void
ngx_keepers_redis_place_resolved(ngx_resolver_ctx_t *ctx)
{
    socklen_t                  socklen;
    ngx_sockaddr_t             sockaddr;
    ngx_keepers_redis_conn_t  *conn;

    conn = ctx->data;
    socklen = 0;

    if (ctx->state == NGX_OK && ctx->naddrs > 0) {
        socklen = ctx->addrs[0].socklen;
        ngx_memcpy(&sockaddr, ctx->addrs[0].sockaddr, socklen);
        ngx_inet_set_port(&sockaddr.sockaddr, conn->port);
    }

    ngx_resolve_name_done(ctx);
    conn->resolving = NULL;

    if (socklen == 0) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_NAME);
        return;
    }

    ngx_keepers_redis_conn_connect(conn, &sockaddr.sockaddr, socklen);
}
