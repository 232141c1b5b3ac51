
/*
 * Copyright (C) Keepers
 *
 * Goal: a template is either understood whole or refused with its line, and
 * no value of a customer ever becomes markup.
 */


#include "keepers_unit.h"
#include "core/keepers_page.h"


typedef struct {
    const char  *text;
    const char  *rendered;
} good_t;

typedef struct {
    const char  *text;
    int          rc;
    size_t       line;
} bad_t;


static int resolve(void *data, keepers_str_t name);
static keepers_str_t value(void *data, int n);
static int compile(keepers_page_t *page, keepers_str_t text, size_t *line);
static bool open(void *data, int n);
static keepers_str_t known(void *data, int n);
static void folds(const keepers_page_t *page, const char *rendered);
static void test_renders(void **state);
static void test_refuses(void **state);
static void test_folds(void **state);
static void test_room(void **state);
static void test_overflow(void **state);
static void test_style_hashes(void **state);
static void test_style_line_ends(void **state);
static void test_scripted(void **state);


/* "a" and "b" are full, "none" is empty, "x9" is hostile. */

static int
resolve(void *data, keepers_str_t name)
{
    size_t                    i;
    static const char *const  names[] = { "a", "b", "none", "x9" };

    assert_string_equal(data, "data");

    for (i = 0; i < unit_count(names); i++) {
        if (name.len == strlen(names[i])
            && memcmp(name.data, names[i], name.len) == 0)
        {
            return (int) i;
        }
    }

    return -1;
}


static keepers_str_t
value(void *data, int n)
{
    static const char *const  values[] = {
        "A", "B", "", "<i a='\"'>&{{a}}"
    };

    assert_string_equal(data, "data");

    return keepers_str(values[n], strlen(values[n]));
}


static int
compile(keepers_page_t *page, keepers_str_t text, size_t *line)
{
    page->n = keepers_page_ops(text);
    page->ops = malloc(page->n * sizeof(keepers_page_op_t));
    assert_non_null(page->ops);

    return keepers_page_compile(page, text, resolve, (void *) "data", line);
}


/* Which of the four are open: a bit each. */

static bool
open(void *data, int n)
{
    const unsigned int  *which = data;

    return (*which >> n & 1) != 0;
}


static keepers_str_t
known(void *data, int n)
{
    assert_false(open(data, n));

    return value((void *) "data", n);
}


/* Whatever is known beforehand, what is rendered is the same. */

static void
folds(const keepers_page_t *page, const char *rendered)
{
    keepers_out_t      out, text;
    unsigned int       which;
    unsigned char      buf[256], text_buf[256];
    keepers_page_t     folded;
    keepers_page_op_t  ops[32];

    for (which = 0; which < 16; which++) {
        folded.ops = ops;
        folded.n = unit_count(ops);
        keepers_out_init(&text, text_buf, sizeof(text_buf));

        assert_int_equal(keepers_page_fold(page, open, known, &which, &text,
                                           &folded), KEEPERS_OK);
        assert_true(folded.n <= page->n);

        keepers_out_init(&out, buf, sizeof(buf));
        keepers_page_render(&folded, value, (void *) "data", &out);
        assert_str(keepers_out_written(&out), rendered);
    }
}


static void
test_renders(void **state)
{
    size_t               i, line;
    keepers_str_t        text;
    keepers_out_t        out;
    keepers_page_t       page;
    unsigned char        buf[256];
    static const good_t  cases[] = {
        { "", "" },
        { "plain { } }} text", "plain { } }} text" },
        { "{{a}}", "A" },
        { "{{ a }}", "A" },
        { "x{{a}}y{{b}}z", "xAyBz" },
        { "{{x9}}", "&lt;i a=&#39;&quot;&#39;&gt;&amp;{{a}}" },
        { "{{#a}}yes{{/a}}", "yes" },
        { "{{#none}}no{{/none}}", "" },
        { "{{^a}}no{{/a}}", "" },
        { "{{^none}}yes{{/none}}", "yes" },
        { "{{# a }}y{{/ a }}", "y" },
        { "<{{#a}}[{{#none}}n{{/none}}{{^none}}{{b}}{{/none}}]{{/a}}>",
          "<[B]>" },
        { "{{#none}}{{#a}}{{x9}}{{/a}}{{/none}}end", "end" },
        { "{{#a}}{{/a}}", "" },
        { "{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}8{{/a}}{{/a}}"
          "{{/a}}{{/a}}{{/a}}{{/a}}{{/a}}{{/a}}", "8" },
        { "<style>a{b:c}</style>{{a}}", "<style>a{b:c}</style>A" },
        { "<styled>{{a}}</styled>", "<styled>A</styled>" },
        { "{ {a}}", "{ {a}}" },
        { "{", "{" }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        text = unit_copy(cases[i].text, strlen(cases[i].text));

        if (compile(&page, text, &line) != KEEPERS_OK) {
            fail_msg("%s", cases[i].text);
        }

        keepers_out_init(&out, buf, sizeof(buf));
        keepers_page_render(&page, value, (void *) "data", &out);
        assert_false(out.overflow);
        assert_str(keepers_out_written(&out), cases[i].rendered);
        folds(&page, cases[i].rendered);

        free(page.ops);
        unit_free(text);
    }
}


