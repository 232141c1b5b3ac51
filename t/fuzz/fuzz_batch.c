
/*
 * Copyright (C) Keepers
 *
 * The first byte chooses: a batch as it comes, statuses as they come, or
 * pieces, each behind a byte with its length, to make a batch of.  What is
 * read is there, in order, and makes the very same bytes.
 */


#include "core/keepers_batch.h"

#include <stdlib.h>


#define MUST(x)     if (!(x)) { abort(); }

#define INPUT_MAX   (KEEPERS_BATCH_LEN_MAX + 64)
#define PIECES_MAX  (KEEPERS_BATCH_MAX + 8)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void body(keepers_str_t s);
static void said(keepers_str_t s);
static void pieces(keepers_str_t s);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    keepers_str_t  s;

    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }

    s = keepers_str(data + 1, size - 1);

    switch (data[0] % 3) {

    case 0:
        body(s);
        break;

    case 1:
        said(s);
        break;

    default:
        pieces(s);
    }

    return 0;
}


static void
body(keepers_str_t s)
{
    size_t                i, n;
    keepers_out_t         out;
    keepers_str_t         envelopes[KEEPERS_BATCH_MAX];
    const unsigned char  *from;
    static unsigned char  again[INPUT_MAX];

    n = keepers_batch_read(s, envelopes);

    MUST(n <= KEEPERS_BATCH_MAX);

    if (n == 0) {
        return;
    }

    MUST(keepers_batch_is(s) && s.len <= KEEPERS_BATCH_LEN_MAX);

    keepers_out_init(&out, again, sizeof(again));
    keepers_batch_begin(&out);
    from = s.data + KEEPERS_BATCH_HEAD;

    for (i = 0; i < n; i++) {
        MUST(envelopes[i].len != 0);
        MUST(envelopes[i].data == from + KEEPERS_BATCH_ITEM);

        keepers_batch_add(&out, envelopes[i]);
        from = envelopes[i].data + envelopes[i].len;
    }

    MUST(from == s.data + s.len);
    MUST(!out.overflow && keepers_str_eq(keepers_out_written(&out), s));
}


/* The first byte is how many they are said to be. */
static void
said(keepers_str_t s)
{
    size_t         count, n;
    unsigned       status;
    keepers_out_t  out;
    unsigned char  digits[KEEPERS_BATCH_SAID];

    if (s.len == 0) {
        return;
    }

    count = s.data[0];
    s = keepers_str(s.data + 1, s.len - 1);

    for (n = 0; n < count + 2; n++) {
        status = keepers_batch_said(s, count, n);

        MUST(status == 0 || (status >= 100 && status <= 999));

        if (status == 0) {
            continue;
        }

        MUST(n < count && s.len == count * KEEPERS_BATCH_SAID);

        keepers_out_init(&out, digits, sizeof(digits));
        keepers_batch_say(&out, status);
        MUST(memcmp(digits, s.data + n * KEEPERS_BATCH_SAID, sizeof(digits))
             == 0);
    }
}


static void
pieces(keepers_str_t s)
{
    bool                  empty;
    size_t                i, n, len;
    keepers_out_t         out;
    keepers_str_t         parts[PIECES_MAX], envelopes[KEEPERS_BATCH_MAX];
    static unsigned char  made[INPUT_MAX * 3];

    keepers_out_init(&out, made, sizeof(made));
    keepers_batch_begin(&out);
    empty = false;

    for (n = 0; n < PIECES_MAX && s.len != 0; n++) {
        len = s.data[0] < s.len ? s.data[0] : s.len - 1;

        parts[n] = keepers_str(s.data + 1, len);
        empty = empty || len == 0;
        keepers_batch_add(&out, parts[n]);

        s = keepers_str(s.data + 1 + len, s.len - 1 - len);
    }

    MUST(!out.overflow);

    if (n == 0 || n > KEEPERS_BATCH_MAX || empty
        || out.len > KEEPERS_BATCH_LEN_MAX)
    {
        MUST(keepers_batch_read(keepers_out_written(&out), envelopes) == 0);
        return;
    }

    MUST(keepers_batch_read(keepers_out_written(&out), envelopes) == n);

    for (i = 0; i < n; i++) {
        MUST(keepers_str_eq(envelopes[i], parts[i]));
    }
}
