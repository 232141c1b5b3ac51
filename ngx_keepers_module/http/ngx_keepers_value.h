
/*
 * Copyright (C) Keepers
 *
 * An argument of a directive with variables in it.  Most are one variable and
 * no more, whose value is taken as it is: as long as the request has it.
 */


#ifndef _NGX_KEEPERS_VALUE_H_INCLUDED_
#define _NGX_KEEPERS_VALUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"


typedef struct {
    ngx_http_complex_value_t   text;
    ngx_int_t                  index;       /* of the variable that is all of
                                               it; NGX_ERROR: there is more */
} ngx_keepers_value_t;


/* NULL: no memory, or nginx has said what is wrong. */
ngx_keepers_value_t *ngx_keepers_value_read(ngx_conf_t *cf, ngx_str_t *text);

/* Sets a field of a configuration: ngx_keepers_value_t *, NULL before. */
char *ngx_keepers_value_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* What it is for this request: NGX_OK, NGX_ERROR. */
ngx_int_t ngx_keepers_value(ngx_http_request_t *r, ngx_keepers_value_t *value,
    ngx_str_t *text);

/* The slug that it is; empty: it is none, or there is no value. */
keepers_str_t ngx_keepers_value_slug(ngx_http_request_t *r,
    ngx_keepers_value_t *value);


#endif /* _NGX_KEEPERS_VALUE_H_INCLUDED_ */
