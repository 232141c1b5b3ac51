
/*
 * Copyright (C) Keepers
 *
 * Drains the spool: signups that edges put into a Redis stream while the
 * writer was away.  A thread of its own takes them in order, through the
 * committer, and removes an entry only once it is on disk; an entry that
 * comes twice is the same signup.  What cannot be taken is set aside, and what
 * fails alone is left pending and tried again: neither is in the way of the
 * rest.
 *
 *   P{spool}:q      stream: field "e", the envelope; group "writers"
 *   P{spool}:dead   stream: "e" the envelope, "why" a code; at most 10,000,
 *                   what is over stays pending in the queue
 */


#ifndef _WRITER_REDIS_SPOOL_H_INCLUDED_
#define _WRITER_REDIS_SPOOL_H_INCLUDED_


#include "writer/writer_commit.h"
#include "writer/writer_conf.h"

#include "core/keepers_envelope.h"

#include <pthread.h>


#define WRITER_SPOOL_BATCH     64
#define WRITER_SPOOL_ID        64       /* characters of an entry's, with NUL */
#define WRITER_SPOOL_DEAD_MAX  10000


typedef struct {
    const writer_conf_t        *conf;
    writer_commit_t            *commit;
    keepers_envelope_opener_t   opener;
    pthread_t                   thread;
    pthread_mutex_t             lock;
    pthread_cond_t              wake;
    bool                        started;
    bool                        stop;       /* under the lock, as is */
    size_t                      busy;       /* jobs at the committer */
    char                        from[WRITER_SPOOL_ID]; /* the cursor, or ">" */
    bool                        left;       /* some failed alone */
    bool                        full;       /* the log says so: dead is */
    uint64_t                    left_ms;    /* when they are tried again */
    unsigned                    hold_ms;    /* next wait for a store */
} writer_spool_t;


int writer_spool_start(writer_spool_t *spool, const writer_conf_t *conf,
    writer_commit_t *commit) keepers_checked;

/* Before the committer stops: what it has of ours is waited for. */
void writer_spool_stop(writer_spool_t *spool);


#endif /* _WRITER_REDIS_SPOOL_H_INCLUDED_ */
