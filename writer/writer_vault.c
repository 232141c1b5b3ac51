
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_vault.h"

#include "core/keepers_email.h"

#include <sodium.h>


#define WRITER_VAULT_NONCE_LEN  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define WRITER_VAULT_TAG_LEN    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define WRITER_VAULT_AD_LEN     (1 + 2 * KEEPERS_UUID_LEN)


_Static_assert(WRITER_VAULT_OVERHEAD
               == WRITER_VAULT_NONCE_LEN + WRITER_VAULT_TAG_LEN, "overhead");
_Static_assert(KEEPERS_KEY_LEN
               == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");


static void writer_vault_derive(const unsigned char key[KEEPERS_KEY_LEN],
    const char *label, unsigned char derived[KEEPERS_KEY_LEN]);
static void writer_vault_ad(writer_vault_e kind,
    const keepers_uuid_t *business, const keepers_uuid_t *id,
    unsigned char ad[WRITER_VAULT_AD_LEN]);


void
writer_vault_wrap(const keepers_keyring_t *master,
    const keepers_uuid_t *business,
    unsigned char wrapped[WRITER_VAULT_WRAPPED_LEN])
{
    unsigned char  data[KEEPERS_KEY_LEN], wrap[KEEPERS_KEY_LEN];

    keepers_random(data, sizeof(data));
    writer_vault_platform(master, 0, "keepers data key wrap 1", wrap);

    writer_vault_seal(wrap, WRITER_VAULT_DATA_KEY, business, business,
                      keepers_str(data, sizeof(data)), wrapped);

    keepers_wipe(data, sizeof(data));
    keepers_wipe(wrap, sizeof(wrap));
}


bool
writer_vault_master(const keepers_keyring_t *master, const char *id,
    size_t *key)
{
    for (*key = 0; *key < master->n; (*key)++) {
        if (strcmp(master->keys[*key].id, id) == 0) {
            return true;
        }
    }

    return false;
}


bool
writer_vault_unwrap(const keepers_keyring_t *master, const char *id,
    const keepers_uuid_t *business, keepers_str_t wrapped,
    writer_vault_keys_t *keys)
{
    bool           ok;
    size_t         i, len;
    unsigned char  data[KEEPERS_KEY_LEN], wrap[KEEPERS_KEY_LEN];

    if (!writer_vault_master(master, id, &i)) {
        return false;
    }

    writer_vault_platform(master, i, "keepers data key wrap 1", wrap);

    ok = writer_vault_open(wrap, WRITER_VAULT_DATA_KEY, business, business,
                           wrapped, data, sizeof(data), &len)
         && len == sizeof(data);

    if (ok) {
        writer_vault_derive(data, "keepers seal 1", keys->seal);
        writer_vault_derive(data, "keepers e-mail hash 1", keys->email);
        writer_vault_derive(data, "keepers audit chain 1", keys->audit);
    }

    keepers_wipe(data, sizeof(data));
    keepers_wipe(wrap, sizeof(wrap));

    return ok;
}


void
writer_vault_platform(const keepers_keyring_t *master, size_t key,
    const char *label, unsigned char derived[KEEPERS_KEY_LEN])
{
    writer_vault_derive(master->keys[key].master, label, derived);
}


static void
writer_vault_derive(const unsigned char key[KEEPERS_KEY_LEN],
    const char *label, unsigned char derived[KEEPERS_KEY_LEN])
{
    keepers_str_t  part;

    part = keepers_str(label, strlen(label));
    keepers_keyed_hash(key, &part, 1, derived, KEEPERS_KEY_LEN);
}


void
writer_vault_seal(const unsigned char key[KEEPERS_KEY_LEN],
    writer_vault_e kind, const keepers_uuid_t *business,
    const keepers_uuid_t *id, keepers_str_t plain, unsigned char *to)
{
    unsigned char  ad[WRITER_VAULT_AD_LEN];

    writer_vault_ad(kind, business, id, ad);
    keepers_random(to, WRITER_VAULT_NONCE_LEN);

    (void) crypto_aead_xchacha20poly1305_ietf_encrypt(
               to + WRITER_VAULT_NONCE_LEN, NULL, plain.data, plain.len, ad,
               sizeof(ad), NULL, to, key);
}


bool
writer_vault_open(const unsigned char key[KEEPERS_KEY_LEN],
    writer_vault_e kind, const keepers_uuid_t *business,
    const keepers_uuid_t *id, keepers_str_t sealed, void *to, size_t size,
    size_t *len)
{
    unsigned char  ad[WRITER_VAULT_AD_LEN];

    *len = 0;

    if (sealed.len < WRITER_VAULT_OVERHEAD
        || sealed.len - WRITER_VAULT_OVERHEAD > size)
    {
        return false;
    }

    writer_vault_ad(kind, business, id, ad);

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL,
            sealed.data + WRITER_VAULT_NONCE_LEN,
            sealed.len - WRITER_VAULT_NONCE_LEN, ad, sizeof(ad), sealed.data,
            key)
        != 0)
    {
        keepers_wipe(to, size);
        return false;
    }

    *len = sealed.len - WRITER_VAULT_OVERHEAD;

    return true;
}


static void
writer_vault_ad(writer_vault_e kind, const keepers_uuid_t *business,
    const keepers_uuid_t *id, unsigned char ad[WRITER_VAULT_AD_LEN])
{
    ad[0] = (unsigned char) kind;
    memcpy(ad + 1, business->bytes, KEEPERS_UUID_LEN);
    memcpy(ad + 1 + KEEPERS_UUID_LEN, id->bytes, KEEPERS_UUID_LEN);
}


void
writer_vault_email(const unsigned char key[KEEPERS_KEY_LEN],
    keepers_str_t email, unsigned char hash[KEEPERS_HASH_LEN])
{
    keepers_out_t  out;
    keepers_str_t  part;
    unsigned char  canonical[KEEPERS_EMAIL_LEN_MAX];

    keepers_out_init(&out, canonical, sizeof(canonical));
    keepers_email_key(email, &out);

    part = keepers_out_written(&out);
    keepers_keyed_hash(key, &part, 1, hash, KEEPERS_HASH_LEN);

    keepers_wipe(canonical, sizeof(canonical));
}
