
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_commit.h"

#include "writer/writer_customers.h"
#include "writer/writer_health.h"
#include "writer/writer_held.h"
#include "writer/writer_links.h"
#include "writer/writer_log.h"
#include "writer/writer_mail.h"
#include "writer/writer_wait.h"


#define WRITER_COMMIT_KEEP_MS  60000


static void writer_commit_add(writer_commit_t *commit, writer_job_t *job);
static void *writer_commit_main(void *data);
static bool writer_commit_take(writer_commit_t *commit, writer_jobs_t *batch);
static bool writer_commit_ready(writer_commit_t *commit);
static bool writer_commit_goes_along(const writer_job_t *job,
    const writer_job_t *next);
static size_t writer_commit_most(size_t n);
static void writer_commit_batch(writer_commit_t *commit,
    writer_job_t *jobs, size_t n);
static int writer_commit_try(writer_context_t *ctx, writer_job_t *jobs);
static void writer_commit_each(writer_commit_t *commit, writer_job_t *jobs);
static void writer_commit_refuse(writer_job_t *job);
static void writer_commit_durable(void *data, writer_job_t *jobs);
static void writer_commit_leave(writer_commit_t *commit, writer_job_t *jobs);
static void writer_commit_return(writer_commit_t *commit, writer_job_t *jobs);
static void writer_commit_keep_house(writer_commit_t *commit);
static void writer_commit_chore(writer_commit_t *commit,
    int (*chore)(writer_context_t *ctx, uint64_t now_ms), uint64_t now_ms);
static void writer_commit_well(writer_commit_t *commit, int rc);


int
writer_commit_start(writer_commit_t *commit, const writer_context_t *ctx,
    writer_done_pt done, void *data, writer_published_pt published,
    void *published_data, writer_mailed_pt mailed, void *mailed_data)
{
    memset(commit, 0, sizeof(*commit));

    commit->ctx = *ctx;
    commit->done = done;
    commit->data = data;
    commit->published = published;
    commit->published_data = published_data;
    commit->mailed = mailed;
    commit->mailed_data = mailed_data;
    writer_jobs_init(&commit->jobs);
    pthread_mutex_init(&commit->lock, NULL);

    writer_wait_init(&commit->wake);

    if (writer_checkpoint_start(&commit->checkpoint, ctx->conf) != 0) {
        return -1;
    }

    if (writer_sync_start(&commit->sync, ctx->store, writer_commit_durable,
                          commit)
        != 0)
    {
        writer_checkpoint_stop(&commit->checkpoint);
        return -1;
    }

    if (pthread_create(&commit->thread, NULL, writer_commit_main, commit)
        != 0)
    {
        writer_log(WRITER_LOG_ERROR, "thread",
                   "remedy=\"raise the limit of tasks\"");
        writer_sync_stop(&commit->sync);
        writer_checkpoint_stop(&commit->checkpoint);
        return -1;
    }

    commit->started = true;

    return 0;
}


bool
writer_commit_submit(writer_commit_t *commit, writer_job_t *job)
{
    bool    taken, wake;
    size_t  n;

    n = job->carries ? job->in.batch.left : 1;

    pthread_mutex_lock(&commit->lock);

    taken = commit->jobs.n + n <= WRITER_COMMIT_QUEUE;
    wake = false;

    if (taken) {
        writer_commit_add(commit, job);
        wake = commit->idle && writer_commit_ready(commit);
        commit->idle = commit->idle && !wake;
    }

    pthread_mutex_unlock(&commit->lock);

    if (wake) {
        pthread_cond_signal(&commit->wake);
    }

    return taken;
}


/* Of one that carries others, those that were not refused yet. */
static void
writer_commit_add(writer_commit_t *commit, writer_job_t *job)
{
    size_t         i;
    writer_job_t  *one;

    if (!job->carries) {
        writer_jobs_add(&commit->jobs, job);
        return;
    }

    for (i = 0; i < job->in.batch.n; i++) {
        one = job->in.batch.of[i];

        if (one->status == 0) {
            writer_jobs_add(&commit->jobs, one);
        }
    }
}


static void *
writer_commit_main(void *data)
{
    writer_jobs_t     batch;
    writer_commit_t  *commit;

    commit = data;

    while (writer_commit_take(commit, &batch)) {
        if (batch.n != 0) {
            writer_commit_batch(commit, batch.head, batch.n);
            writer_checkpoint_after(&commit->checkpoint, commit->ctx.store);
        }

        writer_commit_keep_house(commit);
    }

    writer_sync_stop(&commit->sync);
    writer_checkpoint_stop(&commit->checkpoint);
    writer_context_close(&commit->ctx);

    return NULL;
}


