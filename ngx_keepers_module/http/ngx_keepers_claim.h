
/*
 * Copyright (C) Keepers
 *
 * What a request's cookie, or its token, claims to be.
 */


#ifndef _NGX_KEEPERS_CLAIM_H_INCLUDED_
#define _NGX_KEEPERS_CLAIM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"


/*
 * The user's tag and, under each key of the ring, the SID; with its Redis key
 * once Redis is asked.  No secret: the token cannot be found from it.
 */
typedef struct {
    ngx_uint_t        n;
    ngx_uint_t        machine;      /* a token: one SID under all keys */
    u_char            tag[KEEPERS_TAG_LEN];
    u_char            sids[KEEPERS_KEYRING_MAX][KEEPERS_SID_LEN];
    keepers_str_t     keys[KEEPERS_KEYRING_MAX];
} ngx_keepers_claim_t;


/*
 * NGX_OK: exactly one cookie of ours has the shape of a token, or there is one
 * token for machines, whose checksum is right, and no such cookie; NGX_BUSY:
 * more than one cookie has that shape; NGX_DECLINED: none.
 */
ngx_int_t ngx_keepers_claim_read(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    ngx_keepers_claim_t *claim);

/* How many cookies of ours have that shape, and what the first "max" of them
 * claim; it does not count beyond max + 1. */
ngx_uint_t ngx_keepers_claim_cookies(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    ngx_keepers_claim_t *claims, ngx_uint_t max);

/* Makes a session of an opened record.  NGX_OK, NGX_DECLINED: it is none. */
ngx_int_t ngx_keepers_claim_decode(const ngx_keepers_claim_t *claim,
    keepers_str_t record, keepers_session_t *session);

/* Once a worker.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_claim_init(ngx_cycle_t *cycle);


#endif /* _NGX_KEEPERS_CLAIM_H_INCLUDED_ */
