
/*
 * Copyright (C) Keepers
 *
 * RESP in and out.
 *
 * hiredis reads: its reader calls the object functions below, which copy each
 * value straight into the reply of the oldest op, so that no memory is
 * allocated for a reply, and which refuse, by returning NULL, whatever the
 * command cannot return.  A refusal ends the connection: after it nobody could
 * say which reply belongs to which op.
 *
 * We write ourselves: ngx_keepers_redis_command.c.
 */


#include "redis/ngx_keepers_redis_int.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>


#define NGX_KEEPERS_REDIS_ASK         "*1\r\n$6\r\nASKING\r\n"
#define NGX_KEEPERS_REDIS_ASKING_LEN  (sizeof(NGX_KEEPERS_REDIS_ASK) - 1)


#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_keepers_redis_elements_t;
#else
typedef int     ngx_keepers_redis_elements_t;
#endif


static ngx_keepers_redis_op_t *ngx_keepers_redis_codec_head(
    const redisReadTask *task);
static void ngx_keepers_redis_codec_sent_on(ngx_keepers_redis_op_t *op,
    const redisReadTask *task, const char *str, size_t len);
static ngx_keepers_redis_value_t *ngx_keepers_redis_codec_value(
    ngx_keepers_redis_op_t *op, ngx_keepers_redis_kind_e kind);
static void *ngx_keepers_redis_codec_string(const redisReadTask *task,
    char *str, size_t len);
static void *ngx_keepers_redis_codec_array(const redisReadTask *task,
    ngx_keepers_redis_elements_t elements);
static void *ngx_keepers_redis_codec_integer(const redisReadTask *task,
    long long integer);
static void *ngx_keepers_redis_codec_nil(const redisReadTask *task);
#if (HIREDIS_MAJOR >= 1)
static void *ngx_keepers_redis_codec_double(const redisReadTask *task,
    double value, char *str, size_t len);
static void *ngx_keepers_redis_codec_bool(const redisReadTask *task,
    int value);
#endif
static ngx_keepers_redis_fault_e ngx_keepers_redis_codec_replies(
    ngx_keepers_redis_conn_t *conn);
static ngx_int_t ngx_keepers_redis_codec_room(ngx_keepers_redis_conn_t *conn,
    size_t len);


static redisReplyObjectFunctions  ngx_keepers_redis_codec_functions = {
    .createString = ngx_keepers_redis_codec_string,
    .createArray = ngx_keepers_redis_codec_array,
    .createInteger = ngx_keepers_redis_codec_integer,
#if (HIREDIS_MAJOR >= 1)
    .createDouble = ngx_keepers_redis_codec_double,
    .createBool = ngx_keepers_redis_codec_bool,
#endif
    .createNil = ngx_keepers_redis_codec_nil,
    .freeObject = NULL      /* what we return are ops: nothing to free */
};


/* Only called while an op is FLYING: see ngx_keepers_redis_codec_replies(). */

static ngx_keepers_redis_op_t *
ngx_keepers_redis_codec_head(const redisReadTask *task)
{
    ngx_keepers_redis_conn_t  *conn;

    conn = task->privdata;

    return ngx_queue_data(ngx_queue_head(&conn->flying),
                          ngx_keepers_redis_op_t, queue);
}


/*
 * The next value of the op's reply; NULL: there are more than it can return.
 * The values of an op whose owner has gone are counted all the same.
 */

static ngx_keepers_redis_value_t *
ngx_keepers_redis_codec_value(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_kind_e kind)
{
    ngx_keepers_redis_value_t  *value;

    if (op->n == op->values_max) {
        return NULL;
    }

    value = (op->reply != NULL) ? &op->reply->values[op->n]
                                : &op->conn->own_value;
    op->n++;

    value->kind = kind;
    value->integer = 0;
    value->string = keepers_str(NULL, 0);

    return value;
}


static void *
ngx_keepers_redis_codec_string(const redisReadTask *task, char *str,
    size_t len)
{
    u_char                     *p;
    ngx_keepers_redis_op_t     *op;
    ngx_keepers_redis_value_t  *value;

    op = ngx_keepers_redis_codec_head(task);

    if (task->type == REDIS_REPLY_ERROR) {
        op->error = ngx_keepers_redis_log_error_of(str, len);

        if (op->error == NGX_KEEPERS_REDIS_ERROR_MOVED
            || op->error == NGX_KEEPERS_REDIS_ERROR_ASK)
        {
            ngx_keepers_redis_codec_sent_on(op, task, str, len);
        }

        return op;
    }

    if (op->asking && task->type == REDIS_REPLY_STATUS) {

        /* its "OK" is none of the command's values */

        return (task->parent == NULL) ? op : NULL;
    }

    if (task->type == REDIS_REPLY_STRING) {

        /* hiredis has waited for these two bytes, but not looked at them */

        if (str[len] != CR || str[len + 1] != LF) {
            return NULL;
        }

    } else if (task->type != REDIS_REPLY_STATUS) {
        return NULL;
    }

    value = ngx_keepers_redis_codec_value(op, NGX_KEEPERS_REDIS_STRING);
    if (value == NULL || len > op->size - op->len) {
        return NULL;
    }

    if (op->reply != NULL && len > 0) {
        p = op->reply->data + op->len;
        ngx_memcpy(p, str, len);
        value->string = keepers_str(p, len);
    }

    op->len += len;

    return op;
}


