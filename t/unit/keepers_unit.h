
/*
 * Copyright (C) Keepers
 *
 * What the unit tests of core/ share: cmocka, and strings that stand in
 * memory of exactly their size, so that a sanitizer sees a byte too much.
 */


#ifndef _KEEPERS_UNIT_H_INCLUDED_
#define _KEEPERS_UNIT_H_INCLUDED_


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/keepers_base.h"


#define unit_count(array)  (sizeof(array) / sizeof((array)[0]))

#define unit_str(text)     keepers_str(text, sizeof(text) - 1)

#define assert_str(got, want)                                                \
    unit_assert_str(got, want, strlen(want), __FILE__, __LINE__)


static inline void
unit_assert_str(keepers_str_t got, const char *want, size_t len,
    const char *file, int line)
{
    if (got.len != len || (len != 0 && memcmp(got.data, want, len) != 0)) {
        print_error("got \"%.*s\", not \"%s\"\n", (int) got.len,
                    (const char *) got.data, want);
        _fail(file, line);
    }
}


/* A copy without a byte to spare; unit_free() it. */
static inline keepers_str_t
unit_copy(const void *data, size_t len)
{
    unsigned char  *p;

    p = malloc(len == 0 ? 1 : len);
    assert_non_null(p);

    if (len != 0) {
        memcpy(p, data, len);
    }

    return keepers_str(p, len);
}


static inline void
unit_free(keepers_str_t s)
{
    free((void *) (uintptr_t) s.data);
}


#endif /* _KEEPERS_UNIT_H_INCLUDED_ */
