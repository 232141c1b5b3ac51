
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_attestation.h"

#include "core/keepers_in.h"


#define WRITER_ATTESTATION_AT  37       /* where the AAGUID is in the data */


/* A piece of CBOR, to be there byte for byte. */
typedef struct {
    size_t       len;
    const char  *bytes;
} writer_attestation_piece_t;


typedef struct {
    int                         algorithm;
    writer_attestation_piece_t  head;
    size_t                      first;      /* length of what follows */
    writer_attestation_piece_t  between;
    size_t                      second;
} writer_attestation_form_t;


static bool writer_attestation_is(keepers_in_t *in,
    const writer_attestation_piece_t *piece);
static keepers_str_t writer_attestation_take(keepers_in_t *in, size_t len);
static bool writer_attestation_bytes(keepers_in_t *in, keepers_str_t *bytes);


#define writer_piece(text)  { sizeof(text) - 1, text }


/*
 * COSE_Key (RFC 9052, 7), each a map: kty, alg, and for the curve -1 crv, -2 x,
 * -3 y; for RSA -1 n, -2 e.
 */
static const writer_attestation_form_t  writer_attestation_forms[] = {

    { WRITER_PASSKEY_ES256,
      writer_piece("\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"), 32,
      writer_piece("\x22\x58\x20"), 32 },

    { WRITER_PASSKEY_EDDSA,
      writer_piece("\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20"),
      WRITER_PASSKEY_EDDSA_LEN, writer_piece(""), 0 },

    { WRITER_PASSKEY_RS256,
      writer_piece("\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x01\x00"),
      WRITER_PASSKEY_RS256_LEN, writer_piece("\x21\x43\x01\x00\x01"), 0 }
};

#define WRITER_ATTESTATION_FORMS                                              \
    (sizeof(writer_attestation_forms) / sizeof(writer_attestation_forms[0]))


/* Each key once, in any order: browsers do not agree on it. */
bool
writer_attestation_none(keepers_str_t object, keepers_str_t *data)
{
    unsigned      seen;
    keepers_in_t  in;

    static const writer_attestation_piece_t
        map = writer_piece("\xa3"),
        format = writer_piece("\x63" "fmt" "\x64" "none"),
        statement = writer_piece("\x67" "attStmt" "\xa0"),
        authenticator = writer_piece("\x68" "authData");

    seen = 0;
    *data = keepers_str(NULL, 0);
    keepers_in_init(&in, object);

    if (!writer_attestation_is(&in, &map)) {
        return false;
    }

    while (in.pos != in.end) {

        if (!(seen & 1) && writer_attestation_is(&in, &format)) {
            seen |= 1;

        } else if (!(seen & 2) && writer_attestation_is(&in, &statement)) {
            seen |= 2;

        } else if (!(seen & 4) && writer_attestation_is(&in, &authenticator)
                   && writer_attestation_bytes(&in, data))
        {
            seen |= 4;

        } else {
            return false;
        }
    }

    return seen == 7;
}


/* Goes on behind it if it is there. */
static bool
writer_attestation_is(keepers_in_t *in,
    const writer_attestation_piece_t *piece)
{
    if ((size_t) (in->end - in->pos) < piece->len
        || memcmp(in->pos, piece->bytes, piece->len) != 0)
    {
        return false;
    }

    in->pos += piece->len;

    return true;
}


/* Empty, with in->fault, if there is less. */
static keepers_str_t
writer_attestation_take(keepers_in_t *in, size_t len)
{
    keepers_str_t  bytes;

    if ((size_t) (in->end - in->pos) < len) {
        in->fault = true;
        return keepers_str(NULL, 0);
    }

    bytes = keepers_str(in->pos, len);
    in->pos += len;

    return bytes;
}


/* The data are longer than 23 bytes: a length of one byte, or of two. */
static bool
writer_attestation_bytes(keepers_in_t *in, keepers_str_t *bytes)
{
    switch (keepers_in_u8(in)) {

    case 0x58:
        *bytes = writer_attestation_take(in, keepers_in_u8(in));
        break;

    case 0x59:
        *bytes = writer_attestation_take(in, keepers_in_u16(in));
        break;

    default:
        return false;
    }

    return !in->fault;
}


bool
writer_attestation_credential(keepers_str_t data, keepers_str_t *id,
    keepers_str_t *rest)
{
    keepers_in_t  in;

    keepers_in_init(&in, data);

    (void) writer_attestation_take(&in, WRITER_ATTESTATION_AT + 16);
    *id = keepers_in_lstr(&in);
    *rest = keepers_str(in.pos, (size_t) (in.end - in.pos));

    return !in.fault;
}


bool
writer_attestation_key(keepers_str_t *rest, writer_attestation_key_t *key)
{
    size_t                            i;
    keepers_in_t                      in;
    const writer_attestation_form_t  *form;

    for (i = 0; i < WRITER_ATTESTATION_FORMS; i++) {
        form = &writer_attestation_forms[i];

        keepers_in_init(&in, *rest);

        if (!writer_attestation_is(&in, &form->head)) {
            continue;
        }

        key->algorithm = form->algorithm;
        key->key[0] = writer_attestation_take(&in, form->first);

        if (!writer_attestation_is(&in, &form->between)) {
            return false;
        }

        key->key[1] = writer_attestation_take(&in, form->second);
        *rest = keepers_str(in.pos, (size_t) (in.end - in.pos));

        return !in.fault;
    }

    return false;
}
