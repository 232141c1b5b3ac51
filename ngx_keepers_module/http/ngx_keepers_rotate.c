
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_rotate.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_end.h"
#include "http/ngx_keepers_recent.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


/* ARGV of the script, behind its three keys. */
typedef enum {
    NGX_KEEPERS_ROTATE_RECORD = 3,
    NGX_KEEPERS_ROTATE_LIFE,
    NGX_KEEPERS_ROTATE_EXPIRY,
    NGX_KEEPERS_ROTATE_SID,
    NGX_KEEPERS_ROTATE_OLD_SID,
    NGX_KEEPERS_ROTATE_OLD_RECORD,
    NGX_KEEPERS_ROTATE_GRACE,
    NGX_KEEPERS_ROTATE_LEN,
    NGX_KEEPERS_ROTATE_CHANNEL,
    NGX_KEEPERS_ROTATE_MESSAGE,
    NGX_KEEPERS_ROTATE_LEFT,
    NGX_KEEPERS_ROTATE_ARGS
} ngx_keepers_rotate_arg_e;


/* Room for each of them: a key or a record is the longest. */
#define NGX_KEEPERS_ROTATE_ARG_LEN  160

_Static_assert(NGX_KEEPERS_ROTATE_ARG_LEN >= NGX_KEEPERS_KEY_LEN
               && NGX_KEEPERS_ROTATE_ARG_LEN
                  >= KEEPERS_SESSION_ROTATED_SEALED_LEN, "room");


static ngx_int_t ngx_keepers_rotate_records(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_ctx_t *ctx, ngx_keepers_mint_t *mint,
    keepers_out_t *out);
static ngx_int_t ngx_keepers_rotate_old(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_ctx_t *ctx, const ngx_keepers_mint_t *mint,
    keepers_str_t key, keepers_out_t *sealed);
