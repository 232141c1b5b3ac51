
/*
 * Copyright (C) Keepers
 *
 * A key file as it comes.  A ring that is read is sound, makes a sound shared
 * ring, and is read again, the same, from the lines that it stands for; a
 * fault names a line of the file.
 */


#include "core/keepers_envelope.h"
#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "core/keepers_text.h"

#include <stdlib.h>


#define MUST(x)     if (!(x)) { abort(); }

#define INPUT_MAX   4096


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sound(const keepers_keyring_t *ring);
static void again(const keepers_keyring_t *ring);
static void stands_in(keepers_str_t text,
    const unsigned char key[KEEPERS_KEY_LEN]);
static void fault(keepers_str_t text, int rc, size_t line);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 rc;
    size_t              line;
    keepers_str_t       text;
    unsigned char       key[32];
    keepers_keyring_t  *ring, *shared;

    MUST(keepers_keyring_init() == KEEPERS_OK);

    if (size > INPUT_MAX) {
        return 0;
    }

    text = keepers_str(data, size);

    if (keepers_envelope_key_read(text, key)) {
        MUST(size >= 44 && size < 4096);
        stands_in(text, key);
    }

    rc = keepers_keyring_read(text, &ring, &line);

    if (rc != KEEPERS_OK) {
        MUST(ring == NULL);
        fault(text, rc, line);
        return 0;
    }

    MUST(line == 0);
    sound(ring);
    again(ring);

    for (line = 0; line < ring->n; line++) {
        stands_in(text, ring->keys[line].master);
    }

    MUST(keepers_keyring_shared(ring, &shared) == KEEPERS_OK);
    MUST(shared->n == ring->n);
    sound(shared);

    MUST(memcmp(shared->keys[0].master, ring->keys[0].master, KEEPERS_KEY_LEN)
         != 0);

    keepers_keyring_free(shared);
    keepers_keyring_free(ring);

    return 0;
}


static void
sound(const keepers_keyring_t *ring)
{
    size_t  i, j;

    MUST(ring->n >= 1 && ring->n <= KEEPERS_KEYRING_MAX);

    for (i = 0; i < ring->n; i++) {
        MUST(ring->keys[i].id[0] != '\0');
        MUST(strlen(ring->keys[i].id) <= KEEPERS_KEY_ID_LEN_MAX);
        MUST(strpbrk(ring->keys[i].id, "\"\\ :\n") == NULL);

        for (j = 0; j < i; j++) {
            MUST(strcmp(ring->keys[i].id, ring->keys[j].id) != 0);
            MUST(memcmp(ring->keys[i].master, ring->keys[j].master,
                        KEEPERS_KEY_LEN)
                 != 0);
        }
    }
}


static void
again(const keepers_keyring_t *ring)
{
    size_t              i, line;
    keepers_out_t       out;
    unsigned char       buf[512];
    keepers_keyring_t  *other;

    keepers_out_init(&out, buf, sizeof(buf));

    for (i = 0; i < ring->n; i++) {
        keepers_out_text(&out, ring->keys[i].id);
        keepers_out_byte(&out, ':');
        keepers_text_base64(&out, keepers_str(ring->keys[i].master,
                                              KEEPERS_KEY_LEN));
        keepers_out_byte(&out, '\n');
    }

    MUST(!out.overflow);
    MUST(keepers_keyring_read(keepers_out_written(&out), &other, &line)
         == KEEPERS_OK);
    MUST(other->n == ring->n);
    MUST(memcmp(other->keys, ring->keys, ring->n * sizeof(ring->keys[0]))
         == 0);

    keepers_keyring_free(other);
}


/* A key has one spelling. */
static void
stands_in(keepers_str_t text, const unsigned char key[KEEPERS_KEY_LEN])
{
    keepers_out_t  out;
    unsigned char  buf[64];

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_text_base64(&out, keepers_str(key, KEEPERS_KEY_LEN));
    MUST(memmem(text.data, text.len, buf, out.len) != NULL);
}


static void
fault(keepers_str_t text, int rc, size_t line)
{
    size_t  i, lines;

    lines = 1;

    for (i = 0; i < text.len; i++) {
        lines += (text.data[i] == '\n');
    }

    MUST(rc > KEEPERS_OK && rc < KEEPERS_KEYRING_NO_MEMORY);
    MUST(rc == KEEPERS_KEYRING_EMPTY ? line == 0
                                     : line >= 1 && line <= lines);
    MUST(keepers_keyring_fault(rc)[0] != '\0');
}
