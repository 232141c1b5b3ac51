
/*
 * Copyright (C) Keepers
 *
 * "keepers_page": a template rendered with nginx variables.
 */


#ifndef _NGX_KEEPERS_PAGE_H_INCLUDED_
#define _NGX_KEEPERS_PAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_conf.h"


/*
 * Are all variables of the template known?  When locations are merged, for
 * "set" and "map" may stand behind the directive.
 */
char *ngx_keepers_page_check(ngx_conf_t *cf, ngx_keepers_template_t *t);

/* The location's page with a status; returns what a content handler does. */
ngx_int_t ngx_keepers_page_reply(ngx_http_request_t *r, ngx_uint_t status);


#endif /* _NGX_KEEPERS_PAGE_H_INCLUDED_ */
