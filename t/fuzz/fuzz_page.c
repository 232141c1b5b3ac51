
/*
 * Copyright (C) Keepers
 *
 * A template, whatever it is, filled with hostile values.  If it compiles, a
 * second, much slower reading of it, with no operations in between, renders
 * the same, and so does the page once any of its values are folded; every jump
 * goes forward; a value brings in no markup.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_page.h"
#include "core/keepers_text.h"


#define TEXT_MAX  2048
#define OUT_MAX   (64 * TEXT_MAX)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static int resolve(void *data, keepers_str_t name);
static keepers_str_t value(void *data, int n);
static void check_ops(const keepers_page_t *page, keepers_str_t text);
static void check_folded(const keepers_page_t *page, keepers_str_t want,
    int unknown);
static bool open(void *data, int n);
static keepers_str_t known(void *data, int n);
static size_t next(keepers_str_t text, size_t from, const char *two);
static void interpret(keepers_str_t text, keepers_out_t *out);


static unsigned char      buf[OUT_MAX], want_buf[OUT_MAX], hashes[OUT_MAX];
static unsigned char      text_buf[OUT_MAX];
static keepers_page_op_t  ops[2 * TEXT_MAX], folded_ops[2 * TEXT_MAX];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             rc;
    size_t          line;
    keepers_str_t   text;
    keepers_out_t   out, want, h;
    keepers_page_t  page;

    if (size > TEXT_MAX) {
        return 0;
    }

    text = keepers_str(data, size);

    keepers_out_init(&h, hashes, sizeof(hashes));
    keepers_page_style_hashes(text, &h);
    check(!h.overflow && h.len >= 6);

    page.ops = ops;
    page.n = keepers_page_ops(text);
    check(page.n <= 2 * TEXT_MAX);

    rc = keepers_page_compile(&page, text, resolve, NULL, &line);
    check(rc != KEEPERS_PAGE_TOO_MANY);

    if (rc != KEEPERS_OK) {
        check(line >= 1 && line <= size + 1 && page.n == 0);
        return 0;
    }

    check(line == 0);
    check_ops(&page, text);

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_render(&page, value, NULL, &out);
    keepers_out_init(&want, want_buf, sizeof(want_buf));
    interpret(text, &want);

    check(!out.overflow && !want.overflow);
    check(keepers_str_eq(keepers_out_written(&out),
                         keepers_out_written(&want)));

    check_folded(&page, keepers_out_written(&want), 0);
    check_folded(&page, keepers_out_written(&want), 7);
    check_folded(&page, keepers_out_written(&want), 9);
    check_folded(&page, keepers_out_written(&want), 7 | 9);

    keepers_out_init(&out, buf, size / 2);
    keepers_page_render(&page, value, NULL, &out);
    check(out.len <= size / 2);

    return 0;
}


/* "a" is full, "n" is empty. */

static int
resolve(void *data, keepers_str_t name)
{
    (void) data;

    if (name.len != 1) {
        return -1;
    }

    return name.data[0] == 'a' ? 7 : name.data[0] == 'n' ? 9 : -1;
}


static keepers_str_t
value(void *data, int n)
{
    static const char  hostile[] = "<'{{a}}\">&";

    (void) data;
    check(n == 7 || n == 9);

    return n == 7 ? keepers_str(hostile, sizeof(hostile) - 1)
                  : keepers_str(NULL, 0);
}


static void
check_ops(const keepers_page_t *page, keepers_str_t text)
{
    size_t  i, len;

    len = 0;

    for (i = 0; i < page->n; i++) {

        switch (page->ops[i].kind) {

        case KEEPERS_PAGE_TEXT:
            len += page->ops[i].text.len;
            check(page->ops[i].text.len != 0);
            break;

        case KEEPERS_PAGE_VALUE:
            break;

        default:
            check(page->ops[i].jump > i && page->ops[i].jump <= page->n);
        }
    }

    check(len == page->text_len && len <= text.len);
}


/* 7 | 9 is neither: both are open.  What is open is not asked for. */

static void
check_folded(const keepers_page_t *page, keepers_str_t want, int unknown)
{
    keepers_out_t   out, text;
    keepers_page_t  folded;

    folded.ops = folded_ops;
    folded.n = page->n;
    keepers_out_init(&text, text_buf, sizeof(text_buf));

    check(keepers_page_fold(page, open, known, &unknown, &text, &folded)
          == KEEPERS_OK);
    check(folded.n <= page->n);
    check(unknown != 0 || folded.n <= 1);
    check_ops(&folded, keepers_out_written(&text));

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_render(&folded, value, NULL, &out);
    check(keepers_str_eq(keepers_out_written(&out), want));

    /* with less room it is refused, or whole */

    folded.n = page->n / 2;
    keepers_out_init(&text, text_buf, want.len / 2);

    if (keepers_page_fold(page, open, known, &unknown, &text, &folded)
        == KEEPERS_OK)
    {
        keepers_out_init(&out, buf, sizeof(buf));
        keepers_page_render(&folded, value, NULL, &out);
        check(keepers_str_eq(keepers_out_written(&out), want));
    }
}


static bool
open(void *data, int n)
{
    const int  *unknown = data;

    return n == *unknown || *unknown == (7 | 9);
}


static keepers_str_t
known(void *data, int n)
{
    check(!open(data, n));

    return value(NULL, n);
}


/* A stack of "is it shown", no jumps: for templates that compiled. */

static void
interpret(keepers_str_t text, keepers_out_t *out)
{
    bool           shown[KEEPERS_PAGE_DEPTH_MAX + 1];
    size_t         pos, at, end, depth;
    unsigned char  sigil;
    keepers_str_t  name, v;

    depth = 0;
    shown[0] = true;

    for (pos = 0; pos < text.len; pos = end + 2) {
        at = next(text, pos, "{{");

        if (shown[depth]) {
            keepers_out_bytes(out, &text.data[pos], at - pos);
        }

        if (at == text.len) {
            break;
        }

        end = next(text, at + 2, "}}");
        check(end < text.len);

        name = keepers_str(&text.data[at + 2], end - at - 2);
        sigil = name.data[0];

        if (sigil == '/') {
            check(depth-- > 0);
            continue;
        }

        if (sigil == '#' || sigil == '^') {
            name.data++;
            name.len--;
        }

        v = value(NULL, resolve(NULL, keepers_text_trim(name)));

        if (sigil == '#' || sigil == '^') {
            check(depth < KEEPERS_PAGE_DEPTH_MAX);
            shown[depth + 1] = shown[depth] && (v.len != 0) == (sigil == '#');
            depth++;

        } else if (shown[depth] && v.len != 0) {
            keepers_out_text(out, "&lt;&#39;{{a}}&quot;&gt;&amp;");
        }
    }

    check(depth == 0);
}


static size_t
next(keepers_str_t text, size_t from, const char *two)
{
    size_t  i;

    for (i = from; i + 1 < text.len; i++) {
        if (memcmp(&text.data[i], two, 2) == 0) {
            return i;
        }
    }

    return text.len;
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
