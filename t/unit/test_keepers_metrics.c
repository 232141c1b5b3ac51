
/*
 * Copyright (C) Keepers
 *
 * Goal: what a scraper reads is well-formed: each family named once, each
 * counter in it, and either form fits into the promised 8 KB.
 */


#include "keepers_unit.h"
#include "core/keepers_field.h"
#include "core/keepers_json.h"
#include "core/keepers_metrics.h"


#define ROOM  8192


static size_t count(const char *what);
static void write_text(void (*write)(const uint64_t *values,
    keepers_out_t *out));
static void test_prometheus(void **state);
static void test_json(void **state);
static void test_largest_fit(void **state);


static char      text[ROOM + 1];
static uint64_t  values[KEEPERS_METRICS_N];


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
write_text(void (*write)(const uint64_t *values, keepers_out_t *out))
{
    keepers_out_t  out;

    keepers_out_init(&out, text, ROOM);
    write(values, &out);
    assert_false(out.overflow);
    text[out.len] = '\0';
}


static void
test_prometheus(void **state)
{
    size_t  i, lines;

    (void) state;

    for (i = 0; i < KEEPERS_METRICS_N; i++) {
        values[i] = 1000 + i;
    }

    write_text(keepers_metrics_prometheus);

    assert_non_null(strstr(text,
        "# TYPE keepers_session_checks_total counter\n"
        "keepers_session_checks_total{state=\"valid\"} 1000\n"
        "keepers_session_checks_total{state=\"none\"} 1001\n"));
    assert_non_null(strstr(text, "\nkeepers_redis_connects_total 1041\n"));
    assert_int_equal(KEEPERS_METRICS_N, 42);

    assert_int_equal(count("# HELP "), 17);
    assert_int_equal(count("# TYPE "), 17);
    assert_int_equal(count("# TYPE keepers_redis_errors_total "), 1);

    /* every family has words of its own */

    assert_int_equal(count("_total Counter.\n"), 0);

    lines = count("\n");
    assert_int_equal(lines, KEEPERS_METRICS_N + 2 * 17);
    assert_int_equal(text[strlen(text) - 1], '\n');
}


static void
test_json(void **state)
{
    keepers_out_t         arena;
    keepers_field_t       fields[2];
    keepers_fieldset_t    set;
    static unsigned char  heap[16 * 1024 + 4 * ROOM], buf[ROOM];

    (void) state;

    values[0] = 7;
    write_text(keepers_metrics_json);

    assert_memory_equal(text, "{\"keepers_session_checks_total\":"
                        "{\"state=valid\":7,\"state=none\":", 60);
    assert_non_null(strstr(text, "},\"keepers_sessions_minted_total\":1007,"));
    assert_int_equal(text[strlen(text) - 1], '}');

    memset(fields, 0, sizeof(fields));
    fields[0].name = unit_str("keepers_session_checks_total");
    fields[1].name = unit_str("keepers_redis_connects_total");
    set.fields = fields;
    set.n = 2;
    keepers_out_init(&arena, buf, sizeof(buf));
    assert_int_equal(keepers_json_read(keepers_str(text, strlen(text)), &set,
                                       &arena, heap, sizeof(heap)),
                     KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_OTHER);
    assert_int_equal(fields[1].kind, KEEPERS_FIELD_OTHER);
    assert_int_equal(set.unknown, 15);
}


static void
test_largest_fit(void **state)
{
    (void) state;

    memset(values, 0xff, sizeof(values));
    write_text(keepers_metrics_prometheus);
    assert_non_null(strstr(text, " 18446744073709551615\n"));
    write_text(keepers_metrics_json);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_prometheus),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_largest_fit)
    };

    return cmocka_run_group_tests_name("keepers_metrics", tests, NULL, NULL);
}
