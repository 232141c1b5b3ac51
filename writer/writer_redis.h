
/*
 * Copyright (C) Keepers
 *
 * Publishes the records of links and of tokens (writer_redis_tokens) to Redis,
 * sealed, and ends sessions there (writer_redis_ends): a thread of its own,
 * with blocking hiredis as in all of writer_redis_*.  Redis may lose the
 * records at any time; they are published again when it comes back, or comes
 * back empty.
 */


#ifndef _WRITER_REDIS_H_INCLUDED_
#define _WRITER_REDIS_H_INCLUDED_


#include "writer/writer_commit.h"
#include "writer/writer_conf.h"

#include "core/keepers_base.h"

#include <pthread.h>


#define WRITER_REDIS_SLUGS  64


typedef struct {
    const writer_conf_t  *conf;
    pthread_t             thread;
    pthread_mutex_t       lock;
    pthread_cond_t        wake;
    bool                  started;
    bool                  stop;         /* the rest is under the lock */
    bool                  all;
    bool                  tokens;       /* changed */
    writer_commit_t      *commit;       /* notes when they were used */
    bool                  ends;         /* sessions are to end */
    size_t                slugs_n;
    char                  slugs[WRITER_REDIS_SLUGS][KEEPERS_SLUG_LEN_MAX + 1];
} writer_redis_t;


/* Without a [redis] section it does nothing, and says so once. */
int writer_redis_start(writer_redis_t *redis, const writer_conf_t *conf)
    keepers_checked;

/* Who notes when tokens were used; NULL: nobody any more. */
void writer_redis_uses(writer_redis_t *redis, writer_commit_t *commit);

/* writer_published_pt: from the syncer's thread; never waits for Redis. */
void writer_redis_publish(void *redis, const char *slug);
void writer_redis_stop(writer_redis_t *redis);


#endif /* _WRITER_REDIS_H_INCLUDED_ */
