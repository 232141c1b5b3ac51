
/*
 * Copyright (C) Keepers
 *
 * Goal: a key file is read exactly or refused with its line, and what is
 * derived from a key never changes by accident.  The expected values come
 * from another implementation of BLAKE2b.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/keepers_keyring.h"

#include <sodium.h>


#define K0  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define K1  "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define K2  "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="
#define K3  "YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8="
#define K4  "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8="


typedef struct {
    const char  *text;
    int          rc;
    size_t       line;
} fault_t;


static int read_ring(const char *text, keepers_keyring_t **ring,
    size_t *line);
static void assert_hex(const void *bytes, size_t len, const char *hex);
static void test_reads(void **state);
static void test_reads_layout(void **state);
static void test_refuses(void **state);
static void test_refuses_nul_and_words(void **state);
static void test_derives(void **state);
static void test_shared(void **state);
static void test_unused_places_are_random(void **state);
static void test_keyed_hash(void **state);
static void test_knows(void **state);
static void test_keyed_hash_wrong_length(void **state);
static void test_mark(void **state);
static void test_wrappers(void **state);
static int setup(void **state);


static const char  *derived[KEEPERS_PURPOSES] = {
    "42ddd825aa8922eabfeba03236e9151cd8d617be43b0619e3627779b2037616b",
    "8373bc16589c396c02d7f8b403a8efa6b9753fd23bdd223d4dab25c49abe1243",
    "b0103444e8aa8d67800f51e7067c1fa1a84d9f08fca777c5261e4670758c39d3",
    "5c619a92c8d9e6ba858f8d969cf9a4148b4b82b4c7215890d0ade589edf6c787",
    "c01e8059076ef431f56110bd4c7480d77f1b0065badc4ee00aa683f2399ea262",
    "39418baf692c2ed8dba3aebfde141fe6f3b399c45b9c633e7f0c41a652a52689",
    "0fb27e581d432dc652d9b9a6777d8e47a1f426ad3dcfd4264d503bba388fa046",
    "41b01d67f7f572260fe3b4b31388dc0999da6d200892174def022a5581591631",
    "6ab14da31a63747f14bafdd96bb0eeb59b0c305f916fb75c76ace6970b7e25ce",
    "a28bc665727b8057a24fd92241c6d9c314715a9fa4be46a3abc52aeef4c37ee5",
    "07a0c50e388630bfec5f31044de58891ed7305e25dfe5ccde8873a4b23bdac83",
    "b25b75fa38e58a9205ef0ee221ff86f8db1cc387422b0975a4f58935fbb1d5a7",
    "2d0087586aab4d721de354d46dd5738cef1333329b7a0917cca982a2e459f859",
    "269f166192fa107f1531d2860a757cf20dbc7829026bbbcce24cea43eed438dc",
    "b07c559e2a9783e4f9d7ca21171e083a5bb58a3d2fc071120f08b98fa644e407",
    "2272c8031dc32b563615cf13fb6dae8b39ecef04b727e41bf081fed35fe257ed",
    "854f45d60785453903164d967da74f57fbfde2b5aa2e4f35f5fe1fcd7414daad"
};


static const fault_t  faults[] = {
    { "", KEEPERS_KEYRING_EMPTY, 0 },
    { "\n\n# none\n", KEEPERS_KEYRING_EMPTY, 0 },
    { "k0", KEEPERS_KEYRING_LINE, 1 },
    { "k0:", KEEPERS_KEYRING_SHORT, 1 },
    { ":" K0, KEEPERS_KEYRING_LINE, 1 },
    { "#\nk 0:" K0, KEEPERS_KEYRING_LINE, 2 },
    { "k\"0:" K0, KEEPERS_KEYRING_LINE, 1 },
    { "k\xc3\xa9:" K0, KEEPERS_KEYRING_LINE, 1 },
    { "k0 :" K0, KEEPERS_KEYRING_LINE, 1 },
    { "k0: " K0, KEEPERS_KEYRING_LINE, 1 },
    { "k0:" K0 " x", KEEPERS_KEYRING_LINE, 1 },
    { "k0:" K0 "# comment", KEEPERS_KEYRING_LINE, 1 },
    { "k0::" K0, KEEPERS_KEYRING_LINE, 1 },
    { "k2345678901234567:" K0, KEEPERS_KEYRING_LINE, 1 },

    /* without padding, in the other alphabet, with bits that no byte takes */
    { "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
      KEEPERS_KEYRING_LINE, 1 },
    { "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd-_8=",
      KEEPERS_KEYRING_LINE, 1 },
    { "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
      KEEPERS_KEYRING_LINE, 1 },

    /* 31, 33, 64, 66 and many bytes */
    { "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
      KEEPERS_KEYRING_SHORT, 1 },
    { "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A",
      KEEPERS_KEYRING_SHORT, 1 },
    { "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A"
      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
      KEEPERS_KEYRING_SHORT, 1 },
    { "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A"
      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A",
      KEEPERS_KEYRING_SHORT, 1 },
    { "k0:" K0 K0 K0 K0, KEEPERS_KEYRING_SHORT, 1 },
    { "k0:AA==", KEEPERS_KEYRING_SHORT, 1 },

    { "k0:" K0 "\nk0:" K1, KEEPERS_KEYRING_REPEATED, 2 },
    { "k0:" K0 "\n\nk1:" K1 "\nk2:" K0, KEEPERS_KEYRING_REPEATED, 4 },
    { "k0:" K0 "\nk1:" K1 "\nk2:" K2 "\nk3:" K3 "\n# five\nk4:" K4,
      KEEPERS_KEYRING_TOO_MANY, 6 },
    { "k0:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
      KEEPERS_KEYRING_WEAK, 1 },
    { "k0:" K0 "\nk1://////////////////////////////////////////8=",
      KEEPERS_KEYRING_WEAK, 2 },
    { "k0:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
      KEEPERS_KEYRING_WEAK, 1 }
};


