
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_forward.h"

#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "http/ngx_keepers_compat.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_forward_body(ngx_http_request_t *r,
    keepers_str_t body);
static ngx_int_t ngx_keepers_forward_headers(ngx_http_request_t *r,
    size_t len);
static ngx_int_t ngx_keepers_forward_header(ngx_list_t *list,
    const ngx_table_elt_t *h);


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

    if (rc != NGX_OK
        || ngx_keepers_forward_headers(r, signup->envelope.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keepers_forward_body(r, signup->envelope);
}


/* The old buffers belong to the cleanup that wipes them. */

static ngx_int_t
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

    return NGX_OK;
}


/*
 * The writer needs the envelope alone.  Whatever else a browser, or a proxy
 * before us, sends would only tell it, and whoever stands between, more about
 * a person.  A new list, for others point to elements of the old one, and
 * through those pointers a log still finds what was in it.
 */

static ngx_int_t
ngx_keepers_forward_headers(ngx_http_request_t *r, size_t len)
{
    ngx_list_t              list;
    keepers_out_t           number;
    ngx_http_headers_in_t  *in;

    in = &r->headers_in;

    ngx_keepers_out(&number, r->pool, NGX_SIZE_T_LEN);
    keepers_out_uint(&number, len);

    if (number.overflow
        || ngx_list_init(&list, r->pool, 3, sizeof(ngx_table_elt_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (in->content_type != NULL) {
        ngx_str_set(&in->content_type->value, "application/octet-stream");
    }

    if (in->content_length != NULL) {
        in->content_length->value = ngx_keepers_to(
                                               keepers_out_written(&number));
    }

    in->content_length_n = (off_t) len;
    in->chunked = 0;

    if (ngx_keepers_forward_header(&list, in->host) != NGX_OK
        || ngx_keepers_forward_header(&list, in->content_type) != NGX_OK
        || ngx_keepers_forward_header(&list, in->content_length) != NGX_OK)
    {
        return NGX_ERROR;
    }

    in->headers = list;

    /* it ends in itself, not in the list that was on the stack */

    in->headers.last = &in->headers.part;

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_forward_header(ngx_list_t *list, const ngx_table_elt_t *h)
{
    ngx_table_elt_t  *copy;

    if (h == NULL) {
        return NGX_OK;
    }

    copy = ngx_list_push(list);

    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *h;
    ngx_keepers_header_last(copy);

    return NGX_OK;
}
