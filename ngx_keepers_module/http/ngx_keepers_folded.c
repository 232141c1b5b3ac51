
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_folded.h"


#define NGX_KEEPERS_FOLDED_SETS  16     /* a power of two */
#define NGX_KEEPERS_FOLDED_WAYS  4

#define NGX_KEEPERS_FOLDED_OPS   96
#define NGX_KEEPERS_FOLDED_TEXT  14336  /* as large as a page should be */


typedef struct {
    const ngx_keepers_view_t  *view;    /* NULL: empty */
    uint64_t                   used;    /* when, by the clock of uses */
    size_t                     len;     /* of the record */
    keepers_page_t             page;
} ngx_keepers_folded_slot_t;


/* Apart, so that of what is not used no page of memory is. */
typedef struct {
    u_char                     record[1 + KEEPERS_LINK_RECORD_MAX];
    keepers_page_op_t          ops[NGX_KEEPERS_FOLDED_OPS];
    u_char                     text[NGX_KEEPERS_FOLDED_TEXT];
} ngx_keepers_folded_body_t;


typedef struct {
    uint64_t                   clock;
    ngx_keepers_folded_slot_t  slots[NGX_KEEPERS_FOLDED_SETS]
                                    [NGX_KEEPERS_FOLDED_WAYS];
    ngx_keepers_folded_body_t *bodies;
} ngx_keepers_folded_memory_t;


static ngx_uint_t ngx_keepers_folded_set(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup);
static ngx_keepers_folded_body_t *ngx_keepers_folded_body(ngx_uint_t set,
    ngx_uint_t way);
static ngx_uint_t ngx_keepers_folded_oldest(ngx_uint_t set);


static ngx_keepers_folded_memory_t  *ngx_keepers_folded_memory;


ngx_int_t
ngx_keepers_folded_init(ngx_cycle_t *cycle)
{
    ngx_keepers_folded_memory_t  *memory;

    memory = ngx_pcalloc(cycle->pool, sizeof(ngx_keepers_folded_memory_t));

    if (memory == NULL) {
        return NGX_ERROR;
    }

    memory->bodies = ngx_palloc(cycle->pool,
                                NGX_KEEPERS_FOLDED_SETS
                                * NGX_KEEPERS_FOLDED_WAYS
                                * sizeof(ngx_keepers_folded_body_t));

    if (memory->bodies == NULL) {
        return NGX_ERROR;
    }

    ngx_keepers_folded_memory = memory;

    return NGX_OK;
}


const keepers_page_t *
ngx_keepers_folded_find(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup)
{
    ngx_uint_t                  set, way;
    ngx_keepers_folded_slot_t  *slot;

    set = ngx_keepers_folded_set(view, lookup);

    for (way = 0; way < NGX_KEEPERS_FOLDED_WAYS; way++) {
        slot = &ngx_keepers_folded_memory->slots[set][way];

        if (slot->view == view
            && slot->len == lookup->len
            && ngx_memcmp(ngx_keepers_folded_body(set, way)->record,
                          lookup->value, lookup->len)
               == 0)
        {
            slot->used = ++ngx_keepers_folded_memory->clock;
            return &slot->page;
        }
    }

    return NULL;
}


/*
 * One that does not fit leaves a slot that says so: it is not folded again and
 * again.
 */

const keepers_page_t *
ngx_keepers_folded_add(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup, keepers_page_open_pt open,
    keepers_page_value_pt value, void *data)
{
    ngx_uint_t                  set, way;
    keepers_out_t               text;
    ngx_keepers_folded_body_t  *body;
    ngx_keepers_folded_slot_t  *slot;

    if (lookup->len > sizeof(body->record)) {
        return NULL;
    }

    set = ngx_keepers_folded_set(view, lookup);
    way = ngx_keepers_folded_oldest(set);

    slot = &ngx_keepers_folded_memory->slots[set][way];
    body = ngx_keepers_folded_body(set, way);

    slot->view = view;
    slot->used = ++ngx_keepers_folded_memory->clock;
    slot->len = lookup->len;
    slot->page.ops = body->ops;
    slot->page.n = NGX_KEEPERS_FOLDED_OPS;

    ngx_memcpy(body->record, lookup->value, lookup->len);
    keepers_out_init(&text, body->text, sizeof(body->text));

    if (keepers_page_fold(&view->page, open, value, data, &text, &slot->page)
        != KEEPERS_OK)
    {
        slot->page.n = 0;
    }

    return &slot->page;
}


static ngx_uint_t
ngx_keepers_folded_set(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup)
{
    uint64_t  n;

    /* views of a template stand in a row: a link's languages in many sets */

    ngx_memcpy(&n, lookup->hash, sizeof(n));

    return (n + (uintptr_t) view / sizeof(ngx_keepers_view_t))
           & (NGX_KEEPERS_FOLDED_SETS - 1);
}


static ngx_keepers_folded_body_t *
ngx_keepers_folded_body(ngx_uint_t set, ngx_uint_t way)
{
    return &ngx_keepers_folded_memory->bodies[set * NGX_KEEPERS_FOLDED_WAYS
                                              + way];
}


/* An empty one was never used. */

static ngx_uint_t
ngx_keepers_folded_oldest(ngx_uint_t set)
{
    ngx_uint_t                  way, oldest;
    ngx_keepers_folded_slot_t  *slots;

    slots = ngx_keepers_folded_memory->slots[set];
    oldest = 0;

    for (way = 1; way < NGX_KEEPERS_FOLDED_WAYS; way++) {

        if (slots[way].used < slots[oldest].used) {
            oldest = way;
        }
    }

    return oldest;
}
