
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_passkey_row.h"

#include "writer/writer_vault.h"

#include "core/keepers_text.h"


_Static_assert(WRITER_PASSKEY_SEALED
               >= 9 + WRITER_PASSKEY_CREDENTIAL_MAX + WRITER_PASSKEY_KEY_MAX
                  + WRITER_PASSKEY_NAME_MAX + WRITER_VAULT_OVERHEAD, "sealed");


void
writer_passkey_row_mark(const keepers_keyring_t *master, size_t key,
    keepers_str_t credential, unsigned char mark[KEEPERS_HASH_LEN])
{
    unsigned char  subkey[KEEPERS_KEY_LEN];

    writer_vault_platform(master, key, "keepers passkey mark 1", subkey);
    keepers_keyed_hash(subkey, &credential, 1, mark, KEEPERS_HASH_LEN);
    keepers_wipe(subkey, sizeof(subkey));
}


void
writer_passkey_row_seal(const keepers_keyring_t *master,
    const keepers_uuid_t *business, const keepers_uuid_t *user,
    const writer_passkey_t *passkey, keepers_str_t name, uint64_t now_ms,
    writer_store_passkey_t *row)
{
    keepers_out_t  out;
    unsigned char  plain[WRITER_PASSKEY_SEALED], subkey[KEEPERS_KEY_LEN];

    memset(row, 0, sizeof(*row));

    row->user = *user;
    row->created_ms = now_ms;
    row->counter = passkey->counter;
    memcpy(row->master, master->keys[0].id, sizeof(row->master));

    writer_passkey_row_mark(master, 0,
                            keepers_str(passkey->credential,
                                        passkey->credential_len), row->mark);

    keepers_out_init(&out, plain, sizeof(plain));
    writer_passkey_encode(passkey, name, &out);

    writer_vault_platform(master, 0, "keepers passkey seal 1", subkey);
    writer_vault_seal(subkey, WRITER_VAULT_PASSKEY, business, user,
                      keepers_out_written(&out), row->sealed);
    row->sealed_len = out.len + WRITER_VAULT_OVERHEAD;

    keepers_wipe(subkey, sizeof(subkey));
    keepers_wipe(plain, sizeof(plain));
}


bool
writer_passkey_row_open(const keepers_keyring_t *master,
    const keepers_uuid_t *business, const writer_store_passkey_t *row,
    unsigned char room[WRITER_PASSKEY_SEALED], writer_passkey_t *passkey,
    keepers_str_t *name)
{
    bool           ok;
    size_t         key, len;
    unsigned char  mark[KEEPERS_HASH_LEN], subkey[KEEPERS_KEY_LEN];

    if (!writer_vault_master(master, row->master, &key)) {
        return false;
    }

    writer_vault_platform(master, key, "keepers passkey seal 1", subkey);

    ok = writer_vault_open(subkey, WRITER_VAULT_PASSKEY, business, &row->user,
                           keepers_str(row->sealed, row->sealed_len), room,
                           WRITER_PASSKEY_SEALED, &len)
         && writer_passkey_decode(keepers_str(room, len), passkey, name);

    keepers_wipe(subkey, sizeof(subkey));

    if (!ok) {
        return false;
    }

    /* two of one user are not exchanged either */

    writer_passkey_row_mark(master, key,
                            keepers_str(passkey->credential,
                                        passkey->credential_len), mark);

    return keepers_equal(mark, row->mark, sizeof(mark));
}


void
writer_passkey_row_id(const writer_store_passkey_t *row,
    char id[WRITER_PASSKEY_ID_LEN + 1])
{
    keepers_out_t  out;

    keepers_out_init(&out, id, WRITER_PASSKEY_ID_LEN);
    keepers_text_hex(&out, keepers_str(row->mark, WRITER_PASSKEY_ID_LEN / 2));
    id[out.len] = '\0';
}
