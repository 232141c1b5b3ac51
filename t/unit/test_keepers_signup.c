
/*
 * Copyright (C) Keepers
 *
 * Goal: the same fields give the same signup or the same faults, by a form or
 * by JSON, at the edge and at the writer; and no one agrees to words that
 * they were not shown.
 */


#include "keepers_unit.h"
#include "core/keepers_envelope.h"
#include "core/keepers_form.h"
#include "core/keepers_json.h"
#include "core/keepers_signup.h"


static void fill_link(uint8_t flags);
static void check(void);
static size_t check_form(const char *text);
static size_t check_json(const char *text);
static bool given(const unsigned char hash[KEEPERS_HASH_LEN],
    keepers_str_t text);
static void test_full(void **state);
static void test_required(void **state);
static void test_faults(void **state);
static void test_types(void **state);
static void test_phone(void **state);
static void test_consents(void **state);
static void test_locale_and_source(void **state);
static void test_held_and_eai(void **state);
static void test_record(void **state);
static int decode_bent(void);
static void test_bent_records(void **state);
static void test_largest_record(void **state);
static void test_unsound(void **state);
static void test_words(void **state);
static void test_hash(void **state);


static keepers_field_t     fields[KEEPERS_SIGNUP_FIELDS];
static keepers_fieldset_t  set;
static keepers_link_t      l;
static keepers_signup_t    s;
static keepers_faults_t    faults;
static unsigned char       body_buf[8192], arena_buf[4096], heap[65536];
static keepers_out_t       body_arena, arena;


static void
fill_link(uint8_t flags)
{
    memset(&l, 0, sizeof(l));
    l.slug = unit_str("cafe");
    l.locale = unit_str("en");
    l.state = KEEPERS_LINK_OPEN;
    l.flags = flags;
    l.consent_email = unit_str("Mail me.");
    l.consent_sms = unit_str("Text me.");
}


static void
check(void)
{
    memset(&s, 0, sizeof(s));
    s.slug = l.slug;
    s.flags = KEEPERS_SIGNUP_FORM;
    keepers_out_init(&arena, arena_buf, KEEPERS_SIGNUP_ARENA);
    keepers_signup_check(&set, &l, &s, &faults, &arena, NULL);
    assert_false(arena.overflow);
}


static size_t
check_form(const char *text)
{
    keepers_signup_fields(fields, &set);
    keepers_out_init(&body_arena, body_buf, sizeof(body_buf));
    assert_int_equal(keepers_form_read(keepers_str(text, strlen(text)), &set,
                                       &body_arena), KEEPERS_OK);
    check();

    return faults.n;
}


static size_t
check_json(const char *text)
{
    keepers_signup_fields(fields, &set);
    keepers_out_init(&body_arena, body_buf, sizeof(body_buf));
    assert_int_equal(keepers_json_read(keepers_str(text, strlen(text)), &set,
                                       &body_arena, heap, sizeof(heap)),
                     KEEPERS_OK);
    check();

    return faults.n;
}


static bool
given(const unsigned char hash[KEEPERS_HASH_LEN], keepers_str_t text)
{
    unsigned char  want[KEEPERS_HASH_LEN];

    static const unsigned char  zeros[KEEPERS_HASH_LEN];

    keepers_signup_text_hash(text, want);

    if (memcmp(hash, zeros, KEEPERS_HASH_LEN) == 0) {
        return false;
    }

    assert_memory_equal(hash, want, KEEPERS_HASH_LEN);

    return true;
}


