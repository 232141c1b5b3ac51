
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_keyring.h"
#include "core/keepers_text.h"

#include <sodium.h>


#define KEEPERS_KEYRING_BASE64_MAX  88      /* 64 bytes: twice a key */
#define KEEPERS_WIPE_PIECE          1024


_Static_assert(KEEPERS_KEY_LEN == crypto_kdf_KEYBYTES, "kdf key");
_Static_assert(KEEPERS_KEY_LEN >= crypto_generichash_KEYBYTES_MIN
               && KEEPERS_KEY_LEN <= crypto_generichash_KEYBYTES_MAX, "hash");

/*
 * sodium_malloc() ends a block at the end of a page: only a size that is a
 * multiple of the alignment gives an aligned ring.
 */
_Static_assert(sizeof(keepers_keyring_t) % _Alignof(keepers_keyring_t) == 0,
               "alignment");


static int keepers_keyring_alloc(keepers_keyring_t **ring);
static int keepers_keyring_line(keepers_keyring_t *ring, keepers_str_t line);
static int keepers_keyring_add(keepers_keyring_t *ring, keepers_str_t id,
    const unsigned char key[KEEPERS_KEY_LEN]);
static int keepers_keyring_finish(keepers_keyring_t *ring);
static keepers_str_t keepers_keyring_next(keepers_str_t *text);
static bool keepers_keyring_blank(unsigned char c);
static bool keepers_keyring_id(keepers_str_t id);


/*
 * A context a purpose; the subkey id is the version of the derivation.  A
 * changed word here is another key: every session, link and form ends.
 */
#define KEEPERS_KEYRING_SUBKEY  1

static const char  keepers_keyring_contexts[KEEPERS_PURPOSES]
    [crypto_kdf_CONTEXTBYTES + 1] =
{
    [KEEPERS_PURPOSE_SESSION_ID]   = "sessn-id",
    [KEEPERS_PURPOSE_SESSION_SEAL] = "sessnrec",
    [KEEPERS_PURPOSE_FORM]         = "formtokn",
    [KEEPERS_PURPOSE_SIGNUP]       = "signdgst",
    [KEEPERS_PURPOSE_SIGNUP_ID]    = "signmark",
    [KEEPERS_PURPOSE_NEXT]         = "nextpath",
    [KEEPERS_PURPOSE_CSRF]         = "csrftokn",
    [KEEPERS_PURPOSE_CLIENT]       = "clientnw",
    [KEEPERS_PURPOSE_LIMIT]        = "limitkey",
    [KEEPERS_PURPOSE_DEVICE]       = "devicetk",
    [KEEPERS_PURPOSE_NAME]         = "lookname",
    [KEEPERS_PURPOSE_SHARED]       = "sharedmk",
    [KEEPERS_PURPOSE_IDENTITY]     = "identity",
    [KEEPERS_PURPOSE_ENVELOPE]     = "envelope",
    [KEEPERS_PURPOSE_LINK]         = "linkrecd",
    [KEEPERS_PURPOSE_USER]         = "user-tag",
    [KEEPERS_PURPOSE_BEARER]       = "tokenrec"
};


int
keepers_keyring_init(void)
{
    return (sodium_init() < 0) ? KEEPERS_KEYRING_NO_MEMORY : KEEPERS_OK;
}


int
keepers_keyring_read(keepers_str_t text, keepers_keyring_t **ring,
    size_t *line)
{
    int                 rc;
    keepers_str_t       s;
    keepers_keyring_t  *r;

    *ring = NULL;
    *line = 0;

    rc = keepers_keyring_alloc(&r);

    while (rc == KEEPERS_OK && text.len != 0) {
        (*line)++;
        s = keepers_keyring_next(&text);

        if (s.len != 0 && s.data[0] != '#') {
            rc = keepers_keyring_line(r, s);
        }
    }

    if (rc == KEEPERS_OK) {
        *line = 0;
        rc = (r->n == 0) ? KEEPERS_KEYRING_EMPTY : keepers_keyring_finish(r);
    }

    if (rc != KEEPERS_OK) {
        sodium_free(r);
        return rc;
    }

    *ring = r;

    return KEEPERS_OK;
}


int
keepers_keyring_shared(const keepers_keyring_t *edge,
    keepers_keyring_t **shared)
{
    int                 rc;
    size_t              i;
    keepers_keyring_t  *r;

    *shared = NULL;

    rc = keepers_keyring_alloc(&r);

    if (rc == KEEPERS_OK) {
        r->n = edge->n;

        for (i = 0; i < edge->n; i++) {
            memcpy(r->keys[i].id, edge->keys[i].id, sizeof(r->keys[i].id));
            memcpy(r->keys[i].master,
                   edge->keys[i].derived[KEEPERS_PURPOSE_SHARED],
                   KEEPERS_KEY_LEN);
        }

        rc = keepers_keyring_finish(r);
    }

    if (rc != KEEPERS_OK) {
        sodium_free(r);
        return rc;
    }

    *shared = r;

    return KEEPERS_OK;
}


