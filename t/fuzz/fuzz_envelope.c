
/*
 * Copyright (C) Keepers
 *
 * The first byte chooses: an envelope as it comes, a record to seal and spoil
 * by a mask at a place, or a head that is signed here, so that any point may
 * stand for the sender's key.  Nothing opens that was not sealed whole.
 */


#include "core/keepers_envelope.h"

#include <stdlib.h>


#define MUST(x)     if (!(x)) { abort(); }

#define NOW_MS      1795000000000
#define INPUT_MAX   2048
#define SEALED_MAX  (INPUT_MAX + KEEPERS_ENVELOPE_OVERHEAD)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void);
static int open_it(keepers_str_t s);
static void spoil(keepers_str_t s);
static void own_head(keepers_str_t s);


static keepers_keyring_t          *ring;
static keepers_envelope_sender_t   sender;
static keepers_envelope_opener_t   opener;
static unsigned char               opened[INPUT_MAX];
static size_t                      opened_len;


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    keepers_str_t  s;

    start();

    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }

    s = keepers_str(data + 1, size - 1);

    switch (data[0] % 3) {

    case 0:
        MUST(open_it(s) != KEEPERS_OK);
        break;

    case 1:
        spoil(s);
        break;

    default:
        own_head(s);
    }

    return 0;
}


static void
start(void)
{
    size_t               line;
    keepers_keyring_t   *edge;
    static const char    keys[] =
        "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    static unsigned char  secret[32];

    if (ring != NULL) {
        return;
    }

    MUST(keepers_keyring_init() == KEEPERS_OK);
    MUST(keepers_keyring_read(keepers_str(keys, sizeof(keys) - 1), &edge,
                              &line)
         == KEEPERS_OK);
    MUST(keepers_keyring_shared(edge, &ring) == KEEPERS_OK);
    keepers_keyring_free(edge);

    memset(secret, 7, sizeof(secret));
    keepers_envelope_opener_init(&opener, secret);
}


static int
open_it(keepers_str_t s)
{
    int     rc;
    size_t  i;

    memset(opened, 0xff, sizeof(opened));

    rc = keepers_envelope_open(&opener, ring, NOW_MS, s, opened,
                               sizeof(opened), &opened_len);

    MUST(opener.next < KEEPERS_ENVELOPE_PEERS);

    if (rc != KEEPERS_OK) {
        MUST(opened_len == 0);

        for (i = 0; i < sizeof(opened); i++) {
            MUST(opened[i] == 0);
        }
    }

    return rc;
}


static void
spoil(keepers_str_t s)
{
    int                   rc;
    size_t                at;
    unsigned char         mask;
    keepers_out_t         out;
    keepers_str_t         record;
    static unsigned char  sealed[SEALED_MAX];

    if (s.len < 3) {
        return;
    }

    at = (size_t) s.data[0] << 8 | s.data[1];
    mask = s.data[2];
    record = keepers_str(s.data + 3, s.len - 3);

    keepers_out_init(&out, sealed, sizeof(sealed));
    MUST(keepers_envelope_seal(&sender, ring, opener.public, NOW_MS, record,
                               &out)
         == KEEPERS_OK);
    MUST(out.len == record.len + KEEPERS_ENVELOPE_OVERHEAD);

    sealed[at % out.len] ^= mask;

    rc = open_it(keepers_out_written(&out));

    MUST((rc == KEEPERS_OK) == (mask == 0));
    MUST(rc != KEEPERS_OK
         || keepers_str_eq(keepers_str(opened, opened_len), record));
}


/* The rest of the format, with a head that the MAC allows. */
static void
own_head(keepers_str_t s)
{
    int                   rc;
    uint64_t              not_after_ms;
    size_t                i;
    keepers_str_t         covered;
    static unsigned char  envelope[INPUT_MAX];

    if (s.len < KEEPERS_ENVELOPE_OVERHEAD) {
        return;
    }

    memcpy(envelope, s.data, s.len);
    memcpy(envelope, "K1", 2);
    memcpy(envelope + 2, opener.key_id, sizeof(opener.key_id));

    covered = keepers_str(envelope, 46);
    keepers_keyed_hash(ring->keys[0].derived[KEEPERS_PURPOSE_ENVELOPE],
                       &covered, 1, envelope + 46, 32);

    not_after_ms = 0;

    for (i = 6; i < 14; i++) {
        not_after_ms = not_after_ms << 8 | envelope[i];
    }

    rc = open_it(keepers_str(envelope, s.len));

    MUST(rc == (not_after_ms < NOW_MS ? KEEPERS_ENVELOPE_EXPIRED
                                      : KEEPERS_ENVELOPE_FORGED));
}
