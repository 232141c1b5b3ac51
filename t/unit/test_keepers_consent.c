
/*
 * Copyright (C) Keepers
 *
 * Goal: a standard consent is the same text for ever, for what was agreed to
 * is kept as its hash.
 */


#include "keepers_unit.h"
#include "core/keepers_consent.h"
#include "core/keepers_link.h"
#include "core/keepers_signup.h"
#include "core/keepers_text.h"


static void text_hash(size_t language, keepers_consent_e kind, char hex[65]);
static void test_languages(void **state);
static void test_texts(void **state);
static void test_for_ever(void **state);
static void test_largest(void **state);
static void test_kept(void **state);


static void
text_hash(size_t language, keepers_consent_e kind, char hex[65])
{
    char           buf[KEEPERS_CONSENT_TEXT_MAX];
    keepers_out_t  out, text;
    unsigned char  hash[KEEPERS_HASH_LEN];

    keepers_out_init(&text, buf, sizeof(buf));
    keepers_consent_text(language, kind, unit_str("Corner Coffee"), &text);
    assert_false(text.overflow);
    keepers_signup_text_hash(keepers_out_written(&text), hash);

    keepers_out_init(&out, hex, 64);
    keepers_text_hex(&out, keepers_str(hash, sizeof(hash)));
    hex[64] = '\0';
}


static void
test_languages(void **state)
{
    (void) state;

    assert_str(keepers_consent_tag(keepers_consent_language(
                                       unit_str("de-AT"))), "de");
    assert_str(keepers_consent_tag(keepers_consent_language(unit_str("ar"))),
               "ar");
    assert_str(keepers_consent_tag(keepers_consent_language(unit_str("ja"))),
               "en");
    assert_str(keepers_consent_tag(keepers_consent_language(unit_str(""))),
               "en");
}


static void
test_texts(void **state)
{
    char           buf[KEEPERS_CONSENT_TEXT_MAX];
    keepers_out_t  out;

    (void) state;

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_consent_text(0, KEEPERS_CONSENT_EMAIL, unit_str("A & B"), &out);
    assert_str(keepers_out_written(&out), "A & B may send me news and offers "
               "by e-mail. I can stop this at any time.");
}


/* Should this fail, the old text must stay beside the new one. */

static void
test_for_ever(void **state)
{
    char    hex[65];
    size_t  i, k;

    static const char *const  known[KEEPERS_CONSENT_LANGUAGES]
                                   [KEEPERS_CONSENTS] = {
        { "5fcbe341218e9c90fc058d2017e39a49259775c692cc34e819c837ae143fa2ec",
          "eb0106141f50abfce6574faf762f6b0f9a287fc66c69e56a390f7e03c67d634c" },
        { "fcebe5b1f58d13d7fbfd9afe36a0d14db35f11ed7e451e92371d45e405911934",
          "6f0c4399e9fe9940840123b924a7b78e6612a70d923668e00b6eecd29b795521" },
        { "c069ca027d258c7781e70f8e7c11fb9bf6b180ce80569450ffb4f61cb1e8a246",
          "23a0aea2726654d248f86b555a8c291f8da06aac96d1cfc95841568c7efcd298" },
        { "86950973a3c5771a1696a3411144befba8f6b098541918d06d8db9fb013a1262",
          "0497db7eab8a5763851e5540f5688112d91dedd0f1996407bcb4ba811e7503b2" }
    };

    (void) state;

    for (i = 0; i < KEEPERS_CONSENT_LANGUAGES; i++) {
        for (k = 0; k < KEEPERS_CONSENTS; k++) {
            text_hash(i, (keepers_consent_e) k, hex);
            assert_string_equal(hex, known[i][k]);
        }
    }
}


static void
test_largest(void **state)
{
    char           buf[KEEPERS_CONSENT_TEXT_MAX], name[100];
    size_t         i, k;
    keepers_out_t  out;

    (void) state;

    memset(name, 'n', sizeof(name));

    for (i = 0; i < KEEPERS_CONSENT_LANGUAGES; i++) {
        for (k = 0; k < KEEPERS_CONSENTS; k++) {
            keepers_out_init(&out, buf, sizeof(buf));
            keepers_consent_text(i, (keepers_consent_e) k,
                                 keepers_str(name, sizeof(name)), &out);
            assert_false(out.overflow);
            assert_true(keepers_text_utf8(keepers_out_written(&out)));
        }
    }
}


/*
 * Whatever was kept before: texts of each length, and of each length some that
 * differ in one byte, have their own hash, now and when they come again.
 */

static void
test_kept(void **state)
{
    size_t              len, i, k;
    unsigned char       text[KEEPERS_CONSENT_TEXT_MAX + 1], arena_buf[2048];
    unsigned char       want[KEEPERS_HASH_LEN];
    keepers_out_t       arena;
    keepers_link_t      link;
    keepers_field_t     fields[KEEPERS_SIGNUP_FIELDS];
    keepers_faults_t    faults;
    keepers_signup_t    signup;
    keepers_fieldset_t  set;

    static keepers_signup_texts_t  texts;

    (void) state;

    memset(&link, 0, sizeof(link));
    link.locale = unit_str("en");
    link.business_name = unit_str("Corner Coffee");
    link.flags = KEEPERS_LINK_CONSENT_EMAIL;

    keepers_signup_fields(fields, &set);
    fields[KEEPERS_SIGNUP_CONSENT_EMAIL].kind = KEEPERS_FIELD_TRUE;

    memset(text, 't', sizeof(text));

    for (len = 0; len <= sizeof(text); len++) {
        for (i = 0; i < 8; i++) {
            k = len == 0 ? 0 : i % 4 * (len - 1) / 3;
            text[k] ^= i < 4 ? 1 : 0;

            link.consent_email = keepers_str(text, len);

            memset(&signup, 0, sizeof(signup));
            keepers_out_init(&arena, arena_buf, sizeof(arena_buf));
            keepers_signup_check(&set, &link, &signup, &faults, &arena, &texts);

            if (len == 0) {

                /* the standard one */

                keepers_out_init(&arena, arena_buf, sizeof(arena_buf));
                keepers_consent_text(0, KEEPERS_CONSENT_EMAIL,
                                     link.business_name, &arena);
                keepers_signup_text_hash(keepers_out_written(&arena), want);

            } else {
                keepers_signup_text_hash(link.consent_email, want);
            }

            assert_memory_equal(signup.consent_email, want, sizeof(want));

            text[k] ^= i < 4 ? 1 : 0;
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_languages),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_for_ever),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_kept)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
