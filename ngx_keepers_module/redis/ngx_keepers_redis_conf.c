
/*
 * Copyright (C) Keepers
 *
 * The arguments of "keepers_redis".  Never touches the network: a name is
 * resolved by the worker, when it connects.
 */


#include "redis/ngx_keepers_redis_int.h"
#include "redis/ngx_keepers_redis_parse.h"
#include "redis/ngx_keepers_file.h"


#define NGX_KEEPERS_REDIS_PORT          6379
#define NGX_KEEPERS_REDIS_DB_MAX        65535
#define NGX_KEEPERS_REDIS_USER_MAX      128


typedef char *(*ngx_keepers_redis_conf_pt)(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);


typedef struct {
    ngx_str_t                   name;
    ngx_keepers_redis_conf_pt   set;
} ngx_keepers_redis_conf_param_t;


static char *ngx_keepers_redis_conf_address(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_param(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *arg, ngx_uint_t *seen);
static char *ngx_keepers_redis_conf_db(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_user(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_password(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_prefix(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_ssl(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_sentinel_user(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_sentinel_password(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value);
static char *ngx_keepers_redis_conf_together(ngx_conf_t *cf,
    const ngx_keepers_redis_conf_t *conf);
static char *ngx_keepers_redis_conf_name(ngx_conf_t *cf, const char *param,
    ngx_str_t *value, ngx_str_t *name);
static char *ngx_keepers_redis_conf_secret(ngx_conf_t *cf, const char *param,
    ngx_str_t *value, ngx_str_t *secret, ngx_str_t *path);
static void ngx_keepers_redis_conf_wipe(void *data);


static const ngx_keepers_redis_conf_param_t
    ngx_keepers_redis_conf_params[] =
{
    { ngx_string("db="), ngx_keepers_redis_conf_db },
    { ngx_string("user="), ngx_keepers_redis_conf_user },
    { ngx_string("password_file="), ngx_keepers_redis_conf_password },
    { ngx_string("prefix="), ngx_keepers_redis_conf_prefix },
    { ngx_string("ssl"), ngx_keepers_redis_conf_ssl },
    { ngx_string("sentinel_user="), ngx_keepers_redis_conf_sentinel_user },
    { ngx_string("sentinel_password_file="),
      ngx_keepers_redis_conf_sentinel_password },
    { ngx_null_string, NULL }
};


char *
ngx_keepers_redis_parse(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *args, ngx_uint_t n)
{
    ngx_uint_t  i, seen;

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_redis\" needs an address, "
                           "\"unix:path\", \"host:port\", "
                           "\"sentinel:NAME@host:port\" or "
                           "\"cluster:host:port\"");
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&conf->prefix, "keepers:");

    if (ngx_keepers_redis_conf_address(cf, conf, &args[0]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    seen = 0;

    for (i = 1; i < n; i++) {
        if (ngx_keepers_redis_conf_param(cf, conf, &args[i], &seen)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_keepers_redis_conf_together(cf, conf);
}


/* What one parameter wants of another. */

static char *
ngx_keepers_redis_conf_together(ngx_conf_t *cf,
    const ngx_keepers_redis_conf_t *conf)
{
    if (conf->user.len && conf->password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_redis\" has \"user=\" but no "
                           "\"password_file=\"");
        return NGX_CONF_ERROR;
    }

    if (conf->sentinel_user.len && conf->sentinel_password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_redis\" has \"sentinel_user=\" but no "
                           "\"sentinel_password_file=\"");
        return NGX_CONF_ERROR;
    }

    if (conf->sentinel_password.len && conf->sentinels_n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sentinel_password_file=\" of "
                           "\"keepers_redis\" is for an address "
                           "\"sentinel:NAME@host:port\"");
        return NGX_CONF_ERROR;
    }

    if (conf->db != 0 && conf->seeds_n) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"db=%i\" of \"keepers_redis\" is not for "
                           "\"cluster:\": a cluster has database 0 alone, "
                           "leave \"db=\" out", conf->db);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_conf_address(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    conf->address = *value;

    if (ngx_strncmp(value->data, "sentinel:", 9) == 0) {
        return ngx_keepers_redis_sentinel_parse(cf, conf, value);
    }

    if (ngx_strncmp(value->data, "cluster:", 8) == 0) {
        return ngx_keepers_redis_cluster_parse(cf, conf, value);
    }

    return ngx_keepers_redis_conf_place(cf, value, NGX_KEEPERS_REDIS_PORT,
                                        &conf->place);
}


char *
ngx_keepers_redis_conf_place(ngx_conf_t *cf, ngx_str_t *text, in_port_t port,
    ngx_keepers_redis_place_t *place)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *text;
    u.default_port = port;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in the address \"%V\" of \"keepers_redis\"",
                           u.err ? u.err : "no memory", text);
        return NGX_CONF_ERROR;
    }

    if (u.naddrs > 0) {
        place->addr = &u.addrs[0];
        ngx_str_null(&place->host);

    } else {
        place->addr = NULL;
        place->host = u.host;
    }

    place->port = u.port;

    return NGX_CONF_OK;
}


const ngx_str_t *
ngx_keepers_redis_host(const ngx_keepers_redis_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < conf->sentinels_n; i++) {
        if (conf->sentinels[i].addr == NULL) {
            return &conf->sentinels[i].host;
        }
    }

    for (i = 0; i < conf->seeds_n; i++) {
        if (conf->seeds[i].addr == NULL) {
            return &conf->seeds[i].host;
        }
    }

    return conf->place.host.len ? &conf->place.host : NULL;
}


static char *
ngx_keepers_redis_conf_param(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *arg, ngx_uint_t *seen)
{
    ngx_str_t                              value;
    ngx_uint_t                             i;
    const ngx_keepers_redis_conf_param_t  *param;

    for (i = 0; ngx_keepers_redis_conf_params[i].set != NULL; i++) {
        param = &ngx_keepers_redis_conf_params[i];

        if (arg->len < param->name.len
            || ngx_strncmp(arg->data, param->name.data, param->name.len) != 0)
        {
            continue;
        }

        if (param->name.data[param->name.len - 1] != '='
            && arg->len != param->name.len)
        {
            continue;
        }

        if (*seen & ((ngx_uint_t) 1 << i)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" stands twice in \"keepers_redis\"",
                               &param->name);
            return NGX_CONF_ERROR;
        }

        *seen |= (ngx_uint_t) 1 << i;

        value.len = arg->len - param->name.len;
        value.data = arg->data + param->name.len;

        return param->set(cf, conf, &value);
    }

    /* "password=secret" is a likely mistake: say its name, not its value */

    for (i = 0; i < arg->len && arg->data[i] != '='; i++) { /* void */ }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"keepers_redis\" knows no \"%*s\", only \"db=\", "
                       "\"user=\", \"password_file=\", \"prefix=\", "
                       "\"ssl\", \"sentinel_user=\" and "
                       "\"sentinel_password_file=\"",
                       (size_t) i, arg->data);

    return NGX_CONF_ERROR;
}


