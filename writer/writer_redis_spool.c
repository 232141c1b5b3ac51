
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_spool.h"

#include "writer/writer_log.h"
#include "writer/writer_redis_open.h"
#include "writer/writer_signups.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_SPOOL_BLOCK_MS   500
#define WRITER_SPOOL_RETRY_MS   200     /* a store that failed, Redis away */
#define WRITER_SPOOL_TIMEOUT_S  2       /* more than BLOCK */
#define WRITER_SPOOL_DEAD_MAX   10000


/* An entry on its way. */
typedef struct {
    char           id[64];
    keepers_str_t  envelope;            /* in the reply */
    writer_job_t  *job;
} writer_spooled_t;


static void *writer_spool_main(void *data);
static bool writer_spool_wait(writer_spool_t *spool, unsigned ms);
static bool writer_spool_group(writer_spool_t *spool, redisContext *context);
static int writer_spool_turn(writer_spool_t *spool, redisContext *context,
    const char *from);
static int writer_spool_batch(writer_spool_t *spool, redisContext *context,
    const redisReply *entries);
static bool writer_spool_entry(const redisReply *reply,
    writer_spooled_t *entry);
static void writer_spool_submit(writer_spool_t *spool,
    writer_spooled_t *entry);
static bool writer_spool_open(writer_spool_t *spool, writer_job_t *job,
    keepers_str_t envelope);
static void writer_spool_finished(writer_job_t *job);
static bool writer_spool_settle(writer_spool_t *spool, redisContext *context,
    const writer_spooled_t *entry, bool *again);
static bool writer_spool_bury(writer_spool_t *spool, redisContext *context,
    const writer_spooled_t *entry, const char *why);
static bool writer_spool_ok(redisReply *reply);
static long long writer_spool_length(const writer_conf_t *conf,
    redisContext *context, const char *name);


int
writer_spool_start(writer_spool_t *spool, const writer_conf_t *conf,
    writer_commit_t *commit)
{
    memset(spool, 0, sizeof(*spool));

    if (conf->redis_socket[0] == '\0') {
        return 0;
    }

    spool->conf = conf;
    spool->commit = commit;

    pthread_mutex_init(&spool->lock, NULL);
    pthread_cond_init(&spool->wake, NULL);
    keepers_envelope_opener_init(&spool->opener, conf->secret);

    if (pthread_create(&spool->thread, NULL, writer_spool_main, spool) != 0) {
        return -1;
    }

    spool->started = true;

    return 0;
}


void
writer_spool_stop(writer_spool_t *spool)
{
    if (!spool->started) {
        return;
    }

    pthread_mutex_lock(&spool->lock);
    spool->stop = true;
    pthread_cond_broadcast(&spool->wake);
    pthread_mutex_unlock(&spool->lock);

    pthread_join(spool->thread, NULL);
    pthread_cond_destroy(&spool->wake);
    pthread_mutex_destroy(&spool->lock);
    keepers_wipe(&spool->opener, sizeof(spool->opener));
    spool->started = false;
}


/*
 * What was read and not removed by the process before this one comes first:
 * the consumer has the same name.
 */
static void *
writer_spool_main(void *data)
{
    int              rc;
    const char      *from;
    redisContext    *context;
    writer_spool_t  *spool;

    spool = data;
    context = NULL;
    from = "0";

    while (writer_spool_wait(spool, 0)) {

        if (context == NULL) {
            context = writer_redis_open(spool->conf, WRITER_SPOOL_TIMEOUT_S);
            from = "0";

            if (context != NULL && !writer_spool_group(spool, context)) {
                redisFree(context);
                context = NULL;
            }
        }

        rc = context != NULL ? writer_spool_turn(spool, context, from) : -1;

        if (rc >= 0) {
            /* old ones are through when none is left */
            from = rc == 0 ? ">" : from;
            continue;
        }

        if (context != NULL) {
            redisFree(context);
            context = NULL;
        }

        (void) writer_spool_wait(spool, WRITER_SPOOL_RETRY_MS);
    }

    if (context != NULL) {
        redisFree(context);
    }

    return NULL;
}


