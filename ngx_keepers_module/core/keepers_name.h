
/*
 * Copyright (C) Keepers
 *
 * A person's name: one field, any script.  NFC and grapheme clusters by
 * libunistring.
 */


#ifndef _KEEPERS_NAME_H_INCLUDED_
#define _KEEPERS_NAME_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


enum {
    KEEPERS_NAME_CONTROL = 1,   /* control, bidi override or isolate, U+FFFE */
    KEEPERS_NAME_TOO_LONG,      /* 100 grapheme clusters, 400 bytes */
    KEEPERS_NAME_ENCODING,
    KEEPERS_NAME_NO_SPACE
};


/*
 * Trims "typed" and writes its NFC form to "out".  Empty is KEEPERS_OK with
 * nothing written: whether it may be is the link's rule.  ZWJ and ZWNJ stay,
 * Persian needs them; U+202A to U+202E and U+2066 to U+2069 are refused.
 */
int keepers_name_read(keepers_str_t typed, keepers_out_t *out) keepers_checked;

/* Markup ('<' with a letter, '/' or '!' behind) or a URL: held, not refused. */
bool keepers_name_has_markup(keepers_str_t name);
bool keepers_name_has_url(keepers_str_t name);


#endif /* _KEEPERS_NAME_H_INCLUDED_ */
