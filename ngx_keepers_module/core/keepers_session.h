
/*
 * Copyright (C) Keepers
 *
 * The session record, as it stands in Redis before sealing.  All integers
 * big-endian.
 *
 *   0  version 1            1
 *   1  role                 1   keepers_role_e
 *   2  aal                  1   1 or 2; and 128 if it is remembered
 *   3  agent family         1   keepers_agent_e
 *   4  epoch                4   of the user, at the time of sign-in
 *   8  user                16   UUID
 *  24  business            16   UUID
 *  40  created              8   unix ms
 *  48  absolute expiry      8   unix ms
 *  56  authenticated at     8   unix ms: the last password or code
 *  64  idle                 4   seconds
 *  68  coarse network       8   family 4 or 6, prefix bits, 6 bytes of prefix
 *  76                           end
 *
 * Version 2 is of a session that another has replaced, and that is honoured
 * for its last seconds: absolute expiry is when they are over.
 *
 *  76  successor          32   its SID
 * 108                           end
 */


#ifndef _KEEPERS_SESSION_H_INCLUDED_
#define _KEEPERS_SESSION_H_INCLUDED_


#include "core/keepers_base.h"


#define KEEPERS_SESSION_RECORD_LEN  76
#define KEEPERS_SESSION_SEALED_LEN  (24 + KEEPERS_SESSION_RECORD_LEN + 16)
#define KEEPERS_SESSION_SUCCESSOR_LEN  32       /* a SID */
#define KEEPERS_SESSION_ROTATED_LEN  (KEEPERS_SESSION_RECORD_LEN             \
                                      + KEEPERS_SESSION_SUCCESSOR_LEN)
#define KEEPERS_SESSION_ROTATED_SEALED_LEN                                   \
    (24 + KEEPERS_SESSION_ROTATED_LEN + 16)

/* How far the clocks of two nodes may be apart. */
#define KEEPERS_SESSION_SKEW_MS      60000

/* How long a session is honoured that another has replaced. */
#define KEEPERS_SESSION_GRACE_MS     10000

/* And how long after that it is still known to have been replaced. */
#define KEEPERS_SESSION_REPLACED_MS  3600000


typedef enum {
    KEEPERS_ROLE_NONE = 0,
    KEEPERS_ROLE_OWNER,
    KEEPERS_ROLE_MANAGER,
    KEEPERS_ROLE_STAFF,
    KEEPERS_ROLE_AUDITOR,
    KEEPERS_ROLE_MACHINE,       /* a token's; no person has it */
    KEEPERS_ROLES
} keepers_role_e;


typedef enum {
    KEEPERS_AGENT_OTHER = 0,
    KEEPERS_AGENT_FIREFOX,
    KEEPERS_AGENT_CHROME,
    KEEPERS_AGENT_SAFARI,
    KEEPERS_AGENT_EDGE,
    KEEPERS_AGENT_CURL,
    KEEPERS_AGENTS
} keepers_agent_e;


/* What few sessions are: one look tells that there is nothing to look at. */
typedef enum {
    KEEPERS_SESSION_ROTATED = 1,    /* the successor has taken over */
    KEEPERS_SESSION_REMEMBERED = 2  /* lives on when the browser has ended */
} keepers_session_mark_e;


typedef struct {
    keepers_uuid_t   user;
    keepers_uuid_t   business;
    uint64_t         created_ms;
    uint64_t         absolute_ms;
    uint64_t         authenticated_ms;
    uint32_t         epoch;
    uint32_t         idle_s;
    uint32_t         scopes;        /* of a token; a session has none */
    uint8_t          role;
    uint8_t          aal;
    uint8_t          agent;
    unsigned char    net[8];
    uint8_t          marks;         /* keepers_session_mark_e */
    unsigned char    successor[KEEPERS_SESSION_SUCCESSOR_LEN];
} keepers_session_t;


typedef enum {
    KEEPERS_SESSION_VALID = 0,
    KEEPERS_SESSION_EXPIRED,
    KEEPERS_SESSION_REVOKED
} keepers_session_state_e;


enum {
    KEEPERS_SESSION_BROKEN = 1      /* length, version, role or aal */
};


void keepers_session_encode(const keepers_session_t *session,
    unsigned char record[KEEPERS_SESSION_RECORD_LEN]);
void keepers_session_encode_rotated(const keepers_session_t *session,
    unsigned char record[KEEPERS_SESSION_ROTATED_LEN]);
int keepers_session_decode(keepers_str_t record, keepers_session_t *session)
    keepers_checked;

/*
 * The state of a session whose user's epoch is now "epoch".  A token has none:
 * "sign out everywhere" is for people, and Redis may forget the epoch while the
 * writer publishes the token again.
 */
keepers_session_state_e keepers_session_state(const keepers_session_t *session,
    uint32_t epoch, uint64_t now_ms);

/*
 * How long its key in Redis lives after a use: the idle time, and no longer
 * than the session.  A remembered one has no other idle time than its life,
 * and the key is to tell when it was last used: it may outlive its session.
 */
uint64_t keepers_session_life_ms(const keepers_session_t *session,
    uint64_t now_ms) keepers_rare;

/*
 * Whether a session's idle time, renewed at touched_s, is to be renewed in
 * Redis: after a tenth of it, or a minute; or if that is yet to come.
 */
bool keepers_session_touch_due(const keepers_session_t *session,
    uint32_t touched_s, uint64_t now_ms);

/*
 * Whether its proof is not older than that.  A clock that was set back makes no
 * proof of the future: that one is not fresh.
 */
bool keepers_session_fresh(const keepers_session_t *session, uint64_t fresh_ms,
    uint64_t now_ms);

/* "owner" ... ; KEEPERS_ROLE_NONE for a word that is no role.  A person's is
 * one that an account may have. */
const char *keepers_role_name(uint8_t role);
uint8_t keepers_role_read(keepers_str_t name);
uint8_t keepers_role_person(keepers_str_t name);

/* "Firefox" ..., from a User-Agent header; nothing finer is kept. */
const char *keepers_agent_name(uint8_t agent);
uint8_t keepers_agent_read(keepers_str_t user_agent);

/* net[8] from an address of 4 or 16 bytes: /24 or /48; ::ffff:0:0/96 is
 * IPv4.  Text: "192.0.2.0/24", "2001:db8:1::/48", "-" when unknown. */
void keepers_net_read(keepers_str_t address, unsigned char net[8]);
size_t keepers_net_text(const unsigned char net[8], char text[24]);


#endif /* _KEEPERS_SESSION_H_INCLUDED_ */
