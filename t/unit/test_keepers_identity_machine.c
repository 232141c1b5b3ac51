
/*
 * Copyright (C) Keepers
 *
 * Goal: the identity of a machine says what its token may do, in one spelling,
 * and nobody else's says so.
 */


#include "keepers_unit.h"

#include "core/keepers_bearer.h"
#include "core/keepers_identity.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define K0       "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define NOW_S    1795000000
#define HEADER   "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k0\"}"
#define START    "{\"iss\":\"keepers\",\"aud\":\"writer\","
#define SUB      "\"sub\":\"0190f5e8-9a7b-7c3d-8e4f-0a1b2c3d4e5f\","
#define BIZ      "\"biz\":\"0190f5e8-9a7b-7c3d-8e4f-0a1b2c3d4e60\","
#define ROLE     "\"role\":\"manager\",\"aal\":2,"
#define MACHINE  "\"role\":\"machine\",\"aal\":1,"
#define SID      "\"sid\":\"0123456789abcdef\","
#define TIMES    "\"iat\":1795000000,\"exp\":1795000005}"


static keepers_str_t str(const char *text);
static void fill(keepers_identity_t *identity);
static keepers_str_t sign(keepers_str_t header, keepers_str_t payload);
static void test_machine(void **state);


static keepers_keyring_t  *ring;
static unsigned char       signed_text[2048];


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
    identity->role = KEEPERS_ROLE_MACHINE;
    identity->aal = 1;
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


/* A machine has scopes, in their order; nobody else has any. */
static void
test_machine(void **state)
{
    size_t              i;
    keepers_out_t       out;
    unsigned char       text[KEEPERS_IDENTITY_LEN_MAX];
    keepers_identity_t  identity, back;

    static const char  *const wrong[] = {
        START SUB BIZ MACHINE SID TIMES,
        START SUB BIZ MACHINE SID "\"scope\":\"\"," TIMES,
        START SUB BIZ MACHINE SID "\"scope\":\"root\"," TIMES,
        START SUB BIZ MACHINE SID
            "\"scope\":\"links.read customers.read\"," TIMES,
        START SUB BIZ MACHINE SID
            "\"scope\":\"links.read links.read\"," TIMES,
        START SUB BIZ MACHINE SID "\"scope\":\"links.read \"," TIMES,
        START SUB BIZ ROLE SID "\"scope\":\"links.read\"," TIMES
    };

    (void) state;

    fill(&identity);

    for (i = 1; i <= KEEPERS_SCOPES_ALL; i++) {
        identity.scopes = (uint32_t) i;

        keepers_out_init(&out, text, sizeof(text));
        keepers_identity_write(ring, &identity, &out);
        assert_false(out.overflow);

        assert_int_equal(keepers_identity_read(ring,
                                               keepers_out_written(&out),
                                               NOW_S, &back),
                         KEEPERS_OK);
        assert_memory_equal(&back, &identity, sizeof(back));
    }

    assert_int_equal(keepers_identity_read(ring,
                         sign(str(HEADER),
                              str(START SUB BIZ MACHINE SID
                                  "\"scope\":\"links.read\"," TIMES)),
                         NOW_S, &back),
                     KEEPERS_OK);
    assert_int_equal(back.scopes, KEEPERS_SCOPE_LINKS_READ);

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(keepers_identity_read(ring, sign(str(HEADER),
                                                          str(wrong[i])),
                                               NOW_S, &back),
                         KEEPERS_IDENTITY_JUNK);
    }
}


static int
setup(void **state)
{
    size_t  line;

    (void) state;

    if (keepers_keyring_init() != KEEPERS_OK) {
        return -1;
    }

    return keepers_keyring_read(str(K0), &ring, &line) == KEEPERS_OK ? 0 : -1;
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
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_machine)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
