
/*
 * Copyright (C) Keepers
 *
 * A token that was replaced long ago, in other hands than its successor: one
 * of the two was stolen.  Both end.  See
 * docs/decisions/0034-remembered-sessions-and-stolen-tokens.md.
 */


#ifndef _NGX_KEEPERS_THEFT_H_INCLUDED_
#define _NGX_KEEPERS_THEFT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_ctx.h"


/*
 * In the access phase, once Redis has said that ctx->session has a successor
 * and is over.  NGX_OK: ctx->check is set, to NONE; NGX_AGAIN: waiting, and
 * ngx_keepers_theft_answer() is to be called when the phase runs again.
 */
ngx_int_t ngx_keepers_theft(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx);
ngx_int_t ngx_keepers_theft_answer(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx);


#endif /* _NGX_KEEPERS_THEFT_H_INCLUDED_ */
