
/*
 * Copyright (C) Keepers
 *
 * yajl never frees here and never runs dry.  What it may ask for, with a body
 * of L bytes: its handle, lexer and state stack, below 2 KB with our depth
 * limit; and two growing buffers, one for a token cut off by the end of the
 * body, one for strings with escapes.  Each starts at 2 KB and doubles while
 * it is not larger than its longest token; a block that cannot grow in place
 * leaves its old copies behind, in all less than twice the last one.  The two
 * tokens are different parts of the body, L1 + L2 <= L, so that the buffers
 * take at most max(4 KB, 4 * L1) + max(4 KB, 4 * L2) <= 8 KB + 4 * L.
 *
 * yajl's check of UTF-8 is off: it lets overlong forms, surrogates and more
 * through.  The first fault of the body is found before yajl sees it; yajl
 * only says which field it stands in.
 */


#include "core/keepers_json.h"
#include "core/keepers_keyring.h"
#include "core/keepers_text.h"

#include <yajl/yajl_parse.h>


#define KEEPERS_JSON_HEAP_MIN  (16 * 1024)
#define KEEPERS_JSON_ALIGN     16

#define KEEPERS_JSON_GO        1        /* what a callback of yajl returns */
#define KEEPERS_JSON_STOP      0

#define KEEPERS_JSON_NO_UNIT   0x10000  /* beyond every UTF-16 code unit */


/* Stands before each block, for realloc() must know how much to copy. */
typedef union {
    size_t              size;
    unsigned char       pad[KEEPERS_JSON_ALIGN];
} keepers_json_block_t;

typedef struct {
    unsigned char      *pos;
    unsigned char      *end;
} keepers_json_heap_t;

typedef struct {
    keepers_fieldset_t *set;
    keepers_out_t      *arena;
    keepers_field_t    *field;      /* of the current top-level key, or NULL */
    yajl_handle         handle;
    size_t              depth;
    size_t              keys;
    size_t              bad;        /* offset of the first encoding fault */
    bool                escapes;    /* a string may be none of its bytes */
    int                 rc;
} keepers_json_t;


static void keepers_json_heap_init(keepers_json_heap_t *h, void *heap,
    size_t size);
static void *keepers_json_malloc(void *data, size_t size);
static void *keepers_json_realloc(void *data, void *p, size_t size);
static void keepers_json_free(void *data, void *p);

static int keepers_json_parse(keepers_json_t *json, keepers_str_t body,
    keepers_json_heap_t *h);
static size_t keepers_json_fault_offset(keepers_str_t body, bool *escapes);
static size_t keepers_json_escape_len(keepers_str_t s);
static uint32_t keepers_json_unit(keepers_str_t s);

static int keepers_json_fail(keepers_json_t *json, int rc);
static int keepers_json_value(keepers_json_t *json,
    keepers_field_kind_e kind);
static int keepers_json_open(void *data);
static int keepers_json_open_array(void *data);
static int keepers_json_close(void *data);
static int keepers_json_key(void *data, const unsigned char *key, size_t len);
static int keepers_json_on_string(void *data, const unsigned char *text,
    size_t len);
static int keepers_json_on_number(void *data, const char *text, size_t len);
static int keepers_json_on_boolean(void *data, int value);
static int keepers_json_on_null(void *data);

static void keepers_json_escape(keepers_out_t *out, uint32_t uc);


static const yajl_callbacks  keepers_json_callbacks = {
    keepers_json_on_null,
    keepers_json_on_boolean,
    NULL,
    NULL,
    keepers_json_on_number,         /* as text: nothing to overflow */
    keepers_json_on_string,
    keepers_json_open,
    keepers_json_key,
    keepers_json_close,
    keepers_json_open_array,
    keepers_json_close
};


int
keepers_json_read(keepers_str_t body, keepers_fieldset_t *set,
    keepers_out_t *arena, void *heap, size_t heap_size)
{
    int                  rc;
    keepers_json_t       json;
    keepers_json_heap_t  h;

    set->unknown = 0;
    set->culprit = NULL;

    if (heap_size < KEEPERS_JSON_HEAP_MIN
        || (heap_size - KEEPERS_JSON_HEAP_MIN) / 4 < body.len
        || arena->overflow || arena->size - arena->len < body.len)
    {
        return KEEPERS_FIELDS_NO_SPACE;
    }

    if (body.len == 0) {
        return KEEPERS_FIELDS_MALFORMED;
    }

    memset(&json, 0, sizeof(keepers_json_t));
    json.set = set;
    json.arena = arena;
    json.bad = keepers_json_fault_offset(body, &json.escapes);

    keepers_json_heap_init(&h, heap, heap_size);

    rc = keepers_json_parse(&json, body, &h);

    /* of a piece for the longest body, a short one has used little */

    keepers_wipe(heap, (size_t) (h.pos - (unsigned char *) heap));

    /* a fault that no callback has met would be one that yajl hides */

    if (rc == KEEPERS_OK && json.bad < body.len) {
        rc = KEEPERS_FIELDS_ENCODING;
    }

    return rc;
}


