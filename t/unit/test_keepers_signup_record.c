
/*
 * Copyright (C) Keepers
 *
 * Goal: the number as it was typed goes with its record, and says the same
 * number; a record from before it had a place is still taken.  A digest is of
 * all that was said, and of nothing else.
 */


#include "keepers_unit.h"
#include "core/keepers_out.h"
#include "core/keepers_signup.h"
#include "core/keepers_text.h"


#define assert_unsound(text)                                                 \
    do {                                                                     \
        s.phone_typed = unit_str(text);                                      \
        assert_false(keepers_signup_sound(&s));                              \
    } while (0)


static void fill(void);
static void test_typed(void **state);
static void test_version_1(void **state);
static void test_unsound(void **state);
static void test_digest(void **state);


static keepers_signup_t  s;


static void
fill(void)
{
    memset(&s, 0, sizeof(s));

    s.slug = unit_str("cafe");
    s.name = unit_str("Ana");
    s.email = unit_str("a@b.co");
    s.phone = unit_str("+442079460958");
}


static void
test_typed(void **state)
{
    size_t                    i;
    keepers_out_t             out;
    unsigned char             record[KEEPERS_SIGNUP_RECORD_MAX];
    keepers_signup_t          back;
    static const char *const  typed[] = {
        "", "+44 (0)20 7946 0958", "(+44) 20/7946/0958",
        "+\xd9\xa4\xd9\xa4 20 7946 0958"
    };

    (void) state;

    for (i = 0; i < unit_count(typed); i++) {
        fill();
        s.phone_typed = keepers_str(typed[i], strlen(typed[i]));
        assert_true(keepers_signup_sound(&s));

        keepers_out_init(&out, record, sizeof(record));
        keepers_signup_encode(&s, &out);
        assert_int_equal(keepers_signup_decode(keepers_out_written(&out),
                                               &back), KEEPERS_OK);
        assert_str(back.phone, "+442079460958");
        assert_str(back.phone_typed, typed[i]);
    }

    memset(record, '1', sizeof(record));
    s.phone_typed = keepers_str(record, KEEPERS_PHONE_LEN_MAX + 1);
    keepers_out_init(&out, record + 128, sizeof(record) - 128);
    keepers_signup_encode(&s, &out);
    assert_int_equal(keepers_signup_decode(keepers_out_written(&out), &back),
                     KEEPERS_SIGNUP_BROKEN);
}


/* Of an edge before the upgrade: it may wait in the spool. */

static void
test_version_1(void **state)
{
    keepers_out_t     out;
    unsigned char     record[KEEPERS_SIGNUP_RECORD_MAX];
    keepers_signup_t  back;

    (void) state;

    fill();
    keepers_out_init(&out, record, sizeof(record));
    keepers_signup_encode(&s, &out);

    record[1] = 1;
    assert_int_equal(keepers_signup_decode(keepers_str(record, out.len - 2),
                                           &back), KEEPERS_OK);
    assert_str(back.phone, "+442079460958");
    assert_str(back.phone_typed, "");
    assert_true(keepers_signup_sound(&back));
    assert_int_equal(keepers_signup_decode(keepers_out_written(&out), &back),
                     KEEPERS_SIGNUP_BROKEN);

    record[1] = 2;
    assert_int_equal(keepers_signup_decode(keepers_str(record, out.len - 2),
                                           &back), KEEPERS_SIGNUP_BROKEN);

    record[1] = 3;
    assert_int_equal(keepers_signup_decode(keepers_out_written(&out), &back),
                     KEEPERS_SIGNUP_BROKEN);
}


static void
test_unsound(void **state)
{
    (void) state;

    fill();
    assert_unsound("+442079460959");
    assert_unsound("call me");
    assert_unsound("+44 20 7946\n0958");
    assert_unsound("+44 20 7946 \xe2\x80\xae" "0958");
    assert_unsound("+44 20 7946 0958\xff");

    s.phone = unit_str("");
    assert_unsound("+442079460958");
}


static void
test_digest(void **state)
{
    size_t         i;
    unsigned char  key[KEEPERS_KEY_LEN], first[KEEPERS_HASH_LEN];
    char           hex[2 * KEEPERS_HASH_LEN];
    keepers_str_t  was;
    keepers_out_t  out;
    keepers_str_t *const  said[] = {
        &s.slug, &s.name, &s.email, &s.phone, &s.locale, &s.source[0],
        &s.source[1], &s.source[2], &s.source[3], &s.source[4], &s.source[5]
    };

    (void) state;

    for (i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char) i;
    }

    fill();
    memset(s.consent_email, 1, sizeof(s.consent_email));
    s.source[0] = unit_str("poster");

    keepers_signup_digest(key, &s);
    memcpy(first, s.digest, sizeof(first));

    keepers_out_init(&out, hex, sizeof(hex));
    keepers_text_hex(&out, keepers_str(first, sizeof(first)));
    assert_str(keepers_out_written(&out),
               "715b7dfd3972672a24f85a727c08414d"
               "a4470fc6f3be25fab16b0ca8e1ae961a");

    for (i = 0; i < unit_count(said); i++) {
        was = *said[i];
        *said[i] = unit_str("other");
        keepers_signup_digest(key, &s);
        assert_memory_not_equal(s.digest, first, sizeof(first));
        *said[i] = was;
    }

    s.consent_email[31] ^= 1;
    keepers_signup_digest(key, &s);
    assert_memory_not_equal(s.digest, first, sizeof(first));
    s.consent_email[31] ^= 1;

    s.consent_sms[0] ^= 1;
    keepers_signup_digest(key, &s);
    assert_memory_not_equal(s.digest, first, sizeof(first));
    s.consent_sms[0] ^= 1;

    key[31] ^= 1;
    keepers_signup_digest(key, &s);
    assert_memory_not_equal(s.digest, first, sizeof(first));
    key[31] ^= 1;

    s.received_ms = 1;
    s.flags = KEEPERS_SIGNUP_FORM;
    s.phone_typed = unit_str("020 7946 0958");
    s.net[0] = 4;
    s.id.bytes[0] = 1;
    keepers_signup_digest(key, &s);
    assert_memory_equal(s.digest, first, sizeof(first));
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_typed),
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_digest)
    };

    return cmocka_run_group_tests_name("keepers_signup_record", tests, NULL,
                                       NULL);
}
