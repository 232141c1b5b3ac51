
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis.h"

#include "writer/writer_health.h"
#include "writer/writer_links.h"
#include "writer/writer_log.h"
#include "writer/writer_redis_ends.h"
#include "writer/writer_redis_open.h"
#include "writer/writer_redis_tokens.h"
#include "writer/writer_wait.h"

#include "core/keepers_token.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_REDIS_TICK_MS       1000
#define WRITER_REDIS_USES_MS       60000    /* when tokens were used */
#define WRITER_REDIS_RETRY_MIN_MS  50
#define WRITER_REDIS_RETRY_MAX_MS  2000
#define WRITER_REDIS_TIMEOUT_S     1
#define WRITER_REDIS_REPLY         "no_good_reply"
#define WRITER_REDIS_KEY_LEN       (WRITER_CONF_TEXT_MAX                      \
                                    + KEEPERS_SLUG_LEN_MAX + 16)


/* What the thread has of its own. */
typedef struct {
    writer_redis_t       *redis;
    writer_store_t       *store;
    writer_redis_link_t  *context;      /* NULL: not connected */
    unsigned              retry_ms;
    const char           *lost;         /* the log says why; NULL: well */
    uint64_t              used_ms;      /* when the uses were fetched */
    char                  mark[2 * 16 + 1];
} writer_publisher_t;


static void *writer_redis_main(void *data);
static bool writer_redis_wait(writer_redis_t *redis, unsigned ms, bool done);
static bool writer_redis_turn(writer_publisher_t *publisher);
static bool writer_redis_connect(writer_publisher_t *publisher);
static void writer_redis_well(writer_publisher_t *publisher);
static void writer_redis_drop(writer_publisher_t *publisher,
    const char *why);
static bool writer_redis_marked(writer_publisher_t *publisher);
static bool writer_redis_all(writer_publisher_t *publisher);
static int writer_redis_each(void *data, const writer_store_link_t *link);
static bool writer_redis_changed(writer_publisher_t *publisher);
static bool writer_redis_ended(writer_publisher_t *publisher);
static bool writer_redis_token(writer_publisher_t *publisher, bool all);
static bool writer_redis_used(writer_publisher_t *publisher);
static bool writer_redis_note(writer_redis_t *redis, writer_job_t *job);
static bool writer_redis_link(writer_publisher_t *publisher,
    const writer_store_link_t *link);
static bool writer_redis_ok(writer_publisher_t *publisher, redisReply *reply);


int
writer_redis_start(writer_redis_t *redis, const writer_conf_t *conf)
{
    memset(redis, 0, sizeof(*redis));
    redis->conf = conf;
    redis->all = true;

    pthread_mutex_init(&redis->lock, NULL);

    if (!writer_redis_wanted(conf)) {
        writer_log(WRITER_LOG_WARN, "redis", "links=unpublished "
                   "remedy=\"add socket, host or sentinel to the section "
                   "[redis]\"");
        return 0;
    }

    writer_wait_init(&redis->wake);

    if (pthread_create(&redis->thread, NULL, writer_redis_main, redis) != 0) {
        writer_log(WRITER_LOG_ERROR, "thread",
                   "remedy=\"raise the limit of tasks\"");
        return -1;
    }

    redis->started = true;

    return 0;
}


void
writer_redis_publish(void *data, const char *slug)
{
    writer_redis_t  *redis;

    redis = data;

    if (!redis->started) {
        return;
    }

    pthread_mutex_lock(&redis->lock);

    if (slug == NULL) {
        redis->ends = true;

    } else if (strcmp(slug, WRITER_TOKENS_CHANGED) == 0) {
        redis->tokens = true;

    } else if (redis->slugs_n == WRITER_REDIS_SLUGS) {
        redis->all = true;

    } else {
        (void) snprintf(redis->slugs[redis->slugs_n++],
                        sizeof(redis->slugs[0]), "%s", slug);
    }

    pthread_cond_signal(&redis->wake);
    pthread_mutex_unlock(&redis->lock);
}


void
writer_redis_uses(writer_redis_t *redis, writer_commit_t *commit)
{
    pthread_mutex_lock(&redis->lock);
    redis->commit = commit;
    pthread_mutex_unlock(&redis->lock);
}


