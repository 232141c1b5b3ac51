
/*
 * Copyright (C) Keepers
 *
 * An Accept-Language header, whatever it is: the choice is one of ours or
 * none, what lies beyond the limit has no say, and a language that is put
 * first with full weight, or is ruled out, is.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_language.h"


#define TAGS        4
#define HEADER_MAX  4096


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_put_before(const uint8_t *data, size_t size, int language);
static int choose(const void *data, size_t size, size_t preferred);
static void check(int holds);


static const keepers_str_t  tags[TAGS] = {
    keepers_string("en"),
    keepers_string("de"),
    keepers_string("fr"),
    keepers_string("ar")
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int     got, find;
    size_t  i;

    if (size > HEADER_MAX) {
        return 0;
    }

    for (i = 0; i < TAGS; i++) {
        got = choose(data, size, i);
        check(got >= -1 && got < TAGS);

        check_put_before(data, size, (int) i);

        if (size > KEEPERS_LANGUAGE_HEADER_MAX + 1) {
            check(got == choose(data, KEEPERS_LANGUAGE_HEADER_MAX + 1, i));
        }
    }

    find = keepers_language_find(keepers_str(data, size), tags, TAGS);
    check(find >= -1 && find < TAGS);
    check(find == -1 || choose(data, size, 0) == find);

    return 0;
}


static void
check_put_before(const uint8_t *data, size_t size, int language)
{
    int                   got;
    static unsigned char  buf[HEADER_MAX + 8];

    memcpy(buf, tags[language].data, 2);
    memcpy(buf + 2, ";q=0,", 5);
    memcpy(buf + 7, data, size);

    got = choose(buf, size + 7, (size_t) language);
    check(got != language);

    /* full weight at the first place: only a refusal by name undoes it */

    buf[5] = '1';
    got = choose(buf, size + 7, 0);
    check(got == language || memchr(buf + 7, '0', size) != NULL);
}


static int
choose(const void *data, size_t size, size_t preferred)
{
    return keepers_language_choose(keepers_str(data, size), tags, TAGS,
                                   preferred);
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
