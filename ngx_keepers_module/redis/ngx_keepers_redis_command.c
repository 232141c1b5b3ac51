
/*
 * Copyright (C) Keepers
 *
 * Commands as RESP has them:
 *
 *   "*" arguments CRLF, then for each  "$" length CRLF bytes CRLF
 *
 * Written by us, for redisFormatCommandArgv() allocates each command and
 * prints each length by a format: 3,200 instructions a MGET instead of 370.
 * See docs/decisions/0010-redis-commands-are-written-by-us.md.
 */


#include "redis/ngx_keepers_redis_int.h"


/* marks and line ends around an argument, and around the count of them */
#define NGX_KEEPERS_REDIS_FRAME  (1 + NGX_SIZE_T_LEN + 2 + 2)


static u_char *ngx_keepers_redis_command_number(u_char *p, u_char mark,
    size_t n);


/* An upper bound: numbers are taken to be as long as they can be. */

size_t
ngx_keepers_redis_command_size(const ngx_keepers_redis_command_t *command)
{
    size_t      size;
    ngx_uint_t  i;

    size = NGX_KEEPERS_REDIS_FRAME + command->head.len + command->tail.len;

    for (i = 0; i < command->argc; i++) {
        size += NGX_KEEPERS_REDIS_FRAME + command->argv[i].len;
    }

    return size;
}


/* Returns the end of what it wrote. */

u_char *
ngx_keepers_redis_command_encode(u_char *p,
    const ngx_keepers_redis_command_t *command)
{
    ngx_uint_t            i;
    const keepers_str_t  *argv;

    argv = command->argv;

    p = ngx_keepers_redis_command_number(p, '*',
                                         command->headed + command->argc
                                         + command->tailed);

    if (command->headed) {
        p = ngx_cpymem(p, command->head.data, command->head.len);
    }

    for (i = 0; i < command->argc; i++) {
        p = ngx_keepers_redis_command_number(p, '$', argv[i].len);

        if (argv[i].len == 1) {
            *p++ = argv[i].data[0];

        } else if (argv[i].len) {
            p = ngx_cpymem(p, argv[i].data, argv[i].len);
        }

        *p++ = CR;
        *p++ = LF;
    }

    if (command->tailed) {
        p = ngx_cpymem(p, command->tail.data, command->tail.len);
    }

    return p;
}


static ngx_inline u_char *
ngx_keepers_redis_command_number(u_char *p, u_char mark, size_t n)
{
    u_char  digits[NGX_SIZE_T_LEN], *d;

    *p++ = mark;

    if (n < 100) {

        /* nearly always */

        if (n > 9) {
            *p++ = (u_char) ('0' + n / 10);
        }

        *p++ = (u_char) ('0' + n % 10);

    } else {
        d = digits + sizeof(digits);

        do {
            *--d = (u_char) ('0' + n % 10);
            n /= 10;
        } while (n);

        p = ngx_cpymem(p, d, digits + sizeof(digits) - d);
    }

    *p++ = CR;
    *p++ = LF;

    return p;
}


/* A command that is sent often, encoded once.  NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_command_format(ngx_pool_t *pool, const keepers_str_t *argv,
    ngx_uint_t argc, ngx_str_t *text)
{
    ngx_keepers_redis_command_t  command;

    ngx_memzero(&command, sizeof(command));

    command.argv = argv;
    command.argc = argc;

    text->data = ngx_pnalloc(pool, ngx_keepers_redis_command_size(&command));
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_keepers_redis_command_encode(text->data, &command)
                - text->data;

    return NGX_OK;
}
