
/*
 * Copyright (C) Keepers
 *
 * The record of a signup, and the writer's second look at it.
 */


#include "core/keepers_signup.h"
#include "core/keepers_email.h"
#include "core/keepers_envelope.h"
#include "core/keepers_in.h"
#include "core/keepers_keyring.h"
#include "core/keepers_name.h"
#include "core/keepers_phone.h"
#include "core/keepers_text.h"


#define KEEPERS_SIGNUP_PHONE_MAX   (1 + KEEPERS_PHONE_DIGITS_MAX)
#define KEEPERS_SIGNUP_SOURCES     6

/* without the number as it was typed; still in the spool after an upgrade */
#define KEEPERS_SIGNUP_VERSION_1   1

#define KEEPERS_SIGNUP_FLAGS       (KEEPERS_SIGNUP_EAI | KEEPERS_SIGNUP_HELD \
                                    | KEEPERS_SIGNUP_FORM                    \
                                    | KEEPERS_SIGNUP_DEGRADED)


static void keepers_signup_said(const keepers_signup_t *signup,
    keepers_out_t *out);
static bool keepers_signup_shape(const keepers_signup_t *signup);
static bool keepers_signup_sources_sound(const keepers_signup_t *signup);
static bool keepers_signup_phone_sound(keepers_str_t typed,
    keepers_str_t phone);


void
keepers_signup_encode(const keepers_signup_t *signup, keepers_out_t *out)
{
    keepers_out_byte(out, KEEPERS_RECORD_SIGNUP);
    keepers_out_byte(out, KEEPERS_SIGNUP_VERSION);
    keepers_out_u16(out, signup->flags);
    keepers_out_bytes(out, signup->id.bytes, KEEPERS_UUID_LEN);
    keepers_out_u64(out, signup->received_ms);
    keepers_out_bytes(out, signup->net, sizeof(signup->net));
    keepers_out_bytes(out, signup->digest, KEEPERS_HASH_LEN);
    keepers_signup_said(signup, out);
    keepers_out_lstr(out, signup->phone_typed);
}


void
keepers_signup_digest(const unsigned char key[KEEPERS_KEY_LEN],
    keepers_signup_t *signup)
{
    keepers_out_t  out;
    keepers_str_t  said;
    unsigned char  buf[KEEPERS_SIGNUP_RECORD_MAX];

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_signup_said(signup, &out);

    said = keepers_out_written(&out);
    keepers_keyed_hash(key, &said, 1, signup->digest, KEEPERS_HASH_LEN);

    keepers_wipe(buf, out.len);
}


static void
keepers_signup_said(const keepers_signup_t *signup, keepers_out_t *out)
{
    size_t  i;

    keepers_out_bytes(out, signup->consent_email, KEEPERS_HASH_LEN);
    keepers_out_bytes(out, signup->consent_sms, KEEPERS_HASH_LEN);
    keepers_out_lstr(out, signup->slug);
    keepers_out_lstr(out, signup->name);
    keepers_out_lstr(out, signup->email);
    keepers_out_lstr(out, signup->phone);
    keepers_out_lstr(out, signup->locale);

    for (i = 0; i < KEEPERS_SIGNUP_SOURCES; i++) {
        keepers_out_lstr(out, signup->source[i]);
    }
}


