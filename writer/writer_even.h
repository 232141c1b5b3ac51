
/*
 * Copyright (C) Keepers
 *
 * Answers that leave by the clock: a signup that is stored in fewer tables,
 * because the address is known, would be answered sooner.  So each is answered
 * a millisecond after it came, or when it is durable, if that is later.  On the
 * loop alone.
 */


#ifndef _WRITER_EVEN_H_INCLUDED_
#define _WRITER_EVEN_H_INCLUDED_


#include "writer/writer_job.h"

#include <event2/event.h>


/* These may be answered now. */
typedef void (*writer_even_pt)(void *data, writer_jobs_t *jobs);


typedef struct {
    int              fd;        /* a timer: libevent's own count milliseconds */
    struct event    *event;
    writer_jobs_t    waits;     /* as they came, nearly */
    writer_even_pt   due;
    void            *data;
} writer_even_t;


/* 0, or -1: no descriptor, no memory. */
int writer_even_init(writer_even_t *even, struct event_base *base,
    writer_even_pt due, void *data) keepers_checked;

/* What waits is not answered any more. */
void writer_even_free(writer_even_t *even);

/* When it came: the beginning of its millisecond. */
void writer_even_came(writer_job_t *job);

/* True: it is answered by "due", soon; false: it may be answered now. */
bool writer_even_wait(writer_even_t *even, writer_job_t *job);


#endif /* _WRITER_EVEN_H_INCLUDED_ */