void
writer_redis_stop(writer_redis_t *redis)
{
    if (!redis->started) {
        return;
    }

    pthread_mutex_lock(&redis->lock);
    redis->stop = true;
    pthread_cond_signal(&redis->wake);
    pthread_mutex_unlock(&redis->lock);

    pthread_join(redis->thread, NULL);
    pthread_cond_destroy(&redis->wake);
    pthread_mutex_destroy(&redis->lock);
    redis->started = false;
}


static void *
writer_redis_main(void *data)
{
    bool                done;
    unsigned            wait_ms;
    writer_publisher_t  publisher;

    memset(&publisher, 0, sizeof(publisher));
    publisher.redis = data;
    publisher.retry_ms = WRITER_REDIS_RETRY_MIN_MS;

    if (writer_store_open(publisher.redis->conf->database, false,
                          &publisher.store)
        != WRITER_OK)
    {
        writer_health_set(WRITER_HEALTH_REDIS, false);
        return NULL;
    }

    do {
        done = writer_redis_turn(&publisher);

        wait_ms = publisher.context != NULL ? WRITER_REDIS_TICK_MS
                                            : publisher.retry_ms;

    } while (writer_redis_wait(publisher.redis, wait_ms, done));

    /* what changed last does not wait for the next writer */

    if (publisher.context != NULL) {
        (void) writer_redis_turn(&publisher);
    }

    if (publisher.context != NULL) {
        writer_redis_close(publisher.context);
    }

    writer_store_close(publisher.store);

    return NULL;
}


/* Until there is something to publish, or the time is over; false: stop. */
static bool
writer_redis_wait(writer_redis_t *redis, unsigned ms, bool done)
{
    bool  go_on;

    pthread_mutex_lock(&redis->lock);

    /* what could not be published does not make the thread spin */

    if (!redis->stop
        && (!done
            || (redis->slugs_n == 0 && !redis->tokens && !redis->ends)))
    {
        (void) writer_wait(&redis->wake, &redis->lock, ms);
    }

    go_on = !redis->stop;

    pthread_mutex_unlock(&redis->lock);

    return go_on;
}


/* False: something is left. */
static bool
writer_redis_turn(writer_publisher_t *publisher)
{
    bool             all;
    writer_redis_t  *redis;

    redis = publisher->redis;

    if (publisher->context != NULL
        && writer_redis_moved(publisher->context, redis->conf,
                              WRITER_REDIS_TIMEOUT_S))
    {
        writer_redis_drop(publisher, "another_master");
    }

    if (publisher->context == NULL && !writer_redis_connect(publisher)) {
        return false;
    }

    if (!writer_redis_marked(publisher)) {
        pthread_mutex_lock(&redis->lock);
        redis->all = true;
        pthread_mutex_unlock(&redis->lock);
    }

    pthread_mutex_lock(&redis->lock);
    all = redis->all;
    redis->all = false;
    redis->tokens = false;
    redis->ends = false;
    pthread_mutex_unlock(&redis->lock);

    if (publisher->context != NULL
        && (!all || writer_redis_all(publisher))
        && writer_redis_changed(publisher)
        && writer_redis_token(publisher, all)
        && writer_redis_ended(publisher)
        && writer_redis_used(publisher))
    {
        writer_redis_well(publisher);
        return true;
    }

    if (all) {
        pthread_mutex_lock(&redis->lock);
        redis->all = true;
        pthread_mutex_unlock(&redis->lock);
    }

    return false;
}


static bool
writer_redis_connect(writer_publisher_t *publisher)
{
    const char  *why;

    publisher->context = writer_redis_open(publisher->redis->conf,
                                           WRITER_REDIS_TIMEOUT_S, &why);

    if (publisher->context == NULL) {
        writer_redis_drop(publisher, why);
        return false;
    }

    /*
     * A replica that took over, or a Redis that started from its disk, may
     * have our mark and not what we published last.
     */
    publisher->mark[0] = '\0';

    return true;
}


/*
 * Everything was taken.  A connection alone says nothing: a Redis that is full
 * or has other rights accepts it and refuses what follows.
 */
