
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_totp.h"

#include "core/keepers_keyring.h"

#include <liboath/oath.h>


#define WRITER_TOTP_STEP_MS  30000
#define WRITER_TOTP_WINDOW   1
#define WRITER_TOTP_ISSUER   "Keepers%20Loyalty"


static void writer_totp_escape(keepers_str_t s, keepers_out_t *out);


static const char  writer_totp_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";


bool
writer_totp_init(void)
{
    return oath_init() == OATH_OK;
}


bool
writer_totp_check(const unsigned char secret[WRITER_TOTP_SECRET_LEN],
    keepers_str_t code, uint64_t now_ms, uint64_t last, uint64_t *step)
{
    int       i;
    bool      found;
    char      right[WRITER_TOTP_DIGITS + 1], typed[WRITER_TOTP_DIGITS];
    size_t    n;
    uint64_t  at;

    /* apps show "123 456" */

    memset(typed, 0, sizeof(typed));
    n = 0;

    for (i = 0; (size_t) i < code.len; i++) {
        if (code.data[i] == ' ') {
            continue;
        }

        if (n < sizeof(typed)) {
            typed[n] = (char) code.data[i];
        }

        n++;
    }

    found = false;
    *step = 0;

    for (i = -WRITER_TOTP_WINDOW; i <= WRITER_TOTP_WINDOW; i++) {
        at = now_ms / WRITER_TOTP_STEP_MS + (uint64_t) i;

        if (oath_hotp_generate((const char *) secret, WRITER_TOTP_SECRET_LEN,
                               at, WRITER_TOTP_DIGITS, false,
                               OATH_HOTP_DYNAMIC_TRUNCATION, right)
            != OATH_OK)
        {
            return false;
        }

        if (keepers_equal(right, typed, WRITER_TOTP_DIGITS)
            && n == WRITER_TOTP_DIGITS && at > last && !found)
        {
            found = true;
            *step = at;
        }
    }

    keepers_wipe(right, sizeof(right));

    return found;
}


void
writer_totp_base32(const unsigned char *bytes, size_t len, keepers_out_t *out)
{
    size_t    i;
    unsigned  held, bits;

    held = 0;
    bits = 0;

    for (i = 0; i < len; i++) {
        held = (held << 8 | bytes[i]) & 0xfff;
        bits += 8;

        while (bits >= 5) {
            bits -= 5;
            keepers_out_byte(out, (unsigned char)
                                  writer_totp_alphabet[held >> bits & 31]);
        }
    }
}


bool
writer_totp_recovery(keepers_str_t typed, char code[WRITER_TOTP_RECOVERY_LEN])
{
    size_t         i, n;
    unsigned char  c;

    n = 0;
    memset(code, 0, WRITER_TOTP_RECOVERY_LEN);

    for (i = 0; i < typed.len; i++) {
        c = typed.data[i];

        if (c == ' ' || c == '-') {
            continue;
        }

        if (c >= 'a' && c <= 'z') {
            c = (unsigned char) (c - 'a' + 'A');
        }

        if (n == WRITER_TOTP_RECOVERY_LEN
            || !((c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7')))
        {
            return false;
        }

        code[n++] = (char) c;
    }

    return n == WRITER_TOTP_RECOVERY_LEN;
}


void
writer_totp_uri(keepers_str_t email, keepers_str_t secret, keepers_out_t *out)
{
    keepers_out_text(out, "otpauth://totp/" WRITER_TOTP_ISSUER ":");
    writer_totp_escape(email, out);
    keepers_out_text(out, "?secret=");
    keepers_out_str(out, secret);
    keepers_out_text(out, "&issuer=" WRITER_TOTP_ISSUER);
}


/* RFC 3986, its unreserved characters and what a label of these has. */
static void
writer_totp_escape(keepers_str_t s, keepers_out_t *out)
{
    size_t         i;
    unsigned char  c;

    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'
            || c == '@')
        {
            keepers_out_byte(out, c);
            continue;
        }

        keepers_out_byte(out, '%');
        keepers_out_byte(out, (unsigned char) hex[c >> 4]);
        keepers_out_byte(out, (unsigned char) hex[c & 15]);
    }
}