static int
read_ring(const char *text, keepers_keyring_t **ring, size_t *line)
{
    return keepers_keyring_read(keepers_str(text, strlen(text)), ring, line);
}


static void
assert_hex(const void *bytes, size_t len, const char *hex)
{
    char  text[129];

    assert_true(len * 2 < sizeof(text));
    sodium_bin2hex(text, sizeof(text), bytes, len);
    assert_string_equal(text, hex);
}


static void
test_reads(void **state)
{
    size_t              line;
    keepers_keyring_t  *ring;

    (void) state;

    assert_int_equal(read_ring("k0:" K0 "\nk1:" K1 "\nk2:" K2 "\nk3:" K3 "\n",
                               &ring, &line),
                     KEEPERS_OK);
    assert_int_equal(line, 0);
    assert_int_equal(ring->n, 4);
    assert_string_equal(ring->keys[0].id, "k0");
    assert_string_equal(ring->keys[3].id, "k3");
    assert_int_equal(ring->keys[0].master[31], 31);
    assert_int_equal(ring->keys[3].master[0], 96);

    keepers_keyring_free(ring);
    keepers_keyring_free(NULL);
}


static void
test_reads_layout(void **state)
{
    size_t              line;
    keepers_keyring_t  *ring;

    (void) state;

    /* comments, blanks around, CRLF, no end of line at the end */

    assert_int_equal(read_ring("# edge keys\r\n\r\n \t K-0_abcdefghijkl:" K0
                               " \r\n   # old\n\nk1:" K1,
                               &ring, &line),
                     KEEPERS_OK);
    assert_int_equal(ring->n, 2);
    assert_string_equal(ring->keys[0].id, "K-0_abcdefghijkl");
    assert_string_equal(ring->keys[1].id, "k1");

    keepers_keyring_free(ring);
}


static void
test_refuses(void **state)
{
    size_t              i, line;
    keepers_keyring_t  *ring;

    (void) state;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        line = 99;
        ring = (keepers_keyring_t *) &line;

        assert_int_equal(read_ring(faults[i].text, &ring, &line),
                         faults[i].rc);
        assert_int_equal(line, faults[i].line);
        assert_null(ring);
    }
}


static void
test_refuses_nul_and_words(void **state)
{
    int                 rc;
    size_t              line;
    keepers_keyring_t  *ring;
    static const char   nul[] = "k\0:" K0;

    (void) state;

    assert_int_equal(keepers_keyring_read(keepers_str(nul, sizeof(nul) - 1),
                                          &ring, &line),
                     KEEPERS_KEYRING_LINE);

    for (rc = KEEPERS_OK; rc <= KEEPERS_KEYRING_NO_MEMORY; rc++) {
        assert_string_not_equal(keepers_keyring_fault(rc), "unknown fault");
    }

    assert_string_equal(keepers_keyring_fault(rc), "unknown fault");
}


