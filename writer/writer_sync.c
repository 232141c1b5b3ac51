
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_sync.h"

#include "writer/writer_log.h"


static void *writer_sync_main(void *data);
static writer_job_t *writer_sync_take(writer_sync_t *sync);


int
writer_sync_start(writer_sync_t *sync, writer_store_t *store,
    writer_done_pt done, void *data)
{
    memset(sync, 0, sizeof(*sync));

    sync->store = store;
    sync->done = done;
    sync->data = data;
    writer_jobs_init(&sync->jobs);

    if (writer_store_sync_apart(store) != WRITER_OK) {
        return -1;
    }

    pthread_mutex_init(&sync->lock, NULL);
    pthread_cond_init(&sync->wake, NULL);

    if (pthread_create(&sync->thread, NULL, writer_sync_main, sync) != 0) {
        writer_log(WRITER_LOG_ERROR, "thread",
                   "remedy=\"raise the limit of tasks\"");
        return -1;
    }

    sync->started = true;

    return 0;
}


void
writer_sync_add(writer_sync_t *sync, writer_job_t *jobs)
{
    bool           wake;
    writer_job_t  *job;

    pthread_mutex_lock(&sync->lock);

    while (jobs != NULL) {
        job = jobs;
        jobs = job->next;
        writer_jobs_add(&sync->jobs, job);
    }

    wake = sync->idle;
    sync->idle = false;
    atomic_store(&sync->busy, true);

    pthread_mutex_unlock(&sync->lock);

    if (wake) {
        pthread_cond_signal(&sync->wake);
    }
}


bool
writer_sync_busy(writer_sync_t *sync)
{
    return atomic_load(&sync->busy);
}


static void *
writer_sync_main(void *data)
{
    writer_job_t   *jobs;
    writer_sync_t  *sync;

    sync = data;

    while ((jobs = writer_sync_take(sync)) != NULL) {
        writer_store_sync(sync->store);

        pthread_mutex_lock(&sync->lock);
        atomic_store(&sync->busy, sync->jobs.n != 0);
        pthread_mutex_unlock(&sync->lock);

        sync->done(sync->data, jobs);
    }

    return NULL;
}


/* All that waits; NULL: stopped and nothing left. */
static writer_job_t *
writer_sync_take(writer_sync_t *sync)
{
    writer_job_t  *jobs;

    pthread_mutex_lock(&sync->lock);

    while (sync->jobs.n == 0 && !sync->stop) {
        sync->idle = true;
        pthread_cond_wait(&sync->wake, &sync->lock);
    }

    sync->idle = false;
    jobs = sync->jobs.head;
    writer_jobs_init(&sync->jobs);

    pthread_mutex_unlock(&sync->lock);

    return jobs;
}


void
writer_sync_stop(writer_sync_t *sync)
{
    if (!sync->started) {
        return;
    }

    pthread_mutex_lock(&sync->lock);
    sync->stop = true;
    pthread_cond_signal(&sync->wake);
    pthread_mutex_unlock(&sync->lock);

    pthread_join(sync->thread, NULL);
    pthread_mutex_destroy(&sync->lock);
    pthread_cond_destroy(&sync->wake);
    sync->started = false;
}
