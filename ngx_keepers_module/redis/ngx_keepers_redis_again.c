
/*
 * Copyright (C) Keepers
 *
 * An op once more, for an error that is not its last word: Redis has forgotten
 * our scripts, or the keys are at another node.  Its bytes are in the output
 * still, which keeps them until the reply came.
 */


#include "redis/ngx_keepers_redis_int.h"


static ngx_int_t ngx_keepers_redis_again_load(ngx_keepers_redis_op_t *op);
static void ngx_keepers_redis_again_send(ngx_keepers_redis_op_t *op);


/* NGX_OK: the error is not its last word, the op is on its way once more. */

ngx_int_t
ngx_keepers_redis_again(ngx_keepers_redis_op_t *op)
{
    switch (op->error) {

    case NGX_KEEPERS_REDIS_ERROR_NOSCRIPT:
        return ngx_keepers_redis_again_load(op);

    case NGX_KEEPERS_REDIS_ERROR_MOVED:
    case NGX_KEEPERS_REDIS_ERROR_ASK:
        return ngx_keepers_redis_cluster_follow(op);

    default:
        return NGX_DECLINED;
    }
}


/*
 * Redis lost our scripts (SCRIPT FLUSH): load this one again, and send the
 * command behind it, once.  NGX_OK: it is on its way.
 */

static ngx_int_t
ngx_keepers_redis_again_load(ngx_keepers_redis_op_t *op)
{
    if (op->script == 0 || op->retried) {
        return NGX_DECLINED;
    }

    if (ngx_keepers_redis_hello_reload(op->conn, op->script - 1) != NGX_OK
        || ngx_keepers_redis_codec_again(op) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_keepers_redis_op_unlink(op);

    op->retried = 1;
    op->asking = op->asked;

    ngx_keepers_redis_again_send(op);

    return NGX_OK;
}


/* Its bytes stand in the output of op->conn. */

static void
ngx_keepers_redis_again_send(ngx_keepers_redis_op_t *op)
{
    op->error = NGX_KEEPERS_REDIS_ERROR_NONE;
    op->n = 0;
    op->len = 0;

    ngx_keepers_redis_op_unsent(op);
}


/*
 * To another node, whose connection may be the same one: behind ASKING, if a
 * node has said ASK.  NGX_OK, NGX_BUSY, NGX_ERROR: it is where it was.
 */

ngx_int_t
ngx_keepers_redis_again_move(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_conn_t *conn, ngx_uint_t ask)
{
    ngx_int_t                  rc;
    ngx_keepers_redis_conn_t  *from;

    from = op->conn;

    rc = ngx_keepers_redis_codec_move(op, conn, ask);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_keepers_redis_op_unlink(op);

    /* it was answered, if not by whom it should be */

    from->replied = 1;
    from->failures = 0;

    op->conn = conn;
    op->asked = ask;
    op->asking = ask;
    op->hops++;

    ngx_keepers_redis_again_send(op);

    return NGX_OK;
}
