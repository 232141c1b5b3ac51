
/*
 * Copyright (C) Keepers
 *
 * Goal: a session record says exactly what was encoded, or is refused; its
 * state follows the clock and the epoch.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/keepers_session.h"


static void fill(keepers_session_t *session);
static void test_known_answer(void **state);
static void test_round_trip(void **state);
static void test_refuses(void **state);
static void test_rotated(void **state);
static void test_remembered(void **state);
static void test_life(void **state);
static void test_state(void **state);
static void test_fresh(void **state);
static void test_roles(void **state);


static const unsigned char  known[KEEPERS_SESSION_RECORD_LEN] = {
    0x01, 0x02, 0x02, 0x03, 0x00, 0x00, 0x00, 0x07,
    0x01, 0x90, 0xf5, 0xe8, 0x9a, 0x7b, 0x7c, 0x3d,
    0x8e, 0x4f, 0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f,
    0x01, 0x90, 0xf5, 0xe8, 0x9a, 0x7b, 0x7c, 0x3d,
    0x8e, 0x4f, 0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x60,
    0x00, 0x00, 0x01, 0xa1, 0xee, 0x56, 0x5e, 0x00,
    0x00, 0x00, 0x01, 0xa1, 0xf0, 0xe9, 0x8c, 0x00,
    0x00, 0x00, 0x01, 0xa1, 0xee, 0x56, 0x5e, 0x00,
    0x00, 0x00, 0x07, 0x08, 0x04, 0x18, 0xc0, 0x00,
    0x02, 0x00, 0x00, 0x00
};

static void
fill(keepers_session_t *session)
{
    memset(session, 0, sizeof(keepers_session_t));

    memcpy(session->user.bytes, known + 8, KEEPERS_UUID_LEN);
    memcpy(session->business.bytes, known + 24, KEEPERS_UUID_LEN);
    session->created_ms = 1795000000000;
    session->absolute_ms = 1795043200000;
    session->authenticated_ms = 1795000000000;
    session->epoch = 7;
    session->idle_s = 1800;
    session->role = KEEPERS_ROLE_MANAGER;
    session->aal = 2;
    session->agent = KEEPERS_AGENT_SAFARI;
    keepers_net_read(keepers_str("\xc0\x00\x02\x63", 4), session->net);
}


static void
test_known_answer(void **state)
{
    unsigned char      record[KEEPERS_SESSION_RECORD_LEN];
    keepers_session_t  session, back;

    (void) state;

    fill(&session);
    keepers_session_encode(&session, record);
    assert_memory_equal(record, known, sizeof(known));

    memset(&back, 0, sizeof(back));
    assert_int_equal(keepers_session_decode(keepers_str(known, sizeof(known)),
                                            &back),
                     KEEPERS_OK);
    assert_memory_equal(&back, &session, sizeof(session));
    assert_int_equal(KEEPERS_SESSION_SEALED_LEN, 116);
}


static void
test_round_trip(void **state)
{
    size_t             i, j;
    uint32_t           seed;
    unsigned char      record[KEEPERS_SESSION_RECORD_LEN];
    unsigned char      again[KEEPERS_SESSION_RECORD_LEN];
    keepers_session_t  session;

    (void) state;

    seed = 1;

    for (i = 0; i < 1000; i++) {
        for (j = 0; j < sizeof(record); j++) {
            seed = seed * 1664525 + 1013904223;
            record[j] = (unsigned char) (seed >> 24);
        }

        record[0] = 1;
        record[1] = (unsigned char) (1 + record[1]
                                          % (KEEPERS_ROLE_MACHINE - 1));
        record[2] = (unsigned char) (1 + (record[2] & 1));

        assert_int_equal(keepers_session_decode(keepers_str(record,
                                                            sizeof(record)),
                                                &session),
                         KEEPERS_OK);
        keepers_session_encode(&session, again);
        assert_memory_equal(record, again, sizeof(record));
    }
}


static void
test_refuses(void **state)
{
    size_t             i, j;
    unsigned char      record[KEEPERS_SESSION_RECORD_LEN + 1];
    keepers_session_t  session, zero;
    static const unsigned char  wrong[][2] = {
        { 0, 0 }, { 0, 2 }, { 0, 255 },             /* version */
        { 1, 0 }, { 1, KEEPERS_ROLES }, { 1, 255 }, /* role */
        { 2, 0 }, { 2, 3 }, { 2, 255 }              /* aal */
    };

    (void) state;

    memset(&zero, 0, sizeof(zero));
    memcpy(record, known, sizeof(known));
    record[KEEPERS_SESSION_RECORD_LEN] = 0;

    for (i = 0; i <= sizeof(record); i++) {
        if (i == KEEPERS_SESSION_RECORD_LEN) {
            continue;
        }

        memset(&session, 0xff, sizeof(session));
        assert_int_equal(keepers_session_decode(keepers_str(record, i),
                                                &session),
                         KEEPERS_SESSION_BROKEN);
        assert_memory_equal(&session, &zero, sizeof(zero));
    }

    assert_int_equal(keepers_session_decode(keepers_str(NULL, 0), &session),
                     KEEPERS_SESSION_BROKEN);

    for (j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
        memcpy(record, known, sizeof(known));
        record[wrong[j][0]] = wrong[j][1];

        memset(&session, 0xff, sizeof(session));
        assert_int_equal(keepers_session_decode(keepers_str(record,
                                                            sizeof(known)),
                                                &session),
                         KEEPERS_SESSION_BROKEN);
        assert_memory_equal(&session, &zero, sizeof(zero));
    }
}


