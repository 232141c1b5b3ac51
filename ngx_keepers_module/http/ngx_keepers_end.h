
/*
 * Copyright (C) Keepers
 *
 * Ends sessions: in the zone at once, then in Redis.
 */


#ifndef _NGX_KEEPERS_END_H_INCLUDED_
#define _NGX_KEEPERS_END_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_token.h"
#include "http/ngx_keepers_wait.h"


#define NGX_KEEPERS_END_MAX  50     /* sessions of a user: see session_max */


/*
 * Ends n sessions of one user; "wake" goes on with wait->rc (the number of
 * removed keys is wait->reply.values[0].integer).  Returns what the caller
 * finalizes with, or calls wake at once when Redis cannot be asked.
 */
ngx_int_t ngx_keepers_end(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_wake_pt wake, const u_char tag[KEEPERS_TAG_LEN],
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n);


#endif /* _NGX_KEEPERS_END_H_INCLUDED_ */
