
/*
 * Copyright (C) Keepers
 *
 * Goal: text, numbers and encodings have one spelling each, and everything
 * else is refused.
 */


#include "keepers_unit.h"
#include "core/keepers_text.h"


typedef struct {
    const char  *bytes;
    size_t       len;
    size_t       valid;
} utf8_t;

#define utf8(text, valid)  { text, sizeof(text) - 1, valid }


static void test_utf8(void **state);
static void test_utf8_all(void **state);
static void test_cut(void **state);
static void test_control(void **state);
static void test_printable(void **state);
static void test_nfc(void **state);
static void test_trim_and_case(void **state);
static void test_slug(void **state);
static void test_uint(void **state);
static void test_hex(void **state);
static void test_base64(void **state);
static void test_base64_digits(void **state);
static void test_base64_exact(void **state);
static void test_uuid(void **state);


static void
test_utf8(void **state)
{
    size_t               i, pad;
    keepers_str_t        tight;
    unsigned char        buf[64];
    static const utf8_t  cases[] = {
        utf8("", 0),
        utf8("abc", 3),
        utf8("\xc2\x80", 2),
        utf8("\xdf\xbf", 2),
        utf8("\xe0\xa0\x80", 3),
        utf8("\xed\x9f\xbf", 3),
        utf8("\xee\x80\x80", 3),
        utf8("\xef\xbf\xbf", 3),
        utf8("\xf0\x90\x80\x80", 4),
        utf8("\xf4\x8f\xbf\xbf", 4),
        utf8("a\0b", 1),                /* U+0000 */
        utf8("\xc0\x80", 0),            /* overlong */
        utf8("\xc1\xbf", 0),
        utf8("\xe0\x9f\xbf", 0),
        utf8("\xf0\x8f\xbf\xbf", 0),
        utf8("\xed\xa0\x80", 0),        /* surrogates */
        utf8("\xed\xbf\xbf", 0),
        utf8("\xf4\x90\x80\x80", 0),    /* beyond U+10FFFF */
        utf8("\xf5\x80\x80\x80", 0),
        utf8("\xff", 0),
        utf8("\x80", 0),                /* a continuation alone */
        utf8("\xc3\x28", 0),
        utf8("a\xc3", 1),               /* cut off */
        utf8("a\xe2\x82", 1),
        utf8("a\xf0\x9f\x98", 1)
    };

    (void) state;

    /* every place with regard to the word-wise pass over ASCII */

    for (i = 0; i < unit_count(cases); i++) {
        for (pad = 0; pad <= 17; pad++) {
            memset(buf, 'x', sizeof(buf));
            memcpy(&buf[pad], cases[i].bytes, cases[i].len);
            tight = unit_copy(buf, pad + cases[i].len);

            assert_int_equal(keepers_text_utf8_valid(tight),
                             pad + cases[i].valid);
            assert_int_equal(keepers_text_utf8(tight),
                             cases[i].valid == cases[i].len);
            unit_free(tight);

            if (cases[i].valid != cases[i].len) {
                tight = unit_copy(buf, pad + cases[i].len + 9);
                assert_int_equal(keepers_text_utf8_valid(tight),
                                 pad + cases[i].valid);
                unit_free(tight);
            }
        }
    }
}


/* All code points through an encoder written for this test alone. */

