
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_forward_batch.h"

#include "core/keepers_batch.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_flight.h"
#include "http/ngx_keepers_forward.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"


/* Of the process, not of a cycle: a reload leaves some under way. */
typedef struct {
    ngx_queue_t   open;         /* waits of those that this turn has sealed */
    ngx_uint_t    under_way;    /* requests, not signups */
    ngx_event_t   turn;         /* its end */
} ngx_keepers_forwards_t;


static ngx_int_t ngx_keepers_forward_wait(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static void ngx_keepers_forward_turn(ngx_event_t *ev);
static void ngx_keepers_forward_gather(ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_forward_woken(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_forward_lead(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_forward_go(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static keepers_str_t ngx_keepers_forward_header(ngx_http_request_t *r);
static void ngx_keepers_forward_tell(ngx_http_request_t *r,
    ngx_keepers_forward_t *forward);
static void ngx_keepers_forward_tell_all(ngx_keepers_forward_t *forward,
    ngx_uint_t status);
static void ngx_keepers_forward_unread(ngx_http_request_t *r,
    ngx_keepers_forward_t *forward);
static void ngx_keepers_forward_arrive(ngx_keepers_forward_t *forward);
static void ngx_keepers_forward_cleanup(void *data);
static void ngx_keepers_forward_left(ngx_keepers_forward_t *forward);


static ngx_keepers_forwards_t  ngx_keepers_forwards;


void
ngx_keepers_forward_batch_init(ngx_cycle_t *cycle)
{
    ngx_keepers_forwards_t  *forwards;

    forwards = &ngx_keepers_forwards;

    if (forwards->open.next == NULL) {
        ngx_queue_init(&forwards->open);
    }

    forwards->turn.handler = ngx_keepers_forward_turn;
    forwards->turn.log = cycle->log;
}


/* Whoever is the only one does not wait, not even for the end of a turn. */

ngx_int_t
ngx_keepers_forward_handler(ngx_http_request_t *r)
{
    ngx_http_cleanup_t    *cln;
    ngx_keepers_signup_t  *signup;

    signup = ngx_keepers_ctx_find(r)->signup;

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_keepers_forward_cleanup;
    cln->data = signup;

    return signup->conf->signup_batch > 1 && ngx_keepers_forwards.under_way > 0
               ? ngx_keepers_forward_wait(r, signup)
               : ngx_keepers_forward_go(r, signup);
}


static ngx_int_t
ngx_keepers_forward_wait(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_keepers_wait_t  *wait;

    wait = ngx_keepers_wait_create(r, 0, 0);

    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->data = signup;

    ngx_keepers_flight_wait(wait, &ngx_keepers_forwards.open, 0,
                            NGX_KEEPERS_WAIT_HANDLER,
                            ngx_keepers_forward_woken);

    ngx_post_event(&ngx_keepers_forwards.turn, &ngx_posted_events);

    return NGX_DONE;
}


static void
ngx_keepers_forward_turn(ngx_event_t *ev)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&ngx_keepers_forwards.open)) {
        q = ngx_queue_head(&ngx_keepers_forwards.open);

        ngx_keepers_forward_gather(ngx_queue_data(q, ngx_keepers_wait_t,
                                                  flight.queue));
    }
}


/* The first leads; those behind it go along, if it is to the same place. */

static void
ngx_keepers_forward_gather(ngx_keepers_wait_t *wait)
{
    size_t                  len;
    ngx_int_t               n;
    ngx_queue_t             lead, *q;
    ngx_keepers_wait_t     *other;
    ngx_keepers_signup_t   *signup, *next;
    ngx_keepers_forward_t  *forward;

    signup = wait->data;
    forward = &signup->forward;

    ngx_queue_init(&lead);
    ngx_keepers_flight_move(wait, &lead);

    ngx_queue_init(&forward->along);
    forward->taken = 1;
    forward->len = KEEPERS_BATCH_HEAD + KEEPERS_BATCH_ITEM
                   + signup->envelope.len;

    for (n = 1; n < signup->conf->signup_batch; n++) {
        q = ngx_queue_head(&ngx_keepers_forwards.open);

        if (q == ngx_queue_sentinel(&ngx_keepers_forwards.open)) {
            break;
        }

        other = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);
        next = other->data;
        len = forward->len + KEEPERS_BATCH_ITEM + next->envelope.len;

        if (next->conf != signup->conf || len > KEEPERS_BATCH_LEN_MAX) {
            break;
        }

        ngx_keepers_flight_move(other, &forward->along);
        forward->len = len;
    }

    (void) ngx_keepers_flight_land(&lead, NGX_DECLINED);
}


static ngx_int_t
ngx_keepers_forward_woken(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_signup_t  *signup;

    signup = wait->data;

    switch (wait->rc) {

    case NGX_OK:
        return ngx_keepers_outcome_told(r, signup, signup->forward.said);

    case NGX_DECLINED:
        return ngx_keepers_forward_lead(r, signup);

    default:

        /* the leader has left, or the writer does not know what a batch is */

        return ngx_keepers_forward_go(r, signup);
    }
}


/*
 * The envelopes are copied: whoever goes along may leave before they are sent.
 */

static ngx_int_t
ngx_keepers_forward_lead(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_queue_t            *q;
    keepers_out_t           out;
    ngx_keepers_wait_t     *wait;
    ngx_keepers_signup_t   *next;
    ngx_keepers_forward_t  *forward;

    forward = &signup->forward;

    if (ngx_queue_empty(&forward->along)) {
        return ngx_keepers_forward_go(r, signup);
    }

    ngx_keepers_out(&out, r->pool, forward->len);
    keepers_batch_begin(&out);
    keepers_batch_add(&out, signup->envelope);

    for (q = ngx_queue_head(&forward->along);
         q != ngx_queue_sentinel(&forward->along);
         q = ngx_queue_next(q))
    {
        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);
        next = wait->data;

        keepers_batch_add(&out, next->envelope);
        wait->flight.place = forward->taken++;
    }

    forward->batch = 1;

    if (out.overflow
        || ngx_keepers_forward_body(r, keepers_out_written(&out)) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_forward_go(r, signup);
}


static ngx_int_t
ngx_keepers_forward_go(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    signup->forward.under_way = 1;
    ngx_keepers_forwards.under_way++;

    return ngx_keepers_forward_pass(r, signup);
}


ngx_uint_t
ngx_keepers_forward_landed(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_uint_t status)
{
    ngx_keepers_forward_t  *forward;

    forward = &signup->forward;

    ngx_keepers_forward_arrive(forward);

    if (forward->taken < 2) {
        return status;
    }

    switch (status) {

    case 202:
        ngx_keepers_forward_tell(r, forward);
        break;

    case NGX_HTTP_BAD_GATEWAY:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        ngx_keepers_forward_tell_all(forward, status);
        break;

    default:

        if (r->upstream == NULL || r->err_status != 0) {
            /* nginx says it, of this request */

            ngx_keepers_forward_left(forward);
            return status;
        }

        ngx_keepers_forward_unread(r, forward);
    }

    forward->taken = 0;

    return forward->said;
}


ngx_int_t
ngx_keepers_forward_elsewhere(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup)
{
    ngx_keepers_forward_t  *forward;

    forward = &signup->forward;

    ngx_keepers_forward_arrive(forward);

    if (forward->taken > 1) {
        ngx_keepers_forward_left(forward);
    }

    if (!forward->batch) {
        return NGX_OK;
    }

    forward->batch = 0;

    return ngx_keepers_forward_body(r, signup->envelope);
}


/* What the writer says of all; empty: nothing. */

static keepers_str_t
ngx_keepers_forward_header(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (r->upstream == NULL) {
        return keepers_str(NULL, 0);
    }

    part = &r->upstream->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                return keepers_str(NULL, 0);
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == sizeof(KEEPERS_BATCH_HEADER) - 1
            && ngx_strncasecmp(h[i].key.data, (u_char *) KEEPERS_BATCH_HEADER,
                               sizeof(KEEPERS_BATCH_HEADER) - 1)
               == 0)
        {
            return ngx_keepers_from(h[i].value);
        }
    }
}


