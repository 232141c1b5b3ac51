
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_ctx.h"

#include "core/keepers_keyring.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_live.h"
#include "http/ngx_keepers_rivals.h"


/* What the cleanup holds: the context, and how the connection logged. */
typedef struct {
    ngx_keepers_ctx_t    ctx;
    ngx_connection_t    *connection;
    ngx_log_handler_pt   log_handler;
} ngx_keepers_ctx_kept_t;


static u_char *ngx_keepers_ctx_log(ngx_log_t *log, u_char *buf, size_t len);
static void ngx_keepers_ctx_cleanup(void *data);


ngx_keepers_ctx_t *
ngx_keepers_ctx_get(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t       *ctx;
    ngx_pool_cleanup_t      *cln;
    ngx_keepers_ctx_kept_t  *kept;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx != NULL) {
        return ctx;
    }

    kept = ngx_pcalloc(r->pool, sizeof(ngx_keepers_ctx_kept_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (kept == NULL || cln == NULL) {
        return NULL;
    }

    kept->ctx.redis_ms = -1;
    kept->connection = r->connection;
    kept->log_handler = r->connection->log->handler;

    r->connection->log->handler = ngx_keepers_ctx_log;

    cln->handler = ngx_keepers_ctx_cleanup;
    cln->data = kept;

    ngx_http_set_ctx(r->main, &kept->ctx, ngx_http_keepers_module);

    return &kept->ctx;
}


ngx_keepers_ctx_t *
ngx_keepers_ctx_find(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t   *ctx;
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keepers_module);

    if (ctx != NULL) {
        return ctx;
    }

    /* an internal redirect wipes contexts, but not cleanups */

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {

        if (cln->handler == ngx_keepers_ctx_cleanup) {
            ctx = &((ngx_keepers_ctx_kept_t *) cln->data)->ctx;
            ngx_http_set_ctx(r, ctx, ngx_http_keepers_module);

            return ctx;
        }
    }

    return NULL;
}


/*
 * nginx's own messages (an upstream that is away, a file that is missing)
 * append client, request line, host and referrer.  In a request of ours they
 * say what was done, where to, and nothing of who asked.
 */

static u_char *
ngx_keepers_ctx_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char               *p;
    ngx_http_request_t   *r;
    ngx_http_log_ctx_t   *ctx;
    ngx_http_upstream_t  *u;

    p = buf;

    if (log->action != NULL) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    ctx = log->data;
    r = ctx->current_request != NULL ? ctx->current_request : ctx->request;
    u = r != NULL ? r->upstream : NULL;

    if (u != NULL && u->peer.name != NULL) {
        p = ngx_snprintf(buf, len, ", upstream: %V", u->peer.name);
    }

    return p;
}


static void
ngx_keepers_ctx_cleanup(void *data)
{
    ngx_keepers_cookies_t   *cookies;
    ngx_keepers_ctx_kept_t  *kept;

    kept = data;

    ngx_keepers_live_leave(&kept->ctx);

    kept->connection->log->handler = kept->log_handler;

    /* where the client's bytes are: nginx gives that memory back as it is */

    for (cookies = kept->ctx.cookies; cookies != NULL; cookies = cookies->next)
    {
        keepers_wipe((u_char *) cookies->line.data, cookies->line.len);
    }

    if (kept->ctx.bearers != 0) {
        keepers_wipe((u_char *) kept->ctx.bearer.data,
                     kept->ctx.bearer.len);
    }

    if (kept->ctx.rivals != NULL) {
        ngx_keepers_rivals_wipe(kept->ctx.rivals);
    }

    /* what only says how long it has run is no secret */

    keepers_wipe(&kept->ctx, offsetof(ngx_keepers_ctx_t, live));
}
