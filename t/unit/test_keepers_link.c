
/*
 * Copyright (C) Keepers
 *
 * Goal: a link's record says what was put in, and a record that is cut,
 * bent or half-filled is refused as a whole.  Letters are legible on any color.
 */


#include "keepers_unit.h"
#include "core/keepers_link.h"

#include <math.h>


static void fill(void);
static int round_trip(keepers_link_t *back);
static void test_round_trip(void **state);
static void test_layout(void **state);
static void test_cut_or_longer(void **state);
static void test_bent(void **state);
static void test_largest(void **state);
static void test_version(void **state);
static void test_white(void **state);


static unsigned char   buf[KEEPERS_LINK_RECORD_MAX + 1024];
static keepers_link_t  l;


static void
fill(void)
{
    memset(&l, 0, sizeof(l));
    l.updated_ms = 0x0102030405060708ULL;
    memset(l.business.bytes, 0xb5, KEEPERS_UUID_LEN);
    l.slug = unit_str("cafe");
    l.business_name = unit_str("Caf\xc3\xa9");
    l.offer = unit_str("A coffee");
    l.country = unit_str("GB");
    l.locale = unit_str("en");
    l.consent_email = unit_str("Yes, mail me.");
    l.retention_days = 365;
    memcpy(l.color, "\x7a\x3e\x1d", 3);
    l.state = KEEPERS_LINK_OPEN;
    l.flags = KEEPERS_LINK_PHONE | KEEPERS_LINK_CONSENT_EMAIL;
}


static int
round_trip(keepers_link_t *back)
{
    keepers_out_t  out;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_link_encode(&l, &out);
    assert_false(out.overflow);

    return keepers_link_decode(keepers_out_written(&out), back);
}


static void
test_round_trip(void **state)
{
    keepers_link_t  back;

    (void) state;

    fill();
    assert_int_equal(round_trip(&back), KEEPERS_OK);

    assert_true(back.updated_ms == l.updated_ms);
    assert_memory_equal(&back.business, &l.business, KEEPERS_UUID_LEN);
    assert_str(back.slug, "cafe");
    assert_str(back.business_name, "Caf\xc3\xa9");
    assert_str(back.offer, "A coffee");
    assert_str(back.country, "GB");
    assert_str(back.locale, "en");
    assert_str(back.consent_email, "Yes, mail me.");
    assert_str(back.consent_sms, "");
    assert_int_equal(back.retention_days, 365);
    assert_memory_equal(back.color, "\x7a\x3e\x1d", 3);
    assert_int_equal(back.state, KEEPERS_LINK_OPEN);
    assert_int_equal(back.flags, l.flags);
}


static void
test_layout(void **state)
{
    keepers_link_t        back;
    static const uint8_t  head[] = {
        1, 1, 5, 0x01, 0x6d, 0x7a, 0x3e, 0x1d, 1, 2, 3, 4, 5, 6, 7, 8, 0xb5
    };

    (void) state;

    fill();
    assert_int_equal(round_trip(&back), KEEPERS_OK);
    assert_memory_equal(buf, head, sizeof(head));
    assert_memory_equal(&buf[32], "\0\4cafe\0\5Caf", 11);
}


static void
test_cut_or_longer(void **state)
{
    size_t          len;
    keepers_out_t   out;
    keepers_str_t   tight;
    keepers_link_t  back;

    (void) state;

    fill();
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_link_encode(&l, &out);
    buf[out.len] = 0;

    for (len = 0; len <= out.len + 1; len++) {
        tight = unit_copy(buf, len);
        memset(&back, 0xff, sizeof(back));

        assert_int_equal(keepers_link_decode(tight, &back),
                         len == out.len ? KEEPERS_OK : KEEPERS_LINK_BROKEN);

        if (len != out.len) {
            assert_int_equal(back.state, 0);
            assert_null(back.slug.data);
        }

        unit_free(tight);
    }
}


#define assert_broken(change)                                                \
    do {                                                                     \
        keepers_link_t  back_;                                               \
        fill();                                                              \
        change;                                                              \
        assert_int_equal(round_trip(&back_), KEEPERS_LINK_BROKEN);           \
    } while (0)


static void
test_bent(void **state)
{
    static char  s[600];

    (void) state;

    memset(s, 'x', sizeof(s));

    assert_broken(l.state = 0);
    assert_broken(l.state = 3);
    assert_broken(l.flags = 0x20);
    assert_broken(l.slug = unit_str("Cafe"));
    assert_broken(l.slug = unit_str(""));
    assert_broken(l.country = unit_str("gb"));
    assert_broken(l.country = unit_str("GBR"));
    assert_broken(l.locale = unit_str("en_GB"));
    assert_broken(l.locale = unit_str("e"));
    assert_broken(l.business_name = keepers_str(s, 101));
    assert_broken(l.offer = keepers_str(s, 301));
    assert_broken(l.consent_email = keepers_str(s, 501));
    assert_broken(l.consent_sms = keepers_str(s, 501));
    assert_broken(l.offer = unit_str("\xff"));
    assert_broken(l.offer = unit_str("a\0b"));
}


static void
test_largest(void **state)
{
    keepers_link_t  back;
    static char     s[600];

    (void) state;

    memset(s, 'x', sizeof(s));

    fill();
    l.slug = keepers_str(s, 64);
    l.business_name = keepers_str(s, 100);
    l.offer = keepers_str(s, 300);
    l.locale = keepers_str(s, 16);
    l.consent_email = keepers_str(s, 500);
    l.consent_sms = keepers_str(s, 500);
    l.country = keepers_str(NULL, 0);
    assert_int_equal(round_trip(&back), KEEPERS_OK);
    assert_int_equal(back.consent_sms.len, 500);

    l.locale = keepers_str(NULL, 0);
    l.state = KEEPERS_LINK_CLOSED;
    assert_int_equal(round_trip(&back), KEEPERS_OK);
}


static void
test_version(void **state)
{
    keepers_out_t   out;
    keepers_link_t  back;

    (void) state;

    fill();
    keepers_out_init(&out, buf, sizeof(buf));
    keepers_link_encode(&l, &out);
    buf[0] = 2;
    assert_int_equal(keepers_link_decode(keepers_out_written(&out), &back),
                     KEEPERS_LINK_BROKEN);
}


/* Every color there is, with the formula as it is written in WCAG 2.2. */

static void
test_white(void **state)
{
    double         light, contrast, least, linear[256];
    size_t         i;
    unsigned char  color[3];

    (void) state;

    for (i = 0; i < 256; i++) {
        light = (double) i / 255;
        linear[i] = light <= 0.04045 ? light / 12.92
                                     : pow((light + 0.055) / 1.055, 2.4);
    }

    least = 21;

    for (i = 0; i < 1 << 24; i++) {
        color[0] = (unsigned char) (i >> 16);
        color[1] = (unsigned char) (i >> 8);
        color[2] = (unsigned char) i;

        light = 0.2126 * linear[color[0]] + 0.7152 * linear[color[1]]
                + 0.0722 * linear[color[2]] + 0.05;

        contrast = keepers_link_white(color) ? 1.05 / light : light / 0.05;
        least = contrast < least ? contrast : least;
    }

    assert_true(least >= 4.5);
    assert_true(keepers_link_white((const unsigned char *) "\x7a\x3e\x1d"));
    assert_false(keepers_link_white((const unsigned char *) "\xff\xd7\0"));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_cut_or_longer),
        cmocka_unit_test(test_bent),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_white)
    };

    return cmocka_run_group_tests_name("keepers_link", tests, NULL, NULL);
}
