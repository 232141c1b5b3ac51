
/*
 * Copyright (C) Keepers
 *
 * Goal: a session token and a CSRF token are accepted as they were made, under
 * the keys that are in the ring, and in no other shape.  The expected values
 * come from another implementation of BLAKE2b.
 */


#include "keepers_unit_rings.h"

#include "core/keepers_text.h"
#include "core/keepers_token.h"

#include <stdlib.h>


#define TOKEN      "v1.1J5Ccx8yLM-goaKjpKWmp6ipqqusra6vsLGys7S1tre4ubq7vL2-vw"
#define SID        "1Sja9qyw_u7EDYrVzl0lzu5iemHu_WOyuMXpDGW5Zu8"
#define CSRF       "b1SiEFn2oZmE9TTDEk6dYg"
#define TOKENS     1000000
#define BITS       256         /* random ones of a token; all of a SID */


static void make_token(keepers_token_t *token);
static int compare_firsts(const void *one, const void *two);
static void test_token_known(void **state);
static void test_token_round_trip(void **state);
static void test_token_refuses_lengths(void **state);
static void test_token_refuses_bytes(void **state);
static void test_token_one_text_a_value(void **state);
static void test_token_unique(void **state);
static void test_token_tag(void **state);
static void test_token_rotation(void **state);
static void test_csrf(void **state);


static void
make_token(keepers_token_t *token)
{
    size_t                       i;
    unsigned char                random[32];
    static const keepers_uuid_t  user = { {
        0x01, 0x90, 0xf5, 0xe8, 0x9a, 0x7b, 0x7c, 0x3d,
        0x8e, 0x4f, 0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f
    } };

    for (i = 0; i < sizeof(random); i++) {
        random[i] = (unsigned char) (0xa0 + i);
    }

    keepers_token_mint(ring, &user, random, token);
}


static int
compare_firsts(const void *one, const void *two)
{
    return memcmp(one, two, sizeof(uint64_t));
}


static void
test_token_known(void **state)
{
    keepers_out_t    out;
    unsigned char    text[128], sid[KEEPERS_SID_LEN];
    keepers_token_t  token;

    (void) state;

    make_token(&token);

    keepers_out_init(&out, text, sizeof(text));
    keepers_token_write(&token, &out);
    assert_written(&out, TOKEN);

    keepers_token_sid(ring, 0, &token, sid);

    keepers_out_init(&out, text, sizeof(text));
    keepers_text_base64url(&out, keepers_str(sid, sizeof(sid)));
    assert_written(&out, SID);
}


static void
test_token_round_trip(void **state)
{
    size_t           i, j;
    uint32_t         seed;
    keepers_out_t    out;
    unsigned char    text[KEEPERS_TOKEN_LEN];
    keepers_token_t  token, back;

    (void) state;

    seed = 7;

    for (i = 0; i < 2000; i++) {
        for (j = 0; j < KEEPERS_TOKEN_RAW_LEN; j++) {
            seed = seed * 1664525 + 1013904223;
            token.raw[j] = (unsigned char) (seed >> 24);
        }

        keepers_out_init(&out, text, sizeof(text));
        keepers_token_write(&token, &out);
        assert_false(out.overflow);
        assert_int_equal(out.len, KEEPERS_TOKEN_LEN);

        assert_int_equal(keepers_token_read(keepers_out_written(&out), &back),
                         KEEPERS_OK);
        assert_memory_equal(&token, &back, sizeof(token));
    }
}


static void
test_token_refuses_lengths(void **state)
{
    size_t           i;
    char             text[128];
    keepers_token_t  token, zero;

    (void) state;

    memset(&zero, 0, sizeof(zero));
    memset(text, 'A', sizeof(text));
    memcpy(text, TOKEN, KEEPERS_TOKEN_LEN);

    for (i = 0; i <= sizeof(text); i++) {
        if (i == KEEPERS_TOKEN_LEN) {
            continue;
        }

        memset(&token, 0xff, sizeof(token));
        assert_int_equal(keepers_token_read(keepers_str(text, i), &token),
                         KEEPERS_TOKEN_JUNK);
        assert_memory_equal(&token, &zero, sizeof(zero));
    }

    assert_int_equal(keepers_token_read(keepers_str(NULL, 0), &token),
                     KEEPERS_TOKEN_JUNK);
}


