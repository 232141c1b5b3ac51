
/*
 * Copyright (C) Keepers
 *
 * The formats stand at the top of keepers_bearer.h.
 */


#include "core/keepers_bearer.h"

#include "core/keepers_in.h"
#include "core/keepers_keyring.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_BEARER_VERSION     2
#define KEEPERS_BEARER_MARK_LEN    3        /* "kp_" */
#define KEEPERS_BEARER_SCHEME_LEN  7        /* "Bearer " */
#define KEEPERS_BEARER_RANDOM_LEN  32
#define KEEPERS_BEARER_RAW_LEN     (KEEPERS_BEARER_RANDOM_LEN                \
                                    + KEEPERS_TAG_LEN)
#define KEEPERS_BEARER_RAW_DIGITS  54       /* 62^54 > 2^320 */
#define KEEPERS_BEARER_CRC_DIGITS  6        /* 62^6 > 2^32 */
#define KEEPERS_BEARER_CRC_AT      (KEEPERS_BEARER_MARK_LEN                  \
                                    + KEEPERS_BEARER_RAW_DIGITS)
#define KEEPERS_BEARER_IDLE_S      864000   /* ten days of each look */

#define KEEPERS_SCOPES             5


_Static_assert(KEEPERS_BEARER_LEN
               == KEEPERS_BEARER_CRC_AT + KEEPERS_BEARER_CRC_DIGITS, "length");
_Static_assert(KEEPERS_SCOPES_ALL == (1u << KEEPERS_SCOPES) - 1, "scopes");


static bool keepers_bearer_ours(keepers_str_t text);
static uint32_t keepers_bearer_crc(const unsigned char *p, size_t len);
static void keepers_bearer_digits(unsigned char *number, size_t len,
    size_t digits, keepers_out_t *out);
static bool keepers_bearer_number(const unsigned char *p, size_t digits,
    unsigned char *number, size_t len);
static int keepers_bearer_digit(unsigned char c);
static void keepers_bearer_hash(
    const unsigned char raw[KEEPERS_BEARER_RAW_LEN],
    unsigned char hash[KEEPERS_SID_LEN]);


