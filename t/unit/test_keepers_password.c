
/*
 * Copyright (C) Keepers
 *
 * Goal: a change of password reaches the writer as it was typed, and nothing
 * that is too long, cut or of another kind does.
 */


#include "keepers_unit.h"
#include "core/keepers_envelope.h"
#include "core/keepers_password.h"


static int round_trip(size_t current, size_t fresh, keepers_password_t *back);
static void test_round_trip(void **state);
static void test_refuses(void **state);
static void test_cut_or_bent(void **state);
static void test_fields(void **state);


static unsigned char  buf[KEEPERS_PASSWORD_RECORD_MAX];


static int
round_trip(size_t current, size_t fresh, keepers_password_t *back)
{
    keepers_out_t       out;
    keepers_password_t  password;

    static char  s[600];

    memset(s, 'x', sizeof(s));
    memset(&password, 0, sizeof(password));
    password.asked_ms = 0x0102030405060708ULL;
    memcpy(password.net, "\4\x18\xc0\0\2\0\0\0", 8);
    memset(password.user.bytes, 0x5a, KEEPERS_UUID_LEN);
    password.current = keepers_str(s, current);
    password.fresh = keepers_str(s, fresh);

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_password_encode(&password, &out);
    assert_false(out.overflow);

    return keepers_password_decode(keepers_out_written(&out), back);
}


static void
test_round_trip(void **state)
{
    keepers_password_t  back;

    (void) state;

    assert_int_equal(round_trip(256, 255, &back), KEEPERS_OK);
    assert_int_equal(back.current.len, 256);
    assert_int_equal(back.fresh.len, 255);
    assert_true(back.asked_ms == 0x0102030405060708ULL);
    assert_memory_equal(back.net, "\4\x18\xc0\0\2\0\0\0", 8);
    assert_int_equal(back.user.bytes[15], 0x5a);
    assert_int_equal(buf[0], KEEPERS_RECORD_PASSWORD);
    assert_int_equal(buf[1], 1);

    assert_int_equal(round_trip(256, 256, &back), KEEPERS_OK);
    assert_int_equal(round_trip(0, 0, &back), KEEPERS_OK);
}


static void
test_refuses(void **state)
{
    keepers_password_t  back;

    (void) state;

    assert_int_equal(round_trip(257, 1, &back), KEEPERS_PASSWORD_BROKEN);
    assert_null(back.current.data);
    assert_int_equal(round_trip(1, 257, &back), KEEPERS_PASSWORD_BROKEN);
}


static void
test_cut_or_bent(void **state)
{
    size_t              len, whole;
    keepers_str_t       tight;
    keepers_password_t  back;

    (void) state;

    assert_int_equal(round_trip(5, 6, &back), KEEPERS_OK);
    whole = 2 + 8 + 8 + 16 + 7 + 8;
    buf[whole] = 0;

    for (len = 0; len <= whole + 1; len++) {
        tight = unit_copy(buf, len);
        assert_int_equal(keepers_password_decode(tight, &back),
                         len == whole ? KEEPERS_OK : KEEPERS_PASSWORD_BROKEN);
        unit_free(tight);
    }

    buf[0] = KEEPERS_RECORD_SIGNIN;
    assert_int_equal(keepers_password_decode(keepers_str(buf, whole), &back),
                     KEEPERS_PASSWORD_BROKEN);
    buf[0] = KEEPERS_RECORD_PASSWORD;
    buf[1] = 2;
    assert_int_equal(keepers_password_decode(keepers_str(buf, whole), &back),
                     KEEPERS_PASSWORD_BROKEN);
}


static void
test_fields(void **state)
{
    keepers_field_t     fields[KEEPERS_PASSWORD_FIELDS];
    keepers_fieldset_t  set;

    (void) state;

    keepers_password_fields(fields, &set);

    assert_int_equal(set.n, 2);
    assert_str(fields[KEEPERS_PASSWORD_CURRENT].name, "current");
    assert_str(fields[KEEPERS_PASSWORD_NEW].name, "new");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_cut_or_bent),
        cmocka_unit_test(test_fields)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
