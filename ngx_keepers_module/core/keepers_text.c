
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_text.h"

#include <stdlib.h>
#include <uninorm.h>


#define KEEPERS_TEXT_WORD       sizeof(uint64_t)
#define KEEPERS_TEXT_HIGH_BITS  0x8080808080808080ULL
#define KEEPERS_TEXT_LOW_BITS   0x0101010101010101ULL


static inline bool keepers_text_plain(const unsigned char *p);
static inline bool keepers_text_printed(const unsigned char *p);
static bool keepers_text_space(unsigned char c);


static const char  keepers_text_hex_digits[] = "0123456789abcdef";


bool
keepers_text_utf8(keepers_str_t s)
{
    return keepers_text_utf8_valid(s) == s.len;
}


size_t
keepers_text_utf8_valid(keepers_str_t s)
{
    size_t    i, n;
    uint32_t  uc;

    for (i = 0; i < s.len; i += n) {

        if (s.len - i >= KEEPERS_TEXT_WORD) {

            if (keepers_text_plain(&s.data[i])) {
                n = KEEPERS_TEXT_WORD;
                continue;
            }

        } else if (s.len >= KEEPERS_TEXT_WORD
                   && keepers_text_plain(&s.data[s.len - KEEPERS_TEXT_WORD]))
        {
            /* the last eight begin before i */

            return s.len;
        }

        if (s.data[i] - 1U < 0x7f) {
            n = 1;
            continue;
        }

        n = keepers_text_utf8_char(keepers_str(&s.data[i], s.len - i), &uc);

        if (n == 0) {
            return i;
        }
    }

    return i;
}


/* Eight bytes of ASCII, none of them zero. */

static inline bool
keepers_text_plain(const unsigned char *p)
{
    uint64_t  w;

    memcpy(&w, p, sizeof(w));

    return ((w | (w - KEEPERS_TEXT_LOW_BITS)) & KEEPERS_TEXT_HIGH_BITS) == 0;
}


/*
 * Eight bytes from ' ' to '~': the least of them that is below borrows, and
 * DEL becomes 0x80.
 */

static inline bool
keepers_text_printed(const unsigned char *p)
{
    uint64_t  w;

    memcpy(&w, p, sizeof(w));

    return ((w | (w - KEEPERS_TEXT_LOW_BITS * ' ')
             | (w + KEEPERS_TEXT_LOW_BITS)) & KEEPERS_TEXT_HIGH_BITS) == 0;
}


size_t
keepers_text_utf8_other(keepers_str_t s, uint32_t *uc)
{
    size_t                 i, n;
    uint32_t               c;
    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    *uc = 0;

    if (s.len == 0) {
        return 0;
    }

    c = s.data[0];

    if (c < 0x80) {
        *uc = c;
        return c != 0;
    }

    if (c < 0xc2 || c > 0xf4) {
        return 0;
    }

    n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (s.len < n) {
        return 0;
    }

    c &= 0x7fU >> n;

    for (i = 1; i < n; i++) {
        if ((s.data[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (s.data[i] & 0x3fU);
    }

    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }

    *uc = c;

    return n;
}


keepers_str_t
keepers_text_utf8_cut(keepers_str_t s, size_t max)
{
    if (s.len <= max) {
        return s;
    }

    /* back to the first byte of the character that does not fit */

    while (max > 0 && (s.data[max] & 0xc0) == 0x80) {
        max--;
    }

    s.len = max;

    return s;
}


bool
keepers_text_control(uint32_t uc)
{
    return uc < 0x20
           || (uc >= 0x7f && uc <= 0x9f)
           || (uc >= 0x2028 && uc <= 0x202e)
           || (uc >= 0x2066 && uc <= 0x2069)
           || uc == 0xfeff
           || (uc >= 0xfdd0 && uc <= 0xfdef)
           || (uc & 0xfffe) == 0xfffe;
}


/* What is not UTF-8 counts as a control. */

bool
keepers_text_has_control(keepers_str_t s)
{
    size_t    i, n;
    uint32_t  uc;

    for (i = 0; i < s.len; i += n) {

        if (s.len - i >= KEEPERS_TEXT_WORD
            && keepers_text_printed(&s.data[i]))
        {
            n = KEEPERS_TEXT_WORD;
            continue;
        }

        if (s.data[i] >= 0x20 && s.data[i] < 0x7f) {
            n = 1;
            continue;
        }

        n = keepers_text_utf8_char(keepers_str(&s.data[i], s.len - i), &uc);

        if (n == 0 || keepers_text_control(uc)) {
            return true;
        }
    }

    return false;
}


bool
keepers_text_printable(keepers_str_t s)
{
    size_t  i;

    i = 0;

    while (s.len - i >= KEEPERS_TEXT_WORD && keepers_text_printed(&s.data[i])) {
        i += KEEPERS_TEXT_WORD;
    }

    for ( /* void */ ; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] > 0x7e) {
            return false;
        }
    }

    return true;
}


