
/*
 * Copyright (C) Keepers
 *
 * Goal: exactly "burst" at once, then exactly N a period, at every rate from
 * one a month to a million a second, whatever the clock and the state say.
 */


#include "keepers_unit.h"
#include "core/keepers_rate.h"


#define NOW  1795000000000000ULL        /* microseconds, November 2026 */


typedef struct {
    const char  *text;
    uint32_t     burst;
    uint64_t     interval_us;
    uint32_t     got_burst;
} good_t;

typedef struct {
    const char  *text;
    uint32_t     burst;
    int          rc;
} bad_t;


static keepers_rate_t rate(const char *text, uint32_t burst);
static void test_reads(void **state);
static void test_refuses(void **state);
static void burst_then_rate(const char *text, uint32_t burst);
static void test_burst_then_rate(void **state);
static void test_sustained(void **state);
static void test_cost(void **state);
static void test_peek(void **state);
static void test_odd_states(void **state);
static void test_undo(void **state);
static uint32_t share_admits(const keepers_rate_t *share, uint64_t tat,
    uint64_t now);
static void test_share(void **state);
static void test_times(void **state);
static uint64_t random_up_to(uint64_t *seed, uint64_t max);
static void random_rule(uint64_t *seed, keepers_rate_t *r);
static uint64_t random_run(uint64_t *seed, uint64_t events);
static void test_against_model(void **state);


static keepers_rate_t
rate(const char *text, uint32_t burst)
{
    keepers_rate_t  r;

    assert_int_equal(keepers_rate_read(keepers_str(text, strlen(text)), burst,
                                       &r), KEEPERS_OK);

    return r;
}


static void
test_reads(void **state)
{
    size_t               i;
    keepers_rate_t       r;
    static const good_t  cases[] = {
        { "1/s", 0, 1000000, 1 },
        { "10/s", 0, 100000, 10 },
        { "5/10m", 0, 120000000, 5 },
        { "5/10m", 3, 120000000, 3 },
        { "60/m", 1, 1000000, 1 },
        { "100/h", 0, 36000000, 100 },
        { "1/d", 0, 86400000000ULL, 1 },
        { "1/30d", 0, 2592000000000ULL, 1 },
        { "1000/1s", 5, 1000, 5 },
        { "2000/s", 0, 500, 2000 },
        { "1000000/s", 0, 1, 1000000 },
        { "7/s", 0, 142857, 7 }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        r = rate(cases[i].text, cases[i].burst);
        assert_true(r.interval_us == cases[i].interval_us);
        assert_int_equal(r.burst, cases[i].got_burst);
        assert_true(r.tolerance_us == (r.burst - 1) * r.interval_us);
    }
}


/* redis-cell#42: a rate of nothing. */
static void
test_refuses(void **state)
{
    size_t              i;
    keepers_rate_t      r;
    static const bad_t  cases[] = {
        { "", 0, KEEPERS_RATE_SYNTAX },
        { "5", 0, KEEPERS_RATE_SYNTAX },
        { "/s", 0, KEEPERS_RATE_SYNTAX },
        { "5/", 0, KEEPERS_RATE_SYNTAX },
        { "5/10", 0, KEEPERS_RATE_SYNTAX },
        { "5/w", 0, KEEPERS_RATE_SYNTAX },
        { "5/S", 0, KEEPERS_RATE_SYNTAX },
        { "-5/s", 0, KEEPERS_RATE_SYNTAX },
        { "5 /s", 0, KEEPERS_RATE_SYNTAX },
        { "5/ s", 0, KEEPERS_RATE_SYNTAX },
        { "5/s ", 0, KEEPERS_RATE_SYNTAX },
        { "5/1.5s", 0, KEEPERS_RATE_SYNTAX },
        { "5.5/s", 0, KEEPERS_RATE_SYNTAX },
        { "5/s/s", 0, KEEPERS_RATE_SYNTAX },
        { "99999999999999999999/s", 0, KEEPERS_RATE_SYNTAX },
        { "0/s", 0, KEEPERS_RATE_RANGE },
        { "5/0s", 0, KEEPERS_RATE_RANGE },
        { "1000001/s", 0, KEEPERS_RATE_RANGE },
        { "18446744073709551615/s", 0, KEEPERS_RATE_RANGE },
        { "4294967296/30d", 0, KEEPERS_RATE_RANGE },
        { "1/18446744073709551615d", 0, KEEPERS_RATE_RANGE },
        { "1/99999d", 0, KEEPERS_RATE_RANGE },
        { "1/d", 4294967295u, KEEPERS_RATE_RANGE },
        { "1/10000d", 2, KEEPERS_RATE_RANGE }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (keepers_rate_read(keepers_str(cases[i].text,
                                          strlen(cases[i].text)),
                              cases[i].burst, &r) != cases[i].rc)
        {
            fail_msg("%s", cases[i].text);
        }
    }
}


