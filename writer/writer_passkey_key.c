
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_passkey_key.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>


/* as libfido2 has a key: x and y, a point, modulus and exponent */
#define WRITER_PASSKEY_ES256_LEN  64
#define WRITER_PASSKEY_EDDSA_LEN  32
#define WRITER_PASSKEY_RS256_LEN  WRITER_PASSKEY_KEY_MAX


void *
writer_passkey_key_new(const writer_passkey_t *passkey)
{
    int     rc;
    void   *key;
    size_t  len;

    rc = FIDO_ERR_INTERNAL;
    len = passkey->key_len;

    switch (passkey->algorithm) {

    case WRITER_PASSKEY_ES256:
        key = es256_pk_new();

        if (key != NULL && len == WRITER_PASSKEY_ES256_LEN) {
            rc = es256_pk_from_ptr(key, passkey->key, len);
        }

        break;

    case WRITER_PASSKEY_EDDSA:
        key = eddsa_pk_new();

        if (key != NULL && len == WRITER_PASSKEY_EDDSA_LEN) {
            rc = eddsa_pk_from_ptr(key, passkey->key, len);
        }

        break;

    case WRITER_PASSKEY_RS256:
        key = rs256_pk_new();

        if (key != NULL && len == WRITER_PASSKEY_RS256_LEN) {
            rc = rs256_pk_from_ptr(key, passkey->key, len);
        }

        break;

    default:
        return NULL;
    }

    if (rc != FIDO_OK) {
        writer_passkey_key_free(passkey->algorithm, key);
        return NULL;
    }

    return key;
}


void
writer_passkey_key_free(int algorithm, void *key)
{
    es256_pk_t  *es256;
    eddsa_pk_t  *eddsa;
    rs256_pk_t  *rs256;

    switch (algorithm) {

    case WRITER_PASSKEY_ES256:
        es256 = key;
        es256_pk_free(&es256);
        break;

    case WRITER_PASSKEY_EDDSA:
        eddsa = key;
        eddsa_pk_free(&eddsa);
        break;

    default:
        rs256 = key;
        rs256_pk_free(&rs256);
        break;
    }
}
