
/*
 * Copyright (C) Keepers
 *
 * The rules of the signup fields, and the record they make.  The edge and the
 * writer both run them: the writer decodes the record, and checks it again.
 *
 * Record: kind 1 (KEEPERS_RECORD_SIGNUP) | version 1 | flags 2 | id 16
 *   | received ms 8 | coarse net 8 | idempotency digest 32
 *   | consent e-mail hash 32 or zeros | consent sms hash 32 or zeros
 *   | slug | name | email | phone | locale | placement | utm_source
 *   | utm_medium | utm_campaign | utm_term | utm_content
 *   | phone as typed, empty if that is the phone; none in version 1
 */


#ifndef _KEEPERS_SIGNUP_H_INCLUDED_
#define _KEEPERS_SIGNUP_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_consent.h"
#include "core/keepers_field.h"
#include "core/keepers_keyring.h"
#include "core/keepers_link.h"
#include "core/keepers_out.h"


#define KEEPERS_SIGNUP_RECORD_MAX   2048
#define KEEPERS_SIGNUP_VERSION      2

/* what keepers_signup_check() writes at most */
#define KEEPERS_SIGNUP_ARENA        (KEEPERS_NAME_LEN_MAX                    \
                                     + KEEPERS_EMAIL_LEN_MAX                 \
                                     + KEEPERS_PHONE_LEN_MAX                 \
                                     + 2 * KEEPERS_CONSENT_TEXT_MAX)


/* Positions in the field table: the names stand in keepers_signup.c. */
typedef enum {
    KEEPERS_SIGNUP_NAME = 0,
    KEEPERS_SIGNUP_EMAIL,
    KEEPERS_SIGNUP_PHONE,
    KEEPERS_SIGNUP_CONSENT_EMAIL,
    KEEPERS_SIGNUP_CONSENT_SMS,
    KEEPERS_SIGNUP_LOCALE,
    KEEPERS_SIGNUP_PLACEMENT,
    KEEPERS_SIGNUP_UTM_SOURCE,
    KEEPERS_SIGNUP_UTM_MEDIUM,
    KEEPERS_SIGNUP_UTM_CAMPAIGN,
    KEEPERS_SIGNUP_UTM_TERM,
    KEEPERS_SIGNUP_UTM_CONTENT,
    KEEPERS_SIGNUP_TOKEN,           /* form only */
    KEEPERS_SIGNUP_HONEYPOT,        /* form only: "website_confirm" */
    KEEPERS_SIGNUP_NO_PHONE,        /* form only: button "join without" */
    KEEPERS_SIGNUP_SWITCH,          /* form only: button of a language */
    KEEPERS_SIGNUP_FIELDS
} keepers_signup_field_e;


#define KEEPERS_SIGNUP_EAI           0x0001   /* local part not ASCII */
#define KEEPERS_SIGNUP_HELD_MARKUP   0x0002   /* held: markup in the name */
#define KEEPERS_SIGNUP_HELD_URL      0x0004   /* held: URL in the name */
#define KEEPERS_SIGNUP_HELD_TRAP     0x0008   /* held: honeypot */
#define KEEPERS_SIGNUP_FORM          0x0010   /* else JSON */
#define KEEPERS_SIGNUP_DEGRADED      0x0020   /* taken without Redis */
#define KEEPERS_SIGNUP_HELD_BUDGET   0x0040   /* held: over a limit */
#define KEEPERS_SIGNUP_HELD          (KEEPERS_SIGNUP_HELD_MARKUP             \
                                      | KEEPERS_SIGNUP_HELD_URL              \
                                      | KEEPERS_SIGNUP_HELD_TRAP             \
                                      | KEEPERS_SIGNUP_HELD_BUDGET)

/* the flags that follow from the fields, and are set here */
#define KEEPERS_SIGNUP_FOUND         (KEEPERS_SIGNUP_EAI                     \
                                      | KEEPERS_SIGNUP_HELD_MARKUP           \
                                      | KEEPERS_SIGNUP_HELD_URL)


