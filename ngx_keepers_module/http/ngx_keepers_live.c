
/*
 * Copyright (C) Keepers
 *
 * Every request that a session has let in stands in a table of the worker, by
 * SID, as long as it runs: a few stores when it begins and when it ends, and
 * nothing is allocated.  Most are over long before anybody looks.
 *
 * Two things look.  A revocation finds the requests of its SID.  And a timer
 * visits a part of the table at a time, all of it in LIVE_VISIT_MS, for what
 * no message says: that a session expires, that messages were missed.  Where
 * the table cannot know it asks Redis, once for all requests of a session,
 * and only a definite answer ends one.
 *
 * A cut is never made where its reason is found, but in a posted event of
 * ours, in which no request is on the stack.
 */


#include "http/ngx_keepers_live.h"

#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_LIVE_BUCKETS    512     /* a power of two */
#define NGX_KEEPERS_LIVE_PARTS      4       /* visited in turn */
#define NGX_KEEPERS_LIVE_TICK_MS    100
#define NGX_KEEPERS_LIVE_VISIT_MS   (NGX_KEEPERS_LIVE_PARTS                  \
                                     * NGX_KEEPERS_LIVE_TICK_MS)

/*
 * What is about to be answered is left to be answered, a sign-out first of
 * all.  And an answer of Redis that was under way when the message came, which
 * let in a request too late, is found out when this is over.
 */
#define NGX_KEEPERS_LIVE_YOUNG_MS   500

/* A session is not asked for at two visits in a row: every 800 ms at most. */
#define NGX_KEEPERS_LIVE_ASK_MS     (NGX_KEEPERS_LIVE_VISIT_MS * 3 / 2)

/* Whatever was missed, and nobody noticed, ends within this time. */
#define NGX_KEEPERS_LIVE_TRUST_MS   10000

/* How long Redis may take to say that a session did not idle out. */
#define NGX_KEEPERS_LIVE_SILENT_MS  2000

#define NGX_KEEPERS_LIVE_ASKS       256     /* under way */
#define NGX_KEEPERS_LIVE_CUTS       32      /* in one turn of the loop */


typedef enum {
    NGX_KEEPERS_LIVE_REVOKED = 0,
    NGX_KEEPERS_LIVE_EXPIRED,
    NGX_KEEPERS_LIVE_UNKNOWN        /* Redis has not said for too long */
} ngx_keepers_live_end_e;


/* A question to Redis, about a session and not about a request. */
typedef struct {
    ngx_queue_t                 queue;      /* while it is free */
    ngx_msec_t                  asked_ms;
    u_char                      sid[KEEPERS_SID_LEN];
    ngx_keepers_redis_op_t     *op;
    ngx_keepers_redis_reply_t   reply;
    ngx_keepers_redis_value_t   values[2];
    u_char                      bytes[32];
} ngx_keepers_live_ask_t;


typedef struct {
    ngx_keepers_main_conf_t  *kmcf;
    ngx_event_t               tick;
    ngx_event_t               cut;
    ngx_uint_t                part;         /* to be visited next */
    ngx_uint_t                n;            /* requests in the table */
    ngx_msec_t                refused_ms;   /* Redis took no question */
    ngx_queue_t               ended;        /* to be cut */
    ngx_queue_t               free;         /* of asks */
    ngx_queue_t               buckets[NGX_KEEPERS_LIVE_BUCKETS];
    ngx_keepers_live_ask_t    asks[NGX_KEEPERS_LIVE_ASKS];
} ngx_keepers_live_table_t;


static ngx_queue_t *ngx_keepers_live_bucket(
    const u_char sid[KEEPERS_SID_LEN]);
static void ngx_keepers_live_tick(ngx_event_t *ev);
static void ngx_keepers_live_visit(ngx_keepers_ctx_t *ctx);
static ngx_uint_t ngx_keepers_live_due(const ngx_keepers_live_t *live);
static void ngx_keepers_live_ask(ngx_keepers_ctx_t *ctx);
static void ngx_keepers_live_answered(void *data, ngx_int_t rc);
static void ngx_keepers_live_judge(ngx_keepers_ctx_t *ctx, uint32_t epoch,
    ngx_msec_t asked_ms, int64_t left_ms);
