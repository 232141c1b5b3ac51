
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_attestation.h"

#include <cbor.h>


#define WRITER_ATTESTATION_KEYS  3


static bool writer_attestation_map(cbor_item_t *map, unsigned char *room,
    size_t size, keepers_str_t *data);
static bool writer_attestation_is(const cbor_item_t *item, const char *text);


bool
writer_attestation_none(keepers_str_t object, unsigned char *room, size_t size,
    keepers_str_t *data)
{
    bool                     ok;
    cbor_item_t             *item;
    struct cbor_load_result  result;

    *data = keepers_str(NULL, 0);

    item = cbor_load(object.data, object.len, &result);
    if (item == NULL) {
        return false;
    }

    ok = result.read == object.len
         && cbor_isa_map(item) && cbor_map_is_definite(item)
         && cbor_map_size(item) == WRITER_ATTESTATION_KEYS
         && writer_attestation_map(item, room, size, data);

    cbor_decref(&item);

    return ok;
}


/* Each key once, in any order: browsers do not agree on it. */
static bool
writer_attestation_map(cbor_item_t *map, unsigned char *room, size_t size,
    keepers_str_t *data)
{
    size_t             i;
    unsigned           seen;
    cbor_item_t       *value;
    struct cbor_pair  *pairs;

    seen = 0;
    pairs = cbor_map_handle(map);

    for (i = 0; i < WRITER_ATTESTATION_KEYS; i++) {
        value = pairs[i].value;

        if (writer_attestation_is(pairs[i].key, "fmt")) {
            seen |= writer_attestation_is(value, "none") ? 1 : 0;

        } else if (writer_attestation_is(pairs[i].key, "attStmt")) {
            seen |= cbor_isa_map(value) && cbor_map_size(value) == 0 ? 2 : 0;

        } else if (writer_attestation_is(pairs[i].key, "authData")
                   && cbor_isa_bytestring(value)
                   && cbor_bytestring_is_definite(value)
                   && cbor_bytestring_length(value) != 0
                   && cbor_bytestring_length(value) <= size)
        {
            *data = keepers_str(room, cbor_bytestring_length(value));
            memcpy(room, cbor_bytestring_handle(value), data->len);
            seen |= 4;
        }
    }

    return seen == 7;
}


static bool
writer_attestation_is(const cbor_item_t *item, const char *text)
{
    return cbor_isa_string(item) && cbor_string_is_definite(item)
           && cbor_string_length(item) == strlen(text)
           && memcmp(cbor_string_handle(item), text, strlen(text)) == 0;
}
