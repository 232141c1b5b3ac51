
/*
 * Copyright (C) Keepers
 *
 * Signups that come in one turn of the event loop are asked about in one call:
 * the state of their link's rule, which they have in common, is read and
 * written once, and Redis starts its script once.  One that comes alone goes
 * alone, unless Redis has two calls to answer: then the next waits until it has
 * fewer, or this one is full.  The answer is cut up again: each request sees
 * what it would have seen by itself, had they been asked about one after the
 * other.
 */


#include "http/ngx_keepers_limit_int.h"

#include "core/keepers_keyring.h"
#include "http/ngx_keepers_flight.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_LIMIT_BATCHES    32     /* in use at a time, a worker */
#define NGX_KEEPERS_LIMIT_AT_ONCE    2      /* that are not full */
#define NGX_KEEPERS_LIMIT_CUT_SHORT  16     /* for one that does not go along */
#define NGX_KEEPERS_LIMIT_REQUESTS   16     /* of one batch */
#define NGX_KEEPERS_LIMIT_STATES     64
#define NGX_KEEPERS_LIMIT_TERMS      32     /* rules, each with a cost */

/* of a reservation: its key, what it says and which states, encoded */
#define NGX_KEEPERS_LIMIT_RESERVE_LEN                                        \
    (NGX_KEEPERS_REDIS_PREFIX_MAX + sizeof("$nn\r\n{}:i\r\n")                \
     + keepers_base64url_len(KEEPERS_MARK_LEN))
#define NGX_KEEPERS_LIMIT_SAYS_LEN                                           \
    (sizeof("$nn\r\np:\r\n") + keepers_base64url_len(KEEPERS_HASH_LEN)       \
     + sizeof("$nn\r\n\r\n") + NGX_KEEPERS_LIMIT_ITEMS_MAX)
#define NGX_KEEPERS_LIMIT_FOUND_LEN  64     /* of what one says, in a reply */

#define NGX_KEEPERS_LIMIT_BATCH_LEN                                          \
    (NGX_KEEPERS_LIMIT_STATES                                                \
     * (NGX_KEEPERS_LIMIT_RULE_LEN + NGX_KEEPERS_LIMIT_HASH_TEXT_LEN)        \
     + NGX_KEEPERS_LIMIT_TERMS * NGX_KEEPERS_LIMIT_RULE_LEN                  \
     + NGX_KEEPERS_LIMIT_REQUESTS                                            \
       * (NGX_KEEPERS_LIMIT_RESERVE_LEN + NGX_KEEPERS_LIMIT_SAYS_LEN)        \
     + 256)


typedef struct {
    ngx_keepers_limit_rule_t   *rule;
    uint32_t                    cost;
} ngx_keepers_limit_term_t;


/* What a part of the reply is about. */
typedef struct {
    ngx_uint_t                  n;          /* states */
    ngx_uint_t                  later;      /* of a repeat */
} ngx_keepers_limit_place_t;


typedef struct ngx_keepers_limit_batch_s  ngx_keepers_limit_batch_t;

struct ngx_keepers_limit_batch_s {
    ngx_keepers_limit_batch_t  *next;       /* of those that are free */
    ngx_queue_t                 waits;      /* in the order of the places */

    ngx_uint_t                  requests;
    ngx_uint_t                  states;
    ngx_uint_t                  terms;
    ngx_uint_t                  values;     /* of the reply, at most */
    ngx_keepers_limit_place_t   place[NGX_KEEPERS_LIMIT_REQUESTS];
    ngx_keepers_limit_term_t    term[NGX_KEEPERS_LIMIT_TERMS];
    u_char                      of[NGX_KEEPERS_LIMIT_STATES];   /* term, from
                                                                   1 */
    u_char                      hash[NGX_KEEPERS_LIMIT_STATES]
                                    [NGX_KEEPERS_LIMIT_HASH_LEN];
    keepers_str_t               life;

    keepers_out_t               call;       /* states' keys; then all of it */
    keepers_out_t               keys;       /* of the reservations */
    keepers_out_t               says;
    u_char                      call_buf[NGX_KEEPERS_LIMIT_BATCH_LEN];
    u_char                      keys_buf[NGX_KEEPERS_LIMIT_REQUESTS
                                         * NGX_KEEPERS_LIMIT_RESERVE_LEN];
    u_char                      says_buf[NGX_KEEPERS_LIMIT_REQUESTS
                                         * NGX_KEEPERS_LIMIT_SAYS_LEN];

    ngx_keepers_redis_reply_t   reply;
    ngx_keepers_redis_value_t   value[NGX_KEEPERS_REDIS_VALUES_MAX];
    u_char                      data[NGX_KEEPERS_LIMIT_REQUESTS
                                     * NGX_KEEPERS_LIMIT_FOUND_LEN];
};