static int
keepers_json_parse(keepers_json_t *json, keepers_str_t body,
    keepers_json_heap_t *h)
{
    yajl_status       status;
    yajl_alloc_funcs  funcs;

    funcs.malloc = keepers_json_malloc;
    funcs.realloc = keepers_json_realloc;
    funcs.free = keepers_json_free;
    funcs.ctx = h;

    json->handle = yajl_alloc(&keepers_json_callbacks, &funcs, json);

    if (json->handle == NULL) {
        return KEEPERS_FIELDS_NO_SPACE;
    }

    (void) yajl_config(json->handle, yajl_dont_validate_strings, 1);

    status = yajl_parse(json->handle, body.data, body.len);

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(json->handle);
    }

    /* its words for the error would quote the body: they are not asked for */

    yajl_free(json->handle);

    if (json->rc == KEEPERS_OK && status != yajl_status_ok) {
        return KEEPERS_FIELDS_MALFORMED;
    }

    return json->rc;
}


static void
keepers_json_heap_init(keepers_json_heap_t *h, void *heap, size_t size)
{
    size_t  skew;

    skew = (uintptr_t) heap % KEEPERS_JSON_ALIGN;
    skew = skew == 0 ? 0 : KEEPERS_JSON_ALIGN - skew;

    h->pos = (unsigned char *) heap + skew;
    h->end = (unsigned char *) heap + size;
}


static void *
keepers_json_malloc(void *data, size_t size)
{
    size_t                need;
    keepers_json_heap_t  *h;
    keepers_json_block_t  block;

    h = data;
    need = (size + KEEPERS_JSON_ALIGN - 1) & ~(size_t) (KEEPERS_JSON_ALIGN - 1);

    /* cannot be, see the top of this file; NULL stops yajl at once */

    if (need < size || need > (size_t) (h->end - h->pos)
        || (size_t) (h->end - h->pos) - need < sizeof(block))
    {
        return NULL;
    }

    block.size = need;
    memcpy(h->pos, &block.size, sizeof(block.size));
    h->pos += sizeof(block) + need;

    return h->pos - need;
}


static void *
keepers_json_realloc(void *data, void *p, size_t size)
{
    void    *grown;
    size_t   old;

    if (p == NULL) {
        return keepers_json_malloc(data, size);
    }

    memcpy(&old, (unsigned char *) p - sizeof(keepers_json_block_t),
           sizeof(old));

    if (size <= old) {
        return p;
    }

    grown = keepers_json_malloc(data, size);

    if (grown != NULL) {
        memcpy(grown, p, old);
    }

    return grown;
}


static void
keepers_json_free(void *data, void *p)
{
    /* all of it goes with the caller's piece of memory */

    (void) data;
    (void) p;
}


/*
 * Where the body first fails to be text: a byte that is not strict UTF-8, or
 * an escape that yajl would turn into something else (a lone surrogate) or
 * that databases refuse (U+0000).  Strings are told from the rest by their
 * quotes; where the body is no JSON, yajl finds that out.
 */

static size_t
keepers_json_fault_offset(keepers_str_t body, bool *escapes)
{
    bool    quoted;
    size_t  i, n, valid;

    valid = keepers_text_utf8_valid(body);

    /* most bodies have no escape, and memchr() looks faster than we do */

    *escapes = (memchr(body.data, '\\', valid) != NULL);

    if (!*escapes) {
        return valid;
    }

    quoted = false;

    for (i = 0; i < valid; i += n) {
        n = 1;

        if (body.data[i] == '"') {
            quoted = !quoted;

        } else if (body.data[i] == '\\' && quoted) {
            n = keepers_json_escape_len(keepers_str(&body.data[i],
                                                    valid - i));

            if (n == 0) {
                return i;
            }
        }
    }

    return valid;
}


/* The length of the escape at the start; 0 if it names no character. */

static size_t
keepers_json_escape_len(keepers_str_t s)
{
    uint32_t  unit;

    unit = keepers_json_unit(s);

    if (unit == KEEPERS_JSON_NO_UNIT) {
        return 2;       /* a simple one, or none at all: for yajl to judge */
    }

    if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return 0;
    }

    if (unit < 0xd800 || unit > 0xdfff) {
        return 6;
    }

    unit = keepers_json_unit(keepers_str(&s.data[6], s.len - 6));

    return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
}


static uint32_t
keepers_json_unit(keepers_str_t s)
{
    int       digit;
    size_t    i;
    uint32_t  unit;

    if (s.len < 6 || s.data[0] != '\\' || s.data[1] != 'u') {
        return KEEPERS_JSON_NO_UNIT;
    }

    unit = 0;

    for (i = 2; i < 6; i++) {
        digit = keepers_text_nibble(keepers_text_lower(s.data[i]));

        if (digit < 0) {
            return KEEPERS_JSON_NO_UNIT;
        }

        unit = unit << 4 | (uint32_t) digit;
    }

    return unit;
}


static int
keepers_json_fail(keepers_json_t *json, int rc)
{
    json->rc = rc;
    json->set->culprit = json->field;

    return KEEPERS_JSON_STOP;
}


/* A value of any kind has come; one of a top-level key is noted. */

