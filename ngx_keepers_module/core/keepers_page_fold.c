
/*
 * Copyright (C) Keepers
 *
 * A page of which most is known already: what is known becomes text, and what
 * is not stays an operation.  No value that is open is asked for.
 */


#include "core/keepers_page.h"


/* A section that an open value decides, and that has not ended. */
typedef struct {
    uint32_t                    end;        /* in the page */
    size_t                      op;         /* in the folded one */
} keepers_page_fold_open_t;

typedef struct {
    keepers_page_t             *folded;
    keepers_out_t              *text;
    size_t                      room;
    size_t                      depth;
    keepers_page_fold_open_t    open[KEEPERS_PAGE_DEPTH_MAX];
    bool                        grows;      /* the last operation is a text,
                                               and nothing jumps behind it */
} keepers_page_folder_t;


static void keepers_page_fold_ends(keepers_page_folder_t *f, size_t at);
static int keepers_page_fold_open(keepers_page_folder_t *f,
    const keepers_page_op_t *op);
static int keepers_page_fold_text(keepers_page_folder_t *f, size_t from);


int
keepers_page_fold(const keepers_page_t *page, keepers_page_open_pt open,
    keepers_page_value_pt value, void *data, keepers_out_t *text,
    keepers_page_t *folded)
{
    int                       rc;
    size_t                    i, from;
    keepers_str_t             v;
    keepers_page_folder_t     f;
    const keepers_page_op_t  *op;

    memset(&f, 0, sizeof(keepers_page_folder_t));
    f.folded = folded;
    f.text = text;
    f.room = folded->n;

    folded->n = 0;
    folded->text_len = 0;

    rc = KEEPERS_OK;

    for (i = 0; i < page->n && rc == KEEPERS_OK; i++) {
        keepers_page_fold_ends(&f, i);

        op = &page->ops[i];
        from = text->len;

        if (op->kind == KEEPERS_PAGE_TEXT) {
            keepers_out_str(text, op->text);
            rc = keepers_page_fold_text(&f, from);
            continue;
        }

        if (open(data, op->value)) {
            rc = keepers_page_fold_open(&f, op);
            continue;
        }

        v = value(data, op->value);

        if (op->kind == KEEPERS_PAGE_VALUE) {
            keepers_out_html(text, v);
            rc = keepers_page_fold_text(&f, from);

        } else if ((v.len == 0) == (op->kind == KEEPERS_PAGE_IF)) {
            i = (size_t) op->jump - 1;
        }
    }

    keepers_page_fold_ends(&f, page->n);

    return rc;
}


/* Sections nest: none is skipped whose end is not. */

static void
keepers_page_fold_ends(keepers_page_folder_t *f, size_t at)
{
    while (f->depth != 0 && f->open[f->depth - 1].end == at) {
        f->depth--;
        f->folded->ops[f->open[f->depth].op].jump = (uint32_t) f->folded->n;
        f->grows = false;
    }
}


static int
keepers_page_fold_open(keepers_page_folder_t *f, const keepers_page_op_t *op)
{
    if (f->folded->n == f->room) {
        return KEEPERS_PAGE_TOO_MANY;
    }

    if (op->kind != KEEPERS_PAGE_VALUE) {
        f->open[f->depth].end = op->jump;
        f->open[f->depth].op = f->folded->n;
        f->depth++;
    }

    f->folded->ops[f->folded->n++] = *op;
    f->grows = false;

    return KEEPERS_OK;
}


/* What stands in the text behind "from". */

static int
keepers_page_fold_text(keepers_page_folder_t *f, size_t from)
{
    size_t              len;
    keepers_page_op_t  *op;

    len = f->text->len - from;

    if (f->text->overflow || (!f->grows && f->folded->n == f->room)) {
        return KEEPERS_PAGE_TOO_MANY;
    }

    if (len == 0) {
        return KEEPERS_OK;
    }

    f->folded->text_len += len;

    if (f->grows) {
        f->folded->ops[f->folded->n - 1].text.len += len;
        return KEEPERS_OK;
    }

    op = &f->folded->ops[f->folded->n++];
    memset(op, 0, sizeof(keepers_page_op_t));
    op->kind = KEEPERS_PAGE_TEXT;
    op->text = keepers_str(&f->text->data[from], len);

    f->grows = true;

    return KEEPERS_OK;
}
