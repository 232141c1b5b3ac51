
/*
 * Copyright (C) Keepers
 *
 * Goal: what an edge seals, only the writer opens; what no edge has sealed,
 * or too long ago, or for another writer, nobody takes.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/keepers_envelope.h"

#include <stdlib.h>


#define K0          "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define K1          "k1:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"

#define NOW_MS      1795000000000
#define LIFE_MS     (KEEPERS_ENVELOPE_SENDER_MS + KEEPERS_ENVELOPE_LIFE_MS)
#define HEAD_LEN    78
#define RECORD_LEN  200
#define SEALED_LEN  (RECORD_LEN + KEEPERS_ENVELOPE_OVERHEAD)


static keepers_keyring_t *ring_of(const char *text);
static void seal(unsigned char sealed[SEALED_LEN]);
static int open_it(const unsigned char *sealed, size_t len, uint64_t now_ms);
static void test_round_trip(void **state);
static void test_bits(void **state);
static void test_lengths(void **state);
static void test_moved_head(void **state);
static void test_other_writer(void **state);
static void test_expiry(void **state);
static void test_renewal(void **state);
static void test_nonces(void **state);
static void test_rotation(void **state);
static void test_cache(void **state);
static void test_low_order(void **state);
static void test_no_space(void **state);
static int setup(void **state);
static int teardown(void **state);


static keepers_keyring_t          *ring;        /* the shared ring of k0 */
static keepers_keyring_t          *rotated;     /* k1, then k0 */
static keepers_keyring_t          *removed;     /* k1 alone */
static keepers_envelope_opener_t  *opener;
static unsigned char               public[32];
static unsigned char               secret[32];
static unsigned char               record[RECORD_LEN];
static unsigned char               opened[RECORD_LEN];
static size_t                      opened_len;


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


static void
seal(unsigned char sealed[SEALED_LEN])
{
    keepers_out_t              out;
    keepers_envelope_sender_t  sender;

    memset(&sender, 0, sizeof(sender));
    keepers_out_init(&out, sealed, SEALED_LEN);

    assert_int_equal(keepers_envelope_seal(&sender, ring, public, NOW_MS,
                                           keepers_str(record, sizeof(record)),
                                           &out),
                     KEEPERS_OK);
    assert_int_equal(out.len, SEALED_LEN);
}


/* On a fault nothing may be left of the record. */
static int
open_it(const unsigned char *sealed, size_t len, uint64_t now_ms)
{
    int                   rc;
    static unsigned char  zeros[RECORD_LEN];

    opened_len = 99;
    memset(opened, 0xff, sizeof(opened));

    rc = keepers_envelope_open(opener, ring, now_ms, keepers_str(sealed, len),
                               opened, sizeof(opened), &opened_len);

    if (rc != KEEPERS_OK) {
        assert_int_equal(opened_len, 0);
        assert_memory_equal(opened, zeros, sizeof(zeros));
    }

    return rc;
}


static void
test_round_trip(void **state)
{
    size_t                     i;
    keepers_out_t              out;
    unsigned char              sealed[SEALED_LEN + 1];
    keepers_envelope_sender_t  sender;

    (void) state;

    memset(&sender, 0, sizeof(sender));

    for (i = 0; i <= RECORD_LEN; i++) {
        keepers_out_init(&out, sealed, sizeof(sealed));
        keepers_out_byte(&out, '>');

        assert_int_equal(keepers_envelope_seal(&sender, ring, public, NOW_MS,
                                               keepers_str(record, i), &out),
                         KEEPERS_OK);
        assert_int_equal(out.len, 1 + i + KEEPERS_ENVELOPE_OVERHEAD);
        assert_int_equal(open_it(sealed + 1, out.len - 1, NOW_MS), KEEPERS_OK);
        assert_int_equal(opened_len, i);
        assert_memory_equal(opened, record, i);
    }
}


static void
test_bits(void **state)
{
    size_t         i;
    unsigned char  sealed[SEALED_LEN];

    (void) state;

    /* once with an empty cache, once with the head known */

    seal(sealed);
    keepers_envelope_opener_init(opener, secret);

    for (i = 0; i < sizeof(sealed) * 2 * 8; i++) {

        if (i == sizeof(sealed) * 8) {
            assert_int_equal(open_it(sealed, sizeof(sealed), NOW_MS),
                             KEEPERS_OK);
        }

        sealed[i / 8 % sizeof(sealed)] ^= (unsigned char) (1 << i % 8);
        assert_int_not_equal(open_it(sealed, sizeof(sealed), NOW_MS),
                             KEEPERS_OK);
        sealed[i / 8 % sizeof(sealed)] ^= (unsigned char) (1 << i % 8);
    }

    assert_int_equal(open_it(sealed, sizeof(sealed), NOW_MS), KEEPERS_OK);
}


