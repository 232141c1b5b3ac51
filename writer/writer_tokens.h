
/*
 * Copyright (C) Keepers
 *
 * Tokens for machines: an owner makes them, sees them and ends them.  A token
 * is shown once; the store has its hash, Redis a sealed record of what it may
 * do (writer_redis_tokens).
 */


#ifndef _WRITER_TOKENS_H_INCLUDED_
#define _WRITER_TOKENS_H_INCLUDED_


#include "writer/writer_job.h"


#define WRITER_TOKENS_USES_MAX  64      /* hours that one job notes */


/* A job without a request that notes when tokens were used, of which
 * writer_tokens_use_add() tells it; NULL: no memory. */
writer_job_t *writer_tokens_uses(void);

/* False: it is full. */
bool writer_tokens_use_add(writer_job_t *job,
    const unsigned char hash[KEEPERS_HASH_LEN], uint32_t hour);

/* runs */
int writer_tokens_page(writer_context_t *ctx, writer_job_t *job);
int writer_tokens_add(writer_context_t *ctx, writer_job_t *job);
int writer_tokens_end(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_TOKENS_H_INCLUDED_ */
