
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_proof.h"

#include "core/keepers_json.h"
#include "core/keepers_out.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_page.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_PROOF_HEAP   17408      /* of keepers_json_read() */
#define NGX_KEEPERS_PROOF_HOME   "/dashboard/"


/* The fields of the writer's answer. */
typedef enum {
    NGX_KEEPERS_WHO_USER = 0,
    NGX_KEEPERS_WHO_BUSINESS,
    NGX_KEEPERS_WHO_ROLE,
    NGX_KEEPERS_WHO_AAL,
    NGX_KEEPERS_WHO_FIELDS
} ngx_keepers_who_e;


ngx_int_t
ngx_keepers_proof_method(ngx_http_request_t *r)
{
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    if ((r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) && klcf->page != NULL) {
        return ngx_keepers_page_handler(r);
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_keepers_reply_method(r, klcf->page != NULL
                                           ? "GET, HEAD, POST" : "POST");
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_keepers_proof_limit(ngx_http_request_t *r, ngx_keepers_wake_pt wake,
    keepers_metric_e metric)
{
    ngx_int_t  rc;

    rc = ngx_keepers_limit_check(r, NGX_KEEPERS_LIMIT_SIGNIN, wake);

    if (rc == NGX_AGAIN) {
        return NGX_DONE;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_keepers_ctx_find(r)->limit != NGX_KEEPERS_LIMIT_LIMITED) {
        return NGX_AGAIN;
    }

    (void) ngx_atomic_fetch_add(
                      &ngx_keepers_main_conf(r)->shm->counters[metric], 1);

    ngx_keepers_log(NGX_LOG_INFO, r, "a form was refused by a limit");

    return ngx_keepers_proof_again(r, ngx_keepers_loc_conf(r)->limit_status,
                                   "rate_limited");
}


ngx_int_t
ngx_keepers_proof_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt handler)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n
        > (off_t) ngx_keepers_loc_conf(r)->form_size)
    {
        return ngx_keepers_reply_problem(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                         "too_large", 0);
    }

    if (ngx_keepers_body_type(r) == NGX_KEEPERS_BODY_OTHER) {
        return ngx_keepers_reply_problem(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                         "media_type", 0);
    }

    rc = ngx_keepers_body_read(r, handler);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


ngx_int_t
ngx_keepers_proof_fields(ngx_http_request_t *r, keepers_fieldset_t *set)
{
    int            fault;
    ngx_int_t      rc;
    keepers_str_t  body;

    fault = KEEPERS_OK;

    rc = ngx_keepers_body_take(r, ngx_keepers_loc_conf(r)->form_size, &body);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return ngx_keepers_reply_problem(r, rc, "too_large", 0);
    }

    if (rc == NGX_OK) {
        rc = ngx_keepers_body_fields(r, body, ngx_keepers_body_type(r), set,
                                     &fault);
    }

    switch (rc) {

    case NGX_OK:
        return NGX_AGAIN;

    case NGX_DECLINED:
        return ngx_keepers_reply_problem(r, NGX_HTTP_BAD_REQUEST,
                                         fault == KEEPERS_FIELDS_REPEATED
                                         ? "duplicate_field" : "malformed",
                                         0);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


ngx_str_t
ngx_keepers_proof_next(ngx_http_request_t *r, keepers_str_t text)
{
    ngx_str_t                 home;
    keepers_str_t             path;
    ngx_keepers_ctx_t        *ctx;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    ctx = ngx_keepers_ctx_get(r);

    if (ctx != NULL
        && text.len != 0
        && keepers_next_open(kmcf->edge, text, &path) == KEEPERS_OK
        && keepers_next_safe(path))
    {
        ctx->next = ngx_keepers_to(text);
        return ngx_keepers_to(path);
    }

    ngx_str_set(&home, NGX_KEEPERS_PROOF_HOME);

    return home;
}


ngx_int_t
ngx_keepers_proof_who(keepers_str_t answer, keepers_session_t *session)
{
    u_char              heap[NGX_KEEPERS_PROOF_HEAP], text[256];
    keepers_out_t       arena;
    keepers_field_t     f[NGX_KEEPERS_WHO_FIELDS] = {
        { keepers_string("user"), keepers_null_string, 0 },
        { keepers_string("business"), keepers_null_string, 0 },
        { keepers_string("role"), keepers_null_string, 0 },
        { keepers_string("aal"), keepers_null_string, 0 }
    };
    keepers_fieldset_t  set = { f, NGX_KEEPERS_WHO_FIELDS, 0, NULL };

    if (answer.len > sizeof(text)) {
        return NGX_ERROR;
    }

    keepers_out_init(&arena, text, sizeof(text));

    if (keepers_json_read(answer, &set, &arena, heap, sizeof(heap))
        != KEEPERS_OK
        || !keepers_text_uuid_parse(f[NGX_KEEPERS_WHO_USER].value,
                                    &session->user)
        || !keepers_text_uuid_parse(f[NGX_KEEPERS_WHO_BUSINESS].value,
                                    &session->business))
    {
        return NGX_ERROR;
    }

    session->role = keepers_role_person(f[NGX_KEEPERS_WHO_ROLE].value);

    if (session->role == KEEPERS_ROLE_NONE
        || f[NGX_KEEPERS_WHO_AAL].value.len != 1)
    {
        return NGX_ERROR;
    }

    switch (f[NGX_KEEPERS_WHO_AAL].value.data[0]) {

    case '1':
        session->aal = 1;
        return NGX_OK;

    case '2':
        session->aal = 2;
        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


ngx_int_t
ngx_keepers_proof_again(ngx_http_request_t *r, ngx_uint_t status,
    const char *reason)
{
    ngx_uint_t               retry_s;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);
    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->reason = reason;

    retry_s = status == NGX_HTTP_SERVICE_UNAVAILABLE ? 2 : 0;

    if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
        retry_s = ctx->retry_s;
    }

    if (klcf->page == NULL
        || ngx_keepers_body_type(r) == NGX_KEEPERS_BODY_JSON)
    {
        return ngx_keepers_reply_problem(r, status, reason, retry_s);
    }

    if (retry_s != 0 && ngx_keepers_reply_retry_after(r, retry_s) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_page_reply(r, status);
}


ngx_int_t
ngx_keepers_proof_good(ngx_http_request_t *r, const char *reason)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->reason = reason;

    if (ngx_keepers_loc_conf(r)->page != NULL
        && ngx_keepers_body_type(r) != NGX_KEEPERS_BODY_JSON)
    {
        return ngx_keepers_page_reply(r, NGX_HTTP_OK);
    }

    if (ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, NGX_HTTP_NO_CONTENT, NULL,
                                  keepers_str(NULL, 0));
}
