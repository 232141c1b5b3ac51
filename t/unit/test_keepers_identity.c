
/*
 * Copyright (C) Keepers
 *
 * Goal: an upstream believes an identity exactly as the edge wrote it, for
 * five seconds, under a key of its ring; nothing else, however well signed.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/keepers_identity.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define K0       "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define K1       "k1:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"
#define K1_AS_0  "k0:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"

#define NOW_S    1795000000

#define HEADER   "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k0\"}"

#define START    "{\"iss\":\"keepers\",\"aud\":\"writer\","
#define SUB      "\"sub\":\"0190f5e8-9a7b-7c3d-8e4f-0a1b2c3d4e5f\","
#define BIZ      "\"biz\":\"0190f5e8-9a7b-7c3d-8e4f-0a1b2c3d4e60\","
#define ROLE     "\"role\":\"manager\",\"aal\":2,"
#define SID      "\"sid\":\"0123456789abcdef\","
#define TIMES    "\"iat\":1795000000,\"exp\":1795000005}"
#define PAYLOAD  START SUB BIZ ROLE SID TIMES

/* Made by another implementation of HMAC-SHA256. */
#define KNOWN                                                                \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImswIn0"                    \
    ".eyJpc3MiOiJrZWVwZXJzIiwiYXVkIjoid3JpdGVyIiwic3ViIjoiMDE5MGY1ZTgtOWE3"  \
    "Yi03YzNkLThlNGYtMGExYjJjM2Q0ZTVmIiwiYml6IjoiMDE5MGY1ZTgtOWE3Yi03YzNkL"  \
    "ThlNGYtMGExYjJjM2Q0ZTYwIiwicm9sZSI6Im1hbmFnZXIiLCJhYWwiOjIsInNpZCI6Ij"  \
    "AxMjM0NTY3ODlhYmNkZWYiLCJpYXQiOjE3OTUwMDAwMDAsImV4cCI6MTc5NTAwMDAwNX0"  \
    ".ThQ42w7Br67IMLiOLp9-hx35MjHqYi53x8n9gIFpPKY"


typedef struct {
    const char  *header;
    const char  *payload;
    int          rc;
} signed_t;


static keepers_keyring_t *ring_of(const char *text);
static keepers_str_t str(const char *text);
static void fill(keepers_identity_t *identity);
static keepers_str_t sign(keepers_str_t header, keepers_str_t payload);
static void test_known(void **state);
static void test_round_trip(void **state);
static void test_window(void **state);
static void test_bits(void **state);
static void test_cut(void **state);
static void test_signed_but_wrong(void **state);
static void test_shape(void **state);
static void test_rotation(void **state);
static void test_too_long(void **state);
static int setup(void **state);
static int teardown(void **state);


static keepers_keyring_t  *ring;            /* the shared ring of k0 */
static keepers_keyring_t  *rotated;         /* k1, then k0 */
static keepers_keyring_t  *removed;         /* k1 alone */
static keepers_keyring_t  *replaced;        /* another key under k0's id */

static unsigned char  signed_text[2048];