/* False: it is time to stop. */
static bool
writer_spool_wait(writer_spool_t *spool, unsigned ms)
{
    bool             go_on;
    struct timespec  until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long) ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    pthread_mutex_lock(&spool->lock);

    if (ms != 0 && !spool->stop) {
        (void) pthread_cond_timedwait(&spool->wake, &spool->lock, &until);
    }

    go_on = !spool->stop;

    pthread_mutex_unlock(&spool->lock);

    return go_on;
}


static bool
writer_spool_group(writer_spool_t *spool, redisContext *context)
{
    bool         ok;
    redisReply  *reply;

    reply = redisCommand(context, "XGROUP CREATE %s{spool}:q writers 0 "
                         "MKSTREAM", spool->conf->redis_prefix);

    ok = reply != NULL
         && (reply->type != REDIS_REPLY_ERROR
             || strncmp(reply->str, "BUSYGROUP", 9) == 0);

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return ok;
}


/* How many entries there were, or -1: begin anew, after a while. */
static int
writer_spool_turn(writer_spool_t *spool, redisContext *context,
    const char *from)
{
    int          rc;
    redisReply  *reply;

    reply = redisCommand(context, "XREADGROUP GROUP writers writer COUNT %d "
                         "BLOCK %d STREAMS %s{spool}:q %s", WRITER_SPOOL_BATCH,
                         WRITER_SPOOL_BLOCK_MS, spool->conf->redis_prefix,
                         from);

    if (reply == NULL) {
        return -1;
    }

    rc = -1;

    if (reply->type == REDIS_REPLY_NIL) {
        rc = 0;

    } else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1
               && reply->element[0]->type == REDIS_REPLY_ARRAY
               && reply->element[0]->elements == 2
               && reply->element[0]->element[1]->type == REDIS_REPLY_ARRAY)
    {
        rc = writer_spool_batch(spool, context,
                                reply->element[0]->element[1]);
    }

    freeReplyObject(reply);

    return rc;
}


static int
writer_spool_batch(writer_spool_t *spool, redisContext *context,
    const redisReply *entries)
{
    int                rc;
    bool               again;
    size_t             i, n;
    writer_spooled_t  *batch;

    n = entries->elements;
    batch = calloc(n != 0 ? n : 1, sizeof(*batch));

    if (batch == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        if (writer_spool_entry(entries->element[i], &batch[i])) {
            writer_spool_submit(spool, &batch[i]);
        }
    }

    pthread_mutex_lock(&spool->lock);

    while (spool->busy != 0) {
        pthread_cond_wait(&spool->wake, &spool->lock);
    }

    pthread_mutex_unlock(&spool->lock);

    rc = (int) n;
    again = false;

    for (i = 0; i < n; i++) {
        if (rc >= 0
            && !writer_spool_settle(spool, context, &batch[i], &again))
        {
            rc = -1;
        }

        if (batch[i].job != NULL) {
            keepers_wipe(batch[i].job->room, sizeof(batch[i].job->room));
            free(batch[i].job);
        }
    }

    free(batch);

    return again ? -1 : rc;
}


/* False: an entry without an envelope, as one that was removed already. */
static bool
writer_spool_entry(const redisReply *reply, writer_spooled_t *entry)
{
    const redisReply  *fields;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return false;
    }

    (void) snprintf(entry->id, sizeof(entry->id), "%s",
                    reply->element[0]->str);

    fields = reply->element[1];

    if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2
        || fields->element[1]->type != REDIS_REPLY_STRING)
    {
        return false;
    }

    entry->envelope = keepers_str(fields->element[1]->str,
                                  (size_t) fields->element[1]->len);

    return true;
}


/* Without memory the entry has no job: it stays where it is. */
static void
writer_spool_submit(writer_spool_t *spool, writer_spooled_t *entry)
{
    writer_job_t  *job;

    job = calloc(1, sizeof(*job));
    entry->job = job;

    if (job == NULL) {
        return;
    }

    job->now_ms = writer_now_ms();
    job->run = writer_signups_run;
    job->finished = writer_spool_finished;
    job->owner = spool;

    if (!writer_spool_open(spool, job, entry->envelope)) {
        return;
    }

    pthread_mutex_lock(&spool->lock);
    spool->busy++;
    pthread_mutex_unlock(&spool->lock);

    if (!writer_commit_submit(spool->commit, job)) {
        /* the queue is full of what people wait for: later */
        (void) writer_job_problem(job, 503, "busy");
        writer_spool_finished(job);
    }
}