void
keepers_keyring_lock(keepers_keyring_t *ring)
{
    /*
     * Best effort: a small RLIMIT_MEMLOCK must not keep nginx from starting.
     * That the ring is left out of a core dump, sodium_malloc() has seen to,
     * and fork() does not change it.
     */

    (void) sodium_mlock(ring, sizeof(keepers_keyring_t));
}


void
keepers_keyring_free(keepers_keyring_t *ring)
{
    sodium_free(ring);      /* wipes; takes NULL, and read-only memory */
}


const char *
keepers_keyring_fault(int rc)
{
    switch (rc) {

    case KEEPERS_OK:
        return "no fault";

    case KEEPERS_KEYRING_EMPTY:
        return "no key in the file";

    case KEEPERS_KEYRING_LINE:
        return "the line is not \"id:base64\", the id 1 to 16 of "
               "A-Z a-z 0-9 - _";

    case KEEPERS_KEYRING_SHORT:
        return "a key must have exactly 32 bytes";

    case KEEPERS_KEYRING_REPEATED:
        return "the id or the key stands twice";

    case KEEPERS_KEYRING_TOO_MANY:
        return "more than 4 keys";

    case KEEPERS_KEYRING_WEAK:
        return "the key is one repeated byte, make a random one";

    case KEEPERS_KEYRING_NO_MEMORY:
        return "no guarded memory";
    }

    return "unknown fault";
}


void
keepers_random(void *to, size_t len)
{
    randombytes_buf(to, len);
}


void
keepers_mark(const unsigned char key[KEEPERS_MARK_KEY_LEN],
    keepers_str_t text, unsigned char mark[KEEPERS_MARK_LEN])
{
    _Static_assert(crypto_shorthash_siphashx24_BYTES == KEEPERS_MARK_LEN
                   && crypto_shorthash_siphashx24_KEYBYTES
                      == KEEPERS_MARK_KEY_LEN, "a SipHash of 128 bits");

    (void) crypto_shorthash_siphashx24(mark, text.data, text.len, key);
}


/* From two kilobytes on, the C library has it stored a byte at a time. */

void
keepers_wipe(void *p, size_t len)
{
    unsigned char  *start;

    start = p;

    while (len > KEEPERS_WIPE_PIECE) {
        sodium_memzero(start, KEEPERS_WIPE_PIECE);
        start += KEEPERS_WIPE_PIECE;
        len -= KEEPERS_WIPE_PIECE;
    }

    sodium_memzero(start, len);
}


bool
keepers_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}


void
keepers_keyed_hash(const unsigned char key[KEEPERS_KEY_LEN],
    const keepers_str_t *parts, size_t n, void *to, size_t len)
{
    size_t                    i;
    crypto_generichash_state  state;

    if (len < crypto_generichash_BYTES_MIN || len > crypto_generichash_BYTES) {

        /* sodium would abort; what is random at least matches nothing */

        randombytes_buf(to, len);
        return;
    }

    if (n == 1) {
        crypto_generichash(to, len, parts[0].data, parts[0].len, key,
                           KEEPERS_KEY_LEN);
        return;
    }

    crypto_generichash_init(&state, key, KEEPERS_KEY_LEN, len);

    for (i = 0; i < n; i++) {
        crypto_generichash_update(&state, parts[i].data, parts[i].len);
    }

    crypto_generichash_final(&state, to, len);

    sodium_memzero(&state, sizeof(state));
}


bool
keepers_key_weak(const unsigned char key[KEEPERS_KEY_LEN])
{
    size_t         i;
    unsigned char  differ;

    differ = 0;

    for (i = 1; i < KEEPERS_KEY_LEN; i++) {
        differ |= key[i] ^ key[0];
    }

    return differ == 0;
}


bool
keepers_keyring_knows(const keepers_keyring_t *ring,
    keepers_purpose_e purpose, const keepers_str_t *parts, size_t n,
    const void *hash, size_t len)
{
    bool           known;
    size_t         i;
    unsigned char  made[crypto_generichash_BYTES];

    if (len > sizeof(made)) {
        return false;
    }

    known = false;

    for (i = 0; i < ring->n; i++) {
        keepers_keyed_hash(ring->keys[i].derived[purpose], parts, n, made, len);
        known |= keepers_equal(made, hash, len);
    }

    sodium_memzero(made, sizeof(made));

    return known;
}


