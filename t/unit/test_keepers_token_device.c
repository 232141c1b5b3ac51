
/*
 * Copyright (C) Keepers
 *
 * Goal: a device token is accepted for the account it was made for, for 180
 * days, as it was made, and is no form token; the expected value comes from
 * another implementation of BLAKE2b.
 */


#include "keepers_unit_rings.h"

#include "core/keepers_text.h"
#include "core/keepers_token.h"


#define DEVICE     "AAABoe5WXgAAAQIDBAUGBwgJCgsMDQ4P7jq9LrdXeja1sc7teqksHA"
#define ACCOUNT    "lena@cafe.example"
#define NOW_MS     1795000000000
#define LIFE_MS    15552000000


static int device_read(const keepers_keyring_t *keys, const char *account,
    keepers_str_t text, uint64_t now_ms);
static void test_device_known(void **state);
static void test_device_times(void **state);
static void test_device_account(void **state);
static void test_device_bits(void **state);
static void test_device_rotation(void **state);


static int
device_read(const keepers_keyring_t *keys, const char *account,
    keepers_str_t text, uint64_t now_ms)
{
    int            rc;
    uint64_t       issued_ms;
    unsigned char  id[KEEPERS_DEVICE_ID_LEN];

    rc = keepers_device_read(keys, str(account), text, now_ms, &issued_ms, id);

    if (rc == KEEPERS_OK) {
        assert_int_equal(issued_ms, NOW_MS);
        assert_int_equal(id[15], 15);
    }

    return rc;
}


static void
test_device_known(void **state)
{
    size_t         i;
    keepers_out_t  out;
    unsigned char  id[KEEPERS_DEVICE_ID_LEN], text[KEEPERS_DEVICE_LEN];

    (void) state;

    for (i = 0; i < sizeof(id); i++) {
        id[i] = (unsigned char) i;
    }

    keepers_out_init(&out, text, sizeof(text));
    keepers_device_write(ring, str(ACCOUNT), NOW_MS, id, &out);
    assert_written(&out, DEVICE);

    assert_int_equal(device_read(ring, ACCOUNT, str(DEVICE), NOW_MS),
                     KEEPERS_OK);
}


static void
test_device_times(void **state)
{
    (void) state;

    assert_int_equal(device_read(ring, ACCOUNT, str(DEVICE),
                                 NOW_MS + LIFE_MS),
                     KEEPERS_OK);
    assert_int_equal(device_read(ring, ACCOUNT, str(DEVICE),
                                 NOW_MS + LIFE_MS + 1),
                     KEEPERS_TOKEN_EXPIRED);
    assert_int_equal(device_read(ring, ACCOUNT, str(DEVICE), NOW_MS - 60001),
                     KEEPERS_TOKEN_EARLY);
}


static void
test_device_account(void **state)
{
    uint64_t       issued_ms;
    unsigned char  id[KEEPERS_DEVICE_ID_LEN];

    (void) state;

    assert_int_equal(device_read(ring, "lena@cafe.exampl", str(DEVICE),
                                 NOW_MS),
                     KEEPERS_TOKEN_FORGED);
    assert_int_equal(device_read(ring, "", str(DEVICE), NOW_MS),
                     KEEPERS_TOKEN_FORGED);

    /* anybody may fetch a form token of a link; it is none of these */

    assert_int_equal(keepers_form_token_read(ring, str(ACCOUNT), str(DEVICE),
                                             NOW_MS, LIFE_MS, &issued_ms, id),
                     KEEPERS_TOKEN_FORGED);
}


static void
test_device_bits(void **state)
{
    size_t         i;
    keepers_out_t  out;
    unsigned char  raw[40], text[64];

    (void) state;

    assert_true(keepers_text_base64url_decode(str(DEVICE), raw, sizeof(raw)));

    for (i = 0; i < sizeof(raw) * 8; i++) {
        raw[i / 8] ^= (unsigned char) (1 << i % 8);

        keepers_out_init(&out, text, sizeof(text));
        keepers_text_base64url(&out, keepers_str(raw, sizeof(raw)));

        assert_int_equal(device_read(ring, ACCOUNT, keepers_out_written(&out),
                                     NOW_MS),
                         KEEPERS_TOKEN_FORGED);

        raw[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    for (i = 0; i < KEEPERS_DEVICE_LEN; i++) {
        assert_int_equal(device_read(ring, ACCOUNT, keepers_str(DEVICE, i),
                                     NOW_MS),
                         KEEPERS_TOKEN_JUNK);
    }
}


static void
test_device_rotation(void **state)
{
    (void) state;

    assert_int_equal(device_read(rotated, ACCOUNT, str(DEVICE), NOW_MS),
                     KEEPERS_OK);
    assert_int_equal(device_read(removed, ACCOUNT, str(DEVICE), NOW_MS),
                     KEEPERS_TOKEN_FORGED);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_device_known),
        cmocka_unit_test(test_device_times),
        cmocka_unit_test(test_device_account),
        cmocka_unit_test(test_device_bits),
        cmocka_unit_test(test_device_rotation)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