static char *
ngx_keepers_redis_conf_db(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    conf->db = ngx_atoi(value->data, value->len);

    if (conf->db == NGX_ERROR || conf->db > NGX_KEEPERS_REDIS_DB_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"db=%V\" of \"keepers_redis\" is not a number "
                           "from 0 to %d", value, NGX_KEEPERS_REDIS_DB_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_conf_user(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_keepers_redis_conf_name(cf, "user=", value, &conf->user);
}


static char *
ngx_keepers_redis_conf_sentinel_user(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value)
{
    return ngx_keepers_redis_conf_name(cf, "sentinel_user=", value,
                                       &conf->sentinel_user);
}


static char *
ngx_keepers_redis_conf_name(ngx_conf_t *cf, const char *param,
    ngx_str_t *value, ngx_str_t *name)
{
    if (value->len == 0 || value->len > NGX_KEEPERS_REDIS_USER_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" of \"keepers_redis\" has 1 to %d bytes",
                           param, NGX_KEEPERS_REDIS_USER_MAX);
        return NGX_CONF_ERROR;
    }

    *name = *value;

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_conf_password(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_keepers_redis_conf_secret(cf, "password_file=", value,
                                         &conf->password,
                                         &conf->password_path);
}


static char *
ngx_keepers_redis_conf_sentinel_password(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf, ngx_str_t *value)
{
    ngx_str_t  path;

    return ngx_keepers_redis_conf_secret(cf, "sentinel_password_file=", value,
                                         &conf->sentinel_password, &path);
}


static char *
ngx_keepers_redis_conf_secret(ngx_conf_t *cf, const char *param,
    ngx_str_t *value, ngx_str_t *secret, ngx_str_t *path)
{
    char                *rc;
    u_char               buf[NGX_KEEPERS_REDIS_SECRET_SIZE];
    size_t               len;
    ssize_t              n;
    ngx_pool_cleanup_t  *cln;

    *path = *value;

    n = ngx_keepers_file_read(cf, path, 1, "write the password into it", buf,
                              sizeof(buf));
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    rc = NGX_CONF_ERROR;
    len = ngx_keepers_redis_secret_line(buf, n);

    if (len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s%V\" of \"keepers_redis\" has to hold the "
                           "password alone, one line of 1 to %d bytes",
                           param, path,
                           NGX_KEEPERS_REDIS_PASSWORD_MAX);
        goto done;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    secret->data = (cln != NULL) ? ngx_pnalloc(cf->pool, len) : NULL;

    if (secret->data != NULL) {
        ngx_memcpy(secret->data, buf, len);
        secret->len = len;

        cln->handler = ngx_keepers_redis_conf_wipe;
        cln->data = secret;

        rc = NGX_CONF_OK;
    }

done:

    ngx_explicit_memzero(buf, sizeof(buf));

    return rc;
}


static char *
ngx_keepers_redis_conf_prefix(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        /* braces would move the hash tag, which our keys have further on */

        if (c <= 0x20 || c >= 0x7f || c == '{' || c == '}') {
            break;
        }
    }

    if (i < value->len || value->len > NGX_KEEPERS_REDIS_PREFIX_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"prefix=%V\" of \"keepers_redis\" is not at most "
                           "%d visible ASCII characters without braces",
                           value, NGX_KEEPERS_REDIS_PREFIX_MAX);
        return NGX_CONF_ERROR;
    }

    conf->prefix = *value;

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_conf_ssl(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    ngx_addr_t  *addr;

    addr = conf->place.addr;

    if (addr != NULL && addr->sockaddr->sa_family == AF_UNIX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ssl\" of \"keepers_redis\" is for "
                           "\"host:port\": on a Unix socket Redis speaks no "
                           "TLS, and nobody is on the way");
        return NGX_CONF_ERROR;
    }

    conf->ssl = 1;

    return NGX_CONF_OK;
}


static void
ngx_keepers_redis_conf_wipe(void *data)
{
    ngx_str_t  *secret;

    secret = data;

    ngx_explicit_memzero(secret->data, secret->len);
}
