
/*
 * Copyright (C) Keepers
 *
 * A passkey as it lies in the store: sealed under a master key, under the mark
 * by which its credential id is known again.
 */


#ifndef _WRITER_PASSKEY_ROW_H_INCLUDED_
#define _WRITER_PASSKEY_ROW_H_INCLUDED_


#include "writer/writer_passkey.h"
#include "writer/writer_store.h"


/* Keyed, so that the store does not tell who has which authenticator. */
void writer_passkey_row_mark(const keepers_keyring_t *master, size_t key,
    keepers_str_t credential, unsigned char mark[KEEPERS_HASH_LEN]);

/* A row of this user under the ring's first key; of times only "now". */
void writer_passkey_row_seal(const keepers_keyring_t *master,
    const keepers_uuid_t *business, const keepers_uuid_t *user,
    const writer_passkey_t *passkey, keepers_str_t name, uint64_t now_ms,
    writer_store_passkey_t *row);

/* "name" is a view into "room"; false: no such master key, or not sealed so. */
bool writer_passkey_row_open(const keepers_keyring_t *master,
    const keepers_uuid_t *business, const writer_store_passkey_t *row,
    unsigned char room[WRITER_PASSKEY_SEALED], writer_passkey_t *passkey,
    keepers_str_t *name) keepers_checked;

/* The beginning of the mark, by which the API names it. */
void writer_passkey_row_id(const writer_store_passkey_t *row,
    char id[WRITER_PASSKEY_ID_LEN + 1]);


#endif /* _WRITER_PASSKEY_ROW_H_INCLUDED_ */
