
/*
 * Copyright (C) Keepers
 *
 * A connection to Redis, authenticated, with time-outs: blocking, for threads
 * that have nothing else to do.
 */


#ifndef _WRITER_REDIS_OPEN_H_INCLUDED_
#define _WRITER_REDIS_OPEN_H_INCLUDED_


#include "writer/writer_conf.h"

#include <hiredis/hiredis.h>


/* The caller's, to be freed by redisFree(); NULL: it cannot be had now. */
redisContext *writer_redis_open(const writer_conf_t *conf,
    unsigned timeout_s);

/* Frees the reply; false: there is none, or it is an error. */
bool writer_redis_good(redisReply *reply) keepers_checked;


#endif /* _WRITER_REDIS_OPEN_H_INCLUDED_ */
