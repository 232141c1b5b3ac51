
/*
 * Copyright (C) Keepers
 *
 * The format stands byte by byte at the top of keepers_envelope.h.
 */


#include "core/keepers_envelope.h"
#include "core/keepers_in.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_ENVELOPE_ID        2        /* offsets */
#define KEEPERS_ENVELOPE_NOT_AFTER 6
#define KEEPERS_ENVELOPE_PUBLIC    14
#define KEEPERS_ENVELOPE_MAC       46
#define KEEPERS_ENVELOPE_NONCE     78
#define KEEPERS_ENVELOPE_BOX       102

#define KEEPERS_ENVELOPE_ID_LEN    4
#define KEEPERS_ENVELOPE_MAC_LEN   32


_Static_assert(KEEPERS_ENVELOPE_OVERHEAD
               == KEEPERS_ENVELOPE_BOX + crypto_box_MACBYTES, "overhead");
_Static_assert(KEEPERS_ENVELOPE_BOX
               == KEEPERS_ENVELOPE_NONCE + crypto_box_NONCEBYTES, "nonce");
_Static_assert(KEEPERS_KEY_LEN == 32
               && crypto_box_PUBLICKEYBYTES == 32
               && crypto_box_SECRETKEYBYTES == 32
               && crypto_box_BEFORENMBYTES == 32, "keys");
_Static_assert(sizeof(((keepers_envelope_sender_t *) 0)->nonces[0])
               == crypto_box_NONCEBYTES, "nonces");


static int keepers_envelope_renew(keepers_envelope_sender_t *sender,
    const keepers_keyring_t *shared, const unsigned char writer_public[32],
    uint64_t now_ms);
static void keepers_envelope_nonce(keepers_envelope_sender_t *sender,
    unsigned char *to);
static void keepers_envelope_key_id(const unsigned char public[32],
    unsigned char id[KEEPERS_ENVELOPE_ID_LEN]);
static int keepers_envelope_peer(keepers_envelope_opener_t *opener,
    const keepers_keyring_t *shared, const unsigned char *head,
    size_t *peer);


bool
keepers_envelope_key_read(keepers_str_t text, unsigned char key[32])
{
    while (text.len != 0 && (text.data[text.len - 1] == '\n'
                             || text.data[text.len - 1] == '\r'))
    {
        text.len--;
    }

    if (keepers_text_base64_decode(text, key, KEEPERS_KEY_LEN)
        && !keepers_key_weak(key))
    {
        return true;
    }

    sodium_memzero(key, 32);

    return false;
}


void
keepers_envelope_keypair(unsigned char public[32], unsigned char secret[32])
{
    (void) crypto_box_keypair(public, secret);
}


int
keepers_envelope_seal(keepers_envelope_sender_t *sender,
    const keepers_keyring_t *shared, const unsigned char writer_public[32],
    uint64_t now_ms, keepers_str_t record, keepers_out_t *out)
{
    int             rc;
    unsigned char  *p;

    if (out->overflow
        || out->size - out->len < KEEPERS_ENVELOPE_OVERHEAD
        || out->size - out->len - KEEPERS_ENVELOPE_OVERHEAD < record.len)
    {
        out->overflow = true;
        return KEEPERS_ENVELOPE_NO_SPACE;
    }

    /* a clock that was set back would otherwise keep a pair for too long */

    if (sender->head[0] == 0 || now_ms < sender->renewed_ms
        || now_ms - sender->renewed_ms >= KEEPERS_ENVELOPE_SENDER_MS
        || memcmp(sender->writer, writer_public, 32) != 0)
    {
        rc = keepers_envelope_renew(sender, shared, writer_public, now_ms);

        if (rc != KEEPERS_OK) {
            return rc;
        }
    }

    p = out->data + out->len;

    memcpy(p, sender->head, sizeof(sender->head));
    keepers_envelope_nonce(sender, p + KEEPERS_ENVELOPE_NONCE);

    (void) crypto_box_easy_afternm(p + KEEPERS_ENVELOPE_BOX, record.data,
                                   record.len, p + KEEPERS_ENVELOPE_NONCE,
                                   sender->shared);

    out->len += KEEPERS_ENVELOPE_OVERHEAD + record.len;

    return KEEPERS_OK;
}


void
keepers_envelope_opener_init(keepers_envelope_opener_t *opener,
    const unsigned char secret[32])
{
    memset(opener, 0, sizeof(keepers_envelope_opener_t));

    memcpy(opener->secret, secret, 32);
    (void) crypto_scalarmult_base(opener->public, secret);
    keepers_envelope_key_id(opener->public, opener->key_id);
}


/* JUNK, OTHER_WRITER, FORGED, EXPIRED or NO_SPACE, else KEEPERS_OK. */
int
keepers_envelope_open(keepers_envelope_opener_t *opener,
    const keepers_keyring_t *shared, uint64_t now_ms, keepers_str_t envelope,
    void *to, size_t size, size_t *len)
{
    int                   rc;
    size_t                n, peer;
    keepers_in_t          in;
    const unsigned char  *p;

    *len = 0;
    n = 0;
    p = envelope.data;

    if (envelope.len < KEEPERS_ENVELOPE_OVERHEAD
        || p[0] != 'K' || p[1] != '1')
    {
        rc = KEEPERS_ENVELOPE_JUNK;
        goto failed;
    }

    if (memcmp(p + KEEPERS_ENVELOPE_ID, opener->key_id, sizeof(opener->key_id))
        != 0)
    {
        rc = KEEPERS_ENVELOPE_OTHER_WRITER;
        goto failed;
    }

    n = envelope.len - KEEPERS_ENVELOPE_OVERHEAD;

    if (n > size) {
        rc = KEEPERS_ENVELOPE_NO_SPACE;
        goto failed;
    }

    keepers_in_init(&in, keepers_str(p + KEEPERS_ENVELOPE_NOT_AFTER, 8));

    if (now_ms > keepers_in_u64(&in)) {
        rc = KEEPERS_ENVELOPE_EXPIRED;
        goto failed;
    }

    rc = keepers_envelope_peer(opener, shared, p, &peer);

    if (rc != KEEPERS_OK) {
        goto failed;
    }

    if (crypto_box_open_easy_afternm(to, p + KEEPERS_ENVELOPE_BOX,
                                     envelope.len - KEEPERS_ENVELOPE_BOX,
                                     p + KEEPERS_ENVELOPE_NONCE,
                                     opener->peers[peer].shared)
        != 0)
    {
        rc = KEEPERS_ENVELOPE_FORGED;
        goto failed;
    }

    *len = n;

    return KEEPERS_OK;

failed:

    sodium_memzero(to, size);

    return rc;
}


