
/*
 * Copyright (C) Keepers
 *
 * What the directives amount to, defaults and inheritance included, for whoever
 * wants to read it: lines of level "info" when a configuration is loaded or
 * tested.
 */


#ifndef _NGX_KEEPERS_EFFECTIVE_H_INCLUDED_
#define _NGX_KEEPERS_EFFECTIVE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_conf.h"


/* When locations are merged: one to speak of.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_effective_note(ngx_conf_t *cf,
    const ngx_keepers_loc_conf_t *klcf);

/* In init_module, where the log is that of the configuration.  NGX_OK. */
ngx_int_t ngx_keepers_effective_log(ngx_cycle_t *cycle);


#endif /* _NGX_KEEPERS_EFFECTIVE_H_INCLUDED_ */
