
/*
 * Copyright (C) Keepers
 *
 * Session tokens and the sealing of records; form tokens; device tokens; the
 * signed "next".
 *
 *   session token   "v1." base64url(tag 8 | random 32)           57 bytes
 *     tag           keyed BLAKE2b-128 of the user id, its first 8 bytes
 *     SID           BLAKE2b-256 of key 32 | tag 8 | random 32: one block
 *   sealed record   nonce 24 | XChaCha20-Poly1305(record, ad = Redis key)
 *   form token      base64url(ms 8 | nonce 16 | MAC 16)          54 bytes
 *     MAC           keyed BLAKE2b-128 of ms | nonce | context
 *   device token    the same of ms | device id | account, another key
 *   signed next     base64url(MAC 16) "." path
 */


#ifndef _KEEPERS_TOKEN_H_INCLUDED_
#define _KEEPERS_TOKEN_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_keyring.h"
#include "core/keepers_out.h"


#define KEEPERS_TAG_LEN            8
#define KEEPERS_TOKEN_RAW_LEN      40
#define KEEPERS_TOKEN_LEN          57
#define KEEPERS_SID_LEN            32
#define KEEPERS_SID_TEXT_LEN       43       /* base64url */
#define KEEPERS_TAG_TEXT_LEN       11
#define KEEPERS_SEAL_OVERHEAD      40       /* nonce 24, tag 16 */
#define KEEPERS_FORM_TOKEN_LEN     54
#define KEEPERS_FORM_NONCE_LEN     16
#define KEEPERS_DEVICE_LEN         54
#define KEEPERS_DEVICE_ID_LEN      16
#define KEEPERS_DEVICE_LIFE_S      15552000ull      /* 180 days */
#define KEEPERS_NEXT_LEN_MAX       1024


enum {
    KEEPERS_TOKEN_JUNK = 1,         /* length, charset, version */
    KEEPERS_TOKEN_FORGED,           /* a MAC or a seal does not open */
    KEEPERS_TOKEN_EXPIRED,
    KEEPERS_TOKEN_EARLY,            /* issued in the future */
    KEEPERS_TOKEN_NO_SPACE
};


typedef struct {
    unsigned char  raw[KEEPERS_TOKEN_RAW_LEN];      /* secret: wipe */
} keepers_token_t;


/* A fresh token for a user, from 32 random bytes of the caller; the tag is of
 * the shared ring, so that the writer finds what Redis has of a user. */
void keepers_token_mint(const keepers_keyring_t *shared,
    const keepers_uuid_t *user, const unsigned char random[32],
    keepers_token_t *token);
void keepers_token_write(const keepers_token_t *token, keepers_out_t *out);

/* KEEPERS_OK or KEEPERS_TOKEN_JUNK, without any secret: shape alone. */
int keepers_token_read(keepers_str_t text, keepers_token_t *token)
    keepers_checked;

/* The SID of a token under key number "key" of the ring. */
void keepers_token_sid(const keepers_keyring_t *ring, size_t key,
    const keepers_token_t *token, unsigned char sid[KEEPERS_SID_LEN]);

/* The tag of a user under key number "key" of the shared ring: 8 bytes. */
void keepers_token_tag(const keepers_keyring_t *shared, size_t key,
    const keepers_uuid_t *user, unsigned char tag[KEEPERS_TAG_LEN]);

/*
 * Seals a record under a purpose and key number, bound to "ad".  "out" gets
 * nonce, ciphertext, tag: record.len + KEEPERS_SEAL_OVERHEAD bytes.
 */
int keepers_seal(const keepers_keyring_t *ring, size_t key,
    keepers_purpose_e purpose, keepers_str_t ad, keepers_str_t record,
    keepers_out_t *out) keepers_checked;

/* Opens into "to" (sealed.len - KEEPERS_SEAL_OVERHEAD bytes of room, "size"
 * says how much there is), wiped unless KEEPERS_OK.  JUNK (too short), FORGED
 * or NO_SPACE else. */
int keepers_open(const keepers_keyring_t *ring, size_t key,
    keepers_purpose_e purpose, keepers_str_t ad, keepers_str_t sealed,
    void *to, size_t size, size_t *len) keepers_checked;

/* Form token over "context" (the link's slug). */
void keepers_form_token_write(const keepers_keyring_t *ring,
    keepers_str_t context, uint64_t now_ms,
    const unsigned char nonce[KEEPERS_FORM_NONCE_LEN], keepers_out_t *out);

/* JUNK, FORGED, EARLY (beyond 60 s), EXPIRED (older than life_ms); on OK and
 * EXPIRED *issued_ms and nonce are what the token says. */
int keepers_form_token_read(const keepers_keyring_t *ring,
    keepers_str_t context, keepers_str_t text, uint64_t now_ms,
    uint64_t life_ms, uint64_t *issued_ms,
    unsigned char nonce[KEEPERS_FORM_NONCE_LEN]) keepers_checked;

/*
 * Device token: who has it has signed in to "account" (canonical), within the
 * last 180 days.  It does not say to which: another account makes it FORGED.
 * Codes as above.
 */
void keepers_device_write(const keepers_keyring_t *ring,
    keepers_str_t account, uint64_t now_ms,
    const unsigned char id[KEEPERS_DEVICE_ID_LEN], keepers_out_t *out);
int keepers_device_read(const keepers_keyring_t *ring, keepers_str_t account,
    keepers_str_t text, uint64_t now_ms, uint64_t *issued_ms,
    unsigned char id[KEEPERS_DEVICE_ID_LEN]) keepers_checked;

/*
 * A path to return to after sign-in: relative, one leading '/', not "//" nor
 * "/\", no control, no backslash, no '%2f' or '%5c' as second character, no
 * '@' and no "//" before the first '?'; printable ASCII without a fragment; at
 * most KEEPERS_NEXT_LEN_MAX bytes.  An unsafe path is not signed: nothing is
 * written.
 */
bool keepers_next_safe(keepers_str_t path);
void keepers_next_sign(const keepers_keyring_t *ring, keepers_str_t path,
    keepers_out_t *out);
int keepers_next_open(const keepers_keyring_t *ring, keepers_str_t text,
    keepers_str_t *path) keepers_checked;

/* CSRF token of a session: base64url of 16 bytes, keyed by its SID. */
void keepers_csrf_write(const keepers_keyring_t *ring,
    const unsigned char sid[KEEPERS_SID_LEN], keepers_out_t *out);
bool keepers_csrf_check(const keepers_keyring_t *ring,
    const unsigned char sid[KEEPERS_SID_LEN], keepers_str_t text);


#endif /* _KEEPERS_TOKEN_H_INCLUDED_ */
