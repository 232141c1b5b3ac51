
/*
 * Copyright (C) Keepers
 *
 * The password of Redis, and what is done when Redis refuses it: an operator
 * may have changed it there, and in its file.
 *
 * That is read once more, the one file that a worker ever reads.  It is local,
 * of some bytes, and asked for at most once a second and worker, while Redis
 * is of no use to anybody.  A file that only root may read needs a reload: the
 * master reads it then.
 */


#include "redis/ngx_keepers_redis_int.h"


#define NGX_KEEPERS_REDIS_SECRET_MS  1000


static ssize_t ngx_keepers_redis_secret_read(ngx_keepers_redis_t *redis,
    u_char *buf, size_t size);
static ngx_int_t ngx_keepers_redis_secret_take(ngx_keepers_redis_t *redis,
    const u_char *password, size_t len);


size_t
ngx_keepers_redis_secret_line(u_char *buf, size_t len)
{
    if (len > 0 && buf[len - 1] == LF) {
        len--;
    }

    if (len > 0 && buf[len - 1] == CR) {
        len--;
    }

    if (len > NGX_KEEPERS_REDIS_PASSWORD_MAX
        || ngx_strlchr(buf, buf + len, LF) != NULL
        || ngx_strlchr(buf, buf + len, '\0') != NULL)
    {
        return 0;
    }

    return len;
}


void
ngx_keepers_redis_secret_again(ngx_keepers_redis_t *redis)
{
    u_char   buf[NGX_KEEPERS_REDIS_SECRET_SIZE];
    size_t   len;
    ssize_t  n;

    if (redis->conf->password_path.len == 0
        || (redis->secret_read
            && ngx_current_msec - redis->secret_ms
               < NGX_KEEPERS_REDIS_SECRET_MS))
    {
        return;
    }

    redis->secret_read = 1;
    redis->secret_ms = ngx_current_msec;

    n = ngx_keepers_redis_secret_read(redis, buf, sizeof(buf));

    if (n < 0) {

        if (!redis->secret_told) {
            redis->secret_told = 1;

            ngx_log_error(NGX_LOG_ERR, redis->log, ngx_errno,
                          "keepers: Redis \"%V\" refuses the password, and a "
                          "worker cannot read \"%V\" again: reload nginx once "
                          "the right one is in there",
                          &redis->conf->address, &redis->conf->password_path);
        }

        return;
    }

    redis->secret_told = 0;
    len = ngx_keepers_redis_secret_line(buf, n);

    if (len != 0
        && (len != redis->password.len
            || ngx_memcmp(buf, redis->password.data, len) != 0)
        && ngx_keepers_redis_secret_take(redis, buf, len) == NGX_OK)
    {
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "keepers: the password of Redis \"%V\" was read again",
                      &redis->conf->address);
    }

    ngx_explicit_memzero(buf, sizeof(buf));
}


/* The bytes of the file; -1: it cannot be read, or others may. */

static ssize_t
ngx_keepers_redis_secret_read(ngx_keepers_redis_t *redis, u_char *buf,
    size_t size)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(redis->conf->password_path.data,
                       NGX_FILE_RDONLY|NGX_FILE_NONBLOCK, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return -1;
    }

    n = -1;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
        && ngx_is_file(&fi)
        && (ngx_file_access(&fi) & 077) == 0)
    {
        n = ngx_read_fd(fd, buf, size);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, redis->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed",
                      &redis->conf->password_path);
    }

    return n;
}


/*
 * What connections begin with is encoded anew.  The old text stays in the
 * pool, for one of them may be in the midst of it: a password is not changed
 * often.
 */

static ngx_int_t
ngx_keepers_redis_secret_take(ngx_keepers_redis_t *redis,
    const u_char *password, size_t len)
{
    ngx_memcpy(redis->secret, password, len);

    redis->password.data = redis->secret;
    redis->password.len = len;

    return ngx_keepers_redis_hello_init(redis);
}