static void ngx_keepers_live_end(ngx_keepers_ctx_t *ctx,
    ngx_keepers_live_end_e end);
static void ngx_keepers_live_cut_ended(ngx_event_t *ev);
static void ngx_keepers_live_cut(ngx_keepers_ctx_t *ctx);


static ngx_keepers_live_table_t  *ngx_keepers_live;


ngx_int_t
ngx_keepers_live_init(ngx_cycle_t *cycle, ngx_keepers_main_conf_t *kmcf)
{
    ngx_uint_t                 i;
    ngx_keepers_live_ask_t    *ask;
    ngx_keepers_live_table_t  *table;

    table = ngx_pcalloc(cycle->pool, sizeof(ngx_keepers_live_table_t));

    if (table == NULL) {
        return NGX_ERROR;
    }

    table->kmcf = kmcf;

    /* a worker that leaves goes on until its last response has ended */

    table->tick.handler = ngx_keepers_live_tick;
    table->tick.data = table;       /* a debug log looks there for a socket */
    table->tick.log = cycle->log;
    table->tick.cancelable = 1;

    table->cut.handler = ngx_keepers_live_cut_ended;
    table->cut.log = cycle->log;

    ngx_queue_init(&table->ended);
    ngx_queue_init(&table->free);

    for (i = 0; i < NGX_KEEPERS_LIVE_BUCKETS; i++) {
        ngx_queue_init(&table->buckets[i]);
    }

    for (i = 0; i < NGX_KEEPERS_LIVE_ASKS; i++) {
        ask = &table->asks[i];

        ask->reply.values = ask->values;
        ask->reply.values_max = 2;
        ask->reply.data = ask->bytes;
        ask->reply.size = sizeof(ask->bytes);

        ngx_queue_insert_tail(&table->free, &ask->queue);
    }

    ngx_keepers_live = table;

    return NGX_OK;
}


void
ngx_keepers_live_begin(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    ngx_keepers_live_t  *live;

    live = &ctx->live;

    if (live->request != NULL) {

        /* an internal redirect: the same request, the same session */

        return;
    }

    live->request = r->main;
    live->since_ms = ngx_current_msec;
    live->known_ms = ngx_current_msec;
    live->asked_ms = ngx_current_msec - NGX_KEEPERS_LIVE_ASK_MS;
    live->idle_ms = ngx_current_msec + (ngx_msec_t) ctx->session.idle_s * 1000;

    ngx_queue_insert_head(ngx_keepers_live_bucket(ctx->sid), &live->queue);

    ngx_keepers_live->n++;

    if (!ngx_keepers_live->tick.timer_set) {
        ngx_add_timer(&ngx_keepers_live->tick, NGX_KEEPERS_LIVE_TICK_MS);
    }
}


void
ngx_keepers_live_leave(ngx_keepers_ctx_t *ctx)
{
    if (ctx->live.request != NULL) {
        ctx->live.request = NULL;

        ngx_queue_remove(&ctx->live.queue);
        ngx_keepers_live->n--;
    }
}


void
ngx_keepers_live_revoked(const u_char sid[KEEPERS_SID_LEN], ngx_uint_t rotated)
{
    uint64_t            end_ms;
    ngx_queue_t        *q, *next, *bucket;
    ngx_keepers_ctx_t  *ctx;

    bucket = ngx_keepers_live_bucket(sid);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = next)
    {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_keepers_ctx_t, live.queue);

        if (ngx_memcmp(ctx->sid, sid, KEEPERS_SID_LEN) != 0) {
            continue;
        }

        if (!rotated) {
            ngx_keepers_live_end(ctx, NGX_KEEPERS_LIVE_REVOKED);
            continue;
        }

        /* its own clock ends it, whatever Redis says of the key meanwhile */
        end_ms = ngx_keepers_now_ms() + KEEPERS_SESSION_GRACE_MS;
        ctx->session.absolute_ms = ngx_min(ctx->session.absolute_ms, end_ms);
    }
}


