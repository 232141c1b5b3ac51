
/*
 * Copyright (C) Keepers
 *
 * What is known of a customer as a person, sealed as one piece.
 *
 *   version 1 | name | email | phone (E.164 or empty) | phone as typed
 *   | placement | utm_source | utm_medium | utm_campaign | utm_term
 *   | utm_content
 */


#ifndef _WRITER_PERSON_H_INCLUDED_
#define _WRITER_PERSON_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"
#include "core/keepers_out.h"
#include "core/keepers_signup.h"


#define WRITER_PERSON_MAX       1280
#define WRITER_PERSON_SOURCES   6


/* Strings are views into buffers of the caller. */
typedef struct {
    keepers_str_t  name;
    keepers_str_t  email;
    keepers_str_t  phone;
    keepers_str_t  phone_typed;
    keepers_str_t  source[WRITER_PERSON_SOURCES];
} writer_person_t;


void writer_person_encode(const writer_person_t *person, keepers_out_t *out);
bool writer_person_decode(keepers_str_t plain, writer_person_t *person)
    keepers_checked;

/*
 * From a signup; the number is brought to E.164 with "country" in "e164".
 * What libphonenumber cannot read has no E.164 form, and all is kept as typed.
 */
void writer_person_signup(const keepers_signup_t *signup, const char *country,
    char e164[24], writer_person_t *person);

/* "name", "email" or "phone" holds "q", without regard to case. */
bool writer_person_matches(const writer_person_t *person, keepers_str_t q);

/* "a***@example.com" with bullets, "***4567" likewise. */
void writer_person_mask_email(keepers_str_t email, keepers_out_t *out);
void writer_person_mask_phone(keepers_str_t phone, keepers_out_t *out);


#endif /* _WRITER_PERSON_H_INCLUDED_ */
