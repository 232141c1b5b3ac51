
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_keyfile.h"

#include "core/keepers_envelope.h"


#define NGX_KEEPERS_KEYFILE_MAX  4096


static ssize_t ngx_keepers_keyfile_read(ngx_conf_t *cf, ngx_str_t *file,
    ngx_uint_t secret, u_char *buf);
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

    n = ngx_keepers_keyfile_read(cf, file, 1, buf);

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

    n = ngx_keepers_keyfile_read(cf, file, 0, buf);

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


static ssize_t
ngx_keepers_keyfile_read(ngx_conf_t *cf, ngx_str_t *file, ngx_uint_t secret,
    u_char *buf)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_str_t       *directive;
    ngx_file_info_t  info;

    directive = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" cannot open \"%V\": make it with "
                           "\"keepers-writer keygen DIRECTORY\", readable by "
                           "the user who starts nginx", &directive[0], file);
        return NGX_ERROR;
    }

    n = NGX_ERROR;

    if (ngx_fd_info(fd, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", file);

    } else if (secret && (info.st_mode & 077) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" \"%V\" holds secrets and may be read by "
                           "others (mode 0%ui%ui%ui is not 0600 or "
                           "stricter): chmod 0600 \"%V\"",
                           &directive[0], file,
                           (ngx_uint_t) (info.st_mode >> 6 & 7),
                           (ngx_uint_t) (info.st_mode >> 3 & 7),
                           (ngx_uint_t) (info.st_mode & 7), file);

    } else {
        n = ngx_read_fd(fd, buf, NGX_KEEPERS_KEYFILE_MAX);

        if (n < 0 || n == NGX_KEEPERS_KEYFILE_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, n < 0 ? ngx_errno : 0,
                               "\"%V\" \"%V\" cannot be read, or is larger "
                               "than 4095 bytes", &directive[0], file);
            n = NGX_ERROR;
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    return n;
}