/* A SID is a keyed hash: any part of it is as good as another. */

static ngx_queue_t *
ngx_keepers_live_bucket(const u_char sid[KEEPERS_SID_LEN])
{
    uint32_t  n;

    ngx_memcpy(&n, sid, sizeof(n));

    return &ngx_keepers_live->buckets[n % NGX_KEEPERS_LIVE_BUCKETS];
}


static void
ngx_keepers_live_tick(ngx_event_t *ev)
{
    ngx_uint_t    i;
    ngx_queue_t  *q, *next, *bucket;

    bucket = ngx_keepers_live->buckets
             + ngx_keepers_live->part * (NGX_KEEPERS_LIVE_BUCKETS
                                         / NGX_KEEPERS_LIVE_PARTS);

    ngx_keepers_live->part = (ngx_keepers_live->part + 1)
                             % NGX_KEEPERS_LIVE_PARTS;

    for (i = 0;
         i < NGX_KEEPERS_LIVE_BUCKETS / NGX_KEEPERS_LIVE_PARTS;
         i++, bucket++)
    {
        for (q = ngx_queue_head(bucket);
             q != ngx_queue_sentinel(bucket);
             q = next)
        {
            next = ngx_queue_next(q);

            ngx_keepers_live_visit(ngx_queue_data(q, ngx_keepers_ctx_t,
                                                  live.queue));
        }
    }

    if (!ngx_queue_empty(&ngx_keepers_live->ended)) {
        ngx_post_event(&ngx_keepers_live->cut, &ngx_posted_events);
    }

    if (ngx_keepers_live->n != 0) {
        ngx_add_timer(ev, NGX_KEEPERS_LIVE_TICK_MS);
    }
}


static void
ngx_keepers_live_visit(ngx_keepers_ctx_t *ctx)
{
    ngx_msec_int_t       over_ms;
    ngx_keepers_live_t  *live;

    live = &ctx->live;

    if (ngx_current_msec - live->since_ms < NGX_KEEPERS_LIVE_YOUNG_MS) {
        return;
    }

    if (ngx_keepers_now_ms() >= ctx->session.absolute_ms) {
        ngx_keepers_live_end(ctx, NGX_KEEPERS_LIVE_EXPIRED);
        return;
    }

    if (!ngx_keepers_live_due(live)) {
        return;
    }

    /*
     * An error of Redis ends nothing: the session is believed until its idle
     * time would be over, had no other request renewed it, and then for as
     * long as the location takes old answers.
     */

    over_ms = (ngx_msec_int_t) (ngx_current_msec - live->idle_ms)
              - NGX_KEEPERS_LIVE_SILENT_MS;

    if (over_ms >= (ngx_msec_int_t)
                                ngx_keepers_loc_conf(live->request)->stale_ms)
    {
        ngx_keepers_live_end(ctx, NGX_KEEPERS_LIVE_UNKNOWN);
        return;
    }

    if (ngx_current_msec - live->asked_ms >= NGX_KEEPERS_LIVE_ASK_MS) {
        ngx_keepers_live_ask(ctx);
    }
}


/* Whether what is known of a session is not enough. */

static ngx_uint_t
ngx_keepers_live_due(const ngx_keepers_live_t *live)
{
    ngx_msec_t  trust_ms;

    if (!live->known
        || (ngx_msec_int_t) (ngx_current_msec - live->idle_ms) >= 0
        || !ngx_keepers_redis_listens(ngx_keepers_worker.redis))
    {
        return 1;
    }

    /* messages may have been missed since: the same rule as for the zone */

    trust_ms = ngx_keepers_revoke_age(ngx_keepers_live->kmcf,
                                      NGX_KEEPERS_LIVE_TRUST_MS);

    return ngx_current_msec - live->known_ms >= trust_ms;
}


