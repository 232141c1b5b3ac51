
/*
 * Copyright (C) Keepers
 *
 * "keepers-writer keygen DIR": fresh keys of edge and writer.
 */


#ifndef _WRITER_KEYGEN_H_INCLUDED_
#define _WRITER_KEYGEN_H_INCLUDED_


#include "writer/writer_os.h"


/* The exit status; says what it made, or why it made nothing. */
int writer_keygen(const char *dir);


#endif /* _WRITER_KEYGEN_H_INCLUDED_ */
