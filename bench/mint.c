
/*
 * Copyright (C) Keepers
 *
 * Makes one session and one link without a writer or a sign-in, for the
 * benchmarks:
 *
 *     mint KEYFILE PREFIX COOKIE >RESP
 *
 * writes the token into the file COOKIE and, as Redis commands for
 * "redis-cli --pipe", the sealed records to standard output.  The link is
 * "bench".
 */


#include <stdio.h>
#include <time.h>

#include "core/keepers_keyring.h"
#include "core/keepers_link.h"
#include "core/keepers_out.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"
#include "core/keepers_token.h"


#define BENCH_HOUR_MS  3600000ULL


static keepers_keyring_t *bench_keys(const char *name);
static void bench_session(keepers_session_t *session);
static int bench_key(const keepers_keyring_t *ring,
    const keepers_token_t *token, const char *prefix, keepers_out_t *key);
static int bench_cookie(const char *name, const keepers_token_t *token);
static int bench_link(const keepers_keyring_t *ring, const char *prefix);
static void bench_set(keepers_str_t key, keepers_str_t value);
static void bench_argument(keepers_str_t s);


int
main(int argc, char **argv)
{
    unsigned char       random[32], keybuf[256], sealbuf[256];
    unsigned char       record[KEEPERS_SESSION_RECORD_LEN];
    keepers_out_t       key, sealed;
    keepers_token_t     token;
    keepers_session_t   session;
    keepers_keyring_t  *ring;

    if (argc != 4 || keepers_keyring_init() != KEEPERS_OK) {
        fputs("usage: mint KEYFILE PREFIX COOKIE\n", stderr);
        return 2;
    }

    ring = bench_keys(argv[1]);

    if (ring == NULL) {
        fputs("mint: no keys\n", stderr);
        return 1;
    }

    bench_session(&session);
    keepers_session_encode(&session, record);

    keepers_random(random, sizeof(random));
    keepers_token_mint(ring, &session.user, random, &token);

    keepers_out_init(&key, keybuf, sizeof(keybuf));
    keepers_out_init(&sealed, sealbuf, sizeof(sealbuf));

    if (bench_key(ring, &token, argv[2], &key) != 0
        || keepers_seal(ring, 0, KEEPERS_PURPOSE_SESSION_SEAL,
                        keepers_out_written(&key),
                        keepers_str(record, sizeof(record)), &sealed)
           != KEEPERS_OK
        || bench_cookie(argv[3], &token) != 0
        || bench_link(ring, argv[2]) != 0)
    {
        fputs("mint: failed\n", stderr);
        return 1;
    }

    bench_set(keepers_out_written(&key), keepers_out_written(&sealed));

    keepers_keyring_free(ring);

    return fflush(stdout) == 0 ? 0 : 1;
}


static keepers_keyring_t *
bench_keys(const char *name)
{
    int                 rc;
    char                text[1024];
    FILE               *file;
    size_t              len, line;
    keepers_keyring_t  *ring;

    file = fopen(name, "rb");

    if (file == NULL) {
        return NULL;
    }

    len = fread(text, 1, sizeof(text), file);
    (void) fclose(file);

    rc = keepers_keyring_read(keepers_str(text, len), &ring, &line);
    keepers_wipe(text, sizeof(text));

    return rc == KEEPERS_OK ? ring : NULL;
}


static void
bench_session(keepers_session_t *session)
{
    uint64_t         now_ms;
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);
    now_ms = (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;

    memset(session, 0, sizeof(keepers_session_t));

    keepers_random(&session->user, sizeof(keepers_uuid_t));
    keepers_random(&session->business, sizeof(keepers_uuid_t));

    session->created_ms = now_ms;
    session->authenticated_ms = now_ms;
    session->absolute_ms = now_ms + 12 * BENCH_HOUR_MS;
    session->idle_s = 12 * 3600;
    session->role = KEEPERS_ROLE_OWNER;
    session->aal = 1;
}


/* "P{TAG}:s:SID", as docs of the formats say */

static int
bench_key(const keepers_keyring_t *ring, const keepers_token_t *token,
    const char *prefix, keepers_out_t *key)
{
    unsigned char  sid[KEEPERS_SID_LEN];

    keepers_token_sid(ring, 0, token, sid);

    keepers_out_text(key, prefix);
    keepers_out_byte(key, '{');
    keepers_text_base64url(key, keepers_str(token->raw, KEEPERS_TAG_LEN));
    keepers_out_text(key, "}:s:");
    keepers_text_base64url(key, keepers_str(sid, sizeof(sid)));

    return key->overflow ? -1 : 0;
}


static int
bench_cookie(const char *name, const keepers_token_t *token)
{
    FILE           *file;
    size_t          n;
    keepers_out_t   out;
    unsigned char   text[KEEPERS_TOKEN_LEN + 1];

    keepers_out_init(&out, text, sizeof(text));
    keepers_token_write(token, &out);

    file = fopen(name, "wb");

    if (file == NULL || out.overflow) {
        return -1;
    }

    n = fwrite(out.data, 1, out.len, file);

    return fclose(file) == 0 && n == out.len ? 0 : -1;
}


/* As a cafe would have it: all that a page can show. */

static int
bench_link(const keepers_keyring_t *ring, const char *prefix)
{
    keepers_out_t       key, record, sealed;
    keepers_link_t      link;
    unsigned char       keybuf[128], buf[KEEPERS_LINK_RECORD_MAX];
    unsigned char       sealbuf[KEEPERS_LINK_RECORD_MAX
                                + KEEPERS_SEAL_OVERHEAD];
    keepers_keyring_t  *shared;

    memset(&link, 0, sizeof(keepers_link_t));

    link.slug = keepers_str("bench", 5);
    link.business_name = keepers_str("Cafe Bench", 10);
    link.offer = keepers_str("The tenth coffee is on us.", 26);
    link.country = keepers_str("GB", 2);
    link.locale = keepers_str("en", 2);
    link.color[0] = 0x7a;
    link.state = KEEPERS_LINK_OPEN;
    link.flags = KEEPERS_LINK_PHONE | KEEPERS_LINK_CONSENT_EMAIL
                 | KEEPERS_LINK_CONSENT_SMS;

    keepers_out_init(&key, keybuf, sizeof(keybuf));
    keepers_out_init(&record, buf, sizeof(buf));
    keepers_out_init(&sealed, sealbuf, sizeof(sealbuf));

    keepers_out_text(&key, prefix);
    keepers_out_text(&key, "link:bench");
    keepers_link_encode(&link, &record);

    if (keepers_keyring_shared(ring, &shared) != KEEPERS_OK
        || keepers_seal(shared, 0, KEEPERS_PURPOSE_LINK,
                        keepers_out_written(&key),
                        keepers_out_written(&record), &sealed)
           != KEEPERS_OK)
    {
        return -1;
    }

    keepers_keyring_free(shared);

    bench_set(keepers_out_written(&key), keepers_out_written(&sealed));

    return 0;
}


static void
bench_set(keepers_str_t key, keepers_str_t value)
{
    fputs("*3\r\n", stdout);
    bench_argument(keepers_str("SET", 3));
    bench_argument(key);
    bench_argument(value);
}


static void
bench_argument(keepers_str_t s)
{
    printf("$%zu\r\n", s.len);
    (void) fwrite(s.data, 1, s.len, stdout);
    fputs("\r\n", stdout);
}