static void
test_utf8_all(void **state)
{
    size_t         n;
    uint32_t       c, uc;
    unsigned char  b[4];

    (void) state;

    for (c = 1; c < 0x110000; c++) {

        if (c < 0x80) {
            b[0] = (unsigned char) c;
            n = 1;

        } else if (c < 0x800) {
            b[0] = (unsigned char) (0xc0 + c / 64);
            b[1] = (unsigned char) (0x80 + c % 64);
            n = 2;

        } else if (c < 0x10000) {
            b[0] = (unsigned char) (0xe0 + c / 4096);
            b[1] = (unsigned char) (0x80 + c / 64 % 64);
            b[2] = (unsigned char) (0x80 + c % 64);
            n = 3;

        } else {
            b[0] = (unsigned char) (0xf0 + c / 262144);
            b[1] = (unsigned char) (0x80 + c / 4096 % 64);
            b[2] = (unsigned char) (0x80 + c / 64 % 64);
            b[3] = (unsigned char) (0x80 + c % 64);
            n = 4;
        }

        if (c >= 0xd800 && c <= 0xdfff) {
            assert_int_equal(keepers_text_utf8_char(keepers_str(b, n), &uc),
                             0);
            continue;
        }

        if (keepers_text_utf8_char(keepers_str(b, n), &uc) != n || uc != c) {
            fail_msg("U+%04X", c);
        }
    }
}


static void
test_cut(void **state)
{
    keepers_str_t  s;

    (void) state;

    s = unit_str("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");

    assert_int_equal(keepers_text_utf8_cut(s, 100).len, 10);
    assert_int_equal(keepers_text_utf8_cut(s, 10).len, 10);
    assert_int_equal(keepers_text_utf8_cut(s, 9).len, 6);
    assert_int_equal(keepers_text_utf8_cut(s, 7).len, 6);
    assert_int_equal(keepers_text_utf8_cut(s, 6).len, 6);
    assert_int_equal(keepers_text_utf8_cut(s, 5).len, 3);
    assert_int_equal(keepers_text_utf8_cut(s, 4).len, 3);
    assert_int_equal(keepers_text_utf8_cut(s, 2).len, 1);
    assert_int_equal(keepers_text_utf8_cut(s, 0).len, 0);
}


static void
test_control(void **state)
{
    size_t                 i;
    static const uint32_t  bad[] = {
        0, 9, 0xa, 0x1b, 0x1f, 0x7f, 0x80, 0x9f, 0x2028, 0x2029, 0x202a,
        0x202e, 0x2066, 0x2069, 0xfeff, 0xfdd0, 0xfdef, 0xfffe, 0xffff,
        0x1fffe, 0x10ffff
    };
    static const uint32_t  good[] = {
        0x20, 0x7e, 0xa0, 0xe9, 0x200c, 0x200d, 0x200e, 0x2027, 0x202f,
        0x2065, 0x206a, 0xfdcf, 0xfdf0, 0xfffd, 0x1f600
    };

    (void) state;

    for (i = 0; i < unit_count(bad); i++) {
        assert_true(keepers_text_control(bad[i]));
    }

    for (i = 0; i < unit_count(good); i++) {
        assert_false(keepers_text_control(good[i]));
    }

    assert_false(keepers_text_has_control(unit_str("Jos\xc3\xa9")));
    assert_false(keepers_text_has_control(keepers_str(NULL, 0)));
    assert_true(keepers_text_has_control(unit_str("a\tb")));
    assert_true(keepers_text_has_control(unit_str("a\xff")));
    assert_true(keepers_text_has_control(unit_str("a\xe2\x80\xae")));
}


/* Each byte, at each place of texts that are looked at in words and in rest. */

static void
test_printable(void **state)
{
    size_t         len, at;
    unsigned int   c;
    unsigned char  buf[19];
    keepers_str_t  s;

    (void) state;

    assert_true(keepers_text_printable(keepers_str(NULL, 0)));

    for (len = 1; len <= sizeof(buf); len++) {

        for (at = 0; at < len; at++) {

            for (c = 0; c < 256; c++) {
                memset(buf, at % 2 ? ' ' : '~', sizeof(buf));
                buf[at] = (unsigned char) c;

                s = unit_copy(buf, len);

                assert_int_equal(keepers_text_printable(s),
                                 c >= 0x20 && c <= 0x7e);
                assert_int_equal(keepers_text_has_control(s),
                                 c < 0x20 || c >= 0x7f);
                assert_int_equal(keepers_text_utf8(s), c != 0 && c < 0x80);
                unit_free(s);
            }
        }
    }
}