/* Against a bucket that is filled by hand, one interval at a time. */

static void
burst_then_rate(const char *text, uint32_t burst)
{
    size_t                   i;
    uint64_t                 tat, now;
    keepers_rate_t           r;
    keepers_rate_decision_t  d;

    r = rate(text, burst);
    tat = 0;
    now = NOW;

    for (i = 0; i < r.burst; i++) {
        d = keepers_rate_decide(&r, tat, now, 1);
        assert_true(d.admitted);
        assert_true(d.retry_us == 0);
        assert_int_equal(d.remaining, r.burst - i - 1);
        tat = d.tat_us;
    }

    for (i = 0; i < 5; i++) {
        d = keepers_rate_decide(&r, tat, now, 1);
        assert_false(d.admitted);
        assert_true(d.tat_us == tat);
        assert_true(d.retry_us == r.interval_us);
        assert_int_equal(d.remaining, 0);

        d = keepers_rate_decide(&r, tat, now + d.retry_us - 1, 1);
        assert_false(d.admitted);
        assert_true(d.retry_us == 1);

        now += r.interval_us;
        d = keepers_rate_decide(&r, tat, now, 1);
        assert_true(d.admitted);
        tat = d.tat_us;
    }

    /* full again after a whole bucket's time, and never fuller */

    now += r.burst * r.interval_us;
    d = keepers_rate_decide(&r, tat, now, 1);
    assert_int_equal(d.remaining, r.burst - 1);
    now += 1000 * r.burst * r.interval_us;
    d = keepers_rate_decide(&r, tat, now, r.burst);
    assert_true(d.admitted);
    assert_int_equal(d.remaining, 0);
    assert_true(d.tat_us == now + r.burst * r.interval_us);
}


static void
test_burst_then_rate(void **state)
{
    (void) state;

    burst_then_rate("1/s", 1);
    burst_then_rate("10/s", 5);
    burst_then_rate("5/10m", 0);
    burst_then_rate("3/10m", 1);
    burst_then_rate("1/d", 3);
    burst_then_rate("1/30d", 1);
    burst_then_rate("2000/s", 10);
    burst_then_rate("1000000/s", 100);
    burst_then_rate("7/s", 0);
}


/* "5 per 10 minutes" sustains five in each ten minutes, not one. */

/* authelia rate_limiting.go: "5 in 10 minutes" was one in ten minutes. */
static void
test_sustained(void **state)
{
    size_t                   n;
    uint64_t                 tat, now;
    keepers_rate_t           r;
    keepers_rate_decision_t  d;

    (void) state;

    r = rate("5/10m", 0);
    tat = 0;
    n = 0;

    for (now = NOW; now < NOW + 6000 * 1000000ULL; now += 1000000) {
        d = keepers_rate_decide(&r, tat, now, 1);
        tat = d.tat_us;
        n += d.admitted;
    }

    assert_int_equal(n, 5 + 5 * 10 - 1);
}


/* throttled#81: a cost above the burst. */
static void
test_cost(void **state)
{
    keepers_rate_t           r;
    keepers_rate_decision_t  d;

    (void) state;

    r = rate("10/s", 10);

    d = keepers_rate_decide(&r, 0, NOW, 7);
    assert_true(d.admitted);
    assert_int_equal(d.remaining, 3);

    d = keepers_rate_decide(&r, d.tat_us, NOW, 4);
    assert_false(d.admitted);
    assert_int_equal(d.remaining, 3);
    assert_true(d.retry_us == 100000);

    d = keepers_rate_decide(&r, d.tat_us, NOW + 100000, 4);
    assert_true(d.admitted);
    assert_int_equal(d.remaining, 0);

    /* more than will ever fit: refused, and the state stays true */

    d = keepers_rate_decide(&r, 0, NOW, 11);
    assert_false(d.admitted);
    assert_true(d.retry_us == UINT64_MAX);
    assert_true(d.tat_us == 0);
    assert_int_equal(d.remaining, 10);
    d = keepers_rate_decide(&r, 0, NOW, UINT32_MAX);
    assert_false(d.admitted);
    d = keepers_rate_decide(&r, 0, NOW, 10);
    assert_true(d.admitted);
}


