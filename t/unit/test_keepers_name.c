
/*
 * Copyright (C) Keepers
 *
 * Goal: a name of any script is stored as its bearer writes it; only what no
 * name has is refused, and what looks like spam is marked, not lost.
 */


#include "keepers_unit.h"
#include "core/keepers_name.h"


typedef struct {
    const char  *typed;
    const char  *stored;
} good_t;


static int read_name(const char *typed, size_t len, keepers_out_t *out);
static void test_accepts(void **state);
static void test_controls(void **state);
static void test_encoding(void **state);
static void test_lengths(void **state);
static void test_no_space(void **state);
static void test_markup_and_urls(void **state);


static int
read_name(const char *typed, size_t len, keepers_out_t *out)
{
    int                   rc;
    keepers_str_t         tight;
    static unsigned char  buf[KEEPERS_NAME_LEN_MAX];

    keepers_out_init(out, buf, sizeof(buf));
    tight = unit_copy(typed, len);
    rc = keepers_name_read(tight, out);
    unit_free(tight);

    return rc;
}


static void
test_accepts(void **state)
{
    size_t               i;
    keepers_out_t        out;
    static const good_t  cases[] = {
        { "", "" },
        { "  \t ", "" },
        { "\xc2\xa0\xe3\x80\x80", "" },
        { "\xe2\x80\x8d", "" },                     /* a joiner alone */
        { "\xe3\x85\xa4", "" },                     /* Hangul filler */
        { "O'Connor-Nu\xc3\xb1" "ez", "O'Connor-Nu\xc3\xb1" "ez" },
        { "X", "X" },
        { "Ng", "Ng" },
        { "\xe6\x9d\x8e", "\xe6\x9d\x8e" },
        { "\xd9\x85\xd8\xad\xd9\x85\xd8\xaf",
          "\xd9\x85\xd8\xad\xd9\x85\xd8\xaf" },
        { "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae",   /* ZWNJ */
          "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae" },
        { "Jose\xcc\x81", "Jos\xc3\xa9" },
        { "Jos\xc3\xa9", "Jos\xc3\xa9" },
        { " \tAna  Maria\xe3\x80\x80", "Ana  Maria" },
        { "=HYPERLINK(\"http://e\",\"x\")", "=HYPERLINK(\"http://e\",\"x\")" },
        { "+1+1", "+1+1" },
        { "-2", "-2" },
        { "@SUM(A1)", "@SUM(A1)" },
        { "\t=1", "=1" },
        { "<script>alert(1)</script>", "<script>alert(1)</script>" },
        { "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
          "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb" }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (read_name(cases[i].typed, strlen(cases[i].typed), &out)
            != KEEPERS_OK)
        {
            fail_msg("%s", cases[i].typed);
        }

        assert_str(keepers_out_written(&out), cases[i].stored);

        assert_int_equal(read_name(cases[i].stored, strlen(cases[i].stored),
                                   &out), KEEPERS_OK);
        assert_str(keepers_out_written(&out), cases[i].stored);
    }
}


static void
test_controls(void **state)
{
    size_t                    i;
    keepers_out_t             out;
    static const char *const  cases[] = {
        "a\rb", "a\nb", "\r\nAna", "Ana\n", "\rAna", "a\tb", "a\x1b[31m",
        "a\x7f", "\xc2\x80x", "\xc2\x9fx", "a\xe2\x80\xae" "b",
        "\xe2\x80\xaa" "b", "a\xe2\x81\xa6" "b", "a\xe2\x81\xa9",
        "\xef\xbf\xbe", "\xef\xbf\xbf", "\xef\xb7\x90", "\xf0\x9f\xbf\xbe",
        "a\xe2\x80\xa8" "b", "\xef\xbb\xbf" "Ana", "\x01"
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (read_name(cases[i], strlen(cases[i]), &out)
            != KEEPERS_NAME_CONTROL)
        {
            fail_msg("%s", cases[i]);
        }

        assert_int_equal(out.len, 0);
    }

    assert_int_equal(read_name("a\0b", 3, &out), KEEPERS_NAME_CONTROL);
    assert_int_equal(read_name("\0", 1, &out), KEEPERS_NAME_CONTROL);
}


