
/*
 * Copyright (C) Keepers
 *
 * Goal: the idle time of a session in use is renewed whatever a clock does, and
 * no date is too late for a session.
 */


#include "keepers_unit.h"
#include "core/keepers_session.h"


static void fill(keepers_session_t *session);
static void test_touch(void **state);
static void test_late(void **state);


static void
fill(keepers_session_t *session)
{
    memset(session, 0, sizeof(keepers_session_t));

    session->created_ms = 1795000000000;
    session->absolute_ms = 1795043200000;
    session->authenticated_ms = 1795000000000;
    session->epoch = 7;
    session->idle_s = 1800;
    session->role = KEEPERS_ROLE_MANAGER;
    session->aal = 2;
    session->net[0] = 4;
}


/* After a tenth of the idle time, and after a minute at the latest. */
static void
test_touch(void **state)
{
    size_t             i;
    keepers_session_t  session;

    static const struct {
        uint32_t  idle_s;
        uint64_t  due_ms;
    } rows[] = {
        { 1, 100 }, { 30, 3000 }, { 599, 59900 }, { 600, 60000 },
        { 601, 60000 }, { 1800, 60000 }, { UINT32_MAX, 60000 }
    };

    (void) state;

    fill(&session);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        session.idle_s = rows[i].idle_s;

        assert_false(keepers_session_touch_due(&session, 1795000000,
                                               1795000000000));
        assert_false(keepers_session_touch_due(&session, 1795000000,
                                    1795000000000 + rows[i].due_ms - 1));
        assert_true(keepers_session_touch_due(&session, 1795000000,
                                    1795000000000 + rows[i].due_ms));

        /* a clock that was set back, and one that is a little behind */

        assert_true(keepers_session_touch_due(&session, 1795000000,
                                              1795000000000 - 3600000));
        assert_true(keepers_session_touch_due(&session, 1795000000,
                                              1795000000000 - 1001));
        assert_false(keepers_session_touch_due(&session, 1795000000,
                                               1795000000000 - 1000));

        /* one that was never renewed here */

        assert_true(keepers_session_touch_due(&session, 0, 1795000000000));
    }
}


/* Dates that a number of seconds of 31 or of 32 bits does not hold. */

static void
test_late(void **state)
{
    size_t             i;
    uint64_t           now_ms;
    unsigned char      record[KEEPERS_SESSION_RECORD_LEN];
    keepers_session_t  session, again;

    static const uint64_t  days[] = {
        UINT64_C(2147483647), UINT64_C(2147483648),     /* January 2038 */
        UINT64_C(4294967295), UINT64_C(4294967296),     /* February 2106 */
        UINT64_C(253402300799)                          /* the end of 9999 */
    };

    (void) state;

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        now_ms = days[i] * 1000;

        fill(&session);
        session.created_ms = now_ms;
        session.authenticated_ms = now_ms;
        session.absolute_ms = now_ms + 43200000;
        session.idle_s = 1800;

        keepers_session_encode(&session, record);
        assert_int_equal(keepers_session_decode(keepers_str(record,
                                                            sizeof(record)),
                                                &again),
                         KEEPERS_OK);
        assert_true(again.created_ms == now_ms);
        assert_true(again.absolute_ms == now_ms + 43200000);

        assert_int_equal(keepers_session_state(&again, again.epoch, now_ms),
                         KEEPERS_SESSION_VALID);
        assert_int_equal(keepers_session_state(&again, again.epoch,
                                               now_ms + 43199999),
                         KEEPERS_SESSION_VALID);
        assert_int_equal(keepers_session_state(&again, again.epoch,
                                               now_ms + 43200000),
                         KEEPERS_SESSION_EXPIRED);
        assert_int_equal(keepers_session_life_ms(&again, now_ms), 1800000);
        assert_int_equal(keepers_session_life_ms(&again, now_ms + 43199000),
                         1000);
        assert_true(keepers_session_fresh(&again, 5000, now_ms + 5000));
        assert_false(keepers_session_fresh(&again, 5000, now_ms + 5001));
        assert_true(keepers_session_touch_due(&again, (uint32_t) days[i],
                                              now_ms + 60000));
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_touch),
        cmocka_unit_test(test_late)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
