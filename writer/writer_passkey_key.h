
/*
 * Copyright (C) Keepers
 *
 * A passkey's public key as OpenSSL has it, and signatures under it.
 */


#ifndef _WRITER_PASSKEY_KEY_H_INCLUDED_
#define _WRITER_PASSKEY_KEY_H_INCLUDED_


#include "writer/writer_passkey.h"


/* False: it is none of its algorithm, as a point that is not on the curve. */
bool writer_passkey_key_good(const writer_passkey_t *passkey) keepers_checked;

/* ECDSA in DER and RSA (PKCS #1 v1.5) with SHA-256, or Ed25519. */
bool writer_passkey_key_signed(const writer_passkey_t *passkey,
    keepers_str_t bytes, keepers_str_t signature) keepers_checked;


#endif /* _WRITER_PASSKEY_KEY_H_INCLUDED_ */