static const char  keepers_bearer_alphabet[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static const char  *keepers_scope_names[KEEPERS_SCOPES] = {
    "customers.read", "customers.write", "links.read", "links.write",
    "audit.read"
};


bool
keepers_bearer_find(keepers_str_t header, keepers_str_t *token)
{
    *token = keepers_str(NULL, 0);

    if (header.len < KEEPERS_BEARER_SCHEME_LEN
        || !keepers_text_eq_nocase(keepers_str(header.data,
                                               KEEPERS_BEARER_SCHEME_LEN - 1),
                                   keepers_str("bearer", 6))
        || (header.data[6] != ' ' && header.data[6] != '\t'))
    {
        return false;
    }

    header = keepers_text_trim_ows(
                     keepers_str(header.data + KEEPERS_BEARER_SCHEME_LEN,
                                 header.len - KEEPERS_BEARER_SCHEME_LEN));

    if (!keepers_bearer_ours(header)) {
        return false;
    }

    *token = header;

    return true;
}


static bool
keepers_bearer_ours(keepers_str_t text)
{
    return text.len >= KEEPERS_BEARER_MARK_LEN
           && memcmp(text.data, "kp_", KEEPERS_BEARER_MARK_LEN) == 0;
}


void
keepers_bearer_write(const unsigned char random[32],
    const unsigned char tag[KEEPERS_TAG_LEN], keepers_out_t *out,
    unsigned char hash[KEEPERS_SID_LEN])
{
    uint32_t       crc;
    keepers_out_t  sum, text;
    unsigned char  four[4], raw[KEEPERS_BEARER_RAW_LEN];
    unsigned char  bytes[KEEPERS_BEARER_LEN];

    memcpy(raw, random, KEEPERS_BEARER_RANDOM_LEN);
    memcpy(raw + KEEPERS_BEARER_RANDOM_LEN, tag, KEEPERS_TAG_LEN);

    keepers_bearer_hash(raw, hash);

    keepers_out_init(&text, bytes, sizeof(bytes));
    keepers_out_text(&text, "kp_");
    keepers_bearer_digits(raw, sizeof(raw), KEEPERS_BEARER_RAW_DIGITS, &text);

    crc = keepers_bearer_crc(bytes, KEEPERS_BEARER_CRC_AT);

    keepers_out_init(&sum, four, sizeof(four));
    keepers_out_u32(&sum, crc);
    keepers_bearer_digits(four, sizeof(four), KEEPERS_BEARER_CRC_DIGITS,
                          &text);

    keepers_out_str(out, keepers_out_written(&text));

    keepers_wipe(bytes, sizeof(bytes));
}


/* The checksum first: what is no token costs no arithmetic. */
int
keepers_bearer_read(keepers_str_t text, unsigned char tag[KEEPERS_TAG_LEN],
    unsigned char hash[KEEPERS_SID_LEN])
{
    int            rc;
    uint32_t       crc;
    unsigned char  four[4], raw[KEEPERS_BEARER_RAW_LEN];

    memset(tag, 0, KEEPERS_TAG_LEN);
    memset(hash, 0, KEEPERS_SID_LEN);

    if (text.len != KEEPERS_BEARER_LEN
        || !keepers_bearer_ours(text)
        || !keepers_bearer_number(text.data + KEEPERS_BEARER_CRC_AT,
                                  KEEPERS_BEARER_CRC_DIGITS, four,
                                  sizeof(four)))
    {
        return KEEPERS_BEARER_JUNK;
    }

    crc = (uint32_t) four[0] << 24 | (uint32_t) four[1] << 16
          | (uint32_t) four[2] << 8 | (uint32_t) four[3];

    if (crc != keepers_bearer_crc(text.data, KEEPERS_BEARER_CRC_AT)) {
        return KEEPERS_BEARER_JUNK;
    }

    rc = KEEPERS_BEARER_JUNK;

    if (keepers_bearer_number(text.data + KEEPERS_BEARER_MARK_LEN,
                              KEEPERS_BEARER_RAW_DIGITS, raw, sizeof(raw)))
    {
        memcpy(tag, raw + KEEPERS_BEARER_RANDOM_LEN, KEEPERS_TAG_LEN);
        keepers_bearer_hash(raw, hash);
        rc = KEEPERS_OK;
    }

    keepers_wipe(raw, sizeof(raw));

    return rc;
}


void
keepers_bearer_encode(const keepers_session_t *token,
    unsigned char record[KEEPERS_BEARER_RECORD_LEN])
{
    keepers_out_t  out;

    memset(record, 0, KEEPERS_BEARER_RECORD_LEN);

    keepers_out_init(&out, record, KEEPERS_BEARER_RECORD_LEN);

    keepers_out_byte(&out, KEEPERS_BEARER_VERSION);
    keepers_out_byte(&out, KEEPERS_ROLE_MACHINE);
    keepers_out_bytes(&out, "\0\0", 2);
    keepers_out_u32(&out, token->scopes);
    keepers_out_bytes(&out, token->user.bytes, KEEPERS_UUID_LEN);
    keepers_out_bytes(&out, token->business.bytes, KEEPERS_UUID_LEN);
    keepers_out_u64(&out, token->created_ms);
    keepers_out_u64(&out, token->absolute_ms);
}


int
keepers_bearer_decode(keepers_str_t record, keepers_session_t *token)
{
    keepers_in_t   in;
    unsigned char  head[4];

    static const unsigned char  zeros[20];

    memset(token, 0, sizeof(keepers_session_t));

    if (record.len != KEEPERS_BEARER_RECORD_LEN) {
        return KEEPERS_BEARER_BROKEN;
    }

    keepers_in_init(&in, record);

    keepers_in_bytes(&in, head, sizeof(head));
    token->scopes = keepers_in_u32(&in);
    keepers_in_bytes(&in, token->user.bytes, KEEPERS_UUID_LEN);
    keepers_in_bytes(&in, token->business.bytes, KEEPERS_UUID_LEN);
    token->created_ms = keepers_in_u64(&in);
    token->absolute_ms = keepers_in_u64(&in);

    if (head[0] != KEEPERS_BEARER_VERSION
        || head[1] != KEEPERS_ROLE_MACHINE
        || head[2] != 0 || head[3] != 0
        || token->scopes == 0 || token->scopes > KEEPERS_SCOPES_ALL
        || memcmp(record.data + 56, zeros, sizeof(zeros)) != 0)
    {
        memset(token, 0, sizeof(keepers_session_t));
        return KEEPERS_BEARER_BROKEN;
    }

    token->role = KEEPERS_ROLE_MACHINE;
    token->aal = 1;
    token->idle_s = KEEPERS_BEARER_IDLE_S;

    return KEEPERS_OK;
}


void
keepers_scopes_write(uint32_t scopes, keepers_out_t *out)
{
    bool    first;
    size_t  i;

    first = true;

    for (i = 0; i < KEEPERS_SCOPES; i++) {

        if (!(scopes & 1u << i)) {
            continue;
        }

        if (!first) {
            keepers_out_byte(out, ' ');
        }

        first = false;
        keepers_out_text(out, keepers_scope_names[i]);
    }
}


uint32_t
keepers_scopes_read(keepers_str_t text)
{
    size_t         i, len;
    uint32_t       scopes;
    keepers_str_t  word;

    scopes = 0;

    for ( ;; ) {
        for (len = 0; len < text.len && text.data[len] != ' '; len++) {
            /* void */
        }

        word = keepers_str(text.data, len);

        for (i = 0; i < KEEPERS_SCOPES; i++) {
            if (keepers_str_eq(word, keepers_str(keepers_scope_names[i],
                                         strlen(keepers_scope_names[i]))))
            {
                break;
            }
        }

        if (i == KEEPERS_SCOPES || (scopes & 1u << i)) {
            return 0;
        }

        scopes |= 1u << i;

        if (len == text.len) {
            return scopes;
        }

        text.data += len + 1;
        text.len -= len + 1;
    }
}


/* The one of zlib and Ethernet, reflected; too short for a table. */
static uint32_t
keepers_bearer_crc(const unsigned char *p, size_t len)
{
    size_t    i;
    uint32_t  crc;
    unsigned  bit;

    crc = 0xffffffff;

    for (i = 0; i < len; i++) {
        crc ^= p[i];

        for (bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320 & (0 - (crc & 1)));
        }
    }

    return ~crc;
}


