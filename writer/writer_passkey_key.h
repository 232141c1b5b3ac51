
/*
 * Copyright (C) Keepers
 *
 * A passkey's public key, as libfido2 wants it: a type for each algorithm.
 */


#ifndef _WRITER_PASSKEY_KEY_H_INCLUDED_
#define _WRITER_PASSKEY_KEY_H_INCLUDED_


#include "writer/writer_passkey.h"


/* NULL: it is none of its algorithm, as a point that is not on the curve. */
void *writer_passkey_key_new(const writer_passkey_t *passkey) keepers_checked;
void writer_passkey_key_free(int algorithm, void *key);


#endif /* _WRITER_PASSKEY_KEY_H_INCLUDED_ */
