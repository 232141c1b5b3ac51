
/*
 * Copyright (C) Keepers
 *
 * Base64 of core/keepers_text.h (RFC 4648).
 */


#include "core/keepers_text.h"


#define KEEPERS_TEXT_ALPHABET                                                \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


/* The two alphabets of RFC 4648 and whether '=' fills the last group. */
typedef struct {
    const char  *alphabet;
    bool         padded;
} keepers_text_base64_t;


static inline bool keepers_text_decode(const uint32_t *v,
    const unsigned char *d, void *to, size_t len);
static void keepers_text_encode(const keepers_text_base64_t *kind,
    keepers_out_t *out, keepers_str_t bytes);


static const keepers_text_base64_t  keepers_text_url =
    { KEEPERS_TEXT_ALPHABET "-_", false };
static const keepers_text_base64_t  keepers_text_mime =
    { KEEPERS_TEXT_ALPHABET "+/", true };


/*
 * What is none of an alphabet's characters has a bit that stays above the 24 of
 * a group, wherever in the group it is shifted to, so that faults need no test
 * of their own.  A look-up by a byte that the client itself has sent tells the
 * client nothing; keys are read while the configuration is loaded.
 */
#define KEEPERS_TEXT_GROUP_BITS  24

#define X  ((uint32_t) 1 << KEEPERS_TEXT_GROUP_BITS)

#define keepers_text_values(plus, dash, slash, line)                         \
{                                                                            \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  plus, X, dash, X, slash,     \
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,           \
    X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,          \
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  line,        \
    X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,          \
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,           \
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X            \
}

static const uint32_t  keepers_text_url_values[256] =
    keepers_text_values(X, 62, X, 63);
static const uint32_t  keepers_text_mime_values[256] =
    keepers_text_values(62, X, 63, X);

#undef X


void
keepers_text_base64url(keepers_out_t *out, keepers_str_t bytes)
{
    keepers_text_encode(&keepers_text_url, out, bytes);
}


bool
keepers_text_base64url_decode(keepers_str_t s, void *to, size_t len)
{
    return s.len == keepers_base64url_len(len)
           && keepers_text_decode(keepers_text_url_values, s.data, to, len);
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

    if (s.len != (len + 2) / 3 * 4) {
        return false;
    }

    return (s.len == digits
            || memcmp(&s.data[digits], "==", s.len - digits) == 0)
           && keepers_text_decode(keepers_text_mime_values, s.data, to, len);
}


static void
keepers_text_encode(const keepers_text_base64_t *kind, keepers_out_t *out,
    keepers_str_t bytes)
{
    size_t          i, n, digits;
    uint32_t        group;
    const char     *a;
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

    /*
     * Every check writes two keys: whole groups go without a branch, and the
     * alphabet is not fetched again for each character, which *p might be.
     */

    a = kind->alphabet;

    for (i = 0; bytes.len - i >= 3; i += 3) {
        group = (uint32_t) bytes.data[i] << 16
                | (uint32_t) bytes.data[i + 1] << 8 | bytes.data[i + 2];

        *p++ = (unsigned char) a[group >> 18];
        *p++ = (unsigned char) a[group >> 12 & 0x3f];
        *p++ = (unsigned char) a[group >> 6 & 0x3f];
        *p++ = (unsigned char) a[group & 0x3f];
    }

    if (i < bytes.len) {
        group = (uint32_t) bytes.data[i] << 16;
        group |= bytes.len - i == 2 ? (uint32_t) bytes.data[i + 1] << 8 : 0;

        *p++ = (unsigned char) a[group >> 18];
        *p++ = (unsigned char) a[group >> 12 & 0x3f];

        if (bytes.len - i == 2) {
            *p++ = (unsigned char) a[group >> 6 & 0x3f];
        }
    }

    if (n != digits) {
        memset(p, '=', n - digits);
    }
}


/*
 * "len" bytes from as many characters as they take.  Faults are collected and
 * judged once: every token of a client comes here.
 */

static inline bool
keepers_text_decode(const uint32_t *v, const unsigned char *d, void *to,
    size_t len)
{
    uint64_t        group, faults;
    unsigned char  *p;

    p = to;
    faults = 0;

    for ( /* void */ ; len >= 3; len -= 3, d += 4, p += 3) {
        group = (uint64_t) v[d[0]] << 18 | (uint64_t) v[d[1]] << 12
                | (uint64_t) v[d[2]] << 6 | v[d[3]];

        faults |= group;

        p[0] = (unsigned char) (group >> 16);
        p[1] = (unsigned char) (group >> 8);
        p[2] = (unsigned char) group;
    }

    /* bits that no byte takes must be zero: one text a value */

    if (len == 2) {
        group = (uint64_t) v[d[0]] << 18 | (uint64_t) v[d[1]] << 12
                | (uint64_t) v[d[2]] << 6;

        faults |= group | (group & 0xff) << KEEPERS_TEXT_GROUP_BITS;

        p[0] = (unsigned char) (group >> 16);
        p[1] = (unsigned char) (group >> 8);

    } else if (len == 1) {
        group = (uint64_t) v[d[0]] << 18 | (uint64_t) v[d[1]] << 12;

        faults |= group | (group & 0xffff) << KEEPERS_TEXT_GROUP_BITS;

        p[0] = (unsigned char) (group >> 16);
    }

    return faults >> KEEPERS_TEXT_GROUP_BITS == 0;
}
