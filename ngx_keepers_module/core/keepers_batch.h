
/*
 * Copyright (C) Keepers
 *
 * Signups that go to the writer together, and what it says of each.  A body
 * that begins with "KB" is a batch, one that begins with "K1" an envelope:
 *
 *    0  "KB"              2
 *    2  of each: length   2   big-endian, of what follows
 *       envelope
 *
 * The answer is 202 with the statuses in the same order, three digits each, in
 * a header: an answer without it does not come from a writer that has read the
 * batch.
 */


#ifndef _KEEPERS_BATCH_H_INCLUDED_
#define _KEEPERS_BATCH_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


#define KEEPERS_BATCH_MAX         32        /* envelopes */
#define KEEPERS_BATCH_LEN_MAX     16384     /* bytes, all of it */
#define KEEPERS_BATCH_HEAD        2
#define KEEPERS_BATCH_ITEM        2         /* and the envelope */

#define KEEPERS_BATCH_HEADER      "Keepers-Signups"
#define KEEPERS_BATCH_SAID        3         /* bytes of a status */


/* The sending half; the room for it is the caller's. */
void keepers_batch_begin(keepers_out_t *out);
void keepers_batch_add(keepers_out_t *out, keepers_str_t envelope);

/* Whether it says to be one; an envelope does not. */
bool keepers_batch_is(keepers_str_t body);

/*
 * The envelopes, as views of the body: 1 to KEEPERS_BATCH_MAX, none of them
 * empty.  0: it is no batch, cut short or too long.
 */
size_t keepers_batch_read(keepers_str_t body,
    keepers_str_t envelopes[KEEPERS_BATCH_MAX]) keepers_checked;

/* A status, 100 to 999, behind those that were said before. */
void keepers_batch_say(keepers_out_t *out, unsigned status);

/* What was said of the n-th, from 0, of so many; 0: it does not add up. */
unsigned keepers_batch_said(keepers_str_t said, size_t count, size_t n);


#endif /* _KEEPERS_BATCH_H_INCLUDED_ */
