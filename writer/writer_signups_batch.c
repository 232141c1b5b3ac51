
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_signups_batch.h"

#include "writer/writer_http.h"
#include "writer/writer_signups.h"

#include "core/keepers_batch.h"


static bool writer_signups_batch_add(writer_job_t *job, writer_http_t *http,
    keepers_str_t envelope);


_Static_assert(KEEPERS_BATCH_MAX * KEEPERS_BATCH_SAID < WRITER_JOB_ROOM,
               "a job has room for what is said of a batch");


bool
writer_signups_batch_read(writer_job_t *job, void *http)
{
    size_t         i, n;
    keepers_str_t  envelopes[KEEPERS_BATCH_MAX];

    n = keepers_batch_read(writer_job_body(job), envelopes);

    if (n == 0) {
        (void) writer_job_problem(job, 400, "batch");
        return false;
    }

    job->carries = true;

    for (i = 0; i < n; i++) {
        if (!writer_signups_batch_add(job, http, envelopes[i])) {
            (void) writer_job_problem(job, 503, "busy");
            return false;
        }
    }

    return job->in.batch.left != 0;
}


static bool
writer_signups_batch_add(writer_job_t *job, writer_http_t *http,
    keepers_str_t envelope)
{
    size_t         len;
    writer_job_t  *one;

    one = writer_stock_take(writer_http_stock(http));

    if (one == NULL) {
        return false;
    }

    one->carrier = job;
    one->route = job->route;
    one->now_ms = job->now_ms;
    one->run = writer_signups_run;

    job->in.batch.of[job->in.batch.n++] = one;

    if (!writer_http_open(http, one, envelope, KEEPERS_RECORD_SIGNUP, &len)) {
        (void) writer_job_problem(one, 400, "envelope");
        return true;
    }

    one->room_used = len;

    if (writer_signups_take(one, len)) {
        job->in.batch.left++;
    }

    return true;
}


void
writer_signups_batch_end(writer_job_t *job, writer_stock_t *stock)
{
    size_t         i;
    keepers_out_t  said;
    writer_job_t  *one;

    keepers_out_init(&said, job->room, sizeof(job->room));

    for (i = 0; i < job->in.batch.n; i++) {
        one = job->in.batch.of[i];

        keepers_batch_say(&said, (unsigned) one->status);
        writer_stock_return(stock, one);
    }

    keepers_out_byte(&said, '\0');

    job->room_used = said.len;

    if (job->status == 0) {
        (void) writer_job_text(job, 202, "");
        job->said = (const char *) job->room;
    }
}
