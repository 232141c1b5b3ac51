
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_flight.h"

#include "http/ngx_keepers_conf.h"


#define NGX_KEEPERS_FLIGHT_BUCKETS  256     /* a power of two */


typedef struct {
    ngx_queue_t    buckets[NGX_KEEPERS_FLIGHT_BUCKETS];    /* of leaders */
    ngx_queue_t    landed;                              /* to be woken */
    ngx_event_t    wake;
} ngx_keepers_flights_t;


static ngx_queue_t *ngx_keepers_flight_bucket(const u_char *key);
static void ngx_keepers_flight_end(ngx_keepers_wait_t *leader, ngx_int_t rc);
static void ngx_keepers_flight_wake(ngx_event_t *ev);


static ngx_keepers_flights_t  *ngx_keepers_flights;


ngx_int_t
ngx_keepers_flight_init(ngx_cycle_t *cycle)
{
    ngx_uint_t              i;
    ngx_keepers_flights_t  *flights;

    flights = ngx_pcalloc(cycle->pool, sizeof(ngx_keepers_flights_t));

    if (flights == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_KEEPERS_FLIGHT_BUCKETS; i++) {
        ngx_queue_init(&flights->buckets[i]);
    }

    ngx_queue_init(&flights->landed);

    flights->wake.handler = ngx_keepers_flight_wake;
    flights->wake.data = flights;
    flights->wake.log = cycle->log;

    ngx_keepers_flights = flights;

    return NGX_OK;
}


/* Keys are hashes: any of their bytes are as good as a hash of them. */

static ngx_queue_t *
ngx_keepers_flight_bucket(const u_char *key)
{
    return &ngx_keepers_flights->buckets[key[0]
                                         % NGX_KEEPERS_FLIGHT_BUCKETS];
}


ngx_keepers_wait_t *
ngx_keepers_flight_find(const u_char key[KEEPERS_HASH_LEN])
{
    ngx_queue_t         *q, *bucket;
    ngx_keepers_wait_t  *wait;

    bucket = ngx_keepers_flight_bucket(key);

    for (q = ngx_queue_head(bucket); q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);

        if (ngx_memcmp(wait->flight.key, key, KEEPERS_HASH_LEN) == 0) {
            return wait;
        }
    }

    return NULL;
}


/* The latest comes first: an older one that is no longer joined is behind. */

void
ngx_keepers_flight_lead(ngx_keepers_wait_t *wait,
    const u_char key[KEEPERS_HASH_LEN])
{
    wait->flight.key = key;
    wait->flight.leads = 1;

    ngx_queue_init(&wait->flight.followers);
    ngx_queue_insert_head(ngx_keepers_flight_bucket(key),
                          &wait->flight.queue);
}


void
ngx_keepers_flight_join(ngx_keepers_wait_t *wait, ngx_keepers_wait_t *leader)
{
    ngx_keepers_wait_follow(wait, NGX_KEEPERS_WAIT_PHASE, NULL);

    wait->asked_ms = leader->asked_ms;
    wait->flight.follows = 1;

    ngx_queue_insert_tail(&leader->flight.followers, &wait->flight.queue);
}


void
ngx_keepers_flight_wait(ngx_keepers_wait_t *wait, ngx_queue_t *queue,
    ngx_uint_t place, ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake)
{
    ngx_keepers_wait_follow(wait, mode, wake);

    wait->flight.place = place;
    wait->flight.follows = 1;

    ngx_queue_insert_tail(queue, &wait->flight.queue);
}


void
ngx_keepers_flight_move(ngx_keepers_wait_t *wait, ngx_queue_t *queue)
{
    ngx_queue_remove(&wait->flight.queue);
    ngx_queue_insert_tail(queue, &wait->flight.queue);
}


ngx_uint_t
ngx_keepers_flight_land(ngx_queue_t *queue, ngx_int_t rc)
{
    ngx_uint_t           n;
    ngx_queue_t         *q;
    ngx_keepers_wait_t  *wait;

    for (n = 0; !ngx_queue_empty(queue); n++) {
        q = ngx_queue_head(queue);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);

        wait->rc = rc;
        wait->flight.landed = 1;

        ngx_queue_insert_tail(&ngx_keepers_flights->landed, q);
        ngx_post_event(&ngx_keepers_flights->wake, &ngx_posted_events);
    }

    return n;
}


void
ngx_keepers_flight_landed(ngx_keepers_wait_t *wait)
{
    if (wait->flight.leads) {
        ngx_keepers_flight_end(wait, wait->rc);
    }
}


void
ngx_keepers_flight_leave(ngx_keepers_wait_t *wait)
{
    if (wait->flight.leads) {
        ngx_keepers_flight_end(wait, NGX_ABORT);
        return;
    }

    if (wait->flight.follows || wait->flight.landed) {
        wait->flight.follows = 0;
        wait->flight.landed = 0;

        ngx_queue_remove(&wait->flight.queue);
    }
}


static void
ngx_keepers_flight_end(ngx_keepers_wait_t *leader, ngx_int_t rc)
{
    ngx_queue_t         *q;
    ngx_keepers_wait_t  *wait;

    leader->flight.leads = 0;
    ngx_queue_remove(&leader->flight.queue);

    while (!ngx_queue_empty(&leader->flight.followers)) {
        q = ngx_queue_head(&leader->flight.followers);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);

        wait->rc = rc;

        if (rc == NGX_OK) {
            wait->rc = ngx_keepers_flight_answer(wait, leader->reply.values,
                                                 leader->reply.n);
        }

        wait->flight.landed = 1;

        ngx_queue_insert_tail(&ngx_keepers_flights->landed, q);
        ngx_post_event(&ngx_keepers_flights->wake, &ngx_posted_events);
    }
}


ngx_int_t
ngx_keepers_flight_answer(ngx_keepers_wait_t *wait,
    const ngx_keepers_redis_value_t *values, ngx_uint_t n)
{
    ngx_uint_t                  i;
    keepers_str_t               string;
    ngx_keepers_redis_value_t  *to;
    ngx_keepers_redis_reply_t  *reply;

    reply = &wait->reply;
    to = reply->values;

    if (n > reply->values_max) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        to[i] = values[i];
        string = values[i].string;

        if (string.len == 0) {
            continue;
        }

        if (string.len > reply->size - reply->len) {
            return NGX_ERROR;
        }

        to[i].string.data = reply->data + reply->len;
        ngx_memcpy(reply->data + reply->len, string.data, string.len);
        reply->len += string.len;
    }

    reply->n = n;

    return NGX_OK;
}


/* One that goes on may end others: the next is always the head. */

static void
ngx_keepers_flight_wake(ngx_event_t *ev)
{
    ngx_queue_t            *q;
    ngx_keepers_wait_t     *wait;
    ngx_keepers_flights_t  *flights;

    flights = ev->data;

    while (!ngx_queue_empty(&flights->landed)) {
        q = ngx_queue_head(&flights->landed);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);

        wait->flight.follows = 0;
        wait->flight.landed = 0;

        ngx_keepers_wait_wake(wait);
    }
}