static void
test_peek(void **state)
{
    keepers_rate_t           r;
    keepers_rate_decision_t  d;

    (void) state;

    r = rate("2/s", 0);

    d = keepers_rate_decide(&r, 0, NOW, 0);
    assert_true(d.admitted);
    assert_int_equal(d.remaining, 2);
    assert_true(d.tat_us == 0);

    d = keepers_rate_decide(&r, 0, NOW, 2);
    d = keepers_rate_decide(&r, d.tat_us, NOW, 0);
    assert_false(d.admitted);
    assert_int_equal(d.remaining, 0);
    assert_true(d.retry_us == 500000);
    assert_true(d.tat_us == NOW + 1000000);
}


/* A clock that went back, a state from nowhere, the ends of the numbers. */

static void
test_odd_states(void **state)
{
    keepers_rate_t           r;
    keepers_rate_decision_t  d;

    (void) state;

    r = rate("1/s", 3);

    d = keepers_rate_decide(&r, NOW + 3600 * 1000000ULL, NOW, 1);
    assert_false(d.admitted);
    assert_true(d.retry_us == 1000000);
    assert_int_equal(d.remaining, 0);

    /* what is beyond a used up budget does not stay there */

    assert_true(d.tat_us == NOW + 3000000);
    d = keepers_rate_decide(&r, d.tat_us, NOW + 1000000, 1);
    assert_true(d.admitted);

    d = keepers_rate_decide(&r, UINT64_MAX, 0, 3);
    assert_false(d.admitted);
    assert_true(d.retry_us == 3000000);

    d = keepers_rate_decide(&r, 0, UINT64_MAX, 3);
    assert_true(d.admitted);
    assert_true(d.tat_us == UINT64_MAX);

    d = keepers_rate_decide(&r, 5, 0, 1);
    assert_true(d.admitted);
    assert_true(d.tat_us == 1000005);
}


static void
test_undo(void **state)
{
    (void) state;

    assert_int_equal(keepers_rate_undo(NOW + 10, NOW, 4), NOW + 6);
    assert_int_equal(keepers_rate_undo(NOW + 10, NOW, 10), NOW);
    assert_int_equal(keepers_rate_undo(NOW + 10, NOW, UINT64_MAX), NOW);
    assert_int_equal(keepers_rate_undo(NOW, NOW, 4), NOW);
    assert_int_equal(keepers_rate_undo(NOW - 10, NOW, 4), NOW - 10);
    assert_int_equal(keepers_rate_undo(0, NOW, 4), 0);
}


/* How many one part admits at once. */

static uint32_t
share_admits(const keepers_rate_t *share, uint64_t tat, uint64_t now)
{
    uint32_t                 n;
    keepers_rate_decision_t  d;

    for (n = 0; /* void */; n++) {
        d = keepers_rate_decide(share, tat, now, 1);

        if (!d.admitted) {
            return n;
        }

        tat = d.tat_us;
    }
}


/* All parts together admit no more than the whole, whatever was used of it. */

static void
test_share(void **state)
{
    uint32_t                 nodes, used;
    uint64_t                 tat;
    keepers_rate_t           r, share;
    keepers_rate_decision_t  d;

    (void) state;

    r = rate("100/h", 0);
    share = keepers_rate_share(&r, 1);
    assert_memory_equal(&share, &r, sizeof(r));
    share = keepers_rate_share(&r, 0);
    assert_memory_equal(&share, &r, sizeof(r));

    for (nodes = 2; nodes <= 8; nodes++) {
        share = keepers_rate_share(&r, nodes);
        tat = 0;

        for (used = 0; used <= 100; used++) {
            assert_int_equal(share_admits(&share, tat, NOW),
                             (100 - used) / nodes);

            d = keepers_rate_decide(&r, tat, NOW, 1);
            tat = d.tat_us;
        }
    }

    /* of "one a minute" each of three has one in three minutes */

    r = rate("1/m", 0);
    share = keepers_rate_share(&r, 3);
    assert_int_equal(share.burst, 1);

    d = keepers_rate_decide(&share, 0, NOW, 1);
    assert_true(d.admitted);
    d = keepers_rate_decide(&share, d.tat_us, NOW, 1);
    assert_false(d.admitted);
    assert_true(d.retry_us == 180000000);
}


