
/*
 * Copyright (C) Keepers
 *
 * The syncer: the thread that waits for the disk, so that the committer need
 * not.  All that was committed during one fsync is made durable by the next,
 * and goes back only then, in the order in which it came.
 */


#ifndef _WRITER_SYNC_H_INCLUDED_
#define _WRITER_SYNC_H_INCLUDED_


#include "writer/writer_pool.h"

#include <stdatomic.h>


typedef struct {
    pthread_mutex_t   lock;
    pthread_cond_t    wake;
    writer_jobs_t     jobs;         /* committed, and not yet durable */
    atomic_bool       busy;
    bool              idle;         /* the thread waits for "wake" */
    bool              stop;
    writer_store_t   *store;
    writer_done_pt    done;
    void             *data;
    pthread_t         thread;
    bool              started;
} writer_sync_t;


/*
 * The commits of "store" do not wait for the disk any more, see
 * writer_store_sync_apart().  "done" gets what is durable, on the thread.
 */
int writer_sync_start(writer_sync_t *sync, writer_store_t *store,
    writer_done_pt done, void *data) keepers_checked;

/* A list of jobs whose transaction was committed, or that were refused. */
void writer_sync_add(writer_sync_t *sync, writer_job_t *jobs);

/*
 * Whether what is committed now has to wait for a sync that has not begun.
 * When that changes "done" is called behind it.
 */
bool writer_sync_busy(writer_sync_t *sync);

/* Ends the thread when all is durable. */
void writer_sync_stop(writer_sync_t *sync);


#endif /* _WRITER_SYNC_H_INCLUDED_ */
