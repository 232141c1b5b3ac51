
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_reset.h"
#include "core/keepers_envelope.h"
#include "core/keepers_in.h"


#define KEEPERS_RESET_VERSION  1


static const keepers_str_t  keepers_forgot_names[KEEPERS_FORGOT_FIELDS] = {
    keepers_string("email")
};

static const keepers_str_t  keepers_reset_names[KEEPERS_RESET_FIELDS] = {
    keepers_string("token"),
    keepers_string("new")
};


void
keepers_forgot_fields(keepers_field_t fields[KEEPERS_FORGOT_FIELDS],
    keepers_fieldset_t *set)
{
    keepers_fieldset_init(set, fields, keepers_forgot_names,
                          KEEPERS_FORGOT_FIELDS);
}


void
keepers_forgot_encode(const keepers_forgot_t *forgot, keepers_out_t *out)
{
    keepers_out_byte(out, KEEPERS_RECORD_FORGOT);
    keepers_out_byte(out, KEEPERS_RESET_VERSION);
    keepers_out_u64(out, forgot->asked_ms);
    keepers_out_bytes(out, forgot->net, sizeof(forgot->net));
    keepers_out_lstr(out, forgot->email);
}


int
keepers_forgot_decode(keepers_str_t record, keepers_forgot_t *forgot)
{
    uint8_t       kind, version;
    keepers_in_t  in;

    keepers_in_init(&in, record);

    kind = keepers_in_u8(&in);
    version = keepers_in_u8(&in);
    forgot->asked_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, forgot->net, sizeof(forgot->net));
    forgot->email = keepers_in_lstr(&in);

    if (!keepers_in_done(&in)
        || kind != KEEPERS_RECORD_FORGOT
        || version != KEEPERS_RESET_VERSION
        || forgot->email.len > KEEPERS_EMAIL_LEN_MAX)
    {
        memset(forgot, 0, sizeof(keepers_forgot_t));
        return KEEPERS_RESET_BROKEN;
    }

    return KEEPERS_OK;
}


void
keepers_reset_fields(keepers_field_t fields[KEEPERS_RESET_FIELDS],
    keepers_fieldset_t *set)
{
    keepers_fieldset_init(set, fields, keepers_reset_names,
                          KEEPERS_RESET_FIELDS);
}


void
keepers_reset_encode(const keepers_reset_t *reset, keepers_out_t *out)
{
    keepers_out_byte(out, KEEPERS_RECORD_RESET);
    keepers_out_byte(out, KEEPERS_RESET_VERSION);
    keepers_out_u64(out, reset->asked_ms);
    keepers_out_bytes(out, reset->net, sizeof(reset->net));
    keepers_out_bytes(out, reset->token, sizeof(reset->token));
    keepers_out_lstr(out, reset->fresh);
}


int
keepers_reset_decode(keepers_str_t record, keepers_reset_t *reset)
{
    uint8_t       kind, version;
    keepers_in_t  in;

    keepers_in_init(&in, record);

    kind = keepers_in_u8(&in);
    version = keepers_in_u8(&in);
    reset->asked_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, reset->net, sizeof(reset->net));
    keepers_in_bytes(&in, reset->token, sizeof(reset->token));
    reset->fresh = keepers_in_lstr(&in);

    if (!keepers_in_done(&in)
        || kind != KEEPERS_RECORD_RESET
        || version != KEEPERS_RESET_VERSION
        || reset->fresh.len > KEEPERS_PASSWORD_LEN_MAX)
    {
        memset(reset, 0, sizeof(keepers_reset_t));
        return KEEPERS_RESET_BROKEN;
    }

    return KEEPERS_OK;
}
