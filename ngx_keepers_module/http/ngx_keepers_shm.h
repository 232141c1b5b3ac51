
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


#define NGX_KEEPERS_SHM_VERSION   6
#define NGX_KEEPERS_SHM_SIZE_MIN  (1024 * 1024)


#define NGX_KEEPERS_SHM_RULES       128     /* twice those of one config */
#define NGX_KEEPERS_SHM_RULE_NAME   32


typedef enum {
    NGX_KEEPERS_VERDICT_PASSED = 0,
    NGX_KEEPERS_VERDICT_LIMITED,
    NGX_KEEPERS_VERDICT_REMEMBERED,         /* limited, and Redis not asked */
    NGX_KEEPERS_VERDICTS
} ngx_keepers_verdict_e;


/* What became of requests at a limit rule; a reload finds it by its name. */
typedef struct {
    size_t                len;              /* 0: free */
    u_char                name[NGX_KEEPERS_SHM_RULE_NAME];
    ngx_atomic_t          verdicts[NGX_KEEPERS_VERDICTS];
} ngx_keepers_shm_rule_t;


typedef struct {
    uint32_t              version;
    ngx_atomic_t          counters[KEEPERS_METRICS_N];
    ngx_keepers_shm_rule_t  rules[NGX_KEEPERS_SHM_RULES];
    ngx_atomic_t          flushed_ms;   /* sessions from before are void */
    ngx_atomic_t          eviction;     /* ngx_keepers_eviction_e */
    ngx_atomic_t          evicted_keys; /* by Redis, as it says */
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