/* A fault's code reads "email.syntax"; see keepers_signup_fault_code(). */
typedef enum {
    KEEPERS_FAULT_NONE = 0,
    KEEPERS_FAULT_NAME_REQUIRED,
    KEEPERS_FAULT_NAME_CONTROL,
    KEEPERS_FAULT_NAME_TOO_LONG,
    KEEPERS_FAULT_EMAIL_REQUIRED,
    KEEPERS_FAULT_EMAIL_SYNTAX,
    KEEPERS_FAULT_EMAIL_TOO_LONG,
    KEEPERS_FAULT_EMAIL_DISPOSABLE,
    KEEPERS_FAULT_PHONE_POSSIBLE,
    KEEPERS_FAULT_TYPE,             /* JSON: not a string, not a boolean */
    KEEPERS_FAULT_ENCODING,
    KEEPERS_FAULTS
} keepers_fault_e;


typedef struct {
    uint8_t          of[KEEPERS_SIGNUP_FIELDS];     /* keepers_fault_e */
    size_t           n;
} keepers_faults_t;


/* Strings are views into buffers of the caller. */
typedef struct {
    keepers_uuid_t   id;
    uint64_t         received_ms;
    unsigned char    net[8];
    unsigned char    digest[KEEPERS_HASH_LEN];      /* idempotency */
    unsigned char    consent_email[KEEPERS_HASH_LEN];   /* zeros: not given */
    unsigned char    consent_sms[KEEPERS_HASH_LEN];
    keepers_str_t    slug;
    keepers_str_t    name;
    keepers_str_t    email;
    keepers_str_t    phone;             /* cleaned; see keepers_phone.h */
    keepers_str_t    phone_typed;       /* empty: as that */
    keepers_str_t    locale;
    keepers_str_t    source[6];         /* placement, five utm fields */
    uint16_t         flags;
} keepers_signup_t;


/*
 * Texts of consents with their hashes, of a caller who hashes the same ones
 * again and again; zeros: none.  They are a business's words and not a
 * person's.  A longer one is not kept.
 */
#define KEEPERS_SIGNUP_TEXTS  32

typedef struct {
    struct {
        size_t         len;
        unsigned char  text[KEEPERS_CONSENT_TEXT_MAX];
        unsigned char  hash[KEEPERS_HASH_LEN];
    } of[KEEPERS_SIGNUP_TEXTS];
} keepers_signup_texts_t;


/* A field table with the names set: fields[KEEPERS_SIGNUP_FIELDS]. */
void keepers_signup_fields(keepers_field_t fields[KEEPERS_SIGNUP_FIELDS],
    keepers_fieldset_t *set);

/*
 * Checks the fields against the link's rules and fills name, email, both
 * phones, consents, locale, source and the flags EAI, HELD_MARKUP and HELD_URL.
 * What is normalised is written to "arena" (KEEPERS_SIGNUP_ARENA bytes).
 * faults->n == 0: all is well.
 * The rest of "signup" (id, times, net, digest, slug) is the caller's.
 * A consent's hash is keepers_signup_text_hash() of the exact text: the link's,
 * or the standard one in the language of "locale"; "texts" may be NULL.
 */
void keepers_signup_check(const keepers_fieldset_t *set,
    const keepers_link_t *link, keepers_signup_t *signup,
    keepers_faults_t *faults, keepers_out_t *arena,
    keepers_signup_texts_t *texts);

void keepers_signup_encode(const keepers_signup_t *signup, keepers_out_t *out);

/* Sets the digest, of what the person said as it is stored: not of when. */
void keepers_signup_digest(const unsigned char key[KEEPERS_KEY_LEN],
    keepers_signup_t *signup);

enum {
    KEEPERS_SIGNUP_BROKEN = 1
};

/* Shape only; strings are views into "record". */
int keepers_signup_decode(keepers_str_t record, keepers_signup_t *signup)
    keepers_checked;

/*
 * The writer's second look: are name, email, phone, sources and what is found
 * in them (EAI, HELD_MARKUP, HELD_URL) what keepers_signup_check() would have
 * made?  Byte equality after a new pass.
 */
bool keepers_signup_sound(const keepers_signup_t *signup);

/* HELD_...: what a business is asked about before it meets such a name. */
uint16_t keepers_signup_suspicion(keepers_str_t name);

/* BLAKE2b-256 of a consent text. */
void keepers_signup_text_hash(keepers_str_t text,
    unsigned char hash[KEEPERS_HASH_LEN]);

/* "name", "email" ...; and "required", "syntax" ... */
const char *keepers_signup_field_name(keepers_signup_field_e field);
const char *keepers_signup_fault_code(keepers_fault_e fault);


#endif /* _KEEPERS_SIGNUP_H_INCLUDED_ */
