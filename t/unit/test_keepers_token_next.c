
/*
 * Copyright (C) Keepers
 *
 * Goal: after sign-in a browser goes to a path of this site that this site has
 * signed, and nowhere else.
 */


#include "keepers_unit_rings.h"

#include <strings.h>

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
static void test_next_on_site(void **state);
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
    path("/a?b\r\nc"),

    /* another scheme, or none that is written whole */

    path("http:/e"), path("http:e"), path("http:///e"), path("http:\\\\e"),
    path("http:/\\e"), path("http:\\/e"), path("https:\\\\e"),
    path("https:///e"), path("https:////e"), path("hTtPs://e"),
    path("https://shop.example@e"), path("https://shop.example.e/"),
    path("https://e?shop.example"), path("https://e#shop.example"),
    path("https://e\\@shop.example"), path("https://[::1]/"),
    path("https://0x7f000001/"), path("https://2130706433/"),
    path("//0"), path("//127.1"), path("//[::]"), path("ftp://e"),
    path("ftp:e"), path("ws://e"), path("wss:e"), path("file:///etc/passwd"),
    path("blob:https://e/x"), path("view-source:https://e"),
    path("intent://e#Intent;end"), path("about:blank"), path("vbscript:x"),
    path("JavaScript:alert(1)"), path("java\tscript:alert(1)"),
    path("java\nscript:alert(1)"), path("\x01javascript:alert(1)"),
    path(" javascript:alert(1)"), path("javascript://shop.example/%0aalert(1)"),
    path("javascript:/a"), path("javascript&colon;alert(1)"),
    path("data:text/html;base64,PHNjcmlwdD4="), path("tel:1"), path("sms:1"),

    /* a host by two slashes of some kind */

    path("//e.example"), path("//e.example/%2f.."), path("//e.example/a/.."),
    path("//e:80/"), path("//a@e"), path("//a:b@e/"), path("///e.example"),
    path("/////e"), path("//////e"), path("//e?x"), path("//?e"), path("//#e"),
    path("//%65.example"), path("//e%2eexample"), path("//%2fe"),
    path("//%5ce"),
    path("//\te"), path("//\ne"), path("/\t/\te"), path("/\r\n\t/e"),
    path("/\t\t//e"), path("\t/\t/e"), path("/\n\\e"), path("/\\\t/e"),
    path("\\"), path("\\e"), path("\\\te"), path("\\//e"), path("\\\\\\e"),
    path("/\\\\e"), path("/\\/\\e"), path("/\\\\/e"), path("//\\/e"),
    path("/\\"), path("/\\@e"), path("/\\.e"), path("\\/\\/e"),
    path("/a\\..\\..\\\\e"), path("/a/..\\/e"), path("/..\\e"),
    path("/.\\/e"), path("/.\\\\e"), path("/%5c/\\e"),

    /* whoever decodes first */

    path("/%2F"), path("/%5c"), path("/%5C"), path("/%2f..%2f"),
    path("/%2f%5ce"), path("/%5c%2fe"), path("/%2f@e"), path("/%5c@e"),
    path("/%2F%2Fe.example/"), path("/%2f?e"), path("/%5c?e"),
    path("%2F%2Fe"), path("%5c%5ce"), path("%5C/e"), path("%00/e"),
    path("%09//e"), path("%0d%0a//e"), path("%20//e"), path("%68ttps://e"),
    path("https%3a//e"), path("https%3A%2F%2Fe"), path("%2e%2e//e"),

    /* dots that leave two slashes behind */

    path("/./"  "/e"), path("/././/e"), path("/a/.//e"), path("/a/./..//e"),
    path("/a/b/../..//e"), path("/%2e//e"), path("/%2e%2e//e"),
    path("/a/%2e%2e//e"), path("/.%2e//e"), path("/..;//e"), path("/...//e"),
    path("/a///e"), path("/a//@e"), path("/a/..///e"), path("/~//e"),
    path("/;//e"), path("/:80//e"), path("/*//e"), path("/'//e"),
    path("/a;x=1//e"), path("/a:b//e"), path("/0//e"),

    /* names before a host, and what is no path */

    path("/a:b@e"), path("/%40@e"), path("/a%2f@e"), path("/.@e"),
    path("/..@e"), path("/-@e"), path("/@"), path("/@@"), path("/a/b@"),
    path("/shop.example:443@e"), path("@"), path(":@e"), path(":80"),
    path("shop.example"), path("www.e"), path("e.example/a"), path(";/e"),
    path("?"), path("??"), path("?next=//e"), path("&/e"), path("*"),
    path("~"), path("~/e"), path("..//e"), path("./"  "/e"), path(".//"),
    path("..\\e"), path("'/e"), path("\"/e"), path("<a>"), path("(/e)"),
    path("[/e]"), path("|/e"), path("$/e"), path("!/e"), path("0"), path("0/e"),

    /* fragments, and lines of an answer */

    path("#"), path("#//e"), path("/a#"), path("/?#"), path("/?a#//e"),
    path("/#@e"), path("/a\r"), path("/a\n"), path("/\rSet-Cookie:a=b"),
    path("/a?b\nLocation:https://e"), path("/a?\r\n\r\n<html>"),
    path("/a\x0b"), path("/a\x0c"), path("/a?\x0c"), path("/a\x1b[0m"),
    path("/a?\x00b"), path("/?\x7f"), path("/a?\x08"), path("/\x00"),

    /* letters that fold to slashes, dots and blanks */

    path("/\xe2\x88\x95" "e"),              /* U+2215, a division slash */
    path("/\xe2\x88\x96" "e"),              /* U+2216, a set minus */
    path("/\xef\xb9\xa8" "e"),              /* U+FE68, a small reverse one */
    path("/\xef\xbc\x8f\xef\xbc\x8f" "e"),
    path("/\xe2\x80\xa4" "e"),              /* U+2024, one dot leader */
    path("/\xef\xbc\x8e" "e"),              /* U+FF0E, a full-width dot */
    path("/\xef\xbd\xa1" "e"),              /* U+FF61, a half-width one */
    path("/\xc2\xa0/e"),                    /* U+00A0, a blank */
    path("/\xc2\xad/e"),                    /* U+00AD, a soft hyphen */
    path("/\xe2\x80\x8d/e"), path("/\xe2\x80\xa8/e"), path("/\xe2\x80\xa9/e"),
    path("/\xe2\x81\xa0/e"), path("/\xe3\x80\x80/e"), path("/\xef\xbb\xbf/e"),
    path("/\xef\xbc\xa0" "e"),              /* U+FF20, a full-width @ */
    path("\xef\xbc\x8f\xef\xbc\x8f" "e"), path("\xc2\xa0//e"),
    path("\xe3\x80\x82//e"), path("/\xe0\x80\xaf" "e"),
    path("/\xf0\x80\x80\xaf" "e"), path("/\xc1\x9c" "e"), path("/\xff"),
    path("/\x80"), path("/a?\xc3\xbc"), path("/a?\xe2\x80\xae"),
    path("/\xed\xa0\x80")
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
    unsigned char  text[256], mac[16];

    (void) state;

    assert_true(sizeof(hostile) / sizeof(hostile[0]) >= 200);

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


