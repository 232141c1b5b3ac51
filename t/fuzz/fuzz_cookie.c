
/*
 * Copyright (C) Keepers
 *
 * A Cookie header, whatever it is: after stripping, our cookie is gone, what
 * is left is not longer, and another cookie's values are all still there.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_cookie.h"


#define HEADER_MAX  8192


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void check_values_kept(keepers_str_t before, keepers_str_t after,
    keepers_str_t name);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                pos, last, n;
    keepers_str_t         header, value, left;
    keepers_out_t         out;
    static unsigned char  buf[HEADER_MAX];

    static const keepers_str_t  ours = keepers_string("k");
    static const keepers_str_t  other = keepers_string("a");

    if (size > HEADER_MAX) {
        return 0;
    }

    header = keepers_str(data, size);
    pos = 0;
    n = 0;
    last = 0;

    while (keepers_cookie_next(header, ours, &pos, &value)) {
        check(pos > last && pos <= size);
        check(value.data >= data && value.data + value.len <= data + size);
        check(value.len == 0 || memchr(value.data, ';', value.len) == NULL);
        last = pos;
        n++;
    }

    check(pos == size);

    keepers_out_init(&out, buf, size);
    keepers_cookie_strip(header, ours, &out);
    check(!out.overflow);

    left = keepers_out_written(&out);
    pos = 0;
    check(!keepers_cookie_next(left, ours, &pos, &value));
    check_values_kept(header, left, other);

    if (n == 0 && left.len != 0) {
        check(keepers_str_eq(header, left));
    }

    return 0;
}


static void
check_values_kept(keepers_str_t before, keepers_str_t after,
    keepers_str_t name)
{
    size_t         b, a;
    keepers_str_t  v, w;

    b = 0;
    a = 0;

    while (keepers_cookie_next(before, name, &b, &v)) {
        check(keepers_cookie_next(after, name, &a, &w));
        check(keepers_str_eq(v, w));
    }

    check(!keepers_cookie_next(after, name, &a, &w));
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
