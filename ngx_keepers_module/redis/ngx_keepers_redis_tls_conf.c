
/*
 * Copyright (C) Keepers
 *
 * TLS to Redis, as far as it is known at load: one context for all connections
 * of all workers, made anew with each configuration, so that a reload takes
 * new certificates.
 *
 * What is verified is part of the context: OpenSSL ends the handshake itself,
 * with an alert that the log of Redis shows, before anything of ours has left.
 * No session is kept: one that is resumed is not verified again, and a worker
 * connects rarely.
 */


#include "redis/ngx_keepers_redis_int.h"
#include "redis/ngx_keepers_file.h"


#define NGX_KEEPERS_REDIS_TLS_KEY_MAX  65536


#if (NGX_SSL)

static char *ngx_keepers_redis_tls_init_name(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf);
static char *ngx_keepers_redis_tls_init_trust(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf);
static char *ngx_keepers_redis_tls_init_own(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf);

#endif


/* The post handler of "keepers_redis_ssl_certificate_key". */

char *
ngx_keepers_redis_tls_key(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t  *path = data;

    u_char   *buf;
    ssize_t   n;

    buf = ngx_alloc(NGX_KEEPERS_REDIS_TLS_KEY_MAX, cf->log);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_keepers_file_read(cf, path, 1, "write a private key into it", buf,
                              NGX_KEEPERS_REDIS_TLS_KEY_MAX);

    ngx_explicit_memzero(buf, NGX_KEEPERS_REDIS_TLS_KEY_MAX);
    ngx_free(buf);

    return (n == NGX_ERROR) ? NGX_CONF_ERROR : NGX_CONF_OK;
}


#if (NGX_SSL)


char *
ngx_keepers_redis_tls_init(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    if (!conf->ssl) {
        if (conf->ssl_trusted.len == 0 && conf->ssl_certificate.len == 0
            && conf->ssl_key.len == 0 && conf->ssl_name.len == 0
            && conf->ssl_verify == NGX_CONF_UNSET)
        {
            return NGX_CONF_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis_ssl_...\" does nothing unless "
                      "\"keepers_redis\" ends with \"ssl\"");
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(conf->ssl_verify, 1);

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    conf->tls = ssl;

    /*
     * Each record is counted when it has left, as Redis may answer what is in
     * it; and the output moves while a write waits.
     */
    SSL_CTX_set_mode(ssl->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                               |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

#ifdef SSL_OP_NO_RENEGOTIATION
    SSL_CTX_set_options(ssl->ctx, SSL_OP_NO_RENEGOTIATION);
#endif

    if (ngx_keepers_redis_tls_init_name(cf, conf) != NGX_CONF_OK
        || ngx_keepers_redis_tls_init_trust(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_keepers_redis_tls_init_own(cf, conf);
}


/* The name that its certificate has to have: ours to say, else its address. */

static char *
ngx_keepers_redis_tls_init_name(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf)
{
    u_char            *name;
    size_t             len;
    ngx_addr_t        *addr;
    X509_VERIFY_PARAM *param;
    u_char             text[NGX_SOCKADDR_STRLEN];

    addr = conf->place.addr;

    if (conf->ssl_name.len == 0 && (conf->sentinels_n || conf->seeds_n)) {
        if (!conf->ssl_verify) {
            return NGX_CONF_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ssl\" of \"keepers_redis\" with \"%s\" "
                      "needs a \"keepers_redis_ssl_name\" that the "
                      "certificates of all %s have: %s "
                      "has no name of its own",
                      conf->seeds_n ? "cluster:" : "sentinel:",
                      conf->seeds_n ? "nodes" : "Sentinels and servers",
                      conf->seeds_n ? "whom a node names" : "who is master");
        return NGX_CONF_ERROR;
    }

    if (conf->ssl_name.len == 0 && addr == NULL) {
        conf->ssl_name = conf->place.host;

    } else if (conf->ssl_name.len == 0) {
        len = ngx_sock_ntop(addr->sockaddr, addr->socklen, text,
                            NGX_SOCKADDR_STRLEN, 0);

        conf->ssl_name.data = ngx_pnalloc(cf->pool, len);
        if (conf->ssl_name.data == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memcpy(conf->ssl_name.data, text, len);
        conf->ssl_name.len = len;
    }

    name = ngx_pnalloc(cf->pool, conf->ssl_name.len + 1);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(name, conf->ssl_name.data, conf->ssl_name.len + 1);

    param = SSL_CTX_get0_param(conf->tls->ctx);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, (char *) name) == 1) {
        return NGX_CONF_OK;
    }

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    if (X509_VERIFY_PARAM_set1_host(param, (char *) name, conf->ssl_name.len)
        != 1)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis_ssl_name %V\" cannot be a name",
                      &conf->ssl_name);
        return NGX_CONF_ERROR;
    }

    /* addresses are not sent (RFC 6066) */

    conf->ssl_sni = name;

    ERR_clear_error();

    return NGX_CONF_OK;
}


static char *
ngx_keepers_redis_tls_init_trust(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf)
{
    SSL_CTX    *ctx;
    ngx_str_t  *path;

    ctx = conf->tls->ctx;
    path = &conf->ssl_trusted;

    if (!conf->ssl_verify) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"keepers_redis_ssl_verify off\": whoever is on the "
                      "way can pass for Redis");

        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return NGX_CONF_OK;
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

    if (path->len == 0) {
        if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
            ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                          "the certificate authorities of the system cannot "
                          "be read: name a file with "
                          "\"keepers_redis_ssl_trusted_certificate\"");
            return NGX_CONF_ERROR;
        }

        ERR_clear_error();
        return NGX_CONF_OK;
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (SSL_CTX_load_verify_locations(ctx, (char *) path->data, NULL) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis_ssl_trusted_certificate\" cannot read "
                      "\"%V\": it has to hold certificates of authorities, "
                      "PEM, readable by the user who starts nginx", path);
        return NGX_CONF_ERROR;
    }

    ERR_clear_error();

    return NGX_CONF_OK;
}


