
/*
 * Copyright (C) Keepers
 *
 * One connection: connect, greet, read, write, close.  Where it goes says
 * ngx_keepers_redis_place.c.
 */


#include "redis/ngx_keepers_redis_int.h"


static ngx_err_t ngx_keepers_redis_conn_test(ngx_connection_t *c);
static void ngx_keepers_redis_conn_connected(ngx_keepers_redis_conn_t *conn);
static ngx_keepers_redis_fault_e ngx_keepers_redis_conn_ended(
    const ngx_keepers_redis_conn_t *conn);
static ngx_int_t ngx_keepers_redis_conn_quiet(ngx_connection_t *c);
static void ngx_keepers_redis_conn_ready(ngx_keepers_redis_conn_t *conn);
static void ngx_keepers_redis_conn_read(ngx_event_t *rev);
static void ngx_keepers_redis_conn_write(ngx_event_t *wev);
static void ngx_keepers_redis_conn_post(ngx_event_t *ev);
static void ngx_keepers_redis_conn_greet(ngx_keepers_redis_conn_t *conn);
static void ngx_keepers_redis_conn_flush(ngx_keepers_redis_conn_t *conn);
static ngx_int_t ngx_keepers_redis_conn_send(ngx_keepers_redis_conn_t *conn,
    const u_char *data, size_t len, size_t *sent);


/* NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_conn_init(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_conn_t *conn)
{
    conn->redis = redis;

    ngx_queue_init(&conn->unsent);
    ngx_queue_init(&conn->flying);

    conn->buf = ngx_alloc(NGX_KEEPERS_REDIS_OUTPUT, redis->log);
    if (conn->buf == NULL) {
        return NGX_ERROR;
    }

    conn->size = NGX_KEEPERS_REDIS_OUTPUT;

    conn->send.handler = ngx_keepers_redis_conn_post;
    conn->send.data = conn;
    conn->send.log = redis->log;

    conn->retry.handler = ngx_keepers_redis_breaker_timer;
    conn->retry.data = conn;
    conn->retry.log = redis->log;
    conn->retry.cancelable = 1;

    conn->deadline.handler = ngx_keepers_redis_deadline_fire;
    conn->deadline.data = conn;
    conn->deadline.log = redis->log;
    conn->deadline.cancelable = 1;

    return NGX_OK;
}


void
ngx_keepers_redis_conn_connect(ngx_keepers_redis_conn_t *conn,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t   peer;

    ngx_memcpy(&conn->peer, sockaddr, socklen);
    conn->peer_len = socklen;

    ngx_memzero(&peer, sizeof(ngx_peer_connection_t));

    peer.sockaddr = sockaddr;
    peer.socklen = socklen;
    peer.name = (ngx_str_t *) &conn->redis->conf->address;
    peer.get = ngx_event_get_peer;
    peer.log = &conn->redis->quiet;
    peer.log_error = NGX_ERROR_IGNORE_ECONNRESET;
    peer.so_keepalive = 1;

    rc = ngx_event_connect_peer(&peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        conn->err = ngx_socket_errno;
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CONNECT);
        return;
    }

    c = peer.connection;
    c->data = conn;
    c->read->handler = ngx_keepers_redis_conn_read;
    c->write->handler = ngx_keepers_redis_conn_write;

    conn->connection = c;
    conn->err = 0;
    conn->state = NGX_KEEPERS_REDIS_CONNECTING;
    conn->replied = 0;
    conn->late = 0;
    conn->refused = 0;

    ngx_keepers_redis_breaker_wait(conn,
                                   conn->redis->conf->connect_timeout_ms);

    if (ngx_keepers_redis_codec_open(conn) != NGX_OK) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_MEMORY);
        return;
    }

    if (rc == NGX_OK) {
        ngx_keepers_redis_conn_connected(conn);
    }
}


/* How connect() ended; 0: well. */

static ngx_err_t
ngx_keepers_redis_conn_test(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


static void
ngx_keepers_redis_conn_connected(ngx_keepers_redis_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;

    /* several small writes in flight are what a pipeline is */

    if (c->tcp_nodelay == NGX_TCP_NODELAY_UNSET && ngx_tcp_nodelay(c) != NGX_OK)
    {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CONNECT);
        return;
    }

    if (ngx_keepers_redis_conn_quiet(c) != NGX_OK) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CONNECT);
        return;
    }

#if (NGX_SSL)

    if (conn->redis->conf->tls != NULL) {
        ngx_keepers_redis_tls_begin(conn);
        return;
    }

