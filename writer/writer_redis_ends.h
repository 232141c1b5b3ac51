
/*
 * Copyright (C) Keepers
 *
 * Ends the sessions of users in Redis, as the store orders it: with a new
 * password the sessions of the old one end.  An order stays in the store; how
 * far they were followed stands in Redis, which loses it only together with
 * the sessions.  So each is followed, whatever was away when it was given.
 */


#ifndef _WRITER_REDIS_ENDS_H_INCLUDED_
#define _WRITER_REDIS_ENDS_H_INCLUDED_


#include "writer/writer_conf.h"
#include "writer/writer_redis_open.h"
#include "writer/writer_store.h"


/* Follows what is new; false: Redis or the store failed, try again. */
bool writer_redis_ends(writer_redis_link_t *context,
    const writer_conf_t *conf, writer_store_t *store) keepers_checked;


#endif /* _WRITER_REDIS_ENDS_H_INCLUDED_ */
