
/*
 * Copyright (C) Keepers
 *
 * A phone number, whatever it is: what is stored is '+' and digits, as many as
 * a number can have, and a fixed point; what can be seen in it was typed.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_phone.h"
#include "core/keepers_text.h"


#define OUT_MAX  (1 + KEEPERS_PHONE_DIGITS_MAX)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void check_stored(keepers_str_t s);
static void check_room(keepers_str_t typed, keepers_str_t stored);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            rc;
    size_t         i;
    keepers_str_t  s;
    keepers_out_t  out, again;
    unsigned char  buf[OUT_MAX], again_buf[OUT_MAX];

    keepers_out_init(&out, buf, sizeof(buf));
    rc = keepers_phone_read(keepers_str(data, size), &out);

    check(!out.overflow);

    if (rc != KEEPERS_OK) {
        check(rc == KEEPERS_PHONE_POSSIBLE && out.len == 0);

        /* plain digits of a possible length are a number */

        for (i = 0; i < size && data[i] >= '0' && data[i] <= '9'; i++) {
            /* void */
        }

        check(i < size || size < KEEPERS_PHONE_DIGITS_MIN
              || size > KEEPERS_PHONE_DIGITS_MAX);
        return 0;
    }

    s = keepers_out_written(&out);

    check_stored(s);
    check(size != 0 || s.len == 0);

    keepers_out_init(&again, again_buf, sizeof(again_buf));
    check(keepers_phone_read(s, &again) == KEEPERS_OK);
    check(keepers_str_eq(s, keepers_out_written(&again)));

    check_room(keepers_str(data, size), s);

    return 0;
}


static void
check_stored(keepers_str_t s)
{
    size_t  i, plus;

    if (s.len == 0) {
        return;
    }

    plus = (s.data[0] == '+');

    check(s.len - plus >= KEEPERS_PHONE_DIGITS_MIN);
    check(s.len - plus <= KEEPERS_PHONE_DIGITS_MAX);

    for (i = plus; i < s.len; i++) {
        check(s.data[i] >= '0' && s.data[i] <= '9');
    }
}


/* A byte too little and nothing is written. */

static void
check_room(keepers_str_t typed, keepers_str_t stored)
{
    keepers_out_t  out;
    unsigned char  buf[OUT_MAX];

    if (stored.len == 0) {
        return;
    }

    keepers_out_init(&out, buf, stored.len - 1);
    check(keepers_phone_read(typed, &out) == KEEPERS_PHONE_NO_SPACE);
    check(out.len == 0);
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
