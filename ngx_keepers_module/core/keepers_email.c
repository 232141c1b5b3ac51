
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_email.h"
#include "core/keepers_text.h"

#include <idn2.h>
#include <unictype.h>


#define KEEPERS_EMAIL_TYPED_MAX  1024   /* U-labels may be longer than A */
#define KEEPERS_EMAIL_LABEL_MAX  63
#define KEEPERS_EMAIL_NFC_SIZE   512    /* a local part before its check */


static bool keepers_email_local_ok(keepers_str_t local);
static bool keepers_email_atom(unsigned char c);
static int keepers_email_domain(keepers_str_t typed, keepers_out_t *out);
static int keepers_email_idn(keepers_str_t typed, keepers_out_t *out);
static bool keepers_email_domain_ok(keepers_str_t domain);
static void keepers_email_lower(keepers_out_t *out, keepers_str_t s);


int
keepers_email_read(keepers_str_t typed, keepers_out_t *out, bool *eai)
{
    int                   rc;
    keepers_str_t         local, domain;
    keepers_out_t         l, d;
    unsigned char         local_buf[KEEPERS_EMAIL_NFC_SIZE];
    unsigned char         domain_buf[KEEPERS_EMAIL_LEN_MAX];
    const unsigned char  *at;

    *eai = false;

    /* trimming must not make a header injection look harmless */

    if (typed.len != 0 && (memchr(typed.data, '\r', typed.len) != NULL
                           || memchr(typed.data, '\n', typed.len) != NULL))
    {
        return KEEPERS_EMAIL_SYNTAX;
    }

    typed = keepers_text_trim(typed);

    if (typed.len > KEEPERS_EMAIL_TYPED_MAX
        || (typed.len > KEEPERS_EMAIL_LEN_MAX && keepers_text_ascii(typed)))
    {
        return KEEPERS_EMAIL_TOO_LONG;
    }

    if (typed.len == 0 || !keepers_text_utf8(typed)) {
        return KEEPERS_EMAIL_SYNTAX;
    }

    at = memchr(typed.data, '@', typed.len);

    if (at == NULL) {
        return KEEPERS_EMAIL_SYNTAX;
    }

    local = keepers_str(typed.data, (size_t) (at - typed.data));
    domain = keepers_str(at + 1, typed.len - local.len - 1);

    keepers_out_init(&l, local_buf, sizeof(local_buf));
    keepers_out_init(&d, domain_buf, sizeof(domain_buf));

    /* NFC first: U+037E, for one, becomes a semicolon by it */

    if (!keepers_text_nfc(local, &l)) {
        return KEEPERS_EMAIL_TOO_LONG;
    }

    local = keepers_out_written(&l);

    if (!keepers_email_local_ok(local)) {
        return KEEPERS_EMAIL_SYNTAX;
    }

    rc = keepers_email_domain(domain, &d);

    if (rc != KEEPERS_OK) {
        return rc;
    }

    if (local.len > KEEPERS_EMAIL_LOCAL_MAX
        || local.len + 1 + d.len > KEEPERS_EMAIL_LEN_MAX)
    {
        return KEEPERS_EMAIL_TOO_LONG;
    }

    if (out->overflow || out->size - out->len < local.len + 1 + d.len) {
        return KEEPERS_EMAIL_NO_SPACE;
    }

    keepers_out_str(out, local);
    keepers_out_byte(out, '@');
    keepers_out_str(out, keepers_out_written(&d));

    *eai = !keepers_text_ascii(local);

    return KEEPERS_OK;
}


/*
 * ASCII: the HTML standard's set.  Beyond it RFC 6532 allows everything; what
 * no one sees (blanks, controls, format characters) makes twins of addresses
 * and is refused, but for the two joiners that scripts need.
 */

