
/*
 * Copyright (C) Keepers
 *
 * Goal: after sign-in a browser goes to a path of this site that this site has
 * signed, and nowhere else.
 */


#include "keepers_unit_rings.h"

#include "core/keepers_text.h"
#include "core/keepers_token.h"


#define NEXT       "2aCqh99oIoHPKIKnUxH0Lw./dashboard/customers?q=a@b"


typedef struct {
    const char    *data;
    size_t         len;
} path_t;

#define path(text)  { text, sizeof(text) - 1 }


static void test_next_hostile(void **state);
static void test_next_good(void **state);
static void test_next_length(void **state);
static void test_next_signed(void **state);


/* Nothing here may be where a browser is sent after sign-in. */
static const path_t  hostile[] = {
    path(""),
    path("e"),
    path("//"),
    path("//e"),
    path("///e"),
    path("////e.example/"),
    path("/\\e"),
    path("\\/e"),
    path("\\\\e"),
    path("/\\/e"),
    path("//\\e"),
    path("/%2f"),
    path("/%2fe"),
    path("/%2Fe"),
    path("/%2f%2fe"),
    path("%2f%2fe"),
    path("%2fe"),
    path("/%5ce"),
    path("/%5Ce"),
    path("/%5c%5ce"),
    path("/%2f/e"),
    path("/%5c/e"),
    path("/@e"),
    path("/user@e"),
    path("/user:password@e"),
    path("/a/@e/"),
    path("/a@e?b"),
    path("@e"),
    path("e@f"),
    path("http://e"),
    path("https://e"),
    path("HTTPS://e/"),
    path("https:/e"),
    path("https:e"),
    path("javascript:alert(1)"),
    path("data:text/html,x"),
    path("mailto:a@b.example"),
    path(" /e"),
    path(" //e"),
    path("/ /e"),
    path("/e "),
    path("/\t/e"),
    path("\t//e"),
    path("/\t\\e"),
    path("/\n/e"),
    path("/\r/e"),
    path("/\r\n/e"),
    path("/a\r\nLocation: https://e"),
    path("/a\r\nSet-Cookie: a=b"),
    path("/a\nb"),
    path("/a\rb"),
    path("\r\n/a"),
    path("/a\0//e"),
    path("\0/e"),
    path("/\0/e"),
    path("/\x01"),
    path("/\x0b/e"),
    path("/\x1f"),
    path("/\x7f/e"),
    path("/\xe3\x80\x82" "e"),              /* U+3002, a dot in IDNA */
    path("/\xef\xbc\x8f" "e"),              /* U+FF0F, a full-width solidus */
    path("/\xef\xbc\xbc" "e"),              /* U+FF3C, its reverse */
    path("/\xe2\x81\x84" "e"),              /* U+2044, a fraction slash */
    path("/\xe2\x80\x8b/e"),                /* U+200B, no width at all */
    path("/\xc0\xaf" "e"),                  /* an overlong solidus */
    path("/b\xc3\xbc" "cher.example"),
    path("/\xe2\x80\xae/elpmaxe.e"),        /* U+202E, right to left */
    path("\xef\xbb\xbf/e"),
    path("/#"),
    path("/#//e"),
    path("/a#@e"),
    path("#/e"),
    path("/a?b#c"),
    path("?a"),
    path("?//e"),
    path("."),
    path("./e"),
    path("../e"),
    path("/.//e"),
    path("/..//e"),
    path("/a/..//e"),
    path("/a//e"),
    path("/a//"),
    path("/;@e"),
    path("/a\\b"),
    path("/a?\\e"),
    path("/a?b\\"),
    path("/a?b c"),
    path("/a?b\tc"),
    path("/a?b\r\nc")
};

static const path_t  good[] = {
    path("/"),
    path("/dashboard/"),
    path("/dashboard/customers"),
    path("/dashboard/customers?q=a@b.example&after=9"),
    path("/dashboard/customers?q=https://e.example//x"),
    path("/dashboard/a%2Fb"),
    path("/a/%5c"),
    path("/%2"),
    path("/%20a"),
    path("/%"),
    path("/?"),
    path("/?@"),
    path("/?//"),
    path("/a:b"),
    path("/./a"),
    path("/.well-known/x"),
    path("/a/../b"),
    path("/~user/"),
    path("/-")
};


