
/*
 * Copyright (C) Keepers
 *
 * The session lookup: cookie, shared zone, Redis.
 */


#ifndef _NGX_KEEPERS_CHECK_H_INCLUDED_
#define _NGX_KEEPERS_CHECK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_out.h"
#include "core/keepers_session.h"
#include "http/ngx_keepers_claim.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"


/* "P{TAG}:" and "s:" SID, with a prefix of at most 64 bytes */
#define NGX_KEEPERS_KEY_LEN  (64 + KEEPERS_TAG_TEXT_LEN                      \
                              + KEEPERS_SID_TEXT_LEN + 8)


/*
 * Sets and counts ctx->check, once a request.  NGX_OK: it is set; NGX_AGAIN:
 * waiting, the phase runs again; NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_check(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx);

/* The same for one claim of several, which ctx is of alone; counts nothing. */
ngx_int_t ngx_keepers_check_claim(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim) keepers_rare;

/*
 * "P{TAG}:s:SID", "P{TAG}:t:SID", "P{TAG}:e" and "P{TAG}:x"; suffix is "s:" of
 * a session, "t:" of a token, "e" or "x".
 */
void ngx_keepers_check_key(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], const char *suffix, const u_char *sid,
    keepers_out_t *out);

/* The suffix of what ctx->session is, or of what is claimed. */
#define ngx_keepers_check_suffix(machine)  ((machine) ? "t:" : "s:")
#define ngx_keepers_check_machine(ctx)                                       \
    ((ctx)->session.role == KEEPERS_ROLE_MACHINE)

/* NGX_OK: a number, or nil, which is 0; NGX_ERROR: no epoch. */
ngx_int_t ngx_keepers_check_epoch(const ngx_keepers_redis_value_t *value,
    uint32_t *epoch);

/* Sets ctx->check of ctx->session, whose user's epoch is "epoch". */
void ngx_keepers_check_state(ngx_keepers_ctx_t *ctx, uint32_t epoch);

/*
 * Is ctx->session one that this location takes?  In an outage each location
 * says for itself how old an answer of Redis may be.
 */
ngx_uint_t ngx_keepers_check_known(const ngx_keepers_loc_conf_t *klcf,
    const ngx_keepers_ctx_t *ctx);


#endif /* _NGX_KEEPERS_CHECK_H_INCLUDED_ */
