
/*
 * Copyright (C) Keepers
 *
 * What the templates of a link show: the values by their names.
 */


#ifndef _NGX_KEEPERS_LINK_VALUE_H_INCLUDED_
#define _NGX_KEEPERS_LINK_VALUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_signup.h"
#include "http/ngx_keepers_link_page.h"


/* Names of the link template, and of the thanks template, which has fewer. */
int ngx_keepers_link_value_resolve(void *data, keepers_str_t name);
int ngx_keepers_link_value_resolve_thanks(void *data, keepers_str_t name);

/* The value of a number; "data" is an ngx_keepers_link_page_t. */
keepers_str_t ngx_keepers_link_value(void *data, int value);

/*
 * What each request brings to a page that shows nothing but the link.  No
 * other value of such a page may depend on the request.
 */
bool ngx_keepers_link_value_open(void *data, int value);

/* A hidden field, empty if it is of a length that nobody typed. */
keepers_str_t ngx_keepers_link_value_source(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);


#endif /* _NGX_KEEPERS_LINK_VALUE_H_INCLUDED_ */
