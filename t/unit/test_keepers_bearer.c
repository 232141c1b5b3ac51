
/*
 * Copyright (C) Keepers
 *
 * Goal: a token for machines has one spelling, one hash and a checksum that
 * finds every slip; its record is never a session's; scopes are what was
 * asked for and nothing else.  Texts and hash come from another
 * implementation.
 */


#include "keepers_unit.h"

#include "core/keepers_bearer.h"
#include "core/keepers_keyring.h"


#define KNOWN  "kp_001GsBaniMdfHPrKhhwjnlS86reYjdQ5ckAqLoTS4ckyvIuEeI2uHP2ti4q0"
#define ZERO   "kp_0000000000000000000000000000000000000000000000000000001PUimD"
#define TOP    "kp_LWEGnERCkN81sx8BObdOS0KSM0CqPAhM7nU6QjpMjmK2kGZ25O4GGV1wnqwF"
#define OVER   "kp_LWEGnERCkN81sx8BObdOS0KSM0CqPAhM7nU6QjpMjmK2kGZ25O4GGW0XMalZ"
#define LAST   "kp_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz13UNmi"


static keepers_str_t str(const char *text);
static int read_token(keepers_str_t text);
static void test_known(void **state);
static void test_ends(void **state);
static void test_slips(void **state);
static void test_lengths(void **state);
static void fill(keepers_session_t *session);
static void test_header(void **state);
static void test_record(void **state);
static void test_record_bytes(void **state);
static void test_state(void **state);
static void test_scopes(void **state);
static void test_roles(void **state);


static unsigned char  tag[KEEPERS_TAG_LEN];
static unsigned char  hash[KEEPERS_SID_LEN];


static keepers_str_t
str(const char *text)
{
    return keepers_str(text, strlen(text));
}


static int
read_token(keepers_str_t text)
{
    return keepers_bearer_read(text, tag, hash);
}


static void
test_known(void **state)
{
    size_t         i;
    keepers_out_t  out;
    unsigned char  random[32], text[KEEPERS_BEARER_LEN];

    static const unsigned char  known[KEEPERS_SID_LEN] = {
        0x4f, 0xdc, 0x82, 0x1c, 0x10, 0x52, 0x2d, 0x12,
        0xe6, 0xfc, 0xd7, 0x14, 0xb0, 0xcb, 0x11, 0x63,
        0xa2, 0xcb, 0xff, 0x94, 0x94, 0xfb, 0x46, 0x60,
        0x1a, 0xdb, 0xd6, 0x51, 0x1c, 0xa6, 0xac, 0xf9
    };
    static const unsigned char  user[KEEPERS_TAG_LEN] = {
        0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7
    };

    (void) state;

    for (i = 0; i < sizeof(random); i++) {
        random[i] = (unsigned char) i;
    }

    keepers_out_init(&out, text, sizeof(text));
    keepers_bearer_write(random, user, &out, hash);
    assert_false(out.overflow);
    assert_str(keepers_out_written(&out), KNOWN);
    assert_memory_equal(hash, known, sizeof(known));

    assert_int_equal(read_token(str(KNOWN)), KEEPERS_OK);
    assert_memory_equal(tag, user, sizeof(user));
    assert_memory_equal(hash, known, sizeof(known));

    /* a caller without room */

    keepers_out_init(&out, text, KEEPERS_BEARER_LEN - 1);
    keepers_bearer_write(random, user, &out, hash);
    assert_true(out.overflow);
}


/* A number beyond 40 bytes is no token, though its checksum be right. */
static void
test_ends(void **state)
{
    (void) state;

    assert_int_equal(read_token(str(ZERO)), KEEPERS_OK);
    assert_int_equal(read_token(str(TOP)), KEEPERS_OK);
    assert_int_equal(read_token(str(OVER)), KEEPERS_BEARER_JUNK);
    assert_int_equal(read_token(str(LAST)), KEEPERS_BEARER_JUNK);
}