/* Divides "number" away: it is zeros afterwards. */
static void
keepers_bearer_digits(unsigned char *number, size_t len, size_t digits,
    keepers_out_t *out)
{
    size_t         i, n;
    unsigned       rest;
    unsigned char  text[KEEPERS_BEARER_RAW_DIGITS];

    for (n = digits; n != 0; n--) {
        rest = 0;

        for (i = 0; i < len; i++) {
            rest = rest << 8 | number[i];
            number[i] = (unsigned char) (rest / 62);
            rest %= 62;
        }

        text[n - 1] = (unsigned char) keepers_bearer_alphabet[rest];
    }

    keepers_out_bytes(out, text, digits);
    keepers_wipe(text, sizeof(text));
}


/* False: a byte is no digit, or the number needs more than "len" bytes. */
static bool
keepers_bearer_number(const unsigned char *p, size_t digits,
    unsigned char *number, size_t len)
{
    int       digit;
    size_t    i, n;
    unsigned  carry;

    memset(number, 0, len);

    for (n = 0; n < digits; n++) {
        digit = keepers_bearer_digit(p[n]);

        if (digit < 0) {
            return false;
        }

        carry = (unsigned) digit;

        for (i = len; i != 0; i--) {
            carry += number[i - 1] * 62u;
            number[i - 1] = (unsigned char) carry;
            carry >>= 8;
        }

        if (carry != 0) {
            return false;
        }
    }

    return true;
}


static int
keepers_bearer_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'A' && c <= 'Z') {
        return c - 'A' + 10;
    }

    return (c >= 'a' && c <= 'z') ? c - 'a' + 36 : -1;
}


static void
keepers_bearer_hash(const unsigned char raw[KEEPERS_BEARER_RAW_LEN],
    unsigned char hash[KEEPERS_SID_LEN])
{
    unsigned char  block[15 + KEEPERS_BEARER_RAW_LEN];

    memcpy(block, "keepers token 1", 15);
    memcpy(block + 15, raw, KEEPERS_BEARER_RAW_LEN);

    crypto_generichash(hash, KEEPERS_SID_LEN, block, sizeof(block), NULL, 0);

    keepers_wipe(block, sizeof(block));
}
