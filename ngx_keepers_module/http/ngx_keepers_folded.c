
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_folded.h"


#define NGX_KEEPERS_FOLDED_SETS  16     /* a power of two */
#define NGX_KEEPERS_FOLDED_WAYS  4
#define NGX_KEEPERS_FOLDED_ALL                                               \
    (NGX_KEEPERS_FOLDED_SETS * NGX_KEEPERS_FOLDED_WAYS)

#define NGX_KEEPERS_FOLDED_OPS   96
#define NGX_KEEPERS_FOLDED_TEXT  14336  /* as large as a page should be */


/* Apart from the slots: what is not used shall take no memory. */
typedef struct {
    u_char                       record[1 + KEEPERS_LINK_RECORD_MAX];
    keepers_page_op_t            ops[NGX_KEEPERS_FOLDED_OPS];
    u_char                       text[NGX_KEEPERS_FOLDED_TEXT];
} ngx_keepers_folded_body_t;


typedef struct {
    uint64_t                     clock;
    ngx_keepers_folded_t         slots[NGX_KEEPERS_FOLDED_ALL];
    ngx_keepers_folded_body_t   *bodies;
} ngx_keepers_folded_memory_t;


static ngx_keepers_folded_t *ngx_keepers_folded_set(
    const ngx_keepers_view_t *view, const ngx_keepers_lookup_t *lookup);
static ngx_keepers_folded_body_t *ngx_keepers_folded_body(
    const ngx_keepers_folded_t *slot);


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
                                NGX_KEEPERS_FOLDED_ALL
                                * sizeof(ngx_keepers_folded_body_t));

    if (memory->bodies == NULL) {
        return NGX_ERROR;
    }

    ngx_keepers_folded_memory = memory;

    return NGX_OK;
}


ngx_keepers_folded_t *
ngx_keepers_folded_find(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup)
{
    ngx_uint_t                  way;
    ngx_keepers_folded_t       *set, *slot, *oldest;
    ngx_keepers_folded_body_t  *body;

    set = ngx_keepers_folded_set(view, lookup);
    oldest = set;

    for (way = 0; way < NGX_KEEPERS_FOLDED_WAYS; way++) {
        slot = &set[way];
        body = ngx_keepers_folded_body(slot);

        if (slot->view == view
            && slot->len == lookup->len
            && ngx_memcmp(body->record, lookup->value, lookup->len) == 0)
        {
            slot->used = ++ngx_keepers_folded_memory->clock;
            slot->times++;

            return slot;
        }

        if (slot->used < oldest->used) {
            oldest = slot;
        }
    }

    slot = oldest;
    body = ngx_keepers_folded_body(slot);

    if (lookup->len > sizeof(body->record)) {
        return NULL;
    }

    ngx_memcpy(body->record, lookup->value, lookup->len);

    slot->view = view;
    slot->len = lookup->len;
    slot->used = ++ngx_keepers_folded_memory->clock;
    slot->times = 1;
    slot->page.n = 0;

    return slot;
}


void
ngx_keepers_folded_make(ngx_keepers_folded_t *folded,
    keepers_page_open_pt open, keepers_page_value_pt value, void *data)
{
    keepers_out_t               text;
    ngx_keepers_folded_body_t  *body;

    body = ngx_keepers_folded_body(folded);

    keepers_out_init(&text, body->text, sizeof(body->text));

    folded->page.ops = body->ops;
    folded->page.n = NGX_KEEPERS_FOLDED_OPS;

    if (keepers_page_fold(&folded->view->page, open, value, data, &text,
                          &folded->page)
        != KEEPERS_OK)
    {
        folded->page.n = 0;
    }
}


static ngx_keepers_folded_t *
ngx_keepers_folded_set(const ngx_keepers_view_t *view,
    const ngx_keepers_lookup_t *lookup)
{
    uint64_t  n;

    /* a key's hash, and views in a row: a link's languages are in many sets */

    ngx_memcpy(&n, lookup->hash, sizeof(n));

    n += (uintptr_t) view / sizeof(ngx_keepers_view_t);
    n &= NGX_KEEPERS_FOLDED_SETS - 1;

    return &ngx_keepers_folded_memory->slots[n * NGX_KEEPERS_FOLDED_WAYS];
}


static ngx_keepers_folded_body_t *
ngx_keepers_folded_body(const ngx_keepers_folded_t *slot)
{
    return &ngx_keepers_folded_memory->bodies[slot
                                         - ngx_keepers_folded_memory->slots];
}