static void
test_encoding(void **state)
{
    keepers_out_t  out;

    (void) state;

    assert_int_equal(read_name("\xc3\x28", 2, &out), KEEPERS_NAME_ENCODING);
    assert_int_equal(read_name("a\xed\xa0\x80", 4, &out),
                     KEEPERS_NAME_ENCODING);
    assert_int_equal(read_name("a\xc3", 2, &out), KEEPERS_NAME_ENCODING);
}


static void
test_lengths(void **state)
{
    char           s[8192];
    size_t         i, n;
    keepers_out_t  out;

    (void) state;

    /* 500 combining marks on one letter: one grapheme cluster */

    s[0] = 'a';

    for (i = 0; i < 500; i++) {
        memcpy(&s[1 + 2 * i], "\xcc\x81", 2);
    }

    assert_int_equal(read_name(s, 1001, &out), KEEPERS_NAME_TOO_LONG);

    memset(s, 'x', sizeof(s));
    assert_int_equal(read_name(s, 100, &out), KEEPERS_OK);
    assert_int_equal(read_name(s, 101, &out), KEEPERS_NAME_TOO_LONG);
    assert_int_equal(read_name(s, sizeof(s), &out), KEEPERS_NAME_TOO_LONG);

    /* blanks around do not count */

    memset(s, ' ', sizeof(s));
    memset(&s[4000], 'x', 100);
    assert_int_equal(read_name(s, sizeof(s), &out), KEEPERS_OK);
    assert_int_equal(out.len, 100);

    /* four bytes each: 100 clusters are just 400 bytes */

    for (i = 0; i < 101; i++) {
        memcpy(&s[4 * i], "\xf0\x9f\x98\x80", 4);
    }

    assert_int_equal(read_name(s, 400, &out), KEEPERS_OK);
    assert_int_equal(out.len, 400);
    assert_int_equal(read_name(s, 404, &out), KEEPERS_NAME_TOO_LONG);

    /* Hangul typed in nine bytes a syllable is stored in three */

    for (n = 0; n < 100; n++) {
        memcpy(&s[9 * n], "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 9);
    }

    assert_int_equal(read_name(s, 900, &out), KEEPERS_OK);
    assert_int_equal(out.len, 300);

    /* grows by NFC, threefold */

    for (i = 0; i < 100; i++) {
        memcpy(&s[4 * i], "\xf0\x9d\x85\xa0", 4);       /* U+1D160 */
    }

    assert_int_equal(read_name(s, 400, &out), KEEPERS_NAME_TOO_LONG);
}


static void
test_no_space(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[2];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    assert_int_equal(keepers_name_read(unit_str("Ana"), &out),
                     KEEPERS_NAME_NO_SPACE);
    assert_int_equal(out.len, 0);
}


static void
test_markup_and_urls(void **state)
{
    size_t                    i;
    keepers_str_t             s;
    static const char *const  markup[] = {
        "<script>alert(1)</script>", "\"><img onerror=x>", "a</b", "a<!--"
    };
    static const char *const  urls[] = {
        "Win $$$ http://evil.example", "HTTPS://x", "ftp://x",
        "www.evil.example", "see WWW.evil", "evil.example/x", "javascript://",
        "(www.x)"
    };
    static const char *const  plain[] = {
        "", "<", "a < b", "I <3 you", "<<", "St.John", "J. R. R. Tolkien",
        "Ann/Bob", "a:b", "://", "www", "www.", "awww.x", "http:/x",
        "Dr.Who", "A.B/C", "x. y/z", "Mr. Smith/Jones", "1://"
    };

    (void) state;

    for (i = 0; i < unit_count(markup); i++) {
        s = unit_copy(markup[i], strlen(markup[i]));
        assert_true(keepers_name_has_markup(s));
        unit_free(s);
    }

    for (i = 0; i < unit_count(urls); i++) {
        s = unit_copy(urls[i], strlen(urls[i]));

        if (!keepers_name_has_url(s)) {
            fail_msg("%s", urls[i]);
        }

        unit_free(s);
    }

    for (i = 0; i < unit_count(plain); i++) {
        s = unit_copy(plain[i], strlen(plain[i]));

        if (keepers_name_has_url(s) || keepers_name_has_markup(s)) {
            fail_msg("%s", plain[i]);
        }

        unit_free(s);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_markup_and_urls)
    };

    return cmocka_run_group_tests_name("keepers_name", tests, NULL, NULL);
}
