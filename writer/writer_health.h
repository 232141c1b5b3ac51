
/*
 * Copyright (C) Keepers
 *
 * Which parts work: set by the thread that knows, read by GET /readyz.  An edge
 * that asks may send an envelope along, $keepers_probe: if it does not open,
 * nothing that this edge seals does, and the part "keys" is not well for it.
 */


#ifndef _WRITER_HEALTH_H_INCLUDED_
#define _WRITER_HEALTH_H_INCLUDED_


#include "writer/writer_job.h"


typedef enum {
    WRITER_HEALTH_STORE = 0,        /* the last transaction went well */
    WRITER_HEALTH_REDIS,            /* links are published */
    WRITER_HEALTH_PARTS
} writer_health_e;


/* All parts are well at the start. */
void writer_health_set(writer_health_e part, bool well);
bool writer_health_well(writer_health_e part) keepers_checked;

/* reads and runs */
bool writer_health_read(writer_job_t *job, void *data);
int writer_health_alive(writer_context_t *ctx, writer_job_t *job);
int writer_health_ready(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_HEALTH_H_INCLUDED_ */
