
/*
 * Copyright (C) Keepers
 *
 * Goal: a step-up reaches the writer as it was typed, and nothing that is too
 * long, cut or of another kind does.
 */


#include "keepers_unit.h"
#include "core/keepers_envelope.h"
#include "core/keepers_step_up.h"


static int round_trip(size_t password, size_t code,
    keepers_step_up_t *back);
static void test_round_trip(void **state);
static void test_refuses(void **state);
static void test_cut_or_bent(void **state);
static void test_passkey(void **state);
static void test_fields(void **state);


static unsigned char  buf[KEEPERS_STEP_UP_RECORD_MAX];


static int
round_trip(size_t password, size_t code, keepers_step_up_t *back)
{
    keepers_out_t      out;
    keepers_step_up_t  step_up;

    static char  s[600];

    memset(s, 'x', sizeof(s));
    memset(&step_up, 0, sizeof(step_up));
    step_up.asked_ms = 0x0102030405060708ULL;
    memcpy(step_up.net, "\4\x18\xc0\0\2\0\0\0", 8);
    memset(&step_up.user, 7, sizeof(step_up.user));
    step_up.password = keepers_str(s, password);
    step_up.code = keepers_str(s, code);

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_step_up_encode(&step_up, &out);
    assert_false(out.overflow);

    return keepers_step_up_decode(keepers_out_written(&out), back);
}


static void
test_round_trip(void **state)
{
    keepers_step_up_t  back;

    (void) state;

    assert_int_equal(round_trip(256, 32, &back), KEEPERS_OK);
    assert_int_equal(back.user.bytes[15], 7);
    assert_int_equal(back.password.len, 256);
    assert_int_equal(back.code.len, 32);
    assert_true(back.asked_ms == 0x0102030405060708ULL);
    assert_memory_equal(back.net, "\4\x18\xc0\0\2\0\0\0", 8);
    assert_int_equal(buf[0], KEEPERS_RECORD_STEP_UP);
    assert_int_equal(buf[1], 1);

    assert_int_equal(round_trip(0, 0, &back), KEEPERS_OK);
    assert_int_equal(back.code.len, 0);
}


static void
test_refuses(void **state)
{
    keepers_step_up_t  back;

    (void) state;

    assert_int_equal(round_trip(257, 0, &back), KEEPERS_STEP_UP_BROKEN);
    assert_null(back.password.data);
    assert_int_equal(back.user.bytes[15], 0);
    assert_int_equal(round_trip(1, 33, &back), KEEPERS_STEP_UP_BROKEN);
}


static void
test_cut_or_bent(void **state)
{
    size_t             len, whole;
    keepers_str_t      tight;
    keepers_step_up_t  back;

    (void) state;

    assert_int_equal(round_trip(6, 7, &back), KEEPERS_OK);
    whole = 2 + 8 + 8 + 16 + 8 + 9;
    buf[whole] = 0;

    for (len = 0; len <= whole + 1; len++) {
        tight = unit_copy(buf, len);
        assert_int_equal(keepers_step_up_decode(tight, &back),
                         len == whole ? KEEPERS_OK : KEEPERS_STEP_UP_BROKEN);
        unit_free(tight);
    }

    buf[0] = KEEPERS_RECORD_SIGNIN;
    assert_int_equal(keepers_step_up_decode(keepers_str(buf, whole), &back),
                     KEEPERS_STEP_UP_BROKEN);
    buf[0] = KEEPERS_RECORD_STEP_UP;
    buf[1] = 3;
    assert_int_equal(keepers_step_up_decode(keepers_str(buf, whole), &back),
                     KEEPERS_STEP_UP_BROKEN);
}


/* The version of before, as long as nothing is in it that is new. */

static void
test_passkey(void **state)
{
    size_t             len, cut;
    keepers_out_t      out;
    keepers_str_t      tight;
    keepers_step_up_t  back, step_up;

    static char  s[KEEPERS_PASSKEY_LEN_MAX + 1];

    (void) state;

    memset(s, 'x', sizeof(s));

    for (len = 1; len <= sizeof(s); len += sizeof(s) / 4) {
        memset(&step_up, 0, sizeof(step_up));
        memset(&step_up.user, 7, sizeof(step_up.user));
        memcpy(step_up.sid, "\1\2\3\4\5\6\7\10", 8);
        step_up.password = keepers_str(s, 256);
        step_up.passkey = keepers_str(s, len);

        keepers_out_init(&out, buf, sizeof(buf));
        keepers_step_up_encode(&step_up, &out);
        assert_false(out.overflow);
        assert_int_equal(buf[1], 2);

        assert_int_equal(keepers_step_up_decode(keepers_out_written(&out),
                                                &back),
                         len < sizeof(s) ? KEEPERS_OK
                                         : KEEPERS_STEP_UP_BROKEN);
        assert_int_equal(back.passkey.len, len < sizeof(s) ? len : 0);
    }

    assert_int_equal(len - sizeof(s) / 4, sizeof(s));

    /* cut, or of the other version */

    step_up.passkey.len = 3;
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_step_up_encode(&step_up, &out);

    for (cut = 0; cut <= out.len; cut++) {
        tight = unit_copy(buf, cut);
        assert_int_equal(keepers_step_up_decode(tight, &back),
                         cut == out.len ? KEEPERS_OK
                                        : KEEPERS_STEP_UP_BROKEN);
        unit_free(tight);
    }

    assert_memory_equal(back.sid, "\1\2\3\4\5\6\7\10", 8);
    buf[1] = 1;
    assert_int_equal(keepers_step_up_decode(keepers_out_written(&out), &back),
                     KEEPERS_STEP_UP_BROKEN);
}


static void
test_fields(void **state)
{
    keepers_field_t     fields[KEEPERS_STEP_UP_FIELDS];
    keepers_fieldset_t  set;

    (void) state;

    memset(fields, 0xff, sizeof(fields));
    keepers_step_up_fields(fields, &set);
    assert_int_equal(set.n, KEEPERS_STEP_UP_FIELDS);
    assert_str(fields[KEEPERS_STEP_UP_PASSWORD].name, "password");
    assert_str(fields[KEEPERS_STEP_UP_CODE].name, "code");
    assert_str(fields[KEEPERS_STEP_UP_NEXT].name, "next");
    assert_int_equal(fields[KEEPERS_STEP_UP_NEXT].kind, KEEPERS_FIELD_ABSENT);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_cut_or_bent),
        cmocka_unit_test(test_passkey),
        cmocka_unit_test(test_fields)
    };

    return cmocka_run_group_tests_name("keepers_step_up", tests, NULL, NULL);
}
