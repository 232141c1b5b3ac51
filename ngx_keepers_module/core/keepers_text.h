
/*
 * Copyright (C) Keepers
 *
 * ASCII, UTF-8, NFC (libunistring), hexadecimal, base64, numbers.
 */


#ifndef _KEEPERS_TEXT_H_INCLUDED_
#define _KEEPERS_TEXT_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


#define keepers_base64url_len(n)  (((n) * 4 + 2) / 3)       /* no padding */


/*
 * Strict UTF-8 (RFC 3629): no overlong form, no surrogate, nothing beyond
 * U+10FFFF, no U+0000.
 */
bool keepers_text_utf8(keepers_str_t s);

/* How many bytes stand before the first fault of that kind; s.len: none. */
size_t keepers_text_utf8_valid(keepers_str_t s);

/* As keepers_text_utf8_char(), which takes ASCII by itself. */
size_t keepers_text_utf8_other(keepers_str_t s, uint32_t *uc);

/* The first character: its length and code point, or 0 if it is at fault. */
static inline size_t
keepers_text_utf8_char(keepers_str_t s, uint32_t *uc)
{
    if (s.len != 0 && s.data[0] - 1U < 0x7f) {
        *uc = s.data[0];
        return 1;
    }

    return keepers_text_utf8_other(s, uc);
}

/* The longest prefix of whole characters in at most "max" bytes. */
keepers_str_t keepers_text_utf8_cut(keepers_str_t s, size_t max);

/*
 * Code points that no name, address or label may carry: controls, line and
 * paragraph separators, bidi embeddings, overrides and isolates, U+FEFF,
 * non-characters.
 */
bool keepers_text_control(uint32_t uc);
bool keepers_text_has_control(keepers_str_t s);

/* Without a byte over 0x7f. */
bool keepers_text_ascii(keepers_str_t s);

/* From ' ' to '~' and nothing else. */
bool keepers_text_printable(keepers_str_t s);

/* Writes the NFC form; false if it does not fit or memory is out. */
bool keepers_text_nfc(keepers_str_t s, keepers_out_t *out) keepers_checked;

/* Without leading and trailing ASCII white space. */
keepers_str_t keepers_text_trim(keepers_str_t s);

/*
 * The same of the optional white space of HTTP (RFC 9110, 5.6.3), blank and
 * tab alone.  Every request's cookies come here.
 */
static inline keepers_str_t
keepers_text_trim_ows(keepers_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


unsigned char keepers_text_lower(unsigned char c);              /* ASCII */
bool keepers_text_eq_nocase(keepers_str_t a, keepers_str_t b);  /* ASCII */

/* "café" is no slug: [a-z0-9] and inner single '-', 1 to 64 bytes. */
bool keepers_text_slug(keepers_str_t s);

/* Decimal digits only, no sign, no blank; false on overflow. */
bool keepers_text_uint(keepers_str_t s, uint64_t *n) keepers_checked;

void keepers_text_hex(keepers_out_t *out, keepers_str_t bytes);

/* The value of a lower-case hexadecimal digit; -1: it is none. */
int keepers_text_nibble(unsigned char c);

/* RFC 4648 section 5, without padding.  Exact decoding into "to" of exactly
 * "len" bytes: wrong length, charset or non-zero spare bits are refused. */
void keepers_text_base64url(keepers_out_t *out, keepers_str_t bytes);
bool keepers_text_base64url_decode(keepers_str_t s, void *to, size_t len)
    keepers_checked;

/*
 * RFC 4648 section 4, with padding: key files, hashes of a page's CSP.  Same
 * exactness, and not libsodium's: 1.0.18 takes every byte beyond ASCII for '/',
 * so that a damaged key is another key.
 */
void keepers_text_base64(keepers_out_t *out, keepers_str_t bytes);
bool keepers_text_base64_decode(keepers_str_t s, void *to, size_t len)
    keepers_checked;

/* 36 lower-case characters; parsing accepts lower case only. */
void keepers_text_uuid(keepers_out_t *out, const keepers_uuid_t *uuid);
bool keepers_text_uuid_parse(keepers_str_t s, keepers_uuid_t *uuid)
    keepers_checked;

/* UUIDv7 (RFC 9562) from unix milliseconds and 10 random bytes. */
void keepers_text_uuid7(keepers_uuid_t *uuid, uint64_t ms,
    const unsigned char random[10]);


#endif /* _KEEPERS_TEXT_H_INCLUDED_ */
