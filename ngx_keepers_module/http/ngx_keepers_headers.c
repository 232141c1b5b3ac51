
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_headers.h"

#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"


static ngx_uint_t ngx_keepers_headers_ours(const ngx_table_elt_t *h);
static ngx_int_t ngx_keepers_headers_remove(ngx_list_t *list,
    ngx_list_part_t *part, ngx_uint_t i);


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
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


/*
 * Post-read phase, hence once a request and before anything can look: no
 * header of a client may speak for us to an upstream, in any spelling.
 */

ngx_int_t
ngx_keepers_headers_handler(ngx_http_request_t *r)
{
    ngx_uint_t                i;
    ngx_list_part_t          *part;
    ngx_table_elt_t          *h;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (!kmcf->used) {
        return NGX_DECLINED;
    }

    part = &r->headers_in.headers.part;

    while (part != NULL) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!ngx_keepers_headers_ours(&h[i])) {
                continue;
            }

            if (ngx_keepers_headers_remove(&r->headers_in.headers, part, i)
                != NGX_OK)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            (void) ngx_atomic_fetch_add(
                &kmcf->shm->counters[KEEPERS_METRIC_HEADER_STRIPPED], 1);

            break;
        }

        /* a part that lost a header ends before it, or starts behind it */

        if (i == part->nelts || part->nelts == 0) {
            part = part->next;
        }
    }

    return NGX_DECLINED;
}


/* "Keepers-...", "keepers_...", "KEEPERS": CGI and others fold '-' and '_'. */

static ngx_uint_t
ngx_keepers_headers_ours(const ngx_table_elt_t *h)
{
    if (h->key.len < 7 || (h->key.data[0] | 0x20) != 'k') {
        return 0;
    }

    if (ngx_strncasecmp(h->key.data, (u_char *) "keepers", 7) != 0) {
        return 0;
    }

    return h->key.len == 7 || h->key.data[7] == '-' || h->key.data[7] == '_';
}


/*
 * Others point to elements of the list (headers_in.host ...), so that none
 * may move: the part is shortened, or split around the removed one.
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
        return NGX_OK;
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
