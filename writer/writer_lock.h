
/*
 * Copyright (C) Keepers
 *
 * One process at a time writes: a lock beside the database, held by the
 * running writer, or by a command for as long as it takes.
 */


#ifndef _WRITER_LOCK_H_INCLUDED_
#define _WRITER_LOCK_H_INCLUDED_


#include "writer/writer_conf.h"


/* A descriptor to keep open; -1 with errno, EWOULDBLOCK: another has it. */
int writer_lock(const writer_conf_t *conf);


#endif /* _WRITER_LOCK_H_INCLUDED_ */