/* Our certificate, for a Redis that asks for one. */

static char *
ngx_keepers_redis_tls_init_own(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf)
{
    ngx_str_t    *password;
    ngx_array_t  *passwords;

    if (conf->ssl_certificate.len == 0 && conf->ssl_key.len == 0) {
        return NGX_CONF_OK;
    }

    if (conf->ssl_certificate.len == 0 || conf->ssl_key.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis_ssl_certificate\" and "
                      "\"keepers_redis_ssl_certificate_key\" go together");
        return NGX_CONF_ERROR;
    }

    /* else OpenSSL asks a terminal that a reload does not have */

    passwords = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    password = (passwords != NULL) ? ngx_array_push(passwords) : NULL;

    if (password == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(password, "");

    if (ngx_ssl_certificate(cf, conf->tls, &conf->ssl_certificate,
                            &conf->ssl_key, passwords)
        == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"keepers_redis_ssl_certificate %V\" and "
                  "\"keepers_redis_ssl_certificate_key %V\" have to be a "
                  "certificate, PEM, and its key, without a password",
                  &conf->ssl_certificate, &conf->ssl_key);

    return NGX_CONF_ERROR;
}


#else


char *
ngx_keepers_redis_tls_init(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf)
{
    if (!conf->ssl && conf->ssl_trusted.len == 0
        && conf->ssl_certificate.len == 0 && conf->ssl_key.len == 0
        && conf->ssl_name.len == 0 && conf->ssl_verify == NGX_CONF_UNSET)
    {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"ssl\" of \"keepers_redis\", and "
                  "\"keepers_redis_ssl_...\", need a module that was built "
                  "with OpenSSL: configure it with --with-http_ssl_module");

    return NGX_CONF_ERROR;
}


#endif
