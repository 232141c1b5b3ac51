
/*
 * Copyright (C) Keepers
 *
 * A subset of Mustache: {{v}} escaped for HTML, {{#v}}..{{/v}} when v is not
 * empty, {{^v}}..{{/v}} when it is.  Sections nest, at most 8 deep.  Compiled
 * once into operations, rendered into a buffer without allocation.
 */


#ifndef _KEEPERS_PAGE_H_INCLUDED_
#define _KEEPERS_PAGE_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


#define KEEPERS_PAGE_DEPTH_MAX  8


typedef enum {
    KEEPERS_PAGE_TEXT = 0,
    KEEPERS_PAGE_VALUE,
    KEEPERS_PAGE_IF,            /* jump to "jump" when the value is empty */
    KEEPERS_PAGE_UNLESS         /* jump when it is not */
} keepers_page_op_e;


typedef struct {
    keepers_page_op_e   kind;
    uint32_t            jump;       /* index of an operation */
    int                 value;      /* of VALUE, IF, UNLESS */
    keepers_str_t       text;       /* of TEXT: a view into the template */
} keepers_page_op_t;


typedef struct {
    keepers_page_op_t  *ops;
    size_t              n;
    size_t              text_len;   /* of all text: a hint for buffers */
} keepers_page_t;


enum {
    KEEPERS_PAGE_SYNTAX = 1,        /* "{{" without "}}", bad name */
    KEEPERS_PAGE_UNKNOWN,           /* the resolver does not know a name */
    KEEPERS_PAGE_UNBALANCED,        /* section open or closed wrongly */
    KEEPERS_PAGE_TOO_DEEP,
    KEEPERS_PAGE_TOO_MANY           /* more operations, or text, than room */
};


/* The number of a value's name, or -1. */
typedef int (*keepers_page_resolve_pt)(void *data, keepers_str_t name);

/* The value of a number, at rendering. */
typedef keepers_str_t (*keepers_page_value_pt)(void *data, int value);

/* Is a value not known yet, at folding? */
typedef bool (*keepers_page_open_pt)(void *data, int value);


/*
 * Compiles into page->ops, of the caller, with room for page->n operations
 * (2 * count of "{{" + 1 suffice, keepers_page_ops() counts); sets page->n.
 * "text" must outlive the page.  On a fault *line is its line, from 1.
 */
size_t keepers_page_ops(keepers_str_t text);
int keepers_page_compile(keepers_page_t *page, keepers_str_t text,
    keepers_page_resolve_pt resolve, void *data, size_t *line)
    keepers_checked;

void keepers_page_render(const keepers_page_t *page,
    keepers_page_value_pt value, void *data, keepers_out_t *out);

/*
 * A page that renders what "page" would, with all values but the open ones in
 * it already: into folded->ops, of the caller, with room for folded->n
 * operations, and "text", which must outlive it; sets folded->n.  Its open
 * values have the numbers that they had.  KEEPERS_OK or KEEPERS_PAGE_TOO_MANY.
 */
int keepers_page_fold(const keepers_page_t *page, keepers_page_open_pt open,
    keepers_page_value_pt value, void *data, keepers_out_t *text,
    keepers_page_t *folded) keepers_checked;

const char *keepers_page_fault(int rc);

/*
 * The CSP source list for the <style> elements of a template, for it cannot
 * allow inline styles as such: "'sha256-...' 'sha256-...'", or "'none'".  A
 * <style> must not contain "{{".
 */
void keepers_page_style_hashes(keepers_str_t text, keepers_out_t *out);

/* Does it have a <script>?  Then scripts of this site may run, and ask it. */
bool keepers_page_scripted(keepers_str_t text);


#endif /* _KEEPERS_PAGE_H_INCLUDED_ */
