
/*
 * Copyright (C) Keepers
 *
 * The attestation object of a new passkey, and the key in it.  Both are CBOR
 * in its canonical form (CTAP 2, 6; WebAuthn, 6.5), and who made the
 * authenticator is not asked: so there is little that they can be, and it is
 * compared, not parsed.
 *
 *   object   a3, and in any order   "fmt" "none" | "attStmt" {}
 *            | "authData" and a string of bytes: the data
 *   data     hash of the rp id 32 | flags 1 | counter 4 | AAGUID 16
 *            | length of the credential id 2 | credential id | key
 *            | extensions, if a flag says so
 */


#ifndef _WRITER_ATTESTATION_H_INCLUDED_
#define _WRITER_ATTESTATION_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"


/* COSE: the algorithms that are asked for, in this order. */
#define WRITER_PASSKEY_ES256      (-7)
#define WRITER_PASSKEY_EDDSA      (-8)
#define WRITER_PASSKEY_RS256      (-257)

/* A key: x and y; a point; a modulus, whose exponent is 65537. */
#define WRITER_PASSKEY_ES256_LEN  64
#define WRITER_PASSKEY_EDDSA_LEN  32
#define WRITER_PASSKEY_RS256_LEN  256
#define WRITER_PASSKEY_KEY_MAX    WRITER_PASSKEY_RS256_LEN


/* Views into what was read. */
typedef struct {
    int            algorithm;
    keepers_str_t  key[2];          /* the second is y, or empty */
} writer_attestation_key_t;


/* False: not such an object, or something is behind it, or it attests. */
bool writer_attestation_none(keepers_str_t object, keepers_str_t *data)
    keepers_checked;

/* The credential id, and what begins with the key; false: cut short. */
bool writer_attestation_credential(keepers_str_t data, keepers_str_t *id,
    keepers_str_t *rest) keepers_checked;

/* Goes on behind it in "rest"; false: of no algorithm that was asked for. */
bool writer_attestation_key(keepers_str_t *rest,
    writer_attestation_key_t *key) keepers_checked;


#endif /* _WRITER_ATTESTATION_H_INCLUDED_ */
