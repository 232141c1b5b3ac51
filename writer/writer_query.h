
/*
 * Copyright (C) Keepers
 *
 * The query of a list: limit, cursor, search; and the address of a QR code.
 */


#ifndef _WRITER_QUERY_H_INCLUDED_
#define _WRITER_QUERY_H_INCLUDED_


#include "writer/writer_job.h"
#include "writer/writer_json.h"


/* A read function: fills job->in.query; false with 400 or 422. */
bool writer_query_read(writer_job_t *job, void *http);

/* Ends the items; "next" is the cursor of the last one, or null: no more. */
void writer_query_next(writer_json_t *json, bool more, uint64_t ms,
    const keepers_uuid_t *id);


#endif /* _WRITER_QUERY_H_INCLUDED_ */
