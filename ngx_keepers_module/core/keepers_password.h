
/*
 * Copyright (C) Keepers
 *
 * The fields of a change of password, and the record that asks the writer.
 *
 * Record: kind 1 (KEEPERS_RECORD_PASSWORD) | version 1 | asked ms 8
 *   | coarse net 8 | user 16 | current | new
 */


#ifndef _KEEPERS_PASSWORD_H_INCLUDED_
#define _KEEPERS_PASSWORD_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_field.h"
#include "core/keepers_out.h"


#define KEEPERS_PASSWORD_RECORD_MAX  768


typedef enum {
    KEEPERS_PASSWORD_CURRENT = 0,
    KEEPERS_PASSWORD_NEW,
    KEEPERS_PASSWORD_FIELDS
} keepers_password_field_e;


enum {
    KEEPERS_PASSWORD_BROKEN = 1
};


typedef struct {
    uint64_t         asked_ms;
    unsigned char    net[8];
    keepers_uuid_t   user;
    keepers_str_t    current;       /* each <= KEEPERS_PASSWORD_LEN_MAX */
    keepers_str_t    fresh;
} keepers_password_t;


void keepers_password_fields(keepers_field_t fields[KEEPERS_PASSWORD_FIELDS],
    keepers_fieldset_t *set);
void keepers_password_encode(const keepers_password_t *password,
    keepers_out_t *out);

/* KEEPERS_OK or KEEPERS_PASSWORD_BROKEN; strings are views into "record". */
int keepers_password_decode(keepers_str_t record,
    keepers_password_t *password) keepers_checked;


#endif /* _KEEPERS_PASSWORD_H_INCLUDED_ */
