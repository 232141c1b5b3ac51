
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_worker.h"

#include "core/keepers_keyring.h"
#include "http/ngx_keepers_claim.h"
#include "http/ngx_keepers_flight.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_eviction.h"
#include "http/ngx_keepers_folded.h"
#include "http/ngx_keepers_forward_batch.h"
#include "http/ngx_keepers_live.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_sync.h"


ngx_keepers_worker_t  ngx_keepers_worker;


static ngx_keepers_main_conf_t *ngx_keepers_worker_conf(ngx_cycle_t *cycle);


uint64_t
ngx_keepers_now_ms(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


ngx_int_t
ngx_keepers_worker_init(ngx_cycle_t *cycle)
{
    ngx_keepers_main_conf_t  *kmcf;

    ngx_memzero(&ngx_keepers_worker, sizeof(ngx_keepers_worker_t));

    kmcf = ngx_keepers_worker_conf(cycle);

    if (kmcf == NULL) {
        return NGX_OK;
    }

    /* what the master had locked in memory, its children have not */

    keepers_keyring_lock(kmcf->edge);
    keepers_keyring_lock(kmcf->shared);

    ngx_keepers_forward_batch_init(cycle);

    ngx_keepers_worker.redis = ngx_keepers_redis_start(cycle, &kmcf->redis,
                                                       kmcf->shm->counters);

    if (ngx_keepers_worker.redis == NULL
        || ngx_keepers_claim_init(cycle) != NGX_OK
        || ngx_keepers_flight_init(cycle) != NGX_OK
        || ngx_keepers_folded_init(cycle) != NGX_OK
        || ngx_keepers_live_init(cycle, kmcf) != NGX_OK
        || ngx_keepers_revoke_init(kmcf) != NGX_OK
        || ngx_keepers_eviction_init(cycle, kmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_keepers_worker_exit(ngx_cycle_t *cycle)
{
    ngx_keepers_sync_stop();

    if (ngx_keepers_worker.redis != NULL) {
        ngx_keepers_redis_stop(ngx_keepers_worker.redis);
        ngx_keepers_worker.redis = NULL;
    }

    keepers_wipe(&ngx_keepers_worker.sender,
                 sizeof(keepers_envelope_sender_t));
}


/* NULL: not a process that serves, or nothing of ours is configured. */

static ngx_keepers_main_conf_t *
ngx_keepers_worker_conf(ngx_cycle_t *cycle)
{
    ngx_keepers_main_conf_t  *kmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NULL;
    }

    kmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_keepers_module);

    return kmcf != NULL && kmcf->used ? kmcf : NULL;
}
