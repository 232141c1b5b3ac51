
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_step_up.h"
#include "core/keepers_envelope.h"
#include "core/keepers_in.h"


#define KEEPERS_STEP_UP_VERSION   1
#define KEEPERS_STEP_UP_PASSKEYS  2


static const keepers_str_t  keepers_step_up_names[KEEPERS_STEP_UP_FIELDS] = {
    keepers_string("password"),
    keepers_string("code"),
    keepers_string("passkey"),
    keepers_string("next")
};


void
keepers_step_up_fields(keepers_field_t fields[KEEPERS_STEP_UP_FIELDS],
    keepers_fieldset_t *set)
{
    keepers_fieldset_init(set, fields, keepers_step_up_names,
                          KEEPERS_STEP_UP_FIELDS);
}


void
keepers_step_up_encode(const keepers_step_up_t *step_up, keepers_out_t *out)
{
    keepers_out_byte(out, KEEPERS_RECORD_STEP_UP);
    keepers_out_byte(out, step_up->passkey.len == 0
                          ? KEEPERS_STEP_UP_VERSION
                          : KEEPERS_STEP_UP_PASSKEYS);
    keepers_out_u64(out, step_up->asked_ms);
    keepers_out_bytes(out, step_up->net, sizeof(step_up->net));
    keepers_out_bytes(out, step_up->user.bytes, KEEPERS_UUID_LEN);
    keepers_out_lstr(out, step_up->password);
    keepers_out_lstr(out, step_up->code);

    if (step_up->passkey.len != 0) {
        keepers_out_bytes(out, step_up->sid, sizeof(step_up->sid));
        keepers_out_lstr(out, step_up->passkey);
    }
}


/* KEEPERS_OK or KEEPERS_STEP_UP_BROKEN; strings are views into "record". */

int
keepers_step_up_decode(keepers_str_t record, keepers_step_up_t *step_up)
{
    uint8_t       kind, version;
    keepers_in_t  in;

    keepers_in_init(&in, record);

    kind = keepers_in_u8(&in);
    version = keepers_in_u8(&in);
    step_up->asked_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, step_up->net, sizeof(step_up->net));
    keepers_in_bytes(&in, step_up->user.bytes, KEEPERS_UUID_LEN);
    step_up->password = keepers_in_lstr(&in);
    step_up->code = keepers_in_lstr(&in);

    memset(step_up->sid, 0, sizeof(step_up->sid));
    step_up->passkey = keepers_str(NULL, 0);

    if (version == KEEPERS_STEP_UP_PASSKEYS) {
        keepers_in_bytes(&in, step_up->sid, sizeof(step_up->sid));
        step_up->passkey = keepers_in_lstr(&in);
    }

    if (!keepers_in_done(&in)
        || kind != KEEPERS_RECORD_STEP_UP
        || (version != KEEPERS_STEP_UP_VERSION
            && version != KEEPERS_STEP_UP_PASSKEYS)
        || step_up->password.len > KEEPERS_PASSWORD_LEN_MAX
        || step_up->code.len > KEEPERS_CODE_LEN_MAX
        || step_up->passkey.len > KEEPERS_PASSKEY_LEN_MAX)
    {
        memset(step_up, 0, sizeof(keepers_step_up_t));
        return KEEPERS_STEP_UP_BROKEN;
    }

    return KEEPERS_OK;
}
