
/*
 * Copyright (C) Keepers
 *
 * The operator's view of the spool (writer_redis_spool.h): how many signups
 * wait, how many were set aside, and the way back for those.
 */


#ifndef _WRITER_REDIS_SPOOL_COMMAND_H_INCLUDED_
#define _WRITER_REDIS_SPOOL_COMMAND_H_INCLUDED_


#include "writer/writer_conf.h"
#include "writer/writer_redis_open.h"


/*
 * "keepers-writer --config F spool [requeue]".  "requeue" puts what was set
 * aside back into the queue, for when the cause is gone: the right writer.key,
 * say.  It may be cut off at any point: an entry that is in both is one signup.
 * The exit status: 0, 1 it failed, 2 it was called wrongly.
 */
int writer_spool_command(const writer_conf_t *conf, const char *what);

/* Entries of P{spool}:name, or -1: Redis is away. */
long long writer_spool_length(const writer_conf_t *conf,
    writer_redis_link_t *context, const char *name);


#endif /* _WRITER_REDIS_SPOOL_COMMAND_H_INCLUDED_ */
