
/*
 * Copyright (C) Keepers
 *
 * What a loyalty link's record carries.  Binary, big-endian, strings with a
 * u16 length: no JSON parser stands between a customer and the page.
 *
 *   version 1 | state 1 | flags 1 | retention days 2 | color 3 (RGB)
 *   | updated ms 8 | business 16 | slug | business name | offer | country
 *   | locale | consent e-mail text | consent sms text
 */


#ifndef _KEEPERS_LINK_H_INCLUDED_
#define _KEEPERS_LINK_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


#define KEEPERS_LINK_RECORD_MAX  2048       /* encoded */


typedef enum {
    KEEPERS_LINK_OPEN = 1,
    KEEPERS_LINK_CLOSED = 2         /* a deleted link has no record */
} keepers_link_state_e;


#define KEEPERS_LINK_PHONE           0x01   /* asks for a phone number */
#define KEEPERS_LINK_NAME_OPTIONAL   0x02
#define KEEPERS_LINK_CONSENT_EMAIL   0x04   /* shows this box */
#define KEEPERS_LINK_CONSENT_SMS     0x08
#define KEEPERS_LINK_LASTING         0x10   /* no addresses for an hour */


enum {
    KEEPERS_LINK_BROKEN = 1
};


typedef struct {
    uint64_t         updated_ms;
    keepers_uuid_t   business;
    keepers_str_t    slug;
    keepers_str_t    business_name;     /* <= 100 bytes */
    keepers_str_t    offer;             /* what you get, <= 300 bytes */
    keepers_str_t    country;           /* "GB", or empty */
    keepers_str_t    locale;            /* "en" */
    keepers_str_t    consent_email;     /* exact text, <= 500 bytes; empty
                                           under its flag: the standard one,
                                           see keepers_consent.h */
    keepers_str_t    consent_sms;
    uint16_t         retention_days;    /* 0: until asked to delete */
    unsigned char    color[3];
    uint8_t          state;
    uint8_t          flags;
} keepers_link_t;


void keepers_link_encode(const keepers_link_t *link, keepers_out_t *out);

/* Strings are views into "record". */
int keepers_link_decode(keepers_str_t record, keepers_link_t *link)
    keepers_checked;

/* Its two halves: where its parts are, and whether each may be what it is. */
int keepers_link_read(keepers_str_t record, keepers_link_t *link)
    keepers_checked;
bool keepers_link_sound(const keepers_link_t *link);

/* [A-Za-z0-9-]{2,16}: a language tag that may be stored and shown. */
bool keepers_link_locale(keepers_str_t s);

/*
 * Are letters on this color white?  Else they are black: one of the two has a
 * contrast of 4.5 with any color (WCAG 2.2, 1.4.3), whatever a business likes.
 */
bool keepers_link_white(const unsigned char color[3]);


#endif /* _KEEPERS_LINK_H_INCLUDED_ */