static void
ngx_keepers_live_ask(ngx_keepers_ctx_t *ctx)
{
    u_char                   text[2][NGX_KEEPERS_KEY_LEN];
    ngx_queue_t             *q, *bucket;
    keepers_out_t            key[2];
    keepers_str_t            argv[2];
    ngx_keepers_ctx_t       *other;
    ngx_keepers_live_ask_t  *ask;

    if (ngx_queue_empty(&ngx_keepers_live->free)
        || ngx_current_msec - ngx_keepers_live->refused_ms
           < NGX_KEEPERS_LIVE_VISIT_MS)
    {
        return;
    }

    q = ngx_queue_head(&ngx_keepers_live->free);
    ask = ngx_queue_data(q, ngx_keepers_live_ask_t, queue);

    ngx_memcpy(ask->sid, ctx->sid, KEEPERS_SID_LEN);
    ask->asked_ms = ngx_current_msec;
    ask->reply.n = 0;
    ask->reply.len = 0;

    keepers_out_init(&key[0], text[0], NGX_KEEPERS_KEY_LEN);
    keepers_out_init(&key[1], text[1], NGX_KEEPERS_KEY_LEN);

    ngx_keepers_check_key(ngx_keepers_live->kmcf, ctx->tag,
                   ngx_keepers_check_suffix(ngx_keepers_check_machine(ctx)),
                   ctx->sid, &key[0]);
    ngx_keepers_check_key(ngx_keepers_live->kmcf, ctx->tag, "e", NULL,
                          &key[1]);

    argv[0] = keepers_out_written(&key[0]);
    argv[1] = keepers_out_written(&key[1]);

    if (ngx_keepers_redis_eval(ngx_keepers_worker.redis,
                               NGX_KEEPERS_SCRIPT_LIVE, 2, argv, 2,
                               &ask->reply, ngx_keepers_live_answered, ask,
                               &ask->op)
        != NGX_AGAIN)
    {
        ngx_keepers_live->refused_ms = ngx_current_msec;
        return;
    }

    ngx_queue_remove(&ask->queue);

    bucket = ngx_keepers_live_bucket(ctx->sid);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_keepers_ctx_t, live.queue);

        if (ngx_memcmp(other->sid, ask->sid, KEEPERS_SID_LEN) == 0) {
            other->live.asked_ms = ask->asked_ms;
        }
    }
}


static void
ngx_keepers_live_answered(void *data, ngx_int_t rc)
{
    uint32_t                 epoch;
    ngx_queue_t             *q, *next, *bucket;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_live_ask_t  *ask;

    ask = data;
    ask->op = NULL;

    ngx_queue_insert_tail(&ngx_keepers_live->free, &ask->queue);

    if (rc != NGX_OK
        || ask->reply.n != 2
        || ask->values[0].kind != NGX_KEEPERS_REDIS_INTEGER
        || ngx_keepers_check_epoch(&ask->values[1], &epoch) != NGX_OK)
    {
        return;
    }

    bucket = ngx_keepers_live_bucket(ask->sid);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = next)
    {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_keepers_ctx_t, live.queue);

        if (ngx_memcmp(ctx->sid, ask->sid, KEEPERS_SID_LEN) == 0) {
            ngx_keepers_live_judge(ctx, epoch, ask->asked_ms,
                                   ask->values[0].integer);
        }
    }
}


/* left_ms is what PTTL says: -2, no such session; -1, one without an end. */

