
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_checkpoint.h"

#include "writer/writer_log.h"


/* What the committer may well move itself, a millisecond or two: bytes. */
#define WRITER_CHECKPOINT_REST  ((size_t) 1 << 20)


static void *writer_checkpoint_main(void *data);
static void writer_checkpoint_anew(writer_checkpoint_t *checkpoint);
static void writer_checkpoint_look(writer_checkpoint_t *checkpoint,
    writer_store_t *store, size_t moved);
static void writer_checkpoint_want(writer_checkpoint_t *checkpoint);


int
writer_checkpoint_start(writer_checkpoint_t *checkpoint,
    const writer_conf_t *conf)
{
    memset(checkpoint, 0, sizeof(*checkpoint));

    checkpoint->limit = (size_t) conf->log_mib << 20;
    checkpoint->due = checkpoint->limit;

    if (writer_store_open(conf->database, true, &checkpoint->store)
        != WRITER_OK)
    {
        return -1;
    }

    pthread_mutex_init(&checkpoint->lock, NULL);
    pthread_cond_init(&checkpoint->wake, NULL);

    if (pthread_create(&checkpoint->thread, NULL, writer_checkpoint_main,
                       checkpoint)
        != 0)
    {
        writer_log(WRITER_LOG_ERROR, "thread",
                   "remedy=\"raise the limit of tasks\"");
        writer_store_close(checkpoint->store);
        return -1;
    }

    checkpoint->started = true;

    return 0;
}


static void *
writer_checkpoint_main(void *data)
{
    size_t                moved;
    writer_checkpoint_t  *checkpoint;

    checkpoint = data;

    pthread_mutex_lock(&checkpoint->lock);

    for ( ;; ) {
        while (!checkpoint->stop
               && checkpoint->state != WRITER_CHECKPOINT_WANTED
               && checkpoint->state != WRITER_CHECKPOINT_OLD)
        {
            pthread_cond_wait(&checkpoint->wake, &checkpoint->lock);
        }

        if (checkpoint->stop) {
            break;
        }

        pthread_mutex_unlock(&checkpoint->lock);
        moved = writer_store_checkpoint(checkpoint->store);
        pthread_mutex_lock(&checkpoint->lock);

        checkpoint->moved = moved;
        checkpoint->state = checkpoint->state == WRITER_CHECKPOINT_OLD
                            ? WRITER_CHECKPOINT_IDLE : WRITER_CHECKPOINT_DONE;
    }

    pthread_mutex_unlock(&checkpoint->lock);

    return NULL;
}


void
writer_checkpoint_after(writer_checkpoint_t *checkpoint,
    writer_store_t *store)
{
    size_t               log, moved;
    writer_checkpoint_e  state;

    log = writer_store_log(store);

    if (log < checkpoint->seen) {
        writer_checkpoint_anew(checkpoint);
    }

    checkpoint->seen = log;

    if (log < checkpoint->due) {
        return;
    }

    pthread_mutex_lock(&checkpoint->lock);
    state = checkpoint->state;
    moved = checkpoint->moved;
    pthread_mutex_unlock(&checkpoint->lock);

    if (state == WRITER_CHECKPOINT_IDLE) {
        checkpoint->left = log;
        writer_checkpoint_want(checkpoint);

    } else if (state == WRITER_CHECKPOINT_DONE) {
        writer_checkpoint_look(checkpoint, store, moved);
    }
}


/* What the thread found, or will find, is of a log that is no more. */
static void
writer_checkpoint_anew(writer_checkpoint_t *checkpoint)
{
    checkpoint->due = checkpoint->limit;

    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->state = checkpoint->state == WRITER_CHECKPOINT_WANTED
                        || checkpoint->state == WRITER_CHECKPOINT_OLD
                        ? WRITER_CHECKPOINT_OLD : WRITER_CHECKPOINT_IDLE;
    pthread_mutex_unlock(&checkpoint->lock);
}


static void
writer_checkpoint_look(writer_checkpoint_t *checkpoint, writer_store_t *store,
    size_t moved)
{
    size_t  log, left;

    log = checkpoint->seen;
    left = moved < log ? log - moved : 0;

    if (left > WRITER_CHECKPOINT_REST && left < checkpoint->left / 2) {
        checkpoint->left = left;
        writer_checkpoint_want(checkpoint);
        return;
    }

    (void) writer_store_checkpoint(store);

    /*
     * The next transaction finds it at its beginning; else a reader is in the
     * way, or the disk failed, and it is not tried again after each one.
     */

    checkpoint->due = log + checkpoint->limit / 4;

    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->state = WRITER_CHECKPOINT_IDLE;
    pthread_mutex_unlock(&checkpoint->lock);
}


static void
writer_checkpoint_want(writer_checkpoint_t *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->state = WRITER_CHECKPOINT_WANTED;
    pthread_cond_signal(&checkpoint->wake);
    pthread_mutex_unlock(&checkpoint->lock);
}


void
writer_checkpoint_stop(writer_checkpoint_t *checkpoint)
{
    if (!checkpoint->started) {
        return;
    }

    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->stop = true;
    pthread_cond_signal(&checkpoint->wake);
    pthread_mutex_unlock(&checkpoint->lock);

    pthread_join(checkpoint->thread, NULL);
    pthread_mutex_destroy(&checkpoint->lock);
    pthread_cond_destroy(&checkpoint->wake);
    writer_store_close(checkpoint->store);
    checkpoint->started = false;
}
