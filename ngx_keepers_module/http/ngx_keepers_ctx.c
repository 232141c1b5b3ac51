
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_ctx.h"

#include "core/keepers_keyring.h"
#include "http/ngx_keepers_conf.h"


static void ngx_keepers_ctx_cleanup(void *data);


ngx_keepers_ctx_t *
ngx_keepers_ctx_get(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t   *ctx;
    ngx_pool_cleanup_t  *cln;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx != NULL) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_keepers_ctx_t));

    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;

    ngx_memzero(ctx, sizeof(ngx_keepers_ctx_t));

    ctx->redis_ms = -1;

    cln->handler = ngx_keepers_ctx_cleanup;

    ngx_http_set_ctx(r->main, ctx, ngx_http_keepers_module);

    return ctx;
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
            ngx_http_set_ctx(r, cln->data, ngx_http_keepers_module);
            return cln->data;
        }
    }

    return NULL;
}


static void
ngx_keepers_ctx_cleanup(void *data)
{
    keepers_wipe(data, sizeof(ngx_keepers_ctx_t));
}