static void
writer_redis_well(writer_publisher_t *publisher)
{
    if (publisher->lost != NULL) {
        writer_log(WRITER_LOG_WARN, "redis", "state=restored");
        publisher->lost = NULL;
    }

    publisher->retry_ms = WRITER_REDIS_RETRY_MIN_MS;
    writer_health_set(WRITER_HEALTH_REDIS, true);
}


/*
 * Said once a change of state; and once more where all that was known at first
 * is that a connection has ended.
 */
static void
writer_redis_drop(writer_publisher_t *publisher, const char *why)
{
    if (publisher->context != NULL) {
        writer_redis_close(publisher->context);
        publisher->context = NULL;
    }

    if (publisher->lost == NULL
        || (strcmp(publisher->lost, WRITER_REDIS_REPLY) == 0
            && strcmp(why, WRITER_REDIS_REPLY) != 0))
    {
        publisher->lost = why;
        writer_health_set(WRITER_HEALTH_REDIS, false);
        writer_log(WRITER_LOG_ERROR, "redis", "state=lost why=%s "
                   "setting=\"[redis] %s, user, password_file\"", why,
                   publisher->redis->conf->redis_sentinel[0] != '\0'
                   ? "sentinel, sentinel_..."
                   : publisher->redis->conf->redis_host[0] == '\0' ? "socket"
                   : publisher->redis->conf->redis_tls ? "host, port, tls_..."
                   : "host, port");
    }

    publisher->retry_ms *= 2;

    if (publisher->retry_ms > WRITER_REDIS_RETRY_MAX_MS) {
        publisher->retry_ms = WRITER_REDIS_RETRY_MAX_MS;
    }
}


/* Is it still the Redis that was given everything?  False also if it fails. */
static bool
writer_redis_marked(writer_publisher_t *publisher)
{
    bool         marked;
    redisReply  *reply;

    if (publisher->mark[0] == '\0') {
        return false;
    }

    reply = writer_redis(publisher->context, "GET %slinks:mark",
                         publisher->redis->conf->redis_prefix);

    marked = reply != NULL && reply->type == REDIS_REPLY_STRING
             && strcmp(reply->str, publisher->mark) == 0;

    return writer_redis_ok(publisher, reply) && marked;
}


static bool
writer_redis_all(writer_publisher_t *publisher)
{
    size_t         i;
    unsigned char  random[16];

    if (writer_store_links_all(publisher->store, writer_redis_each, publisher)
        != WRITER_OK
        || publisher->context == NULL)
    {
        return false;
    }

    /* last: whoever finds the mark finds the links */

    keepers_random(random, sizeof(random));

    for (i = 0; i < sizeof(random); i++) {
        (void) snprintf(publisher->mark + 2 * i, 3, "%02x", random[i]);
    }

    return writer_redis_ok(publisher,
                           writer_redis(publisher->context,
                                        "SET %slinks:mark %s",
                                        publisher->redis->conf->redis_prefix,
                                        publisher->mark));
}


static int
writer_redis_each(void *data, const writer_store_link_t *link)
{
    return writer_redis_link(data, link) ? 0 : 1;
}


/* Those that changed; one that could not be sent stays for the next turn. */
static bool
writer_redis_changed(writer_publisher_t *publisher)
{
    int                   rc;
    char                  slug[KEEPERS_SLUG_LEN_MAX + 1];
    writer_redis_t       *redis;
    writer_store_link_t   link;

    redis = publisher->redis;

    for ( ;; ) {
        pthread_mutex_lock(&redis->lock);

        if (redis->slugs_n == 0) {
            pthread_mutex_unlock(&redis->lock);
            return true;
        }

        memcpy(slug, redis->slugs[redis->slugs_n - 1], sizeof(slug));
        pthread_mutex_unlock(&redis->lock);

        rc = writer_store_link_find(publisher->store,
                                    keepers_str(slug, strlen(slug)), &link);

        if (rc == WRITER_FAULT
            || (rc == WRITER_OK && !writer_redis_link(publisher, &link)))
        {
            return false;
        }

        pthread_mutex_lock(&redis->lock);

        /* the list may have grown, behind this one, but not shrunk */

        for (rc = 0; strcmp(redis->slugs[rc], slug) != 0; rc++) { /* void */ }

        redis->slugs_n--;
        memmove(redis->slugs[rc], redis->slugs[redis->slugs_n],
                sizeof(redis->slugs[0]));

        pthread_mutex_unlock(&redis->lock);
    }
}


