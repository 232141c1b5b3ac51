
/*
 * Copyright (C) Keepers
 *
 * Goal: a form body becomes fields once and in one way: no field twice, no
 * broken escape, no text that a database would refuse.
 */


#include "keepers_unit.h"
#include "core/keepers_form.h"


#define FIELDS  3


static int read_body(const char *text, size_t len);
static void test_reads(void **state);
static void test_empty_pieces(void **state);
static void test_malformed(void **state);
static void test_repeated(void **state);
static void test_encoding(void **state);
static void test_many(void **state);
static void test_no_space(void **state);


static keepers_field_t     fields[FIELDS];
static keepers_fieldset_t  set;
static unsigned char       arena_buf[4096];
static keepers_out_t       arena;


static int
read_body(const char *text, size_t len)
{
    int            rc;
    keepers_str_t  body;

    memset(fields, 0, sizeof(fields));
    fields[0].name = unit_str("name");
    fields[1].name = unit_str("email");
    fields[2].name = unit_str("");

    memset(&set, 0, sizeof(set));
    set.fields = fields;
    set.n = 2;

    keepers_out_init(&arena, arena_buf, len);
    body = unit_copy(text, len);
    rc = keepers_form_read(body, &set, &arena);
    unit_free(body);

    return rc;
}


#define read_text(text)  read_body(text, sizeof(text) - 1)


static void
test_reads(void **state)
{
    (void) state;

    assert_int_equal(read_text("name=Ana+B%C3%A9&email=a%40b.c%2B&x=1&y"),
                     KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_STRING);
    assert_str(fields[0].value, "Ana B\xc3\xa9");
    assert_str(fields[1].value, "a@b.c+");
    assert_int_equal(set.unknown, 2);
    assert_null(set.culprit);

    /* a name may be escaped too; a value may have '=' */

    assert_int_equal(read_text("%6eame=a=b%3D&email"), KEEPERS_OK);
    assert_str(fields[0].value, "a=b=");
    assert_int_equal(fields[1].kind, KEEPERS_FIELD_STRING);
    assert_str(fields[1].value, "");

    assert_int_equal(read_text("name=\xc3\xa9"), KEEPERS_OK);
    assert_str(fields[0].value, "\xc3\xa9");
}


/* mod_auth_openidc 08/20/26: a crash by a query of separators. */
static void
test_empty_pieces(void **state)
{
    (void) state;

    assert_int_equal(read_text(""), KEEPERS_OK);
    assert_int_equal(fields[0].kind, KEEPERS_FIELD_ABSENT);
    assert_int_equal(read_text("&"), KEEPERS_OK);
    assert_int_equal(read_text("&&name=x&&"), KEEPERS_OK);
    assert_str(fields[0].value, "x");
    assert_int_equal(set.unknown, 0);
    assert_int_equal(read_text("=x&="), KEEPERS_OK);
    assert_int_equal(set.unknown, 2);
    assert_int_equal(keepers_form_read(keepers_str(NULL, 0), &set, &arena),
                     KEEPERS_OK);
}


static void
test_malformed(void **state)
{
    (void) state;

    assert_int_equal(read_text("name=%"), KEEPERS_FIELDS_MALFORMED);
    assert_int_equal(read_text("name=%4"), KEEPERS_FIELDS_MALFORMED);
    assert_int_equal(read_text("name=%zz"), KEEPERS_FIELDS_MALFORMED);
    assert_int_equal(read_text("name=%4z"), KEEPERS_FIELDS_MALFORMED);
    assert_int_equal(read_text("name=100%&email=1"),
                     KEEPERS_FIELDS_MALFORMED);
    assert_int_equal(read_text("%=x"), KEEPERS_FIELDS_MALFORMED);
    assert_int_equal(read_text("unknown=%u0041"), KEEPERS_FIELDS_MALFORMED);
}


static void
test_repeated(void **state)
{
    (void) state;

    assert_int_equal(read_text("email=a&name=b&email=c"),
                     KEEPERS_FIELDS_REPEATED);
    assert_ptr_equal(set.culprit, &fields[1]);
    assert_int_equal(read_text("email&email"), KEEPERS_FIELDS_REPEATED);
    assert_int_equal(read_text("email=a&%65mail=c"),
                     KEEPERS_FIELDS_REPEATED);

    /* unknown fields may come as they like */

    assert_int_equal(read_text("is_admin=1&is_admin=2"), KEEPERS_OK);
    assert_int_equal(set.unknown, 2);
}


static void
test_encoding(void **state)
{
    (void) state;

    assert_int_equal(read_text("email=a&name=%C3%28"),
                     KEEPERS_FIELDS_ENCODING);
    assert_ptr_equal(set.culprit, &fields[0]);
    assert_int_equal(read_text("name=a%00b"), KEEPERS_FIELDS_ENCODING);
    assert_int_equal(read_text("name=%ED%A0%80"), KEEPERS_FIELDS_ENCODING);
    assert_int_equal(read_text("name=\xff"), KEEPERS_FIELDS_ENCODING);
    assert_int_equal(read_text("x=%C0%80"), KEEPERS_FIELDS_ENCODING);
    assert_null(set.culprit);
}


static void
test_many(void **state)
{
    size_t  i, len;
    char    body[3 * (KEEPERS_FIELDS_MAX + 1)];

    (void) state;

    len = 0;

    for (i = 0; i < KEEPERS_FIELDS_MAX + 1; i++) {
        body[len++] = 'x';
        body[len++] = '=';
        body[len++] = '&';
    }

    assert_int_equal(read_body(body, len - 3), KEEPERS_OK);
    assert_int_equal(set.unknown, KEEPERS_FIELDS_MAX);
    assert_int_equal(read_body(body, len), KEEPERS_FIELDS_TOO_MANY);
}


static void
test_no_space(void **state)
{
    (void) state;

    (void) read_text("");
    keepers_out_init(&arena, arena_buf, 5);
    assert_int_equal(keepers_form_read(unit_str("name=x"), &set, &arena),
                     KEEPERS_FIELDS_NO_SPACE);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_empty_pieces),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_space)
    };

    return cmocka_run_group_tests_name("keepers_form", tests, NULL, NULL);
}