/* All of these carry a right MAC of the edge's own key. */
static const signed_t  texts[] = {
    { HEADER, PAYLOAD, KEEPERS_OK },

    { "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k0\"}", PAYLOAD,
      KEEPERS_IDENTITY_JUNK },
    { "{\"alg\":\"HS512\",\"typ\":\"JWT\",\"kid\":\"k0\"}", PAYLOAD,
      KEEPERS_IDENTITY_JUNK },
    { "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"k0\"}", PAYLOAD,
      KEEPERS_IDENTITY_JUNK },
    { "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", PAYLOAD, KEEPERS_IDENTITY_JUNK },
    { HEADER " ", PAYLOAD, KEEPERS_IDENTITY_JUNK },
    { " " HEADER, PAYLOAD, KEEPERS_IDENTITY_JUNK },
    { "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k0\",\"x\":1}", PAYLOAD,
      KEEPERS_IDENTITY_JUNK },
    { "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k9\"}", PAYLOAD,
      KEEPERS_IDENTITY_FORGED },
    { "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"\"}", PAYLOAD,
      KEEPERS_IDENTITY_FORGED },
    { "", PAYLOAD, KEEPERS_IDENTITY_JUNK },

    { HEADER, "", KEEPERS_IDENTITY_JUNK },
    { HEADER, "{}", KEEPERS_IDENTITY_JUNK },
    { HEADER, PAYLOAD " ", KEEPERS_IDENTITY_JUNK },
    { HEADER, PAYLOAD "}", KEEPERS_IDENTITY_JUNK },
    { HEADER, "{\"iss\":\"Keepers\",\"aud\":\"writer\"," SUB BIZ ROLE SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, "{\"iss\":\"keepers\",\"aud\":\"other\"," SUB BIZ ROLE SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START BIZ SUB ROLE SID TIMES, KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB SUB BIZ ROLE SID TIMES, KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB ROLE SID TIMES, KEEPERS_IDENTITY_JUNK },
    { HEADER, START "\"sub\":\"0190F5E8-9a7b-7c3d-8e4f-0a1b2c3d4e5f\"," BIZ
      ROLE SID TIMES, KEEPERS_IDENTITY_JUNK },
    { HEADER, START "\"sub\":\"\"," BIZ ROLE SID TIMES, KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ "\"role\":\"none\",\"aal\":2," SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ "\"role\":\"admin\",\"aal\":2," SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ "\"role\":\"owner\",\"aal\":0," SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ "\"role\":\"owner\",\"aal\":3," SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ "\"role\":\"owner\",\"aal\":02," SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ "\"role\":\"owner\",\"aal\":," SID TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE "\"sid\":\"0123456789ABCDEF\"," TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE "\"sid\":\"0123456789abcde\"," TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE "\"sid\":\"0123456789abcdeg\"," TIMES,
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":01795000000,\"exp\":1795000005}",
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":1795000000,\"exp\":1795000006}",
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":1795000000,\"exp\":1795999999}",
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":-1,\"exp\":4}",
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":18446744073709551615,\"exp\":4}",
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":18446744073709551616,\"exp\":5}",
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":1795000000}",
      KEEPERS_IDENTITY_JUNK },
    { HEADER, START SUB BIZ ROLE SID "\"iat\":1795000000,\"exp\":1795000005,"
      "\"role\":\"owner\"}", KEEPERS_IDENTITY_JUNK }
};


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


static keepers_str_t
str(const char *text)
{
    return keepers_str(text, strlen(text));
}


static void
fill(keepers_identity_t *identity)
{
    static const unsigned char  user[KEEPERS_UUID_LEN] = {
        0x01, 0x90, 0xf5, 0xe8, 0x9a, 0x7b, 0x7c, 0x3d,
        0x8e, 0x4f, 0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f
    };
    static const unsigned char  sid[8] = {
        0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef
    };

    memset(identity, 0, sizeof(keepers_identity_t));
    memcpy(identity->user.bytes, user, sizeof(user));
    memcpy(identity->business.bytes, user, sizeof(user));
    identity->business.bytes[15] = 0x60;
    memcpy(identity->sid, sid, sizeof(sid));
    identity->issued_s = NOW_S;
    identity->role = KEEPERS_ROLE_MANAGER;
    identity->aal = 2;
}


/* Signs whatever it is given with the ring's own key. */
static keepers_str_t
sign(keepers_str_t header, keepers_str_t payload)
{
    unsigned char                 mac[crypto_auth_hmacsha256_BYTES];
    keepers_out_t                 out;

    keepers_out_init(&out, signed_text, sizeof(signed_text));
    keepers_text_base64url(&out, header);
    keepers_out_byte(&out, '.');
    keepers_text_base64url(&out, payload);

    crypto_auth_hmacsha256(mac, out.data, out.len,
                           ring->keys[0].derived[KEEPERS_PURPOSE_IDENTITY]);

    keepers_out_byte(&out, '.');
    keepers_text_base64url(&out, keepers_str(mac, sizeof(mac)));
    assert_false(out.overflow);

    return keepers_out_written(&out);
}


static void
test_known(void **state)
{
    keepers_out_t       out;
    unsigned char       text[KEEPERS_IDENTITY_LEN_MAX];
    keepers_identity_t  identity, back;

    (void) state;

    fill(&identity);

    keepers_out_init(&out, text, sizeof(text));
    keepers_identity_write(ring, &identity, &out);
    assert_false(out.overflow);
    assert_int_equal(out.len, sizeof(KNOWN) - 1);
    assert_memory_equal(text, KNOWN, out.len);

    assert_int_equal(keepers_identity_read(ring, str(KNOWN), NOW_S, &back),
                     KEEPERS_OK);
    assert_memory_equal(&back, &identity, sizeof(back));
}


