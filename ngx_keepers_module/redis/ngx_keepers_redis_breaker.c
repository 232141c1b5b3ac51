
/*
 * Copyright (C) Keepers
 *
 * A connection is a breaker too.  Closed: READY.  Open: DOWN with failures,
 * commands are refused at once.  Half-open: the hello after the back-off, still
 * refusing.  Before the first failure commands wait for the connection instead,
 * until one has waited in vain.
 */


#include "redis/ngx_keepers_redis_int.h"


/*
 * 50, 100, 200, 250 ms, each +- 50 %: even the longest ends within 500 ms,
 * the time in which we promise to be normal again.
 */
#define NGX_KEEPERS_REDIS_RETRY_MS      50
#define NGX_KEEPERS_REDIS_RETRY_MAX_MS  250


static ngx_uint_t ngx_keepers_redis_breaker_leaves(void);
static void ngx_keepers_redis_breaker_retry(ngx_keepers_redis_conn_t *conn);
static void ngx_keepers_redis_breaker_idle(ngx_keepers_redis_conn_t *conn);


/* The end of a connection, for whatever reason; commands on it fail. */

void
ngx_keepers_redis_breaker_lost(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault)
{
    if (conn->asks) {
        ngx_keepers_redis_conn_close(conn);
        ngx_keepers_redis_op_fail_all(conn, fault);
        ngx_keepers_redis_sentinel_lost(conn->redis->sentinel, fault);
        return;
    }

    if (conn->redis->sentinel != NULL
        && conn->state > NGX_KEEPERS_REDIS_ASKING
        && conn->state < NGX_KEEPERS_REDIS_READY)
    {
        ngx_keepers_redis_sentinel_refute(conn->redis);
    }

    if (fault == NGX_KEEPERS_REDIS_FAULT_CLOSED && conn->replied) {

        /* it served until now: perhaps it restarts, or drops the idle */

        conn->failures = 0;

    } else {
        conn->failures++;
    }

    ngx_keepers_redis_conn_close(conn);
    ngx_keepers_redis_op_fail_all(conn, fault);

    if (fault == NGX_KEEPERS_REDIS_FAULT_AUTH) {
        ngx_keepers_redis_secret_again(conn->redis);
    }

    if (conn->listen != NULL) {
        ngx_keepers_redis_listen_lost(conn, fault);
    }

    if (!ngx_keepers_redis_breaker_leaves()) {

        if (conn->listen == NULL) {
            ngx_keepers_redis_log_lost(conn->redis, fault, conn->err);
            ngx_keepers_redis_log_node(conn, fault);
        }

        ngx_keepers_redis_cluster_doubt(conn->redis);

        ngx_keepers_redis_breaker_retry(conn);
    }
}


/*
 * A command has waited its time for a connection that is not there yet.  Those
 * behind it are refused at once, as after a failure; whatever resolves or
 * connects goes on.  A name server that is silent would otherwise make each of
 * them wait, for as long as "resolver_timeout" says.
 */

void
ngx_keepers_redis_breaker_open(ngx_keepers_redis_conn_t *conn)
{
    if (conn->failures > 0) {
        return;
    }

    conn->failures = 1;

    /* that a connection takes too long, its own timer will say */

    if (conn->state == NGX_KEEPERS_REDIS_RESOLVING
        && !ngx_keepers_redis_breaker_leaves())
    {
        ngx_keepers_redis_log_lost(conn->redis, NGX_KEEPERS_REDIS_FAULT_NAME,
                                   0);
    }
}


/* A worker that ends: nobody has to know what it cannot reach any more. */

static ngx_uint_t
ngx_keepers_redis_breaker_leaves(void)
{
    return ngx_exiting || ngx_terminate || ngx_quit;
}


/* Somebody would issue a command. */

void
ngx_keepers_redis_breaker_want(ngx_keepers_redis_conn_t *conn)
{
    if (conn->state == NGX_KEEPERS_REDIS_DOWN && !conn->retry.timer_set) {
        ngx_keepers_redis_breaker_retry(conn);
    }
}


