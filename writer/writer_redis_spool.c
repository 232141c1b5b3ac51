
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_spool.h"

#include "writer/writer_health.h"
#include "writer/writer_log.h"
#include "writer/writer_redis_open.h"
#include "writer/writer_redis_spool_command.h"
#include "writer/writer_signups.h"
#include "writer/writer_wait.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_SPOOL_BLOCK_MS   500
#define WRITER_SPOOL_RETRY_MS   200     /* Redis away; a store that failed, */
#define WRITER_SPOOL_HOLD_MS    1600    /* up to this */
#define WRITER_SPOOL_TIMEOUT_S  2       /* more than BLOCK */
#define WRITER_SPOOL_LEFT_MS    2000    /* an entry that failed alone */


/* An entry on its way. */
typedef struct {
    char           id[WRITER_SPOOL_ID];
    bool           odd;                 /* not an entry of ours */
    keepers_str_t  envelope;            /* in the reply */
    writer_job_t  *job;
} writer_spooled_t;


/* What became of an entry. */
typedef enum {
    WRITER_SPOOL_SETTLED = 0,
    WRITER_SPOOL_LEFT,                  /* pending, for a later pass */
    WRITER_SPOOL_HOLD,                  /* nothing can be stored now */
    WRITER_SPOOL_LOST                   /* Redis is away */
} writer_spool_e;


static void *writer_spool_main(void *data);
static bool writer_spool_wait(writer_spool_t *spool, writer_spool_e rc);
static writer_redis_link_t *writer_spool_connect(writer_spool_t *spool);
static void writer_spool_from(writer_spool_t *spool, const char *id);
static bool writer_spool_group(writer_spool_t *spool,
    writer_redis_link_t *context);
static writer_spool_e writer_spool_turn(writer_spool_t *spool,
    writer_redis_link_t *context);
static writer_spool_e writer_spool_passed(writer_spool_t *spool,
    const char *last, writer_spool_e rc);
static writer_spool_e writer_spool_batch(writer_spool_t *spool,
    writer_redis_link_t *context, const redisReply *entries);
static bool writer_spool_entry(const redisReply *reply,
    writer_spooled_t *entry);
static bool writer_spool_fields(const redisReply *fields,
    keepers_str_t *envelope);
static void writer_spool_submit(writer_spool_t *spool,
    writer_spooled_t *entry);
static bool writer_spool_open(writer_spool_t *spool, writer_job_t *job,
    keepers_str_t envelope);
static void writer_spool_finished(writer_job_t *job);
static writer_spool_e writer_spool_settle(writer_spool_t *spool,
    writer_redis_link_t *context, const writer_spooled_t *entry);
static writer_spool_e writer_spool_failed(const writer_job_t *job);
static writer_spool_e writer_spool_remove(writer_spool_t *spool,
    writer_redis_link_t *context, const char *id);
static writer_spool_e writer_spool_bury(writer_spool_t *spool,
    writer_redis_link_t *context, const writer_spooled_t *entry,
    const char *why);


