
/*
 * Copyright (C) Keepers
 *
 * A connection to Redis, authenticated, with time-outs: blocking, for threads
 * that have nothing else to do.  On a Unix socket, over TCP, or over TLS; to
 * one server, or to whom Sentinels name.
 */


#ifndef _WRITER_REDIS_OPEN_H_INCLUDED_
#define _WRITER_REDIS_OPEN_H_INCLUDED_


#include "writer/writer_conf.h"

#include <hiredis/hiredis.h>


#define WRITER_REDIS_HOST_MAX  255


typedef struct writer_redis_link_s  writer_redis_link_t;


typedef struct {
    char  host[WRITER_REDIS_HOST_MAX + 1];  /* empty: [redis] socket */
    int   port;
} writer_redis_place_t;


/* A socket, a host or Sentinels are configured. */
bool writer_redis_wanted(const writer_conf_t *conf);

/* 0, or -1: conf->fault names the setting that cannot be right. */
int writer_redis_check(writer_conf_t *conf) keepers_checked;

/*
 * The caller's, to be closed by writer_redis_close(); NULL: it cannot be had
 * now, and *why says in a word at what it failed.
 */
writer_redis_link_t *writer_redis_open(const writer_conf_t *conf,
    unsigned timeout_s, const char **why);

/* The same at one place; without a password there is no AUTH. */
writer_redis_link_t *writer_redis_open_at(const writer_conf_t *conf,
    const writer_redis_place_t *place, const char *user, const char *password,
    unsigned timeout_s, const char **why);
void writer_redis_close(writer_redis_link_t *link);

const writer_redis_place_t *writer_redis_place(
    const writer_redis_link_t *link);

/*
 * Asks Sentinels, every few seconds, whether another server is the master now:
 * one that was cut off from them, or is to hand over, may not know.  Without
 * Sentinels: no.
 */
bool writer_redis_moved(writer_redis_link_t *link, const writer_conf_t *conf,
    unsigned timeout_s) keepers_checked;

/* As redisCommand(): NULL, or a reply for freeReplyObject(). */
redisReply *writer_redis(writer_redis_link_t *link,
    const char *format, ...);

/*
 * What this side told Redis last, at "name"; 0: Redis is new, or was emptied,
 * or what stands there is no number, and is told all.  False: Redis failed.
 */
bool writer_redis_mark(writer_redis_link_t *link, const writer_conf_t *conf,
    const char *name, uint64_t *mark_ms) keepers_checked;

/* Frees the reply; false: there is none, or it is an error. */
bool writer_redis_good(redisReply *reply) keepers_checked;


#endif /* _WRITER_REDIS_OPEN_H_INCLUDED_ */
