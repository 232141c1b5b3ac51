
/*
 * Copyright (C) Keepers
 *
 * What we know of a request.  It belongs to the main request and survives
 * internal redirects, which wipe nginx's own contexts: it is found again in
 * the list of cleanups.
 */


#ifndef _NGX_KEEPERS_CTX_H_INCLUDED_
#define _NGX_KEEPERS_CTX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_session.h"
#include "core/keepers_token.h"


typedef struct ngx_keepers_ask_s     ngx_keepers_ask_t;
typedef struct ngx_keepers_wait_s    ngx_keepers_wait_t;
typedef struct ngx_keepers_signup_s  ngx_keepers_signup_t;
typedef struct ngx_keepers_limits_s  ngx_keepers_limits_t;
typedef struct ngx_keepers_rivals_s  ngx_keepers_rivals_t;


/* What the session lookup found; $keepers_session. */
typedef enum {
    NGX_KEEPERS_CHECK_UNKNOWN = 0,      /* not looked up yet */
    NGX_KEEPERS_CHECK_VALID,
    NGX_KEEPERS_CHECK_NONE,
    NGX_KEEPERS_CHECK_EXPIRED,
    NGX_KEEPERS_CHECK_REVOKED,
    NGX_KEEPERS_CHECK_ERROR,
    NGX_KEEPERS_CHECK_STALE,
    NGX_KEEPERS_CHECKS
} ngx_keepers_check_e;


typedef enum {
    NGX_KEEPERS_LIMIT_NONE = 0,         /* no limit here */
    NGX_KEEPERS_LIMIT_PASSED,
    NGX_KEEPERS_LIMIT_LIMITED,
    NGX_KEEPERS_LIMIT_SHADOWED,
    NGX_KEEPERS_LIMIT_SUSPECT,          /* over a rule that taps or holds */
    NGX_KEEPERS_LIMIT_DEGRADED
} ngx_keepers_limit_e;


/* The Cookie lines of the client that had our cookie, as they came. */
typedef struct ngx_keepers_cookies_s  ngx_keepers_cookies_t;

struct ngx_keepers_cookies_s {
    keepers_str_t           line;           /* secret */
    keepers_str_t           first;          /* of the session; may be none */
    size_t                  pos;            /* behind it */
    ngx_uint_t              alone;          /* there is no other cookie */
    ngx_keepers_cookies_t  *next;
};


/* A request that runs under a session; ngx_keepers_live.c alone writes it. */
typedef struct {
    ngx_queue_t             queue;
    ngx_http_request_t     *request;        /* main; NULL: in no queue */
    ngx_msec_t              since_ms;
    ngx_msec_t              asked_ms;       /* Redis, about this session */
    ngx_msec_t              known_ms;       /* when its last answer was asked */
    ngx_msec_t              idle_ms;        /* when its idle time is over */
    unsigned                known:1;        /* it has answered */
    unsigned                end:2;          /* why it is to be cut */
} ngx_keepers_live_t;


typedef struct {
    ngx_keepers_cookies_t  *cookies;        /* NULL: none of ours */
    ngx_keepers_cookies_t   line;           /* the first of them */
    keepers_str_t           bearer;         /* the last token; secret */
    ngx_uint_t              bearers;        /* how many there were */

    /* the session; its fields are set when VALID or STALE */
    ngx_keepers_check_e     check;
    keepers_session_t       session;
    u_char                  sid[KEEPERS_SID_LEN];
    u_char                  tag[KEEPERS_TAG_LEN];
    ngx_uint_t              key;            /* of the ring, that sid is of */
    ngx_msec_t              seen_ms;        /* in the zone; if STALE */
    unsigned                cache_hit:1;
    unsigned                csrf_passed:1;
    unsigned                limit_tap:1;    /* a signup needs one more tap */
    unsigned                limit_hold:1;   /* a signup is held */
    unsigned                device_known:1; /* "device", to "account" */
    unsigned                language_switched:1;    /* by a form's button */
    unsigned                late:1;         /* "session" was replaced, ... */
    unsigned                steps:8;        /* successors that were asked for */
    unsigned                several:1;      /* may be sessions; none is taken */

    /* what the phases noted */
    ngx_keepers_limit_e     limit;
    ngx_uint_t              retry_s;        /* of a limit, for Retry-After */
    const char             *reason;         /* $keepers_reason; static text */
    const char             *signup_state;   /* $keepers_signup; static text */
    ngx_msec_int_t          redis_ms;       /* -1: Redis was not asked */
    ngx_str_t               next;           /* of a sign-in, signed, proved */
    ngx_uint_t              language;       /* of a signup's page, plus one */
    keepers_str_t           reset_token;    /* of a form that failed; secret */

    /* of a signup whose fields passed, for the keys of limits */
    keepers_str_t           recipient;      /* its e-mail address; secret */
    const keepers_uuid_t   *link_business;  /* NULL: not known */

    /* of a sign-in whose fields were read, likewise */
    keepers_str_t           account;        /* canonical; secret */
    u_char                  device[KEEPERS_DEVICE_ID_LEN];
    uint64_t                device_ms;      /* when it got its cookie */

    ngx_keepers_wait_t     *wait;           /* one op at a time */
    ngx_keepers_rivals_t   *rivals;         /* NULL: one cookie, or none */
    ngx_keepers_limits_t   *limits;         /* NULL: none was decided */
    ngx_keepers_signup_t   *signup;         /* of the signup phase */
    ngx_keepers_ask_t      *ask;            /* of a sign-in and the like */

    ngx_keepers_live_t      live;           /* the last: it is not wiped */
} ngx_keepers_ctx_t;


/* The context, made if there is none; NULL: no memory. */
ngx_keepers_ctx_t *ngx_keepers_ctx_get(ngx_http_request_t *r);

/* The context, or NULL. */
ngx_keepers_ctx_t *ngx_keepers_ctx_find(ngx_http_request_t *r);


#endif /* _NGX_KEEPERS_CTX_H_INCLUDED_ */
