
/*
 * Copyright (C) Keepers
 *
 * Goal: every address a person can have is taken and stored in one form; what
 * is none, or smells of a header, is refused.
 */


#include "keepers_unit.h"
#include "core/keepers_email.h"


typedef struct {
    const char  *typed;
    const char  *stored;
    bool         eai;
} good_t;


static int read_email(const char *typed, size_t len, keepers_out_t *out,
    bool *eai);
static void test_accepts(void **state);
static void test_refuses(void **state);
static void test_lengths(void **state);
static void test_no_space(void **state);
static void test_key(void **state);


static int
read_email(const char *typed, size_t len, keepers_out_t *out, bool *eai)
{
    int                   rc;
    keepers_str_t         tight;
    static unsigned char  buf[KEEPERS_EMAIL_LEN_MAX];

    keepers_out_init(out, buf, sizeof(buf));
    tight = unit_copy(typed, len);
    rc = keepers_email_read(tight, out, eai);
    unit_free(tight);

    return rc;
}


static void
test_accepts(void **state)
{
    bool                 eai;
    size_t               i;
    keepers_out_t        out;
    static const good_t  cases[] = {
        { "a@b.c", "a@b.c", false },
        { " Ana+cafe@Example.COM ", "Ana+cafe@example.com", false },
        { "a..b@docomo.ne.jp", "a..b@docomo.ne.jp", false },
        { ".a.@b.co", ".a.@b.co", false },
        { "!#$%&'*+/=?^_`{|}~-@x.y", "!#$%&'*+/=?^_`{|}~-@x.y", false },
        { "a@xn--bcher-kva.de", "a@xn--bcher-kva.de", false },
        { "a@r3---sn.example", "a@r3---sn.example", false },
        { "a@1-2.3x", "a@1-2.3x", false },

        { "jos\xc3\xa9@example.com", "jos\xc3\xa9@example.com", true },
        { "jose\xcc\x81@example.com", "jos\xc3\xa9@example.com", true },
        { "a@b\xc3\xbc" "cher.de", "a@xn--bcher-kva.de", false },
        { "a@B\xc3\x9c" "CHER.DE", "a@xn--bcher-kva.de", false },
        { "a@bu\xcc\x88" "cher.de", "a@xn--bcher-kva.de", false },
        { "a@fa\xc3\x9f.de", "a@xn--fa-hia.de", false },
        { "a@\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82\xe6\x97\xa5\xe6\x9c\xac",
          "a@xn--r8jz45g.xn--wgv71a", false },
        { "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80@\xd0\xbf\xd1\x80"
          "\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84",
          "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80@"
          "xn--e1afmkfd.xn--p1ai", true }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (read_email(cases[i].typed, strlen(cases[i].typed), &out, &eai)
            != KEEPERS_OK)
        {
            fail_msg("%s", cases[i].typed);
        }

        assert_str(keepers_out_written(&out), cases[i].stored);
        assert_int_equal(eai, cases[i].eai);

        /* what is stored is a fixed point: the writer looks again */

        assert_int_equal(read_email(cases[i].stored, strlen(cases[i].stored),
                                    &out, &eai), KEEPERS_OK);
        assert_str(keepers_out_written(&out), cases[i].stored);
        assert_int_equal(eai, cases[i].eai);
    }
}


static void
test_refuses(void **state)
{
    bool                      eai;
    size_t                    i;
    keepers_out_t             out;
    static const char *const  cases[] = {
        "", " ", "@", "a", "a@", "@b.c", "a@b", "a@-b.com", "a@b-.com",
        "a@b..com", "a@.b.com", "a@b.com.", "a@b.", "a@b.c-", "a@b.-c",
        "\"a b\"@x.com", "\"a\"@x.com", "a@[127.0.0.1]", "a@[::1].x",
        /* oauth2-proxy GHSA-c5c4-8r6x-56w3: a@b@c is of which domain? */
        "a b@x.com", "a@x .com", "a@b@c.d", "<a@b.c>", "Ana <a@b.c>",
        "a,b@x.com", "a;b@x.com", "a:b@x.com", "a\\b@x.com", "(a)b@x.com",
        "a@x.com\r\nBcc: v@y.com", "a@x.com\n", "\r\na@x.com", "a@x.com\r",
        "a\tb@x.com", "a\x7f@x.com", "a@x_y.com", "a@x.com/y", "a@x.com?y",
        "mailto:a@b.c", "a@b.c,d@e.f", "a@exa%6dple.com",

        "\xc2\x85" "a@x.com",                   /* C1 control */
        "a\xc2\xa0@x.com",                      /* no-break space */
        "a\xe2\x80\x8b@x.com",                  /* zero width space */
        "a\xe2\x80\xae@x.com",                  /* bidi override */
        "a\xcd\xbe" "b@x.com",                  /* NFC: a semicolon */
        "a\xff@x.com", "a@\xff.com", "a\xed\xa0\x80@x.com",
        "a@x\xe2\x84\x80y.com",                 /* IDNA maps to "a/c" */
        "a@\xc2\xad.com",                       /* IDNA maps to nothing */
        "a@b\xc3\xbc" "cher",                   /* no dot */
        "a@b\xc3\xbc..de",
        "a@-\xc3\xbc.de",
        "a@\xe2\x80\xae\xc3\xbc.de",
        "a@xn--\xc3\xbc.de"
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        if (read_email(cases[i], strlen(cases[i]), &out, &eai)
            != KEEPERS_EMAIL_SYNTAX)
        {
            fail_msg("%s", cases[i]);
        }

        assert_int_equal(out.len, 0);
        assert_false(out.overflow);
    }

    assert_int_equal(read_email("a\0@x.com", 8, &out, &eai),
                     KEEPERS_EMAIL_SYNTAX);
    assert_int_equal(read_email("a@x.com\0", 8, &out, &eai),
                     KEEPERS_EMAIL_SYNTAX);
}


