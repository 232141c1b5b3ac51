
/*
 * Copyright (C) Keepers
 *
 * Bytes, whatever they are: UTF-8 is what a decoder that follows the table of
 * RFC 3629 says it is, the NFC form is one, and what is read in one of our
 * notations is written again byte by byte.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_text.h"


#define TEXT_MAX  4096


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static size_t table(keepers_str_t s, uint32_t *uc);
static void check_utf8(keepers_str_t s);
static void check_cut(keepers_str_t s);
static void check_nfc(keepers_str_t s);
static void check_base64(keepers_str_t s);
static void check_notations(keepers_str_t s);


/* The rows of section 4 of RFC 3629, "UTF8-octets". */
static const struct {
    unsigned char  first[2];
    unsigned char  second[2];
    unsigned char  len;
} rows[] = {
    { { 0x01, 0x7f }, { 0, 0 }, 1 },        /* U+0000 is not let through */
    { { 0xc2, 0xdf }, { 0x80, 0xbf }, 2 },
    { { 0xe0, 0xe0 }, { 0xa0, 0xbf }, 3 },
    { { 0xe1, 0xec }, { 0x80, 0xbf }, 3 },
    { { 0xed, 0xed }, { 0x80, 0x9f }, 3 },
    { { 0xee, 0xef }, { 0x80, 0xbf }, 3 },
    { { 0xf0, 0xf0 }, { 0x90, 0xbf }, 4 },
    { { 0xf1, 0xf3 }, { 0x80, 0xbf }, 4 },
    { { 0xf4, 0xf4 }, { 0x80, 0x8f }, 4 }
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    keepers_str_t  s;

    if (size > TEXT_MAX) {
        return 0;
    }

    s = keepers_str(data, size);

    check_utf8(s);
    check_cut(s);
    check_nfc(s);
    check_base64(s);
    check_notations(s);

    return 0;
}


static size_t
table(keepers_str_t s, uint32_t *uc)
{
    size_t  i, k;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        if (s.len < rows[i].len
            || s.data[0] < rows[i].first[0] || s.data[0] > rows[i].first[1]
            || (rows[i].len > 1 && (s.data[1] < rows[i].second[0]
                                    || s.data[1] > rows[i].second[1])))
        {
            continue;
        }

        *uc = s.data[0] & (0xffU >> (rows[i].len + (rows[i].len > 1)));

        for (k = 1; k < rows[i].len; k++) {

            if (s.data[k] < 0x80 || s.data[k] > 0xbf) {
                return 0;
            }

            *uc = *uc << 6 | (s.data[k] & 0x3f);
        }

        return rows[i].len;
    }

    return 0;
}


static void
check_utf8(keepers_str_t s)
{
    bool           control;
    size_t         i, n;
    uint32_t       uc, want;
    keepers_str_t  rest;

    control = false;
    i = 0;

    for ( ;; ) {
        rest = keepers_str(&s.data[i], s.len - i);
        n = table(rest, &want);

        check(keepers_text_utf8_char(rest, &uc) == n);

        if (n == 0) {
            break;
        }

        check(uc == want);
        control |= keepers_text_control(uc);
        i += n;
    }

    check(keepers_text_utf8_valid(s) == i);
    check(keepers_text_utf8(s) == (i == s.len));
    check(keepers_text_has_control(s) == (control || i < s.len));
}


static void
check_cut(keepers_str_t s)
{
    size_t         max;
    uint32_t       uc;
    keepers_str_t  cut;

    if (!keepers_text_utf8(s)) {
        return;
    }

    for (max = 0; max <= s.len && max < 64; max++) {
        cut = keepers_text_utf8_cut(s, max);

        check(cut.data == s.data && cut.len <= max);
        check(keepers_text_utf8(cut));

        /* one character more would have been too much */

        check(cut.len == s.len
              || cut.len + table(keepers_str(&s.data[cut.len],
                                             s.len - cut.len), &uc)
                 > max);
    }
}