static void
test_lengths(void **state)
{
    size_t         i;
    unsigned char  sealed[SEALED_LEN + 1];

    (void) state;

    seal(sealed);
    sealed[SEALED_LEN] = 0;

    for (i = 0; i < SEALED_LEN; i++) {
        assert_int_equal(open_it(sealed, i, NOW_MS),
                         i < KEEPERS_ENVELOPE_OVERHEAD
                             ? KEEPERS_ENVELOPE_JUNK
                             : KEEPERS_ENVELOPE_FORGED);
    }

    assert_int_equal(open_it(sealed, SEALED_LEN + 1, NOW_MS),
                     KEEPERS_ENVELOPE_NO_SPACE);
    assert_int_equal(open_it(NULL, 0, NOW_MS), KEEPERS_ENVELOPE_JUNK);
}


/* A box under the head of another sender, though both heads are genuine. */
static void
test_moved_head(void **state)
{
    unsigned char  one[SEALED_LEN], two[SEALED_LEN];

    (void) state;

    seal(one);
    seal(two);
    memcpy(two, one, HEAD_LEN);

    assert_int_equal(open_it(one, sizeof(one), NOW_MS), KEEPERS_OK);
    assert_int_equal(open_it(two, sizeof(two), NOW_MS),
                     KEEPERS_ENVELOPE_FORGED);
}


static void
test_other_writer(void **state)
{
    unsigned char               other[32], unused[32], sealed[SEALED_LEN];
    unsigned char               to[RECORD_LEN];
    size_t                      len;
    keepers_envelope_opener_t  *wrong;

    (void) state;

    seal(sealed);
    keepers_envelope_keypair(unused, other);

    wrong = malloc(sizeof(keepers_envelope_opener_t));
    assert_non_null(wrong);
    keepers_envelope_opener_init(wrong, other);

    assert_int_equal(keepers_envelope_open(wrong, ring, NOW_MS,
                                           keepers_str(sealed, sizeof(sealed)),
                                           to, sizeof(to), &len),
                     KEEPERS_ENVELOPE_OTHER_WRITER);

    /* the id is only a name: with it changed the proof fails */

    memcpy(sealed + 2, wrong->key_id, sizeof(wrong->key_id));
    assert_int_equal(keepers_envelope_open(wrong, ring, NOW_MS,
                                           keepers_str(sealed, sizeof(sealed)),
                                           to, sizeof(to), &len),
                     KEEPERS_ENVELOPE_FORGED);

    free(wrong);
}


static void
test_expiry(void **state)
{
    unsigned char  sealed[SEALED_LEN];

    (void) state;

    seal(sealed);

    assert_int_equal(open_it(sealed, sizeof(sealed), NOW_MS + LIFE_MS + 1),
                     KEEPERS_ENVELOPE_EXPIRED);
    assert_int_equal(open_it(sealed, sizeof(sealed), NOW_MS + LIFE_MS),
                     KEEPERS_OK);

    /* also when the head is known */

    assert_int_equal(open_it(sealed, sizeof(sealed), NOW_MS + LIFE_MS + 1),
                     KEEPERS_ENVELOPE_EXPIRED);
    assert_int_equal(open_it(sealed, sizeof(sealed), UINT64_MAX),
                     KEEPERS_ENVELOPE_EXPIRED);

    /* the last envelope of a sender still has the whole spool time */

    assert_true(LIFE_MS - KEEPERS_ENVELOPE_SENDER_MS
                >= KEEPERS_ENVELOPE_LIFE_MS);
}