static int
keepers_keyring_alloc(keepers_keyring_t **ring)
{
    *ring = sodium_malloc(sizeof(keepers_keyring_t));

    if (*ring == NULL) {
        return KEEPERS_KEYRING_NO_MEMORY;
    }

    memset(*ring, 0, sizeof(keepers_keyring_t));

    return KEEPERS_OK;
}


/* The next line without its end and the blanks around it. */
static keepers_str_t
keepers_keyring_next(keepers_str_t *text)
{
    size_t                len;
    keepers_str_t         s;
    const unsigned char  *lf;

    lf = memchr(text->data, '\n', text->len);
    len = (lf != NULL) ? (size_t) (lf - text->data) : text->len;

    s = keepers_str(text->data, len);

    if (lf != NULL) {
        len++;
    }

    text->data += len;
    text->len -= len;

    while (s.len != 0 && keepers_keyring_blank(s.data[0])) {
        s.data++;
        s.len--;
    }

    while (s.len != 0 && keepers_keyring_blank(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


static int
keepers_keyring_line(keepers_keyring_t *ring, keepers_str_t line)
{
    int                   rc;
    size_t                len;
    keepers_str_t         id, text;
    unsigned char         key[KEEPERS_KEYRING_BASE64_MAX / 4 * 3];
    const unsigned char  *colon;

    colon = memchr(line.data, ':', line.len);

    if (colon == NULL) {
        return KEEPERS_KEYRING_LINE;
    }

    id = keepers_str(line.data, (size_t) (colon - line.data));
    text = keepers_str(colon + 1, line.len - id.len - 1);

    if (!keepers_keyring_id(id)) {
        return KEEPERS_KEYRING_LINE;
    }

    if (text.len > KEEPERS_KEYRING_BASE64_MAX) {
        return KEEPERS_KEYRING_SHORT;
    }

    len = text.len / 4 * 3;

    if (len != 0) {
        len -= (text.data[text.len - 1] == '=')
               + (text.data[text.len - 2] == '=');
    }

    if (!keepers_text_base64_decode(text, key, len)) {
        rc = KEEPERS_KEYRING_LINE;

    } else if (len != KEEPERS_KEY_LEN) {
        rc = KEEPERS_KEYRING_SHORT;

    } else {
        rc = keepers_keyring_add(ring, id, key);
    }

    sodium_memzero(key, sizeof(key));

    return rc;
}


static int
keepers_keyring_add(keepers_keyring_t *ring, keepers_str_t id,
    const unsigned char key[KEEPERS_KEY_LEN])
{
    size_t  i;

    if (ring->n == KEEPERS_KEYRING_MAX) {
        return KEEPERS_KEYRING_TOO_MANY;
    }

    if (keepers_key_weak(key)) {
        return KEEPERS_KEYRING_WEAK;
    }

    for (i = 0; i < ring->n; i++) {
        if (keepers_str_eq(id, keepers_str(ring->keys[i].id,
                                           strlen(ring->keys[i].id)))
            || keepers_equal(key, ring->keys[i].master, KEEPERS_KEY_LEN))
        {
            return KEEPERS_KEYRING_REPEATED;
        }
    }

    memcpy(ring->keys[ring->n].id, id.data, id.len);
    memcpy(ring->keys[ring->n].master, key, KEEPERS_KEY_LEN);
    ring->n++;

    return KEEPERS_OK;
}


/*
 * Derives all that a request needs and closes the ring for writing.  Places
 * without a key get random ones: a wrong key number then opens nothing and
 * seals nothing that another could open, where zeros would be known to all.
 */
static int
keepers_keyring_finish(keepers_keyring_t *ring)
{
    size_t  i, purpose;

    for (i = 0; i < KEEPERS_KEYRING_MAX; i++) {

        if (i >= ring->n) {
            randombytes_buf(ring->keys[i].master, KEEPERS_KEY_LEN);
        }

        for (purpose = 0; purpose < KEEPERS_PURPOSES; purpose++) {
            (void) crypto_kdf_derive_from_key(ring->keys[i].derived[purpose],
                                              KEEPERS_KEY_LEN,
                                              KEEPERS_KEYRING_SUBKEY,
                                              keepers_keyring_contexts[purpose],
                                              ring->keys[i].master);
        }
    }

    return (sodium_mprotect_readonly(ring) != 0) ? KEEPERS_KEYRING_NO_MEMORY
                                                 : KEEPERS_OK;
}


static bool
keepers_keyring_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}


/* An id stands in the header of a JWT: nothing there that JSON would escape. */
static bool
keepers_keyring_id(keepers_str_t id)
{
    size_t         i;
    unsigned char  c;

    if (id.len == 0 || id.len > KEEPERS_KEY_ID_LEN_MAX) {
        return false;
    }

    for (i = 0; i < id.len; i++) {
        c = id.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        {
            return false;
        }
    }

    return true;
}
