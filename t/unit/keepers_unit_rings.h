
/*
 * Copyright (C) Keepers
 *
 * What the tests of tokens, seals and signatures share: three rings, as they
 * are before, amid and after a change of keys.
 */


#ifndef _KEEPERS_UNIT_RINGS_H_INCLUDED_
#define _KEEPERS_UNIT_RINGS_H_INCLUDED_


#include "keepers_unit.h"

#include "core/keepers_keyring.h"
#include "core/keepers_out.h"


#define K0  "k0:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define K1  "k1:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"


static keepers_keyring_t  *ring;        /* k0 */
static keepers_keyring_t  *rotated;     /* k1, then k0 */
static keepers_keyring_t  *removed;     /* k1 alone */


static inline keepers_keyring_t *
ring_of(const char *text)
{
    size_t              line;
    keepers_keyring_t  *r;

    if (keepers_keyring_read(keepers_str(text, strlen(text)), &r, &line)
        != KEEPERS_OK)
    {
        return NULL;
    }

    return r;
}


static inline keepers_str_t
str(const char *text)
{
    return keepers_str(text, strlen(text));
}


static inline void
assert_written(const keepers_out_t *out, const char *text)
{
    assert_false(out->overflow);
    assert_str(keepers_out_written(out), text);
}


static inline int
setup(void **state)
{
    (void) state;

    if (keepers_keyring_init() != KEEPERS_OK) {
        return -1;
    }

    ring = ring_of(K0);
    rotated = ring_of(K1 K0);
    removed = ring_of(K1);

    return (ring != NULL && rotated != NULL && removed != NULL) ? 0 : -1;
}


static inline int
teardown(void **state)
{
    (void) state;

    keepers_keyring_free(ring);
    keepers_keyring_free(rotated);
    keepers_keyring_free(removed);

    return 0;
}


#endif /* _KEEPERS_UNIT_RINGS_H_INCLUDED_ */