static void
test_lengths(void **state)
{
    bool           eai;
    char           s[2048];
    size_t         i, len;
    keepers_out_t  out;

    (void) state;

    /* local part */

    memset(s, 'a', sizeof(s));
    memcpy(&s[64], "@b.co", 5);
    assert_int_equal(read_email(s, 69, &out, &eai), KEEPERS_OK);
    memset(s, 'a', sizeof(s));
    memcpy(&s[65], "@b.co", 5);
    assert_int_equal(read_email(s, 70, &out, &eai), KEEPERS_EMAIL_TOO_LONG);

    /* label */

    memset(s, 'a', sizeof(s));
    s[1] = '@';
    memcpy(&s[2 + 63], ".co", 3);
    assert_int_equal(read_email(s, 2 + 63 + 3, &out, &eai), KEEPERS_OK);
    memset(s, 'a', sizeof(s));
    s[1] = '@';
    memcpy(&s[2 + 64], ".co", 3);
    assert_int_equal(read_email(s, 2 + 64 + 3, &out, &eai),
                     KEEPERS_EMAIL_SYNTAX);

    /* whole */

    memset(s, 'a', sizeof(s));
    s[64] = '@';

    for (i = 65 + 50; i < sizeof(s); i += 51) {
        s[i] = '.';
    }

    for (len = 250; len < 1100; len++) {

        if (s[len - 1] == '.') {
            continue;
        }

        assert_int_equal(read_email(s, len, &out, &eai),
                         len <= 254 ? KEEPERS_OK : KEEPERS_EMAIL_TOO_LONG);
    }

    /* bytes of other scripts count too, and very many cost nothing */

    for (i = 0; i < 1000; i += 2) {
        memcpy(&s[i], "\xd0\xb6", 2);
    }

    memcpy(&s[1000], "@b.co", 5);
    assert_int_equal(read_email(s, 1005, &out, &eai), KEEPERS_EMAIL_TOO_LONG);
    memcpy(&s[66], "@b.co", 5);
    assert_int_equal(read_email(s, 71, &out, &eai), KEEPERS_EMAIL_TOO_LONG);
    memcpy(&s[64], "@b.co", 5);
    assert_int_equal(read_email(s, 69, &out, &eai), KEEPERS_OK);
    assert_true(eai);
}


static void
test_no_space(void **state)
{
    bool           eai;
    keepers_out_t  out;
    unsigned char  buf[5];

    (void) state;

    keepers_out_init(&out, buf, 4);
    assert_int_equal(keepers_email_read(unit_str("a@b.c"), &out, &eai),
                     KEEPERS_EMAIL_NO_SPACE);
    assert_int_equal(out.len, 0);
    keepers_out_init(&out, buf, 5);
    assert_int_equal(keepers_email_read(unit_str("a@b.c"), &out, &eai),
                     KEEPERS_OK);
}


static void
test_key(void **state)
{
    keepers_out_t  out;
    unsigned char  buf[64];

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_email_key(unit_str("Ana+Cafe@example.com"), &out);
    assert_str(keepers_out_written(&out), "ana+cafe@example.com");

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_email_key(unit_str("\xc3\x89va@x.y"), &out);
    assert_str(keepers_out_written(&out), "\xc3\x89va@x.y");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_key)
    };

    return cmocka_run_group_tests_name("keepers_email", tests, NULL, NULL);
}
