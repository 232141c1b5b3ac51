
/*
 * Copyright (C) Keepers
 *
 * What evhttp leaves to be had of its connections: system calls, and the waking
 * of who is at the other end.
 */


#ifndef _WRITER_CONNECTION_H_INCLUDED_
#define _WRITER_CONNECTION_H_INCLUDED_


#include <event2/http.h>
#include <stddef.h>


/*
 * From evhttp's callback of a request: reading goes on until it is answered, up
 * to "most" bytes, which are the next request's.
 */
void writer_connection_read_on(struct evhttp_connection *connection,
    size_t most);

/*
 * What the socket takes of an answer that was sent goes out at once, without a
 * turn of the loop for it.  NULL: the client had left.  Not from a callback of
 * evhttp, which may find its connection gone.
 */
void writer_connection_push(struct evhttp_connection *connection);


#endif /* _WRITER_CONNECTION_H_INCLUDED_ */
