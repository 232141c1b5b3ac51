
/*
 * Copyright (C) Keepers
 *
 * The worker's client: start, stop, and who takes the next command.
 */


#include "redis/ngx_keepers_redis_int.h"


static void ngx_keepers_redis_node_free(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node);


/* NULL: no memory. */

ngx_keepers_redis_t *
ngx_keepers_redis_start(ngx_cycle_t *cycle,
    const ngx_keepers_redis_conf_t *conf, ngx_atomic_t *counters)
{
    ngx_uint_t            i;
    ngx_keepers_redis_t  *redis;

    redis = ngx_pcalloc(cycle->pool, sizeof(ngx_keepers_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->password = conf->password;
    redis->counters = counters;
    redis->pool = cycle->pool;
    redis->log = cycle->log;

    redis->quiet = *cycle->log;
    redis->quiet.log_level = NGX_LOG_ALERT;

    for (redis->output_max = NGX_KEEPERS_REDIS_OUTPUT;
         redis->output_max < conf->queue * NGX_KEEPERS_REDIS_OUTPUT_OP;
         redis->output_max *= 2)
    {
        /* void */
    }

    redis->nodes_n = conf->seeds_n ? NGX_KEEPERS_REDIS_NODES : 1;
    redis->nodes = ngx_pcalloc(cycle->pool, redis->nodes_n
                                            * sizeof(ngx_keepers_redis_node_t));
    if (redis->nodes == NULL) {
        return NULL;
    }

    ngx_keepers_redis_script_digests();
    ngx_keepers_redis_log_init(redis);

    if (ngx_keepers_redis_op_init(redis) != NGX_OK
        || ngx_keepers_redis_cluster_init(redis) != NGX_OK
        || ngx_keepers_redis_hello_init(redis) != NGX_OK
        || ngx_keepers_redis_sentinel_init(redis) != NGX_OK)
    {
        return NULL;
    }

    if (redis->cluster != NULL) {
        ngx_keepers_redis_cluster_start(redis);
        return redis;
    }

    if (ngx_keepers_redis_node_init(redis, redis->nodes) != NGX_OK) {
        return NULL;
    }

    for (i = 0; i < conf->connections; i++) {
        ngx_keepers_redis_conn_start(&redis->nodes->conns[i]);
    }

    return redis;
}


/* Its connections, which it keeps.  NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_node_init(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *conns;

    if (node->conns != NULL) {
        return NGX_OK;
    }

    conns = ngx_pcalloc(redis->pool, redis->conf->connections
                                     * sizeof(ngx_keepers_redis_conn_t));
    if (conns == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < redis->conf->connections; i++) {
        if (ngx_keepers_redis_conn_init(redis, &conns[i]) != NGX_OK) {

            while (i > 0) {
                ngx_free(conns[--i].buf);
            }

            return NGX_ERROR;
        }

        conns[i].node = node;
    }

    node->conns = conns;

    return NGX_OK;
}


/* In a while: whoever has called may be busy with another connection. */

void
ngx_keepers_redis_node_start(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node)
{
    ngx_uint_t  i;

    for (i = 0; i < redis->conf->connections; i++) {
        ngx_keepers_redis_breaker_want(&node->conns[i]);
    }
}


/* Nobody waits for it. */

void
ngx_keepers_redis_node_stop(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *conn;

    for (i = 0; i < redis->conf->connections; i++) {
        conn = &node->conns[i];

        ngx_keepers_redis_conn_close(conn);
        ngx_keepers_redis_op_fail_all(conn, NGX_KEEPERS_REDIS_FAULT_CLOSED);

        conn->failures = 0;
    }
}


/* One of its connections takes commands. */

ngx_uint_t
ngx_keepers_redis_node_ready(const ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_node_t *node)
{
    ngx_uint_t  i;

    if (node->conns == NULL) {
        return 0;
    }

    for (i = 0; i < redis->conf->connections; i++) {
        if (node->conns[i].state == NGX_KEEPERS_REDIS_READY) {
            return 1;
        }
    }

    return 0;
}


void
ngx_keepers_redis_stop(ngx_keepers_redis_t *redis)
{
    ngx_uint_t  i;

    ngx_keepers_redis_sentinel_stop(redis);
    ngx_keepers_redis_cluster_stop(redis);

    if (redis->listener != NULL) {
        ngx_keepers_redis_conn_close(redis->listener);
        ngx_free(redis->listener->buf);
        redis->listener = NULL;
    }

    for (i = 0; i < redis->nodes_n; i++) {
        if (redis->nodes[i].conns != NULL) {
            ngx_keepers_redis_node_free(redis, &redis->nodes[i]);
        }
    }

    if (redis->steady.timer_set) {
        ngx_del_timer(&redis->steady);
    }

    if (redis->deliver.posted) {
        ngx_delete_posted_event(&redis->deliver);
    }

    ngx_explicit_memzero(redis->hello.data, redis->hello.len);
    ngx_explicit_memzero(redis->secret, sizeof(redis->secret));
}


static void
ngx_keepers_redis_node_free(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *conn;

    for (i = 0; i < redis->conf->connections; i++) {
        conn = &node->conns[i];

        ngx_keepers_redis_conn_close(conn);

        ngx_free(conn->buf);
        conn->buf = NULL;
        conn->size = 0;
    }
}


ngx_uint_t
ngx_keepers_redis_slots(const ngx_keepers_redis_t *redis)
{
    return redis->slots;
}


ngx_uint_t
ngx_keepers_redis_waiting(const ngx_keepers_redis_t *redis)
{
    ngx_uint_t                 i, j, n;
    ngx_keepers_redis_conn_t  *conns;

    n = 0;

    for (i = 0; i < redis->nodes_n; i++) {
        conns = redis->nodes[i].conns;

        for (j = 0; conns != NULL && j < redis->conf->connections; j++) {
            n += conns[j].owned;
        }
    }

    return n;
}


ngx_uint_t
ngx_keepers_redis_ready(const ngx_keepers_redis_t *redis)
{
    ngx_uint_t  i;

    for (i = 0; i < redis->nodes_n; i++) {
        if (ngx_keepers_redis_node_ready(redis, &redis->nodes[i])) {
            return 1;
        }
    }

    return 0;
}
