
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_business.h"

#include "writer/writer_log.h"

#include <sodium.h>


bool
writer_businesses_init(writer_businesses_t *businesses,
    const keepers_keyring_t *master)
{
    businesses->master = master;
    businesses->entries = sodium_allocarray(WRITER_BUSINESS_CACHE,
                                            sizeof(writer_business_t));

    if (businesses->entries == NULL) {
        return false;
    }

    keepers_wipe(businesses->entries,
                 WRITER_BUSINESS_CACHE * sizeof(writer_business_t));

    return true;
}


void
writer_businesses_free(writer_businesses_t *businesses)
{
    sodium_free(businesses->entries);
    businesses->entries = NULL;
}


int
writer_business_find(writer_businesses_t *businesses, writer_store_t *store,
    const keepers_uuid_t *uuid, const writer_business_t **business)
{
    int                       rc;
    writer_business_t        *entry;
    writer_store_business_t   found;

    /* the last byte of any version of UUID is random enough */
    entry = &businesses->entries[uuid->bytes[KEEPERS_UUID_LEN - 1]];

    if (entry->row != 0
        && memcmp(entry->uuid.bytes, uuid->bytes, KEEPERS_UUID_LEN) == 0)
    {
        *business = entry;
        return WRITER_OK;
    }

    rc = writer_store_business_find(store, uuid, &found);
    if (rc != WRITER_OK) {
        return rc;
    }

    entry->row = 0;

    if (!writer_vault_unwrap(businesses->master, found.master, &found.uuid,
                             keepers_str(found.wrapped, found.wrapped_len),
                             &entry->keys))
    {
        writer_log(WRITER_LOG_ERROR, "data_key", "business=%lld "
                   "remedy=\"the master key that wrapped it is missing\"",
                   (long long) found.row);
        return WRITER_FAULT;
    }

    entry->uuid = found.uuid;
    memcpy(entry->name, found.name, sizeof(entry->name));
    entry->row = found.row;

    *business = entry;

    return WRITER_OK;
}