static void
test_full(void **state)
{
    (void) state;

    fill_link(KEEPERS_LINK_PHONE | KEEPERS_LINK_CONSENT_EMAIL
              | KEEPERS_LINK_CONSENT_SMS);

    assert_int_equal(check_form("name=+Ana+Nu%CC%81&email=Ana%40B.CO"
                                "&phone=%2B44+(0)20+7946+0958"
                                "&consent_email=1&consent_sms=0&locale=de-AT"
                                "&placement=poster&utm_source=a&utm_medium=b"
                                "&utm_campaign=c&utm_term=d&utm_content=e"
                                "&token=t&is_admin=1"), 0);
    assert_int_equal(set.unknown, 1);
    assert_str(s.name, "Ana N\xc3\xba");
    assert_str(s.email, "Ana@b.co");
    assert_str(s.phone, "+442079460958");
    assert_str(s.phone_typed, "+44 (0)20 7946 0958");
    assert_true(given(s.consent_email, l.consent_email));
    assert_false(given(s.consent_sms, l.consent_sms));
    assert_str(s.locale, "de-AT");
    assert_str(s.source[0], "poster");
    assert_str(s.source[1], "a");
    assert_str(s.source[5], "e");
    assert_int_equal(s.flags, KEEPERS_SIGNUP_FORM);
    assert_true(keepers_signup_sound(&s));

    assert_int_equal(check_json("{\"name\":\"Ana Nu\\u0301\",\"email\":"
                                "\"Ana@B.CO\",\"phone\":\"+44 (0)20 79460958\""
                                ",\"consent_email\":true,\"consent_sms\":null,"
                                "\"locale\":null}"), 0);
    assert_str(s.name, "Ana N\xc3\xba");
    assert_str(s.phone, "+442079460958");
    assert_true(given(s.consent_email, l.consent_email));
    assert_str(s.locale, "en");
    assert_str(s.source[0], "");
}


static void
test_required(void **state)
{
    (void) state;

    fill_link(0);

    assert_int_equal(check_form(""), 2);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_NAME],
                     KEEPERS_FAULT_NAME_REQUIRED);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_EMAIL],
                     KEEPERS_FAULT_EMAIL_REQUIRED);

    assert_int_equal(check_form("name=+%09+&email=+"), 2);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_EMAIL],
                     KEEPERS_FAULT_EMAIL_REQUIRED);

    /* blank stays blank */

    fill_link(KEEPERS_LINK_NAME_OPTIONAL);
    assert_int_equal(check_form("email=a@b.co"), 0);
    assert_int_equal(s.name.len, 0);
    assert_true(keepers_signup_sound(&s));
    assert_int_equal(check_form("email=a@b.co&name=a%0ab"), 1);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_NAME],
                     KEEPERS_FAULT_NAME_CONTROL);
}


static void
test_faults(void **state)
{
    char  text[800];

    (void) state;

    fill_link(KEEPERS_LINK_PHONE);

    assert_int_equal(check_form("name=a%E2%80%AEb&email=a@b&phone=call+me"),
                     3);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_NAME],
                     KEEPERS_FAULT_NAME_CONTROL);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_EMAIL],
                     KEEPERS_FAULT_EMAIL_SYNTAX);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_PHONE],
                     KEEPERS_FAULT_PHONE_POSSIBLE);
    assert_int_equal(s.email.len, 0);

    assert_int_equal(check_form("name=x&email=a@x.com%0d%0aBcc:+v@y.com"), 1);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_EMAIL],
                     KEEPERS_FAULT_EMAIL_SYNTAX);

    memset(text, 'x', sizeof(text));
    memcpy(text, "email=a@b.co&name=", 18);
    text[18 + 101] = '\0';
    assert_int_equal(check_form(text), 1);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_NAME],
                     KEEPERS_FAULT_NAME_TOO_LONG);

    memset(text, 'x', sizeof(text));
    memcpy(text, "name=x&email=", 13);
    memcpy(&text[13 + 65], "@b.co", 6);
    assert_int_equal(check_form(text), 1);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_EMAIL],
                     KEEPERS_FAULT_EMAIL_TOO_LONG);
}


static void
test_types(void **state)
{
    (void) state;

    fill_link(KEEPERS_LINK_PHONE | KEEPERS_LINK_CONSENT_EMAIL);

    assert_int_equal(check_json("{\"name\":1,\"email\":true,\"phone\":{},"
                                "\"consent_email\":\"on\",\"locale\":[],"
                                "\"placement\":false,\"utm_term\":2}"), 7);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_NAME], KEEPERS_FAULT_TYPE);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_EMAIL], KEEPERS_FAULT_TYPE);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_PHONE], KEEPERS_FAULT_TYPE);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_CONSENT_EMAIL],
                     KEEPERS_FAULT_TYPE);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_LOCALE], KEEPERS_FAULT_TYPE);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_PLACEMENT], KEEPERS_FAULT_TYPE);
    assert_int_equal(faults.of[KEEPERS_SIGNUP_UTM_TERM], KEEPERS_FAULT_TYPE);
}