/* A successor makes another record of it, and of nothing else. */

static void
test_rotated(void **state)
{
    size_t             i;
    unsigned char      record[KEEPERS_SESSION_ROTATED_LEN + 1];
    keepers_session_t  session, back;

    (void) state;

    fill(&session);
    session.marks = KEEPERS_SESSION_ROTATED;

    for (i = 0; i < KEEPERS_SESSION_SUCCESSOR_LEN; i++) {
        session.successor[i] = (unsigned char) (0xc0 + i);
    }

    keepers_session_encode_rotated(&session, record);
    record[KEEPERS_SESSION_ROTATED_LEN] = 0;

    assert_int_equal(record[0], 2);
    assert_memory_equal(record + 1, known + 1, sizeof(known) - 1);
    assert_memory_equal(record + sizeof(known), session.successor,
                        KEEPERS_SESSION_SUCCESSOR_LEN);
    assert_int_equal(KEEPERS_SESSION_ROTATED_SEALED_LEN, 148);

    for (i = 0; i <= sizeof(record); i++) {
        memset(&back, 0, sizeof(back));

        assert_int_equal(keepers_session_decode(keepers_str(record, i), &back),
                         i == KEEPERS_SESSION_ROTATED_LEN
                         ? KEEPERS_OK : KEEPERS_SESSION_BROKEN);

        if (i == KEEPERS_SESSION_ROTATED_LEN) {
            assert_memory_equal(&back, &session, sizeof(session));
        }
    }

    /* the length does not stand for the version, nor this one for that */

    record[0] = 1;
    assert_int_equal(keepers_session_decode(keepers_str(record,
                                                KEEPERS_SESSION_ROTATED_LEN),
                                            &back),
                     KEEPERS_SESSION_BROKEN);
    assert_int_equal(back.marks, 0);
}


/* One bit beside the aal, of either record, and of no other aal. */

static void
test_remembered(void **state)
{
    size_t             i, len;
    unsigned           aal;
    unsigned char      record[KEEPERS_SESSION_ROTATED_LEN];
    keepers_session_t  session, back;

    (void) state;

    for (i = 0; i < 2; i++) {
        fill(&session);
        session.marks = KEEPERS_SESSION_REMEMBERED;
        len = KEEPERS_SESSION_RECORD_LEN;

        if (i == 0) {
            keepers_session_encode(&session, record);

        } else {
            session.marks |= KEEPERS_SESSION_ROTATED;
            memset(session.successor, 0xc0, KEEPERS_SESSION_SUCCESSOR_LEN);
            keepers_session_encode_rotated(&session, record);
            len = KEEPERS_SESSION_ROTATED_LEN;
        }

        assert_int_equal(record[2], session.aal + 128);
        assert_memory_equal(record + 3, known + 3, sizeof(known) - 3);

        memset(&back, 0, sizeof(back));
        assert_int_equal(keepers_session_decode(keepers_str(record, len),
                                                &back), KEEPERS_OK);
        assert_memory_equal(&back, &session, sizeof(session));

        assert_int_equal(keepers_session_decode(keepers_str(record, len - 1),
                                                &back),
                         KEEPERS_SESSION_BROKEN);

        for (aal = 0; aal < 256; aal++) {
            record[2] = (unsigned char) aal;

            assert_int_equal(keepers_session_decode(keepers_str(record, len),
                                                    &back),
                             (aal & 127) == 1 || (aal & 127) == 2
                             ? KEEPERS_OK : KEEPERS_SESSION_BROKEN);
            assert_int_equal(back.marks & KEEPERS_SESSION_REMEMBERED,
                             aal == 129 || aal == 130
                             ? KEEPERS_SESSION_REMEMBERED : 0);
        }
    }
}


