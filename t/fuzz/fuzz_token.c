
/*
 * Copyright (C) Keepers
 *
 * The first byte chooses what the rest is: a cookie, a sealed record, a
 * record to seal, a form token, a path, a signed path, a CSRF token.  What is
 * accepted must be what we would have written ourselves.
 */


#include "core/keepers_token.h"

#include <stdlib.h>


#define MUST(x)     if (!(x)) { abort(); }

#define NOW_MS      1795000000000
#define DAY_MS      86400000
#define INPUT_MAX   2048


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cookie(keepers_str_t s);
static void sealed(keepers_str_t s);
static void to_seal(keepers_str_t s);
static void form(keepers_str_t s);
static void path(keepers_str_t s);
static void signed_path(keepers_str_t s);
static void csrf(keepers_str_t s);
static bool off_site(keepers_str_t s);


typedef void (*target_pt)(keepers_str_t s);


static keepers_keyring_t  *ring;

static const target_pt  targets[] = {
    cookie, sealed, to_seal, form, path, signed_path, csrf
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               line;
    static const char    keys[] =
        "k1:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"
        "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    if (ring == NULL) {
        MUST(keepers_keyring_init() == KEEPERS_OK);
        MUST(keepers_keyring_read(keepers_str(keys, sizeof(keys) - 1), &ring,
                                  &line)
             == KEEPERS_OK);
    }

    if (size != 0 && size <= INPUT_MAX) {
        targets[data[0] % (sizeof(targets) / sizeof(targets[0]))]
            (keepers_str(data + 1, size - 1));
    }

    return 0;
}


/* One text a token: what is read is written again byte by byte. */
static void
cookie(keepers_str_t s)
{
    size_t           i;
    keepers_out_t    out;
    unsigned char    text[KEEPERS_TOKEN_LEN];
    keepers_token_t  token;

    if (keepers_token_read(s, &token) == KEEPERS_OK) {
        keepers_out_init(&out, text, sizeof(text));
        keepers_token_write(&token, &out);
        MUST(!out.overflow && keepers_str_eq(keepers_out_written(&out), s));
        return;
    }

    for (i = 0; i < KEEPERS_TOKEN_RAW_LEN; i++) {
        MUST(token.raw[i] == 0);
    }
}


/* Nothing that did not come from keepers_seal() opens. */
static void
sealed(keepers_str_t s)
{
    size_t         key, len;
    unsigned char  to[INPUT_MAX];

    for (key = 0; key < 3; key++) {
        MUST(keepers_open(ring, key, KEEPERS_PURPOSE_SESSION_SEAL,
                          keepers_str("ad", 2), s, to, sizeof(to), &len)
             != KEEPERS_OK);
        MUST(len == 0 && to[0] == 0);
    }
}


/* A position, a mask, a length of the associated data, then both texts. */
static void
to_seal(keepers_str_t s)
{
    size_t         at, len;
    unsigned char  mask, buf[INPUT_MAX + KEEPERS_SEAL_OVERHEAD], to[INPUT_MAX];
    keepers_out_t  out;
    keepers_str_t  ad, record;

    if (s.len < 4) {
        return;
    }

    at = (size_t) s.data[0] << 8 | s.data[1];
    mask = s.data[2];
    len = s.data[3];

    if (len > s.len - 4) {
        len = s.len - 4;
    }

    ad = keepers_str(s.data + 4, len);
    record = keepers_str(s.data + 4 + len, s.len - 4 - len);

    keepers_out_init(&out, buf, sizeof(buf));
    MUST(keepers_seal(ring, 1, KEEPERS_PURPOSE_LINK, ad, record, &out)
         == KEEPERS_OK);
    MUST(out.len == record.len + KEEPERS_SEAL_OVERHEAD);

    buf[at % out.len] ^= mask;

    if (keepers_open(ring, 1, KEEPERS_PURPOSE_LINK, ad,
                     keepers_out_written(&out), to, sizeof(to), &len)
        == KEEPERS_OK)
    {
        MUST(mask == 0 && keepers_str_eq(keepers_str(to, len), record));

    } else {
        MUST(mask != 0 && len == 0);
    }
}


