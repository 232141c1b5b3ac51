
/*
 * Copyright (C) Keepers
 *
 * Where a connection goes: to an address, to what a name resolves to, to where
 * a Sentinel says that the master is, or to a node of a cluster.
 */


#include "redis/ngx_keepers_redis_int.h"


/* that a name takes to resolve, where others can be asked */
#define NGX_KEEPERS_REDIS_PLACE_MS  1000


static void ngx_keepers_redis_place_resolve(ngx_keepers_redis_conn_t *conn,
    const ngx_keepers_redis_place_t *place);
static void ngx_keepers_redis_place_resolved(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_keepers_redis_place_port(keepers_str_t text,
    in_port_t *port);
static ngx_int_t ngx_keepers_redis_place_address(
    ngx_keepers_redis_told_t *told, ngx_str_t *host);


void
ngx_keepers_redis_conn_start(ngx_keepers_redis_conn_t *conn)
{
    ngx_keepers_redis_t       *redis;
    ngx_keepers_redis_node_t  *node;

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

    if (redis->cluster != NULL) {
        node = (conn->listen != NULL) ? ngx_keepers_redis_cluster_any(redis)
                                      : conn->node;

        conn->node = node;

        if (node == NULL) {
            ngx_keepers_redis_breaker_lost(conn,
                                           NGX_KEEPERS_REDIS_FAULT_MEMORY);
            return;
        }

        ngx_keepers_redis_place_go(conn, &node->told.place);
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

    if (conn->redis->sentinel != NULL || conn->redis->cluster != NULL) {
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


ngx_uint_t
ngx_keepers_redis_place_same(const ngx_keepers_redis_place_t *one,
    const ngx_keepers_redis_place_t *other)
{
    if (one->addr != NULL && other->addr != NULL) {
        return ngx_cmp_sockaddr(one->addr->sockaddr, one->addr->socklen,
                                other->addr->sockaddr, other->addr->socklen,
                                1)
               == NGX_OK;
    }

    return one->addr == NULL
           && other->addr == NULL
           && one->port == other->port
           && one->host.len == other->host.len
           && ngx_strncasecmp(one->host.data, other->host.data, one->host.len)
              == 0;
}


/* What a server says of another.  NGX_OK, NGX_ERROR: it is no place. */

ngx_int_t
ngx_keepers_redis_place_told(ngx_keepers_redis_told_t *told,
    keepers_str_t text, keepers_str_t port)
{
    u_char     c;
    size_t     i;
    ngx_str_t  host;

    if (text.len == 0
        || text.len > NGX_KEEPERS_REDIS_HOST_MAX
        || ngx_keepers_redis_place_port(port, &told->place.port) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'
              || c == ':' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
        {
            return NGX_ERROR;
        }

        told->host[i] = c;
    }

    told->host[i] = '\0';

    host.data = told->host;
    host.len = text.len;

    told->place.host = host;
    told->place.addr = NULL;

    if (ngx_keepers_redis_place_address(told, &host) == NGX_OK) {
        told->place.addr = &told->addr;
        return NGX_OK;
    }

    /* a name, then, as of "sentinel announce-hostnames" */

    return ngx_strlchr(host.data, host.data + host.len, ':') == NULL
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_keepers_redis_place_port(keepers_str_t text, in_port_t *port)
{
    ngx_int_t  n;

    if (text.len == 0 || text.len > 5) {
        return NGX_ERROR;
    }

    n = ngx_atoi((u_char *) text.data, text.len);

    if (n < 1 || n > 65535) {
        return NGX_ERROR;
    }

    *port = (in_port_t) n;

    return NGX_OK;
}


/* NGX_OK, NGX_DECLINED: it is no address. */

static ngx_int_t
ngx_keepers_redis_place_address(ngx_keepers_redis_told_t *told,
    ngx_str_t *host)
{
    ngx_sockaddr_t  *sa;

    sa = &told->sockaddr;
    ngx_memzero(sa, sizeof(ngx_sockaddr_t));

    sa->sockaddr_in.sin_addr.s_addr = ngx_inet_addr(host->data, host->len);

    if (sa->sockaddr_in.sin_addr.s_addr != INADDR_NONE) {
        sa->sockaddr_in.sin_family = AF_INET;
        told->addr.socklen = sizeof(struct sockaddr_in);

#if (NGX_HAVE_INET6)

    } else if (ngx_memzero(sa, sizeof(ngx_sockaddr_t)),
               ngx_inet6_addr(host->data, host->len,
                              sa->sockaddr_in6.sin6_addr.s6_addr)
               == NGX_OK)
    {
        sa->sockaddr_in6.sin6_family = AF_INET6;
        told->addr.socklen = sizeof(struct sockaddr_in6);

#endif

    } else {
        return NGX_DECLINED;
    }

    told->addr.sockaddr = &sa->sockaddr;
    ngx_inet_set_port(told->addr.sockaddr, told->place.port);

    return NGX_OK;
}