/*
 * As browsers read it (the URL standard): blanks and controls around it and
 * tabs and line ends in it are nothing, a backslash is a slash.  One slash, and
 * another character than a slash behind it, or nothing: a path of this site.
 * Then the dots, and for who decodes it first the same again.
 */

static bool
on_site(const char *text, size_t len, unsigned int decodes)
{
    char    url[160];
    size_t  i, n, at;

    n = 0;

    for (i = 0; i < len; i++) {
        if (text[i] == '\t' || text[i] == '\r' || text[i] == '\n'
            || (n == 0 && (unsigned char) text[i] <= ' '))
        {
            continue;
        }

        url[n++] = text[i] == '\\' ? '/' : text[i];
    }

    url[n] = '\0';

    if (n == 0 || url[0] != '/' || url[1] == '/') {
        return false;
    }

    /* "/." and "/a/.." in front of what stands for the path then */

    at = strcspn(url, "?#");

    for (i = 0; i + 1 < at; i++) {
        if (url[i] == '/' && url[i + 1] == '/') {
            return false;
        }
    }

    /* the first character, decoded: a slash there would be the second */

    if (decodes != 0 && n > 3 && url[1] == '%'
        && (strncasecmp(url + 2, "2f", 2) == 0
            || strncasecmp(url + 2, "5c", 2) == 0))
    {
        return false;
    }

    return true;
}


static void
test_next_on_site(void **state)
{
    char                text[128];
    size_t              i, len, n, safe;
    uint64_t            x;
    keepers_str_t       s;

    static const char *const  pieces[] = {
        "/", "/", "/", "\\", "%2f", "%5C", "%2F", ".", "..", "@", "e.example",
        ":", "http:", "https:", "javascript:", "?", "#", "a", "dashboard/",
        "\t", "\n", "\r", " ", "\x01", "\x7f", "\xe3\x80\x82", "%09", "%00",
        "%2e", ";", "=", "&", "~", "%", "%40", "\xc0\xaf"
    };

    (void) state;

    x = UINT64_C(0x6e657874);
    safe = 0;

    for (i = 0; i < 100000; i++) {
        len = 0;
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);

        if (x >> 63) {
            text[len++] = '/';
        }

        for (n = (x >> 60) % 8 + 1; n != 0; n--) {
            x = x * UINT64_C(6364136223846793005)
                + UINT64_C(1442695040888963407);
            s.data = (const unsigned char *)
                     pieces[(x >> 33) % (sizeof(pieces) / sizeof(pieces[0]))];
            s.len = strlen((const char *) s.data);
            memcpy(text + len, s.data, s.len);
            len += s.len;
        }

        if (keepers_next_safe(keepers_str(text, len))) {
            safe++;

            if (!on_site(text, len, 1)) {
                fail_msg("spelling %zu passes: %.*s", i, (int) len, text);
            }
        }
    }

    /* they are not refused for being odd alone */

    assert_in_range(safe, 1000, 50000);
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
        cmocka_unit_test(test_next_on_site),
        cmocka_unit_test(test_next_length),
        cmocka_unit_test(test_next_signed)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
