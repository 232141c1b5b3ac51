
/*
 * Copyright (C) Keepers
 *
 * Goal: a file of words is understood whole or refused with its line, and a
 * template has every word it wants, as text and never as markup.
 */


#include "keepers_unit.h"
#include "core/keepers_words.h"


#define ROOM  8


typedef struct {
    const char  *text;
    int          rc;
    size_t       line;
} bad_t;


static int take(keepers_words_t *words, const char *text, size_t *line);
static void test_reads(void **state);
static void test_refuses(void **state);
static void test_puts(void **state);
static void test_lacks(void **state);
static void test_faults(void **state);


static keepers_word_t  room[ROOM];


static int
take(keepers_words_t *words, const char *text, size_t *line)
{
    words->words = room;
    words->n = ROOM;

    return keepers_words_read(words, keepers_str(text, strlen(text)), line);
}


static void
test_reads(void **state)
{
    size_t           line;
    keepers_words_t  words;

    (void) state;

    assert_int_equal(take(&words, "# German\r\n\n  join =  Mitmachen = ja \r\n"
                                  "a_1=\xd8\xa7", &line), KEEPERS_OK);
    assert_int_equal(words.n, 2);
    assert_str(keepers_words_find(&words, unit_str("join"))->text,
               "Mitmachen = ja");
    assert_str(keepers_words_find(&words, unit_str("a_1"))->text, "\xd8\xa7");
    assert_null(keepers_words_find(&words, unit_str("a_2")));
    assert_int_equal(take(&words, "", &line), KEEPERS_OK);
    assert_int_equal(words.n, 0);
    assert_int_equal(keepers_words_lines(unit_str("a\nb\n")), 3);
}


static void
test_refuses(void **state)
{
    size_t           i, line;
    keepers_words_t  words;

    static const bad_t  bad[] = {
        { "a = b\njoin\n", KEEPERS_WORDS_SYNTAX, 2 },
        { "= b", KEEPERS_WORDS_SYNTAX, 1 },
        { "a =", KEEPERS_WORDS_SYNTAX, 1 },
        { "a = x\n\nA = b", KEEPERS_WORDS_SYNTAX, 3 },
        { "a b = c", KEEPERS_WORDS_SYNTAX, 1 },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=b",
          KEEPERS_WORDS_SYNTAX, 1 },
        { "a = x\nb = \xff", KEEPERS_WORDS_ENCODING, 2 },
        { "a = x\n# y\na = z", KEEPERS_WORDS_REPEATED, 3 },
        { "a=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\ni=1",
          KEEPERS_WORDS_TOO_MANY, 9 }
    };

    (void) state;

    for (i = 0; i < unit_count(bad); i++) {
        assert_int_equal(take(&words, bad[i].text, &line), bad[i].rc);
        assert_int_equal(line, bad[i].line);
    }
}


static void
test_puts(void **state)
{
    char             buf[256];
    size_t           line;
    keepers_out_t    out;
    keepers_words_t  words;

    (void) state;

    assert_int_equal(take(&words, "join = Join {{business}} & \"co\" <b>\n"
                                  "nav = <nav>{{query}}</nav>", &line),
                     KEEPERS_OK);
    words.words[1].html = true;

    keepers_out_init(&out, buf, sizeof(buf));
    assert_int_equal(keepers_words_put(&words, unit_str("<p>{{@join}}</p>{{a}}"
                                       "\n{{@nav}}{{@join}}"), &out, &line),
                     KEEPERS_OK);
    assert_str(keepers_out_written(&out),
               "<p>Join {{business}} &amp; &quot;co&quot; &lt;b&gt;</p>{{a}}\n"
               "<nav>{{query}}</nav>Join {{business}} &amp; &quot;co&quot; "
               "&lt;b&gt;");

    keepers_out_init(&out, buf, 4);
    assert_int_equal(keepers_words_put(&words, unit_str("<p>{{@join}}"), &out,
                                       &line), KEEPERS_OK);
    assert_true(out.overflow);

    assert_true(keepers_words_wanted(unit_str("a {{@b}}")));
    assert_false(keepers_words_wanted(unit_str("a {{b}} {{")));
    assert_false(keepers_words_wanted(unit_str("")));
}


static void
test_lacks(void **state)
{
    char             buf[256];
    size_t           i, line;
    keepers_str_t    page;
    keepers_out_t    out;
    keepers_words_t  words;

    static const char *const  pages[] = {
        "\n{{@nothing}}", "{{@a}}\n{{@}}", "{{@a}}\n{{@a}", "\n{{@ a}}",
        "\n{{@"
    };

    (void) state;

    assert_int_equal(take(&words, "a = b", &line), KEEPERS_OK);

    for (i = 0; i < unit_count(pages); i++) {
        page = unit_copy(pages[i], strlen(pages[i]));
        keepers_out_init(&out, buf, sizeof(buf));
        assert_int_equal(keepers_words_put(&words, page, &out, &line),
                         KEEPERS_WORDS_UNKNOWN);
        assert_int_equal(line, 2);
        unit_free(page);
    }
}


static void
test_faults(void **state)
{
    int  rc;

    (void) state;

    for (rc = KEEPERS_OK; rc <= KEEPERS_WORDS_UNKNOWN; rc++) {
        assert_string_not_equal(keepers_words_fault(rc), "unknown fault");
    }

    assert_string_equal(keepers_words_fault(rc), "unknown fault");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_puts),
        cmocka_unit_test(test_lacks),
        cmocka_unit_test(test_faults)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
