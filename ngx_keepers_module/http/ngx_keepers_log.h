
/*
 * Copyright (C) Keepers
 *
 * The only logging made on behalf of a request.  nginx appends client address
 * and request line to a request's messages; ours carry the connection number
 * and codes alone.  Arguments are our own words and numbers, never a client's
 * text.
 */


#ifndef _NGX_KEEPERS_LOG_H_INCLUDED_
#define _NGX_KEEPERS_LOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


void ngx_keepers_log(ngx_uint_t level, ngx_http_request_t *r,
    const char *fmt, ...);


#endif /* _NGX_KEEPERS_LOG_H_INCLUDED_ */
