
/*
 * Copyright (C) Keepers
 *
 * Sessions that were checked recently, in the shared zone.
 */


#ifndef _NGX_KEEPERS_RECENT_H_INCLUDED_
#define _NGX_KEEPERS_RECENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_session.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"


/*
 * Without a subscription to revocations, a session ended on another node is
 * served from the zone for this long at the most, whatever
 * keepers_session_cache says.
 */
#define NGX_KEEPERS_RECENT_MAX_MS  1000


typedef enum {
    NGX_KEEPERS_RECENT_VALID = 1,
    NGX_KEEPERS_RECENT_NONE,        /* Redis has no such session */
    NGX_KEEPERS_RECENT_FORGOTTEN    /* what Redis said before is not it */
} ngx_keepers_recent_e;


/*
 * The value of a slot.  The sealed form is what tells a record that was opened
 * before from any other: it costs 5,000 instructions to open one.
 */
typedef struct {
    uint32_t            touched_s;  /* unix: the idle time was renewed */
    u_char              record[KEEPERS_SESSION_RECORD_LEN];
    u_char              sealed[KEEPERS_SESSION_SEALED_LEN];
    uint8_t             state;      /* ngx_keepers_recent_e */
} ngx_keepers_recent_t;

_Static_assert(sizeof(ngx_keepers_recent_t) <= 200,
               "a session takes at most 256 bytes of the zone");


/*
 * NGX_OK: the zone knows, from less than age_ms ago, and ctx->check is set;
 * NGX_DECLINED: Redis must be asked.
 */
ngx_int_t ngx_keepers_recent_find(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, const ngx_keepers_claim_t *claim,
    ngx_msec_t age_ms);

/* What the zone has of a session, however old; state 0: nothing. */
void ngx_keepers_recent_load(ngx_http_request_t *r,
    const u_char sid[KEEPERS_SID_LEN], ngx_keepers_recent_t *recent);

/* What Redis said when asked at asked_ms: ctx->session, or no such session. */
void ngx_keepers_recent_valid(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_recent_t *recent, ngx_msec_t asked_ms);
void ngx_keepers_recent_none(ngx_http_request_t *r,
    const ngx_keepers_claim_t *claim, ngx_msec_t asked_ms);

/*
 * Nobody gets this session from the zone, whatever answer is under way, until
 * Redis was asked again.  It is not yet ended: whether Redis did end it, and
 * whether it was truly one of ours who published that, is for Redis to say.
 */
void ngx_keepers_recent_forget(ngx_keepers_main_conf_t *kmcf,
    const u_char sid[KEEPERS_SID_LEN]);

/* Was that so since asked_ms? */
ngx_uint_t ngx_keepers_recent_forgotten(ngx_http_request_t *r,
    const u_char sid[KEEPERS_SID_LEN], ngx_msec_t asked_ms);


#endif /* _NGX_KEEPERS_RECENT_H_INCLUDED_ */
