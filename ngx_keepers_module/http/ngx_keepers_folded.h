
/*
 * Copyright (C) Keepers
 *
 * Pages of links that a worker has rendered but for what each request brings:
 * its token, its path, where it comes from.  They are found by the view, which
 * is a template in a language, and the whole record of the link, so that a link
 * that has changed is another one.  64 at the most, 1.2 MB; the one that was
 * not asked for the longest goes.
 */


#ifndef _NGX_KEEPERS_FOLDED_H_INCLUDED_
#define _NGX_KEEPERS_FOLDED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_page.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_lookup.h"


typedef struct {
    const ngx_keepers_view_t  *view;    /* NULL: empty */
    size_t                     len;     /* of the record */
    uint64_t                   used;    /* when, by the clock of uses */
    uint64_t                   times;   /* that it was asked for */
    keepers_page_t             page;    /* n is 0: not made, or too large */
} ngx_keepers_folded_t;


/*
 * The place of a page, which is its own until the next call, and counts how
 * often it was asked for.  NULL: the record is too long.
 */
ngx_keepers_folded_t *ngx_keepers_folded_find(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup);

/* Makes the page; "data" says nothing of a request. */
void ngx_keepers_folded_make(ngx_keepers_folded_t *folded,
    keepers_page_open_pt open, keepers_page_value_pt value, void *data);

/* Once a worker.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_folded_init(ngx_cycle_t *cycle);


#endif /* _NGX_KEEPERS_FOLDED_H_INCLUDED_ */
