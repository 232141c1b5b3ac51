
/*
 * Copyright (C) Keepers
 *
 * One question in flight: requests of a worker that would ask Redis the same
 * thing while it is being asked wait for that one answer.  The first leads;
 * when its client leaves, the others ask for themselves.
 */


#ifndef _NGX_KEEPERS_FLIGHT_H_INCLUDED_
#define _NGX_KEEPERS_FLIGHT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_wait.h"


/* Once a worker.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_flight_init(ngx_cycle_t *cycle);

/* The wait that asks about "key" just now, or NULL. */
ngx_keepers_wait_t *ngx_keepers_flight_find(
    const u_char key[KEEPERS_HASH_LEN]);

/* Others may join this wait, which is under way; "key" lives as long as it. */
void ngx_keepers_flight_lead(ngx_keepers_wait_t *wait,
    const u_char key[KEEPERS_HASH_LEN]);

/*
 * Waits, in PHASE mode, for the answer to "leader".  Once woken, wait->rc and
 * wait->reply are those of the leader, which must have no more values and
 * bytes than this one has room for; or rc is NGX_ABORT: ask.
 */
void ngx_keepers_flight_join(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_t *leader);

/*
 * Waits in a queue of the caller's, with a number of his in wait->flight.place,
 * for what no wait asks for by itself; and the end of it: all in the queue are
 * woken soon, with this rc.  Returns how many.
 */
void ngx_keepers_flight_wait(ngx_keepers_wait_t *wait, ngx_queue_t *queue,
    ngx_uint_t place, ngx_keepers_wait_mode_e mode,
    ngx_keepers_wake_pt wake);
ngx_uint_t ngx_keepers_flight_land(ngx_queue_t *queue, ngx_int_t rc);

/* To the end of another queue. */
void ngx_keepers_flight_move(ngx_keepers_wait_t *wait, ngx_queue_t *queue);

/*
 * The reply of one that will be woken: a copy of these values.  NGX_OK,
 * NGX_ERROR: it has no room for them.
 */
ngx_int_t ngx_keepers_flight_answer(ngx_keepers_wait_t *wait,
    const ngx_keepers_redis_value_t *values, ngx_uint_t n);

/* The answer has come: for those who joined too, who are woken soon. */
void ngx_keepers_flight_landed(ngx_keepers_wait_t *wait);

/* The wait goes: it leads no more, or is not woken. */
void ngx_keepers_flight_leave(ngx_keepers_wait_t *wait);


#endif /* _NGX_KEEPERS_FLIGHT_H_INCLUDED_ */
