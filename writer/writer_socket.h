
/*
 * Copyright (C) Keepers
 *
 * The Unix socket that the edge speaks to.
 */


#ifndef _WRITER_SOCKET_H_INCLUDED_
#define _WRITER_SOCKET_H_INCLUDED_


#include "writer/writer_os.h"

#include "core/keepers_base.h"


/*
 * Listens; -1 with errno.  Whoever holds the lock beside the database may
 * replace an old socket.
 */
int writer_socket(const char *path) keepers_checked;


#endif /* _WRITER_SOCKET_H_INCLUDED_ */
