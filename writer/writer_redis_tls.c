
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_tls.h"

#include <arpa/inet.h>
#include <limits.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>


static bool writer_redis_tls_name(SSL_CTX *ctx, const char *name);
static bool writer_redis_tls_trust(SSL_CTX *ctx, const writer_conf_t *conf);
static bool writer_redis_tls_own(SSL_CTX *ctx, const writer_conf_t *conf);
static int writer_redis_tls_password(char *buf, int size, int writes,
    void *data);
static const char *writer_redis_tls_expected(const writer_conf_t *conf);
static const char *writer_redis_tls_why(const SSL *ssl);


SSL_CTX *
writer_redis_tls_context(const writer_conf_t *conf, const char **why)
{
    SSL_CTX  *ctx;

    *why = NULL;

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        *why = "tls";
        return NULL;
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, writer_redis_tls_password);

    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
        *why = "tls";

    } else if (!writer_redis_tls_name(ctx, writer_redis_tls_expected(conf))) {
        *why = "tls_name";

    } else if (!writer_redis_tls_trust(ctx, conf)) {
        *why = "tls_ca";

    } else if (!writer_redis_tls_own(ctx, conf)) {
        *why = "tls_cert and tls_key";
    }

    ERR_clear_error();

    if (*why != NULL) {
        SSL_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


/* A name, or an address. */
static bool
writer_redis_tls_name(SSL_CTX *ctx, const char *name)
{
    X509_VERIFY_PARAM  *param;

    param = SSL_CTX_get0_param(ctx);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1) {
        return true;
    }

    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    return name[0] != '\0' && X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}


static bool
writer_redis_tls_trust(SSL_CTX *ctx, const writer_conf_t *conf)
{
    if (conf->redis_tls_ca[0] == '\0') {
        return SSL_CTX_set_default_verify_paths(ctx) == 1;
    }

    return SSL_CTX_load_verify_locations(ctx, conf->redis_tls_ca, NULL) == 1;
}


static bool
writer_redis_tls_own(SSL_CTX *ctx, const writer_conf_t *conf)
{
    struct stat  st;

    if (conf->redis_tls_cert[0] == '\0' && conf->redis_tls_key[0] == '\0') {
        return true;
    }

    return stat(conf->redis_tls_key, &st) == 0
           && (st.st_mode & 077) == 0
           && SSL_CTX_use_certificate_chain_file(ctx, conf->redis_tls_cert)
              == 1
           && SSL_CTX_use_PrivateKey_file(ctx, conf->redis_tls_key,
                                          SSL_FILETYPE_PEM)
              == 1
           && SSL_CTX_check_private_key(ctx) == 1;
}


/* Else OpenSSL asks a terminal. */
static int
writer_redis_tls_password(char *buf, int size, int writes, void *data)
{
    (void) buf;
    (void) size;
    (void) writes;
    (void) data;

    return 0;
}


static const char *
writer_redis_tls_expected(const writer_conf_t *conf)
{
    return conf->redis_tls_name[0] != '\0' ? conf->redis_tls_name
                                           : conf->redis_host;
}


SSL *
writer_redis_tls_open(const writer_conf_t *conf, int fd, const char **why)
{
    SSL            *ssl;
    SSL_CTX        *ctx;
    const char     *name;
    unsigned char   address[sizeof(struct in6_addr)];

    ctx = writer_redis_tls_context(conf, why);
    if (ctx == NULL) {
        return NULL;
    }

    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);

    *why = "tls";

    if (ssl == NULL) {
        return NULL;
    }

    name = writer_redis_tls_expected(conf);

    /* addresses are not sent (RFC 6066) */

    if (SSL_set_fd(ssl, fd) == 1
        && (inet_pton(AF_INET, name, address) == 1
            || inet_pton(AF_INET6, name, address) == 1
            || SSL_set_tlsext_host_name(ssl, name) == 1))
    {
        if (SSL_connect(ssl) == 1) {
            *why = NULL;
            ERR_clear_error();
            return ssl;
        }

        *why = writer_redis_tls_why(ssl);
    }

    ERR_clear_error();
    SSL_free(ssl);

    return NULL;
}


static const char *
writer_redis_tls_why(const SSL *ssl)
{
    switch (SSL_get_verify_result(ssl)) {

    case X509_V_OK:
        return "tls_handshake";

    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "certificate_expired";

    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "certificate_of_another_name";

    default:
        return "certificate_not_trusted";
    }
}


bool
writer_redis_tls_write(SSL *ssl, const char *data, size_t len)
{
    int  n;

    while (len > 0) {
        ERR_clear_error();

        n = SSL_write(ssl, data, len > INT_MAX ? INT_MAX : (int) len);

        if (n <= 0) {
            ERR_clear_error();
            return false;
        }

        data += n;
        len -= (size_t) n;
    }

    return true;
}


size_t
writer_redis_tls_read(SSL *ssl, char *data, size_t size)
{
    int  n;

    ERR_clear_error();

    n = SSL_read(ssl, data, size > INT_MAX ? INT_MAX : (int) size);

    ERR_clear_error();

    return n > 0 ? (size_t) n : 0;
}
