
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_page.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_PAGE_NAME_MAX  64
#define KEEPERS_PAGE_NO_TAG    SIZE_MAX


/* A section that waits for its end. */
typedef struct {
    keepers_str_t               name;
    size_t                      op;
    size_t                      at;         /* where its tag stands */
} keepers_page_open_t;

typedef struct {
    keepers_page_t             *page;
    keepers_str_t               text;
    keepers_page_resolve_pt     resolve;
    void                       *data;
    size_t                      room;
    size_t                      depth;
    keepers_page_open_t         open[KEEPERS_PAGE_DEPTH_MAX];
    bool                        raw;        /* inside <style> or <script> */
} keepers_page_compiler_t;


static int keepers_page_pieces(keepers_page_compiler_t *c, size_t *at);
static int keepers_page_text(keepers_page_compiler_t *c, keepers_str_t text);
static int keepers_page_tag(keepers_page_compiler_t *c, keepers_str_t inner,
    size_t at);
static int keepers_page_close(keepers_page_compiler_t *c, keepers_str_t name);
static keepers_page_op_t *keepers_page_op(keepers_page_compiler_t *c,
    keepers_page_op_e kind);
static bool keepers_page_name(keepers_str_t name);
static bool keepers_page_raw(keepers_str_t text, bool raw);
static bool keepers_page_starts(keepers_str_t text, size_t at,
    const char *tag);
static size_t keepers_page_find(keepers_str_t text, size_t from,
    const char *what);
static size_t keepers_page_line(keepers_str_t text, size_t at);
static void keepers_page_style_hash(keepers_str_t style, keepers_out_t *out);


size_t
keepers_page_ops(keepers_str_t text)
{
    size_t  n, at;

    n = 0;
    at = keepers_page_find(text, 0, "{{");

    while (at != KEEPERS_PAGE_NO_TAG) {
        n++;
        at = keepers_page_find(text, at + 2, "{{");
    }

    return 2 * n + 1;
}


int
keepers_page_compile(keepers_page_t *page, keepers_str_t text,
    keepers_page_resolve_pt resolve, void *data, size_t *line)
{
    int                      rc;
    size_t                   at;
    keepers_page_compiler_t  c;

    memset(&c, 0, sizeof(keepers_page_compiler_t));
    c.page = page;
    c.text = text;
    c.resolve = resolve;
    c.data = data;
    c.room = page->n;

    page->n = 0;
    page->text_len = 0;
    at = 0;
    *line = 0;

    rc = keepers_page_pieces(&c, &at);

    if (rc == KEEPERS_OK && c.depth != 0) {
        at = c.open[c.depth - 1].at;
        rc = KEEPERS_PAGE_UNBALANCED;
    }

    if (rc != KEEPERS_OK) {
        page->n = 0;
        page->text_len = 0;
        *line = keepers_page_line(text, at);
    }

    return rc;
}


/* Text and tags in turn; on a fault *at is where it stands. */

static int
keepers_page_pieces(keepers_page_compiler_t *c, size_t *at)
{
    int            rc;
    size_t         pos, end;
    keepers_str_t  text;

    text = c->text;
    pos = 0;

    for ( ;; ) {
        *at = keepers_page_find(text, pos, "{{");

        if (*at == KEEPERS_PAGE_NO_TAG) {
            *at = pos;
            return pos == text.len
                   ? KEEPERS_OK
                   : keepers_page_text(c, keepers_str(&text.data[pos],
                                                      text.len - pos));
        }

        rc = *at == pos ? KEEPERS_OK
                        : keepers_page_text(c, keepers_str(&text.data[pos],
                                                           *at - pos));

        if (rc != KEEPERS_OK) {
            return rc;
        }

        end = keepers_page_find(text, *at + 2, "}}");

        if (end == KEEPERS_PAGE_NO_TAG) {
            return KEEPERS_PAGE_SYNTAX;
        }

        rc = keepers_page_tag(c, keepers_str(&text.data[*at + 2],
                                             end - *at - 2), *at);

        if (rc != KEEPERS_OK) {
            return rc;
        }

        pos = end + 2;
    }
}


