
/*
 * Copyright (C) Keepers
 *
 * Differences between nginx versions, all of them.
 */


#ifndef _NGX_KEEPERS_COMPAT_H_INCLUDED_
#define _NGX_KEEPERS_COMPAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Since 1.23.0 headers of one name are a linked list, not an array. */

#if (nginx_version >= 1023000)

#define ngx_keepers_header_last(h)  (h)->next = NULL

#else

#define ngx_keepers_header_last(h)

#endif


/* The n-th Cookie header line, or NULL behind the last. */

static ngx_inline ngx_table_elt_t *
ngx_keepers_cookie_line(ngx_http_request_t *r, ngx_uint_t n)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  *h;

    for (h = r->headers_in.cookie; h != NULL && n > 0; h = h->next) {
        n--;
    }

    return h;

#else

    ngx_table_elt_t  **h;

    h = r->headers_in.cookies.elts;

    return n < r->headers_in.cookies.nelts ? h[n] : NULL;

#endif
}


/* The n-th line is no longer among the Cookie lines. */

static ngx_inline void
ngx_keepers_cookie_unlink(ngx_http_request_t *r, ngx_uint_t n)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  **h;

    for (h = &r->headers_in.cookie; *h != NULL && n > 0; h = &(*h)->next) {
        n--;
    }

    if (*h != NULL) {
        *h = (*h)->next;
    }

#else

    ngx_array_t       *lines;
    ngx_table_elt_t  **h;

    lines = &r->headers_in.cookies;
    h = lines->elts;

    if (n < lines->nelts) {
        lines->nelts--;
        ngx_memmove(&h[n], &h[n + 1],
                    (lines->nelts - n) * sizeof(ngx_table_elt_t *));
    }

#endif
}


/* Is there a line X-Forwarded-For?  A build without proxies does not know. */

static ngx_inline ngx_uint_t
ngx_keepers_forwarded(ngx_http_request_t *r)
{
#if !(NGX_HTTP_X_FORWARDED_FOR)

    return 0;

#elif (nginx_version >= 1023000)

    return r->headers_in.x_forwarded_for != NULL;

#else

    return r->headers_in.x_forwarded_for.nelts != 0;

#endif
}


#endif /* _NGX_KEEPERS_COMPAT_H_INCLUDED_ */