static void
test_times(void **state)
{
    keepers_rate_t  r, more;

    (void) state;

    r = rate("5/10m", 3);
    more = keepers_rate_times(&r, 16);
    assert_true(more.interval_us == 7500000);
    assert_int_equal(more.burst, 48);
    assert_true(more.tolerance_us == 47 * more.interval_us);

    r = rate("1000000/s", 1000000);
    more = keepers_rate_times(&r, 16);
    assert_true(more.interval_us == 1);
    assert_int_equal(more.burst, 16000000);
}


/* xorshift64: the same events on every machine. */

static uint64_t
random_up_to(uint64_t *seed, uint64_t max)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;

    return *seed % (max + 1);
}


/* Any N a period of 1 us to a day, bursts mostly small. */

static void
random_rule(uint64_t *seed, keepers_rate_t *r)
{
    int       rc, len;
    char      text[64];
    uint64_t  n, burst;

    do {
        n = 1 + random_up_to(seed, (1ULL << random_up_to(seed, 20)) - 1);
        burst = 1 + random_up_to(seed, (1ULL << random_up_to(seed, 10)) - 1);

        len = snprintf(text, sizeof(text), "%llu/%c", (unsigned long long) n,
                       "smhd"[random_up_to(seed, 3)]);

        rc = keepers_rate_read(keepers_str(text, (size_t) len),
                               (uint32_t) burst, r);
    } while (rc != KEEPERS_OK);
}


/*
 * The model is a bucket of cells, which holds a whole number of them and what
 * of the next has come, as a numerator over the interval: no TAT, no division,
 * nothing rounded.  The decision must be the model's each time, neither more
 * nor less, and the rest the same to a cell.
 */

static uint64_t
random_run(uint64_t *seed, uint64_t events)
{
    uint32_t                 cost;
    uint64_t                 i, now, tat, step, admitted;
    keepers_rate_t           r;
    keepers_rate_decision_t  d;
    unsigned __int128        level, full;

    random_rule(seed, &r);

    now = NOW;
    tat = 0;
    admitted = 0;
    full = (unsigned __int128) r.burst * r.interval_us;
    level = full;

    for (i = 0; i < events; i++) {
        step = random_up_to(seed, 7) == 0
               ? random_up_to(seed, 3 * r.interval_us)
               : random_up_to(seed, r.interval_us / 2);

        now += step;
        level = level + step < full ? level + step : full;
        cost = (uint32_t) random_up_to(seed, random_up_to(seed, 31) == 0
                                             ? r.burst + 1 : 2);

        d = keepers_rate_decide(&r, tat, now, cost);

        assert_int_equal(d.admitted, cost <= r.burst
                         && level >= (unsigned __int128) (cost ? cost : 1)
                                     * r.interval_us);

        if (d.admitted) {
            level -= (unsigned __int128) cost * r.interval_us;
            admitted += cost;

        } else if (cost <= r.burst) {
            assert_true(level + d.retry_us
                        == (unsigned __int128) (cost ? cost : 1)
                           * r.interval_us);
        }

        assert_true(d.remaining == level / r.interval_us);
        assert_true(d.remaining
                    == keepers_rate_left(&r, d.tat_us > now ? d.tat_us - now
                                                            : 0));

        tat = d.tat_us;
    }

    /* what no run may exceed, from its own figures alone */

    assert_true((unsigned __int128) admitted * r.interval_us
                <= full + (now - NOW));

    return events;
}


/* KEEPERS_RATE_EVENTS=1000000000 for a long run. */

static void
test_against_model(void **state)
{
    uint64_t     seed, events, wanted;
    const char  *text;

    (void) state;

    text = getenv("KEEPERS_RATE_EVENTS");
    wanted = text != NULL ? strtoull(text, NULL, 10) : 10000000;
    seed = 0x9e3779b97f4a7c15ULL;

    for (events = 0; events < wanted; /* void */) {
        events += random_run(&seed, 1000);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_sustained),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_peek),
        cmocka_unit_test(test_odd_states),
        cmocka_unit_test(test_undo),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_against_model)
    };

    return cmocka_run_group_tests_name("keepers_rate", tests, NULL, NULL);
}
