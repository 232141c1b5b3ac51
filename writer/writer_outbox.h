
/*
 * Copyright (C) Keepers
 *
 * The thread that delivers what is in the outbox.  A mail is put there in the
 * transaction of what caused it, and leaves it in one that follows its
 * delivery: a crash between the two delivers it again.  So it comes at least
 * once; in a folder under the same name, by SMTP with the same Message-ID.
 */


#ifndef _WRITER_OUTBOX_H_INCLUDED_
#define _WRITER_OUTBOX_H_INCLUDED_


#include "writer/writer_commit.h"
#include "writer/writer_mail.h"


typedef enum {
    WRITER_OUTBOX_SENT = 0,
    WRITER_OUTBOX_LATER,        /* this one alone */
    WRITER_OUTBOX_REFUSED,      /* for good */
    WRITER_OUTBOX_DOWN          /* nothing can be delivered now */
} writer_outbox_e;


typedef struct {
    pthread_mutex_t        lock;
    pthread_cond_t         wake;
    bool                   waits;       /* something was put into it */
    bool                   settled;     /* a job of ours has ended, */
    bool                   settled_well;    /* and how */
    bool                   started;
    atomic_bool            stop;
    const writer_conf_t   *conf;
    writer_commit_t       *commit;
    pthread_t              thread;
} writer_outbox_t;


/* Before any other thread runs; false with a log line. */
bool writer_outbox_init(writer_outbox_t *outbox, const writer_conf_t *conf)
    keepers_checked;

/* Behind the committer, whose jobs it makes; 0 or -1. */
int writer_outbox_start(writer_outbox_t *outbox, writer_commit_t *commit)
    keepers_checked;

/* writer_mailed_pt */
void writer_outbox_wake(void *outbox);

/* Before the committer stops; _free behind it. */
void writer_outbox_stop(writer_outbox_t *outbox);
void writer_outbox_free(writer_outbox_t *outbox);


#endif /* _WRITER_OUTBOX_H_INCLUDED_ */
