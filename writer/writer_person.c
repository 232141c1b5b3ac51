
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_person.h"

#include "writer/writer_phone.h"

#include "core/keepers_in.h"
#include "core/keepers_keyring.h"
#include "core/keepers_phone.h"
#include "core/keepers_text.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>


#define WRITER_PERSON_VERSION    1
#define WRITER_PERSON_BULLETS    "\342\200\242\342\200\242\342\200\242"
#define WRITER_PERSON_FOLD_MAX   1536


static bool writer_person_folded(keepers_str_t hay, keepers_str_t needle);
static keepers_str_t writer_person_fold(keepers_str_t s, unsigned char *buf,
    size_t size);
static bool writer_person_typed(keepers_str_t typed, keepers_str_t q);
static bool writer_person_digits(keepers_str_t phone, keepers_str_t q);


void
writer_person_encode(const writer_person_t *person, keepers_out_t *out)
{
    size_t  i;

    keepers_out_byte(out, WRITER_PERSON_VERSION);
    keepers_out_lstr(out, person->name);
    keepers_out_lstr(out, person->email);
    keepers_out_lstr(out, person->phone);
    keepers_out_lstr(out, person->phone_typed);

    for (i = 0; i < WRITER_PERSON_SOURCES; i++) {
        keepers_out_lstr(out, person->source[i]);
    }
}


bool
writer_person_decode(keepers_str_t plain, writer_person_t *person)
{
    size_t        i;
    uint8_t       version;
    keepers_in_t  in;

    keepers_in_init(&in, plain);

    version = keepers_in_u8(&in);
    person->name = keepers_in_lstr(&in);
    person->email = keepers_in_lstr(&in);
    person->phone = keepers_in_lstr(&in);
    person->phone_typed = keepers_in_lstr(&in);

    for (i = 0; i < WRITER_PERSON_SOURCES; i++) {
        person->source[i] = keepers_in_lstr(&in);
    }

    return keepers_in_done(&in) && version == WRITER_PERSON_VERSION;
}


void
writer_person_signup(const keepers_signup_t *signup, const char *country,
    char e164[24], writer_person_t *person)
{
    size_t  i;

    person->name = signup->name;
    person->email = signup->email;
    person->phone = keepers_str(NULL, 0);
    person->phone_typed = signup->phone_typed.len != 0 ? signup->phone_typed
                                                       : signup->phone;

    if (signup->phone.len != 0
        && writer_phone_e164((const char *) signup->phone.data,
                             signup->phone.len, country, e164, 24)
           != 0)
    {
        person->phone = keepers_str(e164, strlen(e164));
    }

    for (i = 0; i < WRITER_PERSON_SOURCES; i++) {
        person->source[i] = signup->source[i];
    }
}


bool
writer_person_matches(const writer_person_t *person, keepers_str_t q)
{
    return writer_person_folded(person->name, q)
           || writer_person_folded(person->email, q)
           || writer_person_digits(person->phone, q)
           || writer_person_typed(person->phone_typed, q);
}


/* The digits of it, whichever way they were typed. */
static bool
writer_person_typed(keepers_str_t typed, keepers_str_t q)
{
    bool           found;
    keepers_out_t  out;
    unsigned char  buf[1 + KEEPERS_PHONE_DIGITS_MAX];

    keepers_out_init(&out, buf, sizeof(buf));

    found = keepers_phone_read(typed, &out) == KEEPERS_OK
            && writer_person_digits(keepers_out_written(&out), q);

    keepers_wipe(buf, sizeof(buf));

    return found;
}


static bool
writer_person_folded(keepers_str_t hay, keepers_str_t needle)
{
    bool           found;
    keepers_str_t  h, n;
    unsigned char  hay_buf[WRITER_PERSON_FOLD_MAX];
    unsigned char  needle_buf[WRITER_PERSON_FOLD_MAX];

    h = writer_person_fold(hay, hay_buf, sizeof(hay_buf));
    n = writer_person_fold(needle, needle_buf, sizeof(needle_buf));

    found = n.len == 0
            || (h.len >= n.len
                && memmem(h.data, h.len, n.data, n.len) != NULL);

    keepers_wipe(hay_buf, h.len);
    keepers_wipe(needle_buf, n.len);

    return found;
}


/* Simple for ASCII, which most rows are; else full folding of NFC. */
static keepers_str_t
writer_person_fold(keepers_str_t s, unsigned char *buf, size_t size)
{
    size_t    i, len;
    uint8_t  *folded;

    for (i = 0; i < s.len && i < size && s.data[i] < 0x80; i++) {
        buf[i] = keepers_text_lower(s.data[i]);
    }

    if (i == s.len) {
        return keepers_str(buf, i);
    }

    len = size;
    folded = u8_casefold(s.data, s.len, NULL, UNINORM_NFC, buf, &len);

    if (folded == NULL) {
        return keepers_str(buf, 0);
    }

    if (folded != buf) {
        /* longer than any row can be: cut, not kept */
        memcpy(buf, folded, size);
        keepers_wipe(folded, len);
        free(folded);
        len = size;
    }

    return keepers_str(buf, len);
}


/* "020 7946" finds +442079460958: digits alone, without a trunk zero. */
static bool
writer_person_digits(keepers_str_t phone, keepers_str_t q)
{
    size_t         i, n;
    unsigned char  digits[32];

    n = 0;

    for (i = 0; i < q.len; i++) {
        if (q.data[i] >= '0' && q.data[i] <= '9') {
            if (n == sizeof(digits)) {
                return false;
            }

            if (n != 0 || q.data[i] != '0') {
                digits[n++] = q.data[i];
            }

        } else if (strchr("+-./() ", q.data[i]) == NULL) {
            return false;
        }
    }

    return n >= 2 && phone.len >= n
           && memmem(phone.data, phone.len, digits, n) != NULL;
}


void
writer_person_mask_email(keepers_str_t email, keepers_out_t *out)
{
    size_t                first;
    const unsigned char  *at;

    at = email.len != 0 ? memrchr(email.data, '@', email.len) : NULL;

    if (at == NULL) {
        return;
    }

    /* the first character, whole */
    for (first = 1; first < (size_t) (at - email.data)
         && (email.data[first] & 0xc0) == 0x80; first++)
    {
        /* void */
    }

    keepers_out_bytes(out, email.data, first);
    keepers_out_text(out, WRITER_PERSON_BULLETS);
    keepers_out_bytes(out, at,
                      email.len - (size_t) (at - email.data));
}


void
writer_person_mask_phone(keepers_str_t phone, keepers_out_t *out)
{
    keepers_out_t  read;
    keepers_str_t  digits;
    unsigned char  buf[1 + KEEPERS_PHONE_DIGITS_MAX];

    if (phone.len == 0) {
        return;
    }

    keepers_out_text(out, WRITER_PERSON_BULLETS);
    keepers_out_init(&read, buf, sizeof(buf));

    if (keepers_phone_read(phone, &read) != KEEPERS_OK) {
        return;
    }

    digits = keepers_out_written(&read);

    if (digits.len > 6) {
        keepers_out_bytes(out, digits.data + digits.len - 4, 4);
    }

    keepers_wipe(buf, sizeof(buf));
}
