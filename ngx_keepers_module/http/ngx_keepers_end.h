
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

#include "core/keepers_metrics.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_wait.h"


#define NGX_KEEPERS_END_MAX  50     /* sessions of a user: see session_max */


/*
 * Ends n sessions of one user; "wake" goes on, and asks ngx_keepers_ended().
 * Returns what the caller finalizes with, or calls wake at once when Redis
 * cannot be asked.  "wait" NULL: nobody waits.
 */
ngx_int_t ngx_keepers_end(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_wake_pt wake, const u_char tag[KEEPERS_TAG_LEN],
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n);

/*
 * Ends one, and the reply is its record, as it stood in Redis at that moment,
 * or NGX_DECLINED: it was gone.
 */
ngx_int_t ngx_keepers_end_take(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_wake_pt wake, const u_char tag[KEEPERS_TAG_LEN],
    const u_char sid[KEEPERS_SID_LEN]);

/* NGX_OK: Redis has removed them, and "why" counts them; else NGX_ERROR. */
ngx_int_t ngx_keepers_ended(ngx_http_request_t *r,
    const ngx_keepers_wait_t *wait, keepers_metric_e why);


#endif /* _NGX_KEEPERS_END_H_INCLUDED_ */
