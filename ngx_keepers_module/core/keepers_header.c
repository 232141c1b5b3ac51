
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_header.h"


#define KEEPERS_HEADER_LEN  (sizeof("keepers") - 1)


static bool keepers_header_alnum(unsigned char c);
static bool keepers_header_token(unsigned char c);


bool
keepers_header_ours(keepers_str_t name)
{
    size_t             i;
    static const char  ours[] = "keepers";

    if (name.len < KEEPERS_HEADER_LEN) {
        return false;
    }

    for (i = 0; i < KEEPERS_HEADER_LEN; i++) {
        if ((name.data[i] | 0x20) != ours[i]) {
            return false;
        }
    }

    return name.len == KEEPERS_HEADER_LEN
           || !keepers_header_alnum(name.data[KEEPERS_HEADER_LEN]);
}


/*
 * Whatever separates: a comma should, but who reads it may be content with a
 * blank.
 */

size_t
keepers_header_hops(unsigned char *value, size_t len)
{
    size_t  begin, from, to;

    to = 0;
    from = 0;

    while (from < len) {
        begin = from;

        while (from < len && keepers_header_token(value[from])) {
            from++;
        }

        if (from != begin
            && keepers_header_ours(keepers_str(&value[begin], from - begin)))
        {
            /* with what stands behind it, up to the next */

            while (from < len && !keepers_header_token(value[from])) {
                from++;
            }

            continue;
        }

        while (from < len && !keepers_header_token(value[from])) {
            from++;
        }

        memmove(&value[to], &value[begin], from - begin);
        to += from - begin;
    }

    if (to == len) {
        return len;
    }

    while (to != 0 && !keepers_header_token(value[to - 1])) {
        to--;
    }

    return to;
}


static bool
keepers_header_alnum(unsigned char c)
{
    return (c >= '0' && c <= '9')
           || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}


/* RFC 9110, 5.6.2; and what is not ASCII, which is in no name. */

static bool
keepers_header_token(unsigned char c)
{
    return c > ' ' && c != 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}
