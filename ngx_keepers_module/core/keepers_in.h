
/*
 * Copyright (C) Keepers
 *
 * Reads the fields of our binary formats from bounded bytes.  Reading past
 * the end sets "fault" and yields zeros, so that a decoder checks once, at
 * its end, with keepers_in_done().
 */


#ifndef _KEEPERS_IN_H_INCLUDED_
#define _KEEPERS_IN_H_INCLUDED_


#include "core/keepers_base.h"


typedef struct {
    const unsigned char  *pos;
    const unsigned char  *end;
    bool                  fault;
} keepers_in_t;


void keepers_in_init(keepers_in_t *in, keepers_str_t bytes);
uint8_t keepers_in_u8(keepers_in_t *in);
uint16_t keepers_in_u16(keepers_in_t *in);
uint32_t keepers_in_u32(keepers_in_t *in);
uint64_t keepers_in_u64(keepers_in_t *in);
void keepers_in_bytes(keepers_in_t *in, void *to, size_t len);

/* A view into the input, valid as long as the input is. */
keepers_str_t keepers_in_lstr(keepers_in_t *in);

/* True if every read was inside the input and nothing is left over. */
bool keepers_in_done(const keepers_in_t *in);


#endif /* _KEEPERS_IN_H_INCLUDED_ */
