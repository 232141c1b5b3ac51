
/*
 * Copyright (C) Keepers
 *
 * A request that carries several signups: each is a job of its own, which is
 * judged, stored and refused for itself, and the request is answered when the
 * last of them is durable.
 */


#ifndef _WRITER_SIGNUPS_BATCH_H_INCLUDED_
#define _WRITER_SIGNUPS_BATCH_H_INCLUDED_


#include "writer/writer_job.h"
#include "writer/writer_stock.h"


/* On the loop: false, answered, if none of them is to be stored. */
bool writer_signups_batch_read(writer_job_t *job, void *http);

/* On the loop: what is said of each, if nothing is said of all; their end. */
void writer_signups_batch_end(writer_job_t *job, writer_stock_t *stock);


#endif /* _WRITER_SIGNUPS_BATCH_H_INCLUDED_ */
