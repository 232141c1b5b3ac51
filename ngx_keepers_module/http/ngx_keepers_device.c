
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_device.h"

#include "core/keepers_cookie.h"
#include "core/keepers_email.h"
#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


/* A browser sends one; a sibling domain may have planted some. */
#define NGX_KEEPERS_DEVICE_TRIES     8

/* Who signs in at least each half year stays known; not a cookie each time. */
#define NGX_KEEPERS_DEVICE_FRESH_MS  (30 * 86400000ull)


static ngx_int_t ngx_keepers_device_account(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, keepers_str_t typed);
static void ngx_keepers_device_find(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx);


ngx_int_t
ngx_keepers_device_read(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    keepers_str_t typed)
{
    if (ngx_keepers_device_account(r, ctx, typed) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_keepers_device_find(r, ctx);

    return NGX_OK;
}


/*
 * As the writer looks it up: two spellings of one account have one budget.
 * What is no address is no account, and counts as it is.
 */

static ngx_int_t
ngx_keepers_device_account(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    keepers_str_t typed)
{
    bool           eai;
    u_char        *p, stored[KEEPERS_EMAIL_LEN_MAX];
    keepers_out_t  address, key;

    ctx->account = typed;

    keepers_out_init(&address, stored, sizeof(stored));

    if (keepers_email_read(typed, &address, &eai) == KEEPERS_OK) {
        p = ngx_keepers_secret_alloc(r, KEEPERS_EMAIL_LEN_MAX);

        if (p != NULL) {
            keepers_out_init(&key, p, KEEPERS_EMAIL_LEN_MAX);
            keepers_email_key(keepers_out_written(&address), &key);
            ctx->account = keepers_out_written(&key);
        }

        keepers_wipe(stored, sizeof(stored));

        return p != NULL ? NGX_OK : NGX_ERROR;
    }

    keepers_wipe(stored, sizeof(stored));

    return NGX_OK;
}


static void
ngx_keepers_device_find(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    size_t                  pos;
    ngx_uint_t              tries;
    keepers_str_t           name, value;
    ngx_keepers_cookies_t  *line;

    name = ngx_keepers_from(ngx_keepers_loc_conf(r)->cookie_device);
    tries = 0;

    for (line = ctx->cookies; line != NULL; line = line->next) {
        pos = 0;

        while (keepers_cookie_next(line->line, name, &pos, &value)) {

            if (keepers_device_read(ngx_keepers_main_conf(r)->edge,
                                    ctx->account, value, ngx_keepers_now_ms(),
                                    &ctx->device_ms, ctx->device)
                == KEEPERS_OK)
            {
                ctx->device_known = 1;
                return;
            }

            if (++tries == NGX_KEEPERS_DEVICE_TRIES) {
                return;
            }
        }
    }
}


ngx_int_t
ngx_keepers_device_remember(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    u_char                   text[KEEPERS_DEVICE_LEN];
    uint64_t                 now_ms;
    keepers_out_t            out;

    now_ms = ngx_keepers_now_ms();

    if (!ctx->device_known) {
        keepers_random(ctx->device, KEEPERS_DEVICE_ID_LEN);

    } else if (ctx->device_ms + NGX_KEEPERS_DEVICE_FRESH_MS > now_ms) {
        return NGX_OK;
    }

    keepers_out_init(&out, text, sizeof(text));

    keepers_device_write(ngx_keepers_main_conf(r)->edge, ctx->account, now_ms,
                         ctx->device, &out);

    return ngx_keepers_reply_cookie_named(r,
                                     ngx_keepers_loc_conf(r)->cookie_device,
                                     keepers_out_written(&out),
                                     KEEPERS_DEVICE_LIFE_S);
}
