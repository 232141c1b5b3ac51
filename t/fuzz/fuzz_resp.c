
/*
 * Copyright (C) Keepers
 *
 * What Redis, or whoever stands where it should, may send: commands that wait,
 * with what each can take, and then a stream.
 *
 *   commands 1 | for each: values 1, bytes 1 | stream
 *
 * The stream is read in one piece and byte by byte.  Both ways each command
 * gets what a strict reader of its own makes of it, within what it can take,
 * and the connection ends for the same reason; memory is never asked for by a
 * number of Redis.
 */


#include "redis/ngx_keepers_redis_int.h"

#include <hiredis/read.h>


#define COMMANDS_MAX  8
#define VALUES_MAX    15
#define STREAM_MAX    4096

/* the reader's buffer doubles: what is left of a reply, and what came */
#define MEMORY_MAX    (4 * (NGX_KEEPERS_REDIS_RECV                           \
                            + NGX_KEEPERS_REDIS_BYTES_MAX                    \
                            + NGX_KEEPERS_REDIS_SLACK))

#define NOBODY        0x80      /* of a command's values: its owner has gone */
#define LISTENS       0x40      /* it takes one reply after the other */


/* What became of a stream: the replies, and how it ended. */
typedef struct {
    size_t                      len;
    u_char                      bytes[64 * 1024];
    ngx_keepers_redis_fault_e   fault;
} story_t;


/* What the strict reader has before it. */
typedef struct {
    const uint8_t              *pos;
    const uint8_t              *end;
} input_t;


enum {
    WRONG = -1,
    PART,           /* so far it may be right */
    RIGHT
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* of the sanitizer; gcc has it, but not its header */
int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void *, size_t),
    void (*free_hook)(const volatile void *));

static void check(int holds);
static void tell(const void *data, size_t len);
static void tell_reply(const ngx_keepers_redis_op_t *op);
static void expect(ngx_keepers_redis_op_t *op, const uint8_t *what);
static void start(const uint8_t *what, size_t n);
static void read_all(const uint8_t *stream, size_t size, size_t step);
static void compare(const story_t *told, int verdict);
static int strict_all(const uint8_t *stream, size_t size, size_t n);
static int strict_reply(input_t *in, ngx_keepers_redis_op_t *op, int nested);
static int strict_value(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_kind_e kind, int64_t integer, const uint8_t *text,
    size_t len);
static int strict_line(input_t *in, const uint8_t **text, size_t *len);
static int strict_number(const uint8_t *text, size_t len, int64_t *n);
static void forget(size_t n);
static void asked(const volatile void *p, size_t size);
static void freed(const volatile void *p);


static ngx_keepers_redis_t         redis;
static ngx_keepers_redis_conn_t    conn;
static ngx_keepers_redis_op_t      ops[COMMANDS_MAX];
static ngx_keepers_redis_reply_t   replies[COMMANDS_MAX];
static story_t                     whole, bytewise, strict, *story;
static size_t                      largest;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             verdict;
    size_t          n;
    const uint8_t  *stream;
    static int      hooked;

    if (!hooked) {
        check(__sanitizer_install_malloc_and_free_hooks(asked, freed));
        hooked = 1;
    }

    if (size == 0) {
        return 0;
    }

    n = 1 + data[0] % COMMANDS_MAX;

    if (size < 1 + 2 * n || size > 1 + 2 * n + STREAM_MAX) {
        return 0;
    }

    stream = data + 1 + 2 * n;
    size -= 1 + 2 * n;

    story = &strict;
    start(data + 1, n);
    verdict = strict_all(stream, size, n);
    forget(n);

    story = &whole;
    start(data + 1, n);
    read_all(stream, size, NGX_KEEPERS_REDIS_RECV);
    forget(n);

    story = &bytewise;
    start(data + 1, n);
    read_all(stream, size, 1);
    forget(n);

    compare(&whole, verdict);

    /*
     * An unfinished reply may be refused for its framing alone, which in one
     * piece is seen only when it is finished; below that length never.
     */

    if (size <= NGX_KEEPERS_REDIS_SLACK) {
        compare(&bytewise, verdict);
        check(whole.fault == bytewise.fault);
    }

    return 0;
}


static void
compare(const story_t *told, int verdict)
{
    check(told->len == strict.len
          && memcmp(told->bytes, strict.bytes, strict.len) == 0);

    if (verdict == WRONG) {
        check(told->fault == NGX_KEEPERS_REDIS_FAULT_REPLY);

    } else if (verdict == PART) {

        /* what cannot become right may be known before it is whole */

        check(told->fault == NGX_KEEPERS_REDIS_FAULT_REPLY
              || told->fault == NGX_KEEPERS_REDIS_FAULT_NONE);

    } else {
        check(told->fault == strict.fault);
    }
}