/*
 * Of the process, not of a cycle: without a master a reload leaves some under
 * way.  "batch" is there so that none of them looks lost.
 */
typedef struct {
    ngx_keepers_limit_batch_t  *batch[NGX_KEEPERS_LIMIT_BATCHES];
    ngx_uint_t                  made;
    ngx_keepers_limit_batch_t  *free;
    ngx_keepers_limit_batch_t  *open;       /* is being filled, or NULL */
    ngx_uint_t                  under_way;
    ngx_event_t                 turn;       /* its end */
} ngx_keepers_limit_batches_t;


_Static_assert(NGX_KEEPERS_LIMIT_ITEMS_MAX <= NGX_KEEPERS_LIMIT_TERMS
               && NGX_KEEPERS_LIMIT_ITEMS_MAX <= NGX_KEEPERS_LIMIT_STATES,
               "any request has room in a batch of its own");

_Static_assert(NGX_KEEPERS_LIMIT_ITEMS_MAX < NGX_KEEPERS_REDIS_VALUES_MAX,
               "and a reply to it in its own");

_Static_assert(NGX_KEEPERS_LIMIT_STATES + NGX_KEEPERS_LIMIT_REQUESTS
               <= NGX_KEEPERS_REDIS_KEYS_MAX, "keys of a full batch");

_Static_assert(3 + NGX_KEEPERS_LIMIT_STATES + 3 * NGX_KEEPERS_LIMIT_REQUESTS
               + 4 * NGX_KEEPERS_LIMIT_TERMS <= NGX_KEEPERS_REDIS_ARGS_MAX,
               "the script takes a full batch");


static ngx_int_t ngx_keepers_limit_batch_busy(
    const ngx_keepers_limits_t *limits);