static void
test_renewal(void **state)
{
    size_t                     i;
    keepers_out_t              out;
    unsigned char              sealed[SEALED_LEN], head[HEAD_LEN];
    unsigned char              other_public[32], other_secret[32];
    const unsigned char       *writer;
    keepers_envelope_sender_t  sender;
    static const struct {
        uint64_t               now_ms;
        bool                   renewed;
    } times[] = {
        { NOW_MS, true },
        { NOW_MS, false },
        { NOW_MS + KEEPERS_ENVELOPE_SENDER_MS - 1, false },
        { NOW_MS + KEEPERS_ENVELOPE_SENDER_MS, true },
        { NOW_MS + KEEPERS_ENVELOPE_SENDER_MS + 1, false },
        { NOW_MS, true },                               /* clock set back */
        { NOW_MS + 1, false },
        { NOW_MS + 1, true }                            /* another writer */
    };

    (void) state;

    memset(&sender, 0, sizeof(sender));
    memset(head, 0, sizeof(head));
    keepers_envelope_keypair(other_public, other_secret);

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        writer = (i == sizeof(times) / sizeof(times[0]) - 1) ? other_public
                                                             : public;
        keepers_out_init(&out, sealed, sizeof(sealed));
        assert_int_equal(keepers_envelope_seal(&sender, ring, writer,
                                               times[i].now_ms,
                                               keepers_str(record,
                                                           RECORD_LEN), &out),
                         KEEPERS_OK);

        if (times[i].renewed) {
            assert_memory_not_equal(sealed + 14, head + 14, 32);
            assert_int_equal(sender.renewed_ms, times[i].now_ms);

        } else {
            assert_memory_equal(sealed, head, sizeof(head));
        }

        memcpy(head, sealed, sizeof(head));

        assert_int_equal(open_it(sealed, sizeof(sealed), times[i].now_ms),
                         writer == public ? KEEPERS_OK
                                          : KEEPERS_ENVELOPE_OTHER_WRITER);
    }
}


/* Under one key none comes twice, also where new ones are fetched. */
static void
test_nonces(void **state)
{
    size_t                     i, j;
    keepers_out_t              out;
    unsigned char              sealed[SEALED_LEN];
    unsigned char              seen[1 + 4 * KEEPERS_ENVELOPE_NONCES][24];
    keepers_envelope_sender_t  sender;

    (void) state;

    memset(&sender, 0, sizeof(sender));
    memset(seen, 0, sizeof(seen));

    for (i = 1; i < sizeof(seen) / sizeof(seen[0]); i++) {
        keepers_out_init(&out, sealed, sizeof(sealed));
        assert_int_equal(keepers_envelope_seal(&sender, ring, public, NOW_MS,
                                               keepers_str(record,
                                                           RECORD_LEN), &out),
                         KEEPERS_OK);

        memcpy(seen[i], &sealed[HEAD_LEN], sizeof(seen[i]));

        /* the first is all zeros */

        for (j = 0; j < i; j++) {
            assert_memory_not_equal(seen[i], seen[j], sizeof(seen[i]));
        }

        /* what was used is not kept */

        assert_memory_equal(sender.nonces[sender.nonces_left], seen[0],
                            sizeof(seen[0]));
    }
}


static void
test_rotation(void **state)
{
    size_t                     len;
    keepers_out_t              out;
    keepers_str_t              s;
    unsigned char              sealed[SEALED_LEN], to[RECORD_LEN];
    keepers_envelope_sender_t  sender;

    (void) state;

    seal(sealed);
    s = keepers_str(sealed, sizeof(sealed));

    keepers_envelope_opener_init(opener, secret);
    assert_int_equal(keepers_envelope_open(opener, removed, NOW_MS, s, to,
                                           sizeof(to), &len),
                     KEEPERS_ENVELOPE_FORGED);
    assert_int_equal(keepers_envelope_open(opener, rotated, NOW_MS, s, to,
                                           sizeof(to), &len),
                     KEEPERS_OK);

    /* the first key proves, and is known though others follow */

    memset(&sender, 0, sizeof(sender));
    keepers_out_init(&out, sealed, sizeof(sealed));
    assert_int_equal(keepers_envelope_seal(&sender, rotated, public, NOW_MS,
                                           keepers_str(record, RECORD_LEN),
                                           &out),
                     KEEPERS_OK);

    keepers_envelope_opener_init(opener, secret);
    assert_int_equal(keepers_envelope_open(opener, ring, NOW_MS, s, to,
                                           sizeof(to), &len),
                     KEEPERS_ENVELOPE_FORGED);
    assert_int_equal(keepers_envelope_open(opener, rotated, NOW_MS, s, to,
                                           sizeof(to), &len),
                     KEEPERS_OK);
}


