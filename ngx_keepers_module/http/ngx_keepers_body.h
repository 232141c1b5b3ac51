
/*
 * Copyright (C) Keepers
 *
 * The request body as one bounded piece of memory, never in a file.  Our copy
 * is wiped when the request ends, nginx's own buffers as all that a request
 * had: ngx_keepers_residue.h.
 */


#ifndef _NGX_KEEPERS_BODY_H_INCLUDED_
#define _NGX_KEEPERS_BODY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_field.h"


typedef enum {
    NGX_KEEPERS_BODY_OTHER = 0,
    NGX_KEEPERS_BODY_FORM,          /* application/x-www-form-urlencoded */
    NGX_KEEPERS_BODY_JSON           /* application/json */
} ngx_keepers_body_type_e;


/*
 * In merge_loc_conf of a location that reads bodies: bodies of up to "size"
 * bytes stay in memory, larger ones are 413.
 */
void ngx_keepers_body_conf(ngx_conf_t *cf, size_t size);

/* By the Content-Type header, parameters ignored (charset must be UTF-8). */
ngx_keepers_body_type_e ngx_keepers_body_type(ngx_http_request_t *r);

/*
 * As ngx_http_read_client_request_body(), but client_body_timeout is the time
 * for the whole of it: nobody holds a connection for a byte a minute.
 */
ngx_int_t ngx_keepers_body_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler);

/*
 * The whole body, in a handler called by ngx_keepers_body_read(); NGX_OK,
 * NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, or NGX_ERROR: no memory.  *body points to
 * a pool copy that is wiped by a cleanup.
 */
ngx_int_t ngx_keepers_body_take(ngx_http_request_t *r, size_t size,
    keepers_str_t *body);

/*
 * Reads the body into a field table as its type says.  NGX_OK, or
 * NGX_ERROR (no memory), else *fault is a code of core/keepers_field.h and
 * NGX_DECLINED is returned.  Memory is of the pool, wiped by a cleanup.
 */
ngx_int_t ngx_keepers_body_fields(ngx_http_request_t *r, keepers_str_t body,
    ngx_keepers_body_type_e type, keepers_fieldset_t *set, int *fault);

/* Memory of the pool that is wiped when the request ends. */
void *ngx_keepers_secret_alloc(ngx_http_request_t *r, size_t size);

/* Only the first "size" bytes of it were written: the rest is not wiped. */
void ngx_keepers_secret_cut(void *data, size_t size);


#endif /* _NGX_KEEPERS_BODY_H_INCLUDED_ */