/* 24 bytes and a text make a token; a mask spoils it. */
static void
form(keepers_str_t s)
{
    int            rc;
    size_t         i;
    uint64_t       ms, issued_ms;
    unsigned char  text[KEEPERS_FORM_TOKEN_LEN];
    unsigned char  nonce[KEEPERS_FORM_NONCE_LEN];
    keepers_out_t  out;
    keepers_str_t  context;

    MUST(keepers_form_token_read(ring, keepers_str("slug", 4), s, NOW_MS,
                                 DAY_MS, &issued_ms, nonce)
         != KEEPERS_OK);
    MUST(issued_ms == 0);

    if (s.len < 26) {
        return;
    }

    ms = 0;

    for (i = 0; i < 8; i++) {
        ms = ms << 8 | s.data[i];
    }

    context = keepers_str(s.data + 26, s.len - 26);

    keepers_out_init(&out, text, sizeof(text));
    keepers_form_token_write(ring, context, ms, s.data + 8, &out);
    MUST(!out.overflow && out.len == sizeof(text));

    text[s.data[24] % sizeof(text)] ^= s.data[25];

    rc = keepers_form_token_read(ring, context, keepers_out_written(&out),
                                 NOW_MS, DAY_MS, &issued_ms, nonce);

    if (s.data[25] != 0) {
        MUST(rc == KEEPERS_TOKEN_JUNK || rc == KEEPERS_TOKEN_FORGED);
        return;
    }

    if (ms > NOW_MS + 60000) {
        MUST(rc == KEEPERS_TOKEN_EARLY && issued_ms == 0);
        return;
    }

    MUST(rc == (ms + DAY_MS < NOW_MS ? KEEPERS_TOKEN_EXPIRED : KEEPERS_OK));
    MUST(issued_ms == ms && memcmp(nonce, s.data + 8, sizeof(nonce)) == 0);
}


static void
path(keepers_str_t s)
{
    unsigned char  text[KEEPERS_NEXT_LEN_MAX + 23];
    keepers_out_t  out;
    keepers_str_t  back;

    keepers_out_init(&out, text, sizeof(text));
    keepers_next_sign(ring, s, &out);
    MUST(!out.overflow);

    if (!keepers_next_safe(s)) {
        MUST(out.len == 0);
        return;
    }

    MUST(!off_site(s));
    MUST(keepers_next_open(ring, keepers_out_written(&out), &back)
         == KEEPERS_OK);
    MUST(keepers_str_eq(back, s));
}


static void
signed_path(keepers_str_t s)
{
    keepers_str_t  back;

    MUST(keepers_next_open(ring, s, &back) != KEEPERS_OK);
    MUST(back.len == 0 && back.data == NULL);
}


static void
csrf(keepers_str_t s)
{
    unsigned char  sid[KEEPERS_SID_LEN], text[32];
    keepers_out_t  out;

    memset(sid, 7, sizeof(sid));
    MUST(!keepers_csrf_check(ring, sid, s));

    if (s.len >= sizeof(sid)) {
        keepers_out_init(&out, text, sizeof(text));
        keepers_csrf_write(ring, s.data, &out);
        MUST(keepers_csrf_check(ring, s.data, keepers_out_written(&out)));
    }
}


/*
 * Where the URL standard's parser, which drops tabs and line ends and takes a
 * backslash for a slash, would leave the site that the page is on.
 */
static bool
off_site(keepers_str_t s)
{
    size_t         i, n;
    unsigned char  c, start[2];

    for (i = 0, n = 0; i < s.len && n < 2; i++) {
        c = s.data[i];

        if (c == '\t' || c == '\n' || c == '\r' || (n == 0 && c <= ' ')) {
            continue;
        }

        start[n++] = (c == '\\') ? '/' : c;
    }

    return n == 0 || start[0] != '/' || (n == 2 && start[1] == '/');
}
