
/*
 * Copyright (C) Keepers
 *
 * The first byte chooses: an identity as it comes, or a header and a payload
 * that are signed here with the right key, so that the grammar itself is
 * reached.  What is accepted must be what we would have written ourselves.
 */


#include "core/keepers_identity.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"

#include <sodium.h>
#include <stdlib.h>


#define MUST(x)     if (!(x)) { abort(); }

#define HEADER      "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k0\"}"
#define NOW_S       1795000000
#define INPUT_MAX   1024


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void);
static keepers_str_t sign(keepers_str_t header, keepers_str_t payload);
static void check(keepers_str_t text, bool genuine);


static keepers_keyring_t  *ring;
static unsigned char       signed_text[INPUT_MAX * 4];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i;
    keepers_str_t  header, payload;

    start();

    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }

    data++;
    size--;

    switch (data[-1] % 3) {

    case 0:
        check(keepers_str(data, size), false);
        break;

    case 1:
        header = keepers_str(HEADER, sizeof(HEADER) - 1);
        check(sign(header, keepers_str(data, size)), true);
        break;

    default:
        for (i = 0; i < size && data[i] != '\n'; i++) { /* void */ }

        header = keepers_str(data, i);
        payload = (i < size) ? keepers_str(data + i + 1, size - i - 1)
                             : keepers_str(data, 0);
        check(sign(header, payload), true);
    }

    return 0;
}


static void
start(void)
{
    size_t              line;
    keepers_keyring_t  *edge;
    static const char   keys[] =
        "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    if (ring != NULL) {
        return;
    }

    MUST(keepers_keyring_init() == KEEPERS_OK);
    MUST(keepers_keyring_read(keepers_str(keys, sizeof(keys) - 1), &edge,
                              &line)
         == KEEPERS_OK);
    MUST(keepers_keyring_shared(edge, &ring) == KEEPERS_OK);
    keepers_keyring_free(edge);
}


static keepers_str_t
sign(keepers_str_t header, keepers_str_t payload)
{
    unsigned char  mac[crypto_auth_hmacsha256_BYTES];
    keepers_out_t  out;

    keepers_out_init(&out, signed_text, sizeof(signed_text));
    keepers_text_base64url(&out, header);
    keepers_out_byte(&out, '.');
    keepers_text_base64url(&out, payload);

    crypto_auth_hmacsha256(mac, out.data, out.len,
                           ring->keys[0].derived[KEEPERS_PURPOSE_IDENTITY]);

    keepers_out_byte(&out, '.');
    keepers_text_base64url(&out, keepers_str(mac, sizeof(mac)));
    MUST(!out.overflow);

    return keepers_out_written(&out);
}


static void
check(keepers_str_t text, bool genuine)
{
    int                 rc;
    unsigned char       again[KEEPERS_IDENTITY_LEN_MAX];
    keepers_out_t       out;
    keepers_identity_t  identity;

    rc = keepers_identity_read(ring, text, NOW_S, &identity);

    if (rc != KEEPERS_OK) {
        MUST(identity.role == KEEPERS_ROLE_NONE && identity.issued_s == 0);
        return;
    }

    MUST(genuine);
    MUST(identity.role != KEEPERS_ROLE_NONE && identity.role < KEEPERS_ROLES);
    MUST(identity.aal == 1 || identity.aal == 2);
    MUST(identity.issued_s <= NOW_S + 5 && identity.issued_s > NOW_S - 5);

    keepers_out_init(&out, again, sizeof(again));
    keepers_identity_write(ring, &identity, &out);
    MUST(!out.overflow && keepers_str_eq(keepers_out_written(&out), text));
}
