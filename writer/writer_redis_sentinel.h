
/*
 * Copyright (C) Keepers
 *
 * Redis Sentinel: who is master, asked whenever a connection is opened.
 */


#ifndef _WRITER_REDIS_SENTINEL_H_INCLUDED_
#define _WRITER_REDIS_SENTINEL_H_INCLUDED_


#include "writer/writer_conf.h"
#include "writer/writer_redis_open.h"


#define WRITER_REDIS_SENTINELS   8
#define WRITER_REDIS_MASTER_MAX  64


typedef struct {
    char                  master[WRITER_REDIS_MASTER_MAX + 1];
    size_t                n;
    writer_redis_place_t  at[WRITER_REDIS_SENTINELS];
} writer_redis_sentinels_t;


/* Reads "NAME@host:port,..."; NULL, or what is wrong with it, in words. */
const char *writer_redis_sentinels(const char *text,
    writer_redis_sentinels_t *sentinels) keepers_checked;

/*
 * As writer_redis_open(), at the first server that a Sentinel names and that
 * says itself that it is a master.
 */
writer_redis_link_t *writer_redis_sentinel_open(const writer_conf_t *conf,
    unsigned timeout_s, const char **why);

/*
 * Another than "place" is the master, and says so; *heard: a Sentinel has
 * answered.
 */
bool writer_redis_sentinel_moved(const writer_conf_t *conf,
    const writer_redis_place_t *place, unsigned timeout_s, bool *heard)
    keepers_checked;


#endif /* _WRITER_REDIS_SENTINEL_H_INCLUDED_ */