static int
keepers_page_text(keepers_page_compiler_t *c, keepers_str_t text)
{
    keepers_page_op_t  *op;

    op = keepers_page_op(c, KEEPERS_PAGE_TEXT);

    if (op == NULL) {
        return KEEPERS_PAGE_TOO_MANY;
    }

    op->text = text;
    c->page->text_len += text.len;
    c->raw = keepers_page_raw(text, c->raw);

    return KEEPERS_OK;
}


static int
keepers_page_tag(keepers_page_compiler_t *c, keepers_str_t inner, size_t at)
{
    int                 value;
    unsigned char       sigil;
    keepers_page_op_t  *op;

    /*
     * The escape for HTML does not hold there, and a style that changes has
     * no hash for the policy.
     */

    if (c->raw) {
        return KEEPERS_PAGE_SYNTAX;
    }

    sigil = inner.len == 0 ? '\0' : inner.data[0];

    if (sigil == '#' || sigil == '^' || sigil == '/') {
        inner.data++;
        inner.len--;
    }

    inner = keepers_text_trim(inner);

    if (!keepers_page_name(inner)) {
        return KEEPERS_PAGE_SYNTAX;
    }

    if (sigil == '/') {
        return keepers_page_close(c, inner);
    }

    value = c->resolve(c->data, inner);

    if (value < 0) {
        return KEEPERS_PAGE_UNKNOWN;
    }

    op = keepers_page_op(c, sigil == '#' ? KEEPERS_PAGE_IF
                            : sigil == '^' ? KEEPERS_PAGE_UNLESS
                            : KEEPERS_PAGE_VALUE);

    if (op == NULL) {
        return KEEPERS_PAGE_TOO_MANY;
    }

    op->value = value;

    if (op->kind == KEEPERS_PAGE_VALUE) {
        return KEEPERS_OK;
    }

    if (c->depth == KEEPERS_PAGE_DEPTH_MAX) {
        return KEEPERS_PAGE_TOO_DEEP;
    }

    c->open[c->depth].name = inner;
    c->open[c->depth].op = c->page->n - 1;
    c->open[c->depth].at = at;
    c->depth++;

    return KEEPERS_OK;
}


static int
keepers_page_close(keepers_page_compiler_t *c, keepers_str_t name)
{
    keepers_page_open_t  *open;

    if (c->depth == 0) {
        return KEEPERS_PAGE_UNBALANCED;
    }

    open = &c->open[c->depth - 1];

    if (!keepers_str_eq(open->name, name)) {
        return KEEPERS_PAGE_UNBALANCED;
    }

    c->page->ops[open->op].jump = (uint32_t) c->page->n;
    c->depth--;

    return KEEPERS_OK;
}


static keepers_page_op_t *
keepers_page_op(keepers_page_compiler_t *c, keepers_page_op_e kind)
{
    keepers_page_op_t  *op;

    if (c->page->n == c->room || c->page->n == UINT32_MAX) {
        return NULL;
    }

    op = &c->page->ops[c->page->n++];
    memset(op, 0, sizeof(keepers_page_op_t));
    op->kind = kind;

    return op;
}


static bool
keepers_page_name(keepers_str_t name)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < name.len; i++) {
        c = keepers_text_lower(name.data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }

    return name.len != 0 && name.len <= KEEPERS_PAGE_NAME_MAX;
}


/* Is the end of "text" inside a <style> or <script>, if its start was? */

static bool
keepers_page_raw(keepers_str_t text, bool raw)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] != '<') {
            continue;
        }

        if (keepers_page_starts(text, i, "<style")
            || keepers_page_starts(text, i, "<script"))
        {
            raw = true;

        } else if (keepers_page_starts(text, i, "</style")
                   || keepers_page_starts(text, i, "</script"))
        {
            raw = false;
        }
    }

    return raw;
}


/* Does a tag of that name, in any case, stand there? */

static bool
keepers_page_starts(keepers_str_t text, size_t at, const char *tag)
{
    size_t         len;
    unsigned char  c;

    len = strlen(tag);

    if (text.len - at < len
        || !keepers_text_eq_nocase(keepers_str(&text.data[at], len),
                                   keepers_str(tag, len)))
    {
        return false;
    }

    if (text.len - at == len) {
        return true;
    }

    c = text.data[at + len];

    return c == '>' || c == '/' || c == ' ' || (c >= '\t' && c <= '\r');
}


