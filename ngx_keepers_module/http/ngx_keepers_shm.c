
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_shm.h"

#include "core/keepers_link.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_recent.h"


/* Shares of the zone, in hundredths; the rest is slab overhead. */
#define NGX_KEEPERS_SHM_SESSIONS    55
#define NGX_KEEPERS_SHM_LINKS       25
#define NGX_KEEPERS_SHM_LIMITS      15

#define NGX_KEEPERS_SHM_LINK_SIZE   (KEEPERS_LINK_RECORD_MAX + 64)


static ngx_keepers_shm_t *ngx_keepers_shm_create(ngx_slab_pool_t *shpool,
    size_t size);


char *
ngx_keepers_shm_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_main_conf_t  *kmcf = conf;

    ssize_t     size;
    ngx_str_t  *value, name;

    if (kmcf->zone != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < NGX_KEEPERS_SHM_SIZE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\" in \"keepers_zone\": "
                           "give at least 1m", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&name, "keepers");

    kmcf->zone = ngx_shared_memory_add(cf, &name, (size_t) size,
                                       &ngx_http_keepers_module);

    if (kmcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    kmcf->zone->init = ngx_keepers_shm_init;
    kmcf->zone->data = kmcf;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keepers_shm_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t          *shpool;
    ngx_keepers_main_conf_t  *kmcf, *old;

    kmcf = zone->data;
    old = data;

    if (old != NULL) {

        /* a reload with the same size: counters and caches go on */

        if (old->shm->version != NGX_KEEPERS_SHM_VERSION) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "the zone of \"keepers_zone\" was laid out by "
                          "another version of the module: restart nginx, "
                          "or change the size of the zone");
            return NGX_ERROR;
        }

        kmcf->shm = old->shm;
        ngx_keepers_limit_counters(kmcf);

        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        kmcf->shm = shpool->data;
        ngx_keepers_limit_counters(kmcf);

        return NGX_OK;
    }

    kmcf->shm = ngx_keepers_shm_create(shpool, zone->shm.size);

    if (kmcf->shm == NULL) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "\"keepers_zone\" of %uz bytes is too small",
                      zone->shm.size);
        return NGX_ERROR;
    }

    shpool->data = kmcf->shm;
    ngx_keepers_limit_counters(kmcf);

    return NGX_OK;
}


static ngx_keepers_shm_t *
ngx_keepers_shm_create(ngx_slab_pool_t *shpool, size_t size)
{
    u_char             *p;
    size_t              part[3];
    ngx_keepers_shm_t  *shm;

    part[0] = size / 100 * NGX_KEEPERS_SHM_SESSIONS;
    part[1] = size / 100 * NGX_KEEPERS_SHM_LINKS;
    part[2] = size / 100 * NGX_KEEPERS_SHM_LIMITS;

    shm = ngx_slab_calloc(shpool, sizeof(ngx_keepers_shm_t));
    p = ngx_slab_calloc(shpool, part[0] + part[1] + part[2]);

    if (shm == NULL || p == NULL) {
        return NULL;
    }

    shm->version = NGX_KEEPERS_SHM_VERSION;

    ngx_keepers_cache_init(&shm->sessions, p, part[0],
                           sizeof(ngx_keepers_recent_t));
    ngx_keepers_cache_init(&shm->links, p + part[0], part[1],
                           NGX_KEEPERS_SHM_LINK_SIZE);
    ngx_keepers_cache_init(&shm->limits, p + part[0] + part[1], part[2],
                           sizeof(ngx_keepers_limit_local_t));

    return shm;
}
