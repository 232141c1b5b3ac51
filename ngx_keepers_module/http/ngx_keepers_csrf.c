
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_csrf.h"

#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_headers.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_csrf_host(ngx_http_request_t *r,
    const ngx_str_t *origin);


ngx_uint_t
ngx_keepers_csrf_unsafe(ngx_http_request_t *r)
{
    return !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS
                          |NGX_HTTP_TRACE));
}


ngx_int_t
ngx_keepers_csrf_origin(ngx_http_request_t *r)
{
    ngx_str_t  *site, *origin;

    site = ngx_keepers_header_find(r, "sec-fetch-site");

    if (site != NULL) {

        if ((site->len == 11
             && ngx_strncmp(site->data, "same-origin", 11) == 0)
            || (site->len == 4 && ngx_strncmp(site->data, "none", 4) == 0))
        {
            return NGX_OK;
        }

        return NGX_DECLINED;
    }

    origin = ngx_keepers_header_find(r, "origin");

    if (origin != NULL) {
        return ngx_keepers_csrf_host(r, origin);
    }

    return NGX_AGAIN;
}


ngx_uint_t
ngx_keepers_csrf_hidden(ngx_http_request_t *r)
{
    ngx_str_t  *origin;

    origin = ngx_keepers_header_find(r, "origin");

    return ngx_keepers_header_find(r, "sec-fetch-site") == NULL
           && origin != NULL
           && origin->len == 4
           && ngx_strncmp(origin->data, "null", 4) == 0;
}


ngx_int_t
ngx_keepers_csrf_check(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_str_t  *token;

    rc = ngx_keepers_csrf_origin(r);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    token = ngx_keepers_header_find(r, "x-csrf-token");

    if (token != NULL
        && keepers_csrf_check(ngx_keepers_main_conf(r)->edge, ctx->sid,
                              ngx_keepers_from(*token)))
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/*
 * "scheme://host[:port]" against the Host header, port included; or against
 * what stands for it, the authority of HTTP/3 or of an absolute request line.
 */

static ngx_int_t
ngx_keepers_csrf_host(ngx_http_request_t *r, const ngx_str_t *origin)
{
    size_t      len;
    u_char     *p;
    ngx_str_t   host;

    if (r->headers_in.host != NULL) {
        host = r->headers_in.host->value;

    } else if (r->host_start != NULL && r->host_end != NULL) {
        host.data = r->host_start;
        host.len = r->host_end - r->host_start;

    } else {
        return NGX_DECLINED;
    }

    p = ngx_strlcasestrn(origin->data, origin->data + origin->len,
                         (u_char *) "://", 3 - 1);

    if (p == NULL) {
        return NGX_DECLINED;        /* "null" is one */
    }

    p += 3;
    len = origin->data + origin->len - p;

    if (len != host.len || ngx_strncasecmp(p, host.data, len) != 0) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
