
/*
 * Copyright (C) Keepers
 *
 * Goal: what a scraper reads is well-formed: each family named once, each
 * counter in it, histograms that add up, and the promised room suffices.
 */


#include "keepers_unit.h"
#include "core/keepers_metrics.h"


#define FAMILIES  26
#define ROOM      (KEEPERS_METRICS_SAMPLES * 256 + FAMILIES * 512)


typedef void (*write_pt)(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out);


static size_t count(const char *what);
static void write_text(write_pt write);
static void test_bucket(void **state);
static void test_prometheus(void **state);
static void test_histogram(void **state);
static void test_json(void **state);
static void test_html(void **state);
static void test_largest_fit(void **state);


static char              text[ROOM + 1];
static uint64_t          values[KEEPERS_METRICS_N];
static keepers_sample_t  samples[KEEPERS_METRICS_SAMPLES];


static size_t
count(const char *what)
{
    size_t       n;
    const char  *p;

    n = 0;

    for (p = strstr(text, what); p != NULL; p = strstr(p + 1, what)) {
        n++;
    }

    return n;
}


static void
write_text(write_pt write)
{
    keepers_out_t  out;

    keepers_metrics_samples(values, samples);

    keepers_out_init(&out, text, ROOM);
    write(samples, KEEPERS_METRICS_SAMPLES, &out);
    assert_false(out.overflow);
    text[out.len] = '\0';
}


static void
test_bucket(void **state)
{
    (void) state;

    assert_int_equal(keepers_metrics_bucket(0), 0);
    assert_int_equal(keepers_metrics_bucket(1), 1);
    assert_int_equal(keepers_metrics_bucket(4), 2);
    assert_int_equal(keepers_metrics_bucket(5), 3);
    assert_int_equal(keepers_metrics_bucket(999), 8);
    assert_int_equal(keepers_metrics_bucket(1000), 9);
    assert_int_equal(keepers_metrics_bucket(UINT64_MAX), 9);
}


static void
test_prometheus(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < KEEPERS_METRICS_N; i++) {
        values[i] = 1000 + i;
    }

    write_text(keepers_metrics_prometheus);

    assert_non_null(strstr(text,
        "# TYPE keepers_session_checks_total counter\n"
        "keepers_session_checks_total{state=\"valid\"} 1000\n"
        "keepers_session_checks_total{state=\"none\"} 1001\n"));
    assert_non_null(strstr(text, "\nkeepers_redis_connects_total 1067\n"));
    assert_int_equal(KEEPERS_METRICS_COUNTERS, 69);

    assert_int_equal(count("# HELP "), FAMILIES);
    assert_int_equal(count("# TYPE "), FAMILIES);
    assert_int_equal(count("# TYPE keepers_redis_errors_total "), 1);

    /* every family has words of its own */

    assert_int_equal(count(" Counter.\n"), 0);

    assert_int_equal(count("\n"), KEEPERS_METRICS_SAMPLES + 2 * FAMILIES);
    assert_int_equal(text[strlen(text) - 1], '\n');
}


static void
test_histogram(void **state)
{
    (void) state;

    memset(values, 0, sizeof(values));
    values[KEEPERS_METRIC_REDIS_MS] = 7;
    values[KEEPERS_METRIC_REDIS_MS + 3] = 2;
    values[KEEPERS_METRIC_REDIS_MS + 9] = 1;
    values[KEEPERS_METRIC_REDIS_SUM_MS] = 12034;

    write_text(keepers_metrics_prometheus);

    assert_non_null(strstr(text,
        "# TYPE keepers_redis_seconds histogram\n"
        "keepers_redis_seconds_bucket{le=\"0.001\"} 7\n"
        "keepers_redis_seconds_bucket{le=\"0.002\"} 7\n"
        "keepers_redis_seconds_bucket{le=\"0.005\"} 7\n"
        "keepers_redis_seconds_bucket{le=\"0.01\"} 9\n"));
    assert_non_null(strstr(text,
        "keepers_redis_seconds_bucket{le=\"1\"} 9\n"
        "keepers_redis_seconds_bucket{le=\"+Inf\"} 10\n"
        "keepers_redis_seconds_sum 12.034\n"
        "keepers_redis_seconds_count 10\n"));
}


static void
test_json(void **state)
{
    (void) state;

    values[KEEPERS_METRIC_SESSION_VALID] = 7;
    values[KEEPERS_METRIC_SESSION_MINTED] = 3;
    write_text(keepers_metrics_json);

    assert_memory_equal(text, "{\"keepers_session_checks_total\":"
                        "{\"state=valid\":7,\"state=none\":", 60);
    assert_non_null(strstr(text, "},\"keepers_sessions_minted_total\":3,"));
    assert_non_null(strstr(text, "\"le=+Inf\":10,\"sum\":12.034,"
                                 "\"count\":10}"));
    assert_int_equal(text[strlen(text) - 2], '}');

    /* that it is JSON is seen by t/500, which reads all of it */

    assert_int_equal(count("{"), count("}"));
}


static void
test_html(void **state)
{
    (void) state;

    write_text(keepers_metrics_html);

    assert_int_equal(count("<table>"), FAMILIES);
    assert_int_equal(count("</table>"), FAMILIES);
    assert_int_equal(count("<tr>"), KEEPERS_METRICS_SAMPLES);
    assert_non_null(strstr(text, "nginx&#39;s clock"));
    assert_non_null(strstr(text,
        "<tr><th scope=\"row\">total</th><td>3</td></tr>"));
}


static void
test_largest_fit(void **state)
{
    (void) state;

    memset(values, 0xff, sizeof(values));
    write_text(keepers_metrics_prometheus);
    assert_non_null(strstr(text, " 18446744073709551615\n"));
    write_text(keepers_metrics_json);
    write_text(keepers_metrics_html);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_prometheus),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_largest_fit)
    };

    return cmocka_run_group_tests_name("keepers_metrics", tests, NULL, NULL);
}
