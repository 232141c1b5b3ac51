
/*
 * Copyright (C) Keepers
 *
 *   header   {"alg":"HS256","typ":"JWT","kid":"ID"}
 *   payload  {"iss":"keepers","aud":"writer","sub":"UUID","biz":"UUID",
 *            "role":"ROLE","aal":N,"sid":"16 hex","iat":N,"exp":N}
 *            and, if ROLE is "machine", "scope":"WORD WORD" before "iat"
 *   text     base64url(header) "." base64url(payload) "." base64url(HMAC)
 *
 * without a blank.  A text of the same meaning and other bytes is refused.
 */


#include "core/keepers_identity.h"
#include "core/keepers_bearer.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_IDENTITY_HEADER_MAX   64
#define KEEPERS_IDENTITY_PAYLOAD_MAX  416
#define KEEPERS_IDENTITY_MAC_LEN      32
#define KEEPERS_IDENTITY_MAC_TEXT     43
#define KEEPERS_IDENTITY_AHEAD_S      5     /* clocks of two machines differ */


_Static_assert(KEEPERS_IDENTITY_MAC_LEN == crypto_auth_hmacsha256_BYTES, "MAC");
_Static_assert(keepers_base64url_len(KEEPERS_IDENTITY_HEADER_MAX)
               + keepers_base64url_len(KEEPERS_IDENTITY_PAYLOAD_MAX)
               + KEEPERS_IDENTITY_MAC_TEXT + 2 <= KEEPERS_IDENTITY_LEN_MAX,
               "length");


/* The three pieces of a text, and what the MAC covers. */
typedef struct {
    keepers_str_t  header;
    keepers_str_t  payload;
    keepers_str_t  mac;
    keepers_str_t  covered;
} keepers_identity_text_t;


static void keepers_identity_header(const char *id, keepers_out_t *out);
static void keepers_identity_payload(const keepers_identity_t *identity,
    keepers_out_t *out);
static void keepers_identity_mac(const unsigned char key[KEEPERS_KEY_LEN],
    keepers_str_t covered, unsigned char mac[KEEPERS_IDENTITY_MAC_LEN]);
static bool keepers_identity_split(keepers_str_t text,
    keepers_identity_text_t *pieces);
static int keepers_identity_key(const keepers_keyring_t *ring,
    keepers_str_t header, size_t *key);
static bool keepers_identity_claims(keepers_str_t payload,
    keepers_identity_t *identity);
static bool keepers_identity_decode(keepers_str_t text, unsigned char *to,
    size_t size, keepers_str_t *bytes);
static bool keepers_identity_skip(keepers_str_t *s, const char *text);
static bool keepers_identity_until(keepers_str_t *s, unsigned char end,
    keepers_str_t *value);
static bool keepers_identity_hex(keepers_str_t s, unsigned char to[8]);


void
keepers_identity_write(const keepers_keyring_t *ring,
    const keepers_identity_t *identity, keepers_out_t *out)
{
    keepers_out_t  piece, text;
    unsigned char  mac[KEEPERS_IDENTITY_MAC_LEN];
    unsigned char  bytes[KEEPERS_IDENTITY_PAYLOAD_MAX];
    unsigned char  covered[KEEPERS_IDENTITY_LEN_MAX];

    keepers_out_init(&text, covered, sizeof(covered));

    keepers_out_init(&piece, bytes, sizeof(bytes));
    keepers_identity_header(ring->keys[0].id, &piece);
    keepers_text_base64url(&text, keepers_out_written(&piece));
    keepers_out_byte(&text, '.');

    keepers_out_init(&piece, bytes, sizeof(bytes));
    keepers_identity_payload(identity, &piece);
    keepers_text_base64url(&text, keepers_out_written(&piece));

    keepers_identity_mac(ring->keys[0].derived[KEEPERS_PURPOSE_IDENTITY],
                         keepers_out_written(&text), mac);

    keepers_out_str(out, keepers_out_written(&text));
    keepers_out_byte(out, '.');
    keepers_text_base64url(out, keepers_str(mac, sizeof(mac)));
}


