
/*
 * Copyright (C) Keepers
 *
 * A session record, whatever it is: what is read is written again byte by byte;
 * names and networks of what is in it are from our own short lists.  The same
 * bytes are a User-Agent, and an address.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_session.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void check_record(keepers_str_t s);
static const char *check_net(const unsigned char net[8]);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t        agent;
    const char    *end;
    keepers_str_t  s;
    unsigned char  net[8];

    s = keepers_str(data, size);

    check_record(s);

    agent = keepers_agent_read(s);
    check(agent < KEEPERS_AGENTS);
    check(size != 0 || agent == KEEPERS_AGENT_OTHER);

    keepers_net_read(s, net);
    end = check_net(net);

    if (size == 4) {
        check(strcmp(end, "0/24") == 0);

    } else if (size == 16) {
        check(strcmp(end, net[0] == 4 ? "0/24" : ":/48") == 0);

    } else {
        check(strcmp(end, "-") == 0);
    }

    if (size == sizeof(net)) {
        (void) check_net(data);
    }

    return 0;
}


static void
check_record(keepers_str_t s)
{
    unsigned char      record[KEEPERS_SESSION_ROTATED_LEN];
    keepers_session_t  session;

    if (keepers_session_decode(s, &session) != KEEPERS_OK) {
        check(session.role == KEEPERS_ROLE_NONE && session.absolute_ms == 0);
        return;
    }

    check(session.role != KEEPERS_ROLE_NONE && session.role < KEEPERS_ROLES);
    check(session.aal == 1 || session.aal == 2);
    check(keepers_role_read(keepers_str(keepers_role_name(session.role),
                                        strlen(keepers_role_name(
                                                             session.role))))
          == session.role);
    check(keepers_agent_name(session.agent) != NULL);

    if (session.marks & KEEPERS_SESSION_ROTATED) {
        keepers_session_encode_rotated(&session, record);
        check(keepers_str_eq(keepers_str(record, sizeof(record)), s));

    } else {
        keepers_session_encode(&session, record);
        check(keepers_str_eq(keepers_str(record, KEEPERS_SESSION_RECORD_LEN),
                             s));
    }

    /* its own time ends it, whatever the epoch says; another epoch does too */

    check(keepers_session_state(&session, session.epoch, session.absolute_ms)
          == KEEPERS_SESSION_EXPIRED);
    check(session.absolute_ms == 0
          || keepers_session_state(&session, session.epoch,
                                   session.absolute_ms - 1)
             == KEEPERS_SESSION_VALID);
    check(session.absolute_ms == 0
          || keepers_session_state(&session, session.epoch + 1,
                                   session.absolute_ms - 1)
             == KEEPERS_SESSION_REVOKED);

    (void) check_net(session.net);
}


/* The last four characters of the text, or all of it. */

static const char *
check_net(const unsigned char net[8])
{
    size_t       i, len;
    static char  text[24];

    memset(text, 'x', sizeof(text));
    len = keepers_net_text(net, text);

    check(len >= 1 && len < sizeof(text) && text[len] == '\0');

    for (i = 0; i < len; i++) {
        check(strchr("0123456789abcdef.:/-", text[i]) != NULL);
    }

    return len < 4 ? text : text + len - 4;
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