static void
test_nfc(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[5];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    assert_true(keepers_text_nfc(unit_str("Jose\xcc\x81"), &out));
    assert_str(keepers_out_written(&out), "Jos\xc3\xa9");
    assert_true(keepers_text_nfc(keepers_str(NULL, 0), &out));

    /* full: and not by a block that is lost */

    assert_false(keepers_text_nfc(unit_str("x"), &out));
    keepers_out_init(&out, buf, sizeof(buf));
    assert_false(keepers_text_nfc(unit_str("abcdef"), &out));
    assert_int_equal(out.len, 0);
}


static void
test_trim_and_case(void **state)
{
    (void) state;

    assert_str(keepers_text_trim(unit_str(" \t\r\n\v\f a b \n")), "a b");
    assert_str(keepers_text_trim(unit_str("   ")), "");
    assert_str(keepers_text_trim(keepers_str(NULL, 0)), "");
    assert_str(keepers_text_trim(unit_str("\xc2\xa0x")), "\xc2\xa0x");

    assert_int_equal(keepers_text_lower('Z'), 'z');
    assert_int_equal(keepers_text_lower('['), '[');
    assert_int_equal(keepers_text_lower(0xc4), 0xc4);

    assert_true(keepers_text_eq_nocase(unit_str("HeLLo"), unit_str("hEllO")));
    assert_false(keepers_text_eq_nocase(unit_str("a@"), unit_str("a`")));
    assert_false(keepers_text_eq_nocase(unit_str("a"), unit_str("ab")));
}


static void
test_slug(void **state)
{
    size_t         i;
    unsigned char  long_slug[65];

    static const char *const  good[] = {
        "a", "7", "cafe", "blue-door-2", "a-b-c"
    };
    static const char *const  bad[] = {
        "", "-", "-a", "a-", "a--b", "Cafe", "caf\xc3\xa9", "a b", "a/b",
        "a.b", "..", "a_b", "%2e"
    };

    (void) state;

    for (i = 0; i < unit_count(good); i++) {
        assert_true(keepers_text_slug(keepers_str(good[i], strlen(good[i]))));
    }

    for (i = 0; i < unit_count(bad); i++) {
        assert_false(keepers_text_slug(keepers_str(bad[i], strlen(bad[i]))));
    }

    memset(long_slug, 'a', sizeof(long_slug));
    assert_true(keepers_text_slug(keepers_str(long_slug, 64)));
    assert_false(keepers_text_slug(keepers_str(long_slug, 65)));
    assert_false(keepers_text_slug(unit_str("a\0")));
}