int
keepers_identity_read(const keepers_keyring_t *ring, keepers_str_t text,
    uint64_t now_s, keepers_identity_t *identity)
{
    int                      rc;
    size_t                   key;
    keepers_str_t            header, payload;
    unsigned char            mac[KEEPERS_IDENTITY_MAC_LEN];
    unsigned char            sent[KEEPERS_IDENTITY_MAC_LEN];
    unsigned char            bytes[KEEPERS_IDENTITY_PAYLOAD_MAX];
    keepers_identity_text_t  pieces;

    memset(identity, 0, sizeof(keepers_identity_t));

    if (!keepers_identity_split(text, &pieces)
        || !keepers_text_base64url_decode(pieces.mac, sent, sizeof(sent))
        || !keepers_identity_decode(pieces.header, bytes,
                                    KEEPERS_IDENTITY_HEADER_MAX, &header))
    {
        return KEEPERS_IDENTITY_JUNK;
    }

    rc = keepers_identity_key(ring, header, &key);

    if (rc != KEEPERS_OK) {
        return rc;
    }

    keepers_identity_mac(ring->keys[key].derived[KEEPERS_PURPOSE_IDENTITY],
                         pieces.covered, mac);

    if (!keepers_equal(mac, sent, sizeof(mac))) {
        rc = KEEPERS_IDENTITY_FORGED;

    } else if (!keepers_identity_decode(pieces.payload, bytes, sizeof(bytes),
                                        &payload)
               || !keepers_identity_claims(payload, identity))
    {
        rc = KEEPERS_IDENTITY_JUNK;

    } else if (identity->issued_s > now_s
               ? identity->issued_s - now_s > KEEPERS_IDENTITY_AHEAD_S
               : now_s - identity->issued_s >= KEEPERS_IDENTITY_LIFE_S)
    {
        rc = KEEPERS_IDENTITY_EXPIRED;
    }

    keepers_wipe(mac, sizeof(mac));

    if (rc != KEEPERS_OK) {
        keepers_wipe(identity, sizeof(keepers_identity_t));
    }

    return rc;
}


static void
keepers_identity_header(const char *id, keepers_out_t *out)
{
    keepers_out_text(out, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"");
    keepers_out_text(out, id);
    keepers_out_text(out, "\"}");
}


static void
keepers_identity_payload(const keepers_identity_t *identity,
    keepers_out_t *out)
{
    keepers_out_text(out, "{\"iss\":\"keepers\",\"aud\":\"writer\",\"sub\":\"");
    keepers_text_uuid(out, &identity->user);
    keepers_out_text(out, "\",\"biz\":\"");
    keepers_text_uuid(out, &identity->business);
    keepers_out_text(out, "\",\"role\":\"");
    keepers_out_text(out, keepers_role_name(identity->role));
    keepers_out_text(out, "\",\"aal\":");
    keepers_out_uint(out, identity->aal);
    keepers_out_text(out, ",\"sid\":\"");
    keepers_text_hex(out, keepers_str(identity->sid, sizeof(identity->sid)));

    if (identity->role == KEEPERS_ROLE_MACHINE) {
        keepers_out_text(out, "\",\"scope\":\"");
        keepers_scopes_write(identity->scopes, out);
    }

    keepers_out_text(out, "\",\"iat\":");
    keepers_out_uint(out, identity->issued_s);
    keepers_out_text(out, ",\"exp\":");
    keepers_out_uint(out, identity->issued_s + KEEPERS_IDENTITY_LIFE_S);
    keepers_out_byte(out, '}');
}


static void
keepers_identity_mac(const unsigned char key[KEEPERS_KEY_LEN],
    keepers_str_t covered, unsigned char mac[KEEPERS_IDENTITY_MAC_LEN])
{
    crypto_auth_hmacsha256_state  state;

    crypto_auth_hmacsha256_init(&state, key, KEEPERS_KEY_LEN);
    crypto_auth_hmacsha256_update(&state, covered.data, covered.len);
    crypto_auth_hmacsha256_final(&state, mac);

    keepers_wipe(&state, sizeof(state));
}


static bool
keepers_identity_split(keepers_str_t text, keepers_identity_text_t *pieces)
{
    keepers_str_t  rest;

    if (text.len > KEEPERS_IDENTITY_LEN_MAX) {
        return false;
    }

    rest = text;

    if (!keepers_identity_until(&rest, '.', &pieces->header)
        || !keepers_identity_until(&rest, '.', &pieces->payload)
        || rest.len != KEEPERS_IDENTITY_MAC_TEXT)
    {
        return false;
    }

    pieces->mac = rest;
    pieces->covered = keepers_str(text.data, text.len - rest.len - 1);

    return true;
}


