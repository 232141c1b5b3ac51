
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_keyfile.h"

#include "core/keepers_envelope.h"
#include "redis/ngx_keepers_file.h"


#define NGX_KEEPERS_KEYFILE_MAX  4096
#define NGX_KEEPERS_KEYFILE_FROM                                             \
    "make it with \"keepers-writer keygen DIRECTORY\""


static void ngx_keepers_keyfile_free(void *data);


char *
ngx_keepers_keyfile_ring(ngx_conf_t *cf, ngx_str_t *file,
    keepers_keyring_t **ring)
{
    int      rc;
    u_char   buf[NGX_KEEPERS_KEYFILE_MAX];
    size_t   line;
    ssize_t  n;

    if (keepers_keyring_init() != KEEPERS_OK) {
        return "failed: libsodium does not start";
    }

    n = ngx_keepers_file_read(cf, file, 1, NGX_KEEPERS_KEYFILE_FROM, buf,
                              sizeof(buf));

    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    rc = keepers_keyring_read(keepers_str(buf, (size_t) n), ring, &line);

    keepers_wipe(buf, sizeof(buf));

    if (rc != KEEPERS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_key_file\" \"%V\" line %uz: %s; make "
                           "one with \"keepers-writer keygen DIRECTORY\"",
                           file, line, keepers_keyring_fault(rc));
        return NGX_CONF_ERROR;
    }

    return ngx_keepers_keyfile_own(cf, *ring);
}


char *
ngx_keepers_keyfile_writer(ngx_conf_t *cf, ngx_str_t *file,
    u_char key[KEEPERS_KEY_LEN])
{
    u_char   buf[NGX_KEEPERS_KEYFILE_MAX];
    ssize_t  n;

    n = ngx_keepers_file_read(cf, file, 0, NGX_KEEPERS_KEYFILE_FROM, buf,
                              sizeof(buf));

    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (!keepers_envelope_key_read(keepers_str(buf, (size_t) n), key)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_writer_key\" \"%V\" is not one line of "
                           "base64 of 32 bytes: give the file writer.pub that "
                           "\"keepers-writer keygen DIRECTORY\" made", file);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_keepers_keyfile_own(ngx_conf_t *cf, keepers_keyring_t *ring)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL) {
        keepers_keyring_free(ring);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_keepers_keyfile_free;
    cln->data = ring;

    return NGX_CONF_OK;
}


static void
ngx_keepers_keyfile_free(void *data)
{
    keepers_keyring_free(data);
}
