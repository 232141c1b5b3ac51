
/*
 * Copyright (C) Keepers
 *
 * What a sign-in, a step-up and a new password have in common: a small body of
 * fields, where to go afterwards, what the writer says of who it is, and the
 * page again.
 */


#ifndef _NGX_KEEPERS_PROOF_H_INCLUDED_
#define _NGX_KEEPERS_PROOF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_field.h"
#include "core/keepers_metrics.h"
#include "core/keepers_session.h"
#include "http/ngx_keepers_wait.h"


/*
 * In a content handler: a GET is the page.  NGX_AGAIN: a POST, which goes on;
 * else the request is answered by this code.
 */
ngx_int_t ngx_keepers_proof_method(ngx_http_request_t *r);

/*
 * The limits of who tries, once it is known who that is; "wake" is called
 * again.  NGX_AGAIN: go on; else what it returns: it waits, or was refused,
 * which "metric" counts, and answered.
 */
ngx_int_t ngx_keepers_proof_limit(ngx_http_request_t *r,
    ngx_keepers_wake_pt wake, keepers_metric_e metric);

/*
 * In a content handler: refuses a body that is too large, or of another type;
 * else reads it and calls "handler".  Returns what the content handler does.
 */
ngx_int_t ngx_keepers_proof_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler);

/* Its fields.  NGX_AGAIN: go on; else the request is answered by this code. */
ngx_int_t ngx_keepers_proof_fields(ngx_http_request_t *r,
    keepers_fieldset_t *set);

/* What we signed ourselves, or home. */
ngx_str_t ngx_keepers_proof_next(ngx_http_request_t *r, keepers_str_t text);

/* User, business, role and aal of the writer's answer; NGX_ERROR: it is none
 * of ours, and the session has perhaps some of it. */
ngx_int_t ngx_keepers_proof_who(keepers_str_t answer,
    keepers_session_t *session);

/* The page again, or a problem document where the location has no page. */
ngx_int_t ngx_keepers_proof_again(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason);

/* It went well, and the page says so; 204 to a script, or without a page. */
ngx_int_t ngx_keepers_proof_good(ngx_http_request_t *r, const char *reason);


#endif /* _NGX_KEEPERS_PROOF_H_INCLUDED_ */
