
/*
 * Copyright (C) Keepers
 *
 * The committer: the thread that owns the only connection that writes.  What
 * arrived during its last transaction is the next one; there is no timer.  Of
 * more than a few it takes half: while that is stored the answers to the other
 * half are on their way, and who waits for answers sends again.  All at once,
 * everybody would wait for the committer, and then it for them.  For the disk
 * waits another thread, the syncer, and answers when what was committed is
 * there.
 */


#ifndef _WRITER_COMMIT_H_INCLUDED_
#define _WRITER_COMMIT_H_INCLUDED_


#include "writer/writer_checkpoint.h"
#include "writer/writer_sync.h"

#include <stdatomic.h>


#define WRITER_COMMIT_QUEUE  4096
#define WRITER_COMMIT_BATCH  512
#define WRITER_COMMIT_LEAST  16


/*
 * What is durable Redis must get: a link's record; NULL: that sessions end
 * there.  On the syncer's thread.
 */
typedef void (*writer_published_pt)(void *data, const char *slug);


/* Something in the outbox is durable; on the syncer's thread. */
typedef void (*writer_mailed_pt)(void *data);


typedef struct {
    pthread_mutex_t      lock;
    pthread_cond_t       wake;
    writer_jobs_t        jobs;
    size_t               ahead;         /* taken, and not yet durable */
    bool                 idle;          /* the thread waits for "wake" */
    bool                 stop;
    atomic_ullong        transactions;
    atomic_ullong        committed;     /* jobs */
    writer_context_t     ctx;           /* of the thread, once it runs */
    uint64_t             kept_ms;       /* house kept last */
    writer_done_pt       done;
    writer_published_pt  published;
    writer_mailed_pt     mailed;
    void                *data;
    void                *published_data;
    void                *mailed_data;
    writer_checkpoint_t  checkpoint;
    writer_sync_t        sync;
    pthread_t            thread;
    bool                 started;
} writer_commit_t;


/* Takes over an open, migrated context. */
int writer_commit_start(writer_commit_t *commit, const writer_context_t *ctx,
    writer_done_pt done, void *data, writer_published_pt published,
    void *published_data, writer_mailed_pt mailed, void *mailed_data)
    keepers_checked;
bool writer_commit_submit(writer_commit_t *commit, writer_job_t *job)
    keepers_checked;

/*
 * writer_done_pt of a pool: what has a second step goes on to the committer,
 * all else back to the loop.
 */
void writer_commit_onward(void *commit, writer_job_t *job);

/* Commits what was submitted, ends the thread, closes the store. */
void writer_commit_stop(writer_commit_t *commit);

/* One job in a transaction of its own, without a thread: for the CLI. */
int writer_commit_alone(writer_context_t *ctx, writer_job_t *job)
    keepers_checked;


#endif /* _WRITER_COMMIT_H_INCLUDED_ */
