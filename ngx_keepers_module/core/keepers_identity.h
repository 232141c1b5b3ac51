
/*
 * Copyright (C) Keepers
 *
 * The identity that the edge gives an upstream: a JWT (RFC 7519), HS256 (RFC
 * 7518), valid for 5 seconds.  Claims: iss "keepers", aud "writer", sub user,
 * biz business, role, aal, sid (first 8 bytes of the SID, hex), of a machine
 * scope, iat, exp.
 */


#ifndef _KEEPERS_IDENTITY_H_INCLUDED_
#define _KEEPERS_IDENTITY_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_keyring.h"
#include "core/keepers_out.h"


#define KEEPERS_IDENTITY_LIFE_S   5
#define KEEPERS_IDENTITY_LEN_MAX  768


enum {
    KEEPERS_IDENTITY_JUNK = 1,
    KEEPERS_IDENTITY_FORGED,
    KEEPERS_IDENTITY_EXPIRED        /* or from a future beyond 5 s */
};


typedef struct {
    keepers_uuid_t  user;
    keepers_uuid_t  business;
    uint64_t        issued_s;
    uint32_t        scopes;         /* of a machine; else not looked at */
    unsigned char   sid[8];
    uint8_t         role;
    uint8_t         aal;
} keepers_identity_t;


/* "ring" is the shared ring. */
void keepers_identity_write(const keepers_keyring_t *ring,
    const keepers_identity_t *identity, keepers_out_t *out);

/*
 * Accepts exactly what keepers_identity_write() makes (same header, same
 * claim order), so that no JSON parser decides who someone is.
 */
int keepers_identity_read(const keepers_keyring_t *ring, keepers_str_t text,
    uint64_t now_s, keepers_identity_t *identity) keepers_checked;


#endif /* _KEEPERS_IDENTITY_H_INCLUDED_ */
