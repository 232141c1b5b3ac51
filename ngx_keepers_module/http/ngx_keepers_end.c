
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


/*
 * How often one may have been replaced while it was being ended, or in the
 * seconds before it: each time somebody has proved who they are.
 */
#define NGX_KEEPERS_END_STEPS  8


typedef struct {
    u_char               tag[KEEPERS_TAG_LEN];
    u_char               sids[NGX_KEEPERS_END_MAX][KEEPERS_SID_LEN];
    ngx_uint_t           n;         /* to be ended now */
    ngx_uint_t           steps;
    keepers_metric_e     why;
    ngx_keepers_end_pt   done;
    void                *data;
} ngx_keepers_end_t;


/* The command, its keys, and the texts that they are views of. */
typedef struct {
    keepers_str_t        argv[NGX_KEEPERS_END_MAX + 1];
    u_char               keys[NGX_KEEPERS_END_MAX][NGX_KEEPERS_KEY_LEN];
} ngx_keepers_end_keys_t;


static ngx_int_t ngx_keepers_end_take(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_end_taken(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_end_count(ngx_http_request_t *r,
    const ngx_keepers_wait_t *wait);
static void ngx_keepers_end_replaced(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static void ngx_keepers_end_keys(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n, ngx_keepers_end_keys_t *keys);
static void ngx_keepers_end_tell(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n);


ngx_int_t
ngx_keepers_end(ngx_http_request_t *r, const u_char tag[KEEPERS_TAG_LEN],
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n, keepers_metric_e why,
    ngx_keepers_end_pt done, void *data)
{
    ngx_keepers_end_t   *end;
    ngx_keepers_wait_t  *wait;

    end = ngx_pcalloc(r->pool, sizeof(ngx_keepers_end_t));
    wait = ngx_keepers_wait_create(r, n,
                                   n * KEEPERS_SESSION_ROTATED_SEALED_LEN);

    if (end == NULL || wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(end->tag, tag, KEEPERS_TAG_LEN);
    ngx_memcpy(end->sids, sids, n * KEEPERS_SID_LEN);
    end->n = n;
    end->why = why;
    end->done = done;
    end->data = data;

    wait->data = end;

    return ngx_keepers_end_take(r, wait);
}


static ngx_int_t
ngx_keepers_end_take(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_end_t        *end;
    ngx_keepers_end_keys_t    keys;
    ngx_keepers_main_conf_t  *kmcf;

    end = wait->data;
    kmcf = ngx_keepers_main_conf(r);

    ngx_keepers_end_keys(kmcf, end->tag, end->sids, end->n, &keys);

    if (ngx_keepers_wait_eval(wait, NGX_KEEPERS_WAIT_HANDLER,
                              ngx_keepers_end_taken, NGX_KEEPERS_SCRIPT_TAKE,
                              end->n, &keys.argv[1], end->n)
        != NGX_AGAIN)
    {
        return end->done(r, end->data, NGX_ERROR);
    }

    ngx_keepers_end_tell(kmcf, end->tag, end->sids, end->n);

    return NGX_DONE;
}


/*
 * Who ends a session that has a successor means both, also if it has got that
 * only since it was looked up: what stood there when it ended says so.
 */

static ngx_int_t
ngx_keepers_end_taken(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_end_t  *end;

    end = wait->data;

    if (ngx_keepers_end_count(r, wait) != NGX_OK) {
        return end->done(r, end->data, NGX_ERROR);
    }

    ngx_keepers_end_replaced(r, wait);

    if (end->n == 0) {
        return end->done(r, end->data, NGX_OK);
    }

    if (end->steps++ == NGX_KEEPERS_END_STEPS) {
        return end->done(r, end->data, NGX_ERROR);
    }

    return ngx_keepers_end_take(r, wait);
}


/* What was replaced is counted when what has replaced it ends. */

static ngx_int_t
ngx_keepers_end_count(ngx_http_request_t *r, const ngx_keepers_wait_t *wait)
{
    ngx_int_t                         sessions;
    ngx_uint_t                        i;
    ngx_keepers_end_t                *end;
    const ngx_keepers_redis_value_t  *value;

    end = wait->data;
    sessions = 0;

    if (wait->rc != NGX_OK || wait->reply.n != end->n) {
        return NGX_ERROR;
    }

    for (i = 0; i < end->n; i++) {
        value = &wait->reply.values[i];

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

    (void) ngx_atomic_fetch_add(
               &ngx_keepers_main_conf(r)->shm->counters[end->why], sessions);

    return NGX_OK;
}


/* Leaves in end->sids the successors of those that had one. */

static void
ngx_keepers_end_replaced(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    u_char                            text[NGX_KEEPERS_KEY_LEN];
    ngx_uint_t                        i, n;
    keepers_out_t                     key;
    keepers_session_t                 session;
    ngx_keepers_end_t                *end;
    ngx_keepers_main_conf_t          *kmcf;
    const ngx_keepers_redis_value_t  *value;

    kmcf = ngx_keepers_main_conf(r);
    end = wait->data;
    n = 0;

    for (i = 0; i < end->n; i++) {
        value = &wait->reply.values[i];

        if (value->kind == NGX_KEEPERS_REDIS_NIL
            || value->string.len != KEEPERS_SESSION_ROTATED_SEALED_LEN)
        {
            continue;
        }

        keepers_out_init(&key, text, sizeof(text));
        ngx_keepers_check_key(kmcf, end->tag, "s:", end->sids[i], &key);

        if (ngx_keepers_unseal_any(kmcf, keepers_out_written(&key),
                                   value->string, &session)
            == NGX_OK)
        {
            ngx_memcpy(end->sids[n++], session.successor, KEEPERS_SID_LEN);
        }
    }

    end->n = n;
}


void
ngx_keepers_end_send(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n)
{
    ngx_keepers_end_keys_t  keys;

    ngx_keepers_end_keys(kmcf, tag, sids, n, &keys);

    keys.argv[0] = keepers_str("DEL", 3);

    ngx_keepers_send(keys.argv, n + 1);
    ngx_keepers_end_tell(kmcf, tag, sids, n);
}


static void
ngx_keepers_end_keys(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n, ngx_keepers_end_keys_t *keys)
{
    ngx_uint_t     i;
    keepers_out_t  key;

    for (i = 0; i < n; i++) {

        /* before Redis can say anything: this node is the first to know */

        ngx_keepers_recent_forget(kmcf, sids[i]);

        keepers_out_init(&key, keys->keys[i], NGX_KEEPERS_KEY_LEN);
        ngx_keepers_check_key(kmcf, tag, "s:", sids[i], &key);

        keys->argv[i + 1] = keepers_out_written(&key);
    }
}


/*
 * Other nodes, and the index, which only lists: a member without a session is
 * dropped when it is read.
 */

static void
ngx_keepers_end_tell(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n)
{
    u_char         index[NGX_KEEPERS_KEY_LEN];
    u_char         text[NGX_KEEPERS_END_MAX][KEEPERS_SID_TEXT_LEN];
    ngx_uint_t     i;
    keepers_out_t  out;
    keepers_str_t  argv[NGX_KEEPERS_END_MAX + 2];

    ngx_keepers_revoke_publish(kmcf, sids, n);

    keepers_out_init(&out, index, sizeof(index));
    ngx_keepers_check_key(kmcf, tag, "x", NULL, &out);

    argv[0] = keepers_str("ZREM", 4);
    argv[1] = keepers_out_written(&out);

    for (i = 0; i < n; i++) {
        keepers_out_init(&out, text[i], KEEPERS_SID_TEXT_LEN);
        keepers_text_base64url(&out, keepers_str(sids[i], KEEPERS_SID_LEN));

        argv[i + 2] = keepers_out_written(&out);
    }

    ngx_keepers_send(argv, n + 2);
}
