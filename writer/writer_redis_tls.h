
/*
 * Copyright (C) Keepers
 *
 * TLS to Redis on a blocking socket that has time-outs.  The files are read
 * anew for each connection, so that a renewed certificate needs no restart.
 */


#ifndef _WRITER_REDIS_TLS_H_INCLUDED_
#define _WRITER_REDIS_TLS_H_INCLUDED_


#include "writer/writer_conf.h"

#include <openssl/ssl.h>


/* What the settings say; NULL: *why is the setting that cannot be right. */
SSL_CTX *writer_redis_tls_context(const writer_conf_t *conf,
    const char **why);

/* The handshake; NULL: *why says in a word why not. */
SSL *writer_redis_tls_open(const writer_conf_t *conf, int fd,
    const char **why);

/* All of it, or false. */
bool writer_redis_tls_write(SSL *ssl, const char *data, size_t len);

/* How many bytes, or 0: the connection has ended, or it is late. */
size_t writer_redis_tls_read(SSL *ssl, char *data, size_t size);


#endif /* _WRITER_REDIS_TLS_H_INCLUDED_ */