static void
test_derives(void **state)
{
    size_t              i, j, line;
    keepers_keyring_t  *ring;

    (void) state;

    assert_int_equal(read_ring("k0:" K0, &ring, &line), KEEPERS_OK);

    for (i = 0; i < KEEPERS_PURPOSES; i++) {
        assert_hex(ring->keys[0].derived[i], KEEPERS_KEY_LEN, derived[i]);

        for (j = 0; j < i; j++) {
            assert_memory_not_equal(ring->keys[0].derived[i],
                                    ring->keys[0].derived[j], KEEPERS_KEY_LEN);
        }
    }

    keepers_keyring_free(ring);
}


static void
test_shared(void **state)
{
    size_t              line;
    keepers_keyring_t  *edge, *shared, *file;

    (void) state;

    assert_int_equal(read_ring("k0:" K0 "\nk1:" K1, &edge, &line), KEEPERS_OK);
    assert_int_equal(keepers_keyring_shared(edge, &shared), KEEPERS_OK);

    assert_int_equal(shared->n, 2);
    assert_string_equal(shared->keys[0].id, "k0");
    assert_string_equal(shared->keys[1].id, "k1");
    assert_hex(shared->keys[0].master, KEEPERS_KEY_LEN,
               derived[KEEPERS_PURPOSE_SHARED]);
    assert_hex(shared->keys[0].derived[KEEPERS_PURPOSE_IDENTITY],
               KEEPERS_KEY_LEN,
               "0908436316715eb97936d9fc6b2e2090"
               "6dc2687f11976ddbbb51df8fb8bb8b2d");

    /* what keygen writes out gives the writer the same ring */

    assert_int_equal(read_ring("k0:"
                               "slt1+jjlipIF7w7iIf+G+Nscw4dCKwl1pPWJNfux1ac=",
                               &file, &line),
                     KEEPERS_OK);
    assert_memory_equal(&file->keys[0], &shared->keys[0],
                        sizeof(file->keys[0]));

    keepers_keyring_free(file);
    keepers_keyring_free(shared);
    keepers_keyring_free(edge);
}


static void
test_unused_places_are_random(void **state)
{
    size_t              i, line;
    unsigned char       zeros[KEEPERS_KEY_LEN];
    keepers_keyring_t  *one, *two;

    (void) state;

    memset(zeros, 0, sizeof(zeros));

    assert_int_equal(read_ring("k0:" K0, &one, &line), KEEPERS_OK);
    assert_int_equal(read_ring("k0:" K0, &two, &line), KEEPERS_OK);

    assert_memory_equal(one->keys[0].derived, two->keys[0].derived,
                        sizeof(one->keys[0].derived));

    for (i = 1; i < KEEPERS_KEYRING_MAX; i++) {
        assert_memory_not_equal(one->keys[i].derived[0],
                                two->keys[i].derived[0], KEEPERS_KEY_LEN);
        assert_memory_not_equal(one->keys[i].derived[0], zeros,
                                KEEPERS_KEY_LEN);
    }

    keepers_keyring_free(one);
    keepers_keyring_free(two);
}


static void
test_keyed_hash(void **state)
{
    size_t         i;
    keepers_str_t  whole, parts[3];
    unsigned char  key[KEEPERS_KEY_LEN], hash[KEEPERS_HASH_LEN];

    (void) state;

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char) i;
    }

    whole = keepers_str("abc", 3);
    parts[0] = keepers_str("ab", 2);
    parts[1] = keepers_str(NULL, 0);
    parts[2] = keepers_str("c", 1);

    keepers_keyed_hash(key, &whole, 1, hash, 16);
    assert_hex(hash, 16, "1a64be47e4729d951c302ee543f97cf3");
    keepers_keyed_hash(key, parts, 3, hash, 16);
    assert_hex(hash, 16, "1a64be47e4729d951c302ee543f97cf3");

    keepers_keyed_hash(key, &whole, 1, hash, 32);
    assert_hex(hash, 32, "d63a32d3e44738d7907f964316c241ad"
                         "aba0abfeabc32349677578a15a203f7f");
    keepers_keyed_hash(key, parts, 3, hash, 32);
    assert_hex(hash, 32, "d63a32d3e44738d7907f964316c241ad"
                         "aba0abfeabc32349677578a15a203f7f");
}