static void
test_slips(void **state)
{
    size_t         i;
    unsigned       c;
    keepers_str_t  text;
    unsigned char  bytes[KEEPERS_BEARER_LEN];

    static const unsigned char  zeros[KEEPERS_SID_LEN];

    (void) state;

    for (i = 0; i < KEEPERS_BEARER_LEN; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(bytes, KNOWN, sizeof(bytes));

            if (bytes[i] == c) {
                continue;
            }

            bytes[i] = (unsigned char) c;
            text = unit_copy(bytes, sizeof(bytes));

            assert_int_equal(read_token(text), KEEPERS_BEARER_JUNK);
            assert_memory_equal(hash, zeros, sizeof(hash));
            assert_memory_equal(tag, zeros, sizeof(tag));
            unit_free(text);
        }
    }

    /* two neighbours that have changed places */

    for (i = 3; i + 1 < KEEPERS_BEARER_LEN; i++) {
        memcpy(bytes, KNOWN, sizeof(bytes));
        bytes[i] = (unsigned char) KNOWN[i + 1];
        bytes[i + 1] = (unsigned char) KNOWN[i];

        assert_int_equal(read_token(keepers_str(bytes, sizeof(bytes))),
                         bytes[i] == bytes[i + 1] ? KEEPERS_OK
                                                  : KEEPERS_BEARER_JUNK);
    }
}


static void
test_lengths(void **state)
{
    size_t         len;
    keepers_str_t  text;

    (void) state;

    for (len = 0; len < KEEPERS_BEARER_LEN; len++) {
        text = unit_copy(KNOWN, len);
        assert_int_equal(read_token(text), KEEPERS_BEARER_JUNK);
        unit_free(text);
    }

    assert_int_equal(read_token(str(KNOWN "0")), KEEPERS_BEARER_JUNK);
}


static void
test_header(void **state)
{
    size_t         i;
    keepers_str_t  header, token;

    static const char  *const ours[] = {
        "Bearer kp_0", "bearer kp_0", "BEARER kp_0", "beareR\tkp_0",
        "Bearer   kp_0", "Bearer \t kp_0 \t "
    };
    static const char  *const others[] = {
        "", "B", "Bearer", "Bearer ", "Bearer k", "Bearer kp", "Bearer KP_0",
        "Bearer v1.0", "Bearerkp_0", "Basic kp_0", "kp_0", "Bearer, kp_0",
        "Bearers kp_0", " Bearer kp_0", "Bearer \"kp_0\""
    };

    (void) state;

    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        header = unit_copy(ours[i], strlen(ours[i]));
        assert_true(keepers_bearer_find(header, &token));
        assert_str(token, "kp_0");
        unit_free(header);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        header = unit_copy(others[i], strlen(others[i]));
        assert_false(keepers_bearer_find(header, &token));
        assert_int_equal(token.len, 0);
        unit_free(header);
    }
}


static void
fill(keepers_session_t *session)
{
    memset(session, 0, sizeof(*session));
    memset(session->user.bytes, 0x11, KEEPERS_UUID_LEN);
    memset(session->business.bytes, 0x22, KEEPERS_UUID_LEN);
    session->created_ms = 1795000000000;
    session->absolute_ms = 1826536000000;
    session->scopes = KEEPERS_SCOPE_LINKS_READ;
}


static void
test_record(void **state)
{
    unsigned char      record[KEEPERS_BEARER_RECORD_LEN];
    keepers_session_t  session, back;

    (void) state;

    fill(&session);
    keepers_bearer_encode(&session, record);

    assert_int_equal(keepers_bearer_decode(keepers_str(record,
                                                       sizeof(record)),
                                           &back),
                     KEEPERS_OK);

    assert_memory_equal(&back.user, &session.user, KEEPERS_UUID_LEN);
    assert_memory_equal(&back.business, &session.business, KEEPERS_UUID_LEN);
    assert_true(back.created_ms == 1795000000000);
    assert_true(back.absolute_ms == 1826536000000);
    assert_int_equal(back.scopes, KEEPERS_SCOPE_LINKS_READ);
    assert_int_equal(back.role, KEEPERS_ROLE_MACHINE);
    assert_int_equal(back.aal, 1);
    assert_true(back.authenticated_ms == 0);

    assert_int_equal(keepers_session_decode(keepers_str(record,
                                                        sizeof(record)),
                                            &back),
                     KEEPERS_SESSION_BROKEN);

    session.role = KEEPERS_ROLE_OWNER;
    session.aal = 1;
    keepers_session_encode(&session, record);
    assert_int_equal(keepers_bearer_decode(keepers_str(record,
                                                       sizeof(record)),
                                           &back),
                     KEEPERS_BEARER_BROKEN);

    /* no session says that it is a machine's */

    session.role = KEEPERS_ROLE_MACHINE;
    keepers_session_encode(&session, record);
    assert_int_equal(keepers_session_decode(keepers_str(record,
                                                        sizeof(record)),
                                            &back),
                     KEEPERS_SESSION_BROKEN);
}


