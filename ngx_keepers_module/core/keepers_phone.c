
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_phone.h"
#include "core/keepers_text.h"

#include <unictype.h>


#define KEEPERS_PHONE_OUT_MAX  (1 + KEEPERS_PHONE_DIGITS_MAX)


static size_t keepers_phone_char(keepers_str_t s, uint32_t *uc);
static bool keepers_phone_blank(uint32_t uc);
static int keepers_phone_digit(uint32_t uc);
static bool keepers_phone_filler(uint32_t uc);
static size_t keepers_phone_trunk_zero(keepers_str_t s);


int
keepers_phone_read(keepers_str_t typed, keepers_out_t *out)
{
    int            digit;
    bool           plus, seen;
    size_t         n, len, digits;
    uint32_t       uc;
    keepers_str_t  s;
    unsigned char  buf[KEEPERS_PHONE_OUT_MAX];

    s = keepers_text_trim(typed);

    if (s.len > KEEPERS_PHONE_LEN_MAX) {
        return KEEPERS_PHONE_POSSIBLE;
    }

    plus = false;
    seen = false;
    digits = 0;
    len = 0;

    for ( /* void */ ; s.len != 0; s.data += n, s.len -= n) {

        n = plus ? keepers_phone_trunk_zero(s) : 0;

        if (n != 0) {
            continue;
        }

        n = keepers_phone_char(s, &uc);

        if (n == 0) {
            return KEEPERS_PHONE_POSSIBLE;
        }

        if (keepers_phone_blank(uc)) {
            continue;
        }

        seen = true;
        digit = keepers_phone_digit(uc);

        if (digit >= 0) {

            if (++digits > KEEPERS_PHONE_DIGITS_MAX) {
                return KEEPERS_PHONE_POSSIBLE;
            }

            buf[len++] = (unsigned char) ('0' + digit);
            continue;
        }

        if (uc == '+' && !plus && digits == 0) {
            plus = true;
            buf[len++] = '+';
            continue;
        }

        if (!keepers_phone_filler(uc)) {
            return KEEPERS_PHONE_POSSIBLE;
        }
    }

    if (!seen) {
        return KEEPERS_OK;
    }

    if (digits < KEEPERS_PHONE_DIGITS_MIN) {
        return KEEPERS_PHONE_POSSIBLE;
    }

    keepers_out_bytes(out, buf, len);

    return out->overflow ? KEEPERS_PHONE_NO_SPACE : KEEPERS_OK;
}


/* A character, with the full-width forms of ASCII brought back to it. */

static size_t
keepers_phone_char(keepers_str_t s, uint32_t *uc)
{
    size_t  n;

    n = keepers_text_utf8_char(s, uc);

    if (*uc >= 0xff01 && *uc <= 0xff5e) {
        *uc -= 0xff01 - '!';
    }

    return n;
}


/* Copied numbers carry marks that no one sees: U+202A around them, U+00AD. */

static bool
keepers_phone_blank(uint32_t uc)
{
    if (uc < 0x80) {
        return uc == ' ' || (uc >= '\t' && uc <= '\r');
    }

    return uc_is_property_white_space(uc)
           || uc_is_general_category_withtable(uc, UC_CATEGORY_MASK_Cf);
}


/* Of any script; -1: it is none. */

static int
keepers_phone_digit(uint32_t uc)
{
    if (uc < 0x80) {
        return uc >= '0' && uc <= '9' ? (int) (uc - '0') : -1;
    }

    return uc_decimal_value(uc);
}


static bool
keepers_phone_filler(uint32_t uc)
{
    switch (uc) {

    case '.':
    case '/':
    case '(':
    case ')':
    case '[':
    case ']':
    case 0x00b7:        /* middle dot */
    case 0x2022:        /* bullet */
    case 0x2212:        /* minus sign */
        return true;

    default:
        return uc_is_general_category_withtable(uc, UC_CATEGORY_MASK_Pd);
    }
}


/*
 * "+44 (0)20": the zero is dialled only without the country's code.  Returns
 * the length of such a zero at the start, or 0.
 */

static size_t
keepers_phone_trunk_zero(keepers_str_t s)
{
    size_t    i, n, step;
    uint32_t  uc;

    i = 0;
    step = 0;

    while (step < 3) {
        n = keepers_phone_char(keepers_str(&s.data[i], s.len - i), &uc);

        if (n == 0) {
            return 0;
        }

        if ((step == 0 && uc == '(')
            || (step == 1 && keepers_phone_digit(uc) == 0)
            || (step == 2 && uc == ')'))
        {
            step++;

        } else if (step == 0 || !keepers_phone_blank(uc)) {
            return 0;
        }

        i += n;
    }

    return i;
}