static void
ngx_keepers_live_judge(ngx_keepers_ctx_t *ctx, uint32_t epoch,
    ngx_msec_t asked_ms, int64_t left_ms)
{
    ngx_keepers_live_t  *live;

    live = &ctx->live;

    if (left_ms == -2) {
        ngx_keepers_live_end(ctx,
                   (ngx_msec_int_t) (ngx_current_msec - live->idle_ms) >= 0
                   ? NGX_KEEPERS_LIVE_EXPIRED : NGX_KEEPERS_LIVE_REVOKED);
        return;
    }

    switch (keepers_session_state(&ctx->session, epoch, ngx_keepers_now_ms()))
    {
    case KEEPERS_SESSION_VALID:
        break;

    case KEEPERS_SESSION_EXPIRED:
        ngx_keepers_live_end(ctx, NGX_KEEPERS_LIVE_EXPIRED);
        return;

    default:
        ngx_keepers_live_end(ctx, NGX_KEEPERS_LIVE_REVOKED);
        return;
    }

    live->known = 1;
    live->known_ms = asked_ms;

    if (left_ms >= 0) {
        live->idle_ms = asked_ms + (ngx_msec_t) left_ms;
    }
}


static void
ngx_keepers_live_end(ngx_keepers_ctx_t *ctx, ngx_keepers_live_end_e end)
{
    ctx->live.end = end;

    ngx_queue_remove(&ctx->live.queue);
    ngx_queue_insert_tail(&ngx_keepers_live->ended, &ctx->live.queue);

    ngx_post_event(&ngx_keepers_live->cut, &ngx_posted_events);
}


/*
 * A cut may end other requests too: the queue is taken as it is, each leaves
 * it before it is cut, and nothing is kept across a cut.
 */

static void
ngx_keepers_live_cut_ended(ngx_event_t *ev)
{
    ngx_uint_t          n;
    ngx_queue_t        *q, work;
    ngx_keepers_ctx_t  *ctx;

    ngx_queue_init(&work);
    ngx_queue_add(&work, &ngx_keepers_live->ended);
    ngx_queue_init(&ngx_keepers_live->ended);

    n = 0;

    while (!ngx_queue_empty(&work) && n < NGX_KEEPERS_LIVE_CUTS) {

        q = ngx_queue_head(&work);
        ctx = ngx_queue_data(q, ngx_keepers_ctx_t, live.queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_keepers_live->ended, q);

        /*
         * While a thread reads for it, nginx cannot close it: like the young
         * ones it waits for the next tick.
         */

        if (ngx_current_msec - ctx->live.since_ms < NGX_KEEPERS_LIVE_YOUNG_MS
            || ctx->live.request->blocked)
        {
            continue;
        }

        ngx_keepers_live_cut(ctx);
        n++;
    }

    if (!ngx_queue_empty(&work)) {
        ngx_queue_add(&ngx_keepers_live->ended, &work);
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


static void
ngx_keepers_live_cut(ngx_keepers_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->live.request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    switch (ctx->live.end) {

    case NGX_KEEPERS_LIVE_REVOKED:
        ngx_keepers_count(r, CUT_REVOKED);
        ngx_keepers_log(NGX_LOG_INFO, r, "cut: its session was ended");
        break;

    case NGX_KEEPERS_LIVE_EXPIRED:
        ngx_keepers_count(r, CUT_EXPIRED);
        ngx_keepers_log(NGX_LOG_INFO, r, "cut: its session has expired");
        break;

    default:
        ngx_keepers_count(r, CUT_UNKNOWN);
        ngx_keepers_log(NGX_LOG_INFO, r, "cut: Redis does not say whether "
                        "its session has idled out");
    }

    ngx_keepers_live_leave(ctx);

    /*
     * 444 ends a request in any state.  Its cleanups come first, and that of
     * an upstream gives back a count which may be the last: a second one keeps
     * the request until nginx's own posted handler frees it.
     */

    r->count++;

#if (NGX_HTTP_V2)

    /* the reset of a stream is queued, and leaves when something else does */

    if (r->stream != NULL) {
        ngx_post_event(r->stream->connection->connection->write,
                       &ngx_posted_events);
    }

#endif

    ngx_http_finalize_request(r, NGX_HTTP_CLOSE);
    ngx_http_run_posted_requests(c);
}
