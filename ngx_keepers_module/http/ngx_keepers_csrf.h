
/*
 * Copyright (C) Keepers
 *
 * Cross-site requests: Sec-Fetch-Site, then Origin, then the session's token.
 */


#ifndef _NGX_KEEPERS_CSRF_H_INCLUDED_
#define _NGX_KEEPERS_CSRF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_ctx.h"


/* GET, HEAD, OPTIONS and TRACE change nothing. */
ngx_uint_t ngx_keepers_csrf_unsafe(ngx_http_request_t *r);

/*
 * NGX_OK: our own pages asked; NGX_DECLINED: another site did; NGX_AGAIN: the
 * request does not say (no browser of today, or none at all).
 */
ngx_int_t ngx_keepers_csrf_origin(ngx_http_request_t *r);

/*
 * Under a session: NGX_OK or NGX_DECLINED; a request that does not say needs
 * X-CSRF-Token ($keepers_csrf_token).
 */
ngx_int_t ngx_keepers_csrf_check(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx);


/* Does it say of itself that it may not be told where it is from?  So does a
 * form on a page under no-referrer; a browser of today adds Sec-Fetch-Site. */
ngx_uint_t ngx_keepers_csrf_hidden(ngx_http_request_t *r);


#endif /* _NGX_KEEPERS_CSRF_H_INCLUDED_ */
