
/*
 * Copyright (C) Keepers
 *
 * The checkpoint: a thread with a connection of its own moves the log of the
 * database into it while the committer goes on.  What came meanwhile is little,
 * and the committer moves it itself, between two transactions, since only a log
 * that has been moved to its end begins anew.
 *
 * The thread goes on while it leaves less than half of what it was told of: a
 * disk so slow that as much comes as it moves gains nothing by that.
 */


#ifndef _WRITER_CHECKPOINT_H_INCLUDED_
#define _WRITER_CHECKPOINT_H_INCLUDED_


#include "writer/writer_conf.h"
#include "writer/writer_store.h"

#include <pthread.h>


typedef enum {
    WRITER_CHECKPOINT_IDLE = 0,
    WRITER_CHECKPOINT_WANTED,       /* the thread is at it, or will be */
    WRITER_CHECKPOINT_OLD,          /* so, but that log has ended since */
    WRITER_CHECKPOINT_DONE          /* it was; "moved" says how far it came */
} writer_checkpoint_e;


typedef struct {
    pthread_mutex_t       lock;     /* for state, moved and stop */
    pthread_cond_t        wake;
    writer_checkpoint_e   state;
    size_t                moved;    /* bytes from the beginning of the log */
    bool                  stop;

    /* the committer's: bytes of the log */
    size_t                limit;    /* where it is to be moved */
    size_t                due;      /* where that is looked at again */
    size_t                seen;     /* how long it was last */
    size_t                left;     /* of it, when the thread was told */

    writer_store_t       *store;    /* the thread's */
    pthread_t             thread;
    bool                  started;
} writer_checkpoint_t;


/* 0, or -1 when it was logged. */
int writer_checkpoint_start(writer_checkpoint_t *checkpoint,
    const writer_conf_t *conf) keepers_checked;

/* Of the committer, between transactions; "store" is its own. */
void writer_checkpoint_after(writer_checkpoint_t *checkpoint,
    writer_store_t *store);

/* Waits for the end of a move that has begun. */
void writer_checkpoint_stop(writer_checkpoint_t *checkpoint);


#endif /* _WRITER_CHECKPOINT_H_INCLUDED_ */