bool
keepers_text_ascii(keepers_str_t s)
{
    size_t    i;
    uint64_t  w, all;

    if (s.len < KEEPERS_TEXT_WORD) {
        for (i = 0; i < s.len && s.data[i] < 0x80; i++) { /* void */ }

        return i == s.len;
    }

    /* the last eight bytes may begin before i */

    memcpy(&all, &s.data[s.len - KEEPERS_TEXT_WORD], sizeof(all));

    for (i = 0; i < s.len - KEEPERS_TEXT_WORD; i += KEEPERS_TEXT_WORD) {
        memcpy(&w, &s.data[i], sizeof(w));
        all |= w;
    }

    return (all & KEEPERS_TEXT_HIGH_BITS) == 0;
}


/*
 * libunistring writes to our buffer; it allocates only for what does not fit
 * there and to sort more than some sixty combining marks in a row.
 */

bool
keepers_text_nfc(keepers_str_t s, keepers_out_t *out)
{
    size_t          len;
    unsigned char  *buf, *nfc;

    if (s.len == 0) {
        return true;
    }

    len = out->size - out->len;

    if (out->overflow || len == 0) {
        return false;
    }

    /* ASCII is its own NFC, and what most people type */

    if (keepers_text_ascii(s)) {

        if (s.len > len) {
            return false;
        }

        keepers_out_str(out, s);
        return true;
    }

    buf = &out->data[out->len];
    nfc = u8_normalize(UNINORM_NFC, s.data, s.len, buf, &len);

    if (nfc != buf) {
        free(nfc);
        return false;
    }

    out->len += len;

    return true;
}


keepers_str_t
keepers_text_trim(keepers_str_t s)
{
    while (s.len != 0 && keepers_text_space(s.data[0])) {
        s.data++;
        s.len--;
    }

    while (s.len != 0 && keepers_text_space(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


static bool
keepers_text_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}


unsigned char
keepers_text_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char) (c | 0x20) : c;
}


bool
keepers_text_eq_nocase(keepers_str_t a, keepers_str_t b)
{
    size_t  i;

    if (a.len != b.len) {
        return false;
    }

    for (i = 0; i < a.len; i++) {
        if (keepers_text_lower(a.data[i]) != keepers_text_lower(b.data[i])) {
            return false;
        }
    }

    return true;
}


/* Words of small letters and digits, and between two of them a hyphen. */

bool
keepers_text_slug(keepers_str_t s)
{
    bool           word;
    size_t         i;
    unsigned char  c;

    if (s.len > KEEPERS_SLUG_LEN_MAX) {
        return false;
    }

    word = false;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            word = true;
            continue;
        }

        if (c != '-' || !word) {
            return false;
        }

        word = false;
    }

    return word;
}


bool
keepers_text_uint(keepers_str_t s, uint64_t *n)
{
    size_t    i;
    uint64_t  value, digit;

    value = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }

        digit = (uint64_t) (s.data[i] - '0');

        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }

        value = value * 10 + digit;
    }

    if (s.len == 0) {
        return false;
    }

    *n = value;

    return true;
}


void
keepers_text_hex(keepers_out_t *out, keepers_str_t bytes)
{
    size_t          i;
    unsigned char  *p;

    if (bytes.len == 0) {
        return;
    }

    p = keepers_out_take(out, 2 * bytes.len);

    if (p == NULL) {
        return;
    }

    for (i = 0; i < bytes.len; i++) {
        *p++ = (unsigned char) keepers_text_hex_digits[bytes.data[i] >> 4];
        *p++ = (unsigned char) keepers_text_hex_digits[bytes.data[i] & 0xf];
    }
}


int
keepers_text_nibble(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


void
keepers_text_uuid(keepers_out_t *out, const keepers_uuid_t *uuid)
{
    size_t          i;
    unsigned char  *p;

    p = keepers_out_take(out, KEEPERS_UUID_TEXT_LEN);

    if (p == NULL) {
        return;
    }

    for (i = 0; i < KEEPERS_UUID_LEN; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = (unsigned char) keepers_text_hex_digits[uuid->bytes[i] >> 4];
        *p++ = (unsigned char) keepers_text_hex_digits[uuid->bytes[i] & 0xf];
    }
}


bool
keepers_text_uuid_parse(keepers_str_t s, keepers_uuid_t *uuid)
{
    int                   high, low;
    size_t                i;
    keepers_uuid_t        parsed = { { 0 } };
    const unsigned char  *p;

    if (s.len != KEEPERS_UUID_TEXT_LEN) {
        return false;
    }

    p = s.data;

    for (i = 0; i < KEEPERS_UUID_LEN; i++) {

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-') {
            return false;
        }

        high = keepers_text_nibble(*p++);
        low = keepers_text_nibble(*p++);

        if (high < 0 || low < 0) {
            return false;
        }

        parsed.bytes[i] = (unsigned char) (high << 4 | low);
    }

    *uuid = parsed;

    return true;
}


void
keepers_text_uuid7(keepers_uuid_t *uuid, uint64_t ms,
    const unsigned char random[10])
{
    size_t  i;

    for (i = 0; i < 6; i++) {
        uuid->bytes[i] = (unsigned char) (ms >> (40 - 8 * i));
    }

    memcpy(&uuid->bytes[6], random, 10);

    uuid->bytes[6] = (unsigned char) (0x70 | (uuid->bytes[6] & 0x0f));
    uuid->bytes[8] = (unsigned char) (0x80 | (uuid->bytes[8] & 0x3f));
}
