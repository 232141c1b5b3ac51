
/*
 * Copyright (C) Keepers
 *
 * A password that was forgotten: the fields of who asks for a link and of who
 * comes with one, and the records that ask the writer.
 *
 * Forgot: kind 1 (KEEPERS_RECORD_FORGOT) | version 1 | asked ms 8
 *   | coarse net 8 | email
 * Reset: kind 1 (KEEPERS_RECORD_RESET) | version 1 | asked ms 8
 *   | coarse net 8 | token 32 | new
 */


#ifndef _KEEPERS_RESET_H_INCLUDED_
#define _KEEPERS_RESET_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_field.h"
#include "core/keepers_out.h"


#define KEEPERS_FORGOT_RECORD_MAX     320
#define KEEPERS_RESET_RECORD_MAX      384
#define KEEPERS_RESET_TOKEN_LEN       32
#define KEEPERS_RESET_TOKEN_TEXT_LEN  43        /* base64url */


typedef enum {
    KEEPERS_FORGOT_EMAIL = 0,
    KEEPERS_FORGOT_FIELDS
} keepers_forgot_field_e;


typedef enum {
    KEEPERS_RESET_TOKEN = 0,
    KEEPERS_RESET_NEW,
    KEEPERS_RESET_FIELDS
} keepers_reset_field_e;


enum {
    KEEPERS_RESET_BROKEN = 1
};


typedef struct {
    uint64_t         asked_ms;
    unsigned char    net[8];
    keepers_str_t    email;         /* as typed, trimmed, <= 254 */
} keepers_forgot_t;


typedef struct {
    uint64_t         asked_ms;
    unsigned char    net[8];
    unsigned char    token[KEEPERS_RESET_TOKEN_LEN];    /* secret */
    keepers_str_t    fresh;         /* <= KEEPERS_PASSWORD_LEN_MAX */
} keepers_reset_t;


void keepers_forgot_fields(keepers_field_t fields[KEEPERS_FORGOT_FIELDS],
    keepers_fieldset_t *set);
void keepers_forgot_encode(const keepers_forgot_t *forgot,
    keepers_out_t *out);

void keepers_reset_fields(keepers_field_t fields[KEEPERS_RESET_FIELDS],
    keepers_fieldset_t *set);
void keepers_reset_encode(const keepers_reset_t *reset, keepers_out_t *out);

/* KEEPERS_OK or KEEPERS_RESET_BROKEN; strings are views into "record". */
int keepers_forgot_decode(keepers_str_t record, keepers_forgot_t *forgot)
    keepers_checked;
int keepers_reset_decode(keepers_str_t record, keepers_reset_t *reset)
    keepers_checked;


#endif /* _KEEPERS_RESET_H_INCLUDED_ */
