
/*
 * Copyright (C) Keepers
 *
 * The loop: evhttp on a Unix socket, requests in, answers out.
 */


#ifndef _WRITER_HTTP_H_INCLUDED_
#define _WRITER_HTTP_H_INCLUDED_


#include "writer/writer_commit.h"
#include "writer/writer_pool.h"
#include "writer/writer_stock.h"

#include "core/keepers_envelope.h"


typedef struct writer_http_s  writer_http_t;


writer_http_t *writer_http_new(const writer_conf_t *conf,
    writer_commit_t *commit, writer_pool_t *readers, writer_pool_t *passwords);

/* Binds the socket, 0660; false with a log line. */
bool writer_http_listen(writer_http_t *http) keepers_checked;

/* Until SIGTERM or SIGINT, and what was accepted is answered. */
void writer_http_run(writer_http_t *http);
void writer_http_free(writer_http_t *http);

/* On the loop: a job that no request waits for, to the committer; false: the
 * queue is full, and it is still the caller's. */
bool writer_http_apart(writer_http_t *http, writer_job_t *job)
    keepers_checked;

/* writer_done_pt: from any thread. */
void writer_http_done(void *http, writer_job_t *jobs);

/*
 * For read functions, on the loop: opens the request's envelope into
 * job->room; false with the problem set.  "heap" is of
 * WRITER_COMMAND_HEAP bytes.
 */
bool writer_http_envelope(writer_http_t *http, writer_job_t *job,
    keepers_record_e kind, size_t *len) keepers_checked;

/* The same of any envelope, and without a problem. */
bool writer_http_open(writer_http_t *http, writer_job_t *job,
    keepers_str_t envelope, keepers_record_e kind, size_t *len)
    keepers_checked;
writer_stock_t *writer_http_stock(writer_http_t *http);
void *writer_http_heap(writer_http_t *http);
const writer_conf_t *writer_http_conf(const writer_http_t *http);


#endif /* _WRITER_HTTP_H_INCLUDED_ */
