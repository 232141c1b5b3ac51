
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_passkeys.h"

#include "writer/writer_passkey_row.h"
#include "writer/writer_vault.h"


_Static_assert(WRITER_CHALLENGE_LEN == KEEPERS_HASH_LEN, "challenge");


typedef struct {
    const keepers_keyring_t        *master;
    const writer_passkey_answer_t  *answer;
    bool                            found;
    writer_store_passkey_t          stored;
} writer_passkeys_search_t;


static int writer_passkeys_find(writer_context_t *ctx,
    const keepers_uuid_t *user, const keepers_uuid_t *business,
    const writer_passkey_answer_t *answer, writer_passkey_t *passkey,
    writer_factor_t *factor);
static int writer_passkeys_each(void *data,
    const writer_store_passkey_t *stored);


/*
 * Of those of this user alone: a passkey of somebody else is none here.  Who
 * has none, or no account, costs a signature too.
 */
int
writer_passkeys_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, const writer_factors_given_t *given,
    uint64_t now_ms, writer_factor_t *factor)
{
    int                       rc;
    writer_passkey_e          fault;
    writer_passkey_t          passkey;
    writer_passkey_answer_t   answer;

    factor->kind = WRITER_FACTOR_WRONG;

    if (writer_passkey_read(ctx->conf, &given->what, given->passkey, now_ms,
                            &answer)
        != WRITER_PASSKEY_OK)
    {
        return WRITER_OK;
    }

    rc = writer_passkeys_find(ctx, user, business, &answer, &passkey, factor);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    fault = writer_passkey_verify(ctx->conf, &answer,
                                  rc == WRITER_OK ? &passkey : NULL,
                                  &factor->counter);

    if (fault == WRITER_PASSKEY_OK
        && (answer.handle.len == 0
            || keepers_str_eq(answer.handle,
                              keepers_str(user->bytes, KEEPERS_UUID_LEN))))
    {
        factor->kind = WRITER_FACTOR_PASSKEY;
        factor->expires_ms = answer.challenge.asked_ms
                             + WRITER_CHALLENGE_LIFE_MS;
        memcpy(factor->challenge, answer.challenge.bytes,
               sizeof(factor->challenge));
    }

    return WRITER_OK;
}


static int
writer_passkeys_find(writer_context_t *ctx, const keepers_uuid_t *user,
    const keepers_uuid_t *business, const writer_passkey_answer_t *answer,
    writer_passkey_t *passkey, writer_factor_t *factor)
{
    int                       rc;
    keepers_str_t             name;
    unsigned char             plain[WRITER_PASSKEY_SEALED];
    writer_passkeys_search_t  search;

    memset(&search, 0, sizeof(search));
    search.master = ctx->conf->master_ring;
    search.answer = answer;

    rc = writer_store_passkeys(ctx->store, user, writer_passkeys_each,
                               &search);

    if (rc != WRITER_OK || !search.found) {
        return rc == WRITER_OK ? WRITER_NONE : WRITER_FAULT;
    }

    memcpy(factor->hash, search.stored.mark, sizeof(factor->hash));

    return writer_passkey_row_open(ctx->conf->master_ring, business,
                                   &search.stored, plain, passkey, &name)
           ? WRITER_OK : WRITER_FAULT;
}


static int
writer_passkeys_each(void *data, const writer_store_passkey_t *stored)
{
    size_t                     key;
    unsigned char              mark[KEEPERS_HASH_LEN];
    writer_passkeys_search_t  *search;

    search = data;

    if (!writer_vault_master(search->master, stored->master, &key)) {
        return 0;
    }

    writer_passkey_row_mark(search->master, key, search->answer->credential,
                            mark);

    if (!keepers_equal(mark, stored->mark, sizeof(mark))) {
        return 0;
    }

    search->found = true;
    search->stored = *stored;

    return 1;
}


/*
 * The answer was right when it was looked at.  Here it is used up: a challenge
 * once, and a counter forwards; where it stands still or goes back, two have
 * the key that one should.
 */
int
writer_passkeys_use(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_factor_t *factor, uint64_t now_ms, bool *copied)
{
    int       rc;
    uint32_t  counter;

    rc = writer_store_challenge_use(ctx->store, factor->challenge,
                                    factor->expires_ms, now_ms);

    if (rc == WRITER_OK) {
        rc = writer_store_passkey_counter(ctx->store, user, factor->hash,
                                          &counter);
    }

    if (rc != WRITER_OK) {
        return rc;
    }

    if ((counter != 0 || factor->counter != 0) && factor->counter <= counter) {
        *copied = true;
        return WRITER_NONE;
    }

    return writer_store_passkey_used(ctx->store, user, factor->hash,
                                     factor->counter, now_ms);
}
