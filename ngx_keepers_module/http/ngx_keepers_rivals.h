
/*
 * Copyright (C) Keepers
 *
 * More than one cookie of our name has the shape of a token.  Whoever owns a
 * page of a sibling domain, or the network of a moment, can plant one beside
 * the right one; nobody can make one that opens.
 */


#ifndef _NGX_KEEPERS_RIVALS_H_INCLUDED_
#define _NGX_KEEPERS_RIVALS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"


/* How many are looked up: each may cost a command. */
#define NGX_KEEPERS_RIVALS_MAX  3


/*
 * Looks all of them up, in the zone or in Redis, at the same time, and sets
 * ctx->check: to what it is if exactly one of them is a session; to NONE if
 * none is, or, with ctx->several, if several are or there are too many to look.
 * Where Redis cannot say of each it is an ERROR.
 *
 * NGX_OK; NGX_AGAIN: waiting, to be called again; NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_rivals(ngx_http_request_t *r,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_ctx_t *ctx) keepers_rare;

/* Lets go of what is under way. */
void ngx_keepers_rivals_drop(ngx_keepers_rivals_t *rivals) keepers_rare;

/* The request ends. */
void ngx_keepers_rivals_wipe(ngx_keepers_rivals_t *rivals) keepers_rare;


#endif /* _NGX_KEEPERS_RIVALS_H_INCLUDED_ */
