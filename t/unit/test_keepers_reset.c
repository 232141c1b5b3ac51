
/*
 * Copyright (C) Keepers
 *
 * Goal: who has forgotten a password reaches the writer as they typed it, with
 * the token they came with; nothing that is too long, cut or of another kind
 * does.
 */


#include "keepers_unit.h"
#include "core/keepers_envelope.h"
#include "core/keepers_reset.h"


static int forgot_trip(size_t email, keepers_forgot_t *back);
static int reset_trip(size_t fresh, keepers_reset_t *back);
static void test_forgot(void **state);
static void test_reset(void **state);
static void test_cut_or_bent(void **state);
static void test_fields(void **state);


static unsigned char  buf[KEEPERS_RESET_RECORD_MAX];
static char           text[600];


static int
forgot_trip(size_t email, keepers_forgot_t *back)
{
    keepers_out_t     out;
    keepers_forgot_t  forgot;

    memset(text, 'x', sizeof(text));
    memset(&forgot, 0, sizeof(forgot));
    forgot.asked_ms = 0x0102030405060708ULL;
    memcpy(forgot.net, "\4\x18\xc0\0\2\0\0\0", 8);
    forgot.email = keepers_str(text, email);

    keepers_out_init(&out, buf, KEEPERS_FORGOT_RECORD_MAX);
    keepers_forgot_encode(&forgot, &out);
    assert_false(out.overflow);

    return keepers_forgot_decode(keepers_out_written(&out), back);
}


static int
reset_trip(size_t fresh, keepers_reset_t *back)
{
    keepers_out_t    out;
    keepers_reset_t  reset;

    memset(text, 'x', sizeof(text));
    memset(&reset, 0, sizeof(reset));
    reset.asked_ms = 0x0102030405060708ULL;
    memset(reset.token, 7, sizeof(reset.token));
    reset.fresh = keepers_str(text, fresh);

    keepers_out_init(&out, buf, KEEPERS_RESET_RECORD_MAX);
    keepers_reset_encode(&reset, &out);
    assert_false(out.overflow);

    return keepers_reset_decode(keepers_out_written(&out), back);
}


static void
test_forgot(void **state)
{
    keepers_forgot_t  back;

    (void) state;

    assert_int_equal(forgot_trip(254, &back), KEEPERS_OK);
    assert_int_equal(back.email.len, 254);
    assert_true(back.asked_ms == 0x0102030405060708ULL);
    assert_memory_equal(back.net, "\4\x18\xc0\0\2\0\0\0", 8);
    assert_int_equal(buf[0], KEEPERS_RECORD_FORGOT);
    assert_int_equal(buf[1], 1);

    assert_int_equal(forgot_trip(255, &back), KEEPERS_RESET_BROKEN);
    assert_null(back.email.data);
}


static void
test_reset(void **state)
{
    keepers_reset_t  back;

    (void) state;

    assert_int_equal(reset_trip(256, &back), KEEPERS_OK);
    assert_int_equal(back.fresh.len, 256);
    assert_int_equal(back.token[0], 7);
    assert_int_equal(back.token[31], 7);
    assert_int_equal(buf[0], KEEPERS_RECORD_RESET);

    assert_int_equal(reset_trip(257, &back), KEEPERS_RESET_BROKEN);
    assert_null(back.fresh.data);
    assert_int_equal(back.token[31], 0);
}


static void
test_cut_or_bent(void **state)
{
    size_t            len, whole;
    keepers_str_t     tight;
    keepers_reset_t   reset;
    keepers_forgot_t  forgot;

    (void) state;

    assert_int_equal(reset_trip(6, &reset), KEEPERS_OK);
    whole = 2 + 8 + 8 + 32 + 8;
    buf[whole] = 0;

    for (len = 0; len <= whole + 1; len++) {
        tight = unit_copy(buf, len);
        assert_int_equal(keepers_reset_decode(tight, &reset),
                         len == whole ? KEEPERS_OK : KEEPERS_RESET_BROKEN);
        assert_int_equal(keepers_forgot_decode(tight, &forgot),
                         KEEPERS_RESET_BROKEN);
        unit_free(tight);
    }

    buf[1] = 2;
    assert_int_equal(keepers_reset_decode(keepers_str(buf, whole), &reset),
                     KEEPERS_RESET_BROKEN);

    assert_int_equal(forgot_trip(6, &forgot), KEEPERS_OK);
    whole = 2 + 8 + 8 + 8;
    buf[whole] = 0;

    for (len = 0; len <= whole + 1; len++) {
        tight = unit_copy(buf, len);
        assert_int_equal(keepers_forgot_decode(tight, &forgot),
                         len == whole ? KEEPERS_OK : KEEPERS_RESET_BROKEN);
        assert_int_equal(keepers_reset_decode(tight, &reset),
                         KEEPERS_RESET_BROKEN);
        unit_free(tight);
    }
}


static void
test_fields(void **state)
{
    keepers_field_t     fields[KEEPERS_RESET_FIELDS];
    keepers_fieldset_t  set;

    (void) state;

    keepers_reset_fields(fields, &set);
    assert_int_equal(set.n, KEEPERS_RESET_FIELDS);
    assert_str(fields[KEEPERS_RESET_TOKEN].name, "token");
    assert_str(fields[KEEPERS_RESET_NEW].name, "new");

    keepers_forgot_fields(fields, &set);
    assert_int_equal(set.n, KEEPERS_FORGOT_FIELDS);
    assert_str(fields[KEEPERS_FORGOT_EMAIL].name, "email");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forgot),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_cut_or_bent),
        cmocka_unit_test(test_fields)
    };

    return cmocka_run_group_tests_name("keepers_reset", tests, NULL, NULL);
}
