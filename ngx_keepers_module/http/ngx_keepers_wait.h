
/*
 * Copyright (C) Keepers
 *
 * A request waiting for a Redis op: start, wake, let go.  Only this file
 * knows who keeps a request alive meanwhile (conventions: "Waiting for
 * Redis").  One op at a time a wait; a wait may be used again.
 */


#ifndef _NGX_KEEPERS_WAIT_H_INCLUDED_
#define _NGX_KEEPERS_WAIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_ctx.h"
#include "redis/ngx_keepers_redis.h"


/* Where the request waits, hence how it is woken. */
typedef enum {
    NGX_KEEPERS_WAIT_PHASE = 0,     /* return NGX_AGAIN; phases run again */
    NGX_KEEPERS_WAIT_HANDLER        /* return NGX_DONE; "wake" is called */
} ngx_keepers_wait_mode_e;


/*
 * Continues a request in HANDLER mode.  What it returns finalizes the
 * request: a status, NGX_OK ..., or NGX_DONE if it waits again.
 */
typedef ngx_int_t (*ngx_keepers_wake_pt)(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);


/*
 * A wait that others join, or that has joined one: ngx_keepers_flight.c alone
 * writes it.  All zeros: neither.
 */
typedef struct {
    ngx_queue_t                 queue;      /* of the table, of the leader's
                                               followers, of those to wake */
    ngx_queue_t                 followers;
    const u_char               *key;        /* KEEPERS_HASH_LEN bytes */
    ngx_uint_t                  place;      /* in the queue; of its owner */
    unsigned                    leads:1;
    unsigned                    follows:1;
    unsigned                    landed:1;   /* to be woken */
} ngx_keepers_flight_t;


struct ngx_keepers_wait_s {
    ngx_http_request_t         *request;
    ngx_keepers_redis_op_t     *op;         /* in flight, or NULL */
    ngx_int_t                   rc;         /* of the last op; NGX_AGAIN */
    ngx_msec_t                  asked_ms;
    ngx_keepers_wait_mode_e     mode;
    ngx_keepers_wake_pt         wake;
    ngx_keepers_redis_reply_t   reply;
    void                       *data;       /* of the owner */
    ngx_keepers_flight_t        flight;
    ngx_http_cleanup_t          cleanup;    /* of the main request */
};


/*
 * A wait with room for a reply of "values" values and "size" bytes; its
 * cleanup detaches the op when the request goes.  NULL: no memory.
 */
ngx_keepers_wait_t *ngx_keepers_wait_create(ngx_http_request_t *r,
    ngx_uint_t values, size_t size);

/*
 * Issue and wait.  NGX_AGAIN: waiting (in HANDLER mode the request's count
 * was raised: return NGX_DONE to nginx); else the code of issue(): nothing is
 * under way, and wait->rc has it too.
 */
ngx_int_t ngx_keepers_wait_command(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake,
    const keepers_str_t *argv, ngx_uint_t argc);
ngx_int_t ngx_keepers_wait_eval(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake,
    ngx_keepers_script_e script, ngx_uint_t keys,
    const keepers_str_t *argv, ngx_uint_t argc);

ngx_int_t ngx_keepers_wait_eval_encoded(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake,
    ngx_keepers_script_e script, ngx_uint_t keys,
    keepers_str_t encoded, ngx_uint_t argc);

/* Is it under way, by an op of its own or of a wait that it has joined? */
#define ngx_keepers_wait_waits(wait)                                         \
    ((wait)->op != NULL || (wait)->flight.follows)

/* Lets go of what is under way: the request goes on, and is not woken. */
void ngx_keepers_wait_drop(ngx_keepers_wait_t *wait);

/* For ngx_keepers_flight.c: waits for what another has issued; goes on. */
void ngx_keepers_wait_follow(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake);
void ngx_keepers_wait_wake(ngx_keepers_wait_t *wait);

/* The reply's one value; NULL: the op failed, or its reply is another kind. */
const ngx_keepers_redis_value_t *ngx_keepers_wait_value(
    const ngx_keepers_wait_t *wait, ngx_keepers_redis_kind_e kind);

/* Fire and forget: nobody waits for the reply. */
void ngx_keepers_send(const keepers_str_t *argv, ngx_uint_t argc);


#endif /* _NGX_KEEPERS_WAIT_H_INCLUDED_ */