int
keepers_signup_decode(keepers_str_t record, keepers_signup_t *signup)
{
    size_t        i;
    uint8_t       kind, version;
    keepers_in_t  in;

    keepers_in_init(&in, record);

    kind = keepers_in_u8(&in);
    version = keepers_in_u8(&in);
    signup->flags = keepers_in_u16(&in);
    keepers_in_bytes(&in, signup->id.bytes, KEEPERS_UUID_LEN);
    signup->received_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, signup->net, sizeof(signup->net));
    keepers_in_bytes(&in, signup->digest, KEEPERS_HASH_LEN);
    keepers_in_bytes(&in, signup->consent_email, KEEPERS_HASH_LEN);
    keepers_in_bytes(&in, signup->consent_sms, KEEPERS_HASH_LEN);
    signup->slug = keepers_in_lstr(&in);
    signup->name = keepers_in_lstr(&in);
    signup->email = keepers_in_lstr(&in);
    signup->phone = keepers_in_lstr(&in);
    signup->locale = keepers_in_lstr(&in);

    for (i = 0; i < KEEPERS_SIGNUP_SOURCES; i++) {
        signup->source[i] = keepers_in_lstr(&in);
    }

    signup->phone_typed = version != KEEPERS_SIGNUP_VERSION_1
                          ? keepers_in_lstr(&in) : keepers_str(NULL, 0);

    if (!keepers_in_done(&in)
        || kind != KEEPERS_RECORD_SIGNUP
        || (version != KEEPERS_SIGNUP_VERSION
            && version != KEEPERS_SIGNUP_VERSION_1)
        || record.len > KEEPERS_SIGNUP_RECORD_MAX
        || !keepers_signup_shape(signup))
    {
        memset(signup, 0, sizeof(keepers_signup_t));
        return KEEPERS_SIGNUP_BROKEN;
    }

    return KEEPERS_OK;
}


static bool
keepers_signup_shape(const keepers_signup_t *signup)
{
    size_t  i;

    for (i = 0; i < KEEPERS_SIGNUP_SOURCES; i++) {
        if (signup->source[i].len > KEEPERS_SOURCE_LEN_MAX
            || keepers_text_has_control(signup->source[i]))
        {
            return false;
        }
    }

    return (signup->flags & ~KEEPERS_SIGNUP_FLAGS) == 0
           && keepers_text_slug(signup->slug)
           && signup->name.len <= KEEPERS_NAME_LEN_MAX
           && signup->email.len <= KEEPERS_EMAIL_LEN_MAX
           && signup->phone.len <= KEEPERS_SIGNUP_PHONE_MAX
           && signup->phone_typed.len <= KEEPERS_PHONE_LEN_MAX
           && (signup->locale.len == 0
               || keepers_link_locale(signup->locale));
}


bool
keepers_signup_sound(const keepers_signup_t *signup)
{
    bool           eai;
    uint16_t       found;
    keepers_out_t  out;
    unsigned char  buf[KEEPERS_NAME_LEN_MAX];

    keepers_out_init(&out, buf, sizeof(buf));

    if (keepers_name_read(signup->name, &out) != KEEPERS_OK
        || !keepers_str_eq(keepers_out_written(&out), signup->name))
    {
        return false;
    }

    keepers_out_init(&out, buf, sizeof(buf));

    if (keepers_email_read(signup->email, &out, &eai) != KEEPERS_OK
        || !keepers_str_eq(keepers_out_written(&out), signup->email))
    {
        return false;
    }

    /* an edge cannot forget to have such a name held */

    found = keepers_signup_suspicion(signup->name);

    if (eai) {
        found |= KEEPERS_SIGNUP_EAI;
    }

    if ((signup->flags & KEEPERS_SIGNUP_FOUND) != found
        || !keepers_signup_sources_sound(signup))
    {
        return false;
    }

    return keepers_signup_phone_sound(signup->phone, signup->phone)
           && (signup->phone_typed.len == 0
               || (!keepers_text_has_control(signup->phone_typed)
                   && keepers_signup_phone_sound(signup->phone_typed,
                                                 signup->phone)));
}


/* Is that what is read from it? */

static bool
keepers_signup_phone_sound(keepers_str_t typed, keepers_str_t phone)
{
    keepers_out_t  out;
    unsigned char  buf[KEEPERS_SIGNUP_PHONE_MAX];

    keepers_out_init(&out, buf, sizeof(buf));

    return keepers_phone_read(typed, &out) == KEEPERS_OK
           && keepers_str_eq(keepers_out_written(&out), phone);
}


static bool
keepers_signup_sources_sound(const keepers_signup_t *signup)
{
    size_t         i;
    keepers_str_t  s;

    for (i = 0; i < KEEPERS_SIGNUP_SOURCES; i++) {
        s = signup->source[i];

        if (keepers_text_trim(s).len != s.len) {
            return false;
        }
    }

    return true;
}