static void
test_next_hostile(void **state)
{
    size_t         i;
    keepers_out_t  out;
    keepers_str_t  s, path;
    unsigned char  text[128], mac[16];

    (void) state;

    assert_true(sizeof(hostile) / sizeof(hostile[0]) >= 60);

    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        s = keepers_str(hostile[i].data, hostile[i].len);

        if (keepers_next_safe(s)) {
            fail_msg("hostile path %zu passes: %s", i, hostile[i].data);
        }

        keepers_out_init(&out, text, sizeof(text));
        keepers_next_sign(ring, s, &out);
        assert_int_equal(out.len, 0);

        /* not even when its MAC is right */

        keepers_keyed_hash(ring->keys[0].derived[KEEPERS_PURPOSE_NEXT], &s, 1,
                           mac, sizeof(mac));
        keepers_text_base64url(&out, keepers_str(mac, sizeof(mac)));
        keepers_out_byte(&out, '.');
        keepers_out_str(&out, s);

        assert_int_equal(keepers_next_open(ring, keepers_out_written(&out),
                                           &path),
                         KEEPERS_TOKEN_JUNK);
        assert_null(path.data);
    }

    assert_false(keepers_next_safe(keepers_str(NULL, 0)));
}


static void
test_next_good(void **state)
{
    size_t         i;
    keepers_out_t  out;
    keepers_str_t  s, path;
    unsigned char  text[128];

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = keepers_str(good[i].data, good[i].len);
        assert_true(keepers_next_safe(s));

        keepers_out_init(&out, text, sizeof(text));
        keepers_next_sign(ring, s, &out);
        assert_int_equal(out.len, 23 + s.len);

        assert_int_equal(keepers_next_open(ring, keepers_out_written(&out),
                                           &path),
                         KEEPERS_OK);
        assert_true(keepers_str_eq(path, s));
    }
}


static void
test_next_length(void **state)
{
    char           text[KEEPERS_NEXT_LEN_MAX + 1];
    keepers_out_t  out;
    keepers_str_t  path;
    unsigned char  sign[KEEPERS_NEXT_LEN_MAX + 23];

    (void) state;

    memset(text, 'a', sizeof(text));
    text[0] = '/';

    assert_true(keepers_next_safe(keepers_str(text, KEEPERS_NEXT_LEN_MAX)));
    assert_false(keepers_next_safe(keepers_str(text, sizeof(text))));

    keepers_out_init(&out, sign, sizeof(sign));
    keepers_next_sign(ring, keepers_str(text, KEEPERS_NEXT_LEN_MAX), &out);
    assert_false(out.overflow);
    assert_int_equal(out.len, sizeof(sign));
    assert_int_equal(keepers_next_open(ring, keepers_out_written(&out), &path),
                     KEEPERS_OK);
    assert_int_equal(path.len, KEEPERS_NEXT_LEN_MAX);
}


static void
test_next_signed(void **state)
{
    size_t         i;
    keepers_out_t  out;
    keepers_str_t  path;
    unsigned char  text[sizeof(NEXT)];

    (void) state;

    keepers_out_init(&out, text, sizeof(text));
    keepers_next_sign(ring, str("/dashboard/customers?q=a@b"), &out);
    assert_written(&out, NEXT);

    for (i = 0; i < (sizeof(NEXT) - 1) * 8; i++) {
        memcpy(text, NEXT, sizeof(text));
        text[i / 8] ^= (unsigned char) (1 << i % 8);
        assert_int_not_equal(keepers_next_open(ring,
                                               keepers_str(text,
                                                           sizeof(NEXT) - 1),
                                               &path),
                             KEEPERS_OK);
    }

    for (i = 0; i < sizeof(NEXT) - 1; i++) {
        assert_int_not_equal(keepers_next_open(ring, keepers_str(NEXT, i),
                                               &path),
                             KEEPERS_OK);
    }

    assert_int_equal(keepers_next_open(ring, keepers_str(NULL, 0), &path),
                     KEEPERS_TOKEN_JUNK);
    assert_int_equal(keepers_next_open(rotated, str(NEXT), &path), KEEPERS_OK);
    assert_int_equal(keepers_next_open(removed, str(NEXT), &path),
                     KEEPERS_TOKEN_FORGED);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_next_hostile),
        cmocka_unit_test(test_next_good),
        cmocka_unit_test(test_next_length),
        cmocka_unit_test(test_next_signed)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
