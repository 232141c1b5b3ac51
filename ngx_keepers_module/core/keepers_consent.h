
/*
 * Copyright (C) Keepers
 *
 * The standard texts of the consent boxes, for a business that does not write
 * its own: in each of our languages, with its name.  Edge and writer have the
 * same ones, since a consent is kept as the hash of the exact text that was
 * shown: a text is never changed, it gets a successor.
 */


#ifndef _KEEPERS_CONSENT_H_INCLUDED_
#define _KEEPERS_CONSENT_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


#define KEEPERS_CONSENT_LANGUAGES  4
#define KEEPERS_CONSENT_TEXT_MAX   500      /* with a name of 100 bytes */


typedef enum {
    KEEPERS_CONSENT_EMAIL = 0,
    KEEPERS_CONSENT_SMS,
    KEEPERS_CONSENTS
} keepers_consent_e;


/* The number of the language that serves a locale; 0, English, if none. */
size_t keepers_consent_language(keepers_str_t locale);
keepers_str_t keepers_consent_tag(size_t language);

void keepers_consent_text(size_t language, keepers_consent_e kind,
    keepers_str_t business, keepers_out_t *out);


#endif /* _KEEPERS_CONSENT_H_INCLUDED_ */
