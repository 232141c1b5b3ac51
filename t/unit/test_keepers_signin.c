
/*
 * Copyright (C) Keepers
 *
 * Goal: a sign-in reaches the writer as it was typed, and nothing that is too
 * long, cut or of another kind does.
 */


#include "keepers_unit.h"
#include "core/keepers_envelope.h"
#include "core/keepers_signin.h"


static int round_trip(size_t email, size_t password, size_t code,
    keepers_signin_t *back);
static void test_round_trip(void **state);
static void test_refuses(void **state);
static void test_cut_or_bent(void **state);
static void test_passkey(void **state);
static void test_fields(void **state);


static unsigned char  buf[KEEPERS_SIGNIN_RECORD_MAX];


static int
round_trip(size_t email, size_t password, size_t code,
    keepers_signin_t *back)
{
    keepers_out_t     out;
    keepers_signin_t  signin;

    static char  s[600];

    memset(s, 'x', sizeof(s));
    memset(&signin, 0, sizeof(signin));
    signin.asked_ms = 0x0102030405060708ULL;
    memcpy(signin.net, "\4\x18\xc0\0\2\0\0\0", 8);
    signin.email = keepers_str(s, email);
    signin.password = keepers_str(s, password);
    signin.code = keepers_str(s, code);

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_signin_encode(&signin, &out);
    assert_false(out.overflow);

    return keepers_signin_decode(keepers_out_written(&out), back);
}


static void
test_round_trip(void **state)
{
    keepers_signin_t  back;

    (void) state;

    assert_int_equal(round_trip(254, 256, 32, &back), KEEPERS_OK);
    assert_int_equal(back.email.len, 254);
    assert_int_equal(back.password.len, 256);
    assert_int_equal(back.code.len, 32);
    assert_true(back.asked_ms == 0x0102030405060708ULL);
    assert_memory_equal(back.net, "\4\x18\xc0\0\2\0\0\0", 8);
    assert_int_equal(buf[0], KEEPERS_RECORD_SIGNIN);
    assert_int_equal(buf[1], 1);

    assert_int_equal(round_trip(0, 0, 0, &back), KEEPERS_OK);
    assert_int_equal(back.code.len, 0);
}


static void
test_refuses(void **state)
{
    keepers_signin_t  back;

    (void) state;

    assert_int_equal(round_trip(255, 1, 0, &back), KEEPERS_SIGNIN_BROKEN);
    assert_null(back.email.data);
    assert_int_equal(round_trip(1, 257, 0, &back), KEEPERS_SIGNIN_BROKEN);
    assert_int_equal(round_trip(1, 1, 33, &back), KEEPERS_SIGNIN_BROKEN);
}


static void
test_cut_or_bent(void **state)
{
    size_t            len, whole;
    keepers_str_t     tight;
    keepers_signin_t  back;

    (void) state;

    assert_int_equal(round_trip(5, 6, 7, &back), KEEPERS_OK);
    whole = 2 + 8 + 8 + 7 + 8 + 9;
    buf[whole] = 0;

    for (len = 0; len <= whole + 1; len++) {
        tight = unit_copy(buf, len);
        assert_int_equal(keepers_signin_decode(tight, &back),
                         len == whole ? KEEPERS_OK : KEEPERS_SIGNIN_BROKEN);
        unit_free(tight);
    }

    buf[0] = KEEPERS_RECORD_SIGNUP;
    assert_int_equal(keepers_signin_decode(keepers_str(buf, whole), &back),
                     KEEPERS_SIGNIN_BROKEN);
    buf[0] = KEEPERS_RECORD_SIGNIN;
    buf[1] = 3;
    assert_int_equal(keepers_signin_decode(keepers_str(buf, whole), &back),
                     KEEPERS_SIGNIN_BROKEN);
}


/* The version of before, as long as nothing is in it that is new. */

static void
test_passkey(void **state)
{
    size_t            len, cut;
    keepers_out_t     out;
    keepers_str_t     tight;
    keepers_signin_t  back, signin;

    static char  s[KEEPERS_PASSKEY_LEN_MAX + 1];

    (void) state;

    memset(s, 'x', sizeof(s));

    for (len = 1; len <= sizeof(s); len += sizeof(s) / 4) {
        memset(&signin, 0, sizeof(signin));
        signin.email = keepers_str("a@b.example", 11);
        signin.password = keepers_str(s, 256);
        signin.passkey = keepers_str(s, len);

        keepers_out_init(&out, buf, sizeof(buf));
        keepers_signin_encode(&signin, &out);
        assert_false(out.overflow);
        assert_int_equal(buf[1], 2);

        assert_int_equal(keepers_signin_decode(keepers_out_written(&out),
                                                &back),
                         len < sizeof(s) ? KEEPERS_OK
                                         : KEEPERS_SIGNIN_BROKEN);
        assert_int_equal(back.passkey.len, len < sizeof(s) ? len : 0);
    }

    assert_int_equal(len - sizeof(s) / 4, sizeof(s));

    /* cut, or of the other version */

    signin.passkey.len = 3;
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_signin_encode(&signin, &out);

    for (cut = 0; cut <= out.len; cut++) {
        tight = unit_copy(buf, cut);
        assert_int_equal(keepers_signin_decode(tight, &back),
                         cut == out.len ? KEEPERS_OK
                                        : KEEPERS_SIGNIN_BROKEN);
        unit_free(tight);
    }

    buf[1] = 1;
    assert_int_equal(keepers_signin_decode(keepers_out_written(&out), &back),
                     KEEPERS_SIGNIN_BROKEN);
}


static void
test_fields(void **state)
{
    keepers_field_t     fields[KEEPERS_SIGNIN_FIELDS];
    keepers_fieldset_t  set;

    (void) state;

    memset(fields, 0xff, sizeof(fields));
    keepers_signin_fields(fields, &set);
    assert_int_equal(set.n, KEEPERS_SIGNIN_FIELDS);
    assert_str(fields[KEEPERS_SIGNIN_EMAIL].name, "email");
    assert_str(fields[KEEPERS_SIGNIN_PASSWORD].name, "password");
    assert_str(fields[KEEPERS_SIGNIN_CODE].name, "code");
    assert_str(fields[KEEPERS_SIGNIN_NEXT].name, "next");
    assert_int_equal(fields[KEEPERS_SIGNIN_NEXT].kind, KEEPERS_FIELD_ABSENT);
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

    return cmocka_run_group_tests_name("keepers_signin", tests, NULL, NULL);
}
