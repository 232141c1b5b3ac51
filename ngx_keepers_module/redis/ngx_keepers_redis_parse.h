
/*
 * Copyright (C) Keepers
 *
 * The parts of an address of "keepers_redis", while the configuration is
 * read; for redis/ alone.
 */


#ifndef _NGX_KEEPERS_REDIS_PARSE_H_INCLUDED_
#define _NGX_KEEPERS_REDIS_PARSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "redis/ngx_keepers_redis.h"


/* _conf.c */

char *ngx_keepers_redis_conf_place(ngx_conf_t *cf, ngx_str_t *text,
    in_port_t port, ngx_keepers_redis_place_t *place);

/* _cluster_conf.c */

char *ngx_keepers_redis_cluster_parse(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);

/* _sentinel_conf.c */

char *ngx_keepers_redis_sentinel_parse(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);


#endif /* _NGX_KEEPERS_REDIS_PARSE_H_INCLUDED_ */
