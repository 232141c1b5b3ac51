
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_recovery.h"

#include "writer/writer_totp.h"
#include "writer/writer_vault.h"


#define WRITER_RECOVERY_CODES  10


static void writer_recovery_hash(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *user, const char code[WRITER_TOTP_RECOVERY_LEN],
    unsigned char hash[KEEPERS_HASH_LEN]);
static void writer_recovery_code(const keepers_keyring_t *master,
    const keepers_uuid_t *user, char shown[WRITER_TOTP_RECOVERY_LEN + 4],
    unsigned char hash[KEEPERS_HASH_LEN]);


int
writer_recovery_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_store_second_t *second, keepers_str_t code,
    writer_factor_t *factor)
{
    int     rc;
    bool    shape;
    char    canonical[WRITER_TOTP_RECOVERY_LEN];
    size_t  key;

    key = 0;

    if (second->codes_master[0] != '\0'
        && !writer_vault_master(ctx->conf->master_ring, second->codes_master,
                                &key))
    {
        return WRITER_FAULT;
    }

    shape = writer_totp_recovery(code, canonical);

    writer_recovery_hash(ctx->conf->master_ring, key, user, canonical,
                         factor->hash);
    keepers_wipe(canonical, sizeof(canonical));

    rc = writer_store_code_find(ctx->store, user, factor->hash);

    factor->kind = rc == WRITER_OK && shape ? WRITER_FACTOR_RECOVERY
                                            : WRITER_FACTOR_WRONG;

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


/*
 * 80 random bits under a key that the database does not have: nothing is to be
 * guessed, so the hash need not be slow.
 */
static void
writer_recovery_hash(const keepers_keyring_t *master, size_t key,
    const keepers_uuid_t *user, const char code[WRITER_TOTP_RECOVERY_LEN],
    unsigned char hash[KEEPERS_HASH_LEN])
{
    keepers_str_t  parts[2];
    unsigned char  subkey[KEEPERS_KEY_LEN];

    writer_vault_platform(master, key, "keepers recovery code 1", subkey);

    parts[0] = keepers_str(user->bytes, KEEPERS_UUID_LEN);
    parts[1] = keepers_str(code, WRITER_TOTP_RECOVERY_LEN);
    keepers_keyed_hash(subkey, parts, 2, hash, KEEPERS_HASH_LEN);

    keepers_wipe(subkey, sizeof(subkey));
}


int
writer_recovery_renew(writer_context_t *ctx, const keepers_uuid_t *user,
    writer_json_t *json)
{
    int                       rc;
    char                      shown[WRITER_TOTP_RECOVERY_LEN + 4];
    size_t                    i;
    unsigned char             hash[KEEPERS_HASH_LEN];
    const keepers_keyring_t  *master;

    master = ctx->conf->master_ring;

    rc = writer_store_codes_clear(ctx->store, user);

    writer_json_key(json, "recovery_codes");
    writer_json_array(json);

    for (i = 0; i < WRITER_RECOVERY_CODES && rc == WRITER_OK; i++) {
        writer_recovery_code(master, user, shown, hash);
        writer_json_text(json, shown);
        rc = writer_store_code_add(ctx->store, user, master->keys[0].id, hash);
    }

    keepers_wipe(shown, sizeof(shown));

    writer_json_array_end(json);

    return rc;
}


/* "ABCD-EFGH-IJKL-MNOP" */
static void
writer_recovery_code(const keepers_keyring_t *master,
    const keepers_uuid_t *user, char shown[WRITER_TOTP_RECOVERY_LEN + 4],
    unsigned char hash[KEEPERS_HASH_LEN])
{
    char           code[WRITER_TOTP_RECOVERY_LEN];
    size_t         i, n;
    keepers_out_t  out;
    unsigned char  random[WRITER_TOTP_RECOVERY_LEN * 5 / 8];

    keepers_random(random, sizeof(random));
    keepers_out_init(&out, code, sizeof(code));
    writer_totp_base32(random, sizeof(random), &out);

    writer_recovery_hash(master, 0, user, code, hash);

    for (i = 0, n = 0; i < sizeof(code); i++) {
        if (i != 0 && i % 4 == 0) {
            shown[n++] = '-';
        }

        shown[n++] = code[i];
    }

    shown[n] = '\0';

    keepers_wipe(random, sizeof(random));
    keepers_wipe(code, sizeof(code));
}


int
writer_recovery_settle(writer_context_t *ctx, const keepers_uuid_t *user)
{
    int                    rc;
    writer_store_second_t  second;

    rc = writer_store_second_get(ctx->store, user, &second);

    if (rc != WRITER_OK || second.totp || second.passkeys != 0) {
        return rc;
    }

    return writer_store_codes_clear(ctx->store, user);
}
