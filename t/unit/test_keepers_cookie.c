
/*
 * Copyright (C) Keepers
 *
 * Goal: our cookie is found whatever stands around it, never confused with
 * another, and taken out without touching its neighbours.
 */


#include "keepers_unit.h"
#include "core/keepers_cookie.h"


#define N  "keepers"


typedef struct {
    const char  *header;
    const char  *values;        /* joined by '|' */
    const char  *stripped;
} cookie_t;


static void test_finds(void **state);
static void test_strips(void **state);
static void test_no_name(void **state);
static void test_writes(void **state);
static void test_writes_one_header_only(void **state);


static const cookie_t  cases[] = {
    { "", "", "" },
    { N "=1", "1", "" },
    { N "=1;", "1", "" },
    { N "=", "", "" },
    { "a=1; " N "=2; b=3", "2", "a=1; b=3" },
    { "a=1;" N "=2;b=3", "2", "a=1;b=3" },
    { N "=2; a=1", "2", "a=1" },
    { N "=2;\ta=1", "2", "\ta=1" },
    { "a=1; " N "=2", "2", "a=1" },
    { "a=1; " N "=2;", "2", "a=1;" },
    { N "=1; a=0; " N "=2", "1|2", "a=0" },
    { N "=1; " N "=2", "1|2", "" },
    { "; ;; " N "=1; ;", "1", "" },
    { " " N "= 1 ", "1", "" },
    { N "=a=b=c", "a=b=c", "" },
    { N "=\"q\"", "\"q\"", "" },
    { N " =1", "1", "" },
    { "a=1; " N "\t =1; b=2", "1", "a=1; b=2" },
    { "a=1; " N "  = ;b", "", "a=1;b" },

    /* not ours */

    { N, "", N },
    { N " ", "", N " " },
    { N " x=1", "", N " x=1" },
    { N "-x=1", "", N "-x=1" },
    { "Keepers=1", "", "Keepers=1" },
    { "x" N "=1", "", "x" N "=1" },
    { N "x=1", "", N "x=1" },
    { "\xe2\x80\x80" N "=1", "", "\xe2\x80\x80" N "=1" },
    { "$Version=1; " N "=2", "2", "$Version=1" },
    { "a=\"x; " N "=2; y\"", "2", "a=\"x; y\"" },
    { "a=1, " N "=2", "", "a=1, " N "=2" },
    { "a=1;  b=2 ;c", "", "a=1;  b=2 ;c" }
};


static void
test_finds(void **state)
{
    size_t         i, pos, n;
    char           joined[64];
    keepers_str_t  header, value;

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        header = unit_copy(cases[i].header, strlen(cases[i].header));
        joined[0] = '\0';
        pos = 0;

        for (n = 0; keepers_cookie_next(header, unit_str(N), &pos, &value);
             n++)
        {
            if (n != 0) {
                strncat(joined, "|", 2);
            }

            strncat(joined, (const char *) value.data, value.len);
        }

        assert_string_equal(joined, cases[i].values);
        unit_free(header);
    }
}


static void
test_finds_both(void **state)
{
    size_t         pos;
    unsigned int   which;
    keepers_str_t  value, header;
    keepers_str_t  names[2] = { unit_str(N), unit_str(N "-device") };

    (void) state;

    header = unit_str("a=1; " N "-device=d; " N "=2;" N "-devices=x; " N "=3");
    pos = 0;

    assert_true(keepers_cookie_next_of(header, names, &pos, &value, &which));
    assert_int_equal(which, 1);
    assert_str(value, "d");

    assert_true(keepers_cookie_next_of(header, names, &pos, &value, &which));
    assert_int_equal(which, 0);
    assert_str(value, "2");

    assert_true(keepers_cookie_next_of(header, names, &pos, &value, &which));
    assert_int_equal(which, 0);
    assert_str(value, "3");

    assert_false(keepers_cookie_next_of(header, names, &pos, &value, &which));
}


static void
test_strips(void **state)
{
    size_t         i, pos;
    keepers_str_t  header, value;
    keepers_out_t  out;
    unsigned char  buf[64];

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        header = unit_copy(cases[i].header, strlen(cases[i].header));

        keepers_out_init(&out, buf, sizeof(buf));
        keepers_cookie_strip(header, unit_str(N), &out);
        assert_str(keepers_out_written(&out), cases[i].stripped);

        pos = 0;
        assert_false(keepers_cookie_next(keepers_out_written(&out),
                                         unit_str(N), &pos, &value));
        unit_free(header);
    }
}


static void
test_no_name(void **state)
{
    size_t         pos;
    keepers_str_t  value;

    (void) state;

    pos = 0;
    assert_false(keepers_cookie_next(unit_str("=1; a=2"),
                                     keepers_str(NULL, 0), &pos, &value));
    pos = 0;
    assert_false(keepers_cookie_next(keepers_str(NULL, 0), unit_str(N), &pos,
                                     &value));
}


static void
test_writes(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[200];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_cookie_write(&out, unit_str("__Host-keepers"), unit_str("v1.x"),
                         -1, true);
    assert_str(keepers_out_written(&out), "__Host-keepers=v1.x; Path=/; "
               "Secure; HttpOnly; SameSite=Lax");

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_cookie_write(&out, unit_str(N), keepers_str(NULL, 0), 0, false);
    assert_str(keepers_out_written(&out), N "=; Path=/; Max-Age=0; "
               "HttpOnly; SameSite=Lax");

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_cookie_write(&out, unit_str(N), unit_str("v"), 43200, true);
    assert_str(keepers_out_written(&out), N "=v; Path=/; Max-Age=43200; "
               "Secure; HttpOnly; SameSite=Lax");
}


static void
test_writes_one_header_only(void **state)
{
    size_t         i;
    keepers_out_t  out;
    unsigned char  buf[200];

    static const char *const  bad[] = {
        "a;b", "a\r\nSet-Cookie: b", "a b", "a,b", "a\x7f", "\xc3\xa9"
    };

    (void) state;

    for (i = 0; i < unit_count(bad); i++) {
        keepers_out_init(&out, buf, sizeof(buf));
        keepers_cookie_write(&out, unit_str(N),
                             keepers_str(bad[i], strlen(bad[i])), -1, true);
        assert_true(out.overflow);
        assert_int_equal(out.len, 0);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_finds_both),
        cmocka_unit_test(test_strips),
        cmocka_unit_test(test_no_name),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_writes_one_header_only)
    };

    return cmocka_run_group_tests_name("keepers_cookie", tests, NULL, NULL);
}
