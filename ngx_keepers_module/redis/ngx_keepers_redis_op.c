
/*
 * Copyright (C) Keepers
 *
 * Life of an op: issued, sent, answered or failed, delivered, released.  Ops
 * stand in a fixed table of the worker; one place releases those of callers,
 * and it is ngx_keepers_redis_op_deliver().
 */


#include "redis/ngx_keepers_redis_int.h"


static void ngx_keepers_redis_op_accept(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_reply_t *reply);
static void ngx_keepers_redis_op_release(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_op_t *op);
static ngx_keepers_redis_fault_e ngx_keepers_redis_op_refused(
    ngx_keepers_redis_op_t *op);
static void ngx_keepers_redis_op_doubt(ngx_keepers_redis_conn_t *conn);


/* NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_op_init(ngx_keepers_redis_t *redis)
{
    ngx_uint_t  i;

    redis->ops = ngx_pcalloc(redis->pool, redis->conf->queue
                                          * sizeof(ngx_keepers_redis_op_t));
    if (redis->ops == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&redis->free);
    ngx_queue_init(&redis->completed);

    for (i = 0; i < redis->conf->queue; i++) {
        ngx_queue_insert_tail(&redis->free, &redis->ops[i].queue);
    }

    redis->deliver.handler = ngx_keepers_redis_op_deliver;
    redis->deliver.data = redis;
    redis->deliver.log = redis->log;

    return NGX_OK;
}


/* NGX_AGAIN, NGX_BUSY, NGX_ERROR: see the header. */

ngx_int_t
ngx_keepers_redis_issue(ngx_keepers_redis_t *redis, const keepers_str_t *argv,
    ngx_uint_t argc, ngx_keepers_redis_reply_t *reply,
    ngx_keepers_redis_done_pt done, void *data, ngx_keepers_redis_op_t **op)
{
    ngx_keepers_redis_command_t  command;

    ngx_memzero(&command, sizeof(command));

    command.argv = argv;
    command.argc = argc;

    return ngx_keepers_redis_op_issue(redis, 0, &command, reply, done, data,
                                      op);
}


/* NGX_AGAIN, NGX_BUSY, NGX_ERROR: see the header. */

ngx_int_t
ngx_keepers_redis_op_issue(ngx_keepers_redis_t *redis, ngx_uint_t script,
    const ngx_keepers_redis_command_t *command,
    ngx_keepers_redis_reply_t *reply, ngx_keepers_redis_done_pt done,
    void *data, ngx_keepers_redis_op_t **opp)
{
    ngx_int_t                  rc;
    ngx_queue_t               *q;
    ngx_keepers_redis_op_t    *op;
    ngx_keepers_redis_conn_t  *conn;

    conn = (redis->cluster == NULL)
           ? ngx_keepers_redis_op_conn(redis, redis->nodes)
           : ngx_keepers_redis_cluster_conn(redis, command);

    if (conn == NULL) {
        ngx_keepers_redis_count(redis, REDIS_LOST, 1);
        return NGX_ERROR;
    }

    if (ngx_queue_empty(&redis->free)) {
        ngx_keepers_redis_count(redis, REDIS_BUSY, 1);
        return NGX_BUSY;
    }

    /* the last one used is the one that the CPU still has at hand */

    q = ngx_queue_head(&redis->free);
    ngx_queue_remove(q);

    op = ngx_queue_data(q, ngx_keepers_redis_op_t, queue);
    ngx_memzero(&op->n, sizeof(ngx_keepers_redis_op_t)
                        - offsetof(ngx_keepers_redis_op_t, n));

    op->conn = conn;
    op->done = done;
    op->data = data;
    op->script = script;

    ngx_keepers_redis_op_accept(op, reply);

    rc = ngx_keepers_redis_codec_write(op, command);

    if (rc != NGX_OK) {
        ngx_keepers_redis_op_release(redis, op);
        ngx_keepers_redis_count(redis, REDIS_BUSY, 1);

        return rc;
    }

    ngx_keepers_redis_op_unsent(op);

    if (opp != NULL) {
        *opp = op;
    }

    return NGX_AGAIN;
}


/*
 * Takes turns among a node's connections that are READY.  Without any, a
 * command waits for one of which nothing is known to have failed; NULL: there
 * is none.
 */

ngx_keepers_redis_conn_t *
ngx_keepers_redis_op_conn(const ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *conn, *hopeful;

    hopeful = NULL;

    for (i = 0; i < redis->conf->connections; i++) {
        conn = &node->conns[node->next];

        if (++node->next == redis->conf->connections) {
            node->next = 0;
        }

        if (conn->state == NGX_KEEPERS_REDIS_READY) {
            return conn;
        }

        /* a worker that leaves reconnects only for those who ask */

        ngx_keepers_redis_breaker_want(conn);

        if (conn->failures == 0) {
            hopeful = conn;
        }
    }

    return hopeful;
}


