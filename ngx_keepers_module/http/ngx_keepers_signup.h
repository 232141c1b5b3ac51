
/*
 * Copyright (C) Keepers
 *
 * A signup on its way through the precontent phase:
 *
 *   LOOKUP     the link is looked up; a page (GET) needs no more than that
 *   BODY       nginx reads the body
 *   JUDGE      fields, token and rules; most refusals end here
 *   RESERVE    Redis is asked whether this signup was here before
 *   LIMIT      limits on whom it names and whose link it is
 *   SETTLE     answered before that, once limits that waited have decided
 *   FORWARDED  sealed; the location's own proxy_pass takes it to the writer
 *   ANSWERED   nothing is left to do but what the filters hold
 */


#ifndef _NGX_KEEPERS_SIGNUP_H_INCLUDED_
#define _NGX_KEEPERS_SIGNUP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_signup.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_lookup.h"
#include "http/ngx_keepers_ticket.h"


typedef enum {
    NGX_KEEPERS_SIGNUP_LOOKUP = 0,
    NGX_KEEPERS_SIGNUP_BODY,
    NGX_KEEPERS_SIGNUP_JUDGE,
    NGX_KEEPERS_SIGNUP_RESERVE,
    NGX_KEEPERS_SIGNUP_LIMIT,
    NGX_KEEPERS_SIGNUP_SETTLE,
    NGX_KEEPERS_SIGNUP_FORWARDED,
    NGX_KEEPERS_SIGNUP_ANSWERED
} ngx_keepers_signup_stage_e;


#define NGX_KEEPERS_RESERVE_VALUE_LEN                                        \
    (sizeof("p:") - 1 + keepers_base64url_len(KEEPERS_HASH_LEN))


/* The reservation of a signup in Redis. */
typedef struct {
    keepers_str_t                key;       /* no data: not begun */
    u_char                       value[NGX_KEEPERS_RESERVE_VALUE_LEN];
    ngx_keepers_limit_reserve_t  with;      /* asked for with limits, */
    ngx_keepers_wait_t          *wait;      /* or alone; NULL: not yet */
    unsigned                     alone:1;
    unsigned                     looked:1;  /* the second command, GET */
    unsigned                     owned:1;   /* ours to confirm or take back */
    unsigned                     decided:1; /* and so have the limits */
    unsigned                     twice:1;   /* a form, sent again meanwhile */
} ngx_keepers_reserve_t;


/* What the location does with a signup, and what that may not change. */
typedef struct {
    ngx_http_handler_pt          handler;
    ngx_str_t                    uri;       /* as the client wrote it */
    ngx_queue_t                  along;     /* of those that it takes along */
    ngx_uint_t                   taken;     /* how many, itself included */
    size_t                       len;       /* of a body with all of them */
    ngx_uint_t                   said;      /* the writer's status; 0: none */
    unsigned                     valid:1;   /* and no redirect has come */
    unsigned                     under_way:1;
    unsigned                     batch:1;   /* is in place of the body */
} ngx_keepers_forward_t;


struct ngx_keepers_signup_s {
    ngx_keepers_loc_conf_t      *conf;      /* of the location it is in */
    u_char                      *uri;       /* and its path */
    ngx_keepers_lookup_t        *lookup;    /* NULL: there is no slug */
    ngx_keepers_signup_stage_e   stage;

    ngx_keepers_body_type_e      type;
    keepers_str_t                key;       /* of JSON: Idempotency-Key */
    keepers_field_t              fields[KEEPERS_SIGNUP_FIELDS];
    keepers_fieldset_t           set;       /* set.n 0: nothing was read */
    keepers_faults_t             faults;
    ngx_keepers_ticket_t         ticket;

    keepers_signup_t             record;
    ngx_keepers_reserve_t        reserve;
    keepers_str_t                envelope;  /* once FORWARDED */
    ngx_keepers_forward_t        forward;
    ngx_uint_t                   outcome;   /* of SETTLE */
    unsigned                     bounded:1; /* which a limit overrules */

    unsigned                     replaced:1;    /* another's answer, by ours */
    unsigned                     noted:1;   /* counted already */
};


/* A new one for this request, in ctx->signup.  NULL: no memory. */
ngx_keepers_signup_t *ngx_keepers_signup_create(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx);

/*
 * Takes a POST as far as it goes; returns what a phase handler does:
 * NGX_DECLINED when it was sealed and the content phase may forward it.
 */
ngx_int_t ngx_keepers_signup_run(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_signup_t *signup);

/* In the phase: answers what will not be forwarded, after it was charged. */
ngx_int_t ngx_keepers_signup_end(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_uint_t outcome);


#endif /* _NGX_KEEPERS_SIGNUP_H_INCLUDED_ */