static void
ngx_keepers_redis_breaker_retry(ngx_keepers_redis_conn_t *conn)
{
    ngx_uint_t  i;
    ngx_msec_t  delay_ms;

    if (conn->failures == 0) {
        ngx_keepers_redis_breaker_wait(conn, 0);
        return;
    }

    delay_ms = NGX_KEEPERS_REDIS_RETRY_MS;

    for (i = 1; i < conn->failures; i++) {
        delay_ms *= 2;

        if (delay_ms >= NGX_KEEPERS_REDIS_RETRY_MAX_MS) {
            delay_ms = NGX_KEEPERS_REDIS_RETRY_MAX_MS;
            break;
        }
    }

    /* workers that lost Redis together must not come back together */

    delay_ms = delay_ms / 2 + ngx_random() % delay_ms;

    ngx_keepers_redis_breaker_wait(conn, delay_ms);
}


void
ngx_keepers_redis_breaker_wait(ngx_keepers_redis_conn_t *conn,
    ngx_msec_t delay_ms)
{
    if (conn->retry.timer_set) {
        ngx_del_timer(&conn->retry);
    }

    conn->retry_ms = ngx_current_msec + delay_ms;

    ngx_add_timer(&conn->retry, delay_ms);
}


/* The time for whatever the connection does, or does not do, is over. */

void
ngx_keepers_redis_breaker_timer(ngx_event_t *ev)
{
    ngx_msec_t                 late_ms;
    ngx_keepers_redis_conn_t  *conn;

    conn = ev->data;

    switch (conn->state) {

    case NGX_KEEPERS_REDIS_DOWN:
        ngx_keepers_redis_conn_start(conn);
        return;

    case NGX_KEEPERS_REDIS_READY:

        if (conn->listen != NULL) {
            ngx_keepers_redis_listen_idle(conn);
            return;
        }

        ngx_keepers_redis_breaker_idle(conn);
        return;

    case NGX_KEEPERS_REDIS_HELLO:
    case NGX_KEEPERS_REDIS_HANDSHAKE:
    case NGX_KEEPERS_REDIS_CONNECTING:
        break;

    case NGX_KEEPERS_REDIS_RESOLVING:

        /* with Sentinels alone: else the resolver says when */

        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_NAME);
        return;

    default:
        return;
    }

    late_ms = ngx_current_msec - conn->retry_ms;

    if (late_ms > conn->redis->conf->connect_timeout_ms / 4 && !conn->late) {

        /* we are late: that says nothing of Redis */

        conn->late = 1;
        ngx_keepers_redis_breaker_wait(conn,
                                       conn->redis->conf->connect_timeout_ms);
        return;
    }

    if (conn->state == NGX_KEEPERS_REDIS_HELLO) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_SILENT);
        return;
    }

    if (conn->state == NGX_KEEPERS_REDIS_HANDSHAKE) {
        ngx_keepers_redis_breaker_lost(conn,
                                       NGX_KEEPERS_REDIS_FAULT_TLS_SILENT);
        return;
    }

    conn->err = NGX_ETIMEDOUT;

    ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CONNECT);
}


/* Finds a dead peer, and keeps it from dropping us, before a request does. */

static void
ngx_keepers_redis_breaker_idle(ngx_keepers_redis_conn_t *conn)
{
    if (!conn->busy && ngx_keepers_redis_op_oldest(conn) == NULL) {
        ngx_keepers_redis_hello_ping(conn);
    }

    conn->busy = 0;

    ngx_keepers_redis_breaker_wait(conn, NGX_KEEPERS_REDIS_IDLE_MS);
}


/*
 * Whether a connection ends with this error: a new one may reach a server that
 * has loaded, or its new master.  FAULT_NONE: it is an answer like any other.
 */

ngx_keepers_redis_fault_e
ngx_keepers_redis_breaker_fault(ngx_keepers_redis_error_e error)
{
    switch (error) {

    case NGX_KEEPERS_REDIS_ERROR_LOADING:
        return NGX_KEEPERS_REDIS_FAULT_LOADING;

    case NGX_KEEPERS_REDIS_ERROR_READONLY:
    case NGX_KEEPERS_REDIS_ERROR_MASTERDOWN:
        return NGX_KEEPERS_REDIS_FAULT_REPLICA;

    case NGX_KEEPERS_REDIS_ERROR_NOAUTH:
    case NGX_KEEPERS_REDIS_ERROR_WRONGPASS:
        return NGX_KEEPERS_REDIS_FAULT_AUTH;

    case NGX_KEEPERS_REDIS_ERROR_DENIED:
        return NGX_KEEPERS_REDIS_FAULT_DENIED;

    case NGX_KEEPERS_REDIS_ERROR_FULL:
        return NGX_KEEPERS_REDIS_FAULT_FULL;

    default:
        return NGX_KEEPERS_REDIS_FAULT_NONE;
    }
}