#endif

    ngx_keepers_redis_conn_hello(conn);
}


/* It can be written to, and is whom we wanted to speak to. */

void
ngx_keepers_redis_conn_hello(ngx_keepers_redis_conn_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;

    /* a handshake has had its own */

    c->read->handler = ngx_keepers_redis_conn_read;
    c->write->handler = ngx_keepers_redis_conn_write;

    conn->state = NGX_KEEPERS_REDIS_HELLO;
    conn->hello_sent = 0;

    ngx_keepers_redis_hello_begin(conn);

    ngx_keepers_redis_breaker_wait(conn,
                                   conn->redis->conf->connect_timeout_ms);

    ngx_keepers_redis_conn_greet(conn);
}


/*
 * A Unix socket reports "writable" each time that Redis has read something,
 * which would be one more turn of the event loop for every command.  The send
 * that fills the socket asks for it again, by ngx_handle_write_event().
 */

static ngx_int_t
ngx_keepers_redis_conn_quiet(ngx_connection_t *c)
{
    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)
        || !c->write->active
        || !c->write->ready)
    {
        return NGX_OK;
    }

    /* the flag is for the read event, which stays */

    return ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT);
}


static void
ngx_keepers_redis_conn_ready(ngx_keepers_redis_conn_t *conn)
{
    conn->state = NGX_KEEPERS_REDIS_READY;
    conn->late = 0;

    if (conn->asks) {
        ngx_keepers_redis_sentinel_answered(conn->redis->sentinel);
        return;
    }

    if (conn->redis->sentinel != NULL) {
        ngx_keepers_redis_sentinel_arrived(conn);
    }

    if (conn->listen != NULL) {
        ngx_keepers_redis_listen_begin(conn);
        return;
    }

    ngx_keepers_redis_breaker_wait(conn, NGX_KEEPERS_REDIS_IDLE_MS);

    ngx_keepers_redis_log_ready(conn->redis);
    ngx_keepers_redis_log_node(conn, NGX_KEEPERS_REDIS_FAULT_NONE);

    if (!ngx_queue_empty(&conn->unsent)) {
        ngx_post_event(&conn->send, &ngx_posted_events);
    }
}


static void
ngx_keepers_redis_conn_read(ngx_event_t *rev)
{
    ngx_connection_t          *c;
    ngx_keepers_redis_conn_t  *conn;

    c = rev->data;
    conn = c->data;

    if (c->close) {

        /* "worker_shutdown_timeout": requests end now as well */

        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CLOSED);
        return;
    }

    if (conn->state == NGX_KEEPERS_REDIS_CONNECTING) {
        ngx_keepers_redis_conn_write(c->write);

        if (conn->connection == NULL
            || conn->state == NGX_KEEPERS_REDIS_HANDSHAKE)
        {
            return;
        }
    }

    /* even of one just connected: who refuses us does not say it again */

    (void) ngx_keepers_redis_conn_receive(conn);
}


/*
 * Reads what there is; replies are copied and queued, nothing is called back.
 * NGX_OK, NGX_ERROR: the connection has ended.
 */

ngx_int_t
ngx_keepers_redis_conn_receive(ngx_keepers_redis_conn_t *conn)
{
    ssize_t                     n;
    ngx_uint_t                  i;
    ngx_connection_t           *c;
    ngx_keepers_redis_fault_e   fault;

    c = conn->connection;

    for (i = 0; i < NGX_KEEPERS_REDIS_RECVS; i++) {
        n = c->recv(c, conn->redis->in, NGX_KEEPERS_REDIS_RECV);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0 || n == NGX_ERROR) {
            fault = ngx_keepers_redis_conn_ended(conn);

        } else {
            fault = ngx_keepers_redis_codec_read(conn, conn->redis->in, n);
        }

        if (fault != NGX_KEEPERS_REDIS_FAULT_NONE) {
            ngx_keepers_redis_breaker_lost(conn, fault);
            return NGX_ERROR;
        }

        if (conn->state == NGX_KEEPERS_REDIS_HELLO && conn->hello_left == 0) {
            ngx_keepers_redis_conn_ready(conn);

            if (conn->connection == NULL) {
                return NGX_ERROR;
            }
        }

        if (!c->read->ready) {
            break;
        }
    }

    if (c->read->ready) {

        /* more than a turn's share: the others first */

        ngx_post_event(c->read, &ngx_posted_next_events);
        return NGX_OK;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CLOSED);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_keepers_redis_fault_e
