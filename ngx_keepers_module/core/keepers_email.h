
/*
 * Copyright (C) Keepers
 *
 * Syntax of an address: the HTML standard's rule with a dot in the domain;
 * an internationalised domain goes to A-labels (IDNA 2008, libidn2), a UTF-8
 * local part is accepted and flagged (RFC 6531).  The domain is lower-cased,
 * plus and dots of the local part stay.
 */


#ifndef _KEEPERS_EMAIL_H_INCLUDED_
#define _KEEPERS_EMAIL_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


enum {
    KEEPERS_EMAIL_SYNTAX = 1,
    KEEPERS_EMAIL_TOO_LONG,
    KEEPERS_EMAIL_NO_SPACE
};


/*
 * Trims "typed" and writes the address as it is stored to "out" (at least
 * KEEPERS_EMAIL_LEN_MAX bytes of room).  *eai: the local part is not ASCII.
 */
int keepers_email_read(keepers_str_t typed, keepers_out_t *out, bool *eai)
    keepers_checked;

/*
 * The key by which two addresses are the same customer: the stored form with
 * the local part's ASCII letters lower-cased.  "out" as above.
 */
void keepers_email_key(keepers_str_t stored, keepers_out_t *out);


#endif /* _KEEPERS_EMAIL_H_INCLUDED_ */
