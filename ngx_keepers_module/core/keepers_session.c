
/*
 * Copyright (C) Keepers
 *
 * The record stands byte by byte at the top of keepers_session.h.
 */


#include "core/keepers_session.h"
#include "core/keepers_out.h"
#include "core/keepers_token.h"


#define KEEPERS_SESSION_VERSION   1
#define KEEPERS_SESSION_REPLACED  2         /* with its successor's SID */
#define KEEPERS_SESSION_KEPT      128       /* beside the aal: remembered */
#define KEEPERS_SESSION_TOUCH_MS  60000
#define KEEPERS_AGENT_LEN_MAX     512       /* no more is looked at */


_Static_assert(KEEPERS_SESSION_SEALED_LEN
               == KEEPERS_SESSION_RECORD_LEN + KEEPERS_SEAL_OVERHEAD, "sealed");
_Static_assert(KEEPERS_SESSION_SUCCESSOR_LEN == KEEPERS_SID_LEN, "successor");


typedef struct {
    keepers_str_t  mark;
    uint8_t        agent;
} keepers_agent_mark_t;


static void keepers_session_write(const keepers_session_t *session,
    uint8_t version, keepers_out_t *out);
static int keepers_session_decode_kept(keepers_str_t record,
    keepers_session_t *session) keepers_checked keepers_rare;
static uint64_t keepers_session_u64(const unsigned char *p);
static uint32_t keepers_session_u32(const unsigned char *p);
static bool keepers_agent_has(keepers_str_t s, keepers_str_t mark);
static void keepers_net_text4(const unsigned char *p, keepers_out_t *out);
static void keepers_net_text6(const unsigned char *p, keepers_out_t *out);


static const char  *keepers_role_names[KEEPERS_ROLES] = {
    "none", "owner", "manager", "staff", "auditor", "machine"
};

static const char  *keepers_agent_names[KEEPERS_AGENTS] = {
    "other", "Firefox", "Chrome", "Safari", "Edge", "curl"
};

/* In this order, for Edge says that it is Chrome, and both say Safari. */
static const keepers_agent_mark_t  keepers_agent_marks[] = {
    { keepers_string("Edg/"),     KEEPERS_AGENT_EDGE },
    { keepers_string("EdgA/"),    KEEPERS_AGENT_EDGE },
    { keepers_string("EdgiOS/"),  KEEPERS_AGENT_EDGE },
    { keepers_string("Firefox/"), KEEPERS_AGENT_FIREFOX },
    { keepers_string("FxiOS/"),   KEEPERS_AGENT_FIREFOX },
    { keepers_string("Chrome/"),  KEEPERS_AGENT_CHROME },
    { keepers_string("CriOS/"),   KEEPERS_AGENT_CHROME },
    { keepers_string("Safari/"),  KEEPERS_AGENT_SAFARI },
    { keepers_string("curl/"),    KEEPERS_AGENT_CURL }
};


void
keepers_session_encode(const keepers_session_t *session,
    unsigned char record[KEEPERS_SESSION_RECORD_LEN])
{
    keepers_out_t  out;

    keepers_out_init(&out, record, KEEPERS_SESSION_RECORD_LEN);
    keepers_session_write(session, KEEPERS_SESSION_VERSION, &out);
}


void
keepers_session_encode_rotated(const keepers_session_t *session,
    unsigned char record[KEEPERS_SESSION_ROTATED_LEN])
{
    keepers_out_t  out;

    keepers_out_init(&out, record, KEEPERS_SESSION_ROTATED_LEN);
    keepers_session_write(session, KEEPERS_SESSION_REPLACED, &out);
    keepers_out_bytes(&out, session->successor, KEEPERS_SESSION_SUCCESSOR_LEN);
}


static void
keepers_session_write(const keepers_session_t *session, uint8_t version,
    keepers_out_t *out)
{
    keepers_out_byte(out, version);
    keepers_out_byte(out, session->role);
    keepers_out_byte(out, session->marks & KEEPERS_SESSION_REMEMBERED
                          ? session->aal | KEEPERS_SESSION_KEPT
                          : session->aal);
    keepers_out_byte(out, session->agent);
    keepers_out_u32(out, session->epoch);
    keepers_out_bytes(out, session->user.bytes, KEEPERS_UUID_LEN);
    keepers_out_bytes(out, session->business.bytes, KEEPERS_UUID_LEN);
    keepers_out_u64(out, session->created_ms);
    keepers_out_u64(out, session->absolute_ms);
    keepers_out_u64(out, session->authenticated_ms);
    keepers_out_u32(out, session->idle_s);
    keepers_out_bytes(out, session->net, sizeof(session->net));
}


