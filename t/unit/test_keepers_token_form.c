
/*
 * Copyright (C) Keepers
 *
 * Goal: a form token is accepted for its link, for a day, as it was made; the
 * expected value comes from another implementation of BLAKE2b.
 */


#include "keepers_unit_rings.h"

#include "core/keepers_text.h"
#include "core/keepers_token.h"


#define FORM       "AAABoe5WXgAAAQIDBAUGBwgJCgsMDQ4P6RSzJFk88_5MkMOsuBqD4Q"
#define NOW_MS     1795000000000
#define DAY_MS     86400000


static void assert_form_token_junk(keepers_str_t text);
static void test_form_known(void **state);
static void test_form_times(void **state);
static void test_form_bits(void **state);
static void test_form_junk(void **state);
static void test_form_rotation(void **state);


static void
assert_form_token_junk(keepers_str_t text)
{
    uint64_t       issued_ms;
    unsigned char  nonce[KEEPERS_FORM_NONCE_LEN];

    assert_int_equal(keepers_form_token_read(ring, str("cafe-lena"), text,
                                             NOW_MS, DAY_MS, &issued_ms,
                                             nonce),
                     KEEPERS_TOKEN_JUNK);
}


static void
test_form_known(void **state)
{
    size_t         i;
    uint64_t       issued_ms;
    keepers_out_t  out;
    unsigned char  nonce[KEEPERS_FORM_NONCE_LEN], back[sizeof(nonce)];
    unsigned char  text[KEEPERS_FORM_TOKEN_LEN];

    (void) state;

    for (i = 0; i < sizeof(nonce); i++) {
        nonce[i] = (unsigned char) i;
    }

    keepers_out_init(&out, text, sizeof(text));
    keepers_form_token_write(ring, str("cafe-lena"), NOW_MS, nonce, &out);
    assert_written(&out, FORM);

    assert_int_equal(keepers_form_token_read(ring, str("cafe-lena"), str(FORM),
                                             NOW_MS + 5000, DAY_MS, &issued_ms,
                                             back),
                     KEEPERS_OK);
    assert_int_equal(issued_ms, NOW_MS);
    assert_memory_equal(back, nonce, sizeof(nonce));
}


static void
test_form_times(void **state)
{
    size_t         i;
    uint64_t       issued_ms;
    unsigned char  nonce[KEEPERS_FORM_NONCE_LEN];
    static const struct {
        uint64_t   now_ms;
        int        rc;
    } times[] = {
        { NOW_MS, KEEPERS_OK },
        { NOW_MS - 60000, KEEPERS_OK },
        { NOW_MS - 60001, KEEPERS_TOKEN_EARLY },
        { 0, KEEPERS_TOKEN_EARLY },
        { NOW_MS + DAY_MS, KEEPERS_OK },
        { NOW_MS + DAY_MS + 1, KEEPERS_TOKEN_EXPIRED },
        { UINT64_MAX, KEEPERS_TOKEN_EXPIRED }
    };

    (void) state;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(keepers_form_token_read(ring, str("cafe-lena"),
                                                 str(FORM), times[i].now_ms,
                                                 DAY_MS, &issued_ms, nonce),
                         times[i].rc);

        /* the page that is shown again keeps the idempotency key */

        assert_int_equal(issued_ms,
                         times[i].rc == KEEPERS_TOKEN_EARLY ? 0 : NOW_MS);
        assert_int_equal(nonce[15],
                         times[i].rc == KEEPERS_TOKEN_EARLY ? 0 : 15);
    }
}