static bool
writer_spool_open(writer_spool_t *spool, writer_job_t *job,
    keepers_str_t envelope)
{
    int     rc;
    size_t  len;

    rc = keepers_envelope_open(&spool->opener, spool->conf->shared_ring,
                               job->now_ms, envelope, job->room,
                               sizeof(job->room), &len);

    if (rc != KEEPERS_OK || len == 0 || job->room[0] != KEEPERS_RECORD_SIGNUP)
    {
        (void) writer_job_problem(job, 400, "envelope");
        return false;
    }

    return writer_signups_take(job, len);
}


static void
writer_spool_finished(writer_job_t *job)
{
    writer_spool_t  *spool;

    spool = job->owner;

    pthread_mutex_lock(&spool->lock);

    if (--spool->busy == 0) {
        pthread_cond_broadcast(&spool->wake);
    }

    pthread_mutex_unlock(&spool->lock);
}


/*
 * The entry goes before its acknowledgement: of the two a crash leaves an
 * acknowledgement to be made again, not an entry that nobody reads.
 */
static bool
writer_spool_settle(writer_spool_t *spool, redisContext *context,
    const writer_spooled_t *entry, bool *again)
{
    const writer_job_t  *job;

    job = entry->job;

    if (entry->envelope.data != NULL) {

        if (job == NULL || job->status == 503 || job->status == 0) {
            *again = true;
            return true;
        }

        if (job->status != 202
            && !writer_spool_bury(spool, context, entry,
                                  job->code != NULL ? job->code : "fields"))
        {
            return false;
        }
    }

    return writer_spool_ok(redisCommand(context, "XDEL %s{spool}:q %s",
                                        spool->conf->redis_prefix, entry->id))
           && writer_spool_ok(redisCommand(context,
                                           "XACK %s{spool}:q writers %s",
                                           spool->conf->redis_prefix,
                                           entry->id));
}


/* Sealed as it came: an operator can look into it, nobody else. */
static bool
writer_spool_bury(writer_spool_t *spool, redisContext *context,
    const writer_spooled_t *entry, const char *why)
{
    writer_log(WRITER_LOG_ERROR, "spool", "entry=dead code=%s", why);

    return writer_spool_ok(redisCommand(context, "XADD %s{spool}:dead MAXLEN "
                                        "~ %d * why %s e %b",
                                        spool->conf->redis_prefix,
                                        WRITER_SPOOL_DEAD_MAX, why,
                                        entry->envelope.data,
                                        entry->envelope.len));
}


static bool
writer_spool_ok(redisReply *reply)
{
    bool  ok;

    ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return ok;
}


int
writer_spool_report(const writer_conf_t *conf)
{
    long long      waiting, dead;
    redisContext  *context;

    context = conf->redis_socket[0] != '\0'
              ? writer_redis_open(conf, WRITER_SPOOL_TIMEOUT_S) : NULL;

    if (context == NULL) {
        fprintf(stderr, "keepers-writer: no Redis at \"%s\": see [redis] "
                "socket, user and password_file\n", conf->redis_socket);
        return 1;
    }

    waiting = writer_spool_length(conf, context, "q");
    dead = writer_spool_length(conf, context, "dead");

    redisFree(context);

    printf("waiting=%lld\ndead=%lld\n", waiting, dead);

    return waiting >= 0 && dead >= 0 ? 0 : 1;
}


static long long
writer_spool_length(const writer_conf_t *conf, redisContext *context,
    const char *name)
{
    long long    n;
    redisReply  *reply;

    reply = redisCommand(context, "XLEN %s{spool}:%s", conf->redis_prefix,
                         name);

    n = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer
                                                            : -1;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return n;
}