/*
 * KEEPERS_OK or KEEPERS_SESSION_BROKEN.  Every request that Redis answers
 * comes here: fixed places, no cursor.
 */
int
keepers_session_decode(keepers_str_t record, keepers_session_t *session)
{
    bool                  rotated;
    const unsigned char  *p;

    p = record.data;
    rotated = record.len == KEEPERS_SESSION_ROTATED_LEN;

    if ((!rotated && record.len != KEEPERS_SESSION_RECORD_LEN)
        || p[0] != (rotated ? KEEPERS_SESSION_REPLACED
                            : KEEPERS_SESSION_VERSION)
        || p[1] == KEEPERS_ROLE_NONE || p[1] >= KEEPERS_ROLE_MACHINE
        || (p[2] != 1 && p[2] != 2))
    {
        return keepers_session_decode_kept(record, session);
    }

    session->role = p[1];
    session->aal = p[2];
    session->agent = p[3];
    session->epoch = keepers_session_u32(p + 4);
    memcpy(session->user.bytes, p + 8, KEEPERS_UUID_LEN);
    memcpy(session->business.bytes, p + 24, KEEPERS_UUID_LEN);
    session->created_ms = keepers_session_u64(p + 40);
    session->absolute_ms = keepers_session_u64(p + 48);
    session->authenticated_ms = keepers_session_u64(p + 56);
    session->idle_s = keepers_session_u32(p + 64);
    session->scopes = 0;
    memcpy(session->net, p + 68, sizeof(session->net));

    session->marks = rotated ? KEEPERS_SESSION_ROTATED : 0;

    if (rotated) {
        memcpy(session->successor, p + KEEPERS_SESSION_RECORD_LEN,
               KEEPERS_SESSION_SUCCESSOR_LEN);
    }

    return KEEPERS_OK;
}


/* A remembered session is what is left without its mark; else it is broken. */

static int
keepers_session_decode_kept(keepers_str_t record, keepers_session_t *session)
{
    int            rc;
    unsigned char  plain[KEEPERS_SESSION_ROTATED_LEN];

    if (record.len < KEEPERS_SESSION_RECORD_LEN
        || record.len > sizeof(plain)
        || !(record.data[2] & KEEPERS_SESSION_KEPT))
    {
        memset(session, 0, sizeof(keepers_session_t));
        return KEEPERS_SESSION_BROKEN;
    }

    memcpy(plain, record.data, record.len);
    plain[2] &= (unsigned char) ~KEEPERS_SESSION_KEPT;

    rc = keepers_session_decode(keepers_str(plain, record.len), session);

    if (rc == KEEPERS_OK) {
        session->marks |= KEEPERS_SESSION_REMEMBERED;
    }

    keepers_wipe(plain, sizeof(plain));

    return rc;
}


uint64_t
keepers_session_life_ms(const keepers_session_t *session, uint64_t now_ms)
{
    uint64_t  idle_ms, left_ms;

    idle_ms = (uint64_t) session->idle_s * 1000;
    left_ms = session->absolute_ms > now_ms ? session->absolute_ms - now_ms
                                            : 0;

    return session->marks & KEEPERS_SESSION_REMEMBERED || idle_ms < left_ms
           ? idle_ms : left_ms;
}


keepers_session_state_e
keepers_session_state(const keepers_session_t *session, uint32_t epoch,
    uint64_t now_ms)
{
    if (now_ms >= session->absolute_ms) {
        return KEEPERS_SESSION_EXPIRED;
    }

    if (session->role != KEEPERS_ROLE_MACHINE && epoch != session->epoch) {
        return KEEPERS_SESSION_REVOKED;
    }

    return KEEPERS_SESSION_VALID;
}


bool
keepers_session_touch_due(const keepers_session_t *session, uint32_t touched_s,
    uint64_t now_ms)
{
    uint64_t  due_ms, touched_ms;

    due_ms = (uint64_t) session->idle_s * 100;

    if (due_ms > KEEPERS_SESSION_TOUCH_MS) {
        due_ms = KEEPERS_SESSION_TOUCH_MS;
    }

    touched_ms = (uint64_t) touched_s * 1000;

    /*
     * Of the future, by more than what workers' clocks are apart: the clock was
     * set back, and until it is there again the session would idle out.
     */

    return now_ms >= touched_ms + due_ms || now_ms + 1000 < touched_ms;
}


bool
keepers_session_fresh(const keepers_session_t *session, uint64_t fresh_ms,
    uint64_t now_ms)
{
    uint64_t  proved_ms;

    proved_ms = session->authenticated_ms;

    if (proved_ms > now_ms) {
        return proved_ms - now_ms <= KEEPERS_SESSION_SKEW_MS;
    }

    return now_ms - proved_ms <= fresh_ms;
}


