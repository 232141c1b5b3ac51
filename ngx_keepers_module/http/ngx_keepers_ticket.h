
/*
 * Copyright (C) Keepers
 *
 * The hidden token of a form.  Its MAC binds it to the link; its age is a
 * trap for those who are faster than a hand, and its nonce makes a repeated
 * click the same signup.  Suspicion never loses a person: who falls into the
 * trap gets a second kind of token, a "tap", which is good at any age.
 */


#ifndef _NGX_KEEPERS_TICKET_H_INCLUDED_
#define _NGX_KEEPERS_TICKET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_out.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"


#define NGX_KEEPERS_TICKET_LIFE_MS  86400000
#define NGX_KEEPERS_TICKET_FAST_MS  2000


typedef enum {
    NGX_KEEPERS_TICKET_NONE = 0,    /* not looked at */
    NGX_KEEPERS_TICKET_GOOD,
    NGX_KEEPERS_TICKET_FAST,        /* good, but came in no time */
    NGX_KEEPERS_TICKET_OLD,         /* expired, or from another clock */
    NGX_KEEPERS_TICKET_REFUSED      /* junk, forged, of another link */
} ngx_keepers_ticket_e;


typedef struct {
    ngx_keepers_ticket_e   verdict;
    uint64_t               issued_ms;
    u_char                 nonce[KEEPERS_FORM_NONCE_LEN];
    unsigned               tapped:1;
} ngx_keepers_ticket_t;


/* Looks at the token of a form for the link "slug". */
void ngx_keepers_ticket_read(ngx_keepers_main_conf_t *kmcf,
    keepers_str_t slug, keepers_str_t text, ngx_keepers_ticket_t *ticket);

/* A new token; "tap": of the second kind. */
void ngx_keepers_ticket_write(ngx_keepers_main_conf_t *kmcf,
    keepers_str_t slug, ngx_uint_t tap, keepers_out_t *out);


#endif /* _NGX_KEEPERS_TICKET_H_INCLUDED_ */
