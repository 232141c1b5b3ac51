
/*
 * Copyright (C) Keepers
 *
 * The output of a connection, whatever is written to it and whenever it leaves:
 * each byte of the input is something that happens.  What stands in the buffer
 * is, at every moment, what a stream of unlimited memory would have there, and
 * each command in it says what its arguments were.
 */


#include "redis/ngx_keepers_redis_int.h"


#define OPS_MAX     64
#define ARGS_MAX    4
#define STREAM_MAX  (4 * 1024 * 1024)
#define EVENTS_MAX  512


/* What happens: the low bits of a byte; the others say how much of it. */
enum {
    WRITE = 0,
    APPEND,
    SEND,
    ANSWER,
    AGAIN,
    EVENTS
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void setup(void);
static void happen(uint8_t what);
static void issue(size_t amount, int encoded);
static void send_some(size_t amount);
static void answer(void);
static void again(void);
static void remember(ngx_keepers_redis_op_t *op);
static void compare(void);
static size_t spell(u_char *to, const keepers_str_t *argv, ngx_uint_t argc);


static ngx_keepers_redis_t         redis;
static ngx_keepers_redis_conn_t    conn;
static ngx_keepers_redis_op_t      ops[OPS_MAX];
static u_char                      stream[STREAM_MAX], text[64 * 1024];
static uint64_t                    written, left;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t  i;

    if (size > EVENTS_MAX) {
        return 0;
    }

    setup();

    for (i = 0; i < size && written < STREAM_MAX / 2; i++) {
        happen(data[i]);
        compare();
    }

    free(conn.buf);

    return 0;
}


static void
setup(void)
{
    size_t  i;

    memset(&conn, 0, sizeof(conn));
    memset(ops, 0, sizeof(ops));

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (u_char) ('a' + i % 26);
    }

    redis.output_max = 4 * NGX_KEEPERS_REDIS_OUTPUT;

    conn.redis = &redis;
    conn.size = NGX_KEEPERS_REDIS_OUTPUT;
    conn.buf = malloc(conn.size);
    check(conn.buf != NULL);

    ngx_queue_init(&conn.unsent);
    ngx_queue_init(&conn.flying);

    written = 0;
    left = 0;
}


static void
happen(uint8_t what)
{
    size_t  amount;

    amount = what / 8;

    switch (what % 8) {

    case WRITE:
        issue(amount, 0);
        break;

    case APPEND:
        issue(amount, 1);
        break;

    case SEND:
        send_some(amount);
        break;

    case ANSWER:
        answer();
        break;

    case AGAIN:
        again();
        break;

    default:
        issue(amount * 8, 0);
    }
}


static void
issue(size_t amount, int encoded)
{
    size_t                   i, len;
    u_char                   command[32 * 1024];
    ngx_int_t                rc;
    ngx_uint_t               argc;
    keepers_str_t            argv[ARGS_MAX];
    ngx_keepers_redis_op_t  *op;

    ngx_keepers_redis_command_t  unencoded;

    op = NULL;

    for (i = 0; i < OPS_MAX && op == NULL; i++) {
        op = (ops[i].state == NGX_KEEPERS_REDIS_OP_FREE) ? &ops[i] : NULL;
    }

    if (op == NULL) {
        return;
    }

    memset(op, 0, sizeof(ngx_keepers_redis_op_t));
    op->conn = &conn;

    argc = 1 + amount % ARGS_MAX;

    for (i = 0; i < argc; i++) {
        argv[i] = keepers_str(text + 7 * i, i * amount + amount * amount / 16);
    }

    len = spell(command, argv, argc);

    memset(&unencoded, 0, sizeof(unencoded));
    unencoded.argv = argv;
    unencoded.argc = argc;

    rc = encoded ? ngx_keepers_redis_codec_append(op, keepers_str(command, len))
                 : ngx_keepers_redis_codec_write(op, &unencoded);

    if (rc != NGX_OK) {

        /* never refused while there is much room left */

        check(rc == NGX_BUSY);
        check(conn.last + 2 * len + 256 > redis.output_max / 2);
        return;
    }

    check(op->end - op->start == len);
    check(memcmp(conn.buf + (op->start - conn.base), command, len) == 0);

    remember(op);
}


