
/*
 * Copyright (C) Keepers
 *
 * A job's answer as HTTP: JSON, an image, or a problem document (RFC 9457).
 */


#ifndef _WRITER_ANSWER_H_INCLUDED_
#define _WRITER_ANSWER_H_INCLUDED_


#include "writer/writer_job.h"


/* On the loop; hands the request back to evhttp.  "buf" is left empty. */
void writer_answer_send(writer_job_t *job, struct evbuffer *buf, bool last);

/*
 * What the socket takes of an answer that was sent goes out at once, without a
 * turn of the loop for it.  NULL: the client had left.  Not from a callback of
 * evhttp, which may find its connection gone.
 */
void writer_answer_push(struct evhttp_connection *connection);


#endif /* _WRITER_ANSWER_H_INCLUDED_ */
