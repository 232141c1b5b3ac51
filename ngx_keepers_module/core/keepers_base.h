
/*
 * Copyright (C) Keepers
 *
 * Types, result codes and limits that everything else stands on.  Only libc
 * headers.  core/ is pure C11: no nginx, no I/O, no clock, no heap of its own;
 * time and randomness come in as arguments.
 */


#ifndef _KEEPERS_BASE_H_INCLUDED_
#define _KEEPERS_BASE_H_INCLUDED_


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define KEEPERS_OK  0

#define keepers_checked  __attribute__((warn_unused_result))

/* Kept out of the way of what each request runs through. */
#define keepers_rare     __attribute__((cold, noinline))


/*
 * Limits, in bytes unless named otherwise.  They are part of the public
 * contract: a form, a JSON body and the writer all refuse at the same size.
 */
#define KEEPERS_SLUG_LEN_MAX        64
#define KEEPERS_NAME_LEN_MAX        400
#define KEEPERS_NAME_GRAPHEMES_MAX  100
#define KEEPERS_EMAIL_LEN_MAX       254
#define KEEPERS_EMAIL_LOCAL_MAX     64
#define KEEPERS_PHONE_LEN_MAX       64      /* as typed, before cleaning */
#define KEEPERS_PHONE_DIGITS_MIN    6
#define KEEPERS_PHONE_DIGITS_MAX    15
#define KEEPERS_SOURCE_LEN_MAX      64      /* placement and each utm_ field */
#define KEEPERS_LOCALE_LEN_MAX      16
#define KEEPERS_CODE_LEN_MAX         32
#define KEEPERS_PASSWORD_LEN_MAX    256
#define KEEPERS_PASSKEY_LEN_MAX     2560    /* its answer, in text */
#define KEEPERS_HASH_LEN            32
#define KEEPERS_UUID_LEN            16
#define KEEPERS_UUID_TEXT_LEN       36


/* A counted string; never NUL-terminated, not owned, data may be NULL. */
typedef struct {
    size_t                len;
    const unsigned char  *data;
} keepers_str_t;


typedef struct {
    unsigned char         bytes[KEEPERS_UUID_LEN];      /* RFC 9562 */
} keepers_uuid_t;


#define keepers_string(text)                                                 \
    { sizeof(text) - 1, (const unsigned char *) (text) }

#define keepers_null_string  { 0, NULL }


static inline keepers_str_t
keepers_str(const void *data, size_t len)
{
    keepers_str_t  s;

    s.len = len;
    s.data = data;

    return s;
}


static inline bool
keepers_str_eq(keepers_str_t a, keepers_str_t b)
{
    /* not for secrets: those are compared by sodium_memcmp() alone */

    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


#endif /* _KEEPERS_BASE_H_INCLUDED_ */
