
/*
 * Copyright (C) Keepers
 *
 * One subscription, on a connection of its own: connected, greeted and opened
 * again after a back-off like any other.  Once subscribed, an op that is
 * always FLYING takes each message, so that the bounds of the codec hold: an
 * array of at most three strings of so many bytes, or the connection ends.
 *
 * A subscription that is silent looks like one without messages: a PING every
 * quarter of a second must be answered before the next.
 */


#include "redis/ngx_keepers_redis_int.h"


#define NGX_KEEPERS_REDIS_LISTEN_MS  250


static ngx_int_t ngx_keepers_redis_listen_send(ngx_keepers_redis_conn_t *conn,
    const ngx_str_t *command);
static ngx_uint_t ngx_keepers_redis_listen_is(
    const ngx_keepers_redis_value_t *value, const char *text);


/* NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_listen(ngx_keepers_redis_t *redis, keepers_str_t channel,
    ngx_keepers_redis_heard_pt heard, ngx_keepers_redis_turned_pt turned,
    void *data)
{
    keepers_str_t                argv[2];
    ngx_keepers_redis_conn_t    *conn;
    ngx_keepers_redis_listen_t  *listen;

    listen = ngx_pcalloc(redis->pool, sizeof(ngx_keepers_redis_listen_t));
    conn = ngx_pcalloc(redis->pool, sizeof(ngx_keepers_redis_conn_t));

    if (listen == NULL || conn == NULL) {
        return NGX_ERROR;
    }

    listen->heard = heard;
    listen->turned = turned;
    listen->data = data;
    listen->reply.values = listen->values;
    listen->reply.values_max = NGX_KEEPERS_REDIS_LISTEN_VALUES;
    listen->reply.data = listen->bytes;
    listen->reply.size = sizeof(listen->bytes);

    argv[0] = keepers_str("SUBSCRIBE", 9);
    argv[1] = channel;

    if (ngx_keepers_redis_command_format(redis->pool, argv, 2,
                                       &listen->subscribe)
        != NGX_OK
        || ngx_keepers_redis_conn_init(redis, conn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    conn->listen = listen;
    redis->listener = conn;

    ngx_keepers_redis_conn_start(conn);

    return NGX_OK;
}


ngx_uint_t
ngx_keepers_redis_listens(const ngx_keepers_redis_t *redis)
{
    return redis->listener != NULL && redis->listener->listen->up;
}


/* The hello was answered. */

void
ngx_keepers_redis_listen_begin(ngx_keepers_redis_conn_t *conn)
{
    ngx_keepers_redis_op_t      *op;
    ngx_keepers_redis_listen_t  *listen;

    listen = conn->listen;
    op = &listen->op;

    ngx_memzero(op, sizeof(ngx_keepers_redis_op_t));

    op->conn = conn;
    op->role = NGX_KEEPERS_REDIS_HEARD;
    op->reply = &listen->reply;
    op->values_max = listen->reply.values_max;
    op->size = listen->reply.size;
    op->state = NGX_KEEPERS_REDIS_OP_FLYING;

    ngx_queue_insert_tail(&conn->flying, &op->queue);

    if (ngx_keepers_redis_listen_send(conn, &listen->subscribe) != NGX_OK) {
        return;
    }

    conn->busy = 0;

    ngx_keepers_redis_breaker_wait(conn, NGX_KEEPERS_REDIS_LISTEN_MS);
}


/* NGX_OK, NGX_ERROR: the connection has ended. */

static ngx_int_t
ngx_keepers_redis_listen_send(ngx_keepers_redis_conn_t *conn,
    const ngx_str_t *command)
{
    ngx_connection_t  *c;

    c = conn->connection;

    /* so little, and so rarely, that a socket without room is a dead one */

    if (c->send(c, command->data, command->len) != (ssize_t) command->len) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_CLOSED);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The timer, while the connection is READY. */

void
ngx_keepers_redis_listen_idle(ngx_keepers_redis_conn_t *conn)
{
    ngx_str_t  ping;

    /* an answer may be there, and only we are late */

    if (!conn->busy && ngx_keepers_redis_conn_receive(conn) != NGX_OK) {
        return;
    }

    if (!conn->busy) {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_SILENT);
        return;
    }

    ping.data = (u_char *) conn->redis->ping.data;
    ping.len = conn->redis->ping.len;

    if (ngx_keepers_redis_listen_send(conn, &ping) != NGX_OK) {
        return;
    }

    conn->busy = 0;

    ngx_keepers_redis_breaker_wait(conn, NGX_KEEPERS_REDIS_LISTEN_MS);
}


/*
 * Whatever Redis says on a subscribed connection.  The op stays where it is,
 * for the next.  FAULT_NONE: go on.
 */

ngx_keepers_redis_fault_e
ngx_keepers_redis_listen_heard(ngx_keepers_redis_op_t *op)
{
    ngx_uint_t                   n;
    ngx_keepers_redis_conn_t    *conn;
    ngx_keepers_redis_value_t   *values;
    ngx_keepers_redis_listen_t  *listen;

    conn = op->conn;
    listen = conn->listen;
    values = listen->values;
    n = op->n;

    if (op->error) {
        return NGX_KEEPERS_REDIS_FAULT_SUBSCRIBE;
    }

    op->n = 0;
    op->len = 0;

    conn->busy = 1;
    conn->replied = 1;
    conn->failures = 0;

    if (n == 3 && ngx_keepers_redis_listen_is(&values[0], "message")) {

        if (values[2].kind != NGX_KEEPERS_REDIS_STRING || !listen->up) {
            return NGX_KEEPERS_REDIS_FAULT_REPLY;
        }

        listen->heard(listen->data, values[2].string);

        return NGX_KEEPERS_REDIS_FAULT_NONE;
    }

    if (n == 2 && ngx_keepers_redis_listen_is(&values[0], "pong")) {
        return NGX_KEEPERS_REDIS_FAULT_NONE;
    }

    if (n == 3
        && !listen->up
        && ngx_keepers_redis_listen_is(&values[0], "subscribe"))
    {
        listen->up = 1;
        listen->told = 0;
        listen->turned(listen->data, 1);

        return NGX_KEEPERS_REDIS_FAULT_NONE;
    }

    return NGX_KEEPERS_REDIS_FAULT_REPLY;
}


static ngx_uint_t
ngx_keepers_redis_listen_is(const ngx_keepers_redis_value_t *value,
    const char *text)
{
    return value->kind == NGX_KEEPERS_REDIS_STRING
           && keepers_str_eq(value->string, keepers_str(text,
                                                        ngx_strlen(text)));
}


/* The connection has ended; messages are missed from now on. */

void
ngx_keepers_redis_listen_lost(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault)
{
    ngx_keepers_redis_listen_t  *listen;

    listen = conn->listen;

    /* an outage is told by the connections that take commands */

    if (fault >= NGX_KEEPERS_REDIS_FAULT_AUTH
        && ngx_keepers_redis_ready(conn->redis)
        && !listen->told)
    {
        listen->told = 1;
        ngx_keepers_redis_log_deaf(conn->redis, fault);
    }

    if (listen->up) {
        listen->up = 0;
        listen->turned(listen->data, 0);
    }
}
