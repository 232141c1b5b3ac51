
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_spool.h"

#include "writer/writer_health.h"
#include "writer/writer_log.h"
#include "writer/writer_redis_open.h"
#include "writer/writer_redis_spool_command.h"
#include "writer/writer_signups.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_SPOOL_BLOCK_MS   500
#define WRITER_SPOOL_RETRY_MS   200     /* a store that failed, Redis away */
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
static bool writer_spool_wait(writer_spool_t *spool, unsigned ms);
static bool writer_spool_group(writer_spool_t *spool, redisContext *context);
static int writer_spool_turn(writer_spool_t *spool, redisContext *context,
    bool *fresh);
static void writer_spool_passed(writer_spool_t *spool, int n, bool fresh);
static int writer_spool_batch(writer_spool_t *spool, redisContext *context,
    const redisReply *entries);
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
    redisContext *context, const writer_spooled_t *entry);
static writer_spool_e writer_spool_remove(writer_spool_t *spool,
    redisContext *context, const char *id);
static writer_spool_e writer_spool_bury(writer_spool_t *spool,
    redisContext *context, const writer_spooled_t *entry, const char *why);
static bool writer_spool_ok(redisReply *reply);


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
 * What was read and not removed comes first, be it by the process before this
 * one: the consumer has the same name.
 */
static void *
writer_spool_main(void *data)
{
    int              n;
    bool             fresh;
    redisContext    *context;
    writer_spool_t  *spool;

    spool = data;
    context = NULL;

    while (writer_spool_wait(spool, 0)) {

        if (context == NULL) {
            context = writer_redis_open(spool->conf, WRITER_SPOOL_TIMEOUT_S);
            memcpy(spool->from, "0", sizeof("0"));

            if (context != NULL && !writer_spool_group(spool, context)) {
                redisFree(context);
                context = NULL;
            }
        }

        n = context != NULL ? writer_spool_turn(spool, context, &fresh) : -1;

        if (n >= 0) {
            writer_spool_passed(spool, n, fresh);
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


/*
 * Old entries are through when none is left behind the cursor.  Those that
 * failed alone are read again after a while; new ones do not wait for them.
 */
static void
writer_spool_passed(writer_spool_t *spool, int n, bool fresh)
{
    if (!fresh) {

        if (n == 0) {
            memcpy(spool->from, ">", sizeof(">"));
        }

    } else if (spool->left && writer_now_ms() >= spool->left_ms) {
        spool->left = false;
        memcpy(spool->from, "0", sizeof("0"));
    }
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
    bool *fresh)
{
    int          rc;
    redisReply  *reply;

    *fresh = strcmp(spool->from, ">") == 0;

    reply = redisCommand(context, "XREADGROUP GROUP writers writer COUNT %d "
                         "BLOCK %d STREAMS %s{spool}:q %s", WRITER_SPOOL_BATCH,
                         WRITER_SPOOL_BLOCK_MS, spool->conf->redis_prefix,
                         spool->from);

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
    size_t             i, n;
    writer_spool_e     worst, rc;
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

    if (worst == WRITER_SPOOL_LEFT && !spool->left) {
        spool->left = true;
        spool->left_ms = writer_now_ms() + WRITER_SPOOL_LEFT_MS;
    }

    if (n != 0 && strcmp(spool->from, ">") != 0) {
        memcpy(spool->from, batch[n - 1].id, sizeof(spool->from));
    }

    free(batch);

    return worst >= WRITER_SPOOL_HOLD ? -1 : (int) n;
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


/*
 * A store that takes nothing holds all back, in their order; a signup that it
 * refuses alone, as of a business whose key is damaged, is only left behind.
 */
static writer_spool_e
writer_spool_settle(writer_spool_t *spool, redisContext *context,
    const writer_spooled_t *entry)
{
    const char          *code;
    writer_spool_e       rc;
    const writer_job_t  *job;

    job = entry->job;

    if (entry->odd) {
        rc = writer_spool_bury(spool, context, entry, "entry");
        return rc == WRITER_SPOOL_SETTLED
               ? writer_spool_remove(spool, context, entry->id) : rc;
    }

    if (entry->envelope.data == NULL) {
        return writer_spool_remove(spool, context, entry->id);
    }

    if (job == NULL || job->status == 0) {
        return WRITER_SPOOL_HOLD;
    }

    code = job->code != NULL ? job->code : "fields";

    if (job->status == 503) {
        return strcmp(code, "store") == 0
               && writer_health_well(WRITER_HEALTH_STORE)
               ? WRITER_SPOOL_LEFT : WRITER_SPOOL_HOLD;
    }

    if (job->status != 202) {
        rc = writer_spool_bury(spool, context, entry, code);

        if (rc != WRITER_SPOOL_SETTLED) {
            return rc;
        }
    }

    return writer_spool_remove(spool, context, entry->id);
}


/*
 * The entry goes before its acknowledgement: of the two a crash leaves an
 * acknowledgement to be made again, not an entry that nobody reads.
 */
static writer_spool_e
writer_spool_remove(writer_spool_t *spool, redisContext *context,
    const char *id)
{
    return writer_spool_ok(redisCommand(context, "XDEL %s{spool}:q %s",
                                        spool->conf->redis_prefix, id))
           && writer_spool_ok(redisCommand(context,
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
writer_spool_bury(writer_spool_t *spool, redisContext *context,
    const writer_spooled_t *entry, const char *why)
{
    long long      dead;
    keepers_str_t  envelope;

    envelope = entry->odd ? keepers_str("", 0) : entry->envelope;
    dead = writer_spool_length(spool->conf, context, "dead");

    if (dead < 0) {
        return WRITER_SPOOL_LOST;
    }

    if (dead >= WRITER_SPOOL_DEAD_MAX) {

        if (!spool->left) {
            writer_log(WRITER_LOG_ERROR, "spool", "dead=full code=%s", why);
        }

        return WRITER_SPOOL_LEFT;
    }

    writer_log(WRITER_LOG_ERROR, "spool", "entry=dead code=%s", why);

    return writer_spool_ok(redisCommand(context, "XADD %s{spool}:dead * why "
                                        "%s e %b", spool->conf->redis_prefix,
                                        why, envelope.data, envelope.len))
           ? WRITER_SPOOL_SETTLED : WRITER_SPOOL_LOST;
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
