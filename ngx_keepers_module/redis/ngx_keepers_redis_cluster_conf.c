
/*
 * Copyright (C) Keepers
 *
 * "cluster:host:port,host:port..." of "keepers_redis".
 */


#include "redis/ngx_keepers_redis_int.h"
#include "redis/ngx_keepers_redis_parse.h"


#define NGX_KEEPERS_REDIS_CLUSTER_PORT  6379
#define NGX_KEEPERS_REDIS_CLUSTER       (sizeof("cluster:") - 1)


static char *ngx_keepers_redis_cluster_add(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *text);


char *
ngx_keepers_redis_cluster_parse(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   text;

    p = value->data + NGX_KEEPERS_REDIS_CLUSTER;
    last = value->data + value->len;

    do {
        text.data = p;
        p = ngx_strlchr(p, last, ',');
        text.len = ((p != NULL) ? p : last) - text.data;

        if (ngx_keepers_redis_cluster_add(cf, conf, &text) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

    } while (p++ != NULL);

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_cluster_add(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *text)
{
    ngx_uint_t                  i;
    ngx_keepers_redis_place_t  *place;

    if (conf->seeds_n == NGX_KEEPERS_REDIS_SEEDS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_redis\" names more than %d nodes of a "
                           "cluster: leave some out, they know each other",
                           NGX_KEEPERS_REDIS_SEEDS);
        return NGX_CONF_ERROR;
    }

    if (text->len >= 5 && ngx_strncasecmp(text->data, (u_char *) "unix:", 5)
                          == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"keepers_redis\" is no node of a "
                           "cluster: write \"host:port\"", text);
        return NGX_CONF_ERROR;
    }

    place = &conf->seeds[conf->seeds_n];

    if (ngx_keepers_redis_conf_place(cf, text, NGX_KEEPERS_REDIS_CLUSTER_PORT,
                                     place)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < conf->seeds_n; i++) {
        if (ngx_keepers_redis_place_same(place, &conf->seeds[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the node \"%V\" stands twice in "
                               "\"keepers_redis\"", text);
            return NGX_CONF_ERROR;
        }
    }

    conf->seeds_n++;

    return NGX_CONF_OK;
}
