
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_consent.h"

#include "core/keepers_language.h"


/* What stands before and behind the name of the business. */
typedef struct {
    const char  *before;
    const char  *behind;
} keepers_consent_words_t;


static const keepers_str_t  keepers_consent_tags[KEEPERS_CONSENT_LANGUAGES] = {
    keepers_string("en"),
    keepers_string("de"),
    keepers_string("fr"),
    keepers_string("ar")
};


/* Around a name in other letters: U+2068 and U+2069. */

static const keepers_consent_words_t
    keepers_consent_words[KEEPERS_CONSENT_LANGUAGES][KEEPERS_CONSENTS] =
{
    { { "", " may send me news and offers by e-mail. I can stop this at any "
            "time." },
      { "", " may send me news and offers by text message. I can stop this at "
            "any time." } },

    { { "", " darf mir Neuigkeiten und Angebote per E-Mail schicken. Das kann "
            "ich jederzeit beenden." },
      { "", " darf mir Neuigkeiten und Angebote per SMS schicken. Das kann "
            "ich jederzeit beenden." } },

    { { "", " peut m’envoyer des nouvelles et des offres par e-mail. Je peux "
            "y mettre fin à tout moment." },
      { "", " peut m’envoyer des nouvelles et des offres par SMS. Je peux y "
            "mettre fin à tout moment." } },

    { { "أوافق على أن يرسل إليّ \xe2\x81\xa8",
        "\xe2\x81\xa9 الأخبار والعروض بالبريد الإلكتروني. "
        "ويمكنني إيقاف ذلك متى شئت." },
      { "أوافق على أن يرسل إليّ \xe2\x81\xa8",
        "\xe2\x81\xa9 الأخبار والعروض في رسائل نصية. "
        "ويمكنني إيقاف ذلك متى شئت." } }
};


size_t
keepers_consent_language(keepers_str_t locale)
{
    int     n;
    size_t  i;

    /* most pages say one of ours, and nothing is to be chosen */

    for (i = 0; i < KEEPERS_CONSENT_LANGUAGES; i++) {
        if (keepers_str_eq(locale, keepers_consent_tags[i])) {
            return i;
        }
    }

    n = keepers_language_choose(locale, keepers_consent_tags,
                                KEEPERS_CONSENT_LANGUAGES, 0);

    return n == -1 ? 0 : (size_t) n;
}


keepers_str_t
keepers_consent_tag(size_t language)
{
    return keepers_consent_tags[language];
}


void
keepers_consent_text(size_t language, keepers_consent_e kind,
    keepers_str_t business, keepers_out_t *out)
{
    const keepers_consent_words_t  *words;

    words = &keepers_consent_words[language][kind];

    keepers_out_text(out, words->before);
    keepers_out_str(out, business);
    keepers_out_text(out, words->behind);
}