ngx_keepers_redis_conn_ended(const ngx_keepers_redis_conn_t *conn)
{
    if (conn->refused) {
        return NGX_KEEPERS_REDIS_FAULT_TLS_REFUSED;
    }

    if (conn->state == NGX_KEEPERS_REDIS_HELLO
        && conn->redis->conf->tls == NULL)
    {
        return NGX_KEEPERS_REDIS_FAULT_DUMB;
    }

    return NGX_KEEPERS_REDIS_FAULT_CLOSED;
}


static void
ngx_keepers_redis_conn_write(ngx_event_t *wev)
{
    ngx_connection_t          *c;
    ngx_keepers_redis_conn_t  *conn;

    c = wev->data;
    conn = c->data;

    switch (conn->state) {

    case NGX_KEEPERS_REDIS_CONNECTING:

        conn->err = ngx_keepers_redis_conn_test(c);

        if (conn->err == 0) {
            ngx_keepers_redis_conn_connected(conn);
            return;
        }

        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CONNECT);
        return;

    case NGX_KEEPERS_REDIS_HELLO:
        ngx_keepers_redis_conn_greet(conn);
        return;

    default:
        ngx_keepers_redis_conn_flush(conn);
    }
}


/* All that was issued in this turn of the event loop leaves together. */

static void
ngx_keepers_redis_conn_post(ngx_event_t *ev)
{
    ngx_keepers_redis_conn_t  *conn;

    conn = ev->data;

    if (conn->state == NGX_KEEPERS_REDIS_READY) {
        ngx_keepers_redis_conn_flush(conn);
    }
}


static void
ngx_keepers_redis_conn_greet(ngx_keepers_redis_conn_t *conn)
{
    ngx_str_t  *hello;

    hello = conn->asks ? &conn->redis->sentinel->hello : &conn->redis->hello;

    if (conn->hello_sent == hello->len) {
        return;
    }

    /* where this fails Redis has closed: the read event knows, and knows why */

    (void) ngx_keepers_redis_conn_send(conn, hello->data, hello->len,
                                       &conn->hello_sent);
}


static void
ngx_keepers_redis_conn_flush(ngx_keepers_redis_conn_t *conn)
{
    if (conn->sent == conn->last) {
        return;
    }

    ngx_keepers_redis_count(conn->redis, REDIS_WRITES, 1);

    if (ngx_keepers_redis_conn_send(conn, conn->buf, conn->last, &conn->sent)
        != NGX_OK)
    {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CLOSED);
        return;
    }

    /*
     * Redis can only be late from now on; nginx's clock has stood still since
     * this turn began, and handlers may have taken their time.
     */
    ngx_time_update();

    ngx_keepers_redis_op_sent(conn);
}


/* Bytes *sent to len.  NGX_OK: all or, if the socket is full, a part of them;
 * NGX_ERROR. */

static ngx_int_t
ngx_keepers_redis_conn_send(ngx_keepers_redis_conn_t *conn, const u_char *data,
    size_t len, size_t *sent)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = conn->connection;

    /* TLS takes a record at a time, and is ready for the next */

    do {
        n = c->send(c, (u_char *) data + *sent, len - *sent);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n > 0) {
            *sent += n;
        }

    } while (n > 0 && *sent < len && c->write->ready);

    return ngx_handle_write_event(c->write, 0);
}


/* Leaves no socket, timer, posted event or reader behind. */

void
ngx_keepers_redis_conn_close(ngx_keepers_redis_conn_t *conn)
{
    if (conn->state == NGX_KEEPERS_REDIS_ASKING) {
        ngx_queue_remove(&conn->asking);
    }

    if (conn->resolving != NULL) {
        ngx_resolve_name_done(conn->resolving);
        conn->resolving = NULL;
    }

    if (conn->connection != NULL) {
#if (NGX_SSL)
        ngx_keepers_redis_tls_end(conn->connection);
#endif
        ngx_close_connection(conn->connection);
        conn->connection = NULL;
    }

    if (conn->retry.timer_set) {
        ngx_del_timer(&conn->retry);
    }

    if (conn->deadline.timer_set) {
        ngx_del_timer(&conn->deadline);
    }

    if (conn->send.posted) {
        ngx_delete_posted_event(&conn->send);
    }

    ngx_keepers_redis_codec_close(conn);

    conn->state = NGX_KEEPERS_REDIS_DOWN;
}
