
/*
 * Copyright (C) Keepers
 *
 * WAITAOF is of what its own connection has written: hence a mark, which is
 * written behind all that others have, and then the question.  Who comes while
 * one is under way was not meant by it, and waits for the next.
 */


#include "http/ngx_keepers_sync.h"

#include "core/keepers_out.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_flight.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_SYNC_MS         1500    /* Redis waits for its disk */
#define NGX_KEEPERS_SYNC_REPLY_MS   1750    /* and then answers */
#define NGX_KEEPERS_SYNC_READY_MS   20      /* the connection is being made */
#define NGX_KEEPERS_SYNC_QUEUE      16

#define NGX_KEEPERS_SYNC_TEXT       NGX_KEEPERS_SYNC_STR(NGX_KEEPERS_SYNC_MS)
#define NGX_KEEPERS_SYNC_STR(n)     NGX_KEEPERS_SYNC_STR2(n)
#define NGX_KEEPERS_SYNC_STR2(n)    #n

/* a prefix has at most 64 bytes */
#define NGX_KEEPERS_SYNC_KEY_LEN    (64 + sizeof("{spool}:m"))


typedef struct {
    ngx_keepers_redis_t        *redis;
    ngx_keepers_redis_conf_t    conf;
    ngx_atomic_t               *counters;
    ngx_queue_t                 next;       /* waits that were not asked for */
    ngx_queue_t                 flying;     /* those that were */
    ngx_event_t                 timer;      /* of "next" */
    ngx_keepers_redis_op_t     *mark;
    ngx_keepers_redis_op_t     *op;
    ngx_keepers_redis_reply_t   marked;
    ngx_keepers_redis_reply_t   reply;
    ngx_keepers_redis_value_t   values[3];
    u_char                      data[2][32];
    u_char                      key[NGX_KEEPERS_SYNC_KEY_LEN];
    size_t                      key_len;
    unsigned                    ok:1;       /* the mark is written */
} ngx_keepers_sync_t;


static ngx_keepers_sync_t *ngx_keepers_sync_start(ngx_http_request_t *r);
static void ngx_keepers_sync_next(ngx_keepers_sync_t *sync);
static ngx_int_t ngx_keepers_sync_ask(ngx_keepers_sync_t *sync);
static void ngx_keepers_sync_marked(void *data, ngx_int_t rc);
static void ngx_keepers_sync_done(void *data, ngx_int_t rc);
static void ngx_keepers_sync_land(ngx_keepers_sync_t *sync,
    ngx_queue_t *waits, ngx_int_t rc);
static void ngx_keepers_sync_timer(ngx_event_t *ev);


static ngx_keepers_sync_t  *ngx_keepers_syncs;


ngx_int_t
ngx_keepers_sync(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_wake_pt wake)
{
    ngx_keepers_sync_t  *sync;

    sync = ngx_keepers_syncs;

    if (sync == NULL) {
        sync = ngx_keepers_sync_start(r);

        if (sync == NULL) {
            return NGX_DECLINED;
        }
    }

    ngx_keepers_flight_wait(wait, &sync->next, 0, NGX_KEEPERS_WAIT_HANDLER,
                            wake);
    ngx_keepers_sync_next(sync);

    return NGX_AGAIN;
}


/* Of a cluster nobody knows which node the mark would go to. */

static ngx_keepers_sync_t *
ngx_keepers_sync_start(ngx_http_request_t *r)
{
    ngx_cycle_t              *cycle;
    keepers_out_t             key;
    ngx_keepers_sync_t       *sync;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (kmcf->redis.seeds_n != 0) {
        return NULL;
    }

    cycle = (ngx_cycle_t *) ngx_cycle;

    sync = ngx_pcalloc(cycle->pool, sizeof(ngx_keepers_sync_t));

    if (sync == NULL) {
        return NULL;
    }

    ngx_queue_init(&sync->next);
    ngx_queue_init(&sync->flying);

    sync->timer.handler = ngx_keepers_sync_timer;
    sync->timer.data = sync;
    sync->timer.log = cycle->log;

    keepers_out_init(&key, sync->key, sizeof(sync->key));
    keepers_out_str(&key, ngx_keepers_from(kmcf->redis.prefix));
    keepers_out_text(&key, "{spool}:m");
    sync->key_len = key.len;

    sync->counters = kmcf->shm->counters;
    sync->conf = kmcf->redis;
    sync->conf.connections = 1;
    sync->conf.queue = NGX_KEEPERS_SYNC_QUEUE;
    sync->conf.timeout_ms = NGX_KEEPERS_SYNC_REPLY_MS;
    sync->redis = ngx_keepers_redis_start(cycle, &sync->conf, sync->counters);

    if (sync->redis == NULL) {
        return NULL;
    }

    ngx_keepers_syncs = sync;

    return sync;
}


