
/*
 * Copyright (C) Keepers
 *
 * Goal: a sealed record opens under its own Redis key, purpose and a key of
 * the ring, and nothing else does.  The expected value comes from another
 * implementation of XChaCha20-Poly1305.
 */


#include "keepers_unit_rings.h"

#include "core/keepers_session.h"
#include "core/keepers_token.h"

#include <sodium.h>


#define SID        "yGvrIvaighcIPtm9GGfcnojr2JVn-IeQbJ4i8u1v_xg"
#define REDIS_KEY  "keepers:{LN0ZjEB1gVg}:s:" SID


static void test_seal_known(void **state);
static void test_seal_round_trip(void **state);
static void test_seal_moved(void **state);
static void test_seal_bits(void **state);
static void test_seal_lengths(void **state);
static void test_seal_rotation(void **state);
static void test_seal_no_space(void **state);


static void
test_seal_known(void **state)
{
    size_t             len;
    unsigned char      sealed[KEEPERS_SESSION_SEALED_LEN];
    unsigned char      record[KEEPERS_SESSION_RECORD_LEN];
    keepers_session_t  session;
    static const char  hex[] =
        "404142434445464748494a4b4c4d4e4f5051525354555657"
        "e25a46c854c6015aa79db4c0a4c0055f284c3f020ee2f2a2"
        "ec9267fc4fa5faaef21c0e271ceef017141b2b47860c95a4"
        "876b080acdd3d1c780d71b762de3a27a37a5386c7a69bf6d"
        "3fa7bccd648c388c8a286e4f9eb7ba6aea8f67e2";

    (void) state;

    assert_int_equal(sodium_hex2bin(sealed, sizeof(sealed), hex,
                                    sizeof(hex) - 1, NULL, &len, NULL),
                     0);
    assert_int_equal(len, sizeof(sealed));

    assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_SESSION_SEAL,
                                  str(REDIS_KEY),
                                  keepers_str(sealed, sizeof(sealed)), record,
                                  sizeof(record), &len),
                     KEEPERS_OK);
    assert_int_equal(keepers_session_decode(keepers_str(record, len),
                                            &session),
                     KEEPERS_OK);
    assert_int_equal(session.absolute_ms, 1795043200000);
    assert_int_equal(session.role, KEEPERS_ROLE_MANAGER);
    assert_int_equal(session.epoch, 7);
    assert_int_equal(session.user.bytes[15], 0x5f);
}


static void
test_seal_round_trip(void **state)
{
    size_t         i, len;
    keepers_out_t  out;
    keepers_str_t  s;
    unsigned char  record[300], sealed[400], back[300], first[24];

    (void) state;

    for (i = 0; i < sizeof(record); i++) {
        record[i] = (unsigned char) i;
    }

    memset(first, 0, sizeof(first));

    for (i = 0; i <= sizeof(record); i++) {
        keepers_out_init(&out, sealed, sizeof(sealed));
        keepers_out_byte(&out, '>');

        assert_int_equal(keepers_seal(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                      keepers_str(record, i), &out),
                         KEEPERS_OK);
        assert_int_equal(out.len, 1 + i + KEEPERS_SEAL_OVERHEAD);
        assert_int_equal(sealed[0], '>');

        /* a nonce is never used again */

        assert_memory_not_equal(first, sealed + 1, sizeof(first));
        memcpy(first, sealed + 1, sizeof(first));

        s = keepers_str(sealed + 1, out.len - 1);
        assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                      s, back, i, &len),
                         KEEPERS_OK);
        assert_int_equal(len, i);
        assert_memory_equal(back, record, len);
    }
}


static void
test_seal_moved(void **state)
{
    size_t         i, len;
    keepers_out_t  out;
    keepers_str_t  s;
    unsigned char  sealed[100], back[64], zeros[64];
    static const char  *others[] = {
        "", "keepers:{a}:s:", "keepers:{a}:s:c", "keepers:{a}:s:bb",
        "keepers:{b}:s:b", "Keepers:{a}:s:b"
    };

    (void) state;

    memset(zeros, 0, sizeof(zeros));
    keepers_out_init(&out, sealed, sizeof(sealed));
    assert_int_equal(keepers_seal(ring, 0, KEEPERS_PURPOSE_SESSION_SEAL,
                                  str("keepers:{a}:s:b"), str("record"), &out),
                     KEEPERS_OK);
    s = keepers_out_written(&out);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        len = 99;
        memset(back, 0xff, sizeof(back));
        assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_SESSION_SEAL,
                                      str(others[i]), s, back, sizeof(back),
                                      &len),
                         KEEPERS_TOKEN_FORGED);
        assert_int_equal(len, 0);
        assert_memory_equal(back, zeros, sizeof(back));
    }

    for (i = 0; i < KEEPERS_PURPOSES; i++) {
        assert_int_equal(keepers_open(ring, 0, (keepers_purpose_e) i,
                                      str("keepers:{a}:s:b"), s, back,
                                      sizeof(back), &len),
                         i == KEEPERS_PURPOSE_SESSION_SEAL
                             ? KEEPERS_OK : KEEPERS_TOKEN_FORGED);
    }
}


