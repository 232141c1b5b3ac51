
/*
 * Copyright (C) Keepers
 *
 * Gives Redis the sealed records of tokens, takes them away when they end, and
 * fetches when they were used.
 */


#ifndef _WRITER_REDIS_TOKENS_H_INCLUDED_
#define _WRITER_REDIS_TOKENS_H_INCLUDED_


#include "writer/writer_conf.h"
#include "writer/writer_job.h"
#include "writer/writer_redis_open.h"
#include "writer/writer_store.h"


/*
 * What changed since Redis was last told, which Redis itself knows: one that
 * was set back to an older state is told again.  "all": the others too, for it
 * may have lost them.  False: Redis or the store failed.
 */
bool writer_redis_tokens(writer_redis_link_t *context,
    const writer_conf_t *conf, writer_store_t *store, bool all)
    keepers_checked;

/*
 * Sets *job to one that notes what was used in this hour or the last one and
 * is not known yet, or to NULL: nothing.  False: Redis failed.
 */
bool writer_redis_tokens_used(writer_redis_link_t *context,
    const writer_conf_t *conf, writer_store_t *store, writer_job_t **job)
    keepers_checked;


#endif /* _WRITER_REDIS_TOKENS_H_INCLUDED_ */
