
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_headers.h"

#include "core/keepers_bearer.h"
#include "core/keepers_cookie.h"
#include "core/keepers_header.h"
#include "http/ngx_keepers_compat.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_forward.h"
#include "http/ngx_keepers_forward_batch.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_headers_claims(ngx_http_request_t *r);
static void ngx_keepers_headers_hops(ngx_http_request_t *r,
    ngx_table_elt_t *h) keepers_rare;
static ngx_int_t ngx_keepers_headers_cookies(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_headers_bearers(ngx_http_request_t *r);
static ngx_table_elt_t *ngx_keepers_headers_bearer(ngx_http_request_t *r,
    keepers_str_t *token);
static ngx_uint_t ngx_keepers_headers_cookie(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_keepers_cookies_t *found);
static ngx_int_t ngx_keepers_headers_strip(ngx_http_request_t *r,
    ngx_table_elt_t *h, const ngx_keepers_cookies_t *found);
static ngx_int_t ngx_keepers_headers_drop(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_int_t ngx_keepers_headers_remove(ngx_list_t *list,
    ngx_list_part_t *part, ngx_uint_t i);
static ngx_int_t ngx_keepers_headers_unlink(ngx_list_t *list,
    ngx_list_part_t *part);


ngx_str_t *
ngx_keepers_header_find(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == len
                && (h[i].lowcase_key != NULL
                    ? ngx_memcmp(h[i].lowcase_key, name, len) == 0
                    : ngx_strncasecmp(h[i].key.data, (u_char *) name, len)
                      == 0))
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


/*
 * Post-read phase, hence once a request and before anything can look: no
 * header of a client may speak for us to an upstream, in any spelling, and
 * none sees our cookie nor our token.
 */

ngx_int_t
ngx_keepers_headers_handler(ngx_http_request_t *r)
{
    /* whatever comes of it, in whatever location: a body may be a person's */

    if (ngx_keepers_residue_body(r) && ngx_keepers_residue_add(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_keepers_headers_claims(r) != NGX_OK
        || ngx_keepers_headers_cookies(r) != NGX_OK
        || ngx_keepers_headers_bearers(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * A request that nginx refused before the post-read phase (400, 494 ...), and
 * whose "error_page" has an upstream, begins in the server rewrite phase, or
 * in the rewrite phase if that page is a named location.  One whose writer was
 * away at once comes here within its proxy_pass, under the writer's path.
 */

ngx_int_t
ngx_keepers_headers_internal_handler(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t  *ctx;

    if (!r->internal || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx != NULL && ctx->signup != NULL) {
        ngx_keepers_forward_back(r, ctx->signup);

        if (ngx_keepers_loc_conf(r)->spool_max == 0
            && ngx_keepers_forward_elsewhere(r, ctx->signup) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_keepers_headers_handler(r);
}


static ngx_int_t
ngx_keepers_headers_claims(ngx_http_request_t *r)
{
    u_char            letter;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;

    while (part != NULL) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            /* most are told by one letter; no name is empty */

            letter = h[i].key.data[0] | 0x20;

            if (letter == 'c' && h[i].key.len == 10) {
                ngx_keepers_headers_hops(r, &h[i]);
            }

            if (letter != 'k'
                || !keepers_header_ours(ngx_keepers_from(h[i].key)))
            {
                continue;
            }

            if (ngx_keepers_headers_remove(&r->headers_in.headers, part, i)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            ngx_keepers_count(r, HEADER_STRIPPED);

            break;
        }

        /* a part that lost a header ends before it, or starts behind it */

        if (i == part->nelts || part->nelts == 0) {
            part = part->next;
        }
    }

    return NGX_OK;
}


/*
 * "Connection: close, keepers-identity": nginx has taken from it what is for
 * itself, and an upstream that gets the rest would drop what we say.
 */

static void
ngx_keepers_headers_hops(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    size_t  len;

    if (ngx_strncasecmp(h->key.data, (u_char *) "connection", 10) != 0
        || (h->value.len == 10
            && ngx_memcmp(h->value.data, "keep-alive", 10) == 0))
    {
        return;
    }

    len = keepers_header_hops(h->value.data, h->value.len);

    if (len != h->value.len) {
        h->value.len = len;
        h->value.data[len] = '\0';
        ngx_keepers_count(r, HEADER_STRIPPED);
    }
}


/*
 * From here on only the context knows the token; it survives what is done to
 * the request later.  A line without another cookie goes as a whole.
 */

static ngx_int_t
ngx_keepers_headers_cookies(ngx_http_request_t *r)
{
    ngx_uint_t              n;
    ngx_table_elt_t        *h;
    ngx_keepers_cookies_t   found;

    n = 0;

    while ((h = ngx_keepers_cookie_line(r, n)) != NULL) {
        if (!ngx_keepers_headers_cookie(r, h, &found)) {
            n++;
            continue;
        }

        if (ngx_keepers_headers_strip(r, h, &found) != NGX_OK) {
            return NGX_ERROR;
        }

        if (h->value.len != 0) {
            n++;
            continue;
        }

        ngx_keepers_cookie_unlink(r, n);

        if (ngx_keepers_headers_drop(r, h) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * "Authorization: Bearer kp_...", and nothing else of that header: Basic and
 * the tokens of others are the application's.  What has our mark and is no
 * token goes too, for it is one with a slip.
 */

static ngx_int_t
ngx_keepers_headers_bearers(ngx_http_request_t *r)
{
    keepers_str_t       token;
    ngx_table_elt_t    *h;
    ngx_keepers_ctx_t  *ctx;

    if (r->headers_in.authorization == NULL) {
        return NGX_OK;
    }

    while ((h = ngx_keepers_headers_bearer(r, &token)) != NULL) {
        ctx = ngx_keepers_ctx_get(r);

        if (ctx == NULL) {
            return NGX_ERROR;
        }

        /* only the last is known, and wiped, by its place */

        if ((ctx->bearers == 0 ? ngx_keepers_residue_header(r)
                               : ngx_keepers_residue_add(r))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ctx->bearer = token;
        ctx->bearers++;

        if (h == r->headers_in.authorization) {
            r->headers_in.authorization = NULL;
        }

        if (ngx_keepers_headers_drop(r, h) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The first that is left. */

static ngx_table_elt_t *
ngx_keepers_headers_bearer(ngx_http_request_t *r, keepers_str_t *token)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == 13
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "authorization", 13) == 0
                && keepers_bearer_find(ngx_keepers_from(h[i].value), token))
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


/*
 * Has the line the session's cookie, or that of a known device?  It is read
 * once: what is found of the session is where the lookup begins.
 */

static ngx_uint_t
ngx_keepers_headers_cookie(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_keepers_cookies_t *found)
{
    ngx_uint_t               n;
    unsigned int             which;
    keepers_str_t            names[2], value;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    names[0] = ngx_keepers_from(klcf->cookie);
    names[1] = ngx_keepers_from(klcf->cookie_device);

    found->line = ngx_keepers_from(h->value);
    found->first = keepers_str(NULL, 0);
    found->pos = 0;
    found->alone = 0;

    n = 0;

    while (keepers_cookie_next_of(found->line, names, &found->pos, &value,
                                  &which))
    {
        /* up to the end of the line, from its beginning on */

        found->alone = n == 0
                       && found->pos == found->line.len
                       && value.data == found->line.data + names[which].len + 1;
        n = 1;

        if (which == 0) {
            found->first = value;
            break;
        }
    }

    return n;
}


static ngx_int_t
ngx_keepers_headers_strip(ngx_http_request_t *r, ngx_table_elt_t *h,
    const ngx_keepers_cookies_t *found)
{
    keepers_out_t            session, out;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_cookies_t   *kept;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);
    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL || ngx_keepers_residue_header(r) != NGX_OK) {
        return NGX_ERROR;
    }

    kept = ctx->cookies == NULL
           ? &ctx->line : ngx_palloc(r->pool, sizeof(ngx_keepers_cookies_t));

    if (kept == NULL) {
        return NGX_ERROR;
    }

    *kept = *found;
    kept->next = ctx->cookies;
    ctx->cookies = kept;

    /* the only cookie, as on a site of its own */

    if (found->alone) {
        ngx_str_set(&h->value, "");
        return NGX_OK;
    }

    /* nginx ends each header's value with a zero, for those who expect it */

    ngx_keepers_out(&session, r->pool, h->value.len);
    ngx_keepers_out(&out, r->pool, h->value.len + 1);

    if (session.data == NULL || out.data == NULL) {
        return NGX_ERROR;
    }

    keepers_cookie_strip(kept->line, ngx_keepers_from(klcf->cookie),
                         &session);
    keepers_cookie_strip(keepers_out_written(&session),
                         ngx_keepers_from(klcf->cookie_device), &out);

    h->value.data = out.data;
    h->value.len = out.len;

    keepers_out_byte(&out, '\0');

    return out.overflow ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_keepers_headers_drop(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_list_part_t  *part;
    ngx_table_elt_t  *first;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        first = part->elts;

        if (h >= first && h < first + part->nelts) {
            return ngx_keepers_headers_remove(&r->headers_in.headers, part,
                                              h - first);
        }
    }

    return NGX_OK;
}


/*
 * Others point to elements of the list (headers_in.host ...), so that none
 * may move: the part is shortened, or split around the removed one.  No part
 * but the first may be empty: whoever walks a list as nginx does takes the
 * first element of a part for granted, and would find what was removed.
 */

static ngx_int_t
ngx_keepers_headers_remove(ngx_list_t *list, ngx_list_part_t *part,
    ngx_uint_t i)
{
    ngx_list_part_t  *rest;
    ngx_table_elt_t  *h;

    h = part->elts;

    if (i + 1 == part->nelts) {
        part->nelts--;

        return part->nelts != 0 || part == &list->part
               ? NGX_OK : ngx_keepers_headers_unlink(list, part);
    }

    if (i == 0) {
        part->elts = &h[1];
        part->nelts--;

        if (part == list->last) {
            list->nalloc--;
        }

        return NGX_OK;
    }

    rest = ngx_palloc(list->pool, sizeof(ngx_list_part_t));

    if (rest == NULL) {
        return NGX_ERROR;
    }

    rest->elts = &h[i + 1];
    rest->nelts = part->nelts - i - 1;
    rest->next = part->next;

    part->nelts = i;
    part->next = rest;

    if (part == list->last) {
        list->last = rest;
        list->nalloc -= i + 1;
    }

    return NGX_OK;
}


/* Behind the new last part nothing is known to be free. */

static ngx_int_t
ngx_keepers_headers_unlink(ngx_list_t *list, ngx_list_part_t *part)
{
    ngx_list_part_t  *prev;

    for (prev = &list->part; prev->next != part; prev = prev->next) {
        /* void */
    }

    prev->next = part->next;

    if (part != list->last) {
        return NGX_OK;
    }

    list->last = prev;
    list->nalloc = prev->nelts;

    if (list->nalloc == 0) {
        prev->elts = ngx_palloc(list->pool, list->size);

        if (prev->elts == NULL) {
            return NGX_ERROR;
        }

        list->nalloc = 1;
    }

    return NGX_OK;
}
