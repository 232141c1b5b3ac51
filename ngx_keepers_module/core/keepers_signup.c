
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_signup.h"
#include "core/keepers_domain.h"
#include "core/keepers_email.h"
#include "core/keepers_name.h"
#include "core/keepers_phone.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_SIGNUP_SOURCES  6


static void keepers_signup_fault(keepers_faults_t *faults,
    keepers_signup_field_e field, keepers_fault_e fault);
static keepers_str_t keepers_signup_text(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults);
static void keepers_signup_check_name(const keepers_fieldset_t *set,
    const keepers_link_t *link, keepers_signup_t *signup,
    keepers_faults_t *faults, keepers_out_t *arena);
static void keepers_signup_check_email(const keepers_fieldset_t *set,
    const keepers_link_t *link, keepers_signup_t *signup,
    keepers_faults_t *faults, keepers_out_t *arena);
static void keepers_signup_check_phone(const keepers_fieldset_t *set,
    keepers_signup_t *signup, keepers_faults_t *faults, keepers_out_t *arena);
static keepers_str_t keepers_signup_typed(keepers_str_t typed,
    keepers_str_t read);
static bool keepers_signup_ticked(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults);
static void keepers_signup_consent(const keepers_link_t *link,
    keepers_consent_e kind, keepers_signup_t *signup, keepers_out_t *arena,
    keepers_signup_texts_t *texts);
static void keepers_signup_text_known(keepers_signup_texts_t *texts,
    keepers_str_t text, unsigned char hash[KEEPERS_HASH_LEN]);
static keepers_str_t keepers_signup_source(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults);
static keepers_str_t keepers_signup_tail(const keepers_out_t *arena,
    size_t mark);


static const keepers_str_t  keepers_signup_names[KEEPERS_SIGNUP_FIELDS] = {
    keepers_string("name"),
    keepers_string("email"),
    keepers_string("phone"),
    keepers_string("consent_email"),
    keepers_string("consent_sms"),
    keepers_string("locale"),
    keepers_string("placement"),
    keepers_string("utm_source"),
    keepers_string("utm_medium"),
    keepers_string("utm_campaign"),
    keepers_string("utm_term"),
    keepers_string("utm_content"),
    keepers_string("token"),
    keepers_string("website_confirm"),
    keepers_string("no_phone"),
    keepers_string("switch")
};

static const char *const  keepers_signup_codes[KEEPERS_FAULTS] = {
    "none",
    "required",
    "control",
    "too_long",
    "required",
    "syntax",
    "too_long",
    "disposable",
    "possible",
    "type",
    "encoding"
};


void
keepers_signup_fields(keepers_field_t fields[KEEPERS_SIGNUP_FIELDS],
    keepers_fieldset_t *set)
{
    keepers_fieldset_init(set, fields, keepers_signup_names,
                          KEEPERS_SIGNUP_FIELDS);
}


void
keepers_signup_check(const keepers_fieldset_t *set, const keepers_link_t *link,
    keepers_signup_t *signup, keepers_faults_t *faults, keepers_out_t *arena,
    keepers_signup_texts_t *texts)
{
    size_t         i;
    keepers_str_t  locale;

    memset(faults, 0, sizeof(keepers_faults_t));

    signup->flags &= (uint16_t) ~KEEPERS_SIGNUP_FOUND;
    signup->phone = keepers_str(NULL, 0);
    signup->phone_typed = keepers_str(NULL, 0);
    memset(signup->consent_email, 0, KEEPERS_HASH_LEN);
    memset(signup->consent_sms, 0, KEEPERS_HASH_LEN);

    keepers_signup_check_name(set, link, signup, faults, arena);
    keepers_signup_check_email(set, link, signup, faults, arena);

    if (link->flags & KEEPERS_LINK_PHONE) {
        keepers_signup_check_phone(set, signup, faults, arena);
    }

    locale = keepers_signup_text(set, KEEPERS_SIGNUP_LOCALE, faults);
    signup->locale = keepers_link_locale(locale) ? locale : link->locale;

    /* no one agrees to words that were not shown */

    if ((link->flags & KEEPERS_LINK_CONSENT_EMAIL)
        && keepers_signup_ticked(set, KEEPERS_SIGNUP_CONSENT_EMAIL, faults))
    {
        keepers_signup_consent(link, KEEPERS_CONSENT_EMAIL, signup, arena,
                               texts);
    }

    if ((link->flags & KEEPERS_LINK_CONSENT_SMS)
        && keepers_signup_ticked(set, KEEPERS_SIGNUP_CONSENT_SMS, faults))
    {
        keepers_signup_consent(link, KEEPERS_CONSENT_SMS, signup, arena,
                               texts);
    }

    for (i = 0; i < KEEPERS_SIGNUP_SOURCES; i++) {
        signup->source[i] = keepers_signup_source(set,
                                                  KEEPERS_SIGNUP_PLACEMENT + i,
                                                  faults);
    }
}


