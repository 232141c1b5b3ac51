
/*
 * Copyright (C) Keepers
 *
 * Goal: who can read one of our languages gets the one they like best, and a
 * header that was made to hurt costs no more than one that was not.
 */


#include "keepers_unit.h"
#include "core/keepers_language.h"


#define HOSTILE_LEN  10240


typedef struct {
    const char  *header;
    const char  *choice;        /* "" for none */
    size_t       preferred;
} language_t;


static void test_chooses(void **state);
static void test_finds(void **state);
static void test_limits(void **state);
static void test_cut_item(void **state);
static void test_too_many_tags(void **state);
static void check(keepers_str_t header, size_t preferred, const char *want);


enum { EN, DE, FR, AR };

static const keepers_str_t  tags[] = {
    keepers_string("en"),
    keepers_string("de"),
    keepers_string("fr"),
    keepers_string("ar")
};


static const language_t  cases[] = {
    { "", "", EN },
    { "de", "de", EN },
    { "DE", "de", EN },
    { "fr-CA", "fr", EN },
    { "zh-Hant-TW, ar-EG", "ar", EN },
    { "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "de", EN },
    { "en;q=0.1, ar;q=0.2, fr;q=0.15", "ar", EN },
    { "en;q=0.001, ar;q=0.002", "ar", EN },
    { "fr , de", "fr", EN },
    { "fr\t;\tQ=0.5 , de ; q=0.6", "de", EN },
    { ",, ,de,", "de", EN },
    { "de;q=1.000", "de", EN },
    { "de;q=0.", "", EN },
    { "de;q=1., fr;q=0.9", "de", EN },

    /* an own English comes before French, whatever bare "en" weighs */

    { "en-US,fr;q=0.9,en;q=0.8", "en", FR },
    { "en;q=0.5, en-GB;q=0.9, fr;q=0.7", "en", FR },

    /* ruled out */

    { "de;q=0", "", EN },
    { "de;q=0.000, de-AT", "", EN },
    { "de-AT, de;q=0", "", EN },
    { "de-AT;q=0, de;q=0.3", "de", EN },
    { "de-AT;q=0, *", "de", DE },

    /* any */

    { "*", "en", EN },
    { "*", "ar", AR },
    { "*;q=0", "", EN },
    { "*;q=0.5, fr;q=0.4", "en", EN },
    { "*;q=0.5, fr;q=0.6", "fr", EN },
    { "fr;q=0.4, *;q=0.5", "en", FR },
    { "en;q=0, *", "de", EN },
    { "en;q=0, de;q=0, fr;q=0, ar;q=0, *", "", EN },
    { "fr, *", "fr", DE },
    { "nl, *;q=0.1", "de", DE },

    /* none of ours, or no range at all */

    { "nl", "", EN },
    { "deu", "", EN },
    { "d", "", EN },
    { "de_DE", "", EN },
    { "de-", "", EN },
    { "-de", "", EN },
    { "de--AT", "", EN },
    { "d3", "", EN },
    { "de-abcdefghi", "", EN },
    { "de-abcdefgh", "de", EN },
    { "de-1996", "de", EN },
    { "de AT", "", EN },
    { "**", "", EN },
    { "*-de", "", EN },
    { "\xd8\xb9\xd8\xb1", "", EN },

    /* no weight */

    { "de;q=abc, fr;q=0.1", "fr", EN },
    { "de;q=, fr;q=0.1", "fr", EN },
    { "de;, fr;q=0.1", "fr", EN },
    { "de;q=2, fr;q=0.1", "fr", EN },
    { "de;q=1.001, fr;q=0.1", "fr", EN },
    { "de;q=-1, fr;q=0.1", "fr", EN },
    { "de;q=0.9999, fr;q=0.1", "fr", EN },
    { "de;q=.9, fr;q=0.1", "fr", EN },
    { "de;q=1e0, fr;q=0.1", "fr", EN },
    { "de;q =1, fr;q=0.1", "fr", EN },
    { "de;x=1, fr;q=0.1", "fr", EN },
    { "de;q=1;q=1, fr;q=0.1", "fr", EN },
    { ";q=1, fr;q=0.1", "fr", EN }
};


static void
test_chooses(void **state)
{
    size_t         i;
    keepers_str_t  header;

    (void) state;

    for (i = 0; i < unit_count(cases); i++) {
        header = unit_copy(cases[i].header, strlen(cases[i].header));
        check(header, cases[i].preferred, cases[i].choice);
        unit_free(header);
    }

    check(keepers_str(NULL, 0), EN, "");
    check(unit_str("fr\0, de"), EN, "de");
}


static void
test_finds(void **state)
{
    (void) state;

    assert_int_equal(keepers_language_find(unit_str("fr"), tags, 4), FR);
    assert_int_equal(keepers_language_find(unit_str("AR"), tags, 4), AR);
    assert_int_equal(keepers_language_find(unit_str("fr-CA"), tags, 4), -1);
    assert_int_equal(keepers_language_find(unit_str("nl"), tags, 4), -1);
    assert_int_equal(keepers_language_find(unit_str("*"), tags, 4), -1);
    assert_int_equal(keepers_language_find(keepers_str(NULL, 0), tags, 4), -1);
}


/* What counts stands within the limits; what lies beyond has no say. */

static void
test_limits(void **state)
{
    size_t         i;
    unsigned char  header[HOSTILE_LEN];

    (void) state;

    /* 32 items are read, empty ones too, and the next is not */

    memset(header, ',', sizeof(header));
    memcpy(header + KEEPERS_LANGUAGE_ITEMS_MAX - 1, "de", 2);
    check(keepers_str(header, sizeof(header)), EN, "de");

    memset(header, ',', sizeof(header));
    memcpy(header + KEEPERS_LANGUAGE_ITEMS_MAX, "de", 2);
    check(keepers_str(header, sizeof(header)), EN, "");

    /* 10 KB without a comma, and a thousand items */

    memset(header, 'd', sizeof(header));
    check(keepers_str(header, sizeof(header)), EN, "");

    memset(header, ' ', sizeof(header));
    memcpy(header, "de", 2);
    check(keepers_str(header, sizeof(header)), EN, "");

    for (i = 0; i + 10 <= sizeof(header); i += 10) {
        memcpy(header + i, "fr;q=0.123", 10);
        header[i + 9] = ',';
    }

    memcpy(header, "ar;q=0.13", 9);
    check(keepers_str(header, sizeof(header)), EN, "ar");
}


/* "fr;q=0.9" must not become "fr" where the limit falls into it. */

static void
test_cut_item(void **state)
{
    unsigned char  header[KEEPERS_LANGUAGE_HEADER_MAX + 6];

    (void) state;

    memset(header, ' ', sizeof(header));
    memcpy(header, "de;q=0.5,", 9);
    memcpy(header + KEEPERS_LANGUAGE_HEADER_MAX - 2, "fr;q=0.1", 8);
    check(keepers_str(header, sizeof(header)), EN, "de");

    /* and one that ends just there is whole */

    memcpy(header + KEEPERS_LANGUAGE_HEADER_MAX - 2, "fr,xxxxx", 8);
    check(keepers_str(header, sizeof(header)), EN, "fr");
}


static void
test_too_many_tags(void **state)
{
    size_t         i;
    keepers_str_t  many[KEEPERS_LANGUAGES_MAX + 1];

    (void) state;

    for (i = 0; i < unit_count(many); i++) {
        many[i] = tags[i % unit_count(tags)];
    }

    assert_int_equal(keepers_language_choose(unit_str("en"), many,
                                             KEEPERS_LANGUAGES_MAX, 0), EN);
    assert_int_equal(keepers_language_choose(unit_str("en"), many,
                                             KEEPERS_LANGUAGES_MAX + 1, 0), -1);
    assert_int_equal(keepers_language_choose(unit_str("en"), many, 0, 0), -1);
}


static void
check(keepers_str_t header, size_t preferred, const char *want)
{
    int            got;
    keepers_str_t  s;

    got = keepers_language_choose(header, tags, unit_count(tags), preferred);
    s = (got == -1) ? keepers_str(NULL, 0) : tags[got];

    if (s.len != strlen(want)
        || (s.len != 0 && memcmp(s.data, want, s.len) != 0))
    {
        print_error("\"%.*s\"\n", (int) header.len,
                    (const char *) header.data);
    }

    assert_str(s, want);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_chooses),
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cut_item),
        cmocka_unit_test(test_too_many_tags)
    };

    return cmocka_run_group_tests_name("keepers_language", tests, NULL, NULL);
}
