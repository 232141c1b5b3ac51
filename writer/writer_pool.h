
/*
 * Copyright (C) Keepers
 *
 * Threads that run jobs one by one over read-only connections: the readers of
 * the API, and those that hash passwords.  A permit belongs to the job, not to
 * its connection: a client that leaves does not free a place for the next.
 */


#ifndef _WRITER_POOL_H_INCLUDED_
#define _WRITER_POOL_H_INCLUDED_


#include "writer/writer_job.h"

#include <pthread.h>


#define WRITER_POOL_THREADS_MAX  16


/* Where a finished job goes; called on the thread that ran it. */
typedef void (*writer_done_pt)(void *data, writer_job_t *jobs);


typedef struct {
    pthread_mutex_t       lock;
    pthread_cond_t        wake;
    writer_jobs_t         jobs;
    size_t                limit;
    bool                  stop;
    const writer_conf_t  *conf;
    writer_done_pt        done;
    void                 *data;
    size_t                threads_n;
    pthread_t             threads[WRITER_POOL_THREADS_MAX];
} writer_pool_t;


int writer_pool_start(writer_pool_t *pool, const writer_conf_t *conf,
    size_t threads, size_t limit, writer_done_pt done, void *data)
    keepers_checked;

/* False: the queue is full, and the job is still the caller's. */
bool writer_pool_submit(writer_pool_t *pool, writer_job_t *job)
    keepers_checked;

/* Waits until what was submitted has been done. */
void writer_pool_stop(writer_pool_t *pool);


/* A thread's own context; false with a log line. */
bool writer_context_open(writer_context_t *ctx, const writer_conf_t *conf,
    bool writable) keepers_checked;
void writer_context_close(writer_context_t *ctx);


#endif /* _WRITER_POOL_H_INCLUDED_ */
