
/*
 * Copyright (C) Keepers
 *
 * Goal: a decoder never reads outside its bytes, and one check at its end
 * tells whether it did try.
 */


#include "keepers_unit.h"
#include "core/keepers_in.h"
#include "core/keepers_out.h"


static void test_reads_what_was_written(void **state);
static void test_every_short_input_is_a_fault(void **state);
static void test_a_fault_yields_zeros_and_stays(void **state);
static void test_no_bytes(void **state);


static void
test_reads_what_was_written(void **state)
{
    keepers_in_t   in;
    keepers_out_t  out;
    unsigned char  buf[64], three[3];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_out_byte(&out, 7);
    keepers_out_u16(&out, 0xfedc);
    keepers_out_u32(&out, 0xfedcba98);
    keepers_out_u64(&out, 0xfedcba9876543210ULL);
    keepers_out_text(&out, "abc");
    keepers_out_lstr(&out, unit_str("hello"));
    keepers_out_lstr(&out, keepers_str(NULL, 0));

    keepers_in_init(&in, keepers_out_written(&out));
    assert_int_equal(keepers_in_u8(&in), 7);
    assert_int_equal(keepers_in_u16(&in), 0xfedc);
    assert_int_equal(keepers_in_u32(&in), 0xfedcba98);
    assert_true(keepers_in_u64(&in) == 0xfedcba9876543210ULL);
    keepers_in_bytes(&in, three, 3);
    assert_memory_equal(three, "abc", 3);
    assert_str(keepers_in_lstr(&in), "hello");
    assert_false(keepers_in_done(&in));
    assert_str(keepers_in_lstr(&in), "");
    assert_true(keepers_in_done(&in));
}


static void
test_every_short_input_is_a_fault(void **state)
{
    size_t         len;
    keepers_in_t   in;
    keepers_str_t  tight;
    unsigned char  three[3];

    static const unsigned char  whole[] = "\1\1\2\1\2\3\4\1\2\3\4\5\6\7\10"
                                          "xyz\0\2ab";

    (void) state;

    for (len = 0; len < sizeof(whole); len++) {
        tight = unit_copy(whole, len);

        keepers_in_init(&in, tight);
        (void) keepers_in_u8(&in);
        (void) keepers_in_u16(&in);
        (void) keepers_in_u32(&in);
        (void) keepers_in_u64(&in);
        keepers_in_bytes(&in, three, 3);
        (void) keepers_in_lstr(&in);

        assert_int_equal(keepers_in_done(&in), len == sizeof(whole) - 1);

        unit_free(tight);
    }
}


static void
test_a_fault_yields_zeros_and_stays(void **state)
{
    keepers_in_t   in;
    keepers_str_t  s;
    unsigned char  four[4];

    (void) state;

    memset(four, 0xff, sizeof(four));

    keepers_in_init(&in, unit_str("\xff\xff"));
    assert_int_equal(keepers_in_u32(&in), 0);
    assert_int_equal(keepers_in_u8(&in), 0);
    keepers_in_bytes(&in, four, 4);
    assert_memory_equal(four, "\0\0\0\0", 4);
    keepers_in_bytes(&in, four, 0);

    s = keepers_in_lstr(&in);
    assert_int_equal(s.len, 0);
    assert_false(keepers_in_done(&in));

    /* a length that lies */

    keepers_in_init(&in, unit_str("\xff\xff" "abc"));
    assert_int_equal(keepers_in_lstr(&in).len, 0);
    assert_false(keepers_in_done(&in));
}


static void
test_no_bytes(void **state)
{
    keepers_in_t  in;

    (void) state;

    keepers_in_init(&in, keepers_str(NULL, 0));
    assert_true(keepers_in_done(&in));
    assert_int_equal(keepers_in_u8(&in), 0);
    assert_false(keepers_in_done(&in));

    keepers_in_init(&in, keepers_str(NULL, 9));
    assert_int_equal(keepers_in_u8(&in), 0);
    assert_false(keepers_in_done(&in));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reads_what_was_written),
        cmocka_unit_test(test_every_short_input_is_a_fault),
        cmocka_unit_test(test_a_fault_yields_zeros_and_stays),
        cmocka_unit_test(test_no_bytes)
    };

    return cmocka_run_group_tests_name("keepers_in", tests, NULL, NULL);
}
