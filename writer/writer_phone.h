
/*
 * Copyright (C) Keepers
 *
 * The C face of libphonenumber.
 */


#ifndef _WRITER_PHONE_H_INCLUDED_
#define _WRITER_PHONE_H_INCLUDED_


#include <stddef.h>


#ifdef __cplusplus
extern "C" {
#endif


/*
 * "digits", perhaps behind a '+', read in "country" ("GB", or "" for numbers
 * with '+' alone) as E.164 with its NUL in "out"; 0 if it cannot be a number.
 * The metadata of a distribution is years old, so that a possible number
 * counts, not only one of a range known then.
 */
int writer_phone_e164(const char *digits, size_t len, const char *country,
    char *out, size_t size);


#ifdef __cplusplus
}
#endif


#endif /* _WRITER_PHONE_H_INCLUDED_ */
