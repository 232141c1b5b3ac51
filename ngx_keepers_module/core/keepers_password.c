
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_password.h"
#include "core/keepers_envelope.h"
#include "core/keepers_in.h"


#define KEEPERS_PASSWORD_VERSION  1


static const keepers_str_t  keepers_password_names[KEEPERS_PASSWORD_FIELDS] = {
    keepers_string("current"),
    keepers_string("new")
};


void
keepers_password_fields(keepers_field_t fields[KEEPERS_PASSWORD_FIELDS],
    keepers_fieldset_t *set)
{
    keepers_fieldset_init(set, fields, keepers_password_names,
                          KEEPERS_PASSWORD_FIELDS);
}


void
keepers_password_encode(const keepers_password_t *password, keepers_out_t *out)
{
    keepers_out_byte(out, KEEPERS_RECORD_PASSWORD);
    keepers_out_byte(out, KEEPERS_PASSWORD_VERSION);
    keepers_out_u64(out, password->asked_ms);
    keepers_out_bytes(out, password->net, sizeof(password->net));
    keepers_out_bytes(out, password->user.bytes, KEEPERS_UUID_LEN);
    keepers_out_lstr(out, password->current);
    keepers_out_lstr(out, password->fresh);
}


int
keepers_password_decode(keepers_str_t record, keepers_password_t *password)
{
    uint8_t       kind, version;
    keepers_in_t  in;

    keepers_in_init(&in, record);

    kind = keepers_in_u8(&in);
    version = keepers_in_u8(&in);
    password->asked_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, password->net, sizeof(password->net));
    keepers_in_bytes(&in, password->user.bytes, KEEPERS_UUID_LEN);
    password->current = keepers_in_lstr(&in);
    password->fresh = keepers_in_lstr(&in);

    if (!keepers_in_done(&in)
        || kind != KEEPERS_RECORD_PASSWORD
        || version != KEEPERS_PASSWORD_VERSION
        || password->current.len > KEEPERS_PASSWORD_LEN_MAX
        || password->fresh.len > KEEPERS_PASSWORD_LEN_MAX)
    {
        memset(password, 0, sizeof(keepers_password_t));
        return KEEPERS_PASSWORD_BROKEN;
    }

    return KEEPERS_OK;
}
