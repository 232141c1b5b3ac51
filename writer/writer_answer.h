
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

#endif /* _WRITER_ANSWER_H_INCLUDED_ */
