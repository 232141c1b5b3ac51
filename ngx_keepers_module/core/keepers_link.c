
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_link.h"
#include "core/keepers_in.h"
#include "core/keepers_text.h"


#define KEEPERS_LINK_VERSION        1

#define KEEPERS_LINK_NAME_MAX       100
#define KEEPERS_LINK_OFFER_MAX      300
#define KEEPERS_LINK_CONSENT_MAX    500
#define KEEPERS_LINK_LOCALE_MIN     2
#define KEEPERS_LINK_LIGHT_STEP     15

#define KEEPERS_LINK_FLAGS          (KEEPERS_LINK_PHONE                      \
                                     | KEEPERS_LINK_NAME_OPTIONAL            \
                                     | KEEPERS_LINK_CONSENT_EMAIL            \
                                     | KEEPERS_LINK_CONSENT_SMS              \
                                     | KEEPERS_LINK_LASTING)


static bool keepers_link_text(keepers_str_t s, size_t max);
static bool keepers_link_country(keepers_str_t s);
static uint32_t keepers_link_light(unsigned char c);


void
keepers_link_encode(const keepers_link_t *link, keepers_out_t *out)
{
    keepers_out_byte(out, KEEPERS_LINK_VERSION);
    keepers_out_byte(out, link->state);
    keepers_out_byte(out, link->flags);
    keepers_out_u16(out, link->retention_days);
    keepers_out_bytes(out, link->color, sizeof(link->color));
    keepers_out_u64(out, link->updated_ms);
    keepers_out_bytes(out, link->business.bytes, KEEPERS_UUID_LEN);
    keepers_out_lstr(out, link->slug);
    keepers_out_lstr(out, link->business_name);
    keepers_out_lstr(out, link->offer);
    keepers_out_lstr(out, link->country);
    keepers_out_lstr(out, link->locale);
    keepers_out_lstr(out, link->consent_email);
    keepers_out_lstr(out, link->consent_sms);
}


int
keepers_link_decode(keepers_str_t record, keepers_link_t *link)
{
    if (keepers_link_read(record, link) != KEEPERS_OK
        || !keepers_link_sound(link))
    {
        memset(link, 0, sizeof(keepers_link_t));
        return KEEPERS_LINK_BROKEN;
    }

    return KEEPERS_OK;
}


int
keepers_link_read(keepers_str_t record, keepers_link_t *link)
{
    uint8_t       version;
    keepers_in_t  in;

    keepers_in_init(&in, record);

    version = keepers_in_u8(&in);
    link->state = keepers_in_u8(&in);
    link->flags = keepers_in_u8(&in);
    link->retention_days = keepers_in_u16(&in);
    keepers_in_bytes(&in, link->color, sizeof(link->color));
    link->updated_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, link->business.bytes, KEEPERS_UUID_LEN);
    link->slug = keepers_in_lstr(&in);
    link->business_name = keepers_in_lstr(&in);
    link->offer = keepers_in_lstr(&in);
    link->country = keepers_in_lstr(&in);
    link->locale = keepers_in_lstr(&in);
    link->consent_email = keepers_in_lstr(&in);
    link->consent_sms = keepers_in_lstr(&in);

    if (!keepers_in_done(&in) || version != KEEPERS_LINK_VERSION
        || record.len > KEEPERS_LINK_RECORD_MAX)
    {
        memset(link, 0, sizeof(keepers_link_t));
        return KEEPERS_LINK_BROKEN;
    }

    return KEEPERS_OK;
}


bool
keepers_link_sound(const keepers_link_t *link)
{
    if (link->state != KEEPERS_LINK_OPEN && link->state != KEEPERS_LINK_CLOSED)
    {
        return false;
    }

    if ((link->flags & ~KEEPERS_LINK_FLAGS) != 0) {
        return false;
    }

    return keepers_text_slug(link->slug)
           && keepers_link_text(link->business_name, KEEPERS_LINK_NAME_MAX)
           && keepers_link_text(link->offer, KEEPERS_LINK_OFFER_MAX)
           && keepers_link_country(link->country)
           && (link->locale.len == 0 || keepers_link_locale(link->locale))
           && keepers_link_text(link->consent_email, KEEPERS_LINK_CONSENT_MAX)
           && keepers_link_text(link->consent_sms, KEEPERS_LINK_CONSENT_MAX);
}


static bool
keepers_link_text(keepers_str_t s, size_t max)
{
    return s.len <= max && keepers_text_utf8(s);
}


static bool
keepers_link_country(keepers_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 'A' || s.data[i] > 'Z') {
            return false;
        }
    }

    return s.len == 0 || s.len == 2;
}


bool
keepers_link_locale(keepers_str_t s)
{
    size_t         i;
    unsigned char  c;

    if (s.len < KEEPERS_LINK_LOCALE_MIN || s.len > KEEPERS_LOCALE_LEN_MAX) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        c = keepers_text_lower(s.data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }

    return true;
}


/*
 * White and black have the same contrast with a luminance of 0.179, 4.58; up
 * to 0.175 black has too little, and above 0.183 white has.
 */

bool
keepers_link_white(const unsigned char color[3])
{
    uint32_t  luminance;

    luminance = 2126 * keepers_link_light(color[0])
                + 7152 * keepers_link_light(color[1])
                + 722 * keepers_link_light(color[2]);

    return luminance < 17900000;
}


/* sRGB to linear light in ten-thousandths, off by 13 at most. */

static uint32_t
keepers_link_light(unsigned char c)
{
    uint32_t  i, rest;

    static const uint32_t  steps[] = {
        0, 48, 130, 262, 452, 704, 1022, 1413, 1878, 2423, 3050, 3763, 4564,
        5457, 6445, 7529, 8714, 10000
    };

    i = c / KEEPERS_LINK_LIGHT_STEP;
    rest = c % KEEPERS_LINK_LIGHT_STEP;

    if (rest == 0) {
        return steps[i];
    }

    return steps[i]
           + (steps[i + 1] - steps[i]) * rest / KEEPERS_LINK_LIGHT_STEP;
}
