
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_pool.h"

#include "writer/writer_links.h"
#include "writer/writer_log.h"


static void *writer_pool_main(void *data);
static writer_job_t *writer_pool_next(writer_pool_t *pool);


int
writer_pool_start(writer_pool_t *pool, const writer_conf_t *conf,
    size_t threads, size_t limit, writer_done_pt done, void *data)
{
    size_t  i;

    memset(pool, 0, sizeof(*pool));

    pool->conf = conf;
    pool->limit = limit;
    pool->done = done;
    pool->data = data;
    writer_jobs_init(&pool->jobs);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);

    for (i = 0; i < threads && i < WRITER_POOL_THREADS_MAX; i++) {
        if (pthread_create(&pool->threads[i], NULL, writer_pool_main, pool)
            != 0)
        {
            writer_log(WRITER_LOG_ERROR, "thread", "remedy=\"raise the limit "
                       "of tasks\"");
            return -1;
        }

        pool->threads_n++;
    }

    return 0;
}


bool
writer_pool_submit(writer_pool_t *pool, writer_job_t *job)
{
    bool  taken;

    pthread_mutex_lock(&pool->lock);

    taken = pool->jobs.n < pool->limit;

    if (taken) {
        writer_jobs_add(&pool->jobs, job);
        pthread_cond_signal(&pool->wake);
    }

    pthread_mutex_unlock(&pool->lock);

    return taken;
}


static writer_job_t *
writer_pool_next(writer_pool_t *pool)
{
    writer_job_t  *job;

    pthread_mutex_lock(&pool->lock);

    for ( ;; ) {
        job = writer_jobs_take(&pool->jobs);

        if (job != NULL || pool->stop) {
            break;
        }

        pthread_cond_wait(&pool->wake, &pool->lock);
    }

    pthread_mutex_unlock(&pool->lock);

    return job;
}


static void *
writer_pool_main(void *data)
{
    bool               open;
    writer_job_t      *job;
    writer_pool_t     *pool;
    writer_context_t   ctx;

    pool = data;
    open = writer_context_open(&ctx, pool->conf, false);

    for ( ;; ) {
        job = writer_pool_next(pool);

        if (job == NULL) {
            break;
        }

        if (!open || job->run(&ctx, job) != WRITER_OK) {
            writer_job_reset(job);
            (void) writer_job_problem(job, 503, "store");
        }

        job->next = NULL;
        pool->done(pool->data, job);
    }

    if (open) {
        writer_context_close(&ctx);
    }

    return NULL;
}


void
writer_pool_stop(writer_pool_t *pool)
{
    size_t  i;

    if (pool->threads_n == 0) {
        return;
    }

    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);

    for (i = 0; i < pool->threads_n; i++) {
        pthread_join(pool->threads[i], NULL);
    }

    pool->threads_n = 0;
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
}


bool
writer_context_open(writer_context_t *ctx, const writer_conf_t *conf,
    bool writable)
{
    memset(ctx, 0, sizeof(*ctx));
    ctx->conf = conf;

    if (!writer_businesses_init(&ctx->businesses, conf->master_ring)) {
        writer_log(WRITER_LOG_ERROR, "memory", "what=keys");
        return false;
    }

    if (writer_store_open(conf->database, writable, &ctx->store) != WRITER_OK)
    {
        writer_context_close(ctx);
        return false;
    }

    if (writable) {
        ctx->links = writer_links_new();

        if (ctx->links == NULL) {
            writer_context_close(ctx);
            return false;
        }
    }

    return true;
}


void
writer_context_close(writer_context_t *ctx)
{
    writer_links_free(ctx->links);
    writer_store_close(ctx->store);
    writer_businesses_free(&ctx->businesses);
    memset(ctx, 0, sizeof(*ctx));
}
