
/*
 * Copyright (C) Keepers
 *
 * What may be a password: long enough, and not what is tried first.  No rules
 * of which signs it must have (NIST SP 800-63B): they make worse ones.
 */


#ifndef _WRITER_PASSWORD_H_INCLUDED_
#define _WRITER_PASSWORD_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"


#define WRITER_PASSWORD_CHARS_MIN  8


enum {
    WRITER_PASSWORD_SHORT = 1,
    WRITER_PASSWORD_LONG,       /* more than KEEPERS_PASSWORD_LEN_MAX bytes */
    WRITER_PASSWORD_COMMON,     /* on the list, but for signs at its end */
    WRITER_PASSWORD_NAMED       /* the address or the name of the business */
};


/* KEEPERS_OK, or what is wrong with it; email and business may be empty. */
int writer_password_check(keepers_str_t password, keepers_str_t email,
    keepers_str_t business) keepers_checked;

/* As a code of an answer, and in words for an operator. */
const char *writer_password_code(int fault);
const char *writer_password_words(int fault);


#endif /* _WRITER_PASSWORD_H_INCLUDED_ */
