
/*
 * Copyright (C) Keepers
 *
 * A token's SID is a BLAKE2b for each key of the ring, which was more than
 * half of a check that finds the session in the zone.  A browser sends the
 * same token again and again: each worker remembers what the last ones claim,
 * by a SipHash of 128 bits of their secret under a key that only it has and
 * that it never had before, and by the characters before the secret, which are
 * none.  To find another secret with the same hash is as hard as to find a
 * token.  Neither tokens nor what leads to them are kept.
 */


#include "http/ngx_keepers_claim.h"

#include "core/keepers_bearer.h"
#include "core/keepers_cookie.h"
#include "core/keepers_keyring.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_CLAIM_SLOTS  512    /* a power of two */

/* of a session's token: "v1." and what has bits of the user's tag alone */
#define NGX_KEEPERS_CLAIM_OPEN  (3 + KEEPERS_TAG_LEN * 8 / 6)


typedef struct {
    u_char                mark[KEEPERS_MARK_LEN];
    u_char                open[NGX_KEEPERS_CLAIM_OPEN];
    ngx_keepers_claim_t   claim;        /* n is 0: empty */
} ngx_keepers_claim_slot_t;


typedef struct {
    u_char                     key[KEEPERS_MARK_KEY_LEN];
    ngx_keepers_claim_slot_t   slots[NGX_KEEPERS_CLAIM_SLOTS];
} ngx_keepers_claim_memory_t;


static ngx_int_t ngx_keepers_claim_cookie(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    ngx_keepers_claim_t *claim);
static ngx_int_t ngx_keepers_claim_of(const keepers_keyring_t *ring,
    keepers_str_t text, ngx_uint_t machine, ngx_keepers_claim_t *claim);
static ngx_int_t ngx_keepers_claim_person(const keepers_keyring_t *ring,
    keepers_str_t text, ngx_keepers_claim_t *claim);


static ngx_keepers_claim_memory_t  *ngx_keepers_claim_memory;


ngx_int_t
ngx_keepers_claim_init(ngx_cycle_t *cycle)
{
    ngx_keepers_claim_memory_t  *memory;

    memory = ngx_pcalloc(cycle->pool, sizeof(ngx_keepers_claim_memory_t));

    if (memory == NULL) {
        return NGX_ERROR;
    }

    keepers_random(memory->key, sizeof(memory->key));

    ngx_keepers_claim_memory = memory;

    return NGX_OK;
}


ngx_int_t
ngx_keepers_claim_read(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, ngx_keepers_claim_t *claim)
{
    if (ctx->bearers == 0) {
        return ngx_keepers_claim_cookie(r, klcf, ctx, claim);
    }

    if (ctx->bearers == 1 && ctx->cookies == NULL
        && ngx_keepers_claim_of(ngx_keepers_main_conf(r)->edge, ctx->bearer, 1,
                                claim)
           == NGX_OK)
    {
        return NGX_OK;
    }

    ctx->reason = "token";

    return NGX_DECLINED;
}


static ngx_int_t
ngx_keepers_claim_cookie(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, ngx_keepers_claim_t *claim)
{
    ngx_uint_t              n;
    ngx_keepers_cookies_t  *line;

    line = ctx->cookies;

    /* the only cookie of the only line, as on a site of its own */

    if (line != NULL && line->alone && line->next == NULL) {
        return line->first.data == NULL
               ? NGX_DECLINED
               : ngx_keepers_claim_of(ngx_keepers_main_conf(r)->edge,
                                      line->first, 0, claim);
    }

    n = ngx_keepers_claim_cookies(r, klcf, ctx, claim, 1);

    if (n == 1) {
        return NGX_OK;
    }

    return n == 0 ? NGX_DECLINED : NGX_BUSY;
}


