
/*
 * Copyright (C) Keepers
 *
 * The arguments of "keepers_redis".  Never touches the network: a name is
 * resolved by the worker, when it connects.
 */


#include "redis/ngx_keepers_redis_int.h"
#include "redis/ngx_keepers_file.h"


#define NGX_KEEPERS_REDIS_PORT          6379
#define NGX_KEEPERS_REDIS_DB_MAX        65535
#define NGX_KEEPERS_REDIS_USER_MAX      128
#define NGX_KEEPERS_REDIS_PASSWORD_MAX  512


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
static void ngx_keepers_redis_conf_wipe(void *data);


static const ngx_keepers_redis_conf_param_t
    ngx_keepers_redis_conf_params[] =
{
    { ngx_string("db="), ngx_keepers_redis_conf_db },
    { ngx_string("user="), ngx_keepers_redis_conf_user },
    { ngx_string("password_file="), ngx_keepers_redis_conf_password },
    { ngx_string("prefix="), ngx_keepers_redis_conf_prefix },
    { ngx_string("ssl"), ngx_keepers_redis_conf_ssl },
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
                           "\"unix:path\" or \"host:port\"");
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

    if (conf->user.len && conf->password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_redis\" has \"user=\" but no "
                           "\"password_file=\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_conf_address(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    ngx_url_t  u;

    if (ngx_strncmp(value->data, "sentinel:", 9) == 0
        || ngx_strncmp(value->data, "cluster:", 8) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_redis\" knows no \"sentinel:\" and no "
                           "\"cluster:\" yet, only \"unix:path\" and "
                           "\"host:port\"");
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *value;
    u.default_port = NGX_KEEPERS_REDIS_PORT;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in the address \"%V\" of \"keepers_redis\"",
                           u.err ? u.err : "no memory", value);
        return NGX_CONF_ERROR;
    }

    conf->address = *value;

    if (u.naddrs > 0) {
        conf->addr = &u.addrs[0];
        ngx_str_null(&conf->host);

    } else {
        conf->addr = NULL;
        conf->host = u.host;
    }

    conf->port = u.port;

    return NGX_CONF_OK;
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
                       "\"user=\", \"password_file=\", \"prefix=\" and "
                       "\"ssl\"",
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
    if (value->len == 0 || value->len > NGX_KEEPERS_REDIS_USER_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"user=\" of \"keepers_redis\" has 1 to %d bytes",
                           NGX_KEEPERS_REDIS_USER_MAX);
        return NGX_CONF_ERROR;
    }

    conf->user = *value;

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_conf_password(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *value)
{
    char                *rc;
    size_t               len;
    ssize_t              n;
    ngx_str_t            path;
    ngx_pool_cleanup_t  *cln;

    /* with the end of its line, and one more, which shows one too long */
    u_char               buf[NGX_KEEPERS_REDIS_PASSWORD_MAX + 3];

    path = *value;

    n = ngx_keepers_file_read(cf, &path, 1, "write the password into it", buf,
                              sizeof(buf));
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    rc = NGX_CONF_ERROR;
    len = n;

    if (len > 0 && buf[len - 1] == LF) {
        len--;
    }

    if (len > 0 && buf[len - 1] == CR) {
        len--;
    }

    if (len == 0
        || len > NGX_KEEPERS_REDIS_PASSWORD_MAX
        || ngx_strlchr(buf, buf + len, LF) != NULL
        || ngx_strlchr(buf, buf + len, '\0') != NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"password_file=%V\" of \"keepers_redis\" has "
                           "to hold the password alone, one line of "
                           "1 to %d bytes", &path,
                           NGX_KEEPERS_REDIS_PASSWORD_MAX);
        goto done;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    conf->password.data = (cln != NULL) ? ngx_pnalloc(cf->pool, len) : NULL;

    if (conf->password.data != NULL) {
        ngx_memcpy(conf->password.data, buf, len);
        conf->password.len = len;

        cln->handler = ngx_keepers_redis_conf_wipe;
        cln->data = conf;

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
    if (conf->addr != NULL && conf->addr->sockaddr->sa_family == AF_UNIX) {
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
    ngx_keepers_redis_conf_t  *conf;

    conf = data;

    ngx_explicit_memzero(conf->password.data, conf->password.len);
}