static void
test_knows(void **state)
{
    size_t              i, line;
    keepers_str_t       parts[2];
    unsigned char       hash[KEEPERS_HASH_LEN];
    keepers_keyring_t  *ring, *other;

    (void) state;

    assert_int_equal(read_ring("k0:" K0 "\nk1:" K1, &ring, &line),
                     KEEPERS_OK);
    assert_int_equal(read_ring("k2:" K2, &other, &line), KEEPERS_OK);

    parts[0] = keepers_str("ab", 2);
    parts[1] = keepers_str("c", 1);

    for (i = 0; i < 2; i++) {
        keepers_keyed_hash(ring->keys[i].derived[KEEPERS_PURPOSE_FORM], parts,
                           2, hash, sizeof(hash));

        assert_true(keepers_keyring_knows(ring, KEEPERS_PURPOSE_FORM, parts, 2,
                                          hash, sizeof(hash)));
        assert_false(keepers_keyring_knows(ring, KEEPERS_PURPOSE_CSRF, parts,
                                           2, hash, sizeof(hash)));
        assert_false(keepers_keyring_knows(ring, KEEPERS_PURPOSE_FORM, parts,
                                           1, hash, sizeof(hash)));
        assert_false(keepers_keyring_knows(other, KEEPERS_PURPOSE_FORM, parts,
                                           2, hash, sizeof(hash)));

        hash[KEEPERS_HASH_LEN - 1] ^= 1;

        assert_false(keepers_keyring_knows(ring, KEEPERS_PURPOSE_FORM, parts,
                                           2, hash, sizeof(hash)));
    }

    /* longer than a hash is, and a place of the ring that has no key */

    assert_false(keepers_keyring_knows(ring, KEEPERS_PURPOSE_FORM, parts, 2,
                                       hash, sizeof(hash) + 1));

    keepers_keyed_hash(ring->keys[2].derived[KEEPERS_PURPOSE_FORM], parts, 2,
                       hash, sizeof(hash));
    assert_false(keepers_keyring_knows(ring, KEEPERS_PURPOSE_FORM, parts, 2,
                                       hash, sizeof(hash)));

    keepers_keyring_free(ring);
    keepers_keyring_free(other);
}


static void
test_keyed_hash_wrong_length(void **state)
{
    size_t         i;
    keepers_str_t  part;
    unsigned char  key[KEEPERS_KEY_LEN], one[80], two[80];
    static size_t  lengths[] = { 8, 15, 33, 80 };

    (void) state;

    memset(key, 7, sizeof(key));
    part = keepers_str("abc", 3);

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        keepers_keyed_hash(key, &part, 1, one, lengths[i]);
        keepers_keyed_hash(key, &part, 1, two, lengths[i]);
        assert_memory_not_equal(one, two, lengths[i]);
    }

    keepers_keyed_hash(key, &part, 1, one, 0);
}


/* The vectors of SipHash's authors: key 00 to 0f, text 00 to n - 1. */
static void
test_mark(void **state)
{
    size_t         i;
    unsigned char  bytes[KEEPERS_MARK_KEY_LEN], mark[KEEPERS_MARK_LEN];

    (void) state;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char) i;
    }

    keepers_mark(bytes, keepers_str(bytes, 0), mark);
    assert_hex(mark, sizeof(mark), "a3817f04ba25a8e66df67214c7550293");

    keepers_mark(bytes, keepers_str(bytes, 1), mark);
    assert_hex(mark, sizeof(mark), "da87c1d86b99af44347659119b22fc45");
}


static void
test_wrappers(void **state)
{
    unsigned char  a[32], b[32];

    (void) state;

    keepers_random(a, sizeof(a));
    memcpy(b, a, sizeof(b));
    assert_true(keepers_equal(a, b, sizeof(a)));

    b[31] ^= 0x80;
    assert_false(keepers_equal(a, b, sizeof(a)));
    assert_true(keepers_equal(a, b, 31));
    assert_true(keepers_equal(a, b, 0));

    keepers_random(b, sizeof(b));
    assert_false(keepers_equal(a, b, sizeof(a)));

    keepers_wipe(a, sizeof(a));
    memset(b, 0, sizeof(b));
    assert_memory_equal(a, b, sizeof(a));
}


static int
setup(void **state)
{
    (void) state;

    return keepers_keyring_init();
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_reads_layout),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_nul_and_words),
        cmocka_unit_test(test_derives),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_unused_places_are_random),
        cmocka_unit_test(test_keyed_hash),
        cmocka_unit_test(test_knows),
        cmocka_unit_test(test_keyed_hash_wrong_length),
        cmocka_unit_test(test_mark),
        cmocka_unit_test(test_wrappers)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, NULL);
}