static void
test_token_refuses_bytes(void **state)
{
    int              c;
    char             text[KEEPERS_TOKEN_LEN];
    size_t           i;
    bool             digit;
    keepers_str_t    s;
    keepers_token_t  token, zero;

    (void) state;

    memset(&zero, 0, sizeof(zero));
    s = keepers_str(text, sizeof(text));

    /* every byte at every place but the last, which has its own test */

    for (i = 0; i < KEEPERS_TOKEN_LEN - 1; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, TOKEN, sizeof(text));
            text[i] = (char) c;

            digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                    || (c >= '0' && c <= '9') || c == '-' || c == '_';

            if (i < 3) {
                digit = (c == TOKEN[i]);
            }

            memset(&token, 0xff, sizeof(token));
            assert_int_equal(keepers_token_read(s, &token),
                             digit ? KEEPERS_OK : KEEPERS_TOKEN_JUNK);

            if (!digit) {
                assert_memory_equal(&token, &zero, sizeof(zero));
            }
        }
    }
}


/* Else a stolen and changed text would be another key of the cache. */
static void
test_token_one_text_a_value(void **state)
{
    int              c;
    char             text[KEEPERS_TOKEN_LEN];
    size_t           n;
    keepers_out_t    out;
    unsigned char    again[KEEPERS_TOKEN_LEN];
    keepers_token_t  token;

    (void) state;

    n = 0;
    memcpy(text, TOKEN, sizeof(text));

    for (c = 0; c < 256; c++) {
        text[KEEPERS_TOKEN_LEN - 1] = (char) c;

        if (keepers_token_read(keepers_str(text, sizeof(text)), &token)
            == KEEPERS_OK)
        {
            keepers_out_init(&out, again, sizeof(again));
            keepers_token_write(&token, &out);
            assert_memory_equal(again, text, sizeof(text));
            n++;
        }
    }

    assert_int_equal(n, 4);     /* A Q g w */
}


/* Is a number of ones in "n" tosses within six sigma, which is sqrt(n) / 2? */

static bool
even(uint64_t ones, uint64_t n)
{
    int64_t  off;

    off = (int64_t) (2 * ones) - (int64_t) n;

    return (uint64_t) (off * off) <= 36 * n;
}


/* How many ones; and each bit of its own into "each", if it is not NULL. */

static uint64_t
ones_of(const unsigned char *bytes, uint64_t *each)
{
    size_t    i;
    uint64_t  ones;

    ones = 0;

    for (i = 0; i < BITS / 8; i++) {
        ones += (uint64_t) __builtin_popcount(bytes[i]);
    }

    for (i = 0; each != NULL && i < BITS; i++) {
        each[i] += bytes[i / 8] >> i % 8 & 1;
    }

    return ones;
}


/* That no two begin with the same eight bytes says that no two are the same. */

static void
assert_unique(uint64_t *firsts)
{
    size_t  i;

    qsort(firsts, TOKENS, sizeof(uint64_t), compare_firsts);

    for (i = 1; i < TOKENS; i++) {
        assert_true(firsts[i - 1] != firsts[i]);
    }
}


/* A million of them: each another, of one shape, and no bit a favourite. */