ngx_uint_t
ngx_keepers_claim_cookies(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx, ngx_keepers_claim_t *claims, ngx_uint_t max)
{
    size_t                   pos;
    ngx_uint_t               n;
    keepers_str_t            name, value;
    keepers_keyring_t       *ring;
    ngx_keepers_claim_t      other;
    ngx_keepers_cookies_t   *line;

    n = 0;
    name = ngx_keepers_from(klcf->cookie);
    ring = ngx_keepers_main_conf(r)->edge;

    for (line = ctx->cookies; line != NULL; line = line->next) {
        pos = line->pos;
        value = line->first;

        while (value.data != NULL) {
            if (ngx_keepers_claim_of(ring, value, 0,
                                     n < max ? &claims[n] : &other)
                == NGX_OK)
            {
                if (n++ == max) {
                    return n;
                }
            }

            if (!keepers_cookie_next(line->line, name, &pos, &value)) {
                break;
            }
        }
    }

    return n;
}


static ngx_int_t
ngx_keepers_claim_of(const keepers_keyring_t *ring, keepers_str_t text,
    ngx_uint_t machine, ngx_keepers_claim_t *claim)
{
    size_t                     open;
    u_char                     mark[KEEPERS_MARK_LEN];
    uint32_t                   hash;
    ngx_keepers_claim_slot_t  *slot;

    /* the lengths differ, so that no slot is of the other kind */

    if (text.len != (machine ? KEEPERS_BEARER_LEN : KEEPERS_TOKEN_LEN)) {
        return NGX_DECLINED;
    }

    open = machine ? 0 : NGX_KEEPERS_CLAIM_OPEN;

    keepers_mark(ngx_keepers_claim_memory->key,
                 keepers_str(text.data + open, text.len - open), mark);

    ngx_memcpy(&hash, mark, sizeof(hash));

    slot = &ngx_keepers_claim_memory->slots[hash
                                            % NGX_KEEPERS_CLAIM_SLOTS];

    if (slot->claim.n != 0
        && ngx_memcmp(slot->mark, mark, KEEPERS_MARK_LEN) == 0
        && ngx_memcmp(slot->open, text.data, open) == 0)
    {
        claim->n = slot->claim.n;
        claim->machine = slot->claim.machine;
        ngx_memcpy(claim->tag, slot->claim.tag, KEEPERS_TAG_LEN);
        ngx_memcpy(claim->sids, slot->claim.sids, claim->n * KEEPERS_SID_LEN);

        return NGX_OK;
    }

    ngx_memzero(claim, sizeof(ngx_keepers_claim_t));

    if (machine) {
        claim->n = 1;
        claim->machine = 1;

        if (keepers_bearer_read(text, claim->tag, claim->sids[0])
            != KEEPERS_OK)
        {
            return NGX_DECLINED;
        }

    } else if (ngx_keepers_claim_person(ring, text, claim) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_memcpy(slot->mark, mark, KEEPERS_MARK_LEN);
    ngx_memcpy(slot->open, text.data, open);
    slot->claim = *claim;

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_claim_person(const keepers_keyring_t *ring, keepers_str_t text,
    ngx_keepers_claim_t *claim)
{
    ngx_uint_t       i;
    keepers_token_t  token;

    if (keepers_token_read(text, &token) != KEEPERS_OK) {
        return NGX_DECLINED;
    }

    claim->n = ring->n;
    ngx_memcpy(claim->tag, token.raw, KEEPERS_TAG_LEN);

    for (i = 0; i < claim->n; i++) {
        keepers_token_sid(ring, i, &token, claim->sids[i]);
    }

    keepers_wipe(&token, sizeof(token));

    return NGX_OK;
}


ngx_int_t
ngx_keepers_claim_decode(const ngx_keepers_claim_t *claim,
    keepers_str_t record, keepers_session_t *session)
{
    int  rc;

    rc = claim->machine ? keepers_bearer_decode(record, session)
                        : keepers_session_decode(record, session);

    return rc == KEEPERS_OK ? NGX_OK : NGX_DECLINED;
}