static void
test_cache(void **state)
{
    size_t          i, n;
    unsigned char  *sealed;

    (void) state;

    n = KEEPERS_ENVELOPE_PEERS * 2 + 3;
    sealed = malloc(n * SEALED_LEN);
    assert_non_null(sealed);

    keepers_envelope_opener_init(opener, secret);

    /* what is not proven takes no place */

    seal(sealed);
    sealed[HEAD_LEN - 1] ^= 1;
    assert_int_equal(open_it(sealed, SEALED_LEN, NOW_MS),
                     KEEPERS_ENVELOPE_FORGED);
    assert_int_equal(opener->next, 0);
    assert_false(opener->peers[0].used);

    for (i = 0; i < n; i++) {
        seal(sealed + i * SEALED_LEN);
        assert_int_equal(open_it(sealed + i * SEALED_LEN, SEALED_LEN, NOW_MS),
                         KEEPERS_OK);
        assert_int_equal(opener->next, (i + 1) % KEEPERS_ENVELOPE_PEERS);
    }

    /* a hit takes no new place, what was pushed out is proven again */

    assert_int_equal(open_it(sealed + (n - 1) * SEALED_LEN, SEALED_LEN,
                             NOW_MS),
                     KEEPERS_OK);
    assert_int_equal(opener->next, 3);

    for (i = 0; i < n; i++) {
        assert_int_equal(open_it(sealed + i * SEALED_LEN, SEALED_LEN, NOW_MS),
                         KEEPERS_OK);
        assert_memory_equal(opened, record, sizeof(record));
    }

    free(sealed);
}


/* Points of small order would make a shared key that everyone knows. */
static void
test_low_order(void **state)
{
    keepers_out_t              out;
    keepers_str_t              covered;
    unsigned char              zeros[32], sealed[SEALED_LEN];
    keepers_envelope_sender_t  sender;

    (void) state;

    memset(zeros, 0, sizeof(zeros));
    memset(&sender, 0, sizeof(sender));

    keepers_out_init(&out, sealed, sizeof(sealed));
    assert_int_equal(keepers_envelope_seal(&sender, ring, zeros, NOW_MS,
                                           keepers_str(record, RECORD_LEN),
                                           &out),
                     KEEPERS_ENVELOPE_OTHER_WRITER);
    assert_int_equal(out.len, 0);

    seal(sealed);
    memset(sealed + 14, 0, 32);
    covered = keepers_str(sealed, 46);
    keepers_keyed_hash(ring->keys[0].derived[KEEPERS_PURPOSE_ENVELOPE],
                       &covered, 1, sealed + 46, 32);

    assert_int_equal(open_it(sealed, sizeof(sealed), NOW_MS),
                     KEEPERS_ENVELOPE_FORGED);
    assert_int_equal(open_it(sealed, sizeof(sealed), NOW_MS),
                     KEEPERS_ENVELOPE_FORGED);
}


static void
test_no_space(void **state)
{
    size_t                     i, len;
    keepers_out_t              out;
    unsigned char              sealed[SEALED_LEN], to[RECORD_LEN];
    keepers_envelope_sender_t  sender;

    (void) state;

    memset(&sender, 0, sizeof(sender));

    for (i = 0; i < SEALED_LEN; i++) {
        keepers_out_init(&out, sealed, i);
        assert_int_equal(keepers_envelope_seal(&sender, ring, public, NOW_MS,
                                               keepers_str(record, RECORD_LEN),
                                               &out),
                         KEEPERS_ENVELOPE_NO_SPACE);
        assert_true(out.overflow);
        assert_int_equal(out.len, 0);
    }

    seal(sealed);
    assert_int_equal(keepers_envelope_open(opener, ring, NOW_MS,
                                           keepers_str(sealed, sizeof(sealed)),
                                           to, RECORD_LEN - 1, &len),
                     KEEPERS_ENVELOPE_NO_SPACE);
}


static int
setup(void **state)
{
    size_t  i;

    (void) state;

    if (keepers_keyring_init() != KEEPERS_OK) {
        return -1;
    }

    for (i = 0; i < sizeof(record); i++) {
        record[i] = (unsigned char) (i + 1);
    }

    ring = ring_of(K0);
    rotated = ring_of(K1 K0);
    removed = ring_of(K1);
    opener = malloc(sizeof(keepers_envelope_opener_t));

    if (ring == NULL || rotated == NULL || removed == NULL || opener == NULL) {
        return -1;
    }

    keepers_envelope_keypair(public, secret);
    keepers_envelope_opener_init(opener, secret);

    return memcmp(opener->public, public, sizeof(public)) == 0 ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;

    keepers_keyring_free(ring);
    keepers_keyring_free(rotated);
    keepers_keyring_free(removed);
    free(opener);

    return 0;
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_moved_head),
        cmocka_unit_test(test_other_writer),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_nonces),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_low_order),
        cmocka_unit_test(test_no_space)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
