
/*
 * Copyright (C) Keepers
 *
 * The fields of a sign-in, and the record that asks the writer.
 *
 * Record: kind 1 (KEEPERS_RECORD_SIGNIN) | version 1 | asked ms 8
 *   | coarse net 8 | email | password | code [| passkey]
 *
 * Version 2 has a passkey.  Without one it is version 1, which a writer of
 * before reads too.
 */


#ifndef _KEEPERS_SIGNIN_H_INCLUDED_
#define _KEEPERS_SIGNIN_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_field.h"
#include "core/keepers_out.h"


#define KEEPERS_SIGNIN_RECORD_MAX  3328


typedef enum {
    KEEPERS_SIGNIN_EMAIL = 0,
    KEEPERS_SIGNIN_PASSWORD,
    KEEPERS_SIGNIN_CODE,
    KEEPERS_SIGNIN_PASSKEY,
    KEEPERS_SIGNIN_NEXT,
    KEEPERS_SIGNIN_REMEMBER,
    KEEPERS_SIGNIN_FIELDS
} keepers_signin_field_e;


enum {
    KEEPERS_SIGNIN_BROKEN = 1
};


typedef struct {
    uint64_t         asked_ms;
    unsigned char    net[8];
    keepers_str_t    email;         /* as typed, trimmed, <= 254 */
    keepers_str_t    password;      /* as typed, <= KEEPERS_PASSWORD_LEN_MAX */
    keepers_str_t    code;          /* <= KEEPERS_CODE_LEN_MAX, may be empty */
    keepers_str_t    passkey;       /* <= KEEPERS_PASSKEY_LEN_MAX, or empty */
} keepers_signin_t;


void keepers_signin_fields(keepers_field_t fields[KEEPERS_SIGNIN_FIELDS],
    keepers_fieldset_t *set);
void keepers_signin_encode(const keepers_signin_t *signin, keepers_out_t *out);
int keepers_signin_decode(keepers_str_t record, keepers_signin_t *signin)
    keepers_checked;


#endif /* _KEEPERS_SIGNIN_H_INCLUDED_ */