static void
test_round_trip(void **state)
{
    uint8_t             role, aal;
    keepers_out_t       out;
    unsigned char       text[KEEPERS_IDENTITY_LEN_MAX];
    keepers_identity_t  identity, back;

    (void) state;

    for (role = KEEPERS_ROLE_NONE; role <= KEEPERS_ROLES; role++) {
        for (aal = 0; aal <= 3; aal++) {
            memset(&identity, 0, sizeof(identity));
            keepers_random(identity.user.bytes, KEEPERS_UUID_LEN);
            keepers_random(identity.business.bytes, KEEPERS_UUID_LEN);
            keepers_random(identity.sid, sizeof(identity.sid));
            identity.issued_s = NOW_S + role;
            identity.role = role;
            identity.aal = aal;

            keepers_out_init(&out, text, sizeof(text));
            keepers_identity_write(ring, &identity, &out);

            if (role == KEEPERS_ROLE_NONE || role >= KEEPERS_ROLE_MACHINE
                || aal == 0 || aal == 3)
            {
                assert_int_equal(keepers_identity_read(ring,
                                                    keepers_out_written(&out),
                                                    NOW_S, &back),
                                 KEEPERS_IDENTITY_JUNK);
                continue;
            }

            assert_int_equal(keepers_identity_read(ring,
                                                   keepers_out_written(&out),
                                                   NOW_S, &back),
                             KEEPERS_OK);
            assert_memory_equal(&back, &identity, sizeof(back));
        }
    }

    /* a buffer that is too small says so */

    fill(&identity);
    keepers_out_init(&out, text, sizeof(KNOWN) - 2);
    keepers_identity_write(ring, &identity, &out);
    assert_true(out.overflow);
}


static void
test_window(void **state)
{
    size_t              i;
    keepers_identity_t  identity, zero;
    static const struct {
        uint64_t        now_s;
        int             rc;
    } times[] = {
        { NOW_S, KEEPERS_OK },
        { NOW_S + 4, KEEPERS_OK },
        { NOW_S + 5, KEEPERS_IDENTITY_EXPIRED },
        { NOW_S + 86400, KEEPERS_IDENTITY_EXPIRED },
        { UINT64_MAX, KEEPERS_IDENTITY_EXPIRED },
        { NOW_S - 5, KEEPERS_OK },
        { NOW_S - 6, KEEPERS_IDENTITY_EXPIRED },
        { 0, KEEPERS_IDENTITY_EXPIRED }
    };

    (void) state;

    memset(&zero, 0, sizeof(zero));

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(keepers_identity_read(ring, str(KNOWN),
                                               times[i].now_s, &identity),
                         times[i].rc);

        if (times[i].rc != KEEPERS_OK) {
            assert_memory_equal(&identity, &zero, sizeof(zero));
        }
    }
}


static void
test_bits(void **state)
{
    size_t              i;
    unsigned char       text[sizeof(KNOWN)];
    keepers_identity_t  identity, zero;

    (void) state;

    memset(&zero, 0, sizeof(zero));

    for (i = 0; i < (sizeof(KNOWN) - 1) * 8; i++) {
        memcpy(text, KNOWN, sizeof(text));
        text[i / 8] ^= (unsigned char) (1 << i % 8);

        memset(&identity, 0xff, sizeof(identity));
        assert_int_not_equal(keepers_identity_read(ring,
                                                   keepers_str(text,
                                                          sizeof(KNOWN) - 1),
                                                   NOW_S, &identity),
                             KEEPERS_OK);
        assert_memory_equal(&identity, &zero, sizeof(zero));
    }
}


static void
test_cut(void **state)
{
    size_t              i;
    keepers_identity_t  identity;

    (void) state;

    for (i = 0; i < sizeof(KNOWN) - 1; i++) {
        assert_int_not_equal(keepers_identity_read(ring, keepers_str(KNOWN, i),
                                                   NOW_S, &identity),
                             KEEPERS_OK);
    }

    assert_int_equal(keepers_identity_read(ring, keepers_str(NULL, 0), NOW_S,
                                           &identity),
                     KEEPERS_IDENTITY_JUNK);
}