/* False: stopped and nothing left. */
static bool
writer_commit_take(writer_commit_t *commit, writer_jobs_t *batch)
{
    bool           more;
    size_t         most;
    writer_job_t  *job;

    writer_jobs_init(batch);

    pthread_mutex_lock(&commit->lock);

    while (!writer_commit_ready(commit)) {
        commit->idle = true;

        if (!writer_wait(&commit->wake, &commit->lock,
                         WRITER_COMMIT_KEEP_MS))
        {
            break;
        }
    }

    commit->idle = false;

    /* its time is over and nothing is ready: there is house to keep */

    most = writer_commit_ready(commit) ? writer_commit_most(commit->jobs.n)
                                       : 0;
    job = NULL;

    while (batch->n < most
           || writer_commit_goes_along(job, commit->jobs.head))
    {
        job = writer_jobs_take(&commit->jobs);

        if (job == NULL) {
            break;
        }

        writer_jobs_add(batch, job);
    }

    commit->ahead += batch->n;
    more = batch->n != 0 || !commit->stop;

    pthread_mutex_unlock(&commit->lock);

    return more;
}


/*
 * While the disk is busy a few need not be stored yet, for they would wait for
 * its next turn: more will have come by then.  And it is not left behind by
 * more than a transaction may have.  The lock is held.
 */
static bool
writer_commit_ready(writer_commit_t *commit)
{
    if (commit->stop) {
        return true;
    }

    if (writer_sync_busy(&commit->sync)) {
        return commit->jobs.n >= WRITER_COMMIT_LEAST
               && commit->ahead < WRITER_COMMIT_BATCH;
    }

    return commit->jobs.n != 0;
}


/* What came in one request is answered together: half of it helps nobody. */
static bool
writer_commit_goes_along(const writer_job_t *job, const writer_job_t *next)
{
    return job != NULL && job->carrier != NULL
           && next != NULL && next->carrier == job->carrier;
}


static size_t
writer_commit_most(size_t n)
{
    n = n / 2 > WRITER_COMMIT_LEAST ? n / 2 : WRITER_COMMIT_LEAST;

    return n < WRITER_COMMIT_BATCH ? n : WRITER_COMMIT_BATCH;
}


static void
writer_commit_batch(writer_commit_t *commit, writer_job_t *jobs, size_t n)
{
    int            rc;
    writer_job_t  *job;

    rc = writer_commit_try(&commit->ctx, jobs);

    if (rc != WRITER_OK && n > 1
        && !writer_store_disk_fault(commit->ctx.store))
    {
        /* one of them is poison: the others must not suffer for it */
        writer_commit_each(commit, jobs);
        return;
    }

    writer_commit_well(commit, rc);

    if (rc != WRITER_OK) {
        for (job = jobs; job != NULL; job = job->next) {
            writer_commit_refuse(job);
        }

    } else {
        atomic_fetch_add(&commit->transactions, 1);
        atomic_fetch_add(&commit->committed, n);
    }

    writer_sync_add(&commit->sync, jobs);
}


/* On the syncer's thread, as all that follows from it. */
static void
writer_commit_durable(void *data, writer_job_t *jobs)
{
    writer_job_t     *job;
    writer_commit_t  *commit;

    commit = data;

    writer_commit_leave(commit, jobs);

    for (job = jobs; job != NULL; job = job->next) {
        if (job->published[0] != '\0') {
            commit->published(commit->published_data, job->published);
        }

        if (job->ended) {
            commit->published(commit->published_data, NULL);
        }

        if (job->mailed) {
            commit->mailed(commit->mailed_data);
        }
    }

    writer_commit_return(commit, jobs);
}


/* The disk may have become free, for what the committer did not begin. */
static void
writer_commit_leave(writer_commit_t *commit, writer_job_t *jobs)
{
    bool           wake;
    size_t         n;
    writer_job_t  *job;

    for (n = 0, job = jobs; job != NULL; job = job->next) {
        n++;
    }

    pthread_mutex_lock(&commit->lock);

    commit->ahead -= n;
    wake = commit->idle && writer_commit_ready(commit);
    commit->idle = commit->idle && !wake;

    pthread_mutex_unlock(&commit->lock);

    if (wake) {
        pthread_cond_signal(&commit->wake);
    }
}