static void
test_seal_bits(void **state)
{
    size_t         i, len;
    keepers_out_t  out;
    unsigned char  sealed[KEEPERS_SESSION_SEALED_LEN];
    unsigned char  record[KEEPERS_SESSION_RECORD_LEN];
    unsigned char  back[KEEPERS_SESSION_RECORD_LEN], zeros[sizeof(back)];

    (void) state;

    memset(record, 0x5a, sizeof(record));
    memset(zeros, 0, sizeof(zeros));

    keepers_out_init(&out, sealed, sizeof(sealed));
    assert_int_equal(keepers_seal(ring, 0, KEEPERS_PURPOSE_SESSION_SEAL,
                                  str(REDIS_KEY),
                                  keepers_str(record, sizeof(record)), &out),
                     KEEPERS_OK);

    for (i = 0; i < sizeof(sealed) * 8; i++) {
        sealed[i / 8] ^= (unsigned char) (1 << i % 8);
        memset(back, 0xff, sizeof(back));

        assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_SESSION_SEAL,
                                      str(REDIS_KEY),
                                      keepers_out_written(&out), back,
                                      sizeof(back), &len),
                         KEEPERS_TOKEN_FORGED);
        assert_int_equal(len, 0);
        assert_memory_equal(back, zeros, sizeof(back));

        sealed[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_SESSION_SEAL,
                                  str(REDIS_KEY), keepers_out_written(&out),
                                  back, sizeof(back), &len),
                     KEEPERS_OK);
}


static void
test_seal_lengths(void **state)
{
    size_t         i, len;
    keepers_out_t  out;
    unsigned char  sealed[64], back[64];

    (void) state;

    memset(sealed, 0, sizeof(sealed));
    keepers_out_init(&out, sealed, sizeof(sealed));
    assert_int_equal(keepers_seal(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                  str("record"), &out),
                     KEEPERS_OK);
    assert_int_equal(out.len, 46);

    for (i = 0; i <= sizeof(sealed); i++) {
        if (i == out.len) {
            continue;
        }

        assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                      keepers_str(sealed, i), back,
                                      sizeof(back), &len),
                         i < KEEPERS_SEAL_OVERHEAD ? KEEPERS_TOKEN_JUNK
                                                   : KEEPERS_TOKEN_FORGED);
        assert_int_equal(len, 0);
    }

    assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                  keepers_str(NULL, 0), back, sizeof(back),
                                  &len),
                     KEEPERS_TOKEN_JUNK);
    assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                  keepers_out_written(&out), back, 5, &len),
                     KEEPERS_TOKEN_NO_SPACE);
    assert_int_equal(keepers_open(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                  keepers_out_written(&out), back, 6, &len),
                     KEEPERS_OK);
}


static void
test_seal_rotation(void **state)
{
    size_t         i, len;
    keepers_out_t  out;
    keepers_str_t  s;
    unsigned char  sealed[64], back[64];

    (void) state;

    keepers_out_init(&out, sealed, sizeof(sealed));
    assert_int_equal(keepers_seal(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                  str("record"), &out),
                     KEEPERS_OK);
    s = keepers_out_written(&out);

    assert_int_equal(keepers_open(rotated, 1, KEEPERS_PURPOSE_LINK, str("ad"),
                                  s, back, sizeof(back), &len),
                     KEEPERS_OK);
    assert_int_equal(keepers_open(rotated, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                  s, back, sizeof(back), &len),
                     KEEPERS_TOKEN_FORGED);

    for (i = 0; i < KEEPERS_KEYRING_MAX + 3; i++) {
        assert_int_equal(keepers_open(removed, i, KEEPERS_PURPOSE_LINK,
                                      str("ad"), s, back, sizeof(back), &len),
                         KEEPERS_TOKEN_FORGED);
    }
}


static void
test_seal_no_space(void **state)
{
    size_t         i;
    keepers_out_t  out;
    unsigned char  sealed[64], untouched[64];

    (void) state;

    memset(untouched, 0x11, sizeof(untouched));

    for (i = 0; i < 46; i++) {
        memset(sealed, 0x11, sizeof(sealed));
        keepers_out_init(&out, sealed, i);
        assert_int_equal(keepers_seal(ring, 0, KEEPERS_PURPOSE_LINK, str("ad"),
                                      str("record"), &out),
                         KEEPERS_TOKEN_NO_SPACE);
        assert_true(out.overflow);
        assert_int_equal(out.len, 0);
        assert_memory_equal(sealed, untouched, sizeof(sealed));
    }

    /* a key that the ring does not have seals nothing */

    keepers_out_init(&out, sealed, sizeof(sealed));
    assert_int_equal(keepers_seal(ring, 1, KEEPERS_PURPOSE_LINK, str("ad"),
                                  str("record"), &out),
                     KEEPERS_TOKEN_NO_SPACE);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_seal_known),
        cmocka_unit_test(test_seal_round_trip),
        cmocka_unit_test(test_seal_moved),
        cmocka_unit_test(test_seal_bits),
        cmocka_unit_test(test_seal_lengths),
        cmocka_unit_test(test_seal_rotation),
        cmocka_unit_test(test_seal_no_space)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