static void
test_form_bits(void **state)
{
    size_t         i;
    uint64_t       issued_ms;
    keepers_out_t  out;
    unsigned char  raw[40], text[64], nonce[KEEPERS_FORM_NONCE_LEN];
    unsigned char  zeros[sizeof(nonce)];

    (void) state;

    memset(zeros, 0, sizeof(zeros));
    assert_true(keepers_text_base64url_decode(str(FORM), raw, sizeof(raw)));

    for (i = 0; i < sizeof(raw) * 8; i++) {
        raw[i / 8] ^= (unsigned char) (1 << i % 8);

        keepers_out_init(&out, text, sizeof(text));
        keepers_text_base64url(&out, keepers_str(raw, sizeof(raw)));

        assert_int_equal(keepers_form_token_read(ring, str("cafe-lena"),
                                                 keepers_out_written(&out),
                                                 NOW_MS, DAY_MS, &issued_ms,
                                                 nonce),
                         KEEPERS_TOKEN_FORGED);
        assert_int_equal(issued_ms, 0);
        assert_memory_equal(nonce, zeros, sizeof(nonce));

        raw[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    /* nor the token of another link */

    assert_int_equal(keepers_form_token_read(ring, str("cafe-len"), str(FORM),
                                             NOW_MS, DAY_MS, &issued_ms,
                                             nonce),
                     KEEPERS_TOKEN_FORGED);
    assert_int_equal(keepers_form_token_read(ring, str(""), str(FORM), NOW_MS,
                                             DAY_MS, &issued_ms, nonce),
                     KEEPERS_TOKEN_FORGED);
}


static void
test_form_junk(void **state)
{
    char    text[64];
    size_t  i;

    (void) state;

    memset(text, 'A', sizeof(text));
    memcpy(text, FORM, KEEPERS_FORM_TOKEN_LEN);

    for (i = 0; i <= sizeof(text); i++) {
        if (i != KEEPERS_FORM_TOKEN_LEN) {
            assert_form_token_junk(keepers_str(text, i));
        }
    }

    assert_form_token_junk(keepers_str(NULL, 0));

    for (i = 0; i < KEEPERS_FORM_TOKEN_LEN; i++) {
        memcpy(text, FORM, KEEPERS_FORM_TOKEN_LEN);
        text[i] = '+';
        assert_form_token_junk(keepers_str(text, KEEPERS_FORM_TOKEN_LEN));
    }

    memcpy(text, FORM, KEEPERS_FORM_TOKEN_LEN);
    text[KEEPERS_FORM_TOKEN_LEN - 1]++;     /* a spare bit */
    assert_form_token_junk(keepers_str(text, KEEPERS_FORM_TOKEN_LEN));
}


static void
test_form_rotation(void **state)
{
    uint64_t       issued_ms;
    keepers_out_t  out;
    unsigned char  nonce[KEEPERS_FORM_NONCE_LEN], text[KEEPERS_FORM_TOKEN_LEN];

    (void) state;

    assert_int_equal(keepers_form_token_read(rotated, str("cafe-lena"),
                                             str(FORM), NOW_MS, DAY_MS,
                                             &issued_ms, nonce),
                     KEEPERS_OK);
    assert_int_equal(keepers_form_token_read(removed, str("cafe-lena"),
                                             str(FORM), NOW_MS, DAY_MS,
                                             &issued_ms, nonce),
                     KEEPERS_TOKEN_FORGED);

    /* the first key writes, and reads though others follow */

    keepers_out_init(&out, text, sizeof(text));
    keepers_form_token_write(rotated, str("cafe-lena"), NOW_MS, nonce, &out);

    assert_int_equal(keepers_form_token_read(rotated, str("cafe-lena"),
                                             keepers_out_written(&out), NOW_MS,
                                             DAY_MS, &issued_ms, nonce),
                     KEEPERS_OK);
    assert_int_equal(keepers_form_token_read(removed, str("cafe-lena"),
                                             keepers_out_written(&out), NOW_MS,
                                             DAY_MS, &issued_ms, nonce),
                     KEEPERS_OK);
    assert_int_equal(keepers_form_token_read(ring, str("cafe-lena"),
                                             keepers_out_written(&out), NOW_MS,
                                             DAY_MS, &issued_ms, nonce),
                     KEEPERS_TOKEN_FORGED);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_form_known),
        cmocka_unit_test(test_form_times),
        cmocka_unit_test(test_form_bits),
        cmocka_unit_test(test_form_junk),
        cmocka_unit_test(test_form_rotation)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
