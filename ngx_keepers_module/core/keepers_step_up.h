
/*
 * Copyright (C) Keepers
 *
 * What somebody with a session proves again, and the record that asks the
 * writer.
 *
 * Record: kind 4 (KEEPERS_RECORD_STEP_UP) | version 1 | asked ms 8
 *   | coarse net 8 | user 16 | password | code [| sid 8 | passkey]
 *
 * Version 2 has a passkey, and the beginning of the SID of the session, for
 * which it was asked.  Without one it is version 1, which a writer of before
 * reads too.
 */


#ifndef _KEEPERS_STEP_UP_H_INCLUDED_
#define _KEEPERS_STEP_UP_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_field.h"
#include "core/keepers_out.h"


#define KEEPERS_STEP_UP_RECORD_MAX  3072


typedef enum {
    KEEPERS_STEP_UP_PASSWORD = 0,
    KEEPERS_STEP_UP_CODE,
    KEEPERS_STEP_UP_PASSKEY,
    KEEPERS_STEP_UP_NEXT,
    KEEPERS_STEP_UP_FIELDS
} keepers_step_up_field_e;


enum {
    KEEPERS_STEP_UP_BROKEN = 1
};


typedef struct {
    uint64_t         asked_ms;
    unsigned char    net[8];
    keepers_uuid_t   user;
    keepers_str_t    password;      /* as typed, may be empty */
    keepers_str_t    code;          /* <= KEEPERS_CODE_LEN_MAX, may be empty */
    unsigned char    sid[8];        /* as an identity has it */
    keepers_str_t    passkey;       /* <= KEEPERS_PASSKEY_LEN_MAX, or empty */
} keepers_step_up_t;


void keepers_step_up_fields(keepers_field_t fields[KEEPERS_STEP_UP_FIELDS],
    keepers_fieldset_t *set);
void keepers_step_up_encode(const keepers_step_up_t *step_up,
    keepers_out_t *out);
int keepers_step_up_decode(keepers_str_t record, keepers_step_up_t *step_up)
    keepers_checked;


#endif /* _KEEPERS_STEP_UP_H_INCLUDED_ */