static void
test_record_bytes(void **state)
{
    size_t             i;
    unsigned char      record[KEEPERS_BEARER_RECORD_LEN];
    keepers_session_t  session;

    /* version, role, reserved, the high bits of scopes, the rest */

    static const unsigned char  fixed[] = {
        0, 1, 2, 3, 4, 5, 6, 56, 63, 64, 67, 68, 75
    };

    (void) state;

    fill(&session);

    for (i = 0; i < sizeof(fixed); i++) {
        fill(&session);
        keepers_bearer_encode(&session, record);
        record[fixed[i]] ^= 0x40;

        assert_int_equal(keepers_bearer_decode(keepers_str(record,
                                                           sizeof(record)),
                                               &session),
                         KEEPERS_BEARER_BROKEN);
        assert_int_equal(session.role, KEEPERS_ROLE_NONE);
    }

    fill(&session);
    session.scopes = 0;
    keepers_bearer_encode(&session, record);
    assert_int_equal(keepers_bearer_decode(keepers_str(record,
                                                       sizeof(record)),
                                           &session),
                     KEEPERS_BEARER_BROKEN);
    assert_int_equal(keepers_bearer_decode(keepers_str(record,
                                                       sizeof(record) - 1),
                                           &session),
                     KEEPERS_BEARER_BROKEN);
}


static void
test_state(void **state)
{
    keepers_session_t  session;

    (void) state;

    fill(&session);
    session.role = KEEPERS_ROLE_MACHINE;

    assert_int_equal(keepers_session_state(&session, 7, 1826535999999),
                     KEEPERS_SESSION_VALID);
    assert_int_equal(keepers_session_state(&session, 0, 1826536000000),
                     KEEPERS_SESSION_EXPIRED);
}


static void
test_scopes(void **state)
{
    uint32_t       scopes;
    keepers_out_t  out;
    unsigned char  text[KEEPERS_SCOPES_LEN_MAX];

    (void) state;

    for (scopes = 1; scopes <= KEEPERS_SCOPES_ALL; scopes++) {
        keepers_out_init(&out, text, sizeof(text));
        keepers_scopes_write(scopes, &out);
        assert_false(out.overflow);
        assert_int_equal(keepers_scopes_read(keepers_out_written(&out)),
                         scopes);
    }

    assert_int_equal(keepers_scopes_read(str("links.read customers.read")),
                     KEEPERS_SCOPE_LINKS_READ | KEEPERS_SCOPE_CUSTOMERS_READ);

    assert_int_equal(keepers_scopes_read(str("")), 0);
    assert_int_equal(keepers_scopes_read(str(" ")), 0);
    assert_int_equal(keepers_scopes_read(str("links.read ")), 0);
    assert_int_equal(keepers_scopes_read(str(" links.read")), 0);
    assert_int_equal(keepers_scopes_read(str("links.read  audit.read")), 0);
    assert_int_equal(keepers_scopes_read(str("links.read links.read")), 0);
    assert_int_equal(keepers_scopes_read(str("links.rea")), 0);
    assert_int_equal(keepers_scopes_read(str("Links.read")), 0);
    assert_int_equal(keepers_scopes_read(str("*")), 0);
}


static void
test_roles(void **state)
{
    (void) state;

    assert_int_equal(keepers_role_read(str("machine")), KEEPERS_ROLE_MACHINE);
    assert_int_equal(keepers_role_person(str("machine")), KEEPERS_ROLE_NONE);
    assert_int_equal(keepers_role_person(str("owner")), KEEPERS_ROLE_OWNER);
    assert_string_equal(keepers_role_name(KEEPERS_ROLE_MACHINE), "machine");
}


static int
setup(void **state)
{
    (void) state;

    return keepers_keyring_init() == KEEPERS_OK ? 0 : -1;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_record_bytes),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_roles)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, NULL);
}