/* connect-redis 27c7a5e: a life below zero was one without an end. */
static void
test_life(void **state)
{
    keepers_session_t  session;

    (void) state;

    memset(&session, 0, sizeof(session));
    session.idle_s = 1800;
    session.absolute_ms = 1795043200000;

    assert_int_equal(keepers_session_life_ms(&session, 1795000000000),
                     1800000);
    assert_int_equal(keepers_session_life_ms(&session, 1795041400000),
                     1800000);
    assert_int_equal(keepers_session_life_ms(&session, 1795041400001),
                     1799999);
    assert_int_equal(keepers_session_life_ms(&session, 1795043199999), 1);
    assert_int_equal(keepers_session_life_ms(&session, 1795043200000), 0);
    assert_int_equal(keepers_session_life_ms(&session, UINT64_MAX), 0);

    session.idle_s = 30 * 86400;
    session.marks = KEEPERS_SESSION_REMEMBERED;

    assert_int_equal(keepers_session_life_ms(&session, 1795043199000),
                     2592000000);

    /* more than 32 bits of milliseconds, which are 49 days */

    session.idle_s = 60 * 86400;

    assert_int_equal(keepers_session_life_ms(&session, 1795043199000),
                     5184000000);
}


static void
test_state(void **state)
{
    keepers_session_t  session;

    (void) state;

    fill(&session);

    assert_int_equal(keepers_session_state(&session, 7, 1795000000000),
                     KEEPERS_SESSION_VALID);
    assert_int_equal(keepers_session_state(&session, 7, 0),
                     KEEPERS_SESSION_VALID);
    assert_int_equal(keepers_session_state(&session, 7, 1795043199999),
                     KEEPERS_SESSION_VALID);
    assert_int_equal(keepers_session_state(&session, 7, 1795043200000),
                     KEEPERS_SESSION_EXPIRED);
    assert_int_equal(keepers_session_state(&session, 7, UINT64_MAX),
                     KEEPERS_SESSION_EXPIRED);
    assert_int_equal(keepers_session_state(&session, 8, 1795000000000),
                     KEEPERS_SESSION_REVOKED);

    /* an epoch that Redis has forgotten is not the old one */

    assert_int_equal(keepers_session_state(&session, 0, 1795000000000),
                     KEEPERS_SESSION_REVOKED);
    assert_int_not_equal(keepers_session_state(&session, 8, 1795043200000),
                         KEEPERS_SESSION_VALID);

    /* mod_auth_openidc 08/12/26: an end after January 2038 was long ago */
    session.absolute_ms = 4294967297000;

    assert_int_equal(keepers_session_state(&session, 7, 4294967296999),
                     KEEPERS_SESSION_VALID);
}


static void
test_fresh(void **state)
{
    keepers_session_t  session;

    (void) state;

    fill(&session);
    session.authenticated_ms = 1795000000000;

    assert_true(keepers_session_fresh(&session, 5000, 1795000000000));
    assert_true(keepers_session_fresh(&session, 5000, 1795000005000));
    assert_false(keepers_session_fresh(&session, 5000, 1795000005001));
    assert_false(keepers_session_fresh(&session, 5000, UINT64_MAX));

    /* made by a node whose clock is ahead, and before a clock went back */

    assert_true(keepers_session_fresh(&session, 5000, 1794999940000));
    assert_false(keepers_session_fresh(&session, 5000, 1794999939999));
    assert_false(keepers_session_fresh(&session, 5000, 0));
}


static void
test_roles(void **state)
{
    uint8_t      role;
    const char  *name;

    (void) state;

    for (role = KEEPERS_ROLE_OWNER; role < KEEPERS_ROLES; role++) {
        name = keepers_role_name(role);
        assert_int_equal(keepers_role_read(keepers_str(name, strlen(name))),
                         role);
    }

    assert_string_equal(keepers_role_name(KEEPERS_ROLE_OWNER), "owner");
    assert_string_equal(keepers_role_name(KEEPERS_ROLE_AUDITOR), "auditor");
    assert_string_equal(keepers_role_name(KEEPERS_ROLE_NONE), "none");
    assert_string_equal(keepers_role_name(KEEPERS_ROLES), "none");
    assert_string_equal(keepers_role_name(255), "none");

    assert_int_equal(keepers_role_read(keepers_str("none", 4)),
                     KEEPERS_ROLE_NONE);
    assert_int_equal(keepers_role_read(keepers_str("Owner", 5)),
                     KEEPERS_ROLE_NONE);
    assert_int_equal(keepers_role_read(keepers_str("owner ", 6)),
                     KEEPERS_ROLE_NONE);
    assert_int_equal(keepers_role_read(keepers_str(NULL, 0)),
                     KEEPERS_ROLE_NONE);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_rotated),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_roles)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
