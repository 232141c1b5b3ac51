
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_end.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_recent.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_unseal.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


/*
 * How often one may have been replaced while it was being ended, or in the
 * seconds before it: each time somebody has proved who they are.
 */
#define NGX_KEEPERS_END_STEPS  8

#define NGX_KEEPERS_END_POOL   1024


typedef struct {
    ngx_keepers_main_conf_t    *kmcf;
    u_char                      tag[KEEPERS_TAG_LEN];
    u_char                    (*sids)[KEEPERS_SID_LEN];
    ngx_uint_t                  n;      /* to be ended now */
    ngx_uint_t                  steps;
    keepers_metric_e            why;

    /* of a request that waits for it */
    ngx_keepers_end_pt          done;
    void                       *data;

    /* of nobody: its own */
    ngx_pool_t                 *pool;
    ngx_keepers_redis_reply_t   reply;
} ngx_keepers_end_t;


/* The command, its keys, and the texts that they are views of. */
typedef struct {
    keepers_str_t        argv[NGX_KEEPERS_END_MAX];
    u_char               keys[NGX_KEEPERS_END_MAX][NGX_KEEPERS_KEY_LEN];
} ngx_keepers_end_keys_t;


static ngx_keepers_end_t *ngx_keepers_end_create(ngx_pool_t *pool,
    ngx_keepers_main_conf_t *kmcf, const u_char tag[KEEPERS_TAG_LEN],
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n, keepers_metric_e why);
static ngx_int_t ngx_keepers_end_take(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_end_taken(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_end_room(ngx_keepers_end_t *end);
static void ngx_keepers_end_issue(ngx_keepers_end_t *end);
static void ngx_keepers_end_issued(void *data, ngx_int_t rc);
static ngx_int_t ngx_keepers_end_next(ngx_keepers_end_t *end, ngx_int_t rc,
    const ngx_keepers_redis_reply_t *reply);
static ngx_int_t ngx_keepers_end_count(ngx_keepers_end_t *end,
    const ngx_keepers_redis_reply_t *reply);
static void ngx_keepers_end_replaced(ngx_keepers_end_t *end,
    const ngx_keepers_redis_reply_t *reply);
static void ngx_keepers_end_keys(ngx_keepers_end_t *end,
    ngx_keepers_end_keys_t *keys);
static void ngx_keepers_end_tell(ngx_keepers_end_t *end);


ngx_int_t
ngx_keepers_end(ngx_http_request_t *r, const u_char tag[KEEPERS_TAG_LEN],
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n, keepers_metric_e why,
    ngx_keepers_end_pt done, void *data)
{
    ngx_keepers_end_t   *end;
    ngx_keepers_wait_t  *wait;

    end = ngx_keepers_end_create(r->pool, ngx_keepers_main_conf(r), tag, sids,
                                 n, why);
    wait = ngx_keepers_wait_create(r, n,
                                   n * KEEPERS_SESSION_ROTATED_SEALED_LEN);

    if (end == NULL || wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    end->done = done;
    end->data = data;

    wait->data = end;

    return ngx_keepers_end_take(r, wait);
}


/*
 * The answer does not wait for it, and the request may be gone before Redis has
 * said what stood there: it lives in a pool of its own.  A worker that exits
 * stays until the command is answered, as for any other.
 */

void
ngx_keepers_end_send(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n, keepers_metric_e why)
{
    ngx_pool_t         *pool;
    ngx_keepers_end_t  *end;

    pool = ngx_create_pool(NGX_KEEPERS_END_POOL, ngx_cycle->log);

    if (pool == NULL) {
        return;
    }

    end = ngx_keepers_end_create(pool, kmcf, tag, sids, n, why);

    if (end == NULL || ngx_keepers_end_room(end) != NGX_OK) {
        ngx_destroy_pool(pool);
        return;
    }

    ngx_keepers_end_issue(end);
}


static ngx_keepers_end_t *
ngx_keepers_end_create(ngx_pool_t *pool, ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n, keepers_metric_e why)
{
    ngx_keepers_end_t  *end;

    end = ngx_pcalloc(pool, sizeof(ngx_keepers_end_t));

    if (end == NULL) {
        return NULL;
    }

    end->sids = ngx_pnalloc(pool, n * KEEPERS_SID_LEN);

    if (end->sids == NULL) {
        return NULL;
    }

    ngx_memcpy(end->tag, tag, KEEPERS_TAG_LEN);
    ngx_memcpy(end->sids, sids, n * KEEPERS_SID_LEN);

    end->pool = pool;
    end->kmcf = kmcf;
    end->n = n;
    end->why = why;

    return end;
}


static ngx_int_t
ngx_keepers_end_take(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_end_t       *end;
    ngx_keepers_end_keys_t   keys;

    end = wait->data;

    ngx_keepers_end_keys(end, &keys);

    if (ngx_keepers_wait_eval(wait, NGX_KEEPERS_WAIT_HANDLER,
                              ngx_keepers_end_taken, NGX_KEEPERS_SCRIPT_TAKE,
                              end->n, keys.argv, end->n)
        != NGX_AGAIN)
    {
        return end->done(r, end->data, NGX_ERROR);
    }

    ngx_keepers_end_tell(end);

    return NGX_DONE;
}


static ngx_int_t
ngx_keepers_end_taken(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_int_t           rc;
    ngx_keepers_end_t  *end;

    end = wait->data;

    rc = ngx_keepers_end_next(end, wait->rc, &wait->reply);

    return rc == NGX_AGAIN ? ngx_keepers_end_take(r, wait)
                           : end->done(r, end->data, rc);
}


static ngx_int_t
ngx_keepers_end_room(ngx_keepers_end_t *end)
{
    ngx_keepers_redis_reply_t  *reply;

    reply = &end->reply;

    reply->values_max = end->n;
    reply->size = end->n * KEEPERS_SESSION_ROTATED_SEALED_LEN;

    reply->values = ngx_palloc(end->pool, reply->values_max
                                          * sizeof(ngx_keepers_redis_value_t));
    reply->data = ngx_pnalloc(end->pool, reply->size);

    return reply->values == NULL || reply->data == NULL ? NGX_ERROR : NGX_OK;
}


/* When it cannot be sent, the client has counted it: see ngx_keepers_send(). */

static void
ngx_keepers_end_issue(ngx_keepers_end_t *end)
{
    ngx_int_t                rc;
    ngx_keepers_end_keys_t   keys;
    ngx_keepers_redis_op_t  *op;

    ngx_keepers_end_keys(end, &keys);

    end->reply.n = 0;
    end->reply.len = 0;

    rc = ngx_keepers_redis_eval(ngx_keepers_worker.redis,
                                NGX_KEEPERS_SCRIPT_TAKE, end->n, keys.argv,
                                end->n, &end->reply, ngx_keepers_end_issued,
                                end, &op);

    ngx_keepers_end_tell(end);

    if (rc != NGX_AGAIN) {
        ngx_destroy_pool(end->pool);
    }
}


static void
ngx_keepers_end_issued(void *data, ngx_int_t rc)
{
    ngx_keepers_end_t  *end;

    end = data;

    if (ngx_keepers_end_next(end, rc, &end->reply) == NGX_AGAIN) {
        ngx_keepers_end_issue(end);
        return;
    }

    ngx_destroy_pool(end->pool);
}


/*
 * Who ends a session that has a successor means both, also if it has got that
 * only since it was looked up: what stood there when it ended says so.
 *
 * NGX_OK: nothing is left; NGX_AGAIN: end->sids are what has replaced them;
 * NGX_ERROR: Redis cannot say.
 */

static ngx_int_t
ngx_keepers_end_next(ngx_keepers_end_t *end, ngx_int_t rc,
    const ngx_keepers_redis_reply_t *reply)
{
    if (rc != NGX_OK || ngx_keepers_end_count(end, reply) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_keepers_end_replaced(end, reply);

    if (end->n == 0) {
        return NGX_OK;
    }

    return end->steps++ == NGX_KEEPERS_END_STEPS ? NGX_ERROR : NGX_AGAIN;
}


/* What was replaced is counted when what has replaced it ends. */

static ngx_int_t
ngx_keepers_end_count(ngx_keepers_end_t *end,
    const ngx_keepers_redis_reply_t *reply)
{
    ngx_int_t                         sessions;
    ngx_uint_t                        i;
    const ngx_keepers_redis_value_t  *value;

    sessions = 0;

    if (reply->n != end->n) {
        return NGX_ERROR;
    }

    for (i = 0; i < end->n; i++) {
        value = &reply->values[i];

        if (value->kind == NGX_KEEPERS_REDIS_NIL) {
            continue;
        }

        if (value->kind != NGX_KEEPERS_REDIS_STRING
            || (value->string.len != KEEPERS_SESSION_SEALED_LEN
                && value->string.len != KEEPERS_SESSION_ROTATED_SEALED_LEN))
        {
            return NGX_ERROR;
        }

        sessions += (value->string.len == KEEPERS_SESSION_SEALED_LEN);
    }

    (void) ngx_atomic_fetch_add(&end->kmcf->shm->counters[end->why], sessions);

    return NGX_OK;
}


/* Leaves in end->sids the successors of those that had one. */

static void
ngx_keepers_end_replaced(ngx_keepers_end_t *end,
    const ngx_keepers_redis_reply_t *reply)
{
    u_char                            text[NGX_KEEPERS_KEY_LEN];
    ngx_uint_t                        i, n;
    keepers_out_t                     key;
    keepers_session_t                 session;
    const ngx_keepers_redis_value_t  *value;

    n = 0;

    for (i = 0; i < end->n; i++) {
        value = &reply->values[i];

        if (value->kind == NGX_KEEPERS_REDIS_NIL
            || value->string.len != KEEPERS_SESSION_ROTATED_SEALED_LEN)
        {
            continue;
        }

        keepers_out_init(&key, text, sizeof(text));
        ngx_keepers_check_key(end->kmcf, end->tag, "s:", end->sids[i], &key);

        if (ngx_keepers_unseal_any(end->kmcf, keepers_out_written(&key),
                                   value->string, &session)
            == NGX_OK)
        {
            ngx_memcpy(end->sids[n++], session.successor, KEEPERS_SID_LEN);
        }
    }

    end->n = n;
}


static void
ngx_keepers_end_keys(ngx_keepers_end_t *end, ngx_keepers_end_keys_t *keys)
{
    ngx_uint_t     i;
    keepers_out_t  key;

    for (i = 0; i < end->n; i++) {

        /* before Redis can say anything: this node is the first to know */

        ngx_keepers_recent_forget(end->kmcf, end->sids[i]);

        keepers_out_init(&key, keys->keys[i], NGX_KEEPERS_KEY_LEN);
        ngx_keepers_check_key(end->kmcf, end->tag, "s:", end->sids[i], &key);

        keys->argv[i] = keepers_out_written(&key);
    }
}


/*
 * Other nodes, and the index, which only lists: a member without a session is
 * dropped when it is read.
 */

static void
ngx_keepers_end_tell(ngx_keepers_end_t *end)
{
    u_char         index[NGX_KEEPERS_KEY_LEN];
    u_char         text[NGX_KEEPERS_END_MAX][KEEPERS_SID_TEXT_LEN];
    ngx_uint_t     i;
    keepers_out_t  out;
    keepers_str_t  argv[NGX_KEEPERS_END_MAX + 2];

    ngx_keepers_revoke_publish(end->kmcf, end->sids, end->n);

    keepers_out_init(&out, index, sizeof(index));
    ngx_keepers_check_key(end->kmcf, end->tag, "x", NULL, &out);

    argv[0] = keepers_str("ZREM", 4);
    argv[1] = keepers_out_written(&out);

    for (i = 0; i < end->n; i++) {
        keepers_out_init(&out, text[i], KEEPERS_SID_TEXT_LEN);
        keepers_text_base64url(&out,
                               keepers_str(end->sids[i], KEEPERS_SID_LEN));

        argv[i + 2] = keepers_out_written(&out);
    }

    ngx_keepers_send(argv, end->n + 2);
}
