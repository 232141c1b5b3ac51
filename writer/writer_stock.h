
/*
 * Copyright (C) Keepers
 *
 * Jobs kept for reuse.  On the loop alone.
 */


#ifndef _WRITER_STOCK_H_INCLUDED_
#define _WRITER_STOCK_H_INCLUDED_


#include "writer/writer_job.h"


typedef struct {
    writer_job_t  *free;
    size_t         n;
} writer_stock_t;


/* A job with nothing in it, or NULL: no memory. */
writer_job_t *writer_stock_take(writer_stock_t *stock);

/* Wipes what a person wrote: it does not wait here for the next request. */
void writer_stock_return(writer_stock_t *stock, writer_job_t *job);

void writer_stock_free(writer_stock_t *stock);


#endif /* _WRITER_STOCK_H_INCLUDED_ */