static void
test_phone(void **state)
{
    (void) state;

    fill_link(0);
    assert_int_equal(check_form("name=x&email=a@b.co&phone=call+me"), 0);
    assert_int_equal(s.phone.len, 0);
    assert_int_equal(check_json("{\"name\":\"x\",\"email\":\"a@b.co\","
                                "\"phone\":7}"), 0);
    assert_int_equal(check_form("name=x&email=a@b.co&phone=0207946"), 0);
    assert_int_equal(s.phone.len, 0);

    fill_link(KEEPERS_LINK_PHONE);
    assert_int_equal(check_form("name=x&email=a@b.co&phone="), 0);
    assert_int_equal(check_form("name=x&email=a@b.co&phone=call+me"
                                "&no_phone=1"), 0);
    assert_int_equal(s.phone.len, 0);
    assert_int_equal(check_form("name=x&email=a@b.co&phone=call+me"
                                "&no_phone="), 1);
}


static void
test_consents(void **state)
{
    size_t  i;
    char    text[128];

    static const struct {
        const char  *value;
        bool         given;
        size_t       faults;
    } cases[] = {
        { "true", true, 0 },
        { "\"1\"", true, 0 },
        { "false", false, 0 },
        { "null", false, 0 },
        { "\"\"", false, 0 },
        { "\"0\"", false, 0 },
        { "1", false, 1 },
        { "\"on\"", false, 1 },
        { "\"true\"", false, 1 },
        { "\"11\"", false, 1 },
        { "[true]", false, 1 }
    };

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        (void) snprintf(text, sizeof(text), "{\"name\":\"x\",\"email\":"
                        "\"a@b.co\",\"consent_sms\":%s}", cases[i].value);

        fill_link(KEEPERS_LINK_CONSENT_SMS);
        assert_int_equal(check_json(text), cases[i].faults);
        assert_int_equal(given(s.consent_sms, l.consent_sms), cases[i].given);
        assert_false(given(s.consent_email, l.consent_email));

        /* a box that was not shown was not ticked */

        fill_link(KEEPERS_LINK_CONSENT_EMAIL);
        assert_int_equal(check_json(text), 0);
        assert_false(given(s.consent_sms, l.consent_sms));
    }
}


static void
test_locale_and_source(void **state)
{
    (void) state;

    fill_link(0);

    assert_int_equal(check_form("name=x&email=a@b.co&locale=e"), 0);
    assert_str(s.locale, "en");
    (void) check_form("name=x&email=a@b.co&locale=en_GB");
    assert_str(s.locale, "en");
    (void) check_form("name=x&email=a@b.co&locale=12345678901234567");
    assert_str(s.locale, "en");
    (void) check_form("name=x&email=a@b.co&locale=zh-Hant-TW");
    assert_str(s.locale, "zh-Hant-TW");

    assert_int_equal(check_form("name=x&email=a@b.co"
        "&placement=+a%0Ab&utm_source=a%E2%80%AEb"
        "&utm_medium=+t+&utm_term="
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "%E2%82%AC&utm_content="
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "%E2%82%ACy"), 0);
    assert_str(s.source[0], "");
    assert_str(s.source[1], "");
    assert_str(s.source[2], "t");
    assert_int_equal(s.source[4].len, 63);
    assert_int_equal(s.source[5].len, 64);
}


static void
test_held_and_eai(void **state)
{
    (void) state;

    fill_link(0);

    assert_int_equal(check_form("name=Win+http://evil.example"
                                "&email=a@b.co"), 0);
    assert_int_equal(s.flags, KEEPERS_SIGNUP_FORM | KEEPERS_SIGNUP_HELD_URL);
    assert_int_equal(check_form("name=<script>&email=jos%C3%A9@b.co"), 0);
    assert_int_equal(s.flags, KEEPERS_SIGNUP_FORM | KEEPERS_SIGNUP_HELD_MARKUP
                              | KEEPERS_SIGNUP_EAI);
    assert_true(keepers_signup_sound(&s));
    s.flags &= (uint16_t) ~KEEPERS_SIGNUP_EAI;
    assert_false(keepers_signup_sound(&s));
}


