
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_signup.h"
#include "core/keepers_email.h"
#include "core/keepers_envelope.h"
#include "core/keepers_in.h"
#include "core/keepers_name.h"
#include "core/keepers_phone.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_SIGNUP_PHONE_MAX   (1 + KEEPERS_PHONE_DIGITS_MAX)
#define KEEPERS_SIGNUP_SOURCES     6

#define KEEPERS_SIGNUP_FLAGS       (KEEPERS_SIGNUP_EAI | KEEPERS_SIGNUP_HELD \
                                    | KEEPERS_SIGNUP_FORM                    \
                                    | KEEPERS_SIGNUP_DEGRADED)

/* the flags that follow from the fields, and are set here */
#define KEEPERS_SIGNUP_FOUND       (KEEPERS_SIGNUP_EAI                       \
                                    | KEEPERS_SIGNUP_HELD_MARKUP             \
                                    | KEEPERS_SIGNUP_HELD_URL)


static void keepers_signup_fault(keepers_faults_t *faults,
    keepers_signup_field_e field, keepers_fault_e fault);
static keepers_str_t keepers_signup_text(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults);
static void keepers_signup_check_name(const keepers_fieldset_t *set,
    const keepers_link_t *link, keepers_signup_t *signup,
    keepers_faults_t *faults, keepers_out_t *arena);
static uint16_t keepers_signup_suspicion(keepers_str_t name);
static void keepers_signup_check_email(const keepers_fieldset_t *set,
    keepers_signup_t *signup, keepers_faults_t *faults, keepers_out_t *arena);
static void keepers_signup_check_phone(const keepers_fieldset_t *set,
    keepers_signup_t *signup, keepers_faults_t *faults, keepers_out_t *arena);
static bool keepers_signup_ticked(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults);
static void keepers_signup_consent(const keepers_link_t *link,
    keepers_consent_e kind, keepers_signup_t *signup, keepers_out_t *arena);
static keepers_str_t keepers_signup_source(const keepers_fieldset_t *set,
    keepers_signup_field_e field, keepers_faults_t *faults);
static keepers_str_t keepers_signup_tail(const keepers_out_t *arena,
    size_t mark);
static bool keepers_signup_shape(const keepers_signup_t *signup);
static bool keepers_signup_sources_sound(const keepers_signup_t *signup);


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
    keepers_string("no_phone")
};

static const char *const  keepers_signup_codes[KEEPERS_FAULTS] = {
    "none",
    "required",
    "control",
    "too_long",
    "required",
    "syntax",
    "too_long",
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
    keepers_signup_t *signup, keepers_faults_t *faults, keepers_out_t *arena)
{
    size_t         i;
    keepers_str_t  locale;

    memset(faults, 0, sizeof(keepers_faults_t));

    signup->flags &= (uint16_t) ~KEEPERS_SIGNUP_FOUND;
    signup->phone = keepers_str(NULL, 0);
    memset(signup->consent_email, 0, KEEPERS_HASH_LEN);
    memset(signup->consent_sms, 0, KEEPERS_HASH_LEN);

    keepers_signup_check_name(set, link, signup, faults, arena);
    keepers_signup_check_email(set, signup, faults, arena);

    if (link->flags & KEEPERS_LINK_PHONE) {
        keepers_signup_check_phone(set, signup, faults, arena);
    }

    locale = keepers_signup_text(set, KEEPERS_SIGNUP_LOCALE, faults);
    signup->locale = keepers_link_locale(locale) ? locale : link->locale;

    /* no one agrees to words that were not shown */

    if ((link->flags & KEEPERS_LINK_CONSENT_EMAIL)
        && keepers_signup_ticked(set, KEEPERS_SIGNUP_CONSENT_EMAIL, faults))
    {
        keepers_signup_consent(link, KEEPERS_CONSENT_EMAIL, signup, arena);
    }

    if ((link->flags & KEEPERS_LINK_CONSENT_SMS)
        && keepers_signup_ticked(set, KEEPERS_SIGNUP_CONSENT_SMS, faults))
    {
        keepers_signup_consent(link, KEEPERS_CONSENT_SMS, signup, arena);
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


/* What a business is asked about before it meets such a name. */

static uint16_t
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
    keepers_signup_t *signup, keepers_faults_t *faults, keepers_out_t *arena)
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
}


/* The text of the link, or the standard one in the language of the page. */

static void
keepers_signup_consent(const keepers_link_t *link, keepers_consent_e kind,
    keepers_signup_t *signup, keepers_out_t *arena)
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

    keepers_signup_text_hash(text, hash);
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

    if (keepers_text_has_control(s)) {
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
keepers_signup_encode(const keepers_signup_t *signup, keepers_out_t *out)
{
    size_t  i;

    keepers_out_byte(out, KEEPERS_RECORD_SIGNUP);
    keepers_out_byte(out, KEEPERS_SIGNUP_VERSION);
    keepers_out_u16(out, signup->flags);
    keepers_out_bytes(out, signup->id.bytes, KEEPERS_UUID_LEN);
    keepers_out_u64(out, signup->received_ms);
    keepers_out_bytes(out, signup->net, sizeof(signup->net));
    keepers_out_bytes(out, signup->digest, KEEPERS_HASH_LEN);
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

    if (!keepers_in_done(&in)
        || kind != KEEPERS_RECORD_SIGNUP
        || version != KEEPERS_SIGNUP_VERSION
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

    keepers_out_init(&out, buf, sizeof(buf));

    return keepers_phone_read(signup->phone, &out) == KEEPERS_OK
           && keepers_str_eq(keepers_out_written(&out), signup->phone);
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
