
/*
 * Copyright (C) Keepers
 *
 * Tokens for machines: their text, their hash, their scopes, their record.
 *
 *   text     "kp_" | base62(random 32 | tag 8) 54 | base62(CRC-32) 6
 *     tag    of the user, as in a session token: one slot of a Redis Cluster
 *     CRC    of the 57 bytes before it (that of zlib): a typo, or a scanner
 *            for leaked secrets, needs no lookup; it is no proof of anything
 *   hash     BLAKE2b-256("keepers token 1" | random | tag), without a key: a
 *            token outlives the keys, and nobody guesses 32 random bytes
 *   base62   0-9 A-Z a-z, most significant digit first, padded with zeros
 *
 * The record, as it stands in Redis before sealing.  All integers big-endian.
 *
 *   0  version 2            1   no session record has it
 *   1  role                 1   KEEPERS_ROLE_MACHINE
 *   2  reserved             2   zeros
 *   4  scopes               4   bits, KEEPERS_SCOPE_*
 *   8  user                16   UUID: who made it
 *  24  business            16   UUID
 *  40  created              8   unix ms
 *  48  expiry               8   unix ms
 *  56  reserved            20   zeros
 *  76                           end
 */


#ifndef _KEEPERS_BEARER_H_INCLUDED_
#define _KEEPERS_BEARER_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"
#include "core/keepers_session.h"
#include "core/keepers_token.h"


#define KEEPERS_BEARER_LEN         63
#define KEEPERS_BEARER_SHOWN_LEN   11       /* what a list may show of it */
#define KEEPERS_BEARER_ID_LEN      8        /* of the hash: its public name */
#define KEEPERS_BEARER_RECORD_LEN  KEEPERS_SESSION_RECORD_LEN
#define KEEPERS_SCOPES_LEN_MAX     80       /* all of them, as text */


/* What a token may do; bits. */
enum {
    KEEPERS_SCOPE_CUSTOMERS_READ  = 1u << 0,
    KEEPERS_SCOPE_CUSTOMERS_WRITE = 1u << 1,
    KEEPERS_SCOPE_LINKS_READ      = 1u << 2,
    KEEPERS_SCOPE_LINKS_WRITE     = 1u << 3,
    KEEPERS_SCOPE_AUDIT_READ      = 1u << 4,
    KEEPERS_SCOPES_ALL            = (1u << 5) - 1
};


enum {
    KEEPERS_BEARER_JUNK = 1,        /* length, charset, checksum, too large */
    KEEPERS_BEARER_BROKEN           /* a record: length, version, role ... */
};


/*
 * The token of an Authorization header, its scheme in any case (RFC 9110,
 * 11.1).  True if it has the mark of ours: then it is a secret, or nearly, if
 * not right.  Anything else is not for us.
 */
bool keepers_bearer_find(keepers_str_t header, keepers_str_t *token);

/* The text of a token, and its hash. */
void keepers_bearer_write(const unsigned char random[32],
    const unsigned char tag[KEEPERS_TAG_LEN], keepers_out_t *out,
    unsigned char hash[KEEPERS_SID_LEN]);

/*
 * KEEPERS_OK or KEEPERS_BEARER_JUNK, by shape and checksum: the tag, and the
 * hash under which a token is known.
 */
int keepers_bearer_read(keepers_str_t text,
    unsigned char tag[KEEPERS_TAG_LEN], unsigned char hash[KEEPERS_SID_LEN])
    keepers_checked;

/* user, business, role, scopes, created_ms, absolute_ms of the session. */
void keepers_bearer_encode(const keepers_session_t *token,
    unsigned char record[KEEPERS_BEARER_RECORD_LEN]);

/*
 * KEEPERS_OK or KEEPERS_BEARER_BROKEN.  The rest of the session is what no
 * person would have: aal 1, never authenticated, an idle time that does not
 * end before the token does.
 */
int keepers_bearer_decode(keepers_str_t record, keepers_session_t *token)
    keepers_checked;

/* "customers.read links.write", in the order of the bits. */
void keepers_scopes_write(uint32_t scopes, keepers_out_t *out);

/* Words between single blanks, in any order; 0: one is unknown or repeated,
 * or there is none. */
uint32_t keepers_scopes_read(keepers_str_t text);


#endif /* _KEEPERS_BEARER_H_INCLUDED_ */