static int
keepers_json_value(keepers_json_t *json, keepers_field_kind_e kind)
{
    if (json->depth == 0) {
        return keepers_json_fail(json, KEEPERS_FIELDS_MALFORMED);
    }

    if (json->depth == 1 && json->field != NULL) {
        json->field->kind = kind;
    }

    return KEEPERS_JSON_GO;
}


static int
keepers_json_open(void *data)
{
    keepers_json_t  *json;

    json = data;

    if (json->depth == KEEPERS_JSON_DEPTH_MAX) {
        json->field = NULL;
        return keepers_json_fail(json, KEEPERS_FIELDS_TOO_MANY);
    }

    if (json->depth != 0) {
        (void) keepers_json_value(json, KEEPERS_FIELD_OTHER);
    }

    json->depth++;

    return KEEPERS_JSON_GO;
}


static int
keepers_json_open_array(void *data)
{
    keepers_json_t  *json;

    json = data;

    if (json->depth == 0) {
        return keepers_json_fail(json, KEEPERS_FIELDS_MALFORMED);
    }

    return keepers_json_open(data);
}


static int
keepers_json_close(void *data)
{
    keepers_json_t  *json;

    json = data;
    json->depth--;

    return KEEPERS_JSON_GO;
}


static int
keepers_json_key(void *data, const unsigned char *key, size_t len)
{
    keepers_json_t  *json;

    json = data;

    if (json->depth == 1) {
        json->field = NULL;
    }

    if (yajl_get_bytes_consumed(json->handle) > json->bad) {
        return keepers_json_fail(json, KEEPERS_FIELDS_ENCODING);
    }

    if (json->keys++ == KEEPERS_FIELDS_MAX) {
        json->field = NULL;
        return keepers_json_fail(json, KEEPERS_FIELDS_TOO_MANY);
    }

    if (json->depth != 1) {
        return KEEPERS_JSON_GO;
    }

    json->field = keepers_fieldset_find(json->set, keepers_str(key, len));

    if (json->field == NULL) {
        json->set->unknown++;

    } else if (json->field->kind != KEEPERS_FIELD_ABSENT) {
        return keepers_json_fail(json, KEEPERS_FIELDS_REPEATED);
    }

    return KEEPERS_JSON_GO;
}


static int
keepers_json_on_string(void *data, const unsigned char *text, size_t len)
{
    keepers_str_t    s;
    keepers_json_t  *json;

    json = data;
    s = keepers_str(text, len);

    if (yajl_get_bytes_consumed(json->handle) > json->bad
        || (json->escapes && !keepers_text_utf8(s)))
    {
        return keepers_json_fail(json, KEEPERS_FIELDS_ENCODING);
    }

    if (json->depth == 1 && json->field != NULL) {
        json->field->value = keepers_str(&json->arena->data[json->arena->len],
                                         len);
        keepers_out_str(json->arena, s);

        if (json->arena->overflow) {
            return keepers_json_fail(json, KEEPERS_FIELDS_NO_SPACE);
        }
    }

    return keepers_json_value(json, KEEPERS_FIELD_STRING);
}


static int
keepers_json_on_number(void *data, const char *text, size_t len)
{
    (void) text;
    (void) len;

    return keepers_json_value(data, KEEPERS_FIELD_OTHER);
}


static int
keepers_json_on_boolean(void *data, int value)
{
    return keepers_json_value(data, value ? KEEPERS_FIELD_TRUE
                                          : KEEPERS_FIELD_FALSE);
}


static int
keepers_json_on_null(void *data)
{
    return keepers_json_value(data, KEEPERS_FIELD_NULL);
}


void
keepers_json_string(keepers_out_t *out, keepers_str_t s)
{
    size_t    i, n, from, start;
    uint32_t  uc;

    start = out->len;
    from = 0;

    keepers_out_byte(out, '"');

    for (i = 0; i < s.len; i += n) {
        n = keepers_text_utf8_char(keepers_str(&s.data[i], s.len - i), &uc);

        if (n != 0 && uc >= 0x20 && uc != '"' && uc != '\\' && uc != '<') {
            continue;
        }

        keepers_out_bytes(out, &s.data[from], i - from);

        /* what is no character still leaves valid JSON behind */

        keepers_json_escape(out, n == 0 && s.data[i] != 0 ? 0xfffd : uc);

        n = 1;
        from = i + 1;
    }

    if (from < s.len) {
        keepers_out_bytes(out, &s.data[from], s.len - from);
    }

    keepers_out_byte(out, '"');

    if (out->overflow) {
        out->len = start;
    }
}


static void
keepers_json_escape(keepers_out_t *out, uint32_t uc)
{
    size_t             i;
    static const char  digits[] = "0123456789abcdef";

    if (uc == '"' || uc == '\\') {
        keepers_out_byte(out, '\\');
        keepers_out_byte(out, (unsigned char) uc);
        return;
    }

    keepers_out_text(out, "\\u");

    for (i = 0; i < 4; i++) {
        keepers_out_byte(out, (unsigned char) digits[uc >> (12 - 4 * i) & 0xf]);
    }
}
