
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


/*
 * Valid until the next call of ngx_keepers_folded_add(), so it is rendered at
 * once.  NULL: there is none.  Its "n" is 0 where it has no room in memory.
 */
const keepers_page_t *ngx_keepers_folded_find(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup);

/* Folds it; "data" says nothing of a request.  NULL: it cannot be kept. */
const keepers_page_t *ngx_keepers_folded_add(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup, keepers_page_open_pt open,
    keepers_page_value_pt value, void *data);

/* Once a worker.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_folded_init(ngx_cycle_t *cycle);


#endif /* _NGX_KEEPERS_FOLDED_H_INCLUDED_ */
