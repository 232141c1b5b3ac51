
/*
 * Copyright (C) Keepers
 *
 * One operator's command: run here when no writer holds the lock, else sent
 * through the socket of the one that does.
 */


#ifndef _WRITER_CALL_H_INCLUDED_
#define _WRITER_CALL_H_INCLUDED_


#include "writer/writer_job.h"


#define WRITER_CALL_BODY_MAX  2048


typedef struct {
    int   status;
    char  body[WRITER_CALL_BODY_MAX];   /* NUL-terminated */
} writer_call_t;


/*
 * "path" may have one %s, for the slug.  0: call has an answer; -1 with words
 * on standard error.
 */
int writer_call(const writer_conf_t *conf, const char *path,
    writer_run_pt run, const char *slug, keepers_str_t body,
    writer_call_t *call) keepers_checked;


#endif /* _WRITER_CALL_H_INCLUDED_ */