static void
start(const uint8_t *what, size_t n)
{
    size_t  i;

    story->len = 0;
    story->fault = NGX_KEEPERS_REDIS_FAULT_NONE;

    memset(&conn, 0, sizeof(conn));
    conn.redis = &redis;
    ngx_queue_init(&conn.flying);
    ngx_queue_init(&conn.unsent);

    for (i = 0; i < n; i++) {
        expect(&ops[i], what + 2 * i);
    }
}


static void
forget(size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        free(replies[i].values);
        free(replies[i].data);
    }
}


static void
read_all(const uint8_t *stream, size_t size, size_t step)
{
    size_t                   len;
    ngx_keepers_redis_op_t  *op;

    check(ngx_keepers_redis_codec_open(&conn) == NGX_OK);

    largest = 0;

    while (size != 0 && story->fault == NGX_KEEPERS_REDIS_FAULT_NONE) {
        len = ngx_min(step, size);
        story->fault = ngx_keepers_redis_codec_read(&conn, stream, len);

        stream += len;
        size -= len;

        op = ngx_keepers_redis_op_oldest(&conn);

        check(story->fault != NGX_KEEPERS_REDIS_FAULT_NONE
              || conn.reader->len - conn.reader->pos
                 <= (op == NULL ? 0 : op->size + NGX_KEEPERS_REDIS_SLACK));
    }

    check(largest <= MEMORY_MAX);

    ngx_keepers_redis_codec_close(&conn);
    check(conn.reader == NULL);
}


/* An op, FLYING, as ngx_keepers_redis_op_accept() makes it; its memory has
 * not a byte to spare. */

static void
expect(ngx_keepers_redis_op_t *op, const uint8_t *what)
{
    ngx_keepers_redis_reply_t  *reply;

    memset(op, 0, sizeof(ngx_keepers_redis_op_t));

    reply = &replies[op - ops];
    memset(reply, 0, sizeof(ngx_keepers_redis_reply_t));

    op->conn = &conn;
    op->state = NGX_KEEPERS_REDIS_OP_FLYING;
    op->role = (what[0] & LISTENS) ? NGX_KEEPERS_REDIS_HEARD
                                   : NGX_KEEPERS_REDIS_COMMAND;

    ngx_queue_insert_tail(&conn.flying, &op->queue);

    if (what[0] & NOBODY) {
        op->values_max = NGX_KEEPERS_REDIS_VALUES_MAX;
        op->size = NGX_KEEPERS_REDIS_BYTES_MAX;
        return;
    }

    reply->values_max = what[0] & VALUES_MAX;
    reply->size = 4 * what[1];
    reply->values = malloc(reply->values_max
                           * sizeof(ngx_keepers_redis_value_t));
    reply->data = malloc(reply->size);
    check(reply->values != NULL && reply->data != NULL);

    op->reply = reply;
    op->values_max = reply->values_max;
    op->size = reply->size;
}


/* In the place of ngx_keepers_redis_op.c: the whole reply has come. */

ngx_keepers_redis_fault_e
ngx_keepers_redis_op_answered(ngx_keepers_redis_op_t *op)
{
    check(&op->queue == ngx_queue_head(&conn.flying));
    check(op->n <= op->values_max && op->len <= op->size);
    check(op->error < NGX_KEEPERS_REDIS_ERRORS);

    tell_reply(op);

    op->n = 0;
    op->len = 0;
    op->nil = 0;
    op->error = NGX_KEEPERS_REDIS_ERROR_NONE;

    if (op->role != NGX_KEEPERS_REDIS_HEARD) {
        ngx_queue_remove(&op->queue);
    }

    return NGX_KEEPERS_REDIS_FAULT_NONE;
}


static void
tell_reply(const ngx_keepers_redis_op_t *op)
{
    ngx_uint_t                  i;
    ngx_keepers_redis_value_t  *value;

    tell(&op->n, sizeof(op->n));
    tell(&op->len, sizeof(op->len));
    tell(&(uint8_t) { op->error }, 1);
    tell(&(uint8_t) { op->nil }, 1);

    for (i = 0; op->reply != NULL && i < op->n; i++) {
        value = &op->reply->values[i];

        tell(&value->kind, sizeof(value->kind));
        tell(&value->integer, sizeof(value->integer));
        tell(value->string.data, value->string.len);

        check(value->string.len == 0
              || (value->string.data >= op->reply->data
                  && value->string.data + value->string.len
                     <= op->reply->data + op->len));
    }
}


/* The protocol once more, by recursion, over bytes that are all there. */