/* Where to, until the op is answered, which is at once. */

static void
ngx_keepers_redis_codec_sent_on(ngx_keepers_redis_op_t *op,
    const redisReadTask *task, const char *str, size_t len)
{
    ngx_keepers_redis_cluster_t  *cluster;

    cluster = op->conn->redis->cluster;

    if (cluster == NULL) {
        return;
    }

    /* of one in an array, or too long, nothing is believed */

    cluster->told_len = 0;

    if (task->parent == NULL && len <= sizeof(cluster->told)) {
        ngx_memcpy(cluster->told, str, len);
        cluster->told_len = len;
    }
}


static void *
ngx_keepers_redis_codec_array(const redisReadTask *task,
    ngx_keepers_redis_elements_t elements)
{
    ngx_keepers_redis_op_t  *op;

    op = ngx_keepers_redis_codec_head(task);

    /* no nesting, and none of RESP3's maps, sets and pushes */

    if (task->parent != NULL || task->type != REDIS_REPLY_ARRAY) {
        return NULL;
    }

    if ((uint64_t) elements > op->values_max) {
        return NULL;
    }

    return op;
}


static void *
ngx_keepers_redis_codec_integer(const redisReadTask *task, long long integer)
{
    ngx_keepers_redis_op_t     *op;
    ngx_keepers_redis_value_t  *value;

    op = ngx_keepers_redis_codec_head(task);

    value = ngx_keepers_redis_codec_value(op, NGX_KEEPERS_REDIS_INTEGER);
    if (value == NULL) {
        return NULL;
    }

    value->integer = integer;

    return op;
}


static void *
ngx_keepers_redis_codec_nil(const redisReadTask *task)
{
    ngx_keepers_redis_op_t  *op;

    op = ngx_keepers_redis_codec_head(task);

    if (task->parent == NULL) {
        op->nil = 1;
        return op;
    }

    if (ngx_keepers_redis_codec_value(op, NGX_KEEPERS_REDIS_NIL) == NULL) {
        return NULL;
    }

    return op;
}


#if (HIREDIS_MAJOR >= 1)

static void *
ngx_keepers_redis_codec_double(const redisReadTask *task, double value,
    char *str, size_t len)
{
    (void) task;
    (void) value;
    (void) str;
    (void) len;

    return NULL;
}


static void *
ngx_keepers_redis_codec_bool(const redisReadTask *task, int value)
{
    (void) task;
    (void) value;

    return NULL;
}

#endif


/* NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_codec_open(ngx_keepers_redis_conn_t *conn)
{
    redisReader  *reader;

    reader = redisReaderCreateWithFunctions(
                                           &ngx_keepers_redis_codec_functions);
    if (reader == NULL) {
        return NGX_ERROR;
    }

    reader->privdata = conn;

    /*
     * Keep the buffer: it is bounded below, and hiredis would assert() that
     * there is memory for the next one.
     */
    reader->maxbuf = 0;

    conn->reader = reader;

    return NGX_OK;
}


void
ngx_keepers_redis_codec_close(ngx_keepers_redis_conn_t *conn)
{
    if (conn->reader != NULL) {
        redisReaderFree(conn->reader);
        conn->reader = NULL;
    }
}


/*
 * What came from the socket, at most NGX_KEEPERS_REDIS_RECV bytes.  FAULT_NONE:
 * the connection goes on.
 */

ngx_keepers_redis_fault_e
ngx_keepers_redis_codec_read(ngx_keepers_redis_conn_t *conn,
    const u_char *buf, size_t len)
{
    if (redisReaderFeed(conn->reader, (const char *) buf, len) != REDIS_OK) {
        return NGX_KEEPERS_REDIS_FAULT_MEMORY;
    }

    return ngx_keepers_redis_codec_replies(conn);
}


static ngx_keepers_redis_fault_e
ngx_keepers_redis_codec_replies(ngx_keepers_redis_conn_t *conn)
{
    void                       *reply;
    size_t                      rest;
    redisReader                *reader;
    ngx_keepers_redis_op_t     *op;
    ngx_keepers_redis_fault_e   fault;

    reader = conn->reader;

    for ( ;; ) {
        rest = reader->len - reader->pos;

        if (ngx_queue_empty(&conn->flying)) {

            return (rest == 0) ? NGX_KEEPERS_REDIS_FAULT_NONE
                               : NGX_KEEPERS_REDIS_FAULT_UNASKED;
        }

        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            return NGX_KEEPERS_REDIS_FAULT_REPLY;
        }

        op = ngx_queue_data(ngx_queue_head(&conn->flying),
                            ngx_keepers_redis_op_t, queue);

        if (reply == NULL) {

            /* what is left is a part of this op's reply: is it too much? */

            return (reader->len - reader->pos
                    > op->size + NGX_KEEPERS_REDIS_SLACK)
                   ? NGX_KEEPERS_REDIS_FAULT_REPLY
                   : NGX_KEEPERS_REDIS_FAULT_NONE;
        }

        fault = ngx_keepers_redis_op_answered(op);

        if (fault != NGX_KEEPERS_REDIS_FAULT_NONE) {
            return fault;
        }
    }
}