const char *
keepers_role_name(uint8_t role)
{
    return keepers_role_names[role < KEEPERS_ROLES ? role
                                                   : KEEPERS_ROLE_NONE];
}


uint8_t
keepers_role_read(keepers_str_t name)
{
    uint8_t  role;

    for (role = KEEPERS_ROLE_NONE + 1; role < KEEPERS_ROLES; role++) {
        if (keepers_str_eq(name, keepers_str(keepers_role_names[role],
                                         strlen(keepers_role_names[role]))))
        {
            return role;
        }
    }

    return KEEPERS_ROLE_NONE;
}


uint8_t
keepers_role_person(keepers_str_t name)
{
    uint8_t  role;

    role = keepers_role_read(name);

    return role != KEEPERS_ROLE_MACHINE ? role : KEEPERS_ROLE_NONE;
}


const char *
keepers_agent_name(uint8_t agent)
{
    return keepers_agent_names[agent < KEEPERS_AGENTS ? agent
                                                      : KEEPERS_AGENT_OTHER];
}


uint8_t
keepers_agent_read(keepers_str_t user_agent)
{
    size_t  i;

    if (user_agent.len > KEEPERS_AGENT_LEN_MAX) {
        user_agent.len = KEEPERS_AGENT_LEN_MAX;
    }

    for (i = 0; i < sizeof(keepers_agent_marks) / sizeof(keepers_agent_mark_t);
         i++)
    {
        if (keepers_agent_has(user_agent, keepers_agent_marks[i].mark)) {
            return keepers_agent_marks[i].agent;
        }
    }

    return KEEPERS_AGENT_OTHER;
}


void
keepers_net_read(keepers_str_t address, unsigned char net[8])
{
    static const unsigned char  mapped[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
    };

    memset(net, 0, 8);

    if (address.len == 16 && memcmp(address.data, mapped, 12) == 0) {
        address.data += 12;
        address.len = 4;
    }

    if (address.len == 4) {
        net[0] = 4;
        net[1] = 24;
        memcpy(net + 2, address.data, 3);

    } else if (address.len == 16) {
        net[0] = 6;
        net[1] = 48;
        memcpy(net + 2, address.data, 6);
    }
}


size_t
keepers_net_text(const unsigned char net[8], char text[24])
{
    keepers_out_t  out;

    keepers_out_init(&out, text, 23);

    if (net[0] == 4 && net[1] == 24) {
        keepers_net_text4(net + 2, &out);

    } else if (net[0] == 6 && net[1] == 48) {
        keepers_net_text6(net + 2, &out);

    } else {
        keepers_out_byte(&out, '-');
    }

    text[out.len] = '\0';

    return out.len;
}


static uint64_t
keepers_session_u64(const unsigned char *p)
{
    return (uint64_t) keepers_session_u32(p) << 32
           | keepers_session_u32(p + 4);
}


static uint32_t
keepers_session_u32(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | (uint32_t) p[3];
}


static bool
keepers_agent_has(keepers_str_t s, keepers_str_t mark)
{
    const unsigned char  *p;

    while (s.len >= mark.len) {
        p = memchr(s.data, mark.data[0], s.len - mark.len + 1);

        if (p == NULL) {
            return false;
        }

        if (memcmp(p, mark.data, mark.len) == 0) {
            return true;
        }

        p++;
        s.len -= (size_t) (p - s.data);
        s.data = p;
    }

    return false;
}


static void
keepers_net_text4(const unsigned char *p, keepers_out_t *out)
{
    size_t  i;

    for (i = 0; i < 3; i++) {
        keepers_out_uint(out, p[i]);
        keepers_out_byte(out, '.');
    }

    keepers_out_text(out, "0/24");
}


/* RFC 5952: the zeros behind the prefix are always the longest run. */
static void
keepers_net_text6(const unsigned char *p, keepers_out_t *out)
{
    int                shift;
    size_t             i, n;
    unsigned           group;
    static const char  hex[] = "0123456789abcdef";

    for (n = 3; n != 0 && p[n * 2 - 2] == 0 && p[n * 2 - 1] == 0; n--) {
        /* void */
    }

    for (i = 0; i < n; i++) {
        group = (unsigned) p[i * 2] << 8 | p[i * 2 + 1];

        if (i != 0) {
            keepers_out_byte(out, ':');
        }

        for (shift = 12; shift != 0 && group >> shift == 0; shift -= 4) {
            /* void */
        }

        for ( /* void */ ; shift >= 0; shift -= 4) {
            keepers_out_byte(out, (unsigned char) hex[group >> shift & 15]);
        }
    }

    keepers_out_text(out, "::/48");
}
