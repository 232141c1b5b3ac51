
/*
 * Copyright (C) Keepers
 *
 * "keepers_link": the precontent handler of a link's location, which shows
 * the page or sends a POST through the signup phase.
 */


#ifndef _NGX_KEEPERS_LINK_H_INCLUDED_
#define _NGX_KEEPERS_LINK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_conf.h"


/*
 * When locations are merged, once the templates are: the built-in templates
 * where none is named.
 */
char *ngx_keepers_link_merge(ngx_conf_t *cf, ngx_keepers_loc_conf_t *conf);


#endif /* _NGX_KEEPERS_LINK_H_INCLUDED_ */
