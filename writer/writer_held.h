
/*
 * Copyright (C) Keepers
 *
 * Suspicion loses no one: a held signup waits 14 days, with its reason, for
 * the business to accept or discard it.
 */


#ifndef _WRITER_HELD_H_INCLUDED_
#define _WRITER_HELD_H_INCLUDED_


#include "writer/writer_job.h"


int writer_held_take(writer_context_t *ctx, const writer_business_t *business,
    const writer_store_link_t *link, const keepers_signup_t *signup)
    keepers_checked;
int writer_held_purge(writer_context_t *ctx, uint64_t now_ms) keepers_checked;

/* runs */
int writer_held_page(writer_context_t *ctx, writer_job_t *job);
int writer_held_accept(writer_context_t *ctx, writer_job_t *job);
int writer_held_discard(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_HELD_H_INCLUDED_ */
