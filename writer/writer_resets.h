
/*
 * Copyright (C) Keepers
 *
 * Whoever has forgotten a password gets a link by mail, and sets another one
 * with it.
 */


#ifndef _WRITER_RESETS_H_INCLUDED_
#define _WRITER_RESETS_H_INCLUDED_


#include "writer/writer_job.h"


#define WRITER_RESETS_LIFE_MS  (30 * 60000ull)
#define WRITER_RESETS_MAX      3        /* that live, an account */


/* runs */
bool writer_resets_ask_read(writer_job_t *job, void *http);
int writer_resets_ask(writer_context_t *ctx, writer_job_t *job);
bool writer_resets_read(writer_job_t *job, void *http);
int writer_resets_run(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_RESETS_H_INCLUDED_ */
