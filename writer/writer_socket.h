
/*
 * Copyright (C) Keepers
 */


#ifndef _WRITER_SOCKET_H_INCLUDED_
#define _WRITER_SOCKET_H_INCLUDED_


/*
 * Listens on a Unix socket, for owner and group; -1: errno.  Whoever holds the
 * lock beside the database may replace an old one.
 */
int writer_socket_listen(const char *path);


#endif /* _WRITER_SOCKET_H_INCLUDED_ */
