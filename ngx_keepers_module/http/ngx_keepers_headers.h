
/*
 * Copyright (C) Keepers
 *
 * Request headers: found by name, and our own name space removed.
 */


#ifndef _NGX_KEEPERS_HEADERS_H_INCLUDED_
#define _NGX_KEEPERS_HEADERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The value of the first header of this lower-case name, or NULL. */
ngx_str_t *ngx_keepers_header_find(ngx_http_request_t *r, const char *name);


#endif /* _NGX_KEEPERS_HEADERS_H_INCLUDED_ */
