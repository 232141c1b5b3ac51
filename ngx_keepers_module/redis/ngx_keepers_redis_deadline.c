
/*
 * Copyright (C) Keepers
 *
 * One timer a connection, for its oldest op.  It is not moved with every
 * command: it fires, looks whose turn it is, and goes on.
 */


#include "redis/ngx_keepers_redis_int.h"


static ngx_msec_t ngx_keepers_redis_deadline_due(ngx_keepers_redis_op_t *op);
static ngx_keepers_redis_op_t *ngx_keepers_redis_deadline_of(
    ngx_keepers_redis_conn_t *conn);
static void ngx_keepers_redis_deadline_expire(ngx_keepers_redis_conn_t *conn);


/*
 * When the oldest op has waited too long: "keepers_redis_timeout" after it was
 * sent or, while Redis answers the ones before it, after the last complete
 * reply; but never more than twice that time.
 */

static ngx_msec_t
ngx_keepers_redis_deadline_due(ngx_keepers_redis_op_t *op)
{
    ngx_msec_t                 timeout_ms, since_ms;
    ngx_keepers_redis_conn_t  *conn;

    conn = op->conn;
    timeout_ms = conn->redis->conf->timeout_ms;

    if (op->state != NGX_KEEPERS_REDIS_OP_FLYING) {
        return op->sent_ms + timeout_ms;
    }

    since_ms = conn->reply_ms - op->sent_ms;

    if ((ngx_msec_int_t) since_ms <= 0) {
        return op->sent_ms + timeout_ms;
    }

    return op->sent_ms + ngx_min(since_ms, timeout_ms) + timeout_ms;
}


/* The op that the deadline is of; before READY, those of the hello have the
 * connection's own timer. */

static ngx_keepers_redis_op_t *
ngx_keepers_redis_deadline_of(ngx_keepers_redis_conn_t *conn)
{
    if (conn->state == NGX_KEEPERS_REDIS_READY) {
        return ngx_keepers_redis_op_oldest(conn);
    }

    if (ngx_queue_empty(&conn->unsent)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(&conn->unsent),
                          ngx_keepers_redis_op_t, queue);
}


void
ngx_keepers_redis_deadline_wait(ngx_keepers_redis_conn_t *conn,
    ngx_msec_t delay_ms)
{
    conn->deadline_ms = ngx_current_msec + delay_ms;

    ngx_add_timer(&conn->deadline, delay_ms);
}


void
ngx_keepers_redis_deadline_fire(ngx_event_t *ev)
{
    ngx_msec_t                 late_ms;
    ngx_msec_int_t             left_ms;
    ngx_keepers_redis_op_t    *op;
    ngx_keepers_redis_conn_t  *conn;

    conn = ev->data;

    late_ms = ngx_current_msec - conn->deadline_ms;

    op = ngx_keepers_redis_deadline_of(conn);
    if (op == NULL) {
        return;
    }

    left_ms = ngx_keepers_redis_deadline_due(op) - ngx_current_msec;

    if (left_ms <= 0 && conn->state == NGX_KEEPERS_REDIS_READY) {

        /* the reply may be there, and only we are late */

        if (ngx_keepers_redis_conn_receive(conn) != NGX_OK) {
            return;
        }

        op = ngx_keepers_redis_deadline_of(conn);
        if (op == NULL) {
            return;
        }

        left_ms = ngx_keepers_redis_deadline_due(op) - ngx_current_msec;
    }

    if (left_ms <= 0
        && !conn->late
        && late_ms > conn->redis->conf->timeout_ms / 4)
    {
        /*
         * A timer that fires late shows that this process did not run, and
         * perhaps the machine; it shows nothing of Redis.  Once more, then.
         */
        conn->late = 1;
        left_ms = conn->redis->conf->timeout_ms;
    }

    if (left_ms <= 0) {
        ngx_keepers_redis_deadline_expire(conn);
        return;
    }

    ngx_keepers_redis_deadline_wait(conn, left_ms);
}


static void
ngx_keepers_redis_deadline_expire(ngx_keepers_redis_conn_t *conn)
{
    ngx_msec_int_t           left_ms;
    ngx_keepers_redis_op_t  *op;

    if (conn->state == NGX_KEEPERS_REDIS_READY) {

        /* replies come in order: nothing behind this op can be read either */

        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_SILENT);
        return;
    }

    /* not connected yet: these give up alone, their commands never leave */

    ngx_keepers_redis_breaker_open(conn);

    while (!ngx_queue_empty(&conn->unsent)) {
        op = ngx_queue_data(ngx_queue_head(&conn->unsent),
                            ngx_keepers_redis_op_t, queue);

        left_ms = ngx_keepers_redis_deadline_due(op) - ngx_current_msec;

        if (left_ms > 0) {
            ngx_keepers_redis_deadline_wait(conn, left_ms);
            return;
        }

        conn->sent = op->end - conn->base;

        ngx_keepers_redis_op_finish(op, NGX_BUSY);
        ngx_keepers_redis_count(conn->redis, REDIS_TIMEOUTS, 1);
    }
}


/* How long it took, by the clock of deadlines. */

void
ngx_keepers_redis_deadline_kept(const ngx_keepers_redis_op_t *op)
{
    ngx_msec_t     took_ms;
    ngx_atomic_t  *counters;

    took_ms = ngx_current_msec - op->sent_ms;
    counters = op->conn->redis->counters;

    (void) ngx_atomic_fetch_add(&counters[KEEPERS_METRIC_REDIS_MS
                                          + keepers_metrics_bucket(took_ms)],
                                1);

    if (took_ms != 0) {
        (void) ngx_atomic_fetch_add(&counters[KEEPERS_METRIC_REDIS_SUM_MS],
                                    (ngx_atomic_int_t) took_ms);
    }
}
