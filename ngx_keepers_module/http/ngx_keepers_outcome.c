
/*
 * Copyright (C) Keepers
 *
 * The filters of a link's location.  What the writer answers to a signup, and
 * what nginx answers when it cannot reach the writer or refuses a request
 * itself, becomes one of our own answers: the status tells the outcome, and
 * no other byte of it reaches the client.
 */


#include "http/ngx_keepers_answer.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_forward.h"
#include "http/ngx_keepers_forward_batch.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_reserve.h"
#include "http/ngx_keepers_signup.h"


static ngx_int_t ngx_keepers_outcome_header(ngx_http_request_t *r);
static ngx_keepers_outcome_e ngx_keepers_outcome_writer(
    ngx_http_request_t *r, ngx_keepers_signup_t *signup, ngx_uint_t status);
static ngx_keepers_outcome_e ngx_keepers_outcome_away(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_keepers_outcome_e ngx_keepers_outcome_received(
    ngx_http_request_t *r, ngx_keepers_signup_t *signup);
static ngx_keepers_outcome_e ngx_keepers_outcome_nginx(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_outcome_replace(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome);
static ngx_int_t ngx_keepers_outcome_send(ngx_http_request_t *r,
    keepers_str_t body);
static ngx_int_t ngx_keepers_outcome_body(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_keepers_outcome_swallow(ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_keepers_outcome_next_header;
static ngx_http_output_body_filter_pt    ngx_keepers_outcome_next_body;


ngx_int_t
ngx_keepers_outcome_init(ngx_conf_t *cf)
{
    ngx_keepers_outcome_next_header = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_keepers_outcome_header;

    ngx_keepers_outcome_next_body = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_keepers_outcome_body;

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_outcome_header(ngx_http_request_t *r)
{
    ngx_uint_t               status;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_outcome_e    outcome;
    ngx_keepers_signup_t    *signup;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    if (r != r->main || (klcf->link == NULL && klcf->thanks == NULL)) {
        return ngx_keepers_outcome_next_header(r);
    }

    ctx = ngx_keepers_ctx_find(r);
    signup = (ctx != NULL) ? ctx->signup : NULL;

    if (signup != NULL
        && (signup->conf != klcf
            || signup->stage == NGX_KEEPERS_SIGNUP_ANSWERED))
    {
        return ngx_keepers_outcome_next_header(r);
    }

    if (signup != NULL && signup->stage == NGX_KEEPERS_SIGNUP_FORWARDED) {
        ngx_keepers_forward_back(r, signup);

        status = ngx_keepers_forward_landed(r, signup, r->headers_out.status);

        if (r->upstream == NULL || r->err_status != 0) {
            outcome = ngx_keepers_outcome_away(r, status);

        } else if (status != r->headers_out.status
                   && status >= NGX_HTTP_INTERNAL_SERVER_ERROR)
        {
            /* said of it alone, or of nobody: as if nginx had been told so */

            ngx_http_clean_header(r);
            return (ngx_int_t) status;

        } else {
            outcome = ngx_keepers_outcome_writer(r, signup, status);
        }

    } else {
        outcome = ngx_keepers_outcome_nginx(r);

        if (outcome == NGX_KEEPERS_OUTCOMES) {
            return ngx_keepers_outcome_next_header(r);
        }
    }

    if (signup == NULL) {

        /* refused before any phase of ours, like a body that is too large */

        ctx = ngx_keepers_ctx_get(r);

        if (ctx == NULL) {
            return NGX_ERROR;
        }

        signup = ngx_keepers_signup_create(r, ctx);

        if (signup == NULL) {
            return NGX_ERROR;
        }

        if (r->method == NGX_HTTP_POST) {
            signup->type = ngx_keepers_body_type(r);
        }
    }

    return ngx_keepers_outcome_replace(r, signup, outcome);
}


/* An error_page decides what becomes of a signup that was not taken. */

ngx_int_t
ngx_keepers_outcome_told(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_uint_t status)
{
    ngx_keepers_outcome_e  outcome;

    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return (ngx_int_t) status;
    }

    outcome = ngx_keepers_outcome_writer(r, signup, status);

    if (outcome != NGX_KEEPERS_OUTCOME_RECEIVED) {
        ngx_keepers_reserve_settle(signup, 0);
    }

    return ngx_keepers_answer_ours(r, signup, outcome);
}


static ngx_keepers_outcome_e
ngx_keepers_outcome_writer(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_uint_t status)
{
    switch (status) {

    case 202:
        return ngx_keepers_outcome_received(r, signup);

    case NGX_HTTP_NOT_FOUND:
        return NGX_KEEPERS_OUTCOME_UNKNOWN;

    case NGX_HTTP_CONFLICT:
        return NGX_KEEPERS_OUTCOME_CLOSED;

    case 422:
        return NGX_KEEPERS_OUTCOME_INVALID;

    case NGX_HTTP_BAD_REQUEST:
        ngx_keepers_log(NGX_LOG_ERR, r, "the writer refused an envelope: "
                        "do edge and writer have the same keys, and is "
                        "\"keepers_writer_key\" the writer's?");
        break;
    }

    return ngx_keepers_outcome_away(r, status);
}


/* Nginx's own status for a writer that is away, or one that says nothing. */

static ngx_keepers_outcome_e
ngx_keepers_outcome_away(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_keepers_log(NGX_LOG_INFO, r, "a signup was not taken: status %ui",
                    status);

    return NGX_KEEPERS_OUTCOME_UNAVAILABLE;
}


static ngx_keepers_outcome_e
ngx_keepers_outcome_received(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup)
{
    ngx_keepers_ctx_t  *ctx;

    ngx_keepers_reserve_settle(signup, 1);

    ctx = ngx_keepers_ctx_find(r);

    if (signup->record.flags & KEEPERS_SIGNUP_HELD) {
        ctx->signup_state = "held";
        ngx_keepers_count(r, SIGNUP_HELD);

    } else {
        ctx->signup_state = "accepted";
        ngx_keepers_count(r, SIGNUP_ACCEPTED);
    }

    return NGX_KEEPERS_OUTCOME_RECEIVED;
}


/*
 * Only what nginx answers of itself has an err_status; NGX_KEEPERS_OUTCOMES:
 * left as it is.
 */

static ngx_keepers_outcome_e
ngx_keepers_outcome_nginx(ngx_http_request_t *r)
{
    switch (r->err_status) {

    case NGX_HTTP_BAD_REQUEST:
        return NGX_KEEPERS_OUTCOME_MALFORMED;

    case NGX_HTTP_NOT_FOUND:
        return NGX_KEEPERS_OUTCOME_UNKNOWN;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return NGX_KEEPERS_OUTCOME_TOO_LARGE;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
    case NGX_HTTP_BAD_GATEWAY:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        return NGX_KEEPERS_OUTCOME_UNAVAILABLE;
    }

    return NGX_KEEPERS_OUTCOMES;
}


static ngx_int_t
ngx_keepers_outcome_replace(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome)
{
    ngx_int_t             rc;
    ngx_keepers_answer_t  answer;

    signup->stage = NGX_KEEPERS_SIGNUP_ANSWERED;

    if (outcome != NGX_KEEPERS_OUTCOME_RECEIVED) {
        ngx_keepers_reserve_settle(signup, 0);
    }

    if (ngx_keepers_answer_make(r, signup, outcome, &answer) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_clean_header(r);

    r->err_status = 0;
    r->allow_ranges = 0;
    r->headers_out.status = answer.status;

    if (answer.type != NULL) {
        r->headers_out.content_type.len = ngx_strlen(answer.type);
        r->headers_out.content_type.data = (u_char *) answer.type;
        r->headers_out.content_type_len = r->headers_out.content_type.len;
    }

    if (ngx_keepers_reply_length(r, answer.body.len) != NGX_OK
        || ngx_keepers_answer_headers(r, &answer) != NGX_OK)
    {
        return NGX_ERROR;
    }

    signup->replaced = 1;

    rc = ngx_keepers_outcome_next_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    /* ours is the whole body: nginx need not send, or read, another */

    rc = ngx_keepers_outcome_send(r, answer.body);

    r->header_only = 1;

    return rc;
}


static ngx_int_t
ngx_keepers_outcome_send(ngx_http_request_t *r, keepers_str_t body)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);

    if (b == NULL) {
        return NGX_ERROR;
    }

    if (body.len != 0) {
        b->start = (u_char *) body.data;
        b->pos = b->start;
        b->last = b->start + body.len;
        b->end = b->last;
        b->memory = 1;
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_keepers_outcome_next_body(r, &out);
}


/* Whoever sends a body all the same. */

static ngx_int_t
ngx_keepers_outcome_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_keepers_ctx_t  *ctx;

    if (in == NULL || r != r->main) {
        return ngx_keepers_outcome_next_body(r, in);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_keepers_module);

    if (ctx == NULL || ctx->signup == NULL || !ctx->signup->replaced) {
        return ngx_keepers_outcome_next_body(r, in);
    }

    ngx_keepers_outcome_swallow(in);

    return NGX_OK;
}


/* Marks the buffers as sent, so that their owner may use them again. */

static void
ngx_keepers_outcome_swallow(ngx_chain_t *in)
{
    for ( /* void */ ; in != NULL; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }
}
