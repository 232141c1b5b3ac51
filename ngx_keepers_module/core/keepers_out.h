
/*
 * Copyright (C) Keepers
 *
 * Appends to a buffer of the caller and remembers an overflow, so that a
 * series of writes needs one check at its end.  After an overflow nothing
 * more is written and "len" stays what it was.
 */


#ifndef _KEEPERS_OUT_H_INCLUDED_
#define _KEEPERS_OUT_H_INCLUDED_


#include "core/keepers_base.h"


typedef struct {
    unsigned char  *data;       /* of the caller */
    size_t          len;
    size_t          size;
    bool            overflow;
} keepers_out_t;


static inline void
keepers_out_init(keepers_out_t *out, void *buf, size_t size)
{
    out->data = buf;
    out->len = 0;
    out->size = size;
    out->overflow = false;
}


/* Room for "len" bytes, counted as written; NULL after an overflow. */
static inline unsigned char *
keepers_out_take(keepers_out_t *out, size_t len)
{
    unsigned char  *p;

    if (out->overflow || len > out->size - out->len) {
        out->overflow = true;
        return NULL;
    }

    p = &out->data[out->len];
    out->len += len;

    return p;
}


/*
 * Inline, for most of what is written is a literal, whose length and copy the
 * compiler then knows.
 */
static inline void
keepers_out_bytes(keepers_out_t *out, const void *data, size_t len)
{
    unsigned char  *p;

    /* nothing may come as NULL, which memcpy() does not allow */

    if (len == 0) {
        return;
    }

    p = keepers_out_take(out, len);

    if (p != NULL) {
        memcpy(p, data, len);
    }
}


static inline void
keepers_out_byte(keepers_out_t *out, unsigned char c)
{
    keepers_out_bytes(out, &c, 1);
}


static inline void
keepers_out_str(keepers_out_t *out, keepers_str_t s)
{
    keepers_out_bytes(out, s.data, s.len);
}


/* Up to NUL. */
static inline void
keepers_out_text(keepers_out_t *out, const char *text)
{
    keepers_out_bytes(out, text, strlen(text));
}


/* The written part. */
static inline keepers_str_t
keepers_out_written(const keepers_out_t *out)
{
    return keepers_str(out->data, out->len);
}


void keepers_out_uint(keepers_out_t *out, uint64_t n);          /* decimal */

/* Big-endian integers and u16-length-prefixed strings of our binary formats. */
void keepers_out_u16(keepers_out_t *out, uint16_t n);
void keepers_out_u32(keepers_out_t *out, uint32_t n);
void keepers_out_u64(keepers_out_t *out, uint64_t n);
void keepers_out_lstr(keepers_out_t *out, keepers_str_t s);     /* <= 65535 */

/* HTML text and attribute values: & < > " ' become entities. */
void keepers_out_html(keepers_out_t *out, keepers_str_t s);


#endif /* _KEEPERS_OUT_H_INCLUDED_ */
