
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_form.h"
#include "core/keepers_text.h"


static int keepers_form_pair(keepers_str_t piece, keepers_fieldset_t *set,
    keepers_out_t *arena);
static bool keepers_form_decode(keepers_str_t s, keepers_out_t *arena,
    keepers_str_t *decoded);


int
keepers_form_read(keepers_str_t body, keepers_fieldset_t *set,
    keepers_out_t *arena)
{
    int                   rc;
    size_t                n;
    keepers_str_t         piece;
    const unsigned char  *end;

    set->unknown = 0;
    set->culprit = NULL;

    /* nothing that is decoded is longer than it was */

    if (arena->overflow || arena->size - arena->len < body.len) {
        return KEEPERS_FIELDS_NO_SPACE;
    }

    n = 0;

    while (body.len != 0) {
        end = memchr(body.data, '&', body.len);
        piece = body;

        if (end != NULL) {
            piece.len = (size_t) (end - body.data);
        }

        body.data += piece.len;
        body.len -= piece.len;

        if (end != NULL) {
            body.data++;
            body.len--;
        }

        if (piece.len == 0) {
            continue;
        }

        if (n++ == KEEPERS_FIELDS_MAX) {
            return KEEPERS_FIELDS_TOO_MANY;
        }

        rc = keepers_form_pair(piece, set, arena);

        if (rc != KEEPERS_OK) {
            return rc;
        }
    }

    return KEEPERS_OK;
}


static int
keepers_form_pair(keepers_str_t piece, keepers_fieldset_t *set,
    keepers_out_t *arena)
{
    size_t                mark;
    keepers_str_t         name, value;
    keepers_field_t      *field;
    const unsigned char  *equals;

    mark = arena->len;
    value = keepers_str(&piece.data[piece.len], 0);
    equals = memchr(piece.data, '=', piece.len);

    if (equals != NULL) {
        value.data = equals + 1;
        value.len = (size_t) (&piece.data[piece.len] - value.data);
        piece.len = (size_t) (equals - piece.data);
    }

    if (!keepers_form_decode(piece, arena, &name)) {
        return KEEPERS_FIELDS_MALFORMED;
    }

    /* a known name is the table's: its bytes in the arena are free again */

    field = keepers_fieldset_find(set, name);
    arena->len = mark;

    if (!keepers_form_decode(value, arena, &value)) {
        return KEEPERS_FIELDS_MALFORMED;
    }

    if (field != NULL && field->kind != KEEPERS_FIELD_ABSENT) {
        set->culprit = field;
        return KEEPERS_FIELDS_REPEATED;
    }

    if (!keepers_text_utf8(value)) {
        set->culprit = field;
        return KEEPERS_FIELDS_ENCODING;
    }

    if (field == NULL) {
        set->unknown++;
        arena->len = mark;
        return KEEPERS_OK;
    }

    field->kind = KEEPERS_FIELD_STRING;
    field->value = value;

    return KEEPERS_OK;
}


static bool
keepers_form_decode(keepers_str_t s, keepers_out_t *arena,
    keepers_str_t *decoded)
{
    int             high, low;
    size_t          i, n;
    unsigned char  *p;

    if (s.len == 0) {
        *decoded = keepers_str(s.data, 0);
        return true;
    }

    p = &arena->data[arena->len];
    n = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] != '%') {
            p[n++] = s.data[i] == '+' ? ' ' : s.data[i];
            continue;
        }

        if (s.len - i < 3) {
            return false;
        }

        high = keepers_text_nibble(keepers_text_lower(s.data[i + 1]));
        low = keepers_text_nibble(keepers_text_lower(s.data[i + 2]));

        if (high < 0 || low < 0) {
            return false;
        }

        p[n++] = (unsigned char) (high << 4 | low);
        i += 2;
    }

    arena->len += n;
    *decoded = keepers_str(p, n);

    return true;
}
