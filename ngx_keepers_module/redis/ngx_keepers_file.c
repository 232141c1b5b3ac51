
/*
 * Copyright (C) Keepers
 */


#include "redis/ngx_keepers_file.h"


static ngx_int_t ngx_keepers_file_check(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t secret, ngx_fd_t fd);


ssize_t
ngx_keepers_file_read(ngx_conf_t *cf, ngx_str_t *path, ngx_uint_t secret,
    const char *advice, u_char *buf, size_t size)
{
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_str_t  *directive;

    directive = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    /* nobody may have opened the other end of what is a pipe */

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" cannot open \"%V\": %s, readable by the "
                           "user who starts nginx", &directive[0], path,
                           advice);
        return NGX_ERROR;
    }

    n = NGX_ERROR;

    if (ngx_keepers_file_check(cf, path, secret, fd) == NGX_OK) {
        n = ngx_read_fd(fd, buf, size);

        if (n < 0 || (size_t) n == size) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, n < 0 ? ngx_errno : 0,
                               "\"%V\" \"%V\" cannot be read, or is larger "
                               "than %uz bytes", &directive[0], path,
                               size - 1);
            n = NGX_ERROR;
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    return n;
}


/* NGX_OK, NGX_ERROR: it has been logged. */

static ngx_int_t
ngx_keepers_file_check(ngx_conf_t *cf, ngx_str_t *path, ngx_uint_t secret,
    ngx_fd_t fd)
{
    ngx_str_t        *directive;
    ngx_uint_t        mode;
    ngx_file_info_t   fi;

    directive = cf->args->elts;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" \"%V\" is not a file",
                           &directive[0], path);
        return NGX_ERROR;
    }

    mode = ngx_file_access(&fi);

    if (secret && (mode & 077) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" \"%V\" holds secrets and may be read by "
                           "others (mode 0%ui%ui%ui is not 0600 or "
                           "stricter): chmod 0600 \"%V\"",
                           &directive[0], path, mode >> 6 & 7, mode >> 3 & 7,
                           mode & 7, path);
        return NGX_ERROR;
    }

    return NGX_OK;
}
