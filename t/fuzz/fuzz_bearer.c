
/*
 * Copyright (C) Keepers
 *
 * The first byte chooses what the rest is: a token of a machine, what a token
 * is made of and a mask that spoils it, a record, a list of scopes, a header.
 * What is accepted must be what we would have written ourselves.
 */


#include "core/keepers_bearer.h"

#include <stdlib.h>


#define MUST(x)     if (!(x)) { abort(); }

#define PARTS_LEN   40                      /* random 32, tag 8 */


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void token(keepers_str_t s);
static void parts(keepers_str_t s);
static void record(keepers_str_t s);
static void scopes(keepers_str_t s);
static void header(keepers_str_t s);


typedef void (*target_pt)(keepers_str_t s);


static const target_pt  targets[] = {
    token, parts, record, scopes, header
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size != 0 && size <= 256) {
        targets[data[0] % (sizeof(targets) / sizeof(targets[0]))]
            (keepers_str(data + 1, size - 1));
    }

    return 0;
}


static void
token(keepers_str_t s)
{
    size_t         i;
    unsigned char  tag[KEEPERS_TAG_LEN], hash[KEEPERS_SID_LEN];

    if (keepers_bearer_read(s, tag, hash) == KEEPERS_OK) {
        MUST(s.len == KEEPERS_BEARER_LEN);
        return;
    }

    for (i = 0; i < KEEPERS_SID_LEN; i++) {
        MUST(hash[i] == 0 && tag[i % KEEPERS_TAG_LEN] == 0);
    }
}


/* One text a token, and no slip of one byte is another token. */
static void
parts(keepers_str_t s)
{
    keepers_out_t  out;
    unsigned char  text[KEEPERS_BEARER_LEN];
    unsigned char  tag[KEEPERS_TAG_LEN];
    unsigned char  hash[KEEPERS_SID_LEN], same[KEEPERS_SID_LEN];

    if (s.len < PARTS_LEN) {
        return;
    }

    keepers_out_init(&out, text, sizeof(text));
    keepers_bearer_write(s.data, s.data + 32, &out, same);
    MUST(!out.overflow && out.len == sizeof(text));
    MUST(keepers_bearer_read(keepers_out_written(&out), tag, hash)
         == KEEPERS_OK);
    MUST(memcmp(tag, s.data + 32, sizeof(tag)) == 0);
    MUST(memcmp(hash, same, sizeof(hash)) == 0);

    if (s.len >= PARTS_LEN + 2 && s.data[PARTS_LEN + 1] != 0) {
        text[s.data[PARTS_LEN] % sizeof(text)] ^= s.data[PARTS_LEN + 1];
        MUST(keepers_bearer_read(keepers_out_written(&out), tag, hash)
             == KEEPERS_BEARER_JUNK);
    }
}


static void
record(keepers_str_t s)
{
    unsigned char      again[KEEPERS_BEARER_RECORD_LEN];
    keepers_session_t  session;

    if (keepers_bearer_decode(s, &session) != KEEPERS_OK) {
        MUST(session.role == KEEPERS_ROLE_NONE && session.scopes == 0);
        return;
    }

    MUST(session.role == KEEPERS_ROLE_MACHINE && session.scopes != 0);

    keepers_bearer_encode(&session, again);
    MUST(keepers_str_eq(s, keepers_str(again, sizeof(again))));

    MUST(keepers_session_decode(s, &session) != KEEPERS_OK);
}


static void
scopes(keepers_str_t s)
{
    uint32_t       bits;
    keepers_out_t  out;
    unsigned char  text[KEEPERS_SCOPES_LEN_MAX];

    bits = keepers_scopes_read(s);

    if (bits == 0) {
        return;
    }

    keepers_out_init(&out, text, sizeof(text));
    keepers_scopes_write(bits, &out);
    MUST(!out.overflow && out.len == s.len);
    MUST(keepers_scopes_read(keepers_out_written(&out)) == bits);
}


/* What is found is a part of what came, and has our mark. */
static void
header(keepers_str_t s)
{
    keepers_str_t  found;

    if (!keepers_bearer_find(s, &found)) {
        MUST(found.data == NULL && found.len == 0);
        return;
    }

    MUST(found.data > s.data && found.len >= 3
         && found.data + found.len <= s.data + s.len
         && memcmp(found.data, "kp_", 3) == 0);
}
