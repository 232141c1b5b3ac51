
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_challenge.h"

#include "writer/writer_vault.h"

#include "core/keepers_in.h"
#include "core/keepers_text.h"


static void writer_challenge_mac(const keepers_keyring_t *master, size_t key,
    const writer_challenge_for_t *what, const writer_challenge_t *challenge,
    unsigned char mac[KEEPERS_HASH_LEN]);


void
writer_challenge_make(const keepers_keyring_t *master,
    const writer_challenge_for_t *what, uint64_t now_ms,
    writer_challenge_t *challenge, keepers_out_t *state)
{
    keepers_out_t  out;
    unsigned char  mac[KEEPERS_HASH_LEN], plain[WRITER_CHALLENGE_STATE_LEN];

    challenge->asked_ms = now_ms;
    keepers_random(challenge->bytes, sizeof(challenge->bytes));

    writer_challenge_mac(master, 0, what, challenge, mac);

    keepers_out_init(&out, plain, sizeof(plain));
    keepers_out_u64(&out, challenge->asked_ms);
    keepers_out_bytes(&out, challenge->bytes, sizeof(challenge->bytes));
    keepers_out_bytes(&out, mac, sizeof(mac));

    keepers_text_base64url(state, keepers_out_written(&out));
}


bool
writer_challenge_read(const keepers_keyring_t *master,
    const writer_challenge_for_t *what, keepers_str_t state, uint64_t now_ms,
    writer_challenge_t *challenge)
{
    bool           ours;
    size_t         i;
    keepers_in_t   in;
    unsigned char  given[KEEPERS_HASH_LEN], mac[KEEPERS_HASH_LEN];
    unsigned char  plain[WRITER_CHALLENGE_STATE_LEN];

    if (!keepers_text_base64url_decode(state, plain, sizeof(plain))) {
        return false;
    }

    keepers_in_init(&in, keepers_str(plain, sizeof(plain)));
    challenge->asked_ms = keepers_in_u64(&in);
    keepers_in_bytes(&in, challenge->bytes, sizeof(challenge->bytes));
    keepers_in_bytes(&in, given, sizeof(given));

    ours = false;

    for (i = 0; i < master->n; i++) {
        writer_challenge_mac(master, i, what, challenge, mac);
        ours |= keepers_equal(given, mac, sizeof(mac));
    }

    /* a clock that was set back makes none good again, nor one for long */

    return ours
           && challenge->asked_ms <= now_ms + WRITER_CHALLENGE_LIFE_MS
           && now_ms <= challenge->asked_ms + WRITER_CHALLENGE_LIFE_MS;
}


static void
writer_challenge_mac(const keepers_keyring_t *master, size_t key,
    const writer_challenge_for_t *what, const writer_challenge_t *challenge,
    unsigned char mac[KEEPERS_HASH_LEN])
{
    keepers_out_t  out;
    keepers_str_t  part;
    unsigned char  subkey[KEEPERS_KEY_LEN], plain[128];

    writer_vault_platform(master, key, "keepers passkey challenge 1", subkey);

    keepers_out_init(&out, plain, sizeof(plain));
    keepers_out_byte(&out, (unsigned char) what->purpose);
    keepers_out_bytes(&out, what->user.bytes, KEEPERS_UUID_LEN);
    keepers_out_bytes(&out, what->sid, sizeof(what->sid));
    keepers_out_u64(&out, challenge->asked_ms);
    keepers_out_bytes(&out, challenge->bytes, sizeof(challenge->bytes));

    part = keepers_out_written(&out);
    keepers_keyed_hash(subkey, &part, 1, mac, KEEPERS_HASH_LEN);

    keepers_wipe(subkey, sizeof(subkey));
}
