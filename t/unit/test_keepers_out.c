
/*
 * Copyright (C) Keepers
 *
 * Goal: appending never leaves the buffer, and an overflow is remembered and
 * leaves no half-written piece behind.
 */


#include <inttypes.h>

#include "keepers_unit.h"
#include "core/keepers_out.h"


typedef void (*write_pt)(keepers_out_t *out);


static void test_appends(void **state);
static void test_decimals(void **state);
static void test_integers(void **state);
static void test_html(void **state);
static void write_byte(keepers_out_t *out);
static void write_text(keepers_out_t *out);
static void write_uint(keepers_out_t *out);
static void write_u16(keepers_out_t *out);
static void write_u32(keepers_out_t *out);
static void write_u64(keepers_out_t *out);
static void write_lstr(keepers_out_t *out);
static void write_html(keepers_out_t *out);
static void test_overflow(void **state);
static void test_take(void **state);
static void test_lstr_too_long(void **state);
static void test_no_buffer(void **state);


static void
test_appends(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[64];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_out_byte(&out, 'a');
    keepers_out_bytes(&out, "bc", 2);
    keepers_out_bytes(&out, NULL, 0);
    keepers_out_str(&out, unit_str("de"));
    keepers_out_str(&out, keepers_str(NULL, 0));
    keepers_out_text(&out, "fg");
    keepers_out_text(&out, "");
    keepers_out_uint(&out, 0);
    keepers_out_uint(&out, 1209);
    keepers_out_uint(&out, UINT64_MAX);

    assert_false(out.overflow);
    assert_str(keepers_out_written(&out), "abcdefg0120918446744073709551615");
}


/* around each power of ten, and one byte of room too few */

static void
test_decimals(void **state)
{
    int            i, less;
    char           text[24];
    uint64_t       n, power;
    unsigned char  buf[24];
    keepers_out_t  out;

    (void) state;

    power = 1;

    for (i = 0; i < 20; i++) {
        for (less = 0; less < 2; less++) {
            n = power - (uint64_t) less;
            snprintf(text, sizeof(text), "%" PRIu64, n);

            keepers_out_init(&out, buf, sizeof(buf));
            keepers_out_uint(&out, n);
            assert_str(keepers_out_written(&out), text);

            keepers_out_init(&out, buf, strlen(text) - 1);
            keepers_out_uint(&out, n);
            assert_true(out.overflow);
            assert_int_equal(out.len, 0);
        }

        power *= 10;
    }
}


static void
test_integers(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[32];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_out_u16(&out, 0x0102);
    keepers_out_u32(&out, 0x03040506);
    keepers_out_u64(&out, 0x0708090a0b0c0d0eULL);
    keepers_out_lstr(&out, unit_str("xy"));
    keepers_out_lstr(&out, keepers_str(NULL, 0));

    assert_int_equal(out.len, 2 + 4 + 8 + 4 + 2);
    assert_memory_equal(buf, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\0\2xy\0\0",
                        out.len);
}


static void
test_html(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[128];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_out_html(&out, unit_str("<a b=\"c\" d='e'>&amp; \xd0\xb6</a>"));
    keepers_out_html(&out, unit_str("plain"));
    keepers_out_html(&out, keepers_str(NULL, 0));

    assert_str(keepers_out_written(&out),
               "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp; \xd0\xb6"
               "&lt;/a&gt;plain");
}


static void
write_byte(keepers_out_t *out)
{
    keepers_out_byte(out, 'x');
}


static void
write_text(keepers_out_t *out)
{
    keepers_out_text(out, "xyz");
}


static void
write_uint(keepers_out_t *out)
{
    keepers_out_uint(out, 12345);
}


static void
write_u16(keepers_out_t *out)
{
    keepers_out_u16(out, 1);
}


static void
write_u32(keepers_out_t *out)
{
    keepers_out_u32(out, 1);
}


static void
write_u64(keepers_out_t *out)
{
    keepers_out_u64(out, 1);
}


static void
write_lstr(keepers_out_t *out)
{
    keepers_out_lstr(out, unit_str("abc"));
}


static void
write_html(keepers_out_t *out)
{
    keepers_out_html(out, unit_str("a<b&c"));
}


static void
test_overflow(void **state)
{
    size_t                 i, size, need;
    keepers_out_t          out;
    unsigned char          big[64], *tight;
    static const write_pt  writes[] = {
        write_byte, write_text, write_uint, write_u16, write_u32, write_u64,
        write_lstr, write_html
    };

    (void) state;

    for (i = 0; i < unit_count(writes); i++) {
        keepers_out_init(&out, big, sizeof(big));
        writes[i](&out);
        need = out.len;

        for (size = 0; size <= need; size++) {
            tight = malloc(size == 0 ? 1 : size);
            assert_non_null(tight);

            keepers_out_init(&out, tight, size);
            writes[i](&out);
            assert_int_equal(out.overflow, size < need);
            assert_int_equal(out.len, size < need ? 0 : need);

            /* nothing more fits, and nothing more is tried */

            keepers_out_byte(&out, 'y');
            assert_true(out.overflow);
            assert_int_equal(out.len, size < need ? 0 : need);

            free(tight);
        }
    }
}


static void
test_take(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[4];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    assert_ptr_equal(keepers_out_take(&out, 3), buf);
    assert_null(keepers_out_take(&out, SIZE_MAX));
    assert_true(out.overflow);
    assert_null(keepers_out_take(&out, 1));
    assert_int_equal(out.len, 3);
}


static void
test_lstr_too_long(void **state)
{
    keepers_out_t   out;
    unsigned char  *buf, *s;

    (void) state;

    buf = malloc(70000);
    s = calloc(1, 65536);
    assert_non_null(buf);
    assert_non_null(s);

    keepers_out_init(&out, buf, 70000);
    keepers_out_lstr(&out, keepers_str(s, 65536));
    assert_true(out.overflow);
    assert_int_equal(out.len, 0);

    keepers_out_init(&out, buf, 70000);
    keepers_out_lstr(&out, keepers_str(s, 65535));
    assert_false(out.overflow);
    assert_int_equal(out.len, 65537);

    free(s);
    free(buf);
}


static void
test_no_buffer(void **state)
{
    keepers_out_t  out;

    (void) state;

    keepers_out_init(&out, NULL, 0);
    keepers_out_bytes(&out, "", 0);
    keepers_out_html(&out, keepers_str(NULL, 0));
    assert_false(out.overflow);
    assert_int_equal(keepers_out_written(&out).len, 0);

    keepers_out_byte(&out, 'x');
    assert_true(out.overflow);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_lstr_too_long),
        cmocka_unit_test(test_no_buffer)
    };

    return cmocka_run_group_tests_name("keepers_out", tests, NULL, NULL);
}