/* Another spelling of the protocol than the one that is tried. */

static size_t
spell(u_char *to, const keepers_str_t *argv, ngx_uint_t argc)
{
    size_t      len;
    ngx_uint_t  i;

    len = (size_t) snprintf((char *) to, 32, "*%u\r\n", (unsigned) argc);

    for (i = 0; i < argc; i++) {
        len += (size_t) snprintf((char *) to + len, 32, "$%zu\r\n",
                                 argv[i].len);
        memcpy(to + len, argv[i].data, argv[i].len);
        len += argv[i].len;
        to[len++] = CR;
        to[len++] = LF;
    }

    return len;
}


static void
remember(ngx_keepers_redis_op_t *op)
{
    check(op->start == written);

    memcpy(stream + written, conn.buf + (op->start - conn.base),
           op->end - op->start);
    written = op->end;

    op->state = NGX_KEEPERS_REDIS_OP_UNSENT;
    ngx_queue_insert_tail(&conn.unsent, &op->queue);
}


static void
send_some(size_t amount)
{
    ngx_keepers_redis_op_t  *op;

    conn.sent += ngx_min(amount * amount * 8, conn.last - conn.sent);
    left = conn.base + conn.sent;

    while (!ngx_queue_empty(&conn.unsent)) {
        op = ngx_queue_data(ngx_queue_head(&conn.unsent),
                            ngx_keepers_redis_op_t, queue);

        if (op->end > left) {
            break;
        }

        ngx_queue_remove(&op->queue);
        op->state = NGX_KEEPERS_REDIS_OP_FLYING;
        ngx_queue_insert_tail(&conn.flying, &op->queue);
    }
}


static void
answer(void)
{
    ngx_keepers_redis_op_t  *op;

    if (ngx_queue_empty(&conn.flying)) {
        return;
    }

    op = ngx_queue_data(ngx_queue_head(&conn.flying), ngx_keepers_redis_op_t,
                        queue);

    ngx_queue_remove(&op->queue);
    op->state = NGX_KEEPERS_REDIS_OP_FREE;

    if (ngx_queue_empty(&conn.flying) && ngx_queue_empty(&conn.unsent)) {
        ngx_keepers_redis_codec_trim(&conn);
    }
}


/* The oldest one goes to the end of the line, the same as it was. */

static void
again(void)
{
    ngx_int_t                rc;
    ngx_keepers_redis_op_t  *op, was;

    if (ngx_queue_empty(&conn.flying)) {
        return;
    }

    op = ngx_queue_data(ngx_queue_head(&conn.flying), ngx_keepers_redis_op_t,
                        queue);
    was = *op;

    rc = ngx_keepers_redis_codec_again(op);

    if (rc != NGX_OK) {
        check(rc == NGX_BUSY);
        return;
    }

    check(op->end - op->start == was.end - was.start);
    check(memcmp(conn.buf + (op->start - conn.base), stream + was.start,
                 op->end - op->start)
          == 0);

    ngx_queue_remove(&op->queue);
    remember(op);
}


/* What has not left, and what may have to be sent again, is as it was. */

static void
compare(void)
{
    uint64_t                 from;
    ngx_keepers_redis_op_t  *oldest;

    check(conn.sent <= conn.last && conn.last <= conn.size);
    check(conn.size <= redis.output_max);
    check(conn.base + conn.last == written);
    check(conn.base + conn.sent == left);

    oldest = ngx_keepers_redis_op_oldest(&conn);
    from = (oldest != NULL && oldest->start < left) ? oldest->start : left;

    check(from >= conn.base);
    check(memcmp(conn.buf + (from - conn.base), stream + from, written - from)
          == 0);
}


/* Nothing is read here. */

ngx_keepers_redis_fault_e
ngx_keepers_redis_op_answered(ngx_keepers_redis_op_t *op)
{
    (void) op;

    abort();
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