/* The offset of two characters, or KEEPERS_PAGE_NO_TAG. */

static size_t
keepers_page_find(keepers_str_t text, size_t from, const char *what)
{
    const unsigned char  *p, *end;

    end = &text.data[text.len];

    for (p = &text.data[from]; p < end; p++) {
        p = memchr(p, what[0], (size_t) (end - p));

        if (p == NULL || end - p < 2) {
            break;
        }

        if (p[1] == (unsigned char) what[1]) {
            return (size_t) (p - text.data);
        }
    }

    return KEEPERS_PAGE_NO_TAG;
}


static size_t
keepers_page_line(keepers_str_t text, size_t at)
{
    size_t  i, line;

    line = 1;

    for (i = 0; i < at && i < text.len; i++) {
        line += (text.data[i] == '\n');
    }

    return line;
}


/* Every jump goes forward, so that this ends after at most page->n steps. */

void
keepers_page_render(const keepers_page_t *page, keepers_page_value_pt value,
    void *data, keepers_out_t *out)
{
    size_t                    i;
    keepers_str_t             v;
    const keepers_page_op_t  *op;

    for (i = 0; i < page->n; i++) {
        op = &page->ops[i];

        if (op->kind == KEEPERS_PAGE_TEXT) {
            keepers_out_str(out, op->text);
            continue;
        }

        v = value(data, op->value);

        if (op->kind == KEEPERS_PAGE_VALUE) {
            keepers_out_html(out, v);

        } else if ((v.len == 0) == (op->kind == KEEPERS_PAGE_IF)) {
            i = (size_t) op->jump - 1;
        }
    }
}


const char *
keepers_page_fault(int rc)
{
    switch (rc) {

    case KEEPERS_OK:
        return "no fault";

    case KEEPERS_PAGE_SYNTAX:
        return "\"{{\" without \"}}\", a bad name, or a value inside <style>"
               " or <script>";

    case KEEPERS_PAGE_UNKNOWN:
        return "unknown value";

    case KEEPERS_PAGE_UNBALANCED:
        return "a section is not closed, or closed without being open";

    case KEEPERS_PAGE_TOO_DEEP:
        return "sections nest too deep";

    case KEEPERS_PAGE_TOO_MANY:
        return "too many tags";

    default:
        return "unknown fault";
    }
}


void
keepers_page_style_hashes(keepers_str_t text, keepers_out_t *out)
{
    size_t  i, from, n;

    n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] != '<' || !keepers_page_starts(text, i, "<style")) {
            continue;
        }

        while (i < text.len && text.data[i] != '>') {
            i++;
        }

        from = i + 1;

        while (i < text.len && !(text.data[i] == '<'
                                 && keepers_page_starts(text, i, "</style")))
        {
            i++;
        }

        if (i >= text.len) {
            break;              /* never closed: a browser drops it too */
        }

        if (n++ != 0) {
            keepers_out_byte(out, ' ');
        }

        keepers_page_style_hash(keepers_str(&text.data[from], i - from), out);
    }

    if (n == 0) {
        keepers_out_text(out, "'none'");
    }
}


bool
keepers_page_scripted(keepers_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] == '<' && keepers_page_starts(text, i, "<script")) {
            return true;
        }
    }

    return false;
}


/* A browser hashes what it parsed: each line end has become a line feed. */

static void
keepers_page_style_hash(keepers_str_t style, keepers_out_t *out)
{
    size_t                    i, from;
    unsigned char             hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state  state;

    (void) crypto_hash_sha256_init(&state);

    from = 0;

    for (i = 0; i < style.len; i++) {

        if (style.data[i] != '\r') {
            continue;
        }

        (void) crypto_hash_sha256_update(&state, &style.data[from], i - from);
        from = i + 1;

        if (from == style.len || style.data[from] != '\n') {
            (void) crypto_hash_sha256_update(&state,
                                             (const unsigned char *) "\n", 1);
        }
    }

    (void) crypto_hash_sha256_update(&state, &style.data[from],
                                     style.len - from);
    (void) crypto_hash_sha256_final(&state, hash);

    keepers_out_text(out, "'sha256-");
    keepers_text_base64(out, keepers_str(hash, sizeof(hash)));
    keepers_out_byte(out, '\'');
}
