
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_signin.h"
#include "core/keepers_envelope.h"
#include "core/keepers_in.h"


#define KEEPERS_SIGNIN_VERSION   1
#define KEEPERS_SIGNIN_PASSKEYS  2


static const keepers_str_t  keepers_signin_names[KEEPERS_SIGNIN_FIELDS] = {
    keepers_string("email"),
    keepers_string("password"),
    keepers_string("code"),
    keepers_string("passkey"),
    keepers_string("next"),
    keepers_string("remember")
};


void
keepers_signin_fields(keepers_field_t fields[KEEPERS_SIGNIN_FIELDS],
    keepers_fieldset_t *set)
{
    keepers_fieldset_init(set, fields, keepers_signin_names,
                          KEEPERS_SIGNIN_FIELDS);
}


void
keepers_signin_encode(const keepers_signin_t *signin, keepers_out_t *out)
{
    keepers_out_byte(out, KEEPERS_RECORD_SIGNIN);
    keepers_out_byte(out, signin->passkey.len == 0 ? KEEPERS_SIGNIN_VERSION
                                                   : KEEPERS_SIGNIN_PASSKEYS);
    keepers_out_u64(out, signin->asked_ms);
    keepers_out_bytes(out, signin->net, sizeof(signin->net));
    keepers_out_lstr(out, signin->email);
    keepers_out_lstr(out, signin->password);
    keepers_out_lstr(out, signin->code);

    if (signin->passkey.len != 0) {
        keepers_out_lstr(out, signin->passkey);
    }
}


/* KEEPERS_OK or KEEPERS_SIGNIN_BROKEN; strings are views into "record". */

int
keepers_signin_decode(keepers_str_t record, keepers_signin_t *signin)
{
    uint8_t       kind, version;
    keepers_in_t  in;

    keepers_in_init(&in, record);

    kind = keepers_in_u8(&in);
    version = keepers_in_u8(&in);
    signin->asked_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, signin->net, sizeof(signin->net));
    signin->email = keepers_in_lstr(&in);
    signin->password = keepers_in_lstr(&in);
    signin->code = keepers_in_lstr(&in);
    signin->passkey = version == KEEPERS_SIGNIN_PASSKEYS
                      ? keepers_in_lstr(&in) : keepers_str(NULL, 0);

    if (!keepers_in_done(&in)
        || kind != KEEPERS_RECORD_SIGNIN
        || (version != KEEPERS_SIGNIN_VERSION
            && version != KEEPERS_SIGNIN_PASSKEYS)
        || signin->email.len > KEEPERS_EMAIL_LEN_MAX
        || signin->password.len > KEEPERS_PASSWORD_LEN_MAX
        || signin->code.len > KEEPERS_CODE_LEN_MAX
        || signin->passkey.len > KEEPERS_PASSKEY_LEN_MAX)
    {
        memset(signin, 0, sizeof(keepers_signin_t));
        return KEEPERS_SIGNIN_BROKEN;
    }

    return KEEPERS_OK;
}
