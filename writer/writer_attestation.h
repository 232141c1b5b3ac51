
/*
 * Copyright (C) Keepers
 *
 * The attestation object of a new passkey: a map of CBOR, of which only the
 * data of the authenticator matters.  Who made the authenticator is not asked,
 * and what is not asked for is not taken: "none" alone.
 */


#ifndef _WRITER_ATTESTATION_H_INCLUDED_
#define _WRITER_ATTESTATION_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"


/*
 * Copies the data into "room"; false: not such an object, with nothing behind
 * it, or one that attests something.
 */
bool writer_attestation_none(keepers_str_t object, unsigned char *room,
    size_t size, keepers_str_t *data) keepers_checked;


#endif /* _WRITER_ATTESTATION_H_INCLUDED_ */
