
/*
 * Copyright (C) Keepers
 *
 * The query of a list: limit, cursor, search; and the address of a QR code.
 */


#ifndef _WRITER_QUERY_H_INCLUDED_
#define _WRITER_QUERY_H_INCLUDED_


#include "writer/writer_job.h"


/* A read function: fills job->in.query; false with 400 or 422. */
bool writer_query_read(writer_job_t *job, void *http);


#endif /* _WRITER_QUERY_H_INCLUDED_ */
