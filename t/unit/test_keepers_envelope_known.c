
/*
 * Copyright (C) Keepers
 *
 * Goal: the envelope's format does not change by accident, and a key file of
 * the writer is read exactly.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/keepers_envelope.h"

#include <sodium.h>
#include <stdlib.h>


#define K0      "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define NOW_MS  1795000000000


static keepers_keyring_t *ring_of(const char *text);
static void test_known(void **state);
static void test_key_read(void **state);
static int setup(void **state);
static int teardown(void **state);


static keepers_keyring_t  *ring;        /* the shared ring of k0 */


static keepers_keyring_t *
ring_of(const char *text)
{
    size_t              line;
    keepers_keyring_t  *edge, *shared;

    if (keepers_keyring_read(keepers_str(text, strlen(text)), &edge, &line)
        != KEEPERS_OK)
    {
        return NULL;
    }

    if (keepers_keyring_shared(edge, &shared) != KEEPERS_OK) {
        shared = NULL;
    }

    keepers_keyring_free(edge);

    return shared;
}


/*
 * The box is the one of NaCl's own tests (Alice to Bob); the head around
 * Alice's public key comes from another implementation of BLAKE2b.
 */
static void
test_known(void **state)
{
    size_t                      len;
    unsigned char               bob[32], envelope[512], plain[131], to[131];
    keepers_envelope_opener_t  *known;
    static const char  bob_hex[] =
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
    static const char  envelope_hex[] =
        "4b31e95918fc000001a1fe0060808520f0098930a754748b7ddcb43ef75a0dbf"
        "3a0d26381af4eba4a98eaa9b4e6a61141723c86c87e13c9b6a7dda3310c8be1d"
        "db7ced0b1afac7f215e0708e2247"
        "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"
        "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce"
        "48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972"
        "71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae"
        "90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3"
        "7973f622a43d14a6599b1f654cb45a74e355a5";
    static const char  plain_hex[] =
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc"
        "e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31"
        "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
        "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864"
        "5e0705";

    (void) state;

    assert_int_equal(sodium_hex2bin(bob, sizeof(bob), bob_hex,
                                    sizeof(bob_hex) - 1, NULL, &len, NULL), 0);
    assert_int_equal(sodium_hex2bin(plain, sizeof(plain), plain_hex,
                                    sizeof(plain_hex) - 1, NULL, &len, NULL),
                     0);
    assert_int_equal(len, sizeof(plain));
    assert_int_equal(sodium_hex2bin(envelope, sizeof(envelope), envelope_hex,
                                    sizeof(envelope_hex) - 1, NULL, &len,
                                    NULL), 0);
    assert_int_equal(len, sizeof(plain) + KEEPERS_ENVELOPE_OVERHEAD);

    known = malloc(sizeof(keepers_envelope_opener_t));
    assert_non_null(known);
    keepers_envelope_opener_init(known, bob);

    assert_int_equal(keepers_envelope_open(known, ring, NOW_MS,
                                           keepers_str(envelope, len), to,
                                           sizeof(to), &len),
                     KEEPERS_OK);
    assert_int_equal(len, sizeof(plain));
    assert_memory_equal(to, plain, len);

    free(known);
}


static void
test_key_read(void **state)
{
    size_t         i;
    unsigned char  key[32], zeros[32];
    static const char  *junk[] = {
        "",
        "\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "//////////////////////////////////////////8="
    };

    (void) state;

    memset(zeros, 0, sizeof(zeros));

    assert_true(keepers_envelope_key_read(keepers_str(
                    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n", 46),
                    key));
    assert_int_equal(key[31], 31);

    for (i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        memset(key, 0xff, sizeof(key));
        assert_false(keepers_envelope_key_read(keepers_str(junk[i],
                                                           strlen(junk[i])),
                                               key));
        assert_memory_equal(key, zeros, sizeof(key));
    }
}


static int
setup(void **state)
{
    (void) state;

    if (keepers_keyring_init() != KEEPERS_OK) {
        return -1;
    }

    ring = ring_of(K0);

    return (ring != NULL) ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;

    keepers_keyring_free(ring);

    return 0;
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_key_read)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
