
/*
 * Copyright (C) Keepers
 *
 * Responses that are still running under a session: a WebSocket, server-sent
 * events, a long download.  They end within a second of their session, by
 * whatever way it ended.  See docs/decisions/0018-running-responses-end.md.
 */


#ifndef _NGX_KEEPERS_LIVE_H_INCLUDED_
#define _NGX_KEEPERS_LIVE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"


/* Once a worker.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_live_init(ngx_cycle_t *cycle,
    ngx_keepers_main_conf_t *kmcf);

/* The request was let in by the session of its context. */
void ngx_keepers_live_begin(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx);

/* It is over. */
void ngx_keepers_live_leave(ngx_keepers_ctx_t *ctx);

/*
 * This session has ended; or it has a successor, and what runs under it ends
 * with its grace.  Cuts nothing before the caller has returned.
 */
void ngx_keepers_live_revoked(const u_char sid[KEEPERS_SID_LEN],
    ngx_uint_t rotated);


#endif /* _NGX_KEEPERS_LIVE_H_INCLUDED_ */