static void
check_nfc(keepers_str_t s)
{
    keepers_out_t         out, again, tight;
    static unsigned char  buf[4 * TEXT_MAX], again_buf[4 * TEXT_MAX];
    static unsigned char  tight_buf[4 * TEXT_MAX];

    if (!keepers_text_utf8(s)) {
        return;
    }

    keepers_out_init(&out, buf, sizeof(buf));
    check(keepers_text_nfc(s, &out));
    check(!out.overflow && keepers_text_utf8(keepers_out_written(&out)));
    check((out.len == 0) == (s.len == 0));

    keepers_out_init(&again, again_buf, sizeof(again_buf));
    check(keepers_text_nfc(keepers_out_written(&out), &again));
    check(keepers_str_eq(keepers_out_written(&out),
                         keepers_out_written(&again)));

    if (out.len == 0) {
        return;
    }

    /* where it does not fit nothing of it is left */

    keepers_out_init(&tight, tight_buf, out.len - 1);
    check(!keepers_text_nfc(s, &tight) && tight.len == 0);
}


/* What decodes is what would have been written. */

static void
check_base64(keepers_str_t s)
{
    size_t                len;
    keepers_out_t         out;
    static unsigned char  bytes[TEXT_MAX], buf[2 * TEXT_MAX];

    if (keepers_text_base64url_decode(s, bytes, s.len * 3 / 4)) {
        keepers_out_init(&out, buf, sizeof(buf));
        keepers_text_base64url(&out, keepers_str(bytes, s.len * 3 / 4));
        check(keepers_str_eq(keepers_out_written(&out), s));
    }

    for (len = s.len / 4 * 3; len + 3 > s.len / 4 * 3; len--) {

        if (keepers_text_base64_decode(s, bytes, len)) {
            keepers_out_init(&out, buf, sizeof(buf));
            keepers_text_base64(&out, keepers_str(bytes, len));
            check(keepers_str_eq(keepers_out_written(&out), s));
        }

        if (len == 0) {
            break;
        }
    }

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_text_base64url(&out, s);
    check(!out.overflow && out.len == keepers_base64url_len(s.len));
    check(keepers_text_base64url_decode(keepers_out_written(&out), bytes,
                                        s.len));
    check(s.len == 0 || memcmp(bytes, s.data, s.len) == 0);

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_text_base64(&out, s);
    check(!out.overflow && out.len == (s.len + 2) / 3 * 4);
    check(keepers_text_base64_decode(keepers_out_written(&out), bytes, s.len));
    check(s.len == 0 || memcmp(bytes, s.data, s.len) == 0);
}


static void
check_notations(keepers_str_t s)
{
    uint64_t        n;
    keepers_str_t   trimmed;
    keepers_out_t   out;
    keepers_uuid_t  uuid;
    unsigned char   buf[64];

    keepers_out_init(&out, buf, sizeof(buf));

    if (keepers_text_uuid_parse(s, &uuid)) {
        keepers_text_uuid(&out, &uuid);
        check(keepers_str_eq(keepers_out_written(&out), s));
    }

    keepers_out_init(&out, buf, sizeof(buf));

    if (keepers_text_uint(s, &n)) {
        keepers_out_uint(&out, n);
        check(out.len <= s.len);

        /* leading zeros apart */

        check(memcmp(&s.data[s.len - out.len], buf, out.len) == 0);
    }

    if (keepers_text_slug(s)) {
        check(s.len >= 1 && s.len <= KEEPERS_SLUG_LEN_MAX);
        check(s.data[0] != '-' && s.data[s.len - 1] != '-');
        check(keepers_text_eq_nocase(s, s));
    }

    trimmed = keepers_text_trim(s);
    check(trimmed.len <= s.len);
    check(keepers_str_eq(keepers_text_trim(trimmed), trimmed));
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