int
writer_spool_start(writer_spool_t *spool, const writer_conf_t *conf,
    writer_commit_t *commit)
{
    memset(spool, 0, sizeof(*spool));

    if (!writer_redis_wanted(conf)) {
        return 0;
    }

    spool->conf = conf;
    spool->commit = commit;

    pthread_mutex_init(&spool->lock, NULL);
    writer_wait_init(&spool->wake);
    keepers_envelope_opener_init(&spool->opener, conf->secret);

    if (pthread_create(&spool->thread, NULL, writer_spool_main, spool) != 0) {
        writer_log(WRITER_LOG_ERROR, "thread",
                   "remedy=\"raise the limit of tasks\"");
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


static void *
writer_spool_main(void *data)
{
    writer_spool_e        rc;
    writer_spool_t       *spool;
    writer_redis_link_t  *context;

    spool = data;
    context = NULL;
    rc = WRITER_SPOOL_SETTLED;

    while (writer_spool_wait(spool, rc)) {

        if (context == NULL) {
            context = writer_spool_connect(spool);
        }

        rc = context != NULL ? writer_spool_turn(spool, context)
                             : WRITER_SPOOL_LOST;

        if (rc != WRITER_SPOOL_LOST
            && writer_redis_moved(context, spool->conf, WRITER_SPOOL_TIMEOUT_S))
        {
            rc = WRITER_SPOOL_LOST;
        }

        if (rc == WRITER_SPOOL_LOST && context != NULL) {
            writer_redis_close(context);
            context = NULL;
        }
    }

    if (context != NULL) {
        writer_redis_close(context);
    }

    return NULL;
}


/*
 * False: it is time to stop.  A store that takes nothing is asked ever more
 * seldom, Redis every so often.
 */
static bool
writer_spool_wait(writer_spool_t *spool, writer_spool_e rc)
{
    bool      go_on;
    unsigned  ms;

    ms = rc == WRITER_SPOOL_LOST ? WRITER_SPOOL_RETRY_MS
         : rc == WRITER_SPOOL_HOLD ? spool->hold_ms : 0;

    spool->hold_ms = rc != WRITER_SPOOL_HOLD ? WRITER_SPOOL_RETRY_MS
                     : ms < WRITER_SPOOL_HOLD_MS ? 2 * ms : ms;

    pthread_mutex_lock(&spool->lock);

    if (ms != 0 && !spool->stop) {
        (void) writer_wait(&spool->wake, &spool->lock, ms);
    }

    go_on = !spool->stop;

    pthread_mutex_unlock(&spool->lock);

    return go_on;
}


/*
 * What was read and not removed comes first, be it by the process before this
 * one: the consumer has the same name.
 */
static writer_redis_link_t *
writer_spool_connect(writer_spool_t *spool)
{
    const char           *why;      /* writer_redis says it */
    writer_redis_link_t  *context;

    context = writer_redis_open(spool->conf, WRITER_SPOOL_TIMEOUT_S, &why);
    writer_spool_from(spool, "0");

    if (context != NULL && !writer_spool_group(spool, context)) {
        writer_redis_close(context);
        context = NULL;
    }

    return context;
}


static void
writer_spool_from(writer_spool_t *spool, const char *id)
{
    (void) snprintf(spool->from, sizeof(spool->from), "%s", id);
}


static bool
writer_spool_group(writer_spool_t *spool, writer_redis_link_t *context)
{
    bool         ok;
    redisReply  *reply;

    reply = writer_redis(context, "XGROUP CREATE %s{spool}:q writers 0 "
                         "MKSTREAM", spool->conf->redis_prefix);

    ok = reply != NULL
         && (reply->type != REDIS_REPLY_ERROR
             || strncmp(reply->str, "BUSYGROUP", 9) == 0);

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return ok;
}


static writer_spool_e
writer_spool_turn(writer_spool_t *spool, writer_redis_link_t *context)
{
    writer_spool_e   rc;
    redisReply      *reply;

    reply = writer_redis(context, "XREADGROUP GROUP writers writer COUNT %d "
                         "BLOCK %d STREAMS %s{spool}:q %s", WRITER_SPOOL_BATCH,
                         WRITER_SPOOL_BLOCK_MS, spool->conf->redis_prefix,
                         spool->from);

    if (reply == NULL) {
        return WRITER_SPOOL_LOST;
    }

    rc = WRITER_SPOOL_LOST;

    if (reply->type == REDIS_REPLY_NIL) {
        rc = writer_spool_passed(spool, NULL, WRITER_SPOOL_SETTLED);

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


/*
 * Moves the cursor behind "last", or behind all old entries if there was none.
 * What failed alone is read again some time after it was passed: new entries
 * do not wait for it.
 */
static writer_spool_e
writer_spool_passed(writer_spool_t *spool, const char *last, writer_spool_e rc)
{
    bool  fresh;

    fresh = strcmp(spool->from, ">") == 0;

    if (rc == WRITER_SPOOL_LEFT) {
        spool->left = true;
        rc = WRITER_SPOOL_SETTLED;

        if (fresh) {
            spool->left_ms = writer_wait_now_ms() + WRITER_SPOOL_LEFT_MS;
        }
    }

    if (rc != WRITER_SPOOL_SETTLED) {
        writer_spool_from(spool, "0");

    } else if (!fresh) {
        writer_spool_from(spool, last != NULL ? last : ">");
        spool->left_ms = writer_wait_now_ms() + WRITER_SPOOL_LEFT_MS;

    } else if (spool->left && writer_wait_now_ms() >= spool->left_ms) {
        spool->left = false;
        writer_spool_from(spool, "0");
    }

    return rc;
}


static writer_spool_e
writer_spool_batch(writer_spool_t *spool, writer_redis_link_t *context,
    const redisReply *entries)
{
    size_t             i, n;
    writer_spool_e     worst, rc;
    writer_spooled_t  *batch;

    n = entries->elements;
    batch = calloc(n != 0 ? n : 1, sizeof(*batch));

    if (batch == NULL) {
        return WRITER_SPOOL_HOLD;
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

    worst = WRITER_SPOOL_SETTLED;

    for (i = 0; i < n; i++) {

        if (worst != WRITER_SPOOL_LOST) {
            rc = writer_spool_settle(spool, context, &batch[i]);
            worst = rc > worst ? rc : worst;
        }

        if (batch[i].job != NULL) {
            keepers_wipe(batch[i].job->room, sizeof(batch[i].job->room));
            free(batch[i].job);
        }
    }

    worst = writer_spool_passed(spool, n != 0 ? batch[n - 1].id : NULL, worst);
    free(batch);

    return worst;
}


/* False: there is nothing to store; one that was removed already is such. */
static bool
writer_spool_entry(const redisReply *reply, writer_spooled_t *entry)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING)
    {
        return false;
    }

    (void) snprintf(entry->id, sizeof(entry->id), "%s",
                    reply->element[0]->str);

    if (reply->element[1]->type == REDIS_REPLY_NIL) {
        return false;
    }

    entry->odd = !writer_spool_fields(reply->element[1], &entry->envelope);

    return !entry->odd;
}


static bool
writer_spool_fields(const redisReply *fields, keepers_str_t *envelope)
{
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2
        || fields->element[0]->type != REDIS_REPLY_STRING
        || fields->element[1]->type != REDIS_REPLY_STRING
        || strcmp(fields->element[0]->str, "e") != 0)
    {
        return false;
    }

    *envelope = keepers_str(fields->element[1]->str,
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


static writer_spool_e
writer_spool_settle(writer_spool_t *spool, writer_redis_link_t *context,
    const writer_spooled_t *entry)
{
    writer_spool_e       rc;
    const writer_job_t  *job;

    job = entry->job;
    rc = WRITER_SPOOL_SETTLED;

    if (entry->odd) {
        rc = writer_spool_bury(spool, context, entry, "entry");

    } else if (entry->envelope.data == NULL) {
        /* removed, but not acknowledged */

    } else if (job == NULL || job->status == 0 || job->status == 503) {
        rc = writer_spool_failed(job);

    } else if (job->status != 202) {
        rc = writer_spool_bury(spool, context, entry,
                               job->code != NULL ? job->code : "fields");
    }

    return rc == WRITER_SPOOL_SETTLED
           ? writer_spool_remove(spool, context, entry->id) : rc;
}


/*
 * A store that takes nothing holds all back, in their order; a signup that it
 * refuses alone, as of a business whose key is damaged, is only left behind.
 */
static writer_spool_e
writer_spool_failed(const writer_job_t *job)
{
    if (job == NULL || job->code == NULL) {
        return WRITER_SPOOL_HOLD;
    }

    if (strcmp(job->code, "data_key") == 0
        || (strcmp(job->code, "store") == 0
            && writer_health_well(WRITER_HEALTH_STORE)))
    {
        return WRITER_SPOOL_LEFT;
    }

    return WRITER_SPOOL_HOLD;
}


/*
 * The entry goes before its acknowledgement: of the two a crash leaves an
 * acknowledgement to be made again, not an entry that nobody reads.
 */
static writer_spool_e
writer_spool_remove(writer_spool_t *spool, writer_redis_link_t *context,
    const char *id)
{
    return writer_redis_good(writer_redis(context, "XDEL %s{spool}:q %s",
                                        spool->conf->redis_prefix, id))
           && writer_redis_good(writer_redis(context,
                                           "XACK %s{spool}:q writers %s",
                                           spool->conf->redis_prefix, id))
           ? WRITER_SPOOL_SETTLED : WRITER_SPOOL_LOST;
}


/*
 * Sealed as it came: an operator can put it back, nobody can look into it.
 * Nothing is ever cut off: a writer that starts with a wrong key finds all
 * unreadable, and people were thanked for them.
 */
static writer_spool_e
writer_spool_bury(writer_spool_t *spool, writer_redis_link_t *context,
    const writer_spooled_t *entry, const char *why)
{
    long long      dead;
    keepers_str_t  envelope;

    dead = writer_spool_length(spool->conf, context, "dead");

    if (dead < 0) {
        return WRITER_SPOOL_LOST;
    }

    if (dead >= WRITER_SPOOL_DEAD_MAX) {

        if (!spool->full) {
            spool->full = true;
            writer_log(WRITER_LOG_ERROR, "spool", "dead=full code=%s", why);
        }

        return WRITER_SPOOL_LEFT;
    }

    spool->full = false;
    envelope = entry->odd ? keepers_str("", 0) : entry->envelope;

    if (!writer_redis_good(writer_redis(context, "XADD %s{spool}:dead * why "
                                        "%s e %b", spool->conf->redis_prefix,
                                        why, envelope.data, envelope.len)))
    {
        return WRITER_SPOOL_LOST;
    }

    writer_log(WRITER_LOG_ERROR, "spool", "entry=dead code=%s", why);

    return WRITER_SPOOL_SETTLED;
}
