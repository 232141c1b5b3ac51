
/*
 * Copyright (C) Keepers
 *
 * Answers of ours: pages, problem documents, redirects, cookies.  Every one
 * carries the strict headers; what is near personal data or a token is
 * "no-store".  Each function returns what a content handler returns; in a
 * phase before content, call ngx_keepers_reply_finish() with it.
 */


#ifndef _NGX_KEEPERS_REPLY_H_INCLUDED_
#define _NGX_KEEPERS_REPLY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_out.h"
#include "http/ngx_keepers_conf.h"


/*
 * Sets the strict headers on r->headers_out: Content-Security-Policy
 * ("default-src 'none'; frame-ancestors 'none'; base-uri 'none'" and, for a
 * page, "style-src STYLES; form-action 'self'; img-src data:"), nosniff,
 * no-referrer, X-Frame-Options, no-store unless "cacheable".
 * styles NULL: not a page.
 */
ngx_int_t ngx_keepers_reply_headers(ngx_http_request_t *r,
    const ngx_str_t *styles, ngx_uint_t cacheable);

/* A response header; name and value must outlive the request. */
ngx_int_t ngx_keepers_reply_named(ngx_http_request_t *r, ngx_str_t name,
    ngx_str_t value);

/* The same; of a literal the compiler knows the length. */
static ngx_inline ngx_int_t
ngx_keepers_reply_header(ngx_http_request_t *r, const char *name,
    ngx_str_t value)
{
    ngx_str_t  key;

    key.len = ngx_strlen(name);
    key.data = (u_char *) name;

    return ngx_keepers_reply_named(r, key, value);
}

ngx_int_t ngx_keepers_reply_retry_after(ngx_http_request_t *r,
    ngx_uint_t seconds);

/* Content-Length, of which nginx else prints a number for each answer. */
ngx_int_t ngx_keepers_reply_length(ngx_http_request_t *r, size_t len);

/* A body of one buffer; discards an unread request body first. */
ngx_int_t ngx_keepers_reply_body(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, keepers_str_t body);

/* text/html from an out that was rendered; strict headers with styles,
   and the language of its words. */
ngx_int_t ngx_keepers_reply_page(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_keepers_view_t *view, const keepers_out_t *out);

/* application/problem+json (RFC 9457) with "code"; retry_s 0: no header. */
ngx_int_t ngx_keepers_reply_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, ngx_uint_t retry_s);

/* The same with a document that is made already. */
ngx_int_t ngx_keepers_reply_problem_text(ngx_http_request_t *r,
    ngx_uint_t status, keepers_str_t text, ngx_uint_t retry_s);

/* The members of a problem document, to be closed by "}"; and its title. */
void ngx_keepers_reply_problem_begin(keepers_out_t *out, ngx_uint_t status,
    const char *code);
const char *ngx_keepers_reply_title(ngx_uint_t status);

/* 405 with the methods that there are, as in "GET, HEAD". */
ngx_int_t ngx_keepers_reply_method(ngx_http_request_t *r,
    const char *methods);

/* A redirect without a body; "location" is relative and safe. */
ngx_int_t ngx_keepers_reply_redirect(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t location);

/* Set-Cookie of the session cookie of this location. */
ngx_int_t ngx_keepers_reply_cookie(ngx_http_request_t *r,
    keepers_str_t value, ngx_int_t max_age_s);

/* The same of another name, which outlives the request. */
ngx_int_t ngx_keepers_reply_cookie_named(ngx_http_request_t *r,
    ngx_str_t name, keepers_str_t value, ngx_int_t max_age_s);

/*
 * A refusal from the access phase: a problem document, unless the host has an
 * error_page for the status or "satisfy any" is on: then the bare status.
 * Returns what the phase handler returns.
 */
ngx_int_t ngx_keepers_reply_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, ngx_uint_t retry_s);

/* Has the host an error_page for this status here? */
ngx_uint_t ngx_keepers_reply_error_page(ngx_http_request_t *r,
    ngx_uint_t status);

/* Ends a request from a phase handler: finalizes with rc, gives NGX_DONE. */
ngx_int_t ngx_keepers_reply_finish(ngx_http_request_t *r, ngx_int_t rc);

/*
 * A browser that navigates, whose answer a person sees: Sec-Fetch-Mode, else
 * Accept has HTML; with GET, or with a form too.
 */
ngx_uint_t ngx_keepers_reply_navigation(ngx_http_request_t *r);
ngx_uint_t ngx_keepers_reply_person(ngx_http_request_t *r);


#endif /* _NGX_KEEPERS_REPLY_H_INCLUDED_ */
