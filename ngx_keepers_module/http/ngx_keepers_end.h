
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
#include "http/ngx_keepers_conf.h"


#define NGX_KEEPERS_END_MAX  50     /* sessions of a user: see session_max */


/*
 * NGX_OK: Redis has removed them; NGX_ERROR: it cannot say.  Returns what
 * finalizes the request.
 */
typedef ngx_int_t (*ngx_keepers_end_pt)(ngx_http_request_t *r, void *data,
    ngx_int_t rc);

/*
 * Ends n sessions of one user, at most NGX_KEEPERS_END_MAX, and what has
 * replaced them meanwhile; "why" counts them.  Returns what the caller
 * finalizes with; "done" may be called at once.
 */
ngx_int_t ngx_keepers_end(ngx_http_request_t *r,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n, keepers_metric_e why, ngx_keepers_end_pt done, void *data);

/* The same, and nobody waits: when Redis cannot say, they may live on. */
void ngx_keepers_end_send(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n, keepers_metric_e why);


#endif /* _NGX_KEEPERS_END_H_INCLUDED_ */