static int
keepers_envelope_renew(keepers_envelope_sender_t *sender,
    const keepers_keyring_t *shared, const unsigned char writer_public[32],
    uint64_t now_ms)
{
    int             rc;
    keepers_out_t   not_after;
    keepers_str_t   covered;
    unsigned char  *head, secret[32];

    sodium_memzero(sender, sizeof(keepers_envelope_sender_t));

    head = sender->head;

    (void) crypto_box_keypair(head + KEEPERS_ENVELOPE_PUBLIC, secret);

    rc = crypto_box_beforenm(sender->shared, writer_public, secret);

    sodium_memzero(secret, sizeof(secret));

    if (rc != 0) {
        sodium_memzero(sender, sizeof(keepers_envelope_sender_t));
        return KEEPERS_ENVELOPE_OTHER_WRITER;
    }

    head[0] = 'K';
    head[1] = '1';
    keepers_envelope_key_id(writer_public, head + KEEPERS_ENVELOPE_ID);

    keepers_out_init(&not_after, head + KEEPERS_ENVELOPE_NOT_AFTER, 8);
    keepers_out_u64(&not_after, now_ms + KEEPERS_ENVELOPE_SENDER_MS
                                + KEEPERS_ENVELOPE_LIFE_MS);

    covered = keepers_str(head, KEEPERS_ENVELOPE_MAC);

    keepers_keyed_hash(shared->keys[0].derived[KEEPERS_PURPOSE_ENVELOPE],
                       &covered, 1, head + KEEPERS_ENVELOPE_MAC,
                       KEEPERS_ENVELOPE_MAC_LEN);

    sender->renewed_ms = now_ms;
    memcpy(sender->writer, writer_public, 32);

    return KEEPERS_OK;
}


/*
 * Random, fetched for several envelopes at once: a system call costs more than
 * the rest of this.  Nothing is lost if one is known before it is used, for the
 * envelope says it; but it is used once, and gone from here then.
 */
static void
keepers_envelope_nonce(keepers_envelope_sender_t *sender, unsigned char *to)
{
    unsigned char  *nonce;

    if (sender->nonces_left == 0) {
        randombytes_buf(sender->nonces, sizeof(sender->nonces));
        sender->nonces_left = KEEPERS_ENVELOPE_NONCES;
    }

    nonce = sender->nonces[--sender->nonces_left];

    memcpy(to, nonce, crypto_box_NONCEBYTES);
    memset(nonce, 0, crypto_box_NONCEBYTES);
}


/* A name, not a proof: four bytes tell a replaced writer key from the new. */
static void
keepers_envelope_key_id(const unsigned char public[32],
    unsigned char id[KEEPERS_ENVELOPE_ID_LEN])
{
    unsigned char  hash[crypto_generichash_BYTES];

    (void) crypto_generichash(hash, sizeof(hash), public, 32, NULL, 0);

    memcpy(id, hash, KEEPERS_ENVELOPE_ID_LEN);
}


/*
 * Finds the peer of a head, or proves it and computes it.  Only what an edge
 * has signed costs an X25519 and takes a place of the cache.
 */
static int
keepers_envelope_peer(keepers_envelope_opener_t *opener,
    const keepers_keyring_t *shared, const unsigned char *head, size_t *peer)
{
    size_t         i;
    keepers_str_t  covered;

    for (i = 0; i < KEEPERS_ENVELOPE_PEERS; i++) {

        if (opener->peers[i].used
            && memcmp(head, opener->peers[i].head, KEEPERS_ENVELOPE_MAC) == 0
            && keepers_equal(head + KEEPERS_ENVELOPE_MAC,
                             opener->peers[i].head + KEEPERS_ENVELOPE_MAC,
                             KEEPERS_ENVELOPE_MAC_LEN))
        {
            *peer = i;
            return KEEPERS_OK;
        }
    }

    covered = keepers_str(head, KEEPERS_ENVELOPE_MAC);

    if (!keepers_keyring_knows(shared, KEEPERS_PURPOSE_ENVELOPE, &covered, 1,
                               head + KEEPERS_ENVELOPE_MAC,
                               KEEPERS_ENVELOPE_MAC_LEN))
    {
        return KEEPERS_ENVELOPE_FORGED;
    }

    i = opener->next;
    opener->peers[i].used = false;

    if (crypto_box_beforenm(opener->peers[i].shared,
                            head + KEEPERS_ENVELOPE_PUBLIC, opener->secret)
        != 0)
    {
        return KEEPERS_ENVELOPE_FORGED;
    }

    memcpy(opener->peers[i].head, head, sizeof(opener->peers[i].head));
    opener->peers[i].used = true;
    opener->next = (i + 1) % KEEPERS_ENVELOPE_PEERS;

    *peer = i;

    return KEEPERS_OK;
}
