
/*
 * Copyright (C) Keepers
 *
 * Whether Redis throws away what it should keep.  Under a "maxmemory-policy"
 * other than "noeviction" a Redis that is full forgets sessions, which signs
 * people out, and counters of failures, which lets somebody go on guessing;
 * and it says so to nobody.
 */


#ifndef _NGX_KEEPERS_EVICTION_H_INCLUDED_
#define _NGX_KEEPERS_EVICTION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "http/ngx_keepers_conf.h"


/* Of a zone: what the last answer of Redis said. */
typedef enum {
    NGX_KEEPERS_EVICTION_UNKNOWN = 0,
    NGX_KEEPERS_EVICTION_NEVER,
    NGX_KEEPERS_EVICTION_WHEN_FULL
} ngx_keepers_eviction_e;


/* One worker of a machine asks, now and then.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_eviction_init(ngx_cycle_t *cycle,
    ngx_keepers_main_conf_t *kmcf);


#endif /* _NGX_KEEPERS_EVICTION_H_INCLUDED_ */
