
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_out.h"


/* a bit for each character that becomes an entity */
#define KEEPERS_OUT_ENTITIES                                                 \
    ((uint64_t) 1 << '&' | (uint64_t) 1 << '<' | (uint64_t) 1 << '>'         \
     | (uint64_t) 1 << '"' | (uint64_t) 1 << '\'')


static size_t keepers_out_digits(uint64_t n);
static const char *keepers_out_entity(unsigned char c);


/* of ten, but the first, which stands for 0, too */
static const uint64_t  keepers_out_powers[] = {
    0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
    1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000,
    100000000000000, 1000000000000000, 10000000000000000,
    100000000000000000, 1000000000000000000, 10000000000000000000U
};

static const char  keepers_out_pairs[] =
    "00010203040506070809" "10111213141516171819"
    "20212223242526272829" "30313233343536373839"
    "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879"
    "80818283848586878889" "90919293949596979899";


void
keepers_out_uint(keepers_out_t *out, uint64_t n)
{
    size_t          len;
    unsigned int    pair;
    unsigned char  *p;

    len = keepers_out_digits(n);
    p = keepers_out_take(out, len);

    if (p == NULL) {
        return;
    }

    p += len;

    while (n >= 100) {
        pair = (unsigned int) (n % 100) * 2;
        n /= 100;

        *--p = (unsigned char) keepers_out_pairs[pair + 1];
        *--p = (unsigned char) keepers_out_pairs[pair];
    }

    if (n > 9) {
        *--p = (unsigned char) keepers_out_pairs[n * 2 + 1];
        *--p = (unsigned char) keepers_out_pairs[n * 2];

    } else {
        *--p = (unsigned char) ('0' + n);
    }
}


/* Of n bits one less than it may have: 1233 / 4096 is the logarithm of 2. */

static size_t
keepers_out_digits(uint64_t n)
{
    size_t  digits;

    digits = (size_t) (64 - __builtin_clzll(n | 1)) * 1233 >> 12;

    return digits + (n >= keepers_out_powers[digits]);
}


void
keepers_out_u16(keepers_out_t *out, uint16_t n)
{
    unsigned char  *p;

    p = keepers_out_take(out, 2);

    if (p != NULL) {
        p[0] = (unsigned char) (n >> 8);
        p[1] = (unsigned char) n;
    }
}


void
keepers_out_u32(keepers_out_t *out, uint32_t n)
{
    size_t          i;
    unsigned char  *p;

    p = keepers_out_take(out, 4);

    if (p != NULL) {
        for (i = 0; i < 4; i++) {
            p[i] = (unsigned char) (n >> (24 - 8 * i));
        }
    }
}


void
keepers_out_u64(keepers_out_t *out, uint64_t n)
{
    size_t          i;
    unsigned char  *p;

    p = keepers_out_take(out, 8);

    if (p != NULL) {
        for (i = 0; i < 8; i++) {
            p[i] = (unsigned char) (n >> (56 - 8 * i));
        }
    }
}


void
keepers_out_lstr(keepers_out_t *out, keepers_str_t s)
{
    unsigned char  *p;

    if (s.len > UINT16_MAX) {
        out->overflow = true;
        return;
    }

    /* the length and the bytes together, or neither */

    p = keepers_out_take(out, 2 + s.len);

    if (p == NULL) {
        return;
    }

    p[0] = (unsigned char) (s.len >> 8);
    p[1] = (unsigned char) s.len;

    if (s.len != 0) {
        memcpy(&p[2], s.data, s.len);
    }
}


void
keepers_out_html(keepers_out_t *out, keepers_str_t s)
{
    size_t         i, from, start;
    unsigned char  c;

    start = out->len;
    from = 0;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c >= 64 || !(KEEPERS_OUT_ENTITIES >> c & 1)) {
            continue;
        }

        keepers_out_bytes(out, &s.data[from], i - from);
        keepers_out_text(out, keepers_out_entity(c));
        from = i + 1;
    }

    if (from < s.len) {
        keepers_out_bytes(out, &s.data[from], s.len - from);
    }

    if (out->overflow) {
        out->len = start;       /* no half of an entity is left behind */
    }
}


static const char *
keepers_out_entity(unsigned char c)
{
    switch (c) {

    case '&':
        return "&amp;";

    case '<':
        return "&lt;";

    case '>':
        return "&gt;";

    case '"':
        return "&quot;";

    default:
        return "&#39;";
    }
}
