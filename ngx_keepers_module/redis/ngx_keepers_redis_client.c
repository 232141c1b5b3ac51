
/*
 * Copyright (C) Keepers
 *
 * The worker's client: start, stop, and who takes the next command.
 */


#include "redis/ngx_keepers_redis_int.h"


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

    redis->conns = ngx_pcalloc(cycle->pool, conf->connections
                                            * sizeof(ngx_keepers_redis_conn_t));
    if (redis->conns == NULL) {
        return NULL;
    }

    ngx_keepers_redis_script_digests();
    ngx_keepers_redis_log_init(redis);

    if (ngx_keepers_redis_op_init(redis) != NGX_OK
        || ngx_keepers_redis_hello_init(redis) != NGX_OK
        || ngx_keepers_redis_sentinel_init(redis) != NGX_OK)
    {
        return NULL;
    }

    for (i = 0; i < conf->connections; i++) {
        if (ngx_keepers_redis_conn_init(redis, &redis->conns[i]) != NGX_OK) {
            return NULL;
        }
    }

    for (i = 0; i < conf->connections; i++) {
        ngx_keepers_redis_conn_start(&redis->conns[i]);
    }

    return redis;
}


void
ngx_keepers_redis_stop(ngx_keepers_redis_t *redis)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *conn;

    ngx_keepers_redis_sentinel_stop(redis);

    if (redis->listener != NULL) {
        ngx_keepers_redis_conn_close(redis->listener);
        ngx_free(redis->listener->buf);
        redis->listener = NULL;
    }

    for (i = 0; i < redis->conf->connections; i++) {
        conn = &redis->conns[i];

        ngx_keepers_redis_conn_close(conn);

        ngx_free(conn->buf);
        conn->buf = NULL;
        conn->size = 0;
    }

    if (redis->steady.timer_set) {
        ngx_del_timer(&redis->steady);
    }

    if (redis->deliver.posted) {
        ngx_delete_posted_event(&redis->deliver);
    }

    ngx_explicit_memzero(redis->hello.data, redis->hello.len);
}


ngx_uint_t
ngx_keepers_redis_slots(const ngx_keepers_redis_t *redis)
{
    return redis->slots;
}


ngx_uint_t
ngx_keepers_redis_waiting(const ngx_keepers_redis_t *redis)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < redis->conf->connections; i++) {
        n += redis->conns[i].owned;
    }

    return n;
}


ngx_uint_t
ngx_keepers_redis_ready(const ngx_keepers_redis_t *redis)
{
    ngx_uint_t  i;

    for (i = 0; i < redis->conf->connections; i++) {
        if (redis->conns[i].state == NGX_KEEPERS_REDIS_READY) {
            return 1;
        }
    }

    return 0;
}
