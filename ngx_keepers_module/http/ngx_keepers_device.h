
/*
 * Copyright (C) Keepers
 *
 * Whose account a sign-in names, and whether this device has signed in to it
 * before.  A cookie says so that only we can make: a chance id and when it was
 * given, with a MAC over the account.  The cookie opens nothing; it is counted
 * apart, so that who guesses at an account from elsewhere does not keep its
 * owner out.
 */


#ifndef _NGX_KEEPERS_DEVICE_H_INCLUDED_
#define _NGX_KEEPERS_DEVICE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"


/* Behind the name of the session cookie. */
#define NGX_KEEPERS_DEVICE_SUFFIX  "-device"


/*
 * Sets ctx->account from an address as typed, which must live as long as the
 * request, and ctx->device if a cookie fits it.  NGX_OK; NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_device_read(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, keepers_str_t typed);

/* After a right sign-in: Set-Cookie, unless the device has a fresh one. */
ngx_int_t ngx_keepers_device_remember(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx);


#endif /* _NGX_KEEPERS_DEVICE_H_INCLUDED_ */
