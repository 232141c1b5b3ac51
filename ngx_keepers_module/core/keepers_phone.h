
/*
 * Copyright (C) Keepers
 *
 * First look at a phone number: cleaned, and refused only when it cannot be
 * a number.  The writer brings it to E.164 with the link's country.
 */


#ifndef _KEEPERS_PHONE_H_INCLUDED_
#define _KEEPERS_PHONE_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


enum {
    KEEPERS_PHONE_POSSIBLE = 1,     /* letters, or not 6 to 15 digits */
    KEEPERS_PHONE_NO_SPACE
};


/*
 * Writes ASCII digits, with a leading '+' if there was one (also full-width):
 * digits of other scripts (any Unicode decimal digit) become ASCII; blanks,
 * dots, dashes, slashes and brackets fall away, "(0)" behind "+" with them.
 * Empty is KEEPERS_OK with nothing written.
 */
int keepers_phone_read(keepers_str_t typed, keepers_out_t *out)
    keepers_checked;


#endif /* _KEEPERS_PHONE_H_INCLUDED_ */
