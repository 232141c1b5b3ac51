
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_rivals.h"

#include "core/keepers_keyring.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_claim.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_wait.h"


/* Each is looked up as if it were alone, in a context of its own. */
struct ngx_keepers_rivals_s {
    ngx_uint_t            n;        /* one more than the most: too many */
    ngx_keepers_claim_t   claims[NGX_KEEPERS_RIVALS_MAX];
    ngx_keepers_ctx_t     lookups[NGX_KEEPERS_RIVALS_MAX];
};


static ngx_keepers_rivals_t *ngx_keepers_rivals_begin(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx) keepers_rare;
static void ngx_keepers_rivals_judge(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx) keepers_rare;
static void ngx_keepers_rivals_take(ngx_keepers_ctx_t *ctx,
    const ngx_keepers_ctx_t *lookup) keepers_rare;
static void ngx_keepers_rivals_none(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx) keepers_rare;


/* The one with the highest is what the request is: what is not known first. */
static const ngx_uint_t  ngx_keepers_rivals_ranks[] = {
    0,      /* UNKNOWN: cannot be */
    2,      /* VALID */
    0,      /* NONE */
    1,      /* EXPIRED */
    1,      /* REVOKED */
    3,      /* ERROR */
    2       /* STALE */
};


ngx_int_t
ngx_keepers_rivals(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    ngx_int_t              rc;
    ngx_uint_t             i, waits;
    ngx_keepers_ctx_t     *lookup;
    ngx_keepers_rivals_t  *rivals;

    rivals = ctx->rivals != NULL ? ctx->rivals
                                 : ngx_keepers_rivals_begin(r, klcf, ctx);

    if (rivals == NULL) {
        return NGX_ERROR;
    }

    if (rivals->n > NGX_KEEPERS_RIVALS_MAX) {
        ngx_keepers_count(r, DUPLICATES_MANY);
        ngx_keepers_rivals_none(r, ctx);

        return NGX_OK;
    }

    /* what they ask leaves in one write; the last answer ends the wait */

    waits = 0;

    for (i = 0; i < rivals->n; i++) {
        lookup = &rivals->lookups[i];

        if (lookup->check != NGX_KEEPERS_CHECK_UNKNOWN) {
            continue;
        }

        rc = ngx_keepers_check_claim(r, klcf, lookup, &rivals->claims[i]);

        if (rc == NGX_ERROR) {

            /* else they would wake what is an error page by then */

            ngx_keepers_rivals_drop(rivals);
            return NGX_ERROR;
        }

        waits |= (rc == NGX_AGAIN);
    }

    if (waits) {
        return NGX_AGAIN;
    }

    ngx_keepers_rivals_judge(r, ctx);

    return NGX_OK;
}


static ngx_keepers_rivals_t *
ngx_keepers_rivals_begin(ngx_http_request_t *r, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_ctx_t *ctx)
{
    ngx_uint_t             i;
    ngx_keepers_rivals_t  *rivals;

    rivals = ngx_pcalloc(r->pool, sizeof(ngx_keepers_rivals_t));

    if (rivals == NULL) {
        return NULL;
    }

    rivals->n = ngx_keepers_claim_cookies(r, klcf, ctx, rivals->claims,
                                          NGX_KEEPERS_RIVALS_MAX);

    for (i = 0; i < NGX_KEEPERS_RIVALS_MAX; i++) {
        rivals->lookups[i].redis_ms = -1;
    }

    ctx->rivals = rivals;

    return rivals;
}


/*
 * Who has not got a token cannot make one that opens, hence the one that does
 * is the right one.  Of two, either may have been planted by its owner, to have
 * somebody work in their account; and as long as one is not known to be no
 * session there may be two.
 */

static void
ngx_keepers_rivals_judge(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    ngx_uint_t             i, opens;
    ngx_keepers_ctx_t     *lookup, *found;
    ngx_keepers_rivals_t  *rivals;

    rivals = ctx->rivals;
    found = &rivals->lookups[0];
    opens = 0;

    ctx->cache_hit = 1;

    for (i = 0; i < rivals->n; i++) {
        lookup = &rivals->lookups[i];

        ctx->cache_hit &= lookup->cache_hit;
        ctx->redis_ms = ngx_max(ctx->redis_ms, lookup->redis_ms);

        opens += (lookup->check == NGX_KEEPERS_CHECK_VALID
                  || lookup->check == NGX_KEEPERS_CHECK_STALE);

        if (ngx_keepers_rivals_ranks[lookup->check]
            > ngx_keepers_rivals_ranks[found->check])
        {
            found = lookup;
        }
    }

    if (opens > 1) {
        ngx_keepers_count(r, DUPLICATES_SEVERAL);
        ngx_keepers_rivals_none(r, ctx);

        return;
    }

    ngx_keepers_rivals_take(ctx, found);

    if (ctx->check == NGX_KEEPERS_CHECK_ERROR) {
        ngx_keepers_count(r, DUPLICATES_ERROR);

    } else if (opens == 1) {
        ngx_keepers_count(r, DUPLICATES_ONE);

    } else {
        ngx_keepers_count(r, DUPLICATES_NONE);
    }
}


static void
ngx_keepers_rivals_take(ngx_keepers_ctx_t *ctx,
    const ngx_keepers_ctx_t *lookup)
{
    ctx->check = lookup->check;
    ctx->session = lookup->session;
    ctx->key = lookup->key;
    ctx->seen_ms = lookup->seen_ms;
    ctx->reason = lookup->reason;

    ngx_memcpy(ctx->sid, lookup->sid, KEEPERS_SID_LEN);
    ngx_memcpy(ctx->tag, lookup->tag, KEEPERS_TAG_LEN);
}


static void
ngx_keepers_rivals_none(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    ctx->check = NGX_KEEPERS_CHECK_NONE;
    ctx->several = 1;
    ctx->reason = "duplicate_cookie";

    ngx_keepers_log(NGX_LOG_INFO, r, "%s", ctx->reason);
}


void
ngx_keepers_rivals_drop(ngx_keepers_rivals_t *rivals)
{
    ngx_uint_t          i;
    ngx_keepers_ctx_t  *lookup;

    for (i = 0; i < NGX_KEEPERS_RIVALS_MAX; i++) {
        lookup = &rivals->lookups[i];

        if (lookup->wait == NULL || !ngx_keepers_wait_waits(lookup->wait)) {
            continue;
        }

        ngx_keepers_wait_drop(lookup->wait);

        /* what is asked for again is asked for from the beginning */

        ngx_memzero(lookup, sizeof(ngx_keepers_ctx_t));
        lookup->redis_ms = -1;
    }
}


void
ngx_keepers_rivals_wipe(ngx_keepers_rivals_t *rivals)
{
    keepers_wipe(rivals, sizeof(ngx_keepers_rivals_t));
}
