
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_ask.h"


static ngx_int_t ngx_keepers_ask_body(ngx_http_request_t *sr,
    keepers_str_t body);
static ngx_int_t ngx_keepers_ask_done(ngx_http_request_t *sr, void *data,
    ngx_int_t rc);
static void ngx_keepers_ask_resume(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_ask(ngx_http_request_t *r, ngx_keepers_ask_t *ask,
    const ngx_str_t *uri, keepers_str_t body)
{
    ngx_str_t                    target;
    ngx_keepers_ctx_t           *ctx;
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    ctx = ngx_keepers_ctx_get(r);

    if (ps == NULL || ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->ask = ask;

    ps->handler = ngx_keepers_ask_done;
    ps->data = ask;

    ask->answered = 0;
    ask->status = 0;

    target = *uri;

    if (ngx_http_subrequest(r, &target, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_IN_MEMORY
                            |NGX_HTTP_SUBREQUEST_WAITED)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_keepers_ask_body(sr, body) != NGX_OK) {
        return NGX_ERROR;
    }

    r->write_event_handler = ngx_keepers_ask_resume;

    r->main->count++;

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_ask_body(ngx_http_request_t *sr, keepers_str_t body)
{
    ngx_buf_t                *b;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    b = ngx_calloc_buf(sr->pool);
    cl = ngx_alloc_chain_link(sr->pool);
    rb = ngx_pcalloc(sr->pool, sizeof(ngx_http_request_body_t));

    if (b == NULL || cl == NULL || rb == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) body.data;
    b->last = b->pos + body.len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    rb->bufs = cl;
    rb->buf = b;

    sr->request_body = rb;
    sr->method = NGX_HTTP_POST;
    ngx_str_set(&sr->method_name, "POST");

    /* the length goes to the upstream from here, not from the header */

    sr->headers_in.content_length_n = (off_t) body.len;
    sr->headers_in.content_length = NULL;
    sr->headers_in.chunked = 0;
    sr->header_only = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_ask_done(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_buf_t          *b;
    ngx_keepers_ask_t  *ask;

    ask = data;

    if (ask->answered) {
        return rc;
    }

    ask->answered = 1;
    ask->status = sr->headers_out.status;

    if (rc != NGX_OK) {
        ask->status = rc >= NGX_HTTP_SPECIAL_RESPONSE ? (ngx_uint_t) rc
                                                      : NGX_HTTP_BAD_GATEWAY;
    }

    if (sr->out != NULL && sr->out->buf != NULL) {
        b = sr->out->buf;
        ask->answer = keepers_str(b->pos, b->last - b->pos);
    }

    return rc;
}


/* Run when the subrequest has been finalized, and posted its parent. */

static void
ngx_keepers_ask_resume(ngx_http_request_t *r)
{
    ngx_keepers_ask_t  *ask;

    ask = ngx_keepers_ctx_find(r)->ask;

    if (!ask->answered) {
        return;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, ask->done(r, ask));
}