static bool
writer_redis_ended(writer_publisher_t *publisher)
{
    if (writer_redis_ends(publisher->context, publisher->redis->conf,
                          publisher->store))
    {
        return true;
    }

    writer_redis_drop(publisher, WRITER_REDIS_REPLY);

    return false;
}


/* Before the sessions of their user: a token that ends must not wait. */
static bool
writer_redis_token(writer_publisher_t *publisher, bool all)
{
    if (writer_redis_tokens(publisher->context, publisher->redis->conf,
                            publisher->store, all))
    {
        return true;
    }

    writer_redis_drop(publisher, WRITER_REDIS_REPLY);

    return false;
}


static bool
writer_redis_used(writer_publisher_t *publisher)
{
    uint64_t       now_ms;
    writer_job_t  *job;

    now_ms = writer_now_ms();

    if (now_ms - publisher->used_ms < WRITER_REDIS_USES_MS) {
        return true;
    }

    if (!writer_redis_tokens_used(publisher->context, publisher->redis->conf,
                                  publisher->store, &job))
    {
        writer_redis_drop(publisher, WRITER_REDIS_REPLY);
        return false;
    }

    /* what the committer cannot take yet is looked for in the next turn */

    if (job == NULL || writer_redis_note(publisher->redis, job)) {
        publisher->used_ms = now_ms;
    }

    return true;
}


static bool
writer_redis_note(writer_redis_t *redis, writer_job_t *job)
{
    bool  taken;

    pthread_mutex_lock(&redis->lock);

    taken = redis->commit != NULL && writer_commit_submit(redis->commit, job);

    pthread_mutex_unlock(&redis->lock);

    if (!taken) {
        free(job);
    }

    return taken;
}


static bool
writer_redis_link(writer_publisher_t *publisher,
    const writer_store_link_t *link)
{
    char                  key[WRITER_REDIS_KEY_LEN];
    size_t                key_len;
    redisReply           *reply;
    keepers_out_t         record, sealed;
    unsigned char         plain[KEEPERS_LINK_RECORD_MAX];
    unsigned char         buf[KEEPERS_LINK_RECORD_MAX + KEEPERS_SEAL_OVERHEAD];
    const writer_conf_t  *conf;

    conf = publisher->redis->conf;

    key_len = (size_t) snprintf(key, sizeof(key), "%slink:%s",
                                conf->redis_prefix, link->slug);

    if (link->state == WRITER_LINK_DELETED) {
        reply = writer_redis(publisher->context, "DEL %b", key, key_len);

    } else {
        keepers_out_init(&record, plain, sizeof(plain));
        keepers_out_init(&sealed, buf, sizeof(buf));

        writer_links_record(link, &record);

        if (record.overflow
            || keepers_seal(conf->shared_ring, 0, KEEPERS_PURPOSE_LINK,
                            keepers_str(key, key_len),
                            keepers_out_written(&record), &sealed)
               != KEEPERS_OK)
        {
            writer_log(WRITER_LOG_ERROR, "link_record", "part=seal");
            return true;
        }

        reply = writer_redis(publisher->context, "SET %b %b", key, key_len,
                             sealed.data, sealed.len);
    }

    return writer_redis_ok(publisher, reply)
           && writer_redis_ok(publisher,
                              writer_redis(publisher->context,
                                           "PUBLISH %slinks %s",
                                           conf->redis_prefix, link->slug));
}


/* Frees the reply; anything but a good one ends the connection. */
static bool
writer_redis_ok(writer_publisher_t *publisher, redisReply *reply)
{
    bool  ok;

    ok = writer_redis_good(reply);

    if (!ok) {
        writer_redis_drop(publisher, WRITER_REDIS_REPLY);
    }

    return ok;
}