void
ngx_keepers_sync_stop(void)
{
    if (ngx_keepers_syncs != NULL) {

        if (ngx_keepers_syncs->timer.timer_set) {
            ngx_del_timer(&ngx_keepers_syncs->timer);
        }

        ngx_keepers_redis_stop(ngx_keepers_syncs->redis);
        ngx_keepers_syncs = NULL;
    }
}


/* Asks for all who wait, if nothing is under way. */

static void
ngx_keepers_sync_next(ngx_keepers_sync_t *sync)
{
    ngx_uint_t  ready;

    if (ngx_queue_empty(&sync->next)) {
        return;
    }

    ready = ngx_keepers_redis_ready(sync->redis);

    if (!ready || sync->op != NULL || sync->mark != NULL) {

        if (!sync->timer.timer_set) {
            ngx_add_timer(&sync->timer, ready ? NGX_KEEPERS_SYNC_REPLY_MS
                                              : NGX_KEEPERS_SYNC_READY_MS);
        }

        return;
    }

    ngx_queue_add(&sync->flying, &sync->next);
    ngx_queue_init(&sync->next);

    if (ngx_keepers_sync_ask(sync) != NGX_AGAIN) {
        ngx_keepers_sync_land(sync, &sync->flying, NGX_ERROR);
    }
}


static ngx_int_t
ngx_keepers_sync_ask(ngx_keepers_sync_t *sync)
{
    keepers_str_t  mark[] = {
        keepers_string("SET"), keepers_string(""), keepers_string("1"),
        keepers_string("PX"), keepers_string("60000")
    };
    static const keepers_str_t  wait[] = {
        keepers_string("WAITAOF"), keepers_string("1"), keepers_string("0"),
        keepers_string(NGX_KEEPERS_SYNC_TEXT)
    };

    mark[1] = keepers_str(sync->key, sync->key_len);

    sync->ok = 0;

    sync->marked.values = sync->values;
    sync->marked.values_max = 1;
    sync->marked.data = sync->data[0];
    sync->marked.size = sizeof(sync->data[0]);
    sync->marked.n = 0;
    sync->marked.len = 0;

    sync->reply.values = &sync->values[1];
    sync->reply.values_max = 2;
    sync->reply.data = sync->data[1];
    sync->reply.size = sizeof(sync->data[1]);
    sync->reply.n = 0;
    sync->reply.len = 0;

    if (ngx_keepers_redis_issue(sync->redis, mark, 5, &sync->marked,
                                ngx_keepers_sync_marked, sync, &sync->mark)
        != NGX_AGAIN)
    {
        sync->mark = NULL;
        return NGX_ERROR;
    }

    if (ngx_keepers_redis_issue(sync->redis, wait, 4, &sync->reply,
                                ngx_keepers_sync_done, sync, &sync->op)
        != NGX_AGAIN)
    {
        sync->op = NULL;
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_keepers_sync_marked(void *data, ngx_int_t rc)
{
    ngx_keepers_sync_t  *sync;

    sync = data;

    sync->mark = NULL;
    sync->ok = (rc == NGX_OK);

    if (sync->op == NULL) {
        ngx_keepers_sync_next(sync);
    }
}


static void
ngx_keepers_sync_done(void *data, ngx_int_t rc)
{
    ngx_keepers_sync_t               *sync;
    const ngx_keepers_redis_value_t  *value;

    sync = data;

    sync->op = NULL;
    value = sync->reply.values;

    if (rc == NGX_OK
        && (!sync->ok || sync->reply.n != 2
            || value->kind != NGX_KEEPERS_REDIS_INTEGER || value->integer < 1))
    {
        rc = NGX_DECLINED;
    }

    ngx_keepers_sync_land(sync, &sync->flying, rc);
    ngx_keepers_sync_next(sync);
}


/* In vain is no refusal: the signup waits in Redis all the same. */

static void
ngx_keepers_sync_land(ngx_keepers_sync_t *sync, ngx_queue_t *waits,
    ngx_int_t rc)
{
    ngx_uint_t  n;

    n = ngx_keepers_flight_land(waits, rc);

    (void) ngx_atomic_fetch_add(
        &sync->counters[rc == NGX_OK ? KEEPERS_METRIC_SPOOL_SYNCED
                                     : KEEPERS_METRIC_SPOOL_UNSYNCED],
        (ngx_atomic_int_t) n);
}


/* No connection yet, or too long in the queue behind one that is slow. */

static void
ngx_keepers_sync_timer(ngx_event_t *ev)
{
    ngx_queue_t         *q;
    ngx_keepers_sync_t  *sync;
    ngx_keepers_wait_t  *wait;

    sync = ev->data;

    if (!ngx_queue_empty(&sync->next)) {
        q = ngx_queue_head(&sync->next);
        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);

        if (ngx_current_msec - wait->asked_ms >= NGX_KEEPERS_SYNC_REPLY_MS) {
            ngx_keepers_sync_land(sync, &sync->next, NGX_BUSY);
        }
    }

    ngx_keepers_sync_next(sync);
}
