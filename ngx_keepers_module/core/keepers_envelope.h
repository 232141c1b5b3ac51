
/*
 * Copyright (C) Keepers
 *
 * What travels from the edge to the writer: sealed to the writer's public
 * key, with proof that an edge made it.
 *
 *    0  "K1"                    2
 *    2  writer key id           4   BLAKE2b of the writer's public key
 *    6  not after               8   unix ms, of the sender key
 *   14  sender public key      32   X25519, a worker's own, renewed hourly
 *   46  edge MAC               32   keyed BLAKE2b of bytes 0 to 45
 *   78  nonce                  24
 *  102  crypto_box             16 + record.len
 *
 * The first byte of every record is its kind.
 */


#ifndef _KEEPERS_ENVELOPE_H_INCLUDED_
#define _KEEPERS_ENVELOPE_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_keyring.h"
#include "core/keepers_out.h"


#define KEEPERS_ENVELOPE_OVERHEAD     118
#define KEEPERS_ENVELOPE_SENDER_MS    3600000       /* renewed after */
#define KEEPERS_ENVELOPE_LIFE_MS      259200000     /* 3 days: may be spooled */
#define KEEPERS_ENVELOPE_PEERS        64
#define KEEPERS_ENVELOPE_NONCES       10    /* 240 bytes: one getrandom() */


typedef enum {
    KEEPERS_RECORD_SIGNUP = 1,
    KEEPERS_RECORD_SIGNIN = 2,
    KEEPERS_RECORD_PASSWORD = 3,
    KEEPERS_RECORD_STEP_UP = 4,
    KEEPERS_RECORD_FORGOT = 5,
    KEEPERS_RECORD_RESET = 6,
    KEEPERS_RECORD_PROBE = 127      /* nothing else: does it open? */
} keepers_record_e;


enum {
    KEEPERS_ENVELOPE_JUNK = 1,      /* length, magic */
    KEEPERS_ENVELOPE_OTHER_WRITER,  /* sealed to another key */
    KEEPERS_ENVELOPE_FORGED,        /* MAC or box */
    KEEPERS_ENVELOPE_EXPIRED,
    KEEPERS_ENVELOPE_NO_SPACE
};


/*
 * The sending half: one a worker, for one shared ring.  Made where it is used,
 * never copied or carried over a fork: two that have the same would seal under
 * the same nonces.  So would two copies of a running machine, up to ten times:
 * whoever has both envelopes of such a pair has the XOR of two signups.
 */
typedef struct {
    uint64_t       renewed_ms;
    unsigned char  writer[32];      /* the public key "shared" is for */
    unsigned char  head[78];        /* bytes 0 to 77, ready to copy */
    unsigned char  shared[32];      /* crypto_box_beforenm: secret */
    unsigned char  nonces[KEEPERS_ENVELOPE_NONCES][24];
    size_t         nonces_left;     /* the first of them, not yet used */
} keepers_envelope_sender_t;

/*
 * The receiving half, with a small cache of precomputed peers.  Opening fills
 * the cache: one thread an opener.  All of it is secret: wipe.
 */
typedef struct {
    unsigned char  secret[32];
    unsigned char  public[32];
    unsigned char  key_id[4];
    size_t         next;
    struct {
        unsigned char  head[78];
        unsigned char  shared[32];
        bool           used;
    } peers[KEEPERS_ENVELOPE_PEERS];
} keepers_envelope_opener_t;


/* One line of base64, 32 bytes; false if it is not that, or one repeated
 * byte. */
bool keepers_envelope_key_read(keepers_str_t text, unsigned char key[32])
    keepers_checked;
void keepers_envelope_keypair(unsigned char public[32],
    unsigned char secret[32]);

/*
 * Seals a record; makes a new sender pair first when the old one is older
 * than KEEPERS_ENVELOPE_SENDER_MS (zero the sender once, at start).
 * "shared" is the shared ring.  OTHER_WRITER: writer_public is no usable key;
 * NO_SPACE.
 */
int keepers_envelope_seal(keepers_envelope_sender_t *sender,
    const keepers_keyring_t *shared, const unsigned char writer_public[32],
    uint64_t now_ms, keepers_str_t record, keepers_out_t *out)
    keepers_checked;

void keepers_envelope_opener_init(keepers_envelope_opener_t *opener,
    const unsigned char secret[32]);

/* Opens into "to" of "size" bytes; wiped unless KEEPERS_OK. */
int keepers_envelope_open(keepers_envelope_opener_t *opener,
    const keepers_keyring_t *shared, uint64_t now_ms, keepers_str_t envelope,
    void *to, size_t size, size_t *len) keepers_checked;


#endif /* _KEEPERS_ENVELOPE_H_INCLUDED_ */
