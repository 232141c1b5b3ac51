
/*
 * Copyright (C) Keepers
 *
 * A ring of 32-byte master keys, the first current, the others accepted, and
 * what is derived from them: one crypto_kdf context a purpose (libsodium).
 * Rings live in guarded memory (sodium_malloc), are read-only once read, and
 * are wiped when freed.
 */


#ifndef _KEEPERS_KEYRING_H_INCLUDED_
#define _KEEPERS_KEYRING_H_INCLUDED_


#include "core/keepers_base.h"


#define KEEPERS_KEYRING_MAX      4
#define KEEPERS_KEY_LEN          32
#define KEEPERS_KEY_ID_LEN_MAX   16


/*
 * Purposes of the edge ring (only nginx holds it), and of the shared ring
 * (edge and writer hold it; it is derived from the edge ring, one way).
 */
typedef enum {
    KEEPERS_PURPOSE_SESSION_ID = 0,     /* token to SID */
    KEEPERS_PURPOSE_SESSION_SEAL,       /* session record */
    KEEPERS_PURPOSE_FORM,               /* form token */
    KEEPERS_PURPOSE_SIGNUP,             /* digest */
    KEEPERS_PURPOSE_SIGNUP_ID,          /* a key of keepers_mark() */
    KEEPERS_PURPOSE_NEXT,               /* signed "next" of sign-in */
    KEEPERS_PURPOSE_CSRF,
    KEEPERS_PURPOSE_CLIENT,             /* $keepers_client */
    KEEPERS_PURPOSE_LIMIT,              /* keys of limits in Redis */
    KEEPERS_PURPOSE_DEVICE,             /* device token */
    KEEPERS_PURPOSE_NAME,               /* two keys of keepers_mark() */
    KEEPERS_PURPOSE_SHARED,             /* edge ring to shared ring */
    KEEPERS_PURPOSE_IDENTITY,           /* shared: identity JWT */
    KEEPERS_PURPOSE_ENVELOPE,           /* shared: the edge's MAC */
    KEEPERS_PURPOSE_LINK,               /* shared: link record in Redis */
    KEEPERS_PURPOSE_USER,               /* shared: user to tag */
    KEEPERS_PURPOSE_BEARER,             /* shared: token record in Redis */
    KEEPERS_PURPOSES
} keepers_purpose_e;


enum {
    KEEPERS_KEYRING_EMPTY = 1,      /* no key in the file */
    KEEPERS_KEYRING_LINE,           /* a line is not "id:base64 of 32 bytes" */
    KEEPERS_KEYRING_SHORT,          /* a key has not 32 bytes */
    KEEPERS_KEYRING_REPEATED,       /* an id or a key stands twice */
    KEEPERS_KEYRING_TOO_MANY,
    KEEPERS_KEYRING_WEAK,           /* a key of one repeated byte */
    KEEPERS_KEYRING_NO_MEMORY
};


typedef struct {
    size_t         n;
    struct {
        char           id[KEEPERS_KEY_ID_LEN_MAX + 1];
        unsigned char  master[KEEPERS_KEY_LEN];
        unsigned char  derived[KEEPERS_PURPOSES][KEEPERS_KEY_LEN];
    } keys[KEEPERS_KEYRING_MAX];
} keepers_keyring_t;


/* sodium_init(); must be called once a process before anything else here. */
int keepers_keyring_init(void) keepers_checked;

/*
 * Reads a key file's text: lines "id:base64", '#' comments, blank lines; an
 * id is 1 to 16 of A-Z a-z 0-9 - _.  On a fault *line is its number, from 1,
 * or 0 when no line is to blame.  The ring belongs to the caller, who frees
 * it with keepers_keyring_free().
 */
int keepers_keyring_read(keepers_str_t text, keepers_keyring_t **ring,
    size_t *line) keepers_checked;

/* The shared ring of an edge ring: what nginx uses, what keygen writes out. */
int keepers_keyring_shared(const keepers_keyring_t *edge,
    keepers_keyring_t **shared) keepers_checked;

/* Locks the ring in this process's memory: mlock() does not survive fork(). */
void keepers_keyring_lock(keepers_keyring_t *ring);

void keepers_keyring_free(keepers_keyring_t *ring);

const char *keepers_keyring_fault(int rc);      /* words for an operator */

#define KEEPERS_MARK_LEN      16
#define KEEPERS_MARK_KEY_LEN  16

/*
 * SipHash-2-4 with 128 bits (Aumasson, Bernstein): a PRF, for names of what is
 * looked up often and not kept.
 */
void keepers_mark(const unsigned char key[KEEPERS_MARK_KEY_LEN],
    keepers_str_t text, unsigned char mark[KEEPERS_MARK_LEN]);

/* Thin wrappers, so that no one else needs sodium for them. */
void keepers_random(void *to, size_t len);
void keepers_wipe(void *p, size_t len);
bool keepers_equal(const void *a, const void *b, size_t len);   /* constant */

/* Keyed BLAKE2b, 16 to 32 bytes, of the concatenation of "n" parts. */
void keepers_keyed_hash(const unsigned char key[KEEPERS_KEY_LEN],
    const keepers_str_t *parts, size_t n, void *to, size_t len);

/* One repeated byte: a mistake, or a file that was filled and not written. */
bool keepers_key_weak(const unsigned char key[KEEPERS_KEY_LEN]);

/*
 * True if any key of the ring makes this keyed hash, of up to 32 bytes; looks
 * at all of them.
 */
bool keepers_keyring_knows(const keepers_keyring_t *ring,
    keepers_purpose_e purpose, const keepers_str_t *parts, size_t n,
    const void *hash, size_t len);


#endif /* _KEEPERS_KEYRING_H_INCLUDED_ */
