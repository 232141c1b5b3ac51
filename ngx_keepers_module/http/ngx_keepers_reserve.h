
/*
 * Copyright (C) Keepers
 *
 * Which signup is this, and was it here before?  The id follows from the
 * form's token or from the Idempotency-Key, so that a retry has the same one
 * on every host; the reservation in Redis tells whether it is under way or
 * done.  Without Redis the database, where an id is unique, tells.
 *
 *   P{HASH}:i   "p:" digest   under way, for 30 seconds
 *               "d:" digest   done, for a day
 */


#ifndef _NGX_KEEPERS_RESERVE_H_INCLUDED_
#define _NGX_KEEPERS_RESERVE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_signup.h"


#define NGX_KEEPERS_RESERVE_KEY_MAX  128    /* of an Idempotency-Key */


typedef enum {
    NGX_KEEPERS_RESERVE_FREE = 0,   /* go on */
    NGX_KEEPERS_RESERVE_DONE,       /* answered before: answer it again */
    NGX_KEEPERS_RESERVE_IN_FLIGHT,  /* JSON: ask again in a second */
    NGX_KEEPERS_RESERVE_REUSED      /* JSON: the key came with another body */
} ngx_keepers_reserve_e;


/*
 * Sets digest and id of the record.  "key": the Idempotency-Key of JSON; a
 * form has its ticket, and an id for each content: a correction is no repeat.
 */
void ngx_keepers_reserve_name(ngx_keepers_main_conf_t *kmcf,
    ngx_keepers_signup_t *signup, keepers_str_t key);

/*
 * In the phase, before ngx_keepers_reserve(): the reservation with the limits
 * on what the signup says, in one call.  NGX_OK: *state is set, likewise.
 * NGX_DECLINED: they are to be asked for one after the other.
 */
ngx_int_t ngx_keepers_reserve_admit(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_signup_t *signup,
    ngx_keepers_reserve_e *state);

/*
 * In the phase.  NGX_OK: *state is set, and the record's flag DEGRADED when
 * Redis could not be asked.  NGX_AGAIN: waiting.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_reserve(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_reserve_e *state);

/* The writer's answer is known: confirm the reservation, or take it back. */
void ngx_keepers_reserve_settle(ngx_keepers_signup_t *signup,
    ngx_uint_t accepted);


#endif /* _NGX_KEEPERS_RESERVE_H_INCLUDED_ */
