
/*
 * Copyright (C) Keepers
 *
 * Goal: a number typed in any fashion comes out as digits; only what cannot
 * be a number is sent back.
 */


#include "keepers_unit.h"
#include "core/keepers_phone.h"


typedef struct {
    const char  *typed;
    const char  *cleaned;
} good_t;


static int read_phone(const char *typed, size_t len, keepers_out_t *out);
static void test_accepts(void **state);
static void test_refuses(void **state);
static void test_lengths(void **state);


static int
read_phone(const char *typed, size_t len, keepers_out_t *out)
{
    int                   rc;
    keepers_str_t         tight;
    static unsigned char  buf[1 + KEEPERS_PHONE_DIGITS_MAX];

    keepers_out_init(out, buf, sizeof(buf));
    tight = unit_copy(typed, len);
    rc = keepers_phone_read(tight, out);
    unit_free(tight);

    return rc;
}


static void
test_accepts(void **state)
{
    size_t               i;
    keepers_out_t        out;
    static const good_t  cases[] = {
        { "", "" },
        { "  \t", "" },
        { "\xc2\xa0", "" },
        { "(020) 7946 0958", "02079460958" },
        { "0044 20 7946 0958", "00442079460958" },
        { "+44 (0)20 7946 0958", "+442079460958" },
        { "+44 ( 0 ) 20.7946-0958", "+442079460958" },
        { "(+44) 20/7946/0958", "+442079460958" },
        { "[020] 7946\xe2\x80\x93" "0958", "02079460958" },
        { "(0)20 7946 0958", "02079460958" },
        { "123456", "123456" },
        { "123456789012345", "123456789012345" },
        { "+123456789012345", "+123456789012345" },

        /* Arabic-Indic */

        { "\xd9\xa0\xd9\xa2\xd9\xa0 \xd9\xa7\xd9\xa9\xd9\xa4\xd9\xa6",
          "0207946" },

        /* full-width, with its plus and brackets */

        { "\xef\xbc\x8b\xef\xbc\x94\xef\xbc\x94\xef\xbc\x88\xef\xbc\x90"
          "\xef\xbc\x89\xef\xbc\x92\xef\xbc\x90\xef\xbc\x8d\xef\xbc\x97"
          "\xef\xbc\x99", "+442079" },

        /* Devanagari; mathematical bold */

        { "\xe0\xa5\xa6\xe0\xa5\xa7\xe0\xa5\xa8\xe0\xa5\xa9\xe0\xa5\xaa"
          "\xe0\xa5\xab", "012345" },
        { "\xf0\x9d\x9f\x8f\xf0\x9d\x9f\x90" "3456", "123456" },

        /* as copied from an address book */

        { "\xe2\x80\xaa+44\xc2\xa0" "20\xe2\x80\x91" "7946\xe2\x80\xac",
          "+44207946" }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (read_phone(cases[i].typed, strlen(cases[i].typed), &out)
            != KEEPERS_OK)
        {
            fail_msg("%s", cases[i].typed);
        }

        assert_str(keepers_out_written(&out), cases[i].cleaned);

        assert_int_equal(read_phone(cases[i].cleaned,
                                    strlen(cases[i].cleaned), &out),
                         KEEPERS_OK);
        assert_str(keepers_out_written(&out), cases[i].cleaned);
    }
}


static void
test_refuses(void **state)
{
    size_t                    i;
    keepers_out_t             out;
    static const char *const  cases[] = {
        "+99999999999999999", "call me", "07911 123456 x12", "12345",
        "1234567890123456", "+", "-", "()", "+44+20 7946 0958", "44+207946",
        "++442079460958", "tel:+442079460958", "020#7946", "*100#123456",
        "020,7946,0958", "0207946\x01", "0207946\xff", "\xc3\x28" "123456",
        "0x1234567", "\xc2\xbd\xc2\xbd\xc2\xbd\xc2\xbd\xc2\xbd\xc2\xbd",
        "+44 (0) 123", "123456;ext=1", "\xe2\x91\xa0" "23456"
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (read_phone(cases[i], strlen(cases[i]), &out)
            != KEEPERS_PHONE_POSSIBLE)
        {
            fail_msg("%s", cases[i]);
        }

        assert_int_equal(out.len, 0);
    }

    assert_int_equal(read_phone("123456\0", 7, &out), KEEPERS_PHONE_POSSIBLE);
}


static void
test_lengths(void **state)
{
    char           s[128];
    keepers_out_t  out;
    unsigned char  buf[5];

    (void) state;

    memset(s, '-', sizeof(s));
    memcpy(s, "123456", 6);
    assert_int_equal(read_phone(s, KEEPERS_PHONE_LEN_MAX, &out), KEEPERS_OK);
    assert_int_equal(read_phone(s, KEEPERS_PHONE_LEN_MAX + 1, &out),
                     KEEPERS_PHONE_POSSIBLE);

    keepers_out_init(&out, buf, sizeof(buf));
    assert_int_equal(keepers_phone_read(unit_str("123456"), &out),
                     KEEPERS_PHONE_NO_SPACE);
    assert_int_equal(out.len, 0);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_lengths)
    };

    return cmocka_run_group_tests_name("keepers_phone", tests, NULL, NULL);
}
