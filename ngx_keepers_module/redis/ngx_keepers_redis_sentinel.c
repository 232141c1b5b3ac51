
/*
 * Copyright (C) Keepers
 *
 * Redis Sentinel: who is master.  Asked whenever a connection begins, so that
 * whatever ends one (Redis is gone, READONLY, MASTERDOWN, LOADING) finds the
 * new master, or the old one if it still is.
 *
 * One short connection at a time asks for all that wait: the Sentinels in
 * turn, each within "keepers_redis_connect_timeout".  Who answered is asked
 * first the next time, until its answer proves wrong: then last.  What they
 * say is believed only of a server that says itself that it is a master.
 *
 * A master that they cannot reach, and we can, does not know that it is none
 * any more.  So they are asked every two seconds, too, and a connection to
 * another than whom they name ends.
 */


#include "redis/ngx_keepers_redis_int.h"


#define NGX_KEEPERS_REDIS_WATCH_MS  2000


static ngx_int_t ngx_keepers_redis_sentinel_hello(ngx_keepers_redis_t *redis,
    ngx_str_t *hello);
static void ngx_keepers_redis_sentinel_shift(
    ngx_keepers_redis_sentinel_t *sentinel, ngx_uint_t from, ngx_uint_t to);
static void ngx_keepers_redis_sentinel_begin(
    ngx_keepers_redis_sentinel_t *sentinel);
static void ngx_keepers_redis_sentinel_watch(ngx_event_t *ev);
static void ngx_keepers_redis_sentinel_leave(ngx_keepers_redis_t *redis,
    struct sockaddr *sockaddr, socklen_t socklen);
static ngx_uint_t ngx_keepers_redis_sentinel_elsewhere(
    const ngx_keepers_redis_conn_t *conn, struct sockaddr *sockaddr,
    socklen_t socklen);


/* NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_sentinel_init(ngx_keepers_redis_t *redis)
{
    ngx_uint_t                     i;
    ngx_keepers_redis_sentinel_t  *sentinel;

    if (redis->conf->sentinels_n == 0) {
        return NGX_OK;
    }

    sentinel = ngx_pcalloc(redis->pool, sizeof(ngx_keepers_redis_sentinel_t));
    redis->info.data = ngx_pnalloc(redis->pool, NGX_KEEPERS_REDIS_INFO_MAX);

    if (sentinel == NULL || redis->info.data == NULL) {
        return NGX_ERROR;
    }

    redis->info.size = NGX_KEEPERS_REDIS_INFO_MAX;
    redis->info.values = &redis->info_value;
    redis->info.values_max = 1;

    sentinel->reply.values = sentinel->values;
    sentinel->reply.values_max = NGX_KEEPERS_REDIS_MASTER_VALUES;
    sentinel->reply.data = sentinel->bytes;
    sentinel->reply.size = sizeof(sentinel->bytes);

    ngx_queue_init(&sentinel->waiting);

    sentinel->watch.handler = ngx_keepers_redis_sentinel_watch;
    sentinel->watch.data = redis;
    sentinel->watch.log = redis->log;
    sentinel->watch.cancelable = 1;

    /* workers that start together do not all ask the same one */

    for (i = 0; i < redis->conf->sentinels_n; i++) {
        sentinel->order[i] = (ngx_worker + i) % redis->conf->sentinels_n;
    }

    if (ngx_keepers_redis_sentinel_hello(redis, &sentinel->hello) != NGX_OK
        || ngx_keepers_redis_conn_init(redis, &sentinel->conn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    sentinel->conn.asks = 1;
    redis->sentinel = sentinel;

    return NGX_OK;
}


/* What is sent to a Sentinel.  NGX_OK, NGX_ERROR: no memory. */

static ngx_int_t
ngx_keepers_redis_sentinel_hello(ngx_keepers_redis_t *redis, ngx_str_t *hello)
{
    u_char                          *p;
    ngx_str_t                        auth, ask;
    ngx_uint_t                       n;
    keepers_str_t                    argv[3];
    const ngx_keepers_redis_conf_t  *conf;

    conf = redis->conf;
    ngx_str_null(&auth);

    if (conf->sentinel_password.len) {
        n = 0;
        argv[n++] = keepers_str("AUTH", 4);

        if (conf->sentinel_user.len) {
            argv[n++] = keepers_str(conf->sentinel_user.data,
                                    conf->sentinel_user.len);
        }

        argv[n++] = keepers_str(conf->sentinel_password.data,
                                conf->sentinel_password.len);

        if (ngx_keepers_redis_command_format(redis->pool, argv, n, &auth)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    argv[0] = keepers_str("SENTINEL", 8);
    argv[1] = keepers_str("GET-MASTER-ADDR-BY-NAME", 23);
    argv[2] = keepers_str(conf->master.data, conf->master.len);

    if (ngx_keepers_redis_command_format(redis->pool, argv, 3, &ask)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    hello->len = auth.len + ask.len;
    hello->data = ngx_pnalloc(redis->pool, hello->len);
    if (hello->data == NULL) {
        return NGX_ERROR;
    }

    p = hello->data;

    if (auth.len) {
        p = ngx_cpymem(p, auth.data, auth.len);
        ngx_explicit_memzero(auth.data, auth.len);
    }

    ngx_memcpy(p, ask.data, ask.len);

    return NGX_OK;
}


void
ngx_keepers_redis_sentinel_stop(ngx_keepers_redis_t *redis)
{
    ngx_keepers_redis_sentinel_t  *sentinel;

    sentinel = redis->sentinel;

    if (sentinel == NULL) {
        return;
    }

    if (sentinel->watch.timer_set) {
        ngx_del_timer(&sentinel->watch);
    }

    ngx_keepers_redis_conn_close(&sentinel->conn);
    ngx_free(sentinel->conn.buf);
    ngx_explicit_memzero(sentinel->hello.data, sentinel->hello.len);

    redis->sentinel = NULL;
}


/* The connection waits for who is master, and then goes there. */

void
ngx_keepers_redis_sentinel_ask(ngx_keepers_redis_conn_t *conn)
{
    ngx_keepers_redis_sentinel_t  *sentinel;

    sentinel = conn->redis->sentinel;

    conn->err = 0;
    conn->state = NGX_KEEPERS_REDIS_ASKING;
    ngx_queue_insert_tail(&sentinel->waiting, &conn->asking);

    if (!sentinel->asking) {
        ngx_keepers_redis_sentinel_begin(sentinel);
    }
}


static void
ngx_keepers_redis_sentinel_begin(ngx_keepers_redis_sentinel_t *sentinel)
{
    sentinel->asking = 1;
    sentinel->at = 0;
    sentinel->fault = NGX_KEEPERS_REDIS_FAULT_SENTINEL;

    ngx_keepers_redis_sentinel_next(sentinel);
}


void
ngx_keepers_redis_sentinel_next(ngx_keepers_redis_sentinel_t *sentinel)
{
    ngx_uint_t                       i;
    const ngx_keepers_redis_conf_t  *conf;

    conf = sentinel->conn.redis->conf;
    i = sentinel->order[sentinel->at];

    ngx_keepers_redis_place_go(&sentinel->conn, &conf->sentinels[i]);
}


/* The reply to the question.  FAULT_NONE: it is one to go by. */

ngx_keepers_redis_fault_e
ngx_keepers_redis_sentinel_heard(ngx_keepers_redis_op_t *op)
{
    ngx_keepers_redis_sentinel_t  *sentinel;

    sentinel = op->conn->redis->sentinel;

    if (op->nil) {
        return NGX_KEEPERS_REDIS_FAULT_SENTINEL_NAME;
    }

    if (op->n != NGX_KEEPERS_REDIS_MASTER_VALUES
        || ngx_keepers_redis_place_told(&sentinel->master,
                                        sentinel->values[0].string,
                                        sentinel->values[1].string)
           != NGX_OK)
    {
        return NGX_KEEPERS_REDIS_FAULT_REPLY;
    }

    return NGX_KEEPERS_REDIS_FAULT_NONE;
}


/* All it was asked was answered: sentinel->master is set. */

void
ngx_keepers_redis_sentinel_answered(ngx_keepers_redis_sentinel_t *sentinel)
{
    ngx_queue_t               *q;
    ngx_keepers_redis_conn_t  *conn;

    ngx_keepers_redis_conn_close(&sentinel->conn);
    ngx_keepers_redis_sentinel_shift(sentinel, sentinel->at, 0);

    sentinel->asking = 0;
    sentinel->answered = 1;

    if (sentinel->master.place.addr != NULL) {
        ngx_keepers_redis_sentinel_leave(sentinel->conn.redis,
                                         sentinel->master.addr.sockaddr,
                                         sentinel->master.addr.socklen);
    }

    while (!ngx_queue_empty(&sentinel->waiting)) {
        q = ngx_queue_head(&sentinel->waiting);
        ngx_queue_remove(q);

        conn = ngx_queue_data(q, ngx_keepers_redis_conn_t, asking);
        conn->state = NGX_KEEPERS_REDIS_DOWN;

        ngx_keepers_redis_place_go(conn, &sentinel->master.place);
    }
}


/* No answer, or none to go by; its connection is closed. */

void
ngx_keepers_redis_sentinel_lost(ngx_keepers_redis_sentinel_t *sentinel,
    ngx_keepers_redis_fault_e fault)
{
    ngx_queue_t               *q;
    ngx_keepers_redis_conn_t  *conn;

    if (fault >= NGX_KEEPERS_REDIS_FAULT_AUTH
        && sentinel->fault < NGX_KEEPERS_REDIS_FAULT_AUTH)
    {
        /* what an operator must mend, and may read if no other answers */

        sentinel->fault = fault;
    }

    sentinel->at++;

    if (sentinel->at < sentinel->conn.redis->conf->sentinels_n) {

        /* in a while: whoever has called is busy with this connection */

        ngx_keepers_redis_breaker_wait(&sentinel->conn, 0);
        return;
    }

    sentinel->asking = 0;

    while (!ngx_queue_empty(&sentinel->waiting)) {
        q = ngx_queue_head(&sentinel->waiting);
        conn = ngx_queue_data(q, ngx_keepers_redis_conn_t, asking);

        ngx_keepers_redis_breaker_lost(conn, sentinel->fault);
    }
}


/* Where it sent us is no master, or nobody: the others are asked before it. */

void
ngx_keepers_redis_sentinel_refute(ngx_keepers_redis_t *redis)
{
    ngx_keepers_redis_sentinel_t  *sentinel;

    sentinel = redis->sentinel;

    if (sentinel->answered && !sentinel->asking) {
        sentinel->answered = 0;
        ngx_keepers_redis_sentinel_shift(sentinel, 0,
                                         redis->conf->sentinels_n - 1);
    }
}


static void
ngx_keepers_redis_sentinel_shift(ngx_keepers_redis_sentinel_t *sentinel,
    ngx_uint_t from, ngx_uint_t to)
{
    ngx_uint_t  i, *order;

    order = sentinel->order;
    i = order[from];

    for ( /* void */ ; from > to; from--) {
        order[from] = order[from - 1];
    }

    for ( /* void */ ; from < to; from++) {
        order[from] = order[from + 1];
    }

    order[to] = i;
}


/* A connection has come to a master. */

void
ngx_keepers_redis_sentinel_arrived(ngx_keepers_redis_conn_t *conn)
{
    ngx_event_t  *watch;

    watch = &conn->redis->sentinel->watch;

    ngx_keepers_redis_sentinel_leave(conn->redis, &conn->peer.sockaddr,
                                     conn->peer_len);

    if (!watch->timer_set) {
        ngx_add_timer(watch, NGX_KEEPERS_REDIS_WATCH_MS / 2
                             + ngx_random() % NGX_KEEPERS_REDIS_WATCH_MS);
    }
}


/* Is it still the master? */

static void
ngx_keepers_redis_sentinel_watch(ngx_event_t *ev)
{
    ngx_keepers_redis_t  *redis;

    redis = ev->data;

    /* else whoever comes next to a master sets the timer */

    if (ngx_exiting || !ngx_keepers_redis_ready(redis)) {
        return;
    }

    ngx_add_timer(ev, NGX_KEEPERS_REDIS_WATCH_MS);

    if (!redis->sentinel->asking) {
        ngx_keepers_redis_sentinel_begin(redis->sentinel);
    }
}


/*
 * Ends what is connected to others than the master: they have not noticed that
 * they are none; the subscription among them would miss what is published.
 */

static void
ngx_keepers_redis_sentinel_leave(ngx_keepers_redis_t *redis,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *conn;

    for (i = 0; i < redis->conf->connections; i++) {
        conn = &redis->nodes->conns[i];

        if (ngx_keepers_redis_sentinel_elsewhere(conn, sockaddr, socklen)) {
            ngx_keepers_redis_breaker_lost(conn,
                                           NGX_KEEPERS_REDIS_FAULT_MOVED);
        }
    }

    conn = redis->listener;

    if (conn != NULL
        && ngx_keepers_redis_sentinel_elsewhere(conn, sockaddr, socklen))
    {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_MOVED);
    }
}


static ngx_uint_t
ngx_keepers_redis_sentinel_elsewhere(const ngx_keepers_redis_conn_t *conn,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    return conn->state == NGX_KEEPERS_REDIS_READY
           && ngx_cmp_sockaddr((struct sockaddr *) &conn->peer.sockaddr,
                               conn->peer_len, sockaddr, socklen, 1)
              != NGX_OK;
}
