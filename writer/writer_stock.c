
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_stock.h"

#include <stdlib.h>


#define WRITER_STOCK_MAX  1024


writer_job_t *
writer_stock_take(writer_stock_t *stock)
{
    writer_job_t  *job;

    job = stock->free;

    if (job != NULL) {
        stock->free = job->next;
        stock->n--;

    } else {
        job = malloc(sizeof(*job));

        if (job == NULL) {
            return NULL;
        }
    }

    memset(job, 0, offsetof(writer_job_t, room));
    job->room_used = sizeof(job->room);

    return job;
}


void
writer_stock_return(writer_stock_t *stock, writer_job_t *job)
{
    if (job->out != NULL) {
        evbuffer_free(job->out);
    }

    keepers_wipe(&job->in, sizeof(job->in));
    keepers_wipe(job->room, job->room_used);

    if (stock->n >= WRITER_STOCK_MAX) {
        free(job);
        return;
    }

    job->next = stock->free;
    stock->free = job;
    stock->n++;
}


void
writer_stock_free(writer_stock_t *stock)
{
    writer_job_t  *job;

    while (stock->free != NULL) {
        job = stock->free;
        stock->free = job->next;
        free(job);
    }
}