static void
test_uint(void **state)
{
    size_t    i;
    uint64_t  n;

    static const char *const  bad[] = {
        "", " 1", "1 ", "-1", "+1", "0x1", "1.", "18446744073709551616",
        "99999999999999999999", "184467440737095516150"
    };

    (void) state;

    assert_true(keepers_text_uint(unit_str("0"), &n));
    assert_true(n == 0);
    assert_true(keepers_text_uint(unit_str("007"), &n));
    assert_true(n == 7);
    assert_true(keepers_text_uint(unit_str("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);

    for (i = 0; i < unit_count(bad); i++) {
        n = 42;
        assert_false(keepers_text_uint(keepers_str(bad[i], strlen(bad[i])),
                                       &n));
        assert_true(n == 42);
    }
}


static void
test_hex(void **state)
{
    int                i;
    const char        *digit;
    keepers_out_t      out;
    unsigned char      buf[8];
    static const char  digits[] = "0123456789abcdef";

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_text_hex(&out, unit_str("\x00\x9f\xff"));
    keepers_text_hex(&out, keepers_str(NULL, 0));
    assert_str(keepers_out_written(&out), "009fff");
    keepers_text_hex(&out, unit_str("ab"));
    assert_true(out.overflow);
    assert_int_equal(out.len, 6);

    for (i = 0; i < 256; i++) {
        digit = (i == 0) ? NULL : strchr(digits, i);

        assert_int_equal(keepers_text_nibble((unsigned char) i),
                         digit != NULL ? digit - digits : -1);
    }
}


static void
test_base64(void **state)
{
    size_t         i;
    keepers_str_t  tight;
    keepers_out_t  out;
    unsigned char  buf[16], back[8];

    /* RFC 4648, section 10, and the two letters that differ */

    static const char *const  raw[] = {
        "", "f", "fo", "foo", "foob", "fooba", "foobar", "\xfb\xff\xbf"
    };
    static const char *const  mime[] = {
        "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy", "+/+/"
    };
    static const char *const  url[] = {
        "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy", "-_-_"
    };

    (void) state;

    for (i = 0; i < unit_count(raw); i++) {
        keepers_out_init(&out, buf, sizeof(buf));
        keepers_text_base64(&out, keepers_str(raw[i], strlen(raw[i])));
        assert_str(keepers_out_written(&out), mime[i]);

        keepers_out_init(&out, buf, sizeof(buf));
        keepers_text_base64url(&out, keepers_str(raw[i], strlen(raw[i])));
        assert_str(keepers_out_written(&out), url[i]);
        assert_int_equal(keepers_base64url_len(strlen(raw[i])),
                         strlen(url[i]));

        memset(back, 0, sizeof(back));
        tight = unit_copy(mime[i], strlen(mime[i]));
        assert_true(keepers_text_base64_decode(tight, back, strlen(raw[i])));
        assert_memory_equal(back, raw[i], strlen(raw[i]));
        unit_free(tight);

        memset(back, 0, sizeof(back));
        tight = unit_copy(url[i], strlen(url[i]));
        assert_true(keepers_text_base64url_decode(tight, back,
                                                  strlen(raw[i])));
        assert_memory_equal(back, raw[i], strlen(raw[i]));
        unit_free(tight);
    }
}


/* Each digit at each place of what is encoded at once, and in what is left. */

static void
test_base64_digits(void **state)
{
    size_t         len, bit, place;
    unsigned       digit;
    char           buf[64];
    unsigned char  bytes[13];
    keepers_out_t  out;

    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    (void) state;

    for (len = 1; len <= sizeof(bytes); len++) {
        for (place = 0; (place + 1) * 6 <= len * 8; place++) {
            for (digit = 0; digit < 64; digit++) {
                memset(bytes, 0, sizeof(bytes));

                for (bit = place * 6; bit < place * 6 + 6; bit++) {
                    bytes[bit / 8] |= (unsigned char)
                        ((digit >> (5 - bit % 6) & 1) << (7 - bit % 8));
                }

                keepers_out_init(&out, buf, sizeof(buf));
                keepers_text_base64url(&out, keepers_str(bytes, len));

                assert_int_equal(keepers_out_written(&out).len,
                                 keepers_base64url_len(len));
                assert_int_equal(buf[place], alphabet[digit]);

                buf[keepers_base64url_len(len)] = '\0';
                buf[place] = 'A';
                assert_int_equal(strspn(buf, "A"),
                                 keepers_base64url_len(len));
            }
        }
    }
}


static void
test_base64_exact(void **state)
{
    int            i;
    char           high[] = "Zm9?";
    unsigned char  back[8];

    (void) state;

    /* spare bits, lengths, alphabets, padding */

    assert_false(keepers_text_base64url_decode(unit_str("Zh"), back, 1));
    assert_false(keepers_text_base64url_decode(unit_str("Zm9"), back, 2));
    assert_false(keepers_text_base64url_decode(unit_str("Zg"), back, 2));
    assert_false(keepers_text_base64url_decode(unit_str("Zm8"), back, 1));
    assert_false(keepers_text_base64url_decode(unit_str("Z"), back, 1));
    assert_false(keepers_text_base64url_decode(unit_str("Z"), back, 0));
    assert_false(keepers_text_base64url_decode(unit_str("Zg=="), back, 1));
    assert_false(keepers_text_base64url_decode(unit_str("+/+/"), back, 3));
    assert_false(keepers_text_base64url_decode(unit_str("Zm 8"), back, 3));
    assert_false(keepers_text_base64url_decode(unit_str("Zm\0v"), back, 3));
    assert_false(keepers_text_base64url_decode(unit_str("Zm9v\n"), back, 3));
    assert_false(keepers_text_base64url_decode(unit_str("Zm9v"), back, 0));
    assert_false(keepers_text_base64url_decode(keepers_str(NULL, 0), back,
                                               1));
    assert_true(keepers_text_base64url_decode(keepers_str(NULL, 0), back, 0));

    assert_false(keepers_text_base64_decode(unit_str("Zh=="), back, 1));
    assert_false(keepers_text_base64_decode(unit_str("Zg="), back, 1));
    assert_false(keepers_text_base64_decode(unit_str("Zg"), back, 1));
    assert_false(keepers_text_base64_decode(unit_str("Zg=A"), back, 1));
    assert_false(keepers_text_base64_decode(unit_str("Z==="), back, 1));
    assert_false(keepers_text_base64_decode(unit_str("===="), back, 1));
    assert_false(keepers_text_base64_decode(unit_str("-_-_"), back, 3));
    assert_false(keepers_text_base64_decode(unit_str("Zm9v\n"), back, 3));
    assert_false(keepers_text_base64_decode(unit_str("Zm9v"), back, 0));
    assert_false(keepers_text_base64_decode(keepers_str(NULL, 0), back, 1));

    /* bytes beyond ASCII, which libsodium 1.0.18 takes for '/' */

    for (i = 0x80; i < 0x100; i++) {
        high[3] = (char) i;

        assert_false(keepers_text_base64url_decode(keepers_str(high, 4), back,
                                                   3));
        assert_false(keepers_text_base64_decode(keepers_str(high, 4), back, 3));
    }
}


static void
test_uuid(void **state)
{
    size_t          i;
    keepers_out_t   out;
    keepers_uuid_t  uuid, back;
    unsigned char   buf[40], random[10];

    static const char *const  bad[] = {
        "", "01890a5d-ac96-774b-bcce-b302099a805",
        "01890a5d-ac96-774b-bcce-b302099a80577",
        "01890A5D-ac96-774b-bcce-b302099a8057",
        "01890a5d-ac96-774b-bcce_b302099a8057",
        "01890a5dac96-774b-bcce-b302099a80570",
        "01890a5g-ac96-774b-bcce-b302099a8057"
    };

    (void) state;

    memset(random, 0xff, sizeof(random));
    keepers_text_uuid7(&uuid, 0x01890a5dac96ULL, random);
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_text_uuid(&out, &uuid);
    assert_str(keepers_out_written(&out),
               "01890a5d-ac96-7fff-bfff-ffffffffffff");

    assert_true(keepers_text_uuid_parse(keepers_out_written(&out), &back));
    assert_memory_equal(&uuid, &back, sizeof(uuid));

    memset(random, 0, sizeof(random));
    keepers_text_uuid7(&uuid, 0xffff01890a5dac96ULL, random);
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_text_uuid(&out, &uuid);
    assert_str(keepers_out_written(&out),
               "01890a5d-ac96-7000-8000-000000000000");

    for (i = 0; i < unit_count(bad); i++) {
        assert_false(keepers_text_uuid_parse(keepers_str(bad[i],
                                                         strlen(bad[i])),
                                             &back));
    }

    keepers_out_init(&out, buf, 35);
    keepers_text_uuid(&out, &uuid);
    assert_true(out.overflow);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_all),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_nfc),
        cmocka_unit_test(test_trim_and_case),
        cmocka_unit_test(test_slug),
        cmocka_unit_test(test_uint),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_digits),
        cmocka_unit_test(test_base64_exact),
        cmocka_unit_test(test_uuid)
    };

    return cmocka_run_group_tests_name("keepers_text", tests, NULL, NULL);
}