static void
test_signed_but_wrong(void **state)
{
    int                 rc;
    size_t              i;
    keepers_identity_t  identity;

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        rc = keepers_identity_read(ring, sign(str(texts[i].header),
                                              str(texts[i].payload)),
                                   NOW_S, &identity);

        if (rc != texts[i].rc) {
            fail_msg("%zu: %d for %d: %s", i, rc, texts[i].rc,
                     texts[i].payload);
        }
    }

    /* U+0000 where a C string would end */

    assert_int_equal(keepers_identity_read(ring,
                                           sign(str(HEADER),
                                                keepers_str(PAYLOAD,
                                                            sizeof(PAYLOAD))),
                                           NOW_S, &identity),
                     KEEPERS_IDENTITY_JUNK);
}


static void
test_shape(void **state)
{
    size_t              i;
    keepers_identity_t  identity;
    static const char  *junk[] = {
        "", ".", "..", "...", "a.b.c", "Bearer " KNOWN, KNOWN ".", KNOWN "=",
        KNOWN " ", " " KNOWN, "." KNOWN, KNOWN "." KNOWN, KNOWN "," KNOWN
    };

    (void) state;

    for (i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        assert_int_equal(keepers_identity_read(ring, str(junk[i]), NOW_S,
                                               &identity),
                         KEEPERS_IDENTITY_JUNK);
    }
}


static void
test_rotation(void **state)
{
    keepers_out_t       out;
    unsigned char       text[KEEPERS_IDENTITY_LEN_MAX];
    keepers_identity_t  identity;

    (void) state;

    assert_int_equal(keepers_identity_read(rotated, str(KNOWN), NOW_S,
                                           &identity),
                     KEEPERS_OK);
    assert_int_equal(keepers_identity_read(removed, str(KNOWN), NOW_S,
                                           &identity),
                     KEEPERS_IDENTITY_FORGED);
    assert_int_equal(keepers_identity_read(replaced, str(KNOWN), NOW_S,
                                           &identity),
                     KEEPERS_IDENTITY_FORGED);

    /* the first key writes, and reads though others follow */

    fill(&identity);
    keepers_out_init(&out, text, sizeof(text));
    keepers_identity_write(rotated, &identity, &out);

    assert_int_equal(keepers_identity_read(rotated, keepers_out_written(&out),
                                           NOW_S, &identity),
                     KEEPERS_OK);
    assert_int_equal(keepers_identity_read(ring, keepers_out_written(&out),
                                           NOW_S, &identity),
                     KEEPERS_IDENTITY_FORGED);
}


static void
test_too_long(void **state)
{
    unsigned char       payload[600];
    keepers_identity_t  identity;

    (void) state;

    memset(payload, 'x', sizeof(payload));

    assert_int_equal(keepers_identity_read(ring,
                                           sign(str(HEADER),
                                                keepers_str(payload, 417)),
                                           NOW_S, &identity),
                     KEEPERS_IDENTITY_JUNK);
    assert_int_equal(keepers_identity_read(ring,
                                           sign(str(HEADER),
                                                keepers_str(payload, 600)),
                                           NOW_S, &identity),
                     KEEPERS_IDENTITY_JUNK);
    assert_int_equal(keepers_identity_read(ring,
                                           sign(keepers_str(payload, 65),
                                                str(PAYLOAD)),
                                           NOW_S, &identity),
                     KEEPERS_IDENTITY_JUNK);
}


static int
setup(void **state)
{
    (void) state;

    if (keepers_keyring_init() != KEEPERS_OK) {
        return -1;
    }

    ring = ring_of(K0);
    rotated = ring_of(K1 K0);
    removed = ring_of(K1);
    replaced = ring_of(K1_AS_0);

    return (ring != NULL && rotated != NULL && removed != NULL
            && replaced != NULL) ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;

    keepers_keyring_free(ring);
    keepers_keyring_free(rotated);
    keepers_keyring_free(removed);
    keepers_keyring_free(replaced);

    return 0;
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_signed_but_wrong),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_too_long)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
