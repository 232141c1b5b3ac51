
/*
 * Copyright (C) Keepers
 *
 * The shared zone: counters and three tables.
 */


#ifndef _NGX_KEEPERS_SHM_H_INCLUDED_
#define _NGX_KEEPERS_SHM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_metrics.h"
#include "http/ngx_keepers_cache.h"


#define NGX_KEEPERS_SHM_VERSION   2
#define NGX_KEEPERS_SHM_SIZE_MIN  (1024 * 1024)


typedef struct {
    uint32_t              version;
    ngx_atomic_t          counters[KEEPERS_METRICS_N];
    ngx_atomic_t          flushed_ms;   /* sessions from before are void */
    ngx_keepers_cache_t   sessions;     /* by SID: see ngx_keepers_check */
    ngx_keepers_cache_t   links;        /* by hash of the slug */
    ngx_keepers_cache_t   limits;       /* by hash of the key: local state */
} ngx_keepers_shm_t;


ngx_int_t ngx_keepers_shm_init(ngx_shm_zone_t *zone, void *data);

/* r's zone counts one of metric M: ngx_keepers_count(r, SIGNIN_OK). */
#define ngx_keepers_count(r, M)                                              \
    (void) ngx_atomic_fetch_add(                                             \
        &ngx_keepers_main_conf(r)->shm->counters[KEEPERS_METRIC_##M], 1)


#endif /* _NGX_KEEPERS_SHM_H_INCLUDED_ */
