
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_in.h"


static const unsigned char *keepers_in_take(keepers_in_t *in, size_t len);
static uint64_t keepers_in_uint(keepers_in_t *in, size_t len);


void
keepers_in_init(keepers_in_t *in, keepers_str_t bytes)
{
    static const unsigned char  none[1];

    /* NULL has no end to compare with */

    in->pos = bytes.data == NULL ? none : bytes.data;
    in->end = bytes.data == NULL ? none : bytes.data + bytes.len;
    in->fault = bytes.data == NULL && bytes.len != 0;
}


uint8_t
keepers_in_u8(keepers_in_t *in)
{
    return (uint8_t) keepers_in_uint(in, 1);
}


uint16_t
keepers_in_u16(keepers_in_t *in)
{
    return (uint16_t) keepers_in_uint(in, 2);
}


uint32_t
keepers_in_u32(keepers_in_t *in)
{
    return (uint32_t) keepers_in_uint(in, 4);
}


uint64_t
keepers_in_u64(keepers_in_t *in)
{
    return keepers_in_uint(in, 8);
}


void
keepers_in_bytes(keepers_in_t *in, void *to, size_t len)
{
    const unsigned char  *p;

    if (len == 0) {
        return;
    }

    p = keepers_in_take(in, len);

    if (p == NULL) {
        memset(to, 0, len);
        return;
    }

    memcpy(to, p, len);
}


keepers_str_t
keepers_in_lstr(keepers_in_t *in)
{
    size_t                len;
    const unsigned char  *p;

    len = keepers_in_u16(in);
    p = keepers_in_take(in, len);

    return keepers_str(p, p == NULL ? 0 : len);
}


bool
keepers_in_done(const keepers_in_t *in)
{
    return !in->fault && in->pos == in->end;
}


/* A fault stays: nothing behind it is trusted, even if it would fit. */

static const unsigned char *
keepers_in_take(keepers_in_t *in, size_t len)
{
    const unsigned char  *p;

    if (in->fault || len > (size_t) (in->end - in->pos)) {
        in->fault = true;
        return NULL;
    }

    p = in->pos;
    in->pos += len;

    return p;
}


static uint64_t
keepers_in_uint(keepers_in_t *in, size_t len)
{
    size_t                i;
    uint64_t              n;
    const unsigned char  *p;

    p = keepers_in_take(in, len);

    if (p == NULL) {
        return 0;
    }

    n = 0;

    for (i = 0; i < len; i++) {
        n = n << 8 | p[i];
    }

    return n;
}