static void
test_record(void **state)
{
    size_t            i, len;
    keepers_out_t     out;
    keepers_str_t     tight;
    keepers_signup_t  back;
    unsigned char     record[KEEPERS_SIGNUP_RECORD_MAX];

    (void) state;

    fill_link(KEEPERS_LINK_CONSENT_EMAIL);
    assert_int_equal(check_form("name=Ana&email=a@b.co&consent_email=1"
                                "&placement=poster&utm_content=c"), 0);
    memset(s.id.bytes, 0x11, KEEPERS_UUID_LEN);
    memset(s.digest, 0x22, KEEPERS_HASH_LEN);
    memset(s.net, 0x33, sizeof(s.net));
    s.received_ms = 1795000000123ULL;

    keepers_out_init(&out, record, sizeof(record));
    keepers_signup_encode(&s, &out);
    assert_false(out.overflow);
    assert_int_equal(record[0], KEEPERS_RECORD_SIGNUP);
    assert_int_equal(record[1], KEEPERS_SIGNUP_VERSION);

    assert_int_equal(keepers_signup_decode(keepers_out_written(&out), &back),
                     KEEPERS_OK);
    assert_memory_equal(&back.id, &s.id, KEEPERS_UUID_LEN);
    assert_memory_equal(back.digest, s.digest, KEEPERS_HASH_LEN);
    assert_memory_equal(back.net, s.net, sizeof(s.net));
    assert_memory_equal(back.consent_email, s.consent_email,
                        KEEPERS_HASH_LEN);
    assert_memory_equal(back.consent_sms, s.consent_sms, KEEPERS_HASH_LEN);
    assert_true(back.received_ms == s.received_ms);
    assert_int_equal(back.flags, s.flags);
    assert_str(back.slug, "cafe");
    assert_str(back.name, "Ana");
    assert_str(back.email, "a@b.co");
    assert_str(back.phone, "");
    assert_str(back.locale, "en");

    for (i = 0; i < 6; i++) {
        assert_true(keepers_str_eq(back.source[i], s.source[i]));
    }

    assert_true(keepers_signup_sound(&back));

    record[out.len] = 0;

    for (len = 0; len <= out.len + 1; len++) {
        tight = unit_copy(record, len);
        assert_int_equal(keepers_signup_decode(tight, &back),
                         len == out.len ? KEEPERS_OK : KEEPERS_SIGNUP_BROKEN);
        unit_free(tight);
    }
}


static int
decode_bent(void)
{
    keepers_out_t     out;
    keepers_signup_t  back;
    unsigned char     record[KEEPERS_SIGNUP_RECORD_MAX];

    keepers_out_init(&out, record, sizeof(record));
    keepers_signup_encode(&s, &out);
    assert_false(out.overflow);

    return keepers_signup_decode(keepers_out_written(&out), &back);
}


#define assert_broken(change)                                                \
    do {                                                                     \
        assert_int_equal(check_form("name=Ana&email=a@b.co"), 0);            \
        change;                                                              \
        assert_int_equal(decode_bent(), KEEPERS_SIGNUP_BROKEN);              \
    } while (0)


static void
test_bent_records(void **state)
{
    static char  x[500];

    (void) state;

    memset(x, '1', sizeof(x));
    fill_link(0);

    assert_broken(s.flags = 0x8000);
    assert_broken(s.slug = unit_str("-"));
    assert_broken(s.name = keepers_str(x, 401));
    assert_broken(s.email = keepers_str(x, 255));
    assert_broken(s.phone = keepers_str(x, 17));
    assert_broken(s.locale = keepers_str(x, 17));
    assert_broken(s.locale = unit_str("e\n"));
    assert_broken(s.source[5] = keepers_str(x, 65));
    assert_broken(s.source[0] = unit_str("\xff"));
    assert_broken(s.source[0] = unit_str("a\nb"));
}


