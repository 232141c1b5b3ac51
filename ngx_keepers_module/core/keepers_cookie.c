
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_cookie.h"
#include "core/keepers_text.h"


static keepers_str_t keepers_cookie_piece(keepers_str_t header, size_t *pos);
static inline bool keepers_cookie_value(keepers_str_t piece,
    keepers_str_t name, keepers_str_t *value);
static bool keepers_cookie_blank(keepers_str_t piece, keepers_str_t name,
    keepers_str_t *value) keepers_rare;
static bool keepers_cookie_left(keepers_str_t header, keepers_str_t name);
static bool keepers_cookie_clean(keepers_str_t s);


bool
keepers_cookie_next(keepers_str_t header, keepers_str_t name, size_t *pos,
    keepers_str_t *value)
{
    while (*pos < header.len) {
        if (keepers_cookie_value(keepers_cookie_piece(header, pos), name,
                                 value))
        {
            return true;
        }
    }

    return false;
}


bool
keepers_cookie_next_of(keepers_str_t header, const keepers_str_t names[2],
    size_t *pos, keepers_str_t *value, unsigned int *which)
{
    keepers_str_t  piece;

    while (*pos < header.len) {
        piece = keepers_cookie_piece(header, pos);

        for (*which = 0; *which < 2; (*which)++) {
            if (keepers_cookie_value(piece, names[*which], value)) {
                return true;
            }
        }
    }

    return false;
}


void
keepers_cookie_strip(keepers_str_t header, keepers_str_t name,
    keepers_out_t *out)
{
    bool           first, cut;
    size_t         pos;
    keepers_str_t  piece, value;

    if (!keepers_cookie_left(header, name)) {
        return;
    }

    pos = 0;
    first = true;
    cut = false;

    while (pos < header.len) {
        piece = keepers_cookie_piece(header, &pos);

        if (keepers_cookie_value(piece, name, &value)) {
            cut = true;
            continue;
        }

        if (!first) {
            keepers_out_byte(out, ';');

        } else if (cut) {

            /* the blank behind a cookie that is gone */

            while (piece.len != 0 && piece.data[0] == ' ') {
                piece.data++;
                piece.len--;
            }
        }

        keepers_out_str(out, piece);
        first = false;
    }

    /* a last ';' has no piece behind it */

    if (header.data[header.len - 1] == ';') {
        keepers_out_byte(out, ';');
    }
}


/* Is there anything to send on, once every cookie called "name" is gone? */

static bool
keepers_cookie_left(keepers_str_t header, keepers_str_t name)
{
    size_t         pos;
    keepers_str_t  piece, value;

    pos = 0;

    while (pos < header.len) {
        piece = keepers_cookie_piece(header, &pos);

        if (keepers_text_trim_ows(piece).len != 0
            && !keepers_cookie_value(piece, name, &value))
        {
            return true;
        }
    }

    return false;
}


/* What stands from *pos up to the next ';' or the end; *pos goes behind it. */

static keepers_str_t
keepers_cookie_piece(keepers_str_t header, size_t *pos)
{
    size_t                len;
    const unsigned char  *start, *end;

    start = &header.data[*pos];
    len = header.len - *pos;
    end = memchr(start, ';', len);

    if (end == NULL) {
        *pos = header.len;
        return keepers_str(start, len);
    }

    len = (size_t) (end - start);
    *pos += len + 1;

    return keepers_str(start, len);
}


static inline bool
keepers_cookie_value(keepers_str_t piece, keepers_str_t name,
    keepers_str_t *value)
{
    piece = keepers_text_trim_ows(piece);

    if (name.len == 0 || piece.len <= name.len) {
        return false;
    }

    if (piece.data[name.len] != '=') {
        return piece.data[name.len] <= ' '
               && keepers_cookie_blank(piece, name, value);
    }

    if (memcmp(piece.data, name.data, name.len) != 0) {
        return false;
    }

    piece.data += name.len + 1;
    piece.len -= name.len + 1;
    *value = keepers_text_trim_ows(piece);

    return true;
}


/*
 * No browser sends a blank between name and '=', and there are servers that
 * take the name without it.
 */

static bool
keepers_cookie_blank(keepers_str_t piece, keepers_str_t name,
    keepers_str_t *value)
{
    size_t  end;

    for (end = name.len; end < piece.len && piece.data[end] != '='; end++) {
        if (piece.data[end] != ' ' && piece.data[end] != '\t') {
            return false;
        }
    }

    if (end == piece.len || memcmp(piece.data, name.data, name.len) != 0) {
        return false;
    }

    *value = keepers_text_trim_ows(keepers_str(piece.data + end + 1,
                                               piece.len - end - 1));

    return true;
}


void
keepers_cookie_write(keepers_out_t *out, keepers_str_t name,
    keepers_str_t value, int64_t max_age_s, bool secure)
{
    /* never a second attribute or header line by way of a name or value */

    if (!keepers_cookie_clean(name) || !keepers_cookie_clean(value)) {
        out->overflow = true;
        return;
    }

    keepers_out_str(out, name);
    keepers_out_byte(out, '=');
    keepers_out_str(out, value);
    keepers_out_text(out, "; Path=/; ");

    if (max_age_s >= 0) {
        keepers_out_text(out, "Max-Age=");
        keepers_out_uint(out, (uint64_t) max_age_s);
        keepers_out_text(out, "; ");
    }

    if (secure) {
        keepers_out_text(out, "Secure; ");
    }

    keepers_out_text(out, "HttpOnly; SameSite=Lax");
}


static bool
keepers_cookie_clean(keepers_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f || s.data[i] == ';'
            || s.data[i] == ',')
        {
            return false;
        }
    }

    return true;
}