static void
ngx_keepers_redis_op_accept(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_reply_t *reply)
{
    op->reply = reply;

    if (reply == NULL) {
        op->values_max = NGX_KEEPERS_REDIS_VALUES_MAX;
        op->size = NGX_KEEPERS_REDIS_BYTES_MAX;
        return;
    }

    reply->n = 0;
    reply->len = 0;

    op->values_max = ngx_min(reply->values_max, NGX_KEEPERS_REDIS_VALUES_MAX);
    op->size = ngx_min(reply->size, NGX_KEEPERS_REDIS_BYTES_MAX);
}


static void
ngx_keepers_redis_op_release(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_op_t *op)
{
    op->state = NGX_KEEPERS_REDIS_OP_FREE;
    op->done = NULL;
    op->reply = NULL;

    ngx_queue_insert_head(&redis->free, &op->queue);
}


/* The op's command stands in the output. */

void
ngx_keepers_redis_op_unsent(ngx_keepers_redis_op_t *op)
{
    ngx_keepers_redis_conn_t  *conn;

    conn = op->conn;

    op->state = NGX_KEEPERS_REDIS_OP_UNSENT;
    op->sent_ms = ngx_current_msec;
    ngx_queue_insert_tail(&conn->unsent, &op->queue);

    if (op->role == NGX_KEEPERS_REDIS_COMMAND) {
        conn->owned++;
        conn->deadline.cancelable = 0;
    }

    if (!conn->deadline.timer_set) {
        ngx_keepers_redis_deadline_wait(conn, conn->redis->conf->timeout_ms);
    }

    if (conn->state == NGX_KEEPERS_REDIS_READY) {
        ngx_post_event(&conn->send, &ngx_posted_events);
    }
}


/* Commands up to conn->sent have left. */

void
ngx_keepers_redis_op_sent(ngx_keepers_redis_conn_t *conn)
{
    uint64_t                 sent;
    ngx_uint_t               n;
    ngx_keepers_redis_op_t  *op;

    sent = conn->base + conn->sent;
    n = 0;

    while (!ngx_queue_empty(&conn->unsent)) {
        op = ngx_queue_data(ngx_queue_head(&conn->unsent),
                            ngx_keepers_redis_op_t, queue);

        if (op->end > sent) {
            break;
        }

        ngx_queue_remove(&op->queue);

        op->state = NGX_KEEPERS_REDIS_OP_FLYING;
        op->sent_ms = ngx_current_msec;
        ngx_queue_insert_tail(&conn->flying, &op->queue);

        n++;
    }

    ngx_keepers_redis_count(conn->redis, REDIS_COMMANDS, n);
}


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


/* Out of the connection's queues. */

void
ngx_keepers_redis_op_unlink(ngx_keepers_redis_op_t *op)
{
    ngx_keepers_redis_conn_t  *conn;

    conn = op->conn;

    ngx_queue_remove(&op->queue);
    op->state = NGX_KEEPERS_REDIS_OP_FREE;

    if (op->role == NGX_KEEPERS_REDIS_COMMAND && --conn->owned == 0) {

        /* nobody waits: the timer must not hold a worker that leaves */

        conn->deadline.cancelable = 1;
    }
}


/* To its owner, in a while: the caller may be anywhere. */

void
ngx_keepers_redis_op_finish(ngx_keepers_redis_op_t *op, ngx_int_t rc)
{
    ngx_keepers_redis_t  *redis;

    redis = op->conn->redis;

    ngx_keepers_redis_op_unlink(op);

    if (op->role != NGX_KEEPERS_REDIS_COMMAND) {
        return;
    }

    op->rc = rc;
    op->state = NGX_KEEPERS_REDIS_OP_DONE;

    if (op->reply != NULL) {
        op->reply->n = (rc == NGX_OK) ? op->n : 0;
        op->reply->len = (rc == NGX_OK) ? op->len : 0;
    }

    ngx_queue_insert_tail(&redis->completed, &op->queue);
    ngx_post_event(&redis->deliver, &ngx_posted_events);
}


/* The whole reply has come.  FAULT_NONE: the connection goes on. */

ngx_keepers_redis_fault_e
ngx_keepers_redis_op_answered(ngx_keepers_redis_op_t *op)
{
    ngx_int_t                  rc;
    ngx_keepers_redis_conn_t  *conn;
    ngx_keepers_redis_fault_e  fault;

    conn = op->conn;

    conn->reply_ms = ngx_current_msec;
    conn->late = 0;
    conn->busy = 1;

    if (op->role == NGX_KEEPERS_REDIS_HEARD) {
        return ngx_keepers_redis_listen_heard(op);
    }

    if (op->asking) {

        /* the reply to the command comes behind; refused, it is another's */

        op->asking = 0;

        return op->error ? NGX_KEEPERS_REDIS_FAULT_MAP
                         : NGX_KEEPERS_REDIS_FAULT_NONE;
    }

    ngx_keepers_redis_deadline_kept(op);

    fault = NGX_KEEPERS_REDIS_FAULT_NONE;

    if (op->error) {

        if (ngx_keepers_redis_again(op) == NGX_OK) {

            if (ngx_keepers_redis_op_oldest(conn) == NULL) {
                ngx_keepers_redis_codec_trim(conn);
            }

            return NGX_KEEPERS_REDIS_FAULT_NONE;
        }

        fault = ngx_keepers_redis_op_refused(op);
        rc = NGX_ERROR;

    } else if (op->nil) {
        rc = NGX_DECLINED;

    } else {
        rc = NGX_OK;
    }

    if (op->role != NGX_KEEPERS_REDIS_COMMAND && !op->error) {
        fault = ngx_keepers_redis_hello_answered(op);
    }

    if (fault == NGX_KEEPERS_REDIS_FAULT_NONE
        && conn->state == NGX_KEEPERS_REDIS_READY)
    {
        /*
         * A server that accepts and then hangs would keep the delay at its
         * minimum for ever, so only a reply, not a connection, counts as
         * recovery; and not the first ones, which it may answer from afar.
         */
        conn->replied = 1;
        conn->failures = 0;
    }

    ngx_keepers_redis_op_finish(op, rc);

    if (ngx_queue_empty(&conn->flying) && ngx_queue_empty(&conn->unsent)) {
        ngx_keepers_redis_codec_trim(conn);
    }

    return fault;
}


