
/*
 * Copyright (C) Keepers
 *
 * Base64 of core/keepers_text.h (RFC 4648).
 */


#include "core/keepers_text.h"


#define KEEPERS_TEXT_NO_DIGIT  0xff

#define KEEPERS_TEXT_ALPHABET                                                \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


/* The two alphabets of RFC 4648 and whether '=' fills the last group. */
typedef struct {
    const char  *alphabet;
    bool         padded;
} keepers_text_base64_t;


static unsigned char keepers_text_digit(const keepers_text_base64_t *kind,
    unsigned char c);
static void keepers_text_encode(const keepers_text_base64_t *kind,
    keepers_out_t *out, keepers_str_t bytes);
static bool keepers_text_decode(const keepers_text_base64_t *kind,
    keepers_str_t s, unsigned char *to, size_t len);


static const keepers_text_base64_t  keepers_text_url =
    { KEEPERS_TEXT_ALPHABET "-_", false };
static const keepers_text_base64_t  keepers_text_mime =
    { KEEPERS_TEXT_ALPHABET "+/", true };


void
keepers_text_base64url(keepers_out_t *out, keepers_str_t bytes)
{
    keepers_text_encode(&keepers_text_url, out, bytes);
}


bool
keepers_text_base64url_decode(keepers_str_t s, void *to, size_t len)
{
    return s.len == keepers_base64url_len(len)
           && keepers_text_decode(&keepers_text_url, s, to, len);
}


void
keepers_text_base64(keepers_out_t *out, keepers_str_t bytes)
{
    keepers_text_encode(&keepers_text_mime, out, bytes);
}


bool
keepers_text_base64_decode(keepers_str_t s, void *to, size_t len)
{
    size_t  digits;

    digits = keepers_base64url_len(len);

    if (s.len == 0 || s.len != (len + 2) / 3 * 4
        || memcmp(&s.data[digits], "==", s.len - digits) != 0)
    {
        return len == 0 && s.len == 0;
    }

    s.len = digits;

    return keepers_text_decode(&keepers_text_mime, s, to, len);
}


static void
keepers_text_encode(const keepers_text_base64_t *kind, keepers_out_t *out,
    keepers_str_t bytes)
{
    size_t          i, n, digits;
    uint32_t        group;
    unsigned char  *p;

    if (bytes.len == 0) {
        return;
    }

    if (bytes.len > SIZE_MAX / 4 - 2) {
        out->overflow = true;
        return;
    }

    digits = keepers_base64url_len(bytes.len);
    n = kind->padded ? (bytes.len + 2) / 3 * 4 : digits;
    p = keepers_out_take(out, n);

    if (p == NULL) {
        return;
    }

    /* every check writes two keys: whole groups go without a branch */

    for (i = 0; bytes.len - i >= 3; i += 3) {
        group = (uint32_t) bytes.data[i] << 16
                | (uint32_t) bytes.data[i + 1] << 8 | bytes.data[i + 2];

        *p++ = (unsigned char) kind->alphabet[group >> 18];
        *p++ = (unsigned char) kind->alphabet[group >> 12 & 0x3f];
        *p++ = (unsigned char) kind->alphabet[group >> 6 & 0x3f];
        *p++ = (unsigned char) kind->alphabet[group & 0x3f];
    }

    if (i < bytes.len) {
        group = (uint32_t) bytes.data[i] << 16;
        group |= bytes.len - i == 2 ? (uint32_t) bytes.data[i + 1] << 8 : 0;

        *p++ = (unsigned char) kind->alphabet[group >> 18];
        *p++ = (unsigned char) kind->alphabet[group >> 12 & 0x3f];

        if (bytes.len - i == 2) {
            *p++ = (unsigned char) kind->alphabet[group >> 6 & 0x3f];
        }
    }

    memset(p, '=', n - digits);
}


static bool
keepers_text_decode(const keepers_text_base64_t *kind, keepers_str_t s,
    unsigned char *to, size_t len)
{
    size_t         i, n;
    uint32_t       bits;
    unsigned char  digit;

    bits = 0;
    n = 0;

    for (i = 0; i < s.len; i++) {
        digit = keepers_text_digit(kind, s.data[i]);

        if (digit == KEEPERS_TEXT_NO_DIGIT) {
            return false;
        }

        bits = (bits << 6 | digit) & 0xffffff;

        /* each digit but the first of four completes a byte */

        if (i % 4 != 0) {
            to[n++] = (unsigned char) (bits >> (6 - 2 * (i % 4)));
        }
    }

    if (n != len) {
        return false;
    }

    /* spare bits must be zero: one value has one spelling */

    switch (s.len % 4) {

    case 2:
        return (bits & 0xf) == 0;

    case 3:
        return (bits & 0x3) == 0;

    default:
        return true;
    }
}


static unsigned char
keepers_text_digit(const keepers_text_base64_t *kind, unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned char) (c - 'A');
    }

    if (c >= 'a' && c <= 'z') {
        return (unsigned char) (c - 'a' + 26);
    }

    if (c >= '0' && c <= '9') {
        return (unsigned char) (c - '0' + 52);
    }

    if (c == (unsigned char) kind->alphabet[62]) {
        return 62;
    }

    return c == (unsigned char) kind->alphabet[63] ? 63
                                                  : KEEPERS_TEXT_NO_DIGIT;
}