static void
test_refuses(void **state)
{
    size_t              i, line;
    keepers_str_t       text;
    keepers_page_t      page;
    static const bad_t  cases[] = {
        { "{{", KEEPERS_PAGE_SYNTAX, 1 },
        { "a\nb{{a", KEEPERS_PAGE_SYNTAX, 2 },
        { "{{a}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{#}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{{a}}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{&a}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{!a}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{>a}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{=<% %>=}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{a b}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{a.b}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "{{##a}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "\n\n{{nope}}", KEEPERS_PAGE_UNKNOWN, 3 },
        { "{{#nope}}", KEEPERS_PAGE_UNKNOWN, 1 },
        { "\n{{#a}}\n\n", KEEPERS_PAGE_UNBALANCED, 2 },
        { "{{/a}}", KEEPERS_PAGE_UNBALANCED, 1 },
        { "{{#a}}\n{{/b}}", KEEPERS_PAGE_UNBALANCED, 2 },
        { "{{#a}}{{#b}}{{/a}}{{/b}}", KEEPERS_PAGE_UNBALANCED, 1 },
        { "{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}\n{{#a}}",
          KEEPERS_PAGE_TOO_DEEP, 2 },
        { "<style>\n{{a}}</style>", KEEPERS_PAGE_SYNTAX, 2 },
        { "<SCRIPT src=x>{{a}}", KEEPERS_PAGE_SYNTAX, 1 },
        { "<style {{a}}>", KEEPERS_PAGE_SYNTAX, 1 }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        text = unit_copy(cases[i].text, strlen(cases[i].text));

        if (compile(&page, text, &line) != cases[i].rc) {
            fail_msg("%s", cases[i].text);
        }

        assert_int_equal(line, cases[i].line);
        assert_int_equal(page.n, 0);
        assert_true(strlen(keepers_page_fault(cases[i].rc)) > 10);

        free(page.ops);
        unit_free(text);
    }
}


static void
test_folds(void **state)
{
    size_t             line;
    unsigned int       which;
    keepers_out_t      text;
    unsigned char      buf[64];
    keepers_page_t     page, folded;
    keepers_page_op_t  ops[8];

    (void) state;

    assert_int_equal(compile(&page, unit_str("<{{a}}{{#b}}[{{x9}}]{{/b}}"
                             "{{^b}}{{/b}}{{#none}}{{b}}{{/none}}>"), &line),
                     KEEPERS_OK);

    folded.ops = ops;

    /* all is known: one text */

    which = 0;
    folded.n = 1;
    keepers_out_init(&text, buf, sizeof(buf));
    assert_int_equal(keepers_page_fold(&page, open, known, &which, &text,
                                       &folded), KEEPERS_OK);
    assert_int_equal(folded.n, 1);
    assert_str(ops[0].text,
               "<A[&lt;i a=&#39;&quot;&#39;&gt;&amp;{{a}}]>");
    assert_int_equal(folded.text_len, text.len);

    /* "b" is not: its sections stay, and no other */

    which = 2;
    folded.n = 5;
    keepers_out_init(&text, buf, sizeof(buf));
    assert_int_equal(keepers_page_fold(&page, open, known, &which, &text,
                                       &folded), KEEPERS_OK);
    assert_int_equal(folded.n, 5);
    assert_str(ops[0].text, "<A");
    assert_int_equal(ops[1].kind, KEEPERS_PAGE_IF);
    assert_int_equal(ops[1].jump, 3);
    assert_int_equal(ops[3].kind, KEEPERS_PAGE_UNLESS);
    assert_int_equal(ops[3].jump, 4);
    assert_str(ops[4].text, ">");

    /* no room for it: neither for operations nor for text */

    for (folded.n = 0; folded.n < 5; folded.n++) {
        line = folded.n;
        keepers_out_init(&text, buf, sizeof(buf));
        assert_int_equal(keepers_page_fold(&page, open, known, &which, &text,
                                           &folded), KEEPERS_PAGE_TOO_MANY);
        assert_true(folded.n <= line);
        folded.n = line;
    }

    folded.n = 5;
    keepers_out_init(&text, buf, 20);
    assert_int_equal(keepers_page_fold(&page, open, known, &which, &text,
                                       &folded), KEEPERS_PAGE_TOO_MANY);

    free(page.ops);
}


static void
test_room(void **state)
{
    size_t             line;
    keepers_page_t     page;
    keepers_page_op_t  ops[3];

    (void) state;

    page.ops = ops;
    page.n = 2;
    assert_int_equal(keepers_page_compile(&page, unit_str("x{{a}}y"), resolve,
                                          (void *) "data", &line),
                     KEEPERS_PAGE_TOO_MANY);
    page.n = 3;
    assert_int_equal(keepers_page_compile(&page, unit_str("x{{a}}y"), resolve,
                                          (void *) "data", &line),
                     KEEPERS_OK);
    assert_int_equal(page.n, 3);
    assert_int_equal(page.text_len, 2);
    page.n = 1;
    assert_int_equal(keepers_page_compile(&page, unit_str("{{a}}{{b}}"),
                                          resolve, (void *) "data", &line),
                     KEEPERS_PAGE_TOO_MANY);
    assert_int_equal(keepers_page_ops(keepers_str(NULL, 0)), 1);
}


static void
test_overflow(void **state)
{
    size_t          line, size;
    keepers_out_t   out;
    keepers_page_t  page;
    unsigned char   buf[64];

    (void) state;

    assert_int_equal(compile(&page, unit_str("ab{{x9}}cd"), &line),
                     KEEPERS_OK);

    for (size = 0; size < 40; size++) {
        keepers_out_init(&out, buf, size);
        keepers_page_render(&page, value, (void *) "data", &out);
        assert_true(out.overflow);
    }

    free(page.ops);
}


static void
test_style_hashes(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[256];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_style_hashes(unit_str("<p>no style</p>"), &out);
    assert_str(keepers_out_written(&out), "'none'");

    /* SHA-256 of "abc" and of nothing (FIPS 180-2) */

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_style_hashes(unit_str("<style>abc</style><STYLE type=x>"
                                       "</Style ><style>never closed"), &out);
    assert_str(keepers_out_written(&out),
               "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=' "
               "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_style_hashes(unit_str("<style"), &out);
    assert_str(keepers_out_written(&out), "'none'");
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_style_hashes(unit_str("<style>"), &out);
    assert_str(keepers_out_written(&out), "'none'");
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_style_hashes(keepers_str(NULL, 0), &out);
    assert_str(keepers_out_written(&out), "'none'");
}


/* A template with DOS line ends still shows its styles. */

static void
test_style_line_ends(void **state)
{
    keepers_out_t  unix_out, dos_out;
    unsigned char  unix_buf[128], dos_buf[128];

    (void) state;

    keepers_out_init(&unix_out, unix_buf, sizeof(unix_buf));
    keepers_page_style_hashes(unit_str("<style>\na\n\nb\n</style>"),
                              &unix_out);
    keepers_out_init(&dos_out, dos_buf, sizeof(dos_buf));
    keepers_page_style_hashes(unit_str("<style>\r\na\r\r\nb\r</style>"),
                              &dos_out);
    assert_true(keepers_str_eq(keepers_out_written(&unix_out),
                               keepers_out_written(&dos_out)));
}


static void
test_scripted(void **state)
{
    static const keepers_str_t  with = keepers_string(
        "<p>a</p><script src=\"/a.js\"></script>");
    static const keepers_str_t  without = keepers_string(
        "<p>script</p><scrip></scrip><");

    (void) state;

    assert_true(keepers_page_scripted(with));
    assert_false(keepers_page_scripted(without));
    assert_false(keepers_page_scripted(keepers_str("<script", 6)));
    assert_false(keepers_page_scripted(keepers_str(NULL, 0)));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_renders),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_style_hashes),
        cmocka_unit_test(test_style_line_ends),
        cmocka_unit_test(test_scripted)
    };

    return cmocka_run_group_tests_name("keepers_page", tests, NULL, NULL);
}