/*
 * Appends the op's command to the output.
 *
 *   NGX_OK     op->start and op->end are set
 *   NGX_BUSY   the output has reached its bound
 *   NGX_ERROR  no memory
 */

ngx_int_t
ngx_keepers_redis_codec_write(ngx_keepers_redis_op_t *op,
    const ngx_keepers_redis_command_t *command)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_keepers_redis_conn_t  *conn;

    conn = op->conn;

    rc = ngx_keepers_redis_codec_room(conn,
                                      ngx_keepers_redis_command_size(command));
    if (rc != NGX_OK) {
        return rc;
    }

    p = conn->buf + conn->last;

    op->start = conn->base + conn->last;
    conn->last += ngx_keepers_redis_command_encode(p, command) - p;
    op->end = conn->base + conn->last;

    return NGX_OK;
}


/* The same for a command that is encoded already. */

ngx_int_t
ngx_keepers_redis_codec_append(ngx_keepers_redis_op_t *op,
    keepers_str_t command)
{
    ngx_int_t                  rc;
    ngx_keepers_redis_conn_t  *conn;

    conn = op->conn;

    rc = ngx_keepers_redis_codec_room(conn, command.len);
    if (rc != NGX_OK) {
        return rc;
    }

    op->start = conn->base + conn->last;
    ngx_memcpy(conn->buf + conn->last, command.data, command.len);
    conn->last += command.len;
    op->end = conn->base + conn->last;

    return NGX_OK;
}


/* The op's command once more; its bytes are kept until it is answered. */

ngx_int_t
ngx_keepers_redis_codec_again(ngx_keepers_redis_op_t *op)
{
    size_t                     len;
    ngx_int_t                  rc;
    ngx_keepers_redis_conn_t  *conn;

    conn = op->conn;
    len = op->end - op->start;

    rc = ngx_keepers_redis_codec_room(conn, len);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_keepers_redis_codec_append(op,
                       keepers_str(conn->buf + (op->start - conn->base), len));
}


/*
 * The same at the end of the output of "conn", with ASKING before it or
 * without.  It comes from another connection, or from this one.
 */

ngx_int_t
ngx_keepers_redis_codec_move(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_conn_t *conn, ngx_uint_t ask)
{
    u_char                    *p;
    size_t                     len;
    uint64_t                   start;
    ngx_int_t                  rc;
    ngx_keepers_redis_conn_t  *from;

    from = op->conn;
    start = op->start + (op->asked ? NGX_KEEPERS_REDIS_ASKING_LEN : 0);
    len = (size_t) (op->end - start);

    rc = ngx_keepers_redis_codec_room(conn,
                                      len + NGX_KEEPERS_REDIS_ASKING_LEN);
    if (rc != NGX_OK) {
        return rc;
    }

    p = conn->buf + conn->last;
    op->start = conn->base + conn->last;

    if (ask) {
        p = ngx_cpymem(p, NGX_KEEPERS_REDIS_ASK, NGX_KEEPERS_REDIS_ASKING_LEN);
    }

    p = ngx_cpymem(p, from->buf + (start - from->base), len);

    conn->last = p - conn->buf;
    op->end = conn->base + conn->last;

    return NGX_OK;
}


/* Nothing sent waits for a reply, nothing waits to be sent: begin anew. */

void
ngx_keepers_redis_codec_trim(ngx_keepers_redis_conn_t *conn)
{
    conn->base += conn->last;
    conn->sent = 0;
    conn->last = 0;
}


/*
 * Makes room for len bytes: first by dropping what was answered, then, when
 * that leaves less than half, by doubling.  So a byte is moved once on
 * average.
 */

static ngx_int_t
ngx_keepers_redis_codec_room(ngx_keepers_redis_conn_t *conn, size_t len)
{
    u_char                  *buf;
    size_t                   size, used, answered;
    ngx_keepers_redis_op_t  *oldest;

    if (len <= conn->size - conn->last) {
        return NGX_OK;
    }

    oldest = ngx_keepers_redis_op_oldest(conn);

    answered = (oldest != NULL) ? (size_t) (oldest->start - conn->base)
                                : conn->last;
    used = conn->last - answered;

    if (len > conn->redis->output_max - used) {
        return NGX_BUSY;
    }

    for (size = conn->size; size / 2 < used + len; size *= 2) {
        if (size >= conn->redis->output_max) {
            break;
        }
    }

    buf = conn->buf;

    if (size > conn->size) {
        buf = ngx_alloc(size, conn->redis->log);
        if (buf == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memmove(buf, conn->buf + answered, used);

    if (buf != conn->buf) {
        ngx_free(conn->buf);
        conn->buf = buf;
        conn->size = size;
    }

    conn->base += answered;
    conn->sent -= answered;
    conn->last = used;

    return NGX_OK;
}
