
/*
 * Copyright (C) Keepers
 *
 * Finds the record of a link: the shared zone, then Redis.  The writer
 * publishes records sealed under the shared ring, bound to their Redis key.
 *
 * Value in the zone: state 1 (ngx_keepers_lookup_state_e) | the opened record,
 * nothing for an unknown link.  Fresh for 5 seconds; a record that was found
 * is kept, and served again when Redis answers with an error.
 */


#ifndef _NGX_KEEPERS_LOOKUP_H_INCLUDED_
#define _NGX_KEEPERS_LOOKUP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_link.h"
#include "http/ngx_keepers_wait.h"


#define NGX_KEEPERS_LOOKUP_FRESH_MS  5000


typedef enum {
    NGX_KEEPERS_LOOKUP_UNKNOWN = 1,     /* never made, or deleted */
    NGX_KEEPERS_LOOKUP_OPEN,
    NGX_KEEPERS_LOOKUP_CLOSED,
    NGX_KEEPERS_LOOKUP_ERROR            /* Redis failed, nothing is cached */
} ngx_keepers_lookup_state_e;


typedef struct {
    ngx_keepers_lookup_state_e   state; /* 0: not known yet */
    keepers_str_t                slug;
    keepers_str_t                key;   /* in Redis */
    u_char                       hash[KEEPERS_HASH_LEN];    /* in the zone: a
                                                            mark, and zeros */
    keepers_link_t               link;  /* of OPEN and CLOSED */
    ngx_keepers_wait_t          *wait;  /* NULL: Redis was not asked */
    u_char                      *value; /* room of a value of the zone */
    size_t                       len;   /* 0: none */
} ngx_keepers_lookup_t;


/* "slug" is a valid one and outlives the request.  NULL: no memory. */
ngx_keepers_lookup_t *ngx_keepers_lookup_create(ngx_http_request_t *r,
    keepers_str_t slug);

/*
 * NGX_OK: the state is set.  NGX_AGAIN: waiting; call it again when woken.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_lookup(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup, ngx_keepers_wait_mode_e mode,
    ngx_keepers_wake_pt wake);

/* Whether that needs not ask Redis, or has. */
ngx_uint_t ngx_keepers_lookup_fresh(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup);


#endif /* _NGX_KEEPERS_LOOKUP_H_INCLUDED_ */
