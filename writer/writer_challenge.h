
/*
 * Copyright (C) Keepers
 *
 * What a passkey signs: 32 random bytes, good for 120 seconds and for what
 * they were asked for.  Nothing is kept of one that nobody has answered: it
 * goes to the browser under a MAC and comes back, so that whoever asks for
 * millions fills nothing.
 *
 *   state   asked ms 8 | challenge 32 | keyed BLAKE2b of label key, over
 *           purpose 1 | user 16 | sid 8 | asked ms 8 | challenge 32
 *
 * The text of a state is base64url.  Of a sign-in, user and SID are zeros: who
 * it is, is not known yet.
 */


#ifndef _WRITER_CHALLENGE_H_INCLUDED_
#define _WRITER_CHALLENGE_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"
#include "core/keepers_keyring.h"
#include "core/keepers_out.h"


#define WRITER_CHALLENGE_LEN        32
#define WRITER_CHALLENGE_LIFE_MS    120000
#define WRITER_CHALLENGE_STATE_LEN  (8 + WRITER_CHALLENGE_LEN                 \
                                     + KEEPERS_HASH_LEN)


typedef enum {
    WRITER_CHALLENGE_SIGNIN = 1,
    WRITER_CHALLENGE_STEP_UP,
    WRITER_CHALLENGE_ADD
} writer_challenge_e;


typedef struct {
    writer_challenge_e  purpose;
    keepers_uuid_t      user;
    unsigned char       sid[8];
} writer_challenge_for_t;


typedef struct {
    uint64_t            asked_ms;
    unsigned char       bytes[WRITER_CHALLENGE_LEN];
} writer_challenge_t;


/* A new one, and its state in text. */
void writer_challenge_make(const keepers_keyring_t *master,
    const writer_challenge_for_t *what, uint64_t now_ms,
    writer_challenge_t *challenge, keepers_out_t *state);

/* False: not ours, for something else, or too old. */
bool writer_challenge_read(const keepers_keyring_t *master,
    const writer_challenge_for_t *what, keepers_str_t state, uint64_t now_ms,
    writer_challenge_t *challenge) keepers_checked;


#endif /* _WRITER_CHALLENGE_H_INCLUDED_ */
