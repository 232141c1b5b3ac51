
/*
 * Copyright (C) Keepers
 *
 * Keys at rest.  A master key wraps each business's data key; from a data key
 * come the keys that seal its customers, hash their addresses and chain its
 * audit log.  Without the data key nothing of a business can be read.
 *
 *   sealed   nonce 24 | XChaCha20-Poly1305(plain, ad = kind | business | id)
 */


#ifndef _WRITER_VAULT_H_INCLUDED_
#define _WRITER_VAULT_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"
#include "core/keepers_keyring.h"
#include "core/keepers_out.h"


#define WRITER_VAULT_OVERHEAD     40
#define WRITER_VAULT_WRAPPED_LEN  (KEEPERS_KEY_LEN + WRITER_VAULT_OVERHEAD)


typedef enum {
    WRITER_VAULT_CUSTOMER = 1,
    WRITER_VAULT_CHANGE,
    WRITER_VAULT_HELD,
    WRITER_VAULT_ACCOUNT,
    WRITER_VAULT_DATA_KEY,
    WRITER_VAULT_FACTOR,
    WRITER_VAULT_MAIL,
    WRITER_VAULT_PASSKEY
} writer_vault_e;


/* The number of a master key; false: the ring does not have it. */
bool writer_vault_master(const keepers_keyring_t *master, const char *id,
    size_t *key) keepers_checked;

/* Derived from a business's data key: secret. */
typedef struct {
    unsigned char  seal[KEEPERS_KEY_LEN];
    unsigned char  email[KEEPERS_KEY_LEN];
    unsigned char  audit[KEEPERS_KEY_LEN];
} writer_vault_keys_t;


/* A fresh data key, wrapped under the ring's first key. */
void writer_vault_wrap(const keepers_keyring_t *master,
    const keepers_uuid_t *business,
    unsigned char wrapped[WRITER_VAULT_WRAPPED_LEN]);

/* False: no such master key, or not what it wrapped. */
bool writer_vault_unwrap(const keepers_keyring_t *master, const char *id,
    const keepers_uuid_t *business, keepers_str_t wrapped,
    writer_vault_keys_t *keys) keepers_checked;

/* Writes plain.len + WRITER_VAULT_OVERHEAD bytes. */
void writer_vault_seal(const unsigned char key[KEEPERS_KEY_LEN],
    writer_vault_e kind, const keepers_uuid_t *business,
    const keepers_uuid_t *id, keepers_str_t plain, unsigned char *to);

/* Into "to" of "size" bytes; false, and wiped, unless it opens. */
bool writer_vault_open(const unsigned char key[KEEPERS_KEY_LEN],
    writer_vault_e kind, const keepers_uuid_t *business,
    const keepers_uuid_t *id, keepers_str_t sealed, void *to, size_t size,
    size_t *len) keepers_checked;

/* A key of the platform's own, by label, from master key number "key". */
void writer_vault_platform(const keepers_keyring_t *master, size_t key,
    const char *label, unsigned char derived[KEEPERS_KEY_LEN]);

/* The hash by which two addresses are one; "email" is the stored form. */
void writer_vault_email(const unsigned char key[KEEPERS_KEY_LEN],
    keepers_str_t email, unsigned char hash[KEEPERS_HASH_LEN]);


#endif /* _WRITER_VAULT_H_INCLUDED_ */
