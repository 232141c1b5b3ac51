
/*
 * Copyright (C) Keepers
 *
 * TLS on one connection: the handshake, between connect() and the hello, and
 * its end.  Within the time of "keepers_redis_connect_timeout", which began
 * with connect().
 *
 * nginx's own functions say that a handshake failed, to a log that is quiet
 * here; what an operator must mend is in the result of the verification and
 * in the alert that Redis has sent.
 */


#include "redis/ngx_keepers_redis_int.h"


#if (NGX_SSL)


#define NGX_KEEPERS_REDIS_TLS_POOL  256


static void ngx_keepers_redis_tls_done(ngx_connection_t *c);
static ngx_keepers_redis_fault_e ngx_keepers_redis_tls_fault(
    ngx_keepers_redis_conn_t *conn);
static ngx_keepers_redis_fault_e ngx_keepers_redis_tls_distrust(long rc);
static void ngx_keepers_redis_tls_heard(const SSL *ssl, int where, int value);


void
ngx_keepers_redis_tls_begin(ngx_keepers_redis_conn_t *conn)
{
    ngx_connection_t                *c;
    const ngx_keepers_redis_conf_t  *conf;

    c = conn->connection;
    conf = conn->redis->conf;

    conn->state = NGX_KEEPERS_REDIS_HANDSHAKE;

    /* nginx takes the memory of its side from here */

    c->pool = ngx_create_pool(NGX_KEEPERS_REDIS_TLS_POOL, c->log);

    if (c->pool == NULL
        || ngx_ssl_create_connection(conf->tls, c, NGX_SSL_CLIENT) != NGX_OK)
    {
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_MEMORY);
        return;
    }

    if (conf->ssl_sni != NULL
        && SSL_set_tlsext_host_name(c->ssl->connection, (char *) conf->ssl_sni)
           == 0)
    {
        ERR_clear_error();
        ngx_keepers_redis_breaker_lost(conn, NGX_KEEPERS_REDIS_FAULT_MEMORY);
        return;
    }

    SSL_set_info_callback(c->ssl->connection, ngx_keepers_redis_tls_heard);

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_keepers_redis_tls_done;
        return;
    }

    ngx_keepers_redis_tls_done(c);
}


static void
ngx_keepers_redis_tls_done(ngx_connection_t *c)
{
    ngx_keepers_redis_conn_t  *conn;

    conn = c->data;

    if (!c->ssl->handshaked) {
        ngx_keepers_redis_breaker_lost(conn, ngx_keepers_redis_tls_fault(conn));
        return;
    }

    ngx_keepers_redis_conn_hello(conn);

    /* what OpenSSL has read already is no event any more */

    (void) ngx_keepers_redis_conn_receive(conn);
}


/* Why the handshake failed. */

static ngx_keepers_redis_fault_e
ngx_keepers_redis_tls_fault(ngx_keepers_redis_conn_t *conn)
{
    long               rc;
    ngx_connection_t  *c;

    c = conn->connection;
    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK && conn->redis->conf->ssl_verify) {
        return ngx_keepers_redis_tls_distrust(rc);
    }

    if (conn->refused) {
        return NGX_KEEPERS_REDIS_FAULT_TLS_REFUSED;
    }

    /* "error" is for what is not TLS, or not one that we take */

    return c->read->error ? NGX_KEEPERS_REDIS_FAULT_TLS_HANDSHAKE
                          : NGX_KEEPERS_REDIS_FAULT_TLS_CLOSED;
}


static ngx_keepers_redis_fault_e
ngx_keepers_redis_tls_distrust(long rc)
{
    switch (rc) {

    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return NGX_KEEPERS_REDIS_FAULT_TLS_EXPIRED;

    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return NGX_KEEPERS_REDIS_FAULT_TLS_NAME;

    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return NGX_KEEPERS_REDIS_FAULT_TLS_UNKNOWN;

    default:
        return NGX_KEEPERS_REDIS_FAULT_TLS_CERTIFICATE;
    }
}


/* Redis has sent an alert: in TLS 1.3 long after the handshake, for us. */

static void
ngx_keepers_redis_tls_heard(const SSL *ssl, int where, int value)
{
    ngx_connection_t          *c;
    ngx_keepers_redis_conn_t  *conn;

    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT) {
        return;
    }

    c = ngx_ssl_get_connection((ngx_ssl_conn_t *) ssl);
    conn = c->data;

    switch (value & 0xff) {

    case 41:    /* no certificate (SSL 3.0, and still sent) */
    case 42:    /* bad certificate */
    case 43:    /* unsupported certificate */
    case 44:    /* certificate revoked */
    case 45:    /* certificate expired */
    case 46:    /* certificate unknown */
    case 48:    /* unknown CA */
    case 49:    /* access denied */
    case 116:   /* certificate required */
        conn->refused = 1;
        break;
    }
}


/*
 * Before the socket is closed.  Without a word to Redis: what is complete RESP
 * needs no end, and the socket may be full.
 */

void
ngx_keepers_redis_tls_end(ngx_connection_t *c)
{
    if (c->ssl != NULL) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

    if (c->pool != NULL) {
        ngx_destroy_pool(c->pool);
        c->pool = NULL;
    }
}


#endif
