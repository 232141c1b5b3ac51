
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_log.h"


#define NGX_KEEPERS_LOG_LEN  512


void
ngx_keepers_log(ngx_uint_t level, ngx_http_request_t *r, const char *fmt, ...)
{
    u_char      *p;
    u_char       text[NGX_KEEPERS_LOG_LEN];
    va_list      args;
    ngx_log_t   *log, plain;

    log = r->connection->log;

    if (log->log_level < level) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    /*
     * A copy without the handler that would append the client's address and
     * its request line; the connection's number stays.
     */

    plain = *log;
    plain.handler = NULL;
    plain.action = NULL;

    ngx_log_error(level, &plain, 0, "keepers: %*s",
                  (size_t) (p - text), text);
}
