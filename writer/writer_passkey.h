
/*
 * Copyright (C) Keepers
 *
 * What a browser says for a passkey (WebAuthn, level 2), read and verified.
 * Nothing here knows an account.
 *
 * An answer is text: parts in base64url, a "." between them.
 *
 *   to a sign-in     state . client data . credential id
 *                    . authenticator data . signature . user handle
 *   a new passkey    state . client data . attestation object
 *
 * The user handle may be empty.
 */


#ifndef _WRITER_PASSKEY_H_INCLUDED_
#define _WRITER_PASSKEY_H_INCLUDED_


#include "writer/writer_attestation.h"
#include "writer/writer_challenge.h"
#include "writer/writer_conf.h"


#define WRITER_PASSKEY_CREDENTIAL_MAX  512
#define WRITER_PASSKEY_ROOM            2048


typedef enum {
    WRITER_PASSKEY_OK = 0,
    WRITER_PASSKEY_MALFORMED,
    WRITER_PASSKEY_CHALLENGE,       /* not the one, or for something else */
    WRITER_PASSKEY_ORIGIN,
    WRITER_PASSKEY_RP,
    WRITER_PASSKEY_FLAGS,           /* nobody was there, or not proved who */
    WRITER_PASSKEY_ATTESTATION,
    WRITER_PASSKEY_ALGORITHM,
    WRITER_PASSKEY_SIGNATURE
} writer_passkey_e;


/* Views into "room". */
typedef struct {
    keepers_str_t        client;
    keepers_str_t        credential;
    keepers_str_t        data;          /* of the authenticator */
    keepers_str_t        signature;
    keepers_str_t        handle;
    keepers_str_t        attestation;
    writer_challenge_t   challenge;
    unsigned char        room[WRITER_PASSKEY_ROOM];
} writer_passkey_answer_t;


typedef struct {
    int                  algorithm;     /* COSE; 0: none */
    uint32_t             counter;
    size_t               credential_len;
    size_t               key_len;
    unsigned char        credential[WRITER_PASSKEY_CREDENTIAL_MAX];
    unsigned char        key[WRITER_PASSKEY_KEY_MAX];
} writer_passkey_t;


/*
 * Takes an answer to a challenge for "what" apart: the challenge is the one,
 * and what the browser says of itself is right.  To verify remains who signed.
 */
writer_passkey_e writer_passkey_read(const writer_conf_t *conf,
    const writer_challenge_for_t *what, keepers_str_t text, uint64_t now_ms,
    writer_passkey_answer_t *answer) keepers_checked;

/* A new passkey from its attestation object. */
writer_passkey_e writer_passkey_make(const writer_conf_t *conf,
    const writer_passkey_answer_t *answer, writer_passkey_t *passkey)
    keepers_checked;

/*
 * The signature, under this passkey's key; and rp id and flags, which it
 * covers.  NULL: under the key of nobody, at the same cost.
 */
writer_passkey_e writer_passkey_verify(const writer_conf_t *conf,
    const writer_passkey_answer_t *answer, const writer_passkey_t *passkey,
    uint32_t *counter) keepers_checked;

/* As a record: version 1 | algorithm 2 | credential | key | name. */
void writer_passkey_encode(const writer_passkey_t *passkey,
    keepers_str_t name, keepers_out_t *out);
bool writer_passkey_decode(keepers_str_t record, writer_passkey_t *passkey,
    keepers_str_t *name) keepers_checked;

const char *writer_passkey_code(writer_passkey_e fault);


#endif /* _WRITER_PASSKEY_H_INCLUDED_ */
