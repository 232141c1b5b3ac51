
/*
 * Copyright (C) Keepers
 *
 * What ngx_keepers_redis_codec.c and ngx_keepers_redis_log.c, linked as they
 * are, need of nginx: memory, and for the rest, which no target comes to, an
 * end.
 */


#include "redis/ngx_keepers_redis_int.h"


volatile ngx_msec_t    ngx_current_msec;
volatile ngx_time_t   *ngx_cached_time;
ngx_rbtree_t           ngx_event_timer_rbtree;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    (void) log;

    return malloc(size);
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    (void) pool;
    (void) size;

    abort();
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    (void) level;
    (void) log;
    (void) err;
    (void) fmt;

    abort();
}


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    (void) tree;
    (void) node;

    abort();
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    (void) tree;
    (void) node;

    abort();
}


size_t
ngx_sock_ntop(struct sockaddr *sa, socklen_t socklen, u_char *text, size_t len,
    ngx_uint_t port)
{
    (void) sa;
    (void) socklen;
    (void) text;
    (void) len;
    (void) port;

    abort();
}


ngx_uint_t
ngx_keepers_redis_node_ready(const ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_node_t *node)
{
    (void) redis;
    (void) node;

    abort();
}


ngx_uint_t
ngx_keepers_redis_ready(const ngx_keepers_redis_t *redis)
{
    (void) redis;

    abort();
}


/* As in ngx_keepers_redis_op.c, which would bring in the rest of the client. */

ngx_keepers_redis_op_t *
ngx_keepers_redis_op_oldest(ngx_keepers_redis_conn_t *conn)
{
    ngx_queue_t  *queue;

    queue = !ngx_queue_empty(&conn->flying) ? &conn->flying : &conn->unsent;

    if (ngx_queue_empty(queue)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(queue), ngx_keepers_redis_op_t,
                          queue);
}
