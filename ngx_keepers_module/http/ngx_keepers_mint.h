
/*
 * Copyright (C) Keepers
 *
 * Makes a session in Redis, once the writer has said who it is: asks for the
 * user's epoch, seals the record, stores it with one script.
 */


#ifndef _NGX_KEEPERS_MINT_H_INCLUDED_
#define _NGX_KEEPERS_MINT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_out.h"
#include "core/keepers_session.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"


typedef struct ngx_keepers_mint_s  ngx_keepers_mint_t;

/*
 * What goes on when it is done: NGX_OK, and mint->token is in Redis; or
 * NGX_ERROR, and nobody is signed in.  Finalizes as ngx_keepers_wake_pt does.
 */
typedef ngx_int_t (*ngx_keepers_minted_pt)(ngx_http_request_t *r,
    ngx_keepers_mint_t *mint, ngx_int_t rc);


struct ngx_keepers_mint_s {
    keepers_session_t        session;
    keepers_token_t          token;         /* secret */
    u_char                   sid[KEEPERS_SID_LEN];
    u_char                   tag[KEEPERS_TAG_LEN];
    ngx_keepers_minted_pt    done;
    ngx_keepers_minted_pt    rotated;       /* of ngx_keepers_rotate() */
};


/*
 * Starts; mint->session has user, business, role and aal.  Returns what the
 * caller finalizes with (NGX_DONE while waiting).  "mint" is memory of the
 * request that is wiped: ngx_keepers_secret_alloc().
 */
ngx_int_t ngx_keepers_mint(ngx_http_request_t *r, ngx_keepers_mint_t *mint);

/* A new token for mint->session, seen from where this request came. */
void ngx_keepers_mint_token(ngx_http_request_t *r, ngx_keepers_mint_t *mint);
ngx_int_t ngx_keepers_mint_seal(ngx_keepers_main_conf_t *kmcf,
    ngx_keepers_mint_t *mint, keepers_str_t key, keepers_out_t *sealed);

/* Sets the cookie to mint->token.  NGX_OK, NGX_ERROR. */
ngx_int_t ngx_keepers_mint_cookie(ngx_http_request_t *r,
    const ngx_keepers_mint_t *mint);


#endif /* _NGX_KEEPERS_MINT_H_INCLUDED_ */