static void
test_largest_record(void **state)
{
    size_t       i;
    static char  x[500];

    (void) state;

    memset(x, '1', sizeof(x));
    fill_link(0);
    assert_int_equal(check_form("name=Ana&email=a@b.co"), 0);
    s.slug = keepers_str(x, 64);
    s.name = keepers_str(x, 400);
    s.email = keepers_str(x, 254);
    s.phone = keepers_str(x, 16);
    s.locale = keepers_str(x, 16);

    for (i = 0; i < 6; i++) {
        s.source[i] = keepers_str(x, 64);
    }

    assert_int_equal(decode_bent(), KEEPERS_OK);
}


static void
test_unsound(void **state)
{
    (void) state;

    fill_link(KEEPERS_LINK_PHONE);

#define assert_unsound(change)                                               \
    do {                                                                     \
        assert_int_equal(check_form("name=Ana&email=a@b.co&phone=0207946"),  \
                         0);                                                 \
        assert_true(keepers_signup_sound(&s));                               \
        change;                                                              \
        assert_false(keepers_signup_sound(&s));                              \
    } while (0)

    assert_unsound(s.name = unit_str(" Ana"));
    assert_unsound(s.name = unit_str("Jose\xcc\x81"));
    assert_unsound(s.name = unit_str("a\nb"));
    assert_unsound(s.name = unit_str("\xff"));
    assert_unsound(s.email = unit_str("a@B.co"));
    assert_unsound(s.email = unit_str("a@b"));
    assert_unsound(s.email = keepers_str(NULL, 0));
    assert_unsound(s.phone = unit_str("020 7946"));
    assert_unsound(s.phone = unit_str("12345"));
    assert_unsound(s.source[3] = unit_str(" x"));

    /* what holds a signup is not the edge's to leave out, or to invent */

    assert_unsound(s.name = unit_str("<b>Ana"));
    assert_unsound(s.name = unit_str("www.evil.example"));
    assert_unsound(s.flags |= KEEPERS_SIGNUP_HELD_MARKUP);
    assert_unsound(s.flags |= KEEPERS_SIGNUP_HELD_URL);
    assert_unsound(s.flags |= KEEPERS_SIGNUP_EAI);
}


static void
test_words(void **state)
{
    size_t  i;

    (void) state;

    assert_string_equal(keepers_signup_field_name(KEEPERS_SIGNUP_NAME),
                        "name");
    assert_string_equal(keepers_signup_field_name(KEEPERS_SIGNUP_HONEYPOT),
                        "website_confirm");
    assert_string_equal(keepers_signup_field_name(KEEPERS_SIGNUP_FIELDS),
                        "unknown");
    assert_string_equal(keepers_signup_fault_code(KEEPERS_FAULT_EMAIL_SYNTAX),
                        "syntax");
    assert_string_equal(
        keepers_signup_fault_code(KEEPERS_FAULT_PHONE_POSSIBLE), "possible");
    assert_string_equal(keepers_signup_fault_code(KEEPERS_FAULT_ENCODING),
                        "encoding");
    assert_string_equal(keepers_signup_fault_code(KEEPERS_FAULTS), "unknown");

    for (i = 0; i < KEEPERS_FAULTS; i++) {
        assert_non_null(keepers_signup_fault_code((keepers_fault_e) i));
    }
}


static void
test_hash(void **state)
{
    unsigned char  hash[KEEPERS_HASH_LEN];

    (void) state;

    /* BLAKE2b-256 of "abc", from another implementation */

    keepers_signup_text_hash(unit_str("abc"), hash);
    assert_memory_equal(hash, "\xbd\xdd\x81\x3c\x63\x42\x39\x72"
                              "\x31\x71\xef\x3f\xee\x98\x57\x9b"
                              "\x94\x96\x4e\x3b\xb1\xcb\x3e\x42"
                              "\x72\x62\xc8\xc0\x68\xd5\x23\x19", 32);
    keepers_signup_text_hash(keepers_str(NULL, 0), hash);
    assert_memory_equal(hash, "\x0e\x57\x51\xc0\x26\xe5\x43\xb2", 8);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_required),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_phone),
        cmocka_unit_test(test_consents),
        cmocka_unit_test(test_locale_and_source),
        cmocka_unit_test(test_held_and_eai),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_bent_records),
        cmocka_unit_test(test_largest_record),
        cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_hash)
    };

    return cmocka_run_group_tests_name("keepers_signup", tests, NULL, NULL);
}
