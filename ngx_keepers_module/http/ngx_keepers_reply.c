
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_reply.h"

#include "core/keepers_cookie.h"
#include "http/ngx_keepers_compat.h"
#include "http/ngx_keepers_headers.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_SET_COOKIE_LEN  200


static ngx_int_t ngx_keepers_reply_csp(ngx_http_request_t *r,
    const ngx_str_t *styles);


ngx_int_t
ngx_keepers_reply_headers(ngx_http_request_t *r, const ngx_str_t *styles,
    ngx_uint_t cacheable)
{
    ngx_uint_t  i, n;

    static const struct {
        ngx_str_t   name;
        ngx_str_t   value;
    } headers[] = {
        { ngx_string("X-Content-Type-Options"), ngx_string("nosniff") },
        { ngx_string("Referrer-Policy"), ngx_string("no-referrer") },
        { ngx_string("X-Frame-Options"), ngx_string("DENY") },
        { ngx_string("Cache-Control"), ngx_string("no-store") }
    };

    if (ngx_keepers_reply_csp(r, styles) != NGX_OK) {
        return NGX_ERROR;
    }

    n = sizeof(headers) / sizeof(headers[0]);

    if (cacheable) {
        n--;
    }

    for (i = 0; i < n; i++) {

        if (ngx_keepers_reply_named(r, headers[i].name, headers[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_reply_csp(ngx_http_request_t *r, const ngx_str_t *styles)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   value;

    static ngx_str_t  strict = ngx_string(
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
    static ngx_str_t  page = ngx_string(
        "; form-action 'self'; img-src data:; style-src ");

    if (styles == NULL) {
        return ngx_keepers_reply_header(r, "Content-Security-Policy", strict);
    }

    len = strict.len + page.len + styles->len;

    p = ngx_pnalloc(r->pool, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    value.len = len;
    value.data = p;

    p = ngx_cpymem(p, strict.data, strict.len);
    p = ngx_cpymem(p, page.data, page.len);
    (void) ngx_cpymem(p, styles->data, styles->len);

    return ngx_keepers_reply_header(r, "Content-Security-Policy", value);
}


ngx_int_t
ngx_keepers_reply_named(ngx_http_request_t *r, ngx_str_t name,
    ngx_str_t value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = name;
    h->value = value;
    h->lowcase_key = NULL;
    ngx_keepers_header_last(h);

    return NGX_OK;
}


ngx_int_t
ngx_keepers_reply_retry_after(ngx_http_request_t *r, ngx_uint_t seconds)
{
    keepers_out_t  out;

    ngx_keepers_out(&out, r->pool, NGX_INT_T_LEN);

    keepers_out_uint(&out, seconds);

    if (out.overflow) {
        return NGX_ERROR;
    }

    return ngx_keepers_reply_header(r, "Retry-After",
                                    ngx_keepers_to(keepers_out_written(&out)));
}


ngx_int_t
ngx_keepers_reply_length(ngx_http_request_t *r, size_t len)
{
    keepers_out_t     out;
    ngx_table_elt_t  *h;

    ngx_keepers_out(&out, r->pool, NGX_SIZE_T_LEN);

    keepers_out_uint(&out, len);

    h = out.overflow ? NULL : ngx_list_push(&r->headers_out.headers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Content-Length");
    h->value = ngx_keepers_to(keepers_out_written(&out));
    h->lowcase_key = NULL;
    ngx_keepers_header_last(h);

    r->headers_out.content_length = h;
    r->headers_out.content_length_n = (off_t) len;

    return NGX_OK;
}


ngx_int_t
ngx_keepers_reply_body(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, keepers_str_t body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_POST) {
        ngx_keepers_residue_plain(r);
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) body.len;

    if (type != NULL) {
        r->headers_out.content_type.len = ngx_strlen(type);
        r->headers_out.content_type.data = (u_char *) type;
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        r->headers_out.content_type_lowcase = NULL;
    }

    if (body.len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);

    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) body.data;
    b->last = b->pos + body.len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_keepers_reply_page(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_keepers_view_t *view, const keepers_out_t *out)
{
    if (out->overflow
        || ngx_keepers_reply_headers(r, &view->styles, 0) != NGX_OK
        || ngx_keepers_language_headers(r, view->language) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, status, "text/html; charset=utf-8",
                                  keepers_out_written(out));
}


ngx_int_t
ngx_keepers_reply_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, ngx_uint_t retry_s)
{
    keepers_out_t  out;

    ngx_keepers_out(&out, r->pool, 256);

    ngx_keepers_reply_problem_begin(&out, status, code);
    keepers_out_text(&out, "}\n");

    if (out.overflow) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_problem_text(r, status, keepers_out_written(&out),
                                          retry_s);
}


ngx_int_t
ngx_keepers_reply_problem_text(ngx_http_request_t *r, ngx_uint_t status,
    keepers_str_t text, ngx_uint_t retry_s)
{
    if (ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (retry_s != 0 && ngx_keepers_reply_retry_after(r, retry_s) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, status, "application/problem+json", text);
}


void
ngx_keepers_reply_problem_begin(keepers_out_t *out, ngx_uint_t status,
    const char *code)
{
    keepers_out_text(out, "{\"type\":\"about:blank\",\"title\":\"");
    keepers_out_text(out, ngx_keepers_reply_title(status));
    keepers_out_text(out, "\",\"status\":");
    keepers_out_uint(out, status);
    keepers_out_text(out, ",\"code\":\"");
    keepers_out_text(out, code);
    keepers_out_text(out, "\"");
}


ngx_int_t
ngx_keepers_reply_method(ngx_http_request_t *r, const char *methods)
{
    ngx_str_t  allow;

    allow.data = (u_char *) methods;
    allow.len = ngx_strlen(methods);

    if (ngx_keepers_reply_header(r, "Allow", allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_problem(r, NGX_HTTP_NOT_ALLOWED, "method", 0);
}


ngx_int_t
ngx_keepers_reply_redirect(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t location)
{
    /*
     * Not in headers_out.location: nginx would make it absolute from the
     * Host header, and a relative one leads nowhere else.
     */

    if (ngx_keepers_reply_header(r, "Location", location) != NGX_OK
        || ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, status, NULL, keepers_str(NULL, 0));
}


ngx_int_t
ngx_keepers_reply_cookie(ngx_http_request_t *r, keepers_str_t value,
    ngx_int_t max_age_s)
{
    return ngx_keepers_reply_cookie_named(r, ngx_keepers_loc_conf(r)->cookie,
                                          value, max_age_s);
}


ngx_int_t
ngx_keepers_reply_cookie_named(ngx_http_request_t *r, ngx_str_t name,
    keepers_str_t value, ngx_int_t max_age_s)
{
    keepers_out_t  out;

    ngx_keepers_out(&out, r->pool, NGX_KEEPERS_SET_COOKIE_LEN);

    keepers_cookie_write(&out, ngx_keepers_from(name), value, max_age_s,
                         !ngx_keepers_loc_conf(r)->cookie_insecure);

    if (out.overflow) {
        return NGX_ERROR;
    }

    return ngx_keepers_reply_header(r, "Set-Cookie",
                                    ngx_keepers_to(keepers_out_written(&out)));
}


ngx_int_t
ngx_keepers_reply_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, ngx_uint_t retry_s)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY
        && (status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_FORBIDDEN))
    {
        return status;
    }

    if (ngx_keepers_reply_error_page(r, status)) {

        if (retry_s != 0
            && ngx_keepers_reply_retry_after(r, retry_s) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return status;
    }

    return ngx_keepers_reply_finish(r, ngx_keepers_reply_problem(r, status,
                                                             code, retry_s));
}


ngx_int_t
ngx_keepers_reply_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


ngx_uint_t
ngx_keepers_reply_navigation(ngx_http_request_t *r)
{
    return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
           && ngx_keepers_reply_person(r);
}


ngx_uint_t
ngx_keepers_reply_person(ngx_http_request_t *r)
{
    ngx_str_t  *mode, *accept;

    mode = ngx_keepers_header_find(r, "sec-fetch-mode");

    if (mode != NULL) {
        return mode->len == 8 && ngx_strncmp(mode->data, "navigate", 8) == 0;
    }

    accept = ngx_keepers_header_find(r, "accept");

    return accept != NULL
           && ngx_strlcasestrn(accept->data, accept->data + accept->len,
                               (u_char *) "text/html", 9 - 1) != NULL;
}


ngx_uint_t
ngx_keepers_reply_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {

        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_keepers_reply_title(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_BAD_REQUEST:
        return "Bad Request";
    case NGX_HTTP_UNAUTHORIZED:
        return "Unauthorized";
    case NGX_HTTP_FORBIDDEN:
        return "Forbidden";
    case NGX_HTTP_NOT_FOUND:
        return "Not Found";
    case NGX_HTTP_NOT_ALLOWED:
        return "Method Not Allowed";
    case NGX_HTTP_CONFLICT:
        return "Conflict";
    case 410:
        return "Gone";
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return "Content Too Large";
    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case NGX_HTTP_TOO_MANY_REQUESTS:
        return "Too Many Requests";
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return "Service Unavailable";
    default:
        return "Error";
    }
}