static void
test_token_unique(void **state)
{
    char              text[KEEPERS_TOKEN_LEN + 1];
    size_t            i, every;
    uint64_t          secret_ones, sid_ones, *secrets, *sids;
    unsigned char     random[32], sid[KEEPERS_SID_LEN];
    keepers_out_t     out;
    keepers_uuid_t    user;
    keepers_token_t   token, again;
    static uint64_t   secret_each[BITS], sid_each[BITS];

    (void) state;

    memset(&user, 7, sizeof(user));
    secrets = calloc(TOKENS, sizeof(uint64_t));
    sids = calloc(TOKENS, sizeof(uint64_t));
    assert_non_null(secrets);
    assert_non_null(sids);

    secret_ones = 0;
    sid_ones = 0;
    every = 0;

    for (i = 0; i < TOKENS; i++) {
        keepers_random(random, sizeof(random));
        keepers_token_mint(ring, &user, random, &token);
        keepers_token_sid(ring, 0, &token, sid);

        keepers_out_init(&out, (unsigned char *) text, KEEPERS_TOKEN_LEN);
        keepers_token_write(&token, &out);
        text[KEEPERS_TOKEN_LEN] = '\0';

        if (out.overflow || out.len != KEEPERS_TOKEN_LEN
            || memcmp(text, "v1.", 3) != 0
            || strspn(text + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-_")
               != KEEPERS_TOKEN_LEN - 3
            || keepers_token_read(keepers_out_written(&out), &again)
               != KEEPERS_OK
            || memcmp(&again, &token, sizeof(token)) != 0)
        {
            fail_msg("token %zu: %s", i, text);
        }

        memcpy(&secrets[i], token.raw + KEEPERS_TAG_LEN, sizeof(uint64_t));
        memcpy(&sids[i], sid, sizeof(uint64_t));

        /* each bit for itself of one in ten: that is slow enough */

        secret_ones += ones_of(token.raw + KEEPERS_TAG_LEN,
                               i % 10 == 0 ? secret_each : NULL);
        sid_ones += ones_of(sid, i % 10 == 0 ? sid_each : NULL);
        every += i % 10 == 0;
    }

    assert_unique(secrets);
    assert_unique(sids);

    assert_true(even(secret_ones, (uint64_t) TOKENS * BITS));
    assert_true(even(sid_ones, (uint64_t) TOKENS * BITS));

    for (i = 0; i < BITS; i++) {
        assert_true(even(secret_each[i], every));
        assert_true(even(sid_each[i], every));
    }

    free(secrets);
    free(sids);
}


static void
test_token_tag(void **state)
{
    unsigned char    one[KEEPERS_TAG_LEN], two[KEEPERS_TAG_LEN];
    keepers_uuid_t   user;
    keepers_token_t  token;

    (void) state;

    make_token(&token);

    memset(&user, 0, sizeof(user));
    keepers_token_tag(ring, 0, &user, one);
    assert_memory_not_equal(one, token.raw, KEEPERS_TAG_LEN);
    assert_memory_not_equal(one, user.bytes, KEEPERS_TAG_LEN);

    keepers_token_tag(rotated, 0, &user, two);
    assert_memory_not_equal(one, two, KEEPERS_TAG_LEN);
    keepers_token_tag(rotated, 1, &user, two);
    assert_memory_equal(one, two, KEEPERS_TAG_LEN);
}


static void
test_token_rotation(void **state)
{
    size_t           i;
    unsigned char    sid[KEEPERS_SID_LEN], other[KEEPERS_SID_LEN];
    keepers_token_t  token;

    (void) state;

    make_token(&token);
    keepers_token_sid(ring, 0, &token, sid);

    keepers_token_sid(rotated, 1, &token, other);
    assert_memory_equal(sid, other, sizeof(sid));

    for (i = 0; i < KEEPERS_KEYRING_MAX; i++) {
        keepers_token_sid(removed, i, &token, other);
        assert_memory_not_equal(sid, other, sizeof(sid));
    }

    /* every byte of a token counts */

    for (i = 0; i < KEEPERS_TOKEN_RAW_LEN; i++) {
        token.raw[i] ^= 1;
        keepers_token_sid(ring, 0, &token, other);
        assert_memory_not_equal(sid, other, sizeof(sid));
        token.raw[i] ^= 1;
    }
}


static void
test_csrf(void **state)
{
    size_t           i;
    keepers_out_t    out;
    unsigned char    sid[KEEPERS_SID_LEN], text[64];
    keepers_token_t  token;

    (void) state;

    make_token(&token);
    keepers_token_sid(ring, 0, &token, sid);

    keepers_out_init(&out, text, sizeof(text));
    keepers_csrf_write(ring, sid, &out);
    assert_written(&out, CSRF);

    assert_true(keepers_csrf_check(ring, sid, str(CSRF)));
    assert_true(keepers_csrf_check(rotated, sid, str(CSRF)));
    assert_false(keepers_csrf_check(removed, sid, str(CSRF)));
    assert_false(keepers_csrf_check(ring, sid, keepers_str(NULL, 0)));
    assert_false(keepers_csrf_check(ring, sid, str(CSRF "A")));

    for (i = 0; i < (sizeof(CSRF) - 1) * 8; i++) {
        memcpy(text, CSRF, sizeof(CSRF) - 1);
        text[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_false(keepers_csrf_check(ring, sid,
                                        keepers_str(text, sizeof(CSRF) - 1)));
    }

    sid[0] ^= 1;
    assert_false(keepers_csrf_check(ring, sid, str(CSRF)));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_token_known),
        cmocka_unit_test(test_token_round_trip),
        cmocka_unit_test(test_token_refuses_lengths),
        cmocka_unit_test(test_token_refuses_bytes),
        cmocka_unit_test(test_token_one_text_a_value),
        cmocka_unit_test(test_token_unique),
        cmocka_unit_test(test_token_tag),
        cmocka_unit_test(test_token_rotation),
        cmocka_unit_test(test_csrf)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