/* An error reply: says whether a new connection might fare better. */

static ngx_keepers_redis_fault_e
ngx_keepers_redis_op_refused(ngx_keepers_redis_op_t *op)
{
    ngx_keepers_redis_fault_e  fault;

    ngx_keepers_redis_count(op->conn->redis, REDIS_ERRORS, 1);

    if (op->role != NGX_KEEPERS_REDIS_COMMAND) {
        return ngx_keepers_redis_hello_answered(op);
    }

    if (op->error == NGX_KEEPERS_REDIS_ERROR_CROSSSLOT) {
        op->conn->redis->slots = 1;

    } else if (op->error == NGX_KEEPERS_REDIS_ERROR_CLUSTERDOWN) {
        ngx_keepers_redis_cluster_doubt(op->conn->redis);
    }

    fault = ngx_keepers_redis_breaker_fault(op->error);

    /* a fault is logged as the reason why the connection ends */

    if (fault == NGX_KEEPERS_REDIS_FAULT_NONE) {
        ngx_keepers_redis_log_error(op->conn->redis, op->error);
    }

    return fault;
}


/* The connection has ended: nothing on it will be answered. */

void
ngx_keepers_redis_op_fail_all(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault)
{
    ngx_int_t                rc;
    ngx_uint_t               n;
    ngx_keepers_redis_op_t  *op;

    if (fault == NGX_KEEPERS_REDIS_FAULT_UNASKED
        || fault == NGX_KEEPERS_REDIS_FAULT_REPLY)
    {
        ngx_keepers_redis_op_doubt(conn);
    }

    n = conn->owned;
    rc = (fault == NGX_KEEPERS_REDIS_FAULT_SILENT) ? NGX_BUSY : NGX_ERROR;

    for (op = ngx_keepers_redis_op_oldest(conn);
         op != NULL;
         op = ngx_keepers_redis_op_oldest(conn))
    {
        ngx_keepers_redis_op_finish(op, rc);
    }

    if (rc == NGX_BUSY) {
        ngx_keepers_redis_count(conn->redis, REDIS_TIMEOUTS, n);

    } else {
        ngx_keepers_redis_count(conn->redis, REDIS_LOST, n);
    }

    ngx_keepers_redis_codec_trim(conn);
}


/*
 * Redis said too much, or nonsense.  Any reply before that may have been the
 * wrong one: those that are not delivered yet are not.
 */

static void
ngx_keepers_redis_op_doubt(ngx_keepers_redis_conn_t *conn)
{
    ngx_queue_t             *q, *completed;
    ngx_keepers_redis_op_t  *op;

    completed = &conn->redis->completed;

    for (q = ngx_queue_head(completed);
         q != ngx_queue_sentinel(completed);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_keepers_redis_op_t, queue);

        if (op->conn != conn) {
            continue;
        }

        op->rc = NGX_ERROR;

        if (op->reply != NULL) {
            op->reply->n = 0;
            op->reply->len = 0;
        }
    }
}


ngx_uint_t
ngx_keepers_redis_answered(const ngx_keepers_redis_op_t *op)
{
    return op->state == NGX_KEEPERS_REDIS_OP_DONE;
}


void
ngx_keepers_redis_detach(ngx_keepers_redis_op_t *op)
{
    op->done = NULL;
    op->data = NULL;
    op->reply = NULL;
}


void
ngx_keepers_redis_op_deliver(ngx_event_t *ev)
{
    void                       *data;
    ngx_int_t                   rc;
    ngx_queue_t                *q;
    ngx_keepers_redis_t        *redis;
    ngx_keepers_redis_op_t     *op;
    ngx_keepers_redis_done_pt   done;

    redis = ev->data;

    while (!ngx_queue_empty(&redis->completed)) {
        q = ngx_queue_head(&redis->completed);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_keepers_redis_op_t, queue);

        done = op->done;
        data = op->data;
        rc = op->rc;

        ngx_keepers_redis_op_release(redis, op);

        if (done != NULL) {
            done(data, rc);
        }
    }
}
