
/*
 * Copyright (C) Keepers
 *
 * The businesses a thread has met, with their keys open.  A cache belongs to
 * one thread; a business never changes once made.
 */


#ifndef _WRITER_BUSINESS_H_INCLUDED_
#define _WRITER_BUSINESS_H_INCLUDED_


#include "writer/writer_store.h"
#include "writer/writer_vault.h"


#define WRITER_BUSINESS_CACHE  256


typedef struct {
    int64_t              row;
    keepers_uuid_t       uuid;
    writer_vault_keys_t  keys;
    char                 name[WRITER_BUSINESS_LEN_MAX + 1];
} writer_business_t;


typedef struct {
    const keepers_keyring_t  *master;
    writer_business_t        *entries;      /* in guarded memory */
} writer_businesses_t;


bool writer_businesses_init(writer_businesses_t *businesses,
    const keepers_keyring_t *master) keepers_checked;
void writer_businesses_free(writer_businesses_t *businesses);

/*
 * OK, NONE, or FAULT; also FAULT if its key does not open: that is an error of
 * configuration, not a stranger's.  The entry is good until the next call.
 */
int writer_business_find(writer_businesses_t *businesses,
    writer_store_t *store, const keepers_uuid_t *uuid,
    const writer_business_t **business) keepers_checked;


#endif /* _WRITER_BUSINESS_H_INCLUDED_ */
