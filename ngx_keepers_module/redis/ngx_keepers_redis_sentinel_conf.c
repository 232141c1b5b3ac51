
/*
 * Copyright (C) Keepers
 *
 * "sentinel:NAME@host:port,host:port..." of "keepers_redis".
 */


#include "redis/ngx_keepers_redis_int.h"
#include "redis/ngx_keepers_redis_parse.h"


#define NGX_KEEPERS_REDIS_SENTINEL_PORT  26379
#define NGX_KEEPERS_REDIS_MASTER_MAX     64
#define NGX_KEEPERS_REDIS_SENTINEL       (sizeof("sentinel:") - 1)


static char *ngx_keepers_redis_sentinel_name(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_keepers_redis_sentinel_add(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *text);
static ngx_uint_t ngx_keepers_redis_sentinel_known(
    const ngx_keepers_redis_conf_t *conf,
    const ngx_keepers_redis_place_t *place);


char *
ngx_keepers_redis_sentinel_parse(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   text;

    p = value->data + NGX_KEEPERS_REDIS_SENTINEL;
    last = value->data + value->len;

    text.data = p;
    p = ngx_strlchr(p, last, '@');

    if (p == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"keepers_redis\" has no \"@\": write "
                           "\"sentinel:NAME@host:port,host:port\", the name "
                           "as in their \"sentinel monitor\"", value);
        return NGX_CONF_ERROR;
    }

    text.len = p++ - text.data;

    if (ngx_keepers_redis_sentinel_name(cf, &text) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    conf->master = text;

    do {
        text.data = p;
        p = ngx_strlchr(p, last, ',');
        text.len = ((p != NULL) ? p : last) - text.data;

        if (ngx_keepers_redis_sentinel_add(cf, conf, &text) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

    } while (p++ != NULL);

    return NGX_CONF_OK;
}


/* What Sentinel itself takes. */

static char *
ngx_keepers_redis_sentinel_name(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'
              || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')))
        {
            break;
        }
    }

    if (i < name->len || i == 0 || i > NGX_KEEPERS_REDIS_MASTER_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name \"%V\" in \"sentinel:\" of "
                           "\"keepers_redis\" is not 1 to %d letters, digits, "
                           "\".\", \"-\" and \"_\"",
                           name, NGX_KEEPERS_REDIS_MASTER_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_sentinel_add(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *text)
{
    ngx_keepers_redis_place_t  *place;

    if (conf->sentinels_n == NGX_KEEPERS_REDIS_SENTINELS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_redis\" names more than %d Sentinels: "
                           "leave some out, they know each other",
                           NGX_KEEPERS_REDIS_SENTINELS);
        return NGX_CONF_ERROR;
    }

    if (text->len >= 5 && ngx_strncasecmp(text->data, (u_char *) "unix:", 5)
                          == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"keepers_redis\" is no Sentinel: "
                           "write \"host:port\"", text);
        return NGX_CONF_ERROR;
    }

    place = &conf->sentinels[conf->sentinels_n];

    if (ngx_keepers_redis_conf_place(cf, text, NGX_KEEPERS_REDIS_SENTINEL_PORT,
                                     place)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_keepers_redis_sentinel_known(conf, place)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the Sentinel \"%V\" stands twice in "
                           "\"keepers_redis\"", text);
        return NGX_CONF_ERROR;
    }

    conf->sentinels_n++;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_keepers_redis_sentinel_known(const ngx_keepers_redis_conf_t *conf,
    const ngx_keepers_redis_place_t *place)
{
    ngx_uint_t  i;

    for (i = 0; i < conf->sentinels_n; i++) {
        if (ngx_keepers_redis_place_same(place, &conf->sentinels[i])) {
            return 1;
        }
    }

    return 0;
}