static void
ngx_keepers_forward_tell(ngx_http_request_t *r, ngx_keepers_forward_t *forward)
{
    ngx_queue_t           *q;
    keepers_str_t          said;
    ngx_keepers_wait_t    *wait;
    ngx_keepers_signup_t  *next;

    said = ngx_keepers_forward_header(r);

    forward->said = keepers_batch_said(said, forward->taken, 0);

    if (forward->said == 0) {
        ngx_keepers_forward_unread(r, forward);
        return;
    }

    for (q = ngx_queue_head(&forward->along);
         q != ngx_queue_sentinel(&forward->along);
         q = ngx_queue_next(q))
    {
        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);
        next = wait->data;

        next->forward.said = keepers_batch_said(said, forward->taken,
                                                wait->flight.place);
        if (next->forward.said == 0) {
            next->forward.said = NGX_HTTP_BAD_GATEWAY;
        }
    }

    (void) ngx_keepers_flight_land(&forward->along, NGX_OK);
}


static void
ngx_keepers_forward_tell_all(ngx_keepers_forward_t *forward, ngx_uint_t status)
{
    ngx_queue_t           *q;
    ngx_keepers_wait_t    *wait;
    ngx_keepers_signup_t  *next;

    forward->said = status;

    for (q = ngx_queue_head(&forward->along);
         q != ngx_queue_sentinel(&forward->along);
         q = ngx_queue_next(q))
    {
        wait = ngx_queue_data(q, ngx_keepers_wait_t, flight.queue);
        next = wait->data;
        next->forward.said = status;
    }

    (void) ngx_keepers_flight_land(&forward->along, NGX_OK);
}


/* A writer of an earlier release: each finds out by itself. */

static void
ngx_keepers_forward_unread(ngx_http_request_t *r,
    ngx_keepers_forward_t *forward)
{
    ngx_keepers_log(NGX_LOG_ERR, r, "the writer has not read a batch of "
                    "signups: upgrade it, or set \"keepers_signup_batch 1\"");

    forward->said = NGX_HTTP_BAD_GATEWAY;

    ngx_keepers_forward_left(forward);
}


static void
ngx_keepers_forward_arrive(ngx_keepers_forward_t *forward)
{
    if (forward->under_way) {
        forward->under_way = 0;
        ngx_keepers_forwards.under_way--;
    }
}


/* A client that leaves takes nobody with it. */

static void
ngx_keepers_forward_cleanup(void *data)
{
    ngx_keepers_forward_t  *forward;

    forward = &((ngx_keepers_signup_t *) data)->forward;

    ngx_keepers_forward_arrive(forward);

    if (forward->taken != 0) {
        ngx_keepers_forward_left(forward);
    }
}


static void
ngx_keepers_forward_left(ngx_keepers_forward_t *forward)
{
    forward->taken = 0;

    (void) ngx_keepers_flight_land(&forward->along, NGX_ABORT);
}