static void
keepers_signup_fault(keepers_faults_t *faults, keepers_signup_field_e field,
    keepers_fault_e fault)
{
    if (faults->of[field] == KEEPERS_FAULT_NONE) {
        faults->of[field] = (uint8_t) fault;
        faults->n++;
    }
}


/* The text of a field; empty when there is none, or with a fault. */

static keepers_str_t
keepers_signup_text(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults)
{
    const keepers_field_t  *f;

    f = &set->fields[field];

    switch (f->kind) {

    case KEEPERS_FIELD_STRING:
        return f->value;

    case KEEPERS_FIELD_ABSENT:
    case KEEPERS_FIELD_NULL:
        break;

    default:
        keepers_signup_fault(faults, field, KEEPERS_FAULT_TYPE);
    }

    return keepers_str(NULL, 0);
}


static void
keepers_signup_check_name(const keepers_fieldset_t *set,
    const keepers_link_t *link, keepers_signup_t *signup,
    keepers_faults_t *faults, keepers_out_t *arena)
{
    size_t           mark;
    keepers_str_t    typed;
    keepers_fault_e  fault;

    mark = arena->len;
    typed = keepers_signup_text(set, KEEPERS_SIGNUP_NAME, faults);
    fault = KEEPERS_FAULT_NONE;

    switch (keepers_name_read(typed, arena)) {

    case KEEPERS_OK:
        break;

    case KEEPERS_NAME_CONTROL:
        fault = KEEPERS_FAULT_NAME_CONTROL;
        break;

    case KEEPERS_NAME_ENCODING:
        fault = KEEPERS_FAULT_ENCODING;
        break;

    default:
        fault = KEEPERS_FAULT_NAME_TOO_LONG;
    }

    signup->name = keepers_signup_tail(arena, mark);

    if (fault == KEEPERS_FAULT_NONE && signup->name.len == 0
        && !(link->flags & KEEPERS_LINK_NAME_OPTIONAL))
    {
        fault = KEEPERS_FAULT_NAME_REQUIRED;
    }

    if (fault != KEEPERS_FAULT_NONE) {
        keepers_signup_fault(faults, KEEPERS_SIGNUP_NAME, fault);
    }

    signup->flags |= keepers_signup_suspicion(signup->name);
}


uint16_t
keepers_signup_suspicion(keepers_str_t name)
{
    uint16_t  flags;

    flags = 0;

    if (keepers_name_has_markup(name)) {
        flags |= KEEPERS_SIGNUP_HELD_MARKUP;
    }

    if (keepers_name_has_url(name)) {
        flags |= KEEPERS_SIGNUP_HELD_URL;
    }

    return flags;
}


static void
keepers_signup_check_email(const keepers_fieldset_t *set,
    const keepers_link_t *link, keepers_signup_t *signup,
    keepers_faults_t *faults, keepers_out_t *arena)
{
    int            rc;
    bool           eai;
    size_t         mark;
    keepers_str_t  typed;

    mark = arena->len;
    signup->email = keepers_str(NULL, 0);
    typed = keepers_signup_text(set, KEEPERS_SIGNUP_EMAIL, faults);

    if (keepers_text_trim(typed).len == 0) {
        keepers_signup_fault(faults, KEEPERS_SIGNUP_EMAIL,
                             KEEPERS_FAULT_EMAIL_REQUIRED);
        return;
    }

    rc = keepers_email_read(typed, arena, &eai);

    if (rc != KEEPERS_OK) {
        keepers_signup_fault(faults, KEEPERS_SIGNUP_EMAIL,
                             rc == KEEPERS_EMAIL_SYNTAX
                                 ? KEEPERS_FAULT_EMAIL_SYNTAX
                                 : KEEPERS_FAULT_EMAIL_TOO_LONG);
        return;
    }

    signup->email = keepers_signup_tail(arena, mark);

    if (eai) {
        signup->flags |= KEEPERS_SIGNUP_EAI;
    }

    if ((link->flags & KEEPERS_LINK_LASTING)
        && keepers_domain_disposable(keepers_domain_of(signup->email)))
    {
        keepers_signup_fault(faults, KEEPERS_SIGNUP_EMAIL,
                             KEEPERS_FAULT_EMAIL_DISPOSABLE);
    }
}


static void
keepers_signup_check_phone(const keepers_fieldset_t *set,
    keepers_signup_t *signup, keepers_faults_t *faults, keepers_out_t *arena)
{
    size_t                  mark;
    keepers_str_t           typed, without;
    const keepers_field_t  *f;

    mark = arena->len;
    f = &set->fields[KEEPERS_SIGNUP_NO_PHONE];
    without = f->value;

    /* who pressed "Join without a phone number" has none, good or bad */

    if (f->kind == KEEPERS_FIELD_TRUE
        || (f->kind == KEEPERS_FIELD_STRING && without.len == 1
            && without.data[0] == '1'))
    {
        return;
    }

    typed = keepers_signup_text(set, KEEPERS_SIGNUP_PHONE, faults);

    if (keepers_phone_read(typed, arena) != KEEPERS_OK) {
        keepers_signup_fault(faults, KEEPERS_SIGNUP_PHONE,
                             KEEPERS_FAULT_PHONE_POSSIBLE);
        return;
    }

    signup->phone = keepers_signup_tail(arena, mark);
    signup->phone_typed = keepers_signup_typed(typed, signup->phone);
}


