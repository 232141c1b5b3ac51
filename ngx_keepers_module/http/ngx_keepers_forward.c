
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_forward.h"

#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "http/ngx_keepers_compat.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_forward_headers(ngx_http_request_t *r);


static const ngx_str_t  ngx_keepers_forward_path = ngx_string("/v1/signups");


ngx_int_t
ngx_keepers_forward(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    u_char         buf[KEEPERS_SIGNUP_RECORD_MAX];
    ngx_int_t      rc;
    keepers_out_t  plain;

    keepers_out_init(&plain, buf, sizeof(buf));
    keepers_signup_encode(&signup->record, &plain);

    rc = ngx_keepers_seal(r, &plain, &signup->envelope);

    keepers_wipe(buf, plain.len);

    /* the words of an answer in JSON are the same in all languages */

    if (rc == NGX_OK && signup->type == NGX_KEEPERS_BODY_FORM) {
        rc = ngx_keepers_language_keep(r, signup->lookup->link.locale);
    }

    if (rc != NGX_OK || ngx_keepers_forward_headers(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->content_handler != NULL) {
        signup->forward.handler = r->content_handler;
        r->content_handler = ngx_keepers_forward_handler;
    }

    return ngx_keepers_forward_body(r, signup->envelope);
}


/*
 * In a location with a pattern nginx takes no path in proxy_pass but behind a
 * variable, which it puts together and reads as an address each time.  Without
 * one it takes what the client has asked for, as it came: the writer's path,
 * while it writes that down for the writer.  One of the host's own goes before.
 */

ngx_int_t
ngx_keepers_forward_pass(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_int_t               rc;
    ngx_keepers_forward_t  *forward;

    forward = &signup->forward;

    forward->uri = r->unparsed_uri;
    forward->valid = r->valid_unparsed_uri;

    r->unparsed_uri = ngx_keepers_forward_path;
    r->valid_unparsed_uri = 1;

    /* the body is there: it returns with the request written, or refused */

    rc = forward->handler(r);

    ngx_keepers_forward_back(r, signup);

    return rc;
}


void
ngx_keepers_forward_back(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_keepers_forward_t  *forward;

    forward = &signup->forward;

    if (r->unparsed_uri.data != ngx_keepers_forward_path.data) {
        return;
    }

    r->unparsed_uri = forward->uri;

    /* a redirect, by which the address is another one, stays */

    if (r->valid_unparsed_uri) {
        r->valid_unparsed_uri = forward->valid;
    }
}


/* The old buffers belong to the cleanup that wipes them. */

ngx_int_t
ngx_keepers_forward_body(ngx_http_request_t *r, keepers_str_t body)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->start = (u_char *) body.data;
    b->pos = b->start;
    b->last = b->start + body.len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    r->request_body->bufs = cl;
    r->request_body->buf = b;
    r->request_body->received = (off_t) body.len;

    r->headers_in.content_length_n = (off_t) body.len;

    return NGX_OK;
}


/*
 * The writer needs the envelope alone.  Whatever else a browser, or a proxy
 * before us, sends would only tell it, and whoever stands between, more about
 * a person.  Host and Content-Length nginx writes itself.  A new list, for
 * others point to elements of the old one, and through those pointers a log
 * still finds what was in it.
 */

static ngx_int_t
ngx_keepers_forward_headers(ngx_http_request_t *r)
{
    ngx_list_t              list;
    ngx_table_elt_t        *type;
    ngx_http_headers_in_t  *in;

    in = &r->headers_in;

    if (ngx_list_init(&list, r->pool, 1, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    if (in->content_type != NULL) {
        ngx_str_set(&in->content_type->value, "application/octet-stream");

        type = ngx_list_push(&list);        /* there is room for it */
        *type = *in->content_type;
        ngx_keepers_header_last(type);
    }

    in->content_length = NULL;
    in->chunked = 0;
    in->headers = list;

    /* it ends in itself, not in the list that was on the stack */

    in->headers.last = &in->headers.part;

    return NGX_OK;
}
