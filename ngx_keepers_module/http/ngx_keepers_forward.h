
/*
 * Copyright (C) Keepers
 *
 * Seals a signup for the writer and puts the envelope in place of the body,
 * so that whatever the location does with a body, it does with that.
 */


#ifndef _NGX_KEEPERS_FORWARD_H_INCLUDED_
#define _NGX_KEEPERS_FORWARD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_signup.h"


/* NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_forward(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);

/*
 * Calls what the location does with it.  A content handler: what it returns
 * finalizes the request.
 */
ngx_int_t ngx_keepers_forward_pass(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);

/* Puts this in place of the body.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_forward_body(ngx_http_request_t *r, keepers_str_t body);

/*
 * Gives the request its own path back, if it has the writer's: whoever answers
 * may be called before proxy_pass returns, when the writer is away.
 */
void ngx_keepers_forward_back(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);


#endif /* _NGX_KEEPERS_FORWARD_H_INCLUDED_ */