static ngx_int_t ngx_keepers_rotate_done(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_rotate_minted(ngx_http_request_t *r,
    ngx_keepers_mint_t *mint, ngx_int_t rc);


ngx_int_t
ngx_keepers_rotate(ngx_http_request_t *r, ngx_keepers_mint_t *mint)
{
    u_char                    texts[NGX_KEEPERS_ROTATE_ARGS]
                                   [NGX_KEEPERS_ROTATE_ARG_LEN];
    uint64_t                  left_ms, now_ms;
    ngx_int_t                 rc;
    ngx_uint_t                i;
    keepers_out_t             out[NGX_KEEPERS_ROTATE_ARGS];
    keepers_str_t             argv[NGX_KEEPERS_ROTATE_ARGS];
    ngx_keepers_ctx_t        *ctx;
    ngx_keepers_wait_t       *wait;
    ngx_keepers_main_conf_t  *kmcf;

    ctx = ngx_keepers_ctx_find(r);
    kmcf = ngx_keepers_main_conf(r);

    wait = ngx_keepers_wait_create(r, 1, 32);

    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->data = mint;

    ngx_keepers_mint_token(r, mint);

    now_ms = ngx_keepers_now_ms();

    if (mint->session.absolute_ms <= now_ms) {
        return mint->done(r, mint, NGX_DECLINED);
    }

    if (ngx_memcmp(mint->tag, ctx->tag, KEEPERS_TAG_LEN) != 0) {
        mint->rotated = mint->done;
        mint->done = ngx_keepers_rotate_minted;

        return ngx_keepers_mint(r, mint);
    }

    left_ms = mint->session.absolute_ms - now_ms;

    for (i = 0; i < NGX_KEEPERS_ROTATE_ARGS; i++) {
        keepers_out_init(&out[i], texts[i], sizeof(texts[i]));
    }

    ngx_keepers_check_key(kmcf, mint->tag, "s:", mint->sid, &out[0]);
    ngx_keepers_check_key(kmcf, ctx->tag, "x", NULL, &out[1]);
    ngx_keepers_check_key(kmcf, ctx->tag, "s:", ctx->sid, &out[2]);

    keepers_out_uint(&out[NGX_KEEPERS_ROTATE_LIFE],
                     keepers_session_life_ms(&mint->session, now_ms));
    keepers_out_uint(&out[NGX_KEEPERS_ROTATE_EXPIRY],
                     mint->session.absolute_ms);
    keepers_text_base64url(&out[NGX_KEEPERS_ROTATE_SID],
                           keepers_str(mint->sid, KEEPERS_SID_LEN));
    keepers_text_base64url(&out[NGX_KEEPERS_ROTATE_OLD_SID],
                           keepers_str(ctx->sid, KEEPERS_SID_LEN));
    keepers_out_uint(&out[NGX_KEEPERS_ROTATE_GRACE],
                     KEEPERS_SESSION_GRACE_MS + KEEPERS_SESSION_REPLACED_MS);
    keepers_out_uint(&out[NGX_KEEPERS_ROTATE_LEN], KEEPERS_SESSION_SEALED_LEN);
    ngx_keepers_revoke_channel(kmcf, &out[NGX_KEEPERS_ROTATE_CHANNEL]);
    keepers_out_byte(&out[NGX_KEEPERS_ROTATE_MESSAGE],
                     NGX_KEEPERS_REVOKE_ROTATED);
    keepers_out_str(&out[NGX_KEEPERS_ROTATE_MESSAGE],
                    keepers_out_written(&out[NGX_KEEPERS_ROTATE_OLD_SID]));

    keepers_out_uint(&out[NGX_KEEPERS_ROTATE_LEFT], left_ms);

    if (ngx_keepers_rotate_records(kmcf, ctx, mint, out) != NGX_OK) {
        return mint->done(r, mint, NGX_ERROR);
    }

    for (i = 0; i < NGX_KEEPERS_ROTATE_ARGS; i++) {
        argv[i] = keepers_out_written(&out[i]);
    }

    rc = ngx_keepers_wait_eval(wait, NGX_KEEPERS_WAIT_HANDLER,
                               ngx_keepers_rotate_done,
                               NGX_KEEPERS_SCRIPT_ROTATE, 3, argv,
                               NGX_KEEPERS_ROTATE_ARGS);

    return rc == NGX_AGAIN ? NGX_DONE : mint->done(r, mint, NGX_ERROR);
}


static ngx_int_t
ngx_keepers_rotate_records(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_ctx_t *ctx, ngx_keepers_mint_t *mint, keepers_out_t *out)
{
    if (ngx_keepers_mint_seal(kmcf, mint, keepers_out_written(&out[0]),
                              &out[NGX_KEEPERS_ROTATE_RECORD])
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keepers_rotate_old(kmcf, ctx, mint,
                                  keepers_out_written(&out[2]),
                                  &out[NGX_KEEPERS_ROTATE_OLD_RECORD]);
}


/* Under the key of the ring that its SID is of: it is looked for there. */

static ngx_int_t
ngx_keepers_rotate_old(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_ctx_t *ctx, const ngx_keepers_mint_t *mint,
    keepers_str_t key, keepers_out_t *sealed)
{
    int                rc;
    u_char             record[KEEPERS_SESSION_ROTATED_LEN];
    keepers_session_t  old;

    old = ctx->session;
    old.absolute_ms = ngx_min(old.absolute_ms,
                              ngx_keepers_now_ms() + KEEPERS_SESSION_GRACE_MS);
    ngx_memcpy(old.successor, mint->sid, KEEPERS_SID_LEN);

    keepers_session_encode_rotated(&old, record);

    rc = keepers_seal(kmcf->edge, ctx->key, KEEPERS_PURPOSE_SESSION_SEAL, key,
                      keepers_str(record, sizeof(record)), sealed);

    keepers_wipe(record, sizeof(record));

    return rc == KEEPERS_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_keepers_rotate_done(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_mint_t               *mint;
    const ngx_keepers_redis_value_t  *value;

    mint = wait->data;
    value = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_INTEGER);

    if (value == NULL) {
        return mint->done(r, mint, NGX_ERROR);
    }

    if (value->integer == 0) {
        return mint->done(r, mint, NGX_DECLINED);
    }

    /* at once here; the other workers and nodes have it from the script */

    ngx_keepers_recent_forget(ngx_keepers_main_conf(r),
                              ngx_keepers_ctx_find(r)->sid);
    ngx_keepers_count(r, ROTATED);

    return mint->done(r, mint, NGX_OK);
}


/*
 * The session's tag is of an older key of the ring.  Index and epoch are of a
 * tag, and a tag is a slot of a cluster: no one script has both, so the new
 * session is made as by a sign-in, and the old one ends without a grace.
 */

static ngx_int_t
ngx_keepers_rotate_minted(ngx_http_request_t *r, ngx_keepers_mint_t *mint,
    ngx_int_t rc)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (rc == NGX_OK) {
        ngx_keepers_end_send(ngx_keepers_main_conf(r), ctx->tag, &ctx->sid, 1,
                             KEEPERS_METRIC_ENDED_ROTATED);
    }

    return mint->rotated(r, mint, rc);
}