/* JUNK: not our header; FORGED: a key that is not, or no longer, ours. */
static int
keepers_identity_key(const keepers_keyring_t *ring, keepers_str_t header,
    size_t *key)
{
    size_t         i;
    keepers_str_t  kid;

    if (!keepers_identity_skip(&header,
                               "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"")
        || !keepers_identity_until(&header, '"', &kid)
        || !keepers_identity_skip(&header, "}")
        || header.len != 0)
    {
        return KEEPERS_IDENTITY_JUNK;
    }

    for (i = 0; i < ring->n; i++) {
        if (keepers_str_eq(kid, keepers_str(ring->keys[i].id,
                                            strlen(ring->keys[i].id))))
        {
            *key = i;
            return KEEPERS_OK;
        }
    }

    return KEEPERS_IDENTITY_FORGED;
}


/*
 * Takes the values from between the fixed words, and then asks whether
 * keepers_identity_payload() would have written the same bytes: no leading
 * zero, no other "exp", no role that is none can come through.
 */
static bool
keepers_identity_claims(keepers_str_t payload, keepers_identity_t *identity)
{
    uint64_t       aal;
    keepers_out_t  out;
    keepers_str_t  user, business, role, level, sid, scope, iat, s;
    unsigned char  again[KEEPERS_IDENTITY_PAYLOAD_MAX];

    s = payload;

    if (!keepers_identity_skip(&s, "{\"iss\":\"keepers\",\"aud\":\"writer\","
                                   "\"sub\":\"")
        || !keepers_identity_until(&s, '"', &user)
        || !keepers_identity_skip(&s, ",\"biz\":\"")
        || !keepers_identity_until(&s, '"', &business)
        || !keepers_identity_skip(&s, ",\"role\":\"")
        || !keepers_identity_until(&s, '"', &role)
        || !keepers_identity_skip(&s, ",\"aal\":")
        || !keepers_identity_until(&s, ',', &level)
        || !keepers_identity_skip(&s, "\"sid\":\"")
        || !keepers_identity_until(&s, '"', &sid))
    {
        return false;
    }

    identity->role = keepers_role_read(role);

    if (identity->role == KEEPERS_ROLE_MACHINE) {
        if (!keepers_identity_skip(&s, ",\"scope\":\"")
            || !keepers_identity_until(&s, '"', &scope))
        {
            return false;
        }

        identity->scopes = keepers_scopes_read(scope);

        if (identity->scopes == 0) {
            return false;
        }
    }

    if (!keepers_identity_skip(&s, ",\"iat\":")
        || !keepers_identity_until(&s, ',', &iat)
        || !keepers_text_uuid_parse(user, &identity->user)
        || !keepers_text_uuid_parse(business, &identity->business)
        || identity->role == KEEPERS_ROLE_NONE
        || !keepers_text_uint(level, &aal) || aal < 1 || aal > 2
        || !keepers_identity_hex(sid, identity->sid)
        || !keepers_text_uint(iat, &identity->issued_s)
        || identity->issued_s > UINT64_MAX - KEEPERS_IDENTITY_LIFE_S)
    {
        return false;
    }

    identity->aal = (uint8_t) aal;

    keepers_out_init(&out, again, sizeof(again));
    keepers_identity_payload(identity, &out);

    return !out.overflow && keepers_str_eq(payload, keepers_out_written(&out));
}


static bool
keepers_identity_decode(keepers_str_t text, unsigned char *to, size_t size,
    keepers_str_t *bytes)
{
    size_t  len;

    len = text.len * 3 / 4;

    if (len > size || !keepers_text_base64url_decode(text, to, len)) {
        return false;
    }

    *bytes = keepers_str(to, len);

    return true;
}


static bool
keepers_identity_skip(keepers_str_t *s, const char *text)
{
    size_t  len;

    len = strlen(text);

    if (s->len < len || memcmp(s->data, text, len) != 0) {
        return false;
    }

    s->data += len;
    s->len -= len;

    return true;
}


/* The bytes up to "end", which is taken too. */
static bool
keepers_identity_until(keepers_str_t *s, unsigned char end,
    keepers_str_t *value)
{
    const unsigned char  *p;

    p = (s->len != 0) ? memchr(s->data, end, s->len) : NULL;

    if (p == NULL) {
        return false;
    }

    *value = keepers_str(s->data, (size_t) (p - s->data));

    s->len -= value->len + 1;
    s->data = p + 1;

    return true;
}


/* Lower-case digits alone; the comparison in the caller sees to the rest. */
static bool
keepers_identity_hex(keepers_str_t s, unsigned char to[8])
{
    int     digit;
    size_t  i;

    if (s.len != 16) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        digit = keepers_text_nibble(s.data[i]);

        if (digit < 0) {
            return false;
        }

        to[i / 2] = (unsigned char) (to[i / 2] << 4 | digit);
    }

    return true;
}
