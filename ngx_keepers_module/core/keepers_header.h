
/*
 * Copyright (C) Keepers
 *
 * Names of headers that only an edge may say, and who else names them.
 */


#ifndef _KEEPERS_HEADER_H_INCLUDED_
#define _KEEPERS_HEADER_H_INCLUDED_


#include "core/keepers_base.h"


/*
 * Is this the name of a header of ours, or one that an upstream may take for
 * it?  "Keepers" and what begins with it, up to the first character that is no
 * letter and no digit, in any case: CGI makes '_' of '-', and some servers make
 * it of every such character.
 */
bool keepers_header_ours(keepers_str_t name);

/*
 * The value of a Connection header: takes out, in place, what names headers of
 * ours, and returns the length that is left.  A proxy behind this one drops
 * what is named there, and with it what the edge says of who it is.
 */
size_t keepers_header_hops(unsigned char *value, size_t len);


#endif /* _KEEPERS_HEADER_H_INCLUDED_ */