static bool
keepers_email_local_ok(keepers_str_t local)
{
    size_t    i, n;
    uint32_t  uc;

    for (i = 0; i < local.len; i += n) {

        if (local.data[i] < 0x80) {

            if (!keepers_email_atom(local.data[i])) {
                return false;
            }

            n = 1;
            continue;
        }

        n = keepers_text_utf8_char(keepers_str(&local.data[i], local.len - i),
                                   &uc);

        if (n == 0
            || keepers_text_control(uc)
            || uc_is_property_white_space(uc)
            || (uc_is_general_category_withtable(uc, UC_CATEGORY_MASK_Cf)
                && uc != 0x200c && uc != 0x200d))
        {
            return false;
        }
    }

    return local.len != 0;
}


static bool
keepers_email_atom(unsigned char c)
{
    static const uint32_t  atoms[] = {
        0x00000000,
        0xa3ffecfa,     /* ! # $ % & ' * + - . / 0-9 = ? */
        0xc7fffffe,     /* A-Z ^ _ */
        0x7fffffff      /* ` a-z { | } ~ */
    };

    return c < 0x80 && (atoms[c >> 5] >> (c & 0x1f) & 1) != 0;
}


static int
keepers_email_domain(keepers_str_t typed, keepers_out_t *out)
{
    int  rc;

    if (keepers_text_ascii(typed)) {
        keepers_email_lower(out, typed);
        rc = out->overflow ? KEEPERS_EMAIL_TOO_LONG : KEEPERS_OK;

    } else {
        rc = keepers_email_idn(typed, out);
    }

    /* what comes out of IDNA is looked at again: its mapping may yield '/' */

    if (rc == KEEPERS_OK
        && !keepers_email_domain_ok(keepers_out_written(out)))
    {
        rc = KEEPERS_EMAIL_SYNTAX;
    }

    return rc;
}


/*
 * libidn2 has no way to bring one's own memory: it allocates, for a name of
 * bounded length, and its result is freed here.
 */

static int
keepers_email_idn(keepers_str_t typed, keepers_out_t *out)
{
    int       rc;
    char      name[KEEPERS_EMAIL_TYPED_MAX + 1];
    uint8_t  *ascii;

    if (typed.len > KEEPERS_EMAIL_TYPED_MAX) {
        return KEEPERS_EMAIL_TOO_LONG;
    }

    memcpy(name, typed.data, typed.len);
    name[typed.len] = '\0';
    ascii = NULL;

    rc = idn2_lookup_u8((const uint8_t *) name, &ascii,
                        IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

    if (rc == IDN2_TOO_BIG_DOMAIN) {
        return KEEPERS_EMAIL_TOO_LONG;
    }

    if (rc != IDN2_OK || ascii == NULL) {
        return KEEPERS_EMAIL_SYNTAX;
    }

    keepers_email_lower(out, keepers_str(ascii, strlen((char *) ascii)));
    idn2_free(ascii);

    return out->overflow ? KEEPERS_EMAIL_TOO_LONG : KEEPERS_OK;
}


/* Labels of 1 to 63 letters, digits and inner hyphens; at least two. */

static bool
keepers_email_domain_ok(keepers_str_t domain)
{
    size_t         i, label, labels;
    unsigned char  c;

    label = 0;
    labels = 1;

    for (i = 0; i < domain.len; i++) {
        c = domain.data[i];

        if (c == '.') {

            if (label == 0 || domain.data[i - 1] == '-') {
                return false;
            }

            label = 0;
            labels++;
            continue;
        }

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (c == '-' && label != 0)))
        {
            return false;
        }

        if (++label > KEEPERS_EMAIL_LABEL_MAX) {
            return false;
        }
    }

    return labels >= 2 && label != 0 && domain.data[domain.len - 1] != '-';
}


static void
keepers_email_lower(keepers_out_t *out, keepers_str_t s)
{
    size_t          i;
    unsigned char  *p;

    if (s.len == 0) {
        return;
    }

    p = keepers_out_take(out, s.len);

    if (p == NULL) {
        return;
    }

    for (i = 0; i < s.len; i++) {
        p[i] = keepers_text_lower(s.data[i]);
    }
}


void
keepers_email_key(keepers_str_t stored, keepers_out_t *out)
{
    /* the domain is in lower case already: one pass over all does no harm */

    keepers_email_lower(out, stored);
}
