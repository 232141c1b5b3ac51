
/*
 * Copyright (C) Keepers
 *
 * Which request is whose: method and path to a route, and the proof that a
 * route asks for.
 */


#ifndef _WRITER_ROUTES_H_INCLUDED_
#define _WRITER_ROUTES_H_INCLUDED_


#include "writer/writer_job.h"


#define WRITER_ROUTES_PROOF_MAX  128


/* Sets job->route and job->subject; false with 404 or 405. */
bool writer_routes_find(writer_job_t *job) keepers_checked;

/* False with 401 or 403. */
bool writer_routes_prove(writer_job_t *job, void *http) keepers_checked;

/*
 * The value of Keepers-Admin, which only a holder of the master key makes:
 * "MS.MAC", unix milliseconds and a keyed BLAKE2b over them, the path and the
 * body, in hex.  The method is always POST.
 */
void writer_routes_operator(const keepers_keyring_t *master, size_t key,
    uint64_t now_ms, const char *path, keepers_str_t body,
    char proof[WRITER_ROUTES_PROOF_MAX]);


#endif /* _WRITER_ROUTES_H_INCLUDED_ */