static ngx_keepers_limit_batch_t *ngx_keepers_limit_batch_open(void);
static ngx_uint_t ngx_keepers_limit_batch_room(
    const ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_batch_suits(
    const ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limits_t *limits);
static ngx_uint_t ngx_keepers_limit_batch_differs(
    const ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limit_item_t *item);
static void ngx_keepers_limit_batch_add(ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limits_t *limits);
static u_char ngx_keepers_limit_batch_state(ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limit_item_t *item);
static u_char ngx_keepers_limit_batch_term(ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limit_item_t *item);
static void ngx_keepers_limit_batch_turn(ngx_event_t *ev);
static void ngx_keepers_limit_batch_send(void);
static ngx_int_t ngx_keepers_limit_batch_call(
    ngx_keepers_limit_batch_t *batch);
static void ngx_keepers_limit_batch_done(void *data, ngx_int_t rc);
static ngx_int_t ngx_keepers_limit_batch_cut(
    ngx_keepers_limit_batch_t *batch);
static void ngx_keepers_limit_batch_end(ngx_keepers_limit_batch_t *batch,
    ngx_int_t rc);


static ngx_keepers_limit_batches_t  ngx_keepers_limit_batches;


ngx_int_t
ngx_keepers_limit_batch(ngx_keepers_limits_t *limits)
{
    ngx_keepers_limit_batch_t  *batch;

    batch = ngx_keepers_limit_batches.open;

    if (batch != NULL && !ngx_keepers_limit_batch_room(batch, limits)) {
        ngx_keepers_limit_batch_send();

    } else if (batch != NULL
               && !ngx_keepers_limit_batch_suits(batch, limits))
    {
        /* or who comes a hundred times at once would leave none for others */

        if (ngx_keepers_limit_batches.under_way
            >= NGX_KEEPERS_LIMIT_CUT_SHORT)
        {
            return ngx_keepers_limit_batch_busy(limits);
        }

        ngx_keepers_limit_batch_send();
    }

    batch = ngx_keepers_limit_batches.open;

    if (batch == NULL) {
        batch = ngx_keepers_limit_batch_open();

        if (batch == NULL) {
            return ngx_keepers_limit_batch_busy(limits);
        }

        ngx_keepers_limit_batches.open = batch;
    }

    ngx_keepers_limit_batch_add(batch, limits);

    ngx_keepers_flight_wait(limits->wait, &batch->waits, batch->requests - 1,
                            NGX_KEEPERS_WAIT_PHASE, NULL);

    if (batch->requests == NGX_KEEPERS_LIMIT_REQUESTS) {
        ngx_keepers_limit_batch_send();
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_keepers_limit_batch_busy(const ngx_keepers_limits_t *limits)
{
    ngx_keepers_count(limits->wait->request, REDIS_BUSY);

    return NGX_BUSY;
}


static ngx_keepers_limit_batch_t *
ngx_keepers_limit_batch_open(void)
{
    ngx_event_t                  *ev;
    ngx_keepers_limit_batch_t    *batch;
    ngx_keepers_limit_batches_t  *batches;

    batches = &ngx_keepers_limit_batches;
    batch = batches->free;

    if (batch != NULL) {
        batches->free = batch->next;

    } else {

        if (batches->made == NGX_KEEPERS_LIMIT_BATCHES) {
            return NULL;
        }

        batch = ngx_alloc(sizeof(ngx_keepers_limit_batch_t), ngx_cycle->log);

        if (batch == NULL) {
            return NULL;
        }

        batches->batch[batches->made++] = batch;
    }

    batch->requests = 0;
    batch->states = 0;
    batch->terms = 0;
    batch->values = 0;

    ngx_queue_init(&batch->waits);

    keepers_out_init(&batch->call, batch->call_buf, sizeof(batch->call_buf));
    keepers_out_init(&batch->keys, batch->keys_buf, sizeof(batch->keys_buf));
    keepers_out_init(&batch->says, batch->says_buf, sizeof(batch->says_buf));

    ev = &batches->turn;
    ev->handler = ngx_keepers_limit_batch_turn;
    ev->log = ngx_cycle->log;

    ngx_post_event(ev, &ngx_posted_events);

    return batch;
}


static ngx_uint_t
ngx_keepers_limit_batch_room(const ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limits_t *limits)
{
    return batch->states + limits->asking <= NGX_KEEPERS_LIMIT_STATES
           && batch->terms + limits->asking <= NGX_KEEPERS_LIMIT_TERMS
           && batch->values + limits->asking + 1
              <= NGX_KEEPERS_REDIS_VALUES_MAX;
}


/* What the script would have to be told twice does not go along. */

static ngx_uint_t
ngx_keepers_limit_batch_suits(const ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limits_t *limits)
{
    u_char         buf[NGX_KEEPERS_LIMIT_RESERVE_LEN];
    size_t         i;
    keepers_out_t  key;

    keepers_out_init(&key, buf, sizeof(buf));
    ngx_keepers_limit_string(&key, limits->reserve->key);

    /* a repeat has to find what was reserved; all keys have one length */

    for (i = 0; i + key.len <= batch->keys.len; i += key.len) {

        if (ngx_memcmp(batch->keys.data + i, buf, key.len) == 0) {
            return 0;
        }
    }

    for (i = 0; i < limits->asking; i++) {

        if (ngx_keepers_limit_batch_differs(batch,
                                            &limits->items[limits->asked + i]))
        {
            return 0;
        }
    }

    return 1;
}


/* A rule costs all of a batch the same. */

static ngx_uint_t
ngx_keepers_limit_batch_differs(const ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limit_item_t *item)
{
    ngx_uint_t                       i;
    const ngx_keepers_limit_term_t  *term;

    for (i = 0; i < batch->terms; i++) {
        term = &batch->term[i];

        if (term->rule == item->rule && term->cost != item->cost) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_keepers_limit_batch_add(ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limits_t *limits)
{
    u_char                      *p, states[1 + NGX_KEEPERS_LIMIT_ITEMS_MAX];
    ngx_uint_t                   i;
    ngx_keepers_limit_place_t   *place;
    ngx_keepers_limit_reserve_t *reserve;

    reserve = limits->reserve;
    p = states;

    *p++ = (u_char) limits->later;

    for (i = 0; i < limits->asking; i++) {
        *p++ = ngx_keepers_limit_batch_state(batch,
                                           &limits->items[limits->asked + i]);
    }

    ngx_keepers_limit_string(&batch->keys, reserve->key);
    ngx_keepers_limit_string(&batch->says, reserve->value);
    ngx_keepers_limit_string(&batch->says, keepers_str(states, p - states));

    batch->life = reserve->life;
    batch->values += limits->asking + 1;

    place = &batch->place[batch->requests++];

    place->n = limits->asking;
    place->later = limits->later;
}


/* The number of the item's state, from 1, in which its key is said once. */

static u_char
ngx_keepers_limit_batch_state(ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limit_item_t *item)
{
    u_char      of;
    ngx_uint_t  i;

    of = ngx_keepers_limit_batch_term(batch, item);

    for (i = 0; i < batch->states; i++) {

        if (batch->of[i] == of
            && ngx_memcmp(batch->hash[i], item->hash,
                          NGX_KEEPERS_LIMIT_HASH_LEN) == 0)
        {
            return (u_char) (i + 1);
        }
    }

    ngx_keepers_limit_key(&batch->call, item->rule->before, item->hash,
                          item->rule->behind);

    batch->of[i] = of;
    ngx_memcpy(batch->hash[i], item->hash, NGX_KEEPERS_LIMIT_HASH_LEN);
    batch->states++;

    return (u_char) batch->states;
}


static u_char
ngx_keepers_limit_batch_term(ngx_keepers_limit_batch_t *batch,
    const ngx_keepers_limit_item_t *item)
{
    ngx_uint_t  i;

    for (i = 0; i < batch->terms; i++) {

        if (batch->term[i].rule == item->rule) {
            return (u_char) (i + 1);
        }
    }

    batch->term[i].rule = item->rule;
    batch->term[i].cost = item->cost;
    batch->terms++;

    return (u_char) batch->terms;
}


static void
ngx_keepers_limit_batch_turn(ngx_event_t *ev)
{
    ngx_keepers_limit_batches_t  *batches;

    batches = &ngx_keepers_limit_batches;

    if (batches->open != NULL
        && batches->under_way < NGX_KEEPERS_LIMIT_AT_ONCE)
    {
        ngx_keepers_limit_batch_send();
    }
}


static void
ngx_keepers_limit_batch_send(void)
{
    ngx_int_t                   rc;
    ngx_keepers_limit_batch_t  *batch;

    batch = ngx_keepers_limit_batches.open;
    ngx_keepers_limit_batches.open = NULL;
    ngx_keepers_limit_batches.under_way++;

    rc = ngx_keepers_limit_batch_call(batch);

    if (rc != NGX_AGAIN) {
        ngx_keepers_limit_batch_end(batch, rc);
    }
}


static ngx_int_t
ngx_keepers_limit_batch_call(ngx_keepers_limit_batch_t *batch)
{
    u_char                           terms;
    ngx_uint_t                       i, keys;
    keepers_out_t                   *out;
    const ngx_keepers_limit_term_t  *term;

    out = &batch->call;
    terms = (u_char) batch->terms;

    keepers_out_str(out, keepers_out_written(&batch->keys));
    ngx_keepers_limit_string(out, batch->life);
    ngx_keepers_limit_string(out, keepers_str(batch->of, batch->states));
    ngx_keepers_limit_string(out, keepers_str(&terms, 1));

    for (i = 0; i < batch->terms; i++) {
        term = &batch->term[i];
        ngx_keepers_limit_terms(out, term->rule, term->cost);
    }

    keepers_out_str(out, keepers_out_written(&batch->says));

    if (out->overflow || batch->keys.overflow || batch->says.overflow) {
        return NGX_ERROR;
    }

    batch->reply.values = batch->value;
    batch->reply.values_max = batch->values;
    batch->reply.data = batch->data;
    batch->reply.size = batch->requests * NGX_KEEPERS_LIMIT_FOUND_LEN;

    keys = batch->states + batch->requests;

    return ngx_keepers_redis_eval_encoded(ngx_keepers_worker.redis,
                                          NGX_KEEPERS_SCRIPT_ADMIT, keys,
                                          keepers_out_written(out),
                                          keys + 3 + 4 * batch->terms
                                          + 2 * batch->requests,
                                          &batch->reply,
                                          ngx_keepers_limit_batch_done, batch,
                                          NULL);
}


static void
ngx_keepers_limit_batch_done(void *data, ngx_int_t rc)
{
    ngx_keepers_limit_batch_t  *batch;

    batch = data;

    if (rc == NGX_OK) {
        rc = ngx_keepers_limit_batch_cut(batch);
    }

    ngx_keepers_limit_batch_end(batch, rc);
}


/*
 * Gives each its part: what a reservation says, and its first states; or all of
 * them.  Of one whose client has left the part is passed over.
 */

static ngx_int_t
ngx_keepers_limit_batch_cut(ngx_keepers_limit_batch_t *batch)
{
    ngx_uint_t                        i, n, left;
    ngx_queue_t                      *q;
    ngx_keepers_wait_t               *wait;
    const ngx_keepers_redis_value_t  *value;

    value = batch->value;
    left = batch->reply.n;
    q = ngx_queue_head(&batch->waits);

    for (i = 0; i < batch->requests; i++) {
        n = batch->place[i].n;

        if (left != 0 && value->kind == NGX_KEEPERS_REDIS_STRING) {
            n = 1 + batch->place[i].later;
        }

        if (n > left) {
            return NGX_ERROR;
        }

        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);

        if (q != ngx_queue_sentinel(&batch->waits)
            && wait->flight.place == i)
        {
            if (ngx_keepers_flight_answer(wait, value, n) != NGX_OK) {
                return NGX_ERROR;
            }

            q = ngx_queue_next(q);
        }

        value += n;
        left -= n;
    }

    return left == 0 ? NGX_OK : NGX_ERROR;
}


static void
ngx_keepers_limit_batch_end(ngx_keepers_limit_batch_t *batch, ngx_int_t rc)
{
    ngx_keepers_limit_batches_t  *batches;

    (void) ngx_keepers_flight_land(&batch->waits, rc);

    batches = &ngx_keepers_limit_batches;

    batch->next = batches->free;
    batches->free = batch;
    batches->under_way--;

    if (batches->open != NULL) {
        ngx_post_event(&batches->turn, &ngx_posted_events);
    }
}