void
writer_commit_onward(void *data, writer_job_t *job)
{
    writer_commit_t  *commit;

    commit = data;

    if (job->then != NULL) {
        job->run = job->then;
        job->then = NULL;

        if (writer_commit_submit(commit, job)) {
            return;
        }

        (void) writer_job_problem(job, 503, "queue");
    }

    commit->done(commit->data, job);
}


/* Each job goes back to where it came from. */
static void
writer_commit_return(writer_commit_t *commit, writer_job_t *jobs)
{
    writer_job_t   *job;
    writer_jobs_t   loop;

    writer_jobs_init(&loop);

    while (jobs != NULL) {
        job = jobs;
        jobs = job->next;

        if (job->finished != NULL) {
            job->finished(job);

        } else if (job->carrier == NULL) {
            writer_jobs_add(&loop, job);

        } else if (--job->carrier->in.batch.left == 0) {
            writer_jobs_add(&loop, job->carrier);
        }
    }

    if (loop.n != 0) {
        commit->done(commit->data, loop.head);
    }
}


static int
writer_commit_try(writer_context_t *ctx, writer_job_t *jobs)
{
    int            rc;
    writer_job_t  *job;

    rc = writer_store_begin(ctx->store);

    for (job = jobs; job != NULL && rc == WRITER_OK; job = job->next) {
        if (!job->noting) {
            writer_job_reset(job);
        }

        rc = job->run(ctx, job);
    }

    if (rc == WRITER_OK) {
        rc = writer_store_commit(ctx->store);
    }

    if (rc != WRITER_OK) {
        writer_store_rollback(ctx->store);

        /* it may hold what the transaction made */
        writer_links_forget(ctx->links);
    }

    return rc;
}


static void
writer_commit_each(writer_commit_t *commit, writer_job_t *jobs)
{
    writer_job_t  *job, *next;

    for (job = jobs; job != NULL; job = next) {
        next = job->next;
        job->next = NULL;
        writer_commit_batch(commit, job, 1);
    }
}


static void
writer_commit_refuse(writer_job_t *job)
{
    if (job->noting) {
        /* a full disk does not blind a business: the answer stands */
        writer_log(WRITER_LOG_WARN, "audit_lost", "reason=store");
        return;
    }

    writer_job_reset(job);
    (void) writer_job_problem(job, 503, "store");
}


int
writer_commit_alone(writer_context_t *ctx, writer_job_t *job)
{
    job->next = NULL;

    return writer_commit_try(ctx, job);
}


/* Each in a transaction of its own: what one cannot do, another still does. */
static void
writer_commit_keep_house(writer_commit_t *commit)
{
    uint64_t  now_ms;

    now_ms = writer_now_ms();

    if (now_ms - commit->kept_ms < WRITER_COMMIT_KEEP_MS) {
        return;
    }

    commit->kept_ms = now_ms;

    writer_commit_chore(commit, writer_held_purge, now_ms);
    writer_commit_chore(commit, writer_customers_expire, now_ms);
    writer_commit_chore(commit, writer_mail_purge, now_ms);
}


static void
writer_commit_chore(writer_commit_t *commit,
    int (*chore)(writer_context_t *ctx, uint64_t now_ms), uint64_t now_ms)
{
    int  rc;

    rc = writer_store_begin(commit->ctx.store);

    if (rc == WRITER_OK) {
        rc = chore(&commit->ctx, now_ms);
    }

    if (rc == WRITER_OK) {
        rc = writer_store_commit(commit->ctx.store);
    }

    if (rc != WRITER_OK) {
        writer_store_rollback(commit->ctx.store);
    }

    writer_commit_well(commit, rc);
}


/* One damaged row is no reason to send everybody elsewhere. */
static void
writer_commit_well(writer_commit_t *commit, int rc)
{
    if (rc == WRITER_OK || writer_store_disk_fault(commit->ctx.store)) {
        writer_health_set(WRITER_HEALTH_STORE, rc == WRITER_OK);
    }
}


void
writer_commit_stop(writer_commit_t *commit)
{
    if (!commit->started) {
        return;
    }

    pthread_mutex_lock(&commit->lock);
    commit->stop = true;
    pthread_cond_signal(&commit->wake);
    pthread_mutex_unlock(&commit->lock);

    pthread_join(commit->thread, NULL);
    pthread_mutex_destroy(&commit->lock);
    pthread_cond_destroy(&commit->wake);
    commit->started = false;
}
