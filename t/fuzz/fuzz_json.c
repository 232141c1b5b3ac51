
/*
 * Copyright (C) Keepers
 *
 * A JSON body, whatever it is, with a heap of just the promised size: each
 * string that comes out is strict UTF-8; a body is taken only if all of it is
 * UTF-8 and each escape in it names a character; written as JSON again, the
 * strings come out the same.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_json.h"
#include "core/keepers_signup.h"
#include "core/keepers_text.h"


#define BODY_MAX   16384
#define HEAP_MIN   (16 * 1024)
#define AGAIN_MAX  (8 * BODY_MAX)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void check_escapes(const uint8_t *s, size_t size);
static int unit(const uint8_t *s, size_t size);
static void write_json(const keepers_fieldset_t *set, keepers_out_t *out);


static unsigned char  arena_buf[BODY_MAX], json_buf[AGAIN_MAX];
static unsigned char  again_buf[AGAIN_MAX];
static unsigned char  again_heap[HEAP_MIN + 4 * AGAIN_MAX];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 rc;
    void               *heap;
    size_t              i;
    keepers_out_t       arena, json;
    keepers_field_t     fields[KEEPERS_SIGNUP_FIELDS];
    keepers_field_t     again[KEEPERS_SIGNUP_FIELDS];
    keepers_fieldset_t  set, second;

    if (size > BODY_MAX) {
        return 0;
    }

    heap = malloc(HEAP_MIN + 4 * size);
    check(heap != NULL);

    keepers_signup_fields(fields, &set);
    keepers_out_init(&arena, arena_buf, size);

    rc = keepers_json_read(keepers_str(data, size), &set, &arena, heap,
                           HEAP_MIN + 4 * size);
    free(heap);

    check(rc >= KEEPERS_OK && rc < KEEPERS_FIELDS_NO_SPACE);
    check(!arena.overflow);

    if (rc != KEEPERS_OK) {
        check(rc == KEEPERS_FIELDS_REPEATED ? set.culprit != NULL : 1);
        return 0;
    }

    check(keepers_text_utf8(keepers_str(data, size)));
    check(set.unknown <= KEEPERS_FIELDS_MAX);
    check_escapes(data, size);

    for (i = 0; i < set.n; i++) {
        check(keepers_text_utf8(fields[i].value));
        check(fields[i].kind == KEEPERS_FIELD_STRING
              || fields[i].value.len == 0);
    }

    keepers_out_init(&json, json_buf, sizeof(json_buf));
    write_json(&set, &json);
    check(!json.overflow);

    keepers_signup_fields(again, &second);
    keepers_out_init(&arena, again_buf, sizeof(again_buf));
    check(keepers_json_read(keepers_out_written(&json), &second, &arena,
                            again_heap, sizeof(again_heap)) == KEEPERS_OK);

    for (i = 0; i < set.n; i++) {
        check(keepers_str_eq(fields[i].value, again[i].value));
    }

    return 0;
}


/* In what is JSON a backslash stands in strings alone. */

static void
check_escapes(const uint8_t *s, size_t size)
{
    int     high;
    size_t  i;

    for (i = 0; i < size; i++) {

        if (s[i] != '\\') {
            continue;
        }

        i++;
        check(i < size);

        if (s[i] != 'u') {
            continue;
        }

        high = unit(s + i, size - i);
        i += 4;

        check(high > 0 && (high < 0xdc00 || high > 0xdfff));

        if (high >= 0xd800 && high <= 0xdbff) {
            check(i + 2 < size && s[i + 1] == '\\');

            high = unit(s + i + 2, size - i - 2);
            i += 6;

            check(high >= 0xdc00 && high <= 0xdfff);
        }
    }
}


/* "u" and four digits; -1 for anything else. */

static int
unit(const uint8_t *s, size_t size)
{
    char  digits[5], *end;
    long  n;

    if (size < 5 || s[0] != 'u') {
        return -1;
    }

    memcpy(digits, s + 1, 4);
    digits[4] = '\0';
    n = strtol(digits, &end, 16);

    return end == digits + 4 ? (int) n : -1;
}


static void
write_json(const keepers_fieldset_t *set, keepers_out_t *out)
{
    size_t  i;

    keepers_out_byte(out, '{');

    for (i = 0; i < set->n; i++) {

        if (i != 0) {
            keepers_out_byte(out, ',');
        }

        keepers_json_string(out, set->fields[i].name);
        keepers_out_byte(out, ':');
        keepers_json_string(out, set->fields[i].value);
    }

    keepers_out_byte(out, '}');
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
