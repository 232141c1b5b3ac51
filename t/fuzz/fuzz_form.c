
/*
 * Copyright (C) Keepers
 *
 * A form body, whatever it is: each value that comes out is strict UTF-8,
 * inside the arena, not longer than the body, and stands there once.  Written
 * as a form again, the values come out the same.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_form.h"
#include "core/keepers_signup.h"
#include "core/keepers_text.h"


#define BODY_MAX  16384


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void write_form(const keepers_fieldset_t *set, keepers_out_t *out);


static unsigned char  arena_buf[BODY_MAX], again_buf[4 * BODY_MAX];
static unsigned char  form_buf[4 * BODY_MAX];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 rc;
    size_t              i, used;
    keepers_out_t       arena, form;
    keepers_field_t     fields[KEEPERS_SIGNUP_FIELDS];
    keepers_field_t     again[KEEPERS_SIGNUP_FIELDS];
    keepers_fieldset_t  set, second;

    if (size > BODY_MAX) {
        return 0;
    }

    keepers_signup_fields(fields, &set);
    keepers_out_init(&arena, arena_buf, size);

    rc = keepers_form_read(keepers_str(data, size), &set, &arena);

    check(rc >= KEEPERS_OK && rc < KEEPERS_FIELDS_NO_SPACE);
    check(!arena.overflow);

    if (rc != KEEPERS_OK) {
        check(rc == KEEPERS_FIELDS_REPEATED ? set.culprit != NULL : 1);
        return 0;
    }

    used = 0;

    for (i = 0; i < set.n; i++) {
        check(keepers_text_utf8(fields[i].value));
        check(fields[i].kind == KEEPERS_FIELD_STRING
              || fields[i].kind == KEEPERS_FIELD_ABSENT);
        used += fields[i].value.len;
    }

    check(used == arena.len);

    keepers_out_init(&form, form_buf, sizeof(form_buf));
    write_form(&set, &form);
    check(!form.overflow);

    keepers_signup_fields(again, &second);
    keepers_out_init(&arena, again_buf, sizeof(again_buf));
    check(keepers_form_read(keepers_out_written(&form), &second, &arena)
          == KEEPERS_OK);

    for (i = 0; i < set.n; i++) {
        check(fields[i].kind == again[i].kind);
        check(keepers_str_eq(fields[i].value, again[i].value));
    }

    return 0;
}


static void
write_form(const keepers_fieldset_t *set, keepers_out_t *out)
{
    size_t  i, k;

    for (i = 0; i < set->n; i++) {

        if (set->fields[i].kind == KEEPERS_FIELD_ABSENT) {
            continue;
        }

        keepers_out_str(out, set->fields[i].name);
        keepers_out_byte(out, '=');

        for (k = 0; k < set->fields[i].value.len; k++) {
            keepers_out_byte(out, '%');
            keepers_text_hex(out, keepers_str(&set->fields[i].value.data[k],
                                              1));
        }

        keepers_out_byte(out, '&');
    }
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