static int
strict_all(const uint8_t *stream, size_t size, size_t n)
{
    int      rc;
    size_t   i;
    input_t  in;

    in.pos = stream;
    in.end = stream + size;

    for (i = 0; in.pos < in.end; i += (ops[i].role != NGX_KEEPERS_REDIS_HEARD))
    {
        if (i == n) {
            story->fault = NGX_KEEPERS_REDIS_FAULT_UNASKED;
            break;
        }

        rc = strict_reply(&in, &ops[i], 0);

        if (rc != RIGHT) {
            return rc;
        }

        (void) ngx_keepers_redis_op_answered(&ops[i]);
    }

    return RIGHT;
}


static int
strict_reply(input_t *in, ngx_keepers_redis_op_t *op, int nested)
{
    int             rc;
    size_t          len;
    int64_t         n;
    const uint8_t  *text;

    rc = strict_line(in, &text, &len);

    if (rc != RIGHT) {
        return rc;
    }

    if (text[0] == '+') {
        return strict_value(op, NGX_KEEPERS_REDIS_STRING, 0, text + 1,
                            len - 1);
    }

    if (text[0] == '-') {
        op->error = ngx_keepers_redis_log_error_of((const char *) text + 1,
                                                   len - 1);
        return RIGHT;
    }

    if (strict_number(text + 1, len - 1, &n) != RIGHT) {
        return WRONG;
    }

    if (text[0] == ':') {
        return strict_value(op, NGX_KEEPERS_REDIS_INTEGER, n, NULL, 0);
    }

    if ((text[0] != '$' && (text[0] != '*' || nested)) || n < -1) {
        return WRONG;
    }

    if (n == -1) {
        op->nil |= !nested;
        return nested ? strict_value(op, NGX_KEEPERS_REDIS_NIL, 0, NULL, 0)
                      : RIGHT;
    }

    if (text[0] == '*') {

        if ((uint64_t) n > op->values_max) {
            return WRONG;
        }

        for ( /* void */ ; n > 0 && rc == RIGHT; n--) {
            rc = strict_reply(in, op, 1);
        }

        return rc;
    }

    if (in->end - in->pos < 2 || in->end - in->pos - 2 < n) {
        return PART;
    }

    text = in->pos;
    in->pos += n + 2;

    if (text[n] != CR || text[n + 1] != LF) {
        return WRONG;
    }

    return strict_value(op, NGX_KEEPERS_REDIS_STRING, 0, text, (size_t) n);
}


static int
strict_value(ngx_keepers_redis_op_t *op, ngx_keepers_redis_kind_e kind,
    int64_t integer, const uint8_t *text, size_t len)
{
    ngx_keepers_redis_value_t  *value;

    if (op->n == op->values_max || len > op->size - op->len) {
        return WRONG;
    }

    if (op->reply != NULL) {
        value = &op->reply->values[op->n];

        value->kind = kind;
        value->integer = integer;
        value->string = keepers_str(op->reply->data + op->len, len);

        if (len != 0) {
            memcpy(op->reply->data + op->len, text, len);
        }
    }

    op->n++;
    op->len += len;

    return RIGHT;
}


/* A line of at least its mark. */

static int
strict_line(input_t *in, const uint8_t **text, size_t *len)
{
    const uint8_t  *p;

    for (p = in->pos; in->end - p >= 2; p++) {

        if (p[0] == CR && p[1] == LF) {
            *text = in->pos;
            *len = (size_t) (p - in->pos);
            in->pos = p + 2;

            return *len != 0 ? RIGHT : WRONG;
        }
    }

    return PART;
}


static int
strict_number(const uint8_t *text, size_t len, int64_t *n)
{
    size_t    i, minus;
    uint64_t  value, most;

    minus = (len != 0 && text[0] == '-');
    most = (uint64_t) INT64_MAX + minus;
    value = 0;

    if (len == minus || len > 20
        || (text[minus] == '0' && len != 1))
    {
        return WRONG;
    }

    for (i = minus; i < len; i++) {

        if (text[i] < '0' || text[i] > '9'
            || value > (most - (uint64_t) (text[i] - '0')) / 10)
        {
            return WRONG;
        }

        value = value * 10 + (uint64_t) (text[i] - '0');
    }

    *n = minus ? (int64_t) (0 - value) : (int64_t) value;

    return RIGHT;
}


static void
tell(const void *data, size_t len)
{
    if (len == 0) {
        return;
    }

    check(len <= sizeof(story->bytes) - story->len);

    memcpy(story->bytes + story->len, data, len);
    story->len += len;
}


static void
asked(const volatile void *p, size_t size)
{
    (void) p;

    if (size > largest) {
        largest = size;
    }
}


static void
freed(const volatile void *p)
{
    (void) p;
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
