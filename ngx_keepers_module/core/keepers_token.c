
/*
 * Copyright (C) Keepers
 *
 * The formats stand at the top of keepers_token.h, and byte by byte in
 * docs/internals/formats.md.
 */


#include "core/keepers_token.h"
#include "core/keepers_in.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_TOKEN_PREFIX_LEN  3         /* "v1." */

#define KEEPERS_FORM_RAW_LEN      40        /* ms 8, nonce 16, MAC 16 */
#define KEEPERS_FORM_SIGNED_LEN   24
#define KEEPERS_FORM_EARLY_MS     60000     /* clocks of two edges differ */

#define KEEPERS_MAC_LEN           16
#define KEEPERS_MAC_TEXT_LEN      22

#define KEEPERS_NONCE_LEN         24


_Static_assert(KEEPERS_SEAL_OVERHEAD
               == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
                  + crypto_aead_xchacha20poly1305_ietf_ABYTES, "overhead");
_Static_assert(KEEPERS_NONCE_LEN
               == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(KEEPERS_KEY_LEN
               == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(KEEPERS_TOKEN_LEN == KEEPERS_TOKEN_PREFIX_LEN
               + keepers_base64url_len(KEEPERS_TOKEN_RAW_LEN), "token");
_Static_assert(KEEPERS_FORM_TOKEN_LEN
               == keepers_base64url_len(KEEPERS_FORM_RAW_LEN), "form token");
_Static_assert(KEEPERS_DEVICE_LEN == KEEPERS_FORM_TOKEN_LEN
               && KEEPERS_DEVICE_ID_LEN == KEEPERS_FORM_NONCE_LEN, "device");
_Static_assert(KEEPERS_MAC_TEXT_LEN
               == keepers_base64url_len(KEEPERS_MAC_LEN), "MAC");
_Static_assert(KEEPERS_SID_TEXT_LEN
               == keepers_base64url_len(KEEPERS_SID_LEN), "SID");
_Static_assert(KEEPERS_TAG_TEXT_LEN
               == keepers_base64url_len(KEEPERS_TAG_LEN), "tag");


static void keepers_stamp_write(const keepers_keyring_t *ring,
    keepers_purpose_e purpose, keepers_str_t context, uint64_t now_ms,
    const unsigned char nonce[KEEPERS_FORM_NONCE_LEN], keepers_out_t *out);
static int keepers_stamp_read(const keepers_keyring_t *ring,
    keepers_purpose_e purpose, keepers_str_t context, keepers_str_t text,
    uint64_t now_ms, uint64_t life_ms, uint64_t *issued_ms,
    unsigned char nonce[KEEPERS_FORM_NONCE_LEN]);
static void keepers_stamp_parts(keepers_str_t parts[2],
    const unsigned char raw[KEEPERS_FORM_RAW_LEN], keepers_str_t context);


void
keepers_token_mint(const keepers_keyring_t *shared,
    const keepers_uuid_t *user, const unsigned char random[32],
    keepers_token_t *token)
{
    keepers_token_tag(shared, 0, user, token->raw);
    memcpy(token->raw + KEEPERS_TAG_LEN, random, 32);
}


void
keepers_token_write(const keepers_token_t *token, keepers_out_t *out)
{
    keepers_out_text(out, "v1.");
    keepers_text_base64url(out, keepers_str(token->raw,
                                            KEEPERS_TOKEN_RAW_LEN));
}


int
keepers_token_read(keepers_str_t text, keepers_token_t *token)
{
    if (text.len == KEEPERS_TOKEN_LEN
        && text.data[0] == 'v' && text.data[1] == '1' && text.data[2] == '.'
        && keepers_text_base64url_decode(
                        keepers_str(text.data + KEEPERS_TOKEN_PREFIX_LEN,
                                    text.len - KEEPERS_TOKEN_PREFIX_LEN),
                        token->raw, KEEPERS_TOKEN_RAW_LEN))
    {
        return KEEPERS_OK;
    }

    sodium_memzero(token, sizeof(keepers_token_t));

    return KEEPERS_TOKEN_JUNK;
}


/*
 * Every request with a cookie comes here.  BLAKE2b's own keyed mode fills a
 * block of 128 bytes with the key alone; key and token together fit into one,
 * which takes 1,100 instructions for 1,900.  Both lengths are fixed and BLAKE2
 * marks its last block, so that this is as good a MAC.
 */
void
keepers_token_sid(const keepers_keyring_t *ring, size_t key,
    const keepers_token_t *token, unsigned char sid[KEEPERS_SID_LEN])
{
    unsigned char  block[KEEPERS_KEY_LEN + KEEPERS_TOKEN_RAW_LEN];

    memcpy(block, ring->keys[key].derived[KEEPERS_PURPOSE_SESSION_ID],
           KEEPERS_KEY_LEN);
    memcpy(block + KEEPERS_KEY_LEN, token->raw, KEEPERS_TOKEN_RAW_LEN);

    crypto_generichash(sid, KEEPERS_SID_LEN, block, sizeof(block), NULL, 0);

    sodium_memzero(block, sizeof(block));
}


void
keepers_token_tag(const keepers_keyring_t *shared, size_t key,
    const keepers_uuid_t *user, unsigned char tag[KEEPERS_TAG_LEN])
{
    keepers_str_t  part;
    unsigned char  hash[KEEPERS_MAC_LEN];

    part = keepers_str(user->bytes, KEEPERS_UUID_LEN);

    keepers_keyed_hash(shared->keys[key].derived[KEEPERS_PURPOSE_USER],
                       &part, 1, hash, sizeof(hash));

    memcpy(tag, hash, KEEPERS_TAG_LEN);
}


int
keepers_seal(const keepers_keyring_t *ring, size_t key,
    keepers_purpose_e purpose, keepers_str_t ad, keepers_str_t record,
    keepers_out_t *out)
{
    unsigned char  *p;

    if (out->overflow || key >= ring->n
        || out->size - out->len < KEEPERS_SEAL_OVERHEAD
        || out->size - out->len - KEEPERS_SEAL_OVERHEAD < record.len)
    {
        out->overflow = true;
        return KEEPERS_TOKEN_NO_SPACE;
    }

    p = out->data + out->len;

    randombytes_buf(p, KEEPERS_NONCE_LEN);

    (void) crypto_aead_xchacha20poly1305_ietf_encrypt(p + KEEPERS_NONCE_LEN,
                                         NULL, record.data, record.len,
                                         ad.data, ad.len, NULL, p,
                                         ring->keys[key].derived[purpose]);

    out->len += record.len + KEEPERS_SEAL_OVERHEAD;

    return KEEPERS_OK;
}


int
keepers_open(const keepers_keyring_t *ring, size_t key,
    keepers_purpose_e purpose, keepers_str_t ad, keepers_str_t sealed,
    void *to, size_t size, size_t *len)
{
    int     rc;
    size_t  n;

    *len = 0;

    if (sealed.len < KEEPERS_SEAL_OVERHEAD) {
        rc = KEEPERS_TOKEN_JUNK;
        goto failed;
    }

    n = sealed.len - KEEPERS_SEAL_OVERHEAD;

    if (n > size) {
        rc = KEEPERS_TOKEN_NO_SPACE;
        goto failed;
    }

    if (key >= ring->n
        || crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL,
                                         sealed.data + KEEPERS_NONCE_LEN,
                                         sealed.len - KEEPERS_NONCE_LEN,
                                         ad.data, ad.len, sealed.data,
                                         ring->keys[key].derived[purpose])
           != 0)
    {
        rc = KEEPERS_TOKEN_FORGED;
        goto failed;
    }

    *len = n;

    return KEEPERS_OK;

failed:

    sodium_memzero(to, size);

    return rc;
}


void
keepers_form_token_write(const keepers_keyring_t *ring, keepers_str_t context,
    uint64_t now_ms, const unsigned char nonce[KEEPERS_FORM_NONCE_LEN],
    keepers_out_t *out)
{
    keepers_stamp_write(ring, KEEPERS_PURPOSE_FORM, context, now_ms, nonce,
                        out);
}


int
keepers_form_token_read(const keepers_keyring_t *ring, keepers_str_t context,
    keepers_str_t text, uint64_t now_ms, uint64_t life_ms, uint64_t *issued_ms,
    unsigned char nonce[KEEPERS_FORM_NONCE_LEN])
{
    return keepers_stamp_read(ring, KEEPERS_PURPOSE_FORM, context, text,
                              now_ms, life_ms, issued_ms, nonce);
}


void
keepers_device_write(const keepers_keyring_t *ring, keepers_str_t account,
    uint64_t now_ms, const unsigned char id[KEEPERS_DEVICE_ID_LEN],
    keepers_out_t *out)
{
    keepers_stamp_write(ring, KEEPERS_PURPOSE_DEVICE, account, now_ms, id,
                        out);
}


int
keepers_device_read(const keepers_keyring_t *ring, keepers_str_t account,
    keepers_str_t text, uint64_t now_ms, uint64_t *issued_ms,
    unsigned char id[KEEPERS_DEVICE_ID_LEN])
{
    return keepers_stamp_read(ring, KEEPERS_PURPOSE_DEVICE, account, text,
                              now_ms, KEEPERS_DEVICE_LIFE_S * 1000, issued_ms,
                              id);
}


/*
 * Stricter than what browsers call relative: no "//" anywhere in the path, for
 * "/x/..//host" becomes "//host" to whoever resolves dots first; no fragment
 * and no byte beyond ASCII, for no request line that we send back has them.
 */
bool
keepers_next_safe(keepers_str_t path)
{
    bool           query;
    size_t         i;
    unsigned char  c, d;

    if (path.len == 0 || path.len > KEEPERS_NEXT_LEN_MAX
        || path.data[0] != '/')
    {
        return false;
    }

    if (path.len >= 4 && path.data[1] == '%') {
        c = path.data[2];
        d = path.data[3] | 0x20;

        if ((c == '2' && d == 'f') || (c == '5' && d == 'c')) {
            return false;
        }
    }

    query = false;

    for (i = 0; i < path.len; i++) {
        c = path.data[i];

        if (c <= ' ' || c > '~' || c == '\\' || c == '#') {
            return false;
        }

        if (c == '?') {
            query = true;
        }

        if (!query && (c == '@' || (c == '/' && i != 0
                                    && path.data[i - 1] == '/')))
        {
            return false;
        }
    }

    return true;
}


void
keepers_next_sign(const keepers_keyring_t *ring, keepers_str_t path,
    keepers_out_t *out)
{
    unsigned char  mac[KEEPERS_MAC_LEN];

    if (!keepers_next_safe(path)) {
        return;
    }

    keepers_keyed_hash(ring->keys[0].derived[KEEPERS_PURPOSE_NEXT], &path, 1,
                       mac, sizeof(mac));

    keepers_text_base64url(out, keepers_str(mac, sizeof(mac)));
    keepers_out_byte(out, '.');
    keepers_out_str(out, path);
}


int
keepers_next_open(const keepers_keyring_t *ring, keepers_str_t text,
    keepers_str_t *path)
{
    keepers_str_t  s;
    unsigned char  mac[KEEPERS_MAC_LEN];

    *path = keepers_str(NULL, 0);

    if (text.len <= KEEPERS_MAC_TEXT_LEN
        || text.data[KEEPERS_MAC_TEXT_LEN] != '.'
        || !keepers_text_base64url_decode(keepers_str(text.data,
                                                      KEEPERS_MAC_TEXT_LEN),
                                          mac, KEEPERS_MAC_LEN))
    {
        return KEEPERS_TOKEN_JUNK;
    }

    s = keepers_str(text.data + KEEPERS_MAC_TEXT_LEN + 1,
                    text.len - KEEPERS_MAC_TEXT_LEN - 1);

    if (!keepers_next_safe(s)) {
        return KEEPERS_TOKEN_JUNK;
    }

    if (!keepers_keyring_knows(ring, KEEPERS_PURPOSE_NEXT, &s, 1, mac,
                               sizeof(mac))) {
        return KEEPERS_TOKEN_FORGED;
    }

    *path = s;

    return KEEPERS_OK;
}


void
keepers_csrf_write(const keepers_keyring_t *ring,
    const unsigned char sid[KEEPERS_SID_LEN], keepers_out_t *out)
{
    keepers_str_t  part;
    unsigned char  mac[KEEPERS_MAC_LEN];

    part = keepers_str(sid, KEEPERS_SID_LEN);

    keepers_keyed_hash(ring->keys[0].derived[KEEPERS_PURPOSE_CSRF], &part, 1,
                       mac, sizeof(mac));

    keepers_text_base64url(out, keepers_str(mac, sizeof(mac)));
}


bool
keepers_csrf_check(const keepers_keyring_t *ring,
    const unsigned char sid[KEEPERS_SID_LEN], keepers_str_t text)
{
    keepers_str_t  part;
    unsigned char  mac[KEEPERS_MAC_LEN];

    if (!keepers_text_base64url_decode(text, mac, KEEPERS_MAC_LEN)) {
        return false;
    }

    part = keepers_str(sid, KEEPERS_SID_LEN);

    return keepers_keyring_knows(ring, KEEPERS_PURPOSE_CSRF, &part, 1, mac,
                                 sizeof(mac));
}


static void
keepers_stamp_write(const keepers_keyring_t *ring, keepers_purpose_e purpose,
    keepers_str_t context, uint64_t now_ms,
    const unsigned char nonce[KEEPERS_FORM_NONCE_LEN], keepers_out_t *out)
{
    keepers_out_t  signed_part;
    keepers_str_t  parts[2];
    unsigned char  raw[KEEPERS_FORM_RAW_LEN];

    keepers_out_init(&signed_part, raw, KEEPERS_FORM_SIGNED_LEN);
    keepers_out_u64(&signed_part, now_ms);
    keepers_out_bytes(&signed_part, nonce, KEEPERS_FORM_NONCE_LEN);

    keepers_stamp_parts(parts, raw, context);
    keepers_keyed_hash(ring->keys[0].derived[purpose], parts, 2,
                       raw + KEEPERS_FORM_SIGNED_LEN, KEEPERS_MAC_LEN);

    keepers_text_base64url(out, keepers_str(raw, sizeof(raw)));
}


static int
keepers_stamp_read(const keepers_keyring_t *ring, keepers_purpose_e purpose,
    keepers_str_t context, keepers_str_t text, uint64_t now_ms,
    uint64_t life_ms, uint64_t *issued_ms,
    unsigned char nonce[KEEPERS_FORM_NONCE_LEN])
{
    uint64_t       ms;
    keepers_in_t   in;
    keepers_str_t  parts[2];
    unsigned char  raw[KEEPERS_FORM_RAW_LEN];

    *issued_ms = 0;
    memset(nonce, 0, KEEPERS_FORM_NONCE_LEN);

    if (!keepers_text_base64url_decode(text, raw, KEEPERS_FORM_RAW_LEN)) {
        return KEEPERS_TOKEN_JUNK;
    }

    keepers_stamp_parts(parts, raw, context);

    if (!keepers_keyring_knows(ring, purpose, parts, 2,
                               raw + KEEPERS_FORM_SIGNED_LEN, KEEPERS_MAC_LEN))
    {
        return KEEPERS_TOKEN_FORGED;
    }

    keepers_in_init(&in, keepers_str(raw, KEEPERS_FORM_SIGNED_LEN));
    ms = keepers_in_u64(&in);

    if (ms > now_ms && ms - now_ms > KEEPERS_FORM_EARLY_MS) {
        return KEEPERS_TOKEN_EARLY;
    }

    *issued_ms = ms;
    keepers_in_bytes(&in, nonce, KEEPERS_FORM_NONCE_LEN);

    if (ms < now_ms && now_ms - ms > life_ms) {
        return KEEPERS_TOKEN_EXPIRED;
    }

    return KEEPERS_OK;
}


static void
keepers_stamp_parts(keepers_str_t parts[2],
    const unsigned char raw[KEEPERS_FORM_RAW_LEN], keepers_str_t context)
{
    parts[0] = keepers_str(raw, KEEPERS_FORM_SIGNED_LEN);
    parts[1] = context;
}