/*
 * As it was typed, for a person who reads it better than we do; empty if that
 * is what was read, or if it has marks that no one sees.
 */

static keepers_str_t
keepers_signup_typed(keepers_str_t typed, keepers_str_t read)
{
    typed = keepers_text_trim(typed);

    if (read.len == 0 || keepers_str_eq(typed, read)
        || keepers_text_has_control(typed))
    {
        return keepers_str(NULL, 0);
    }

    return typed;
}


/* The text of the link, or the standard one in the language of the page. */

static void
keepers_signup_consent(const keepers_link_t *link, keepers_consent_e kind,
    keepers_signup_t *signup, keepers_out_t *arena,
    keepers_signup_texts_t *texts)
{
    size_t          mark;
    keepers_str_t   text;
    unsigned char  *hash;

    text = (kind == KEEPERS_CONSENT_EMAIL) ? link->consent_email
                                           : link->consent_sms;
    hash = (kind == KEEPERS_CONSENT_EMAIL) ? signup->consent_email
                                           : signup->consent_sms;

    if (text.len == 0) {
        mark = arena->len;
        keepers_consent_text(keepers_consent_language(signup->locale), kind,
                             link->business_name, arena);
        text = keepers_signup_tail(arena, mark);
    }

    if (texts != NULL && text.len != 0
        && text.len <= KEEPERS_CONSENT_TEXT_MAX)
    {
        keepers_signup_text_known(texts, text, hash);
        return;
    }

    keepers_signup_text_hash(text, hash);
}


/* The place follows from the text: another one that comes there replaces it. */

static void
keepers_signup_text_known(keepers_signup_texts_t *texts, keepers_str_t text,
    unsigned char hash[KEEPERS_HASH_LEN])
{
    size_t  i;

    i = (text.len + text.data[text.len / 2]) % KEEPERS_SIGNUP_TEXTS;

    if (texts->of[i].len != text.len
        || memcmp(texts->of[i].text, text.data, text.len) != 0)
    {
        keepers_signup_text_hash(text, texts->of[i].hash);

        memcpy(texts->of[i].text, text.data, text.len);
        texts->of[i].len = text.len;
    }

    memcpy(hash, texts->of[i].hash, KEEPERS_HASH_LEN);
}


/* Only a plain yes is a consent; what is neither yes nor no is a fault. */

static bool
keepers_signup_ticked(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults)
{
    const keepers_field_t  *f;

    f = &set->fields[field];

    switch (f->kind) {

    case KEEPERS_FIELD_TRUE:
        return true;

    case KEEPERS_FIELD_ABSENT:
    case KEEPERS_FIELD_FALSE:
    case KEEPERS_FIELD_NULL:
        return false;

    case KEEPERS_FIELD_STRING:

        if (f->value.len == 0) {
            return false;
        }

        if (f->value.len == 1
            && (f->value.data[0] == '0' || f->value.data[0] == '1'))
        {
            return f->value.data[0] == '1';
        }

        break;

    default:
        break;
    }

    keepers_signup_fault(faults, field, KEEPERS_FAULT_TYPE);

    return false;
}


/* Whence someone came is not worth losing them for: cut, or left out. */

static keepers_str_t
keepers_signup_source(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults)
{
    keepers_str_t  s;

    s = keepers_text_trim(keepers_signup_text(set, field, faults));

    if (s.len == 0 || keepers_text_has_control(s)) {
        return keepers_str(NULL, 0);
    }

    s = keepers_text_utf8_cut(s, KEEPERS_SOURCE_LEN_MAX);

    return keepers_text_trim(s);
}


/* What was written to the arena since "mark". */

static keepers_str_t
keepers_signup_tail(const keepers_out_t *arena, size_t mark)
{
    if (arena->len == mark) {
        return keepers_str(NULL, 0);
    }

    return keepers_str(&arena->data[mark], arena->len - mark);
}


void
keepers_signup_text_hash(keepers_str_t text,
    unsigned char hash[KEEPERS_HASH_LEN])
{
    (void) crypto_generichash(hash, KEEPERS_HASH_LEN, text.data, text.len,
                              NULL, 0);
}


const char *
keepers_signup_field_name(keepers_signup_field_e field)
{
    /* the table is of literals, which end in NUL */

    return (unsigned) field < KEEPERS_SIGNUP_FIELDS
           ? (const char *) keepers_signup_names[field].data : "unknown";
}


const char *
keepers_signup_fault_code(keepers_fault_e fault)
{
    return (unsigned) fault < KEEPERS_FAULTS ? keepers_signup_codes[fault]
                                             : "unknown";
}
