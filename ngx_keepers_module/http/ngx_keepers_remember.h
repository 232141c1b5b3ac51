
/*
 * Copyright (C) Keepers
 *
 * Sessions that live on when the browser has ended: who asks for one at a
 * sign-in, how long it lives, and what it proves.  See
 * docs/decisions/0034-remembered-sessions-and-stolen-tokens.md.
 */


#ifndef _NGX_KEEPERS_REMEMBER_H_INCLUDED_
#define _NGX_KEEPERS_REMEMBER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_field.h"
#include "core/keepers_session.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_mint.h"


/* The setter of keepers_session_remember, and its check once merged. */
char *ngx_keepers_remember_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_keepers_remember_check(ngx_conf_t *cf,
    const ngx_keepers_loc_conf_t *conf);

/* $keepers_signin_remember: for the box of a sign-in page, how long it is. */
ngx_int_t ngx_keepers_remember_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* Whether this field of a sign-in asks for it, where it is offered. */
ngx_uint_t ngx_keepers_remember_asked(ngx_http_request_t *r,
    const keepers_field_t *field);

/* mint->session is to be remembered: before ngx_keepers_mint(). */
void ngx_keepers_remember(ngx_http_request_t *r, ngx_keepers_mint_t *mint);

/* Seconds for the cookie; -1: it ends with the browser. */
ngx_int_t ngx_keepers_remember_age_s(const keepers_session_t *session);

/*
 * A second factor that was proved is believed of a remembered session as long
 * as an ordinary one may idle: lowers session->aal when that is over.
 */
void ngx_keepers_remember_lower(const ngx_keepers_loc_conf_t *klcf,
    keepers_session_t *session);


#endif /* _NGX_KEEPERS_REMEMBER_H_INCLUDED_ */
