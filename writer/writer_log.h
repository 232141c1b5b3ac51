
/*
 * Copyright (C) Keepers
 *
 * One logfmt line on stderr, in one write.  Callers give codes, counts and
 * ids: never a name, an address, a number, a body or a key.
 */


#ifndef _WRITER_LOG_H_INCLUDED_
#define _WRITER_LOG_H_INCLUDED_


#include "writer/writer_os.h"


#define WRITER_LOG_LEN_MAX  512


typedef enum {
    WRITER_LOG_ERROR = 0,       /* an operator must act */
    WRITER_LOG_WARN,            /* a state changed */
    WRITER_LOG_INFO
} writer_log_e;


/* "event=NAME" and what the format says: "part=store code=13". */
void writer_log(writer_log_e level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


#endif /* _WRITER_LOG_H_INCLUDED_ */
