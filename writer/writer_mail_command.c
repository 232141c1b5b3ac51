
/*
 * Copyright (C) Keepers
 *
 * What an operator asks of the outbox.
 */


#include "writer/writer_mail.h"

#include "writer/writer_log.h"

#include <stdio.h>


int
writer_mail_command(const writer_conf_t *conf)
{
    int                    rc;
    uint64_t               now_ms;
    writer_store_t        *store;
    writer_store_mails_t   counts;

    rc = writer_store_open(conf->database, false, &store);

    if (rc == WRITER_OK) {
        rc = writer_store_mails_count(store, &counts);
        writer_store_close(store);
    }

    if (rc != WRITER_OK) {
        fprintf(stderr, "keepers-writer: the outbox in \"%s\" cannot be read\n",
                conf->database);
        return 1;
    }

    now_ms = writer_now_ms();

    if (counts.oldest_ms == 0 || counts.oldest_ms > now_ms) {
        counts.oldest_ms = now_ms;
    }

    printf("waiting=%llu\naside=%llu\noldest_s=%llu\n",
           (unsigned long long) counts.waiting,
           (unsigned long long) counts.aside,
           (unsigned long long) ((now_ms - counts.oldest_ms) / 1000));

    return 0;
}


int
writer_mail_retry(writer_context_t *ctx, writer_job_t *job)
{
    int       rc;
    uint64_t  n;

    rc = writer_store_mail_again(ctx->store, job->now_ms, &n);

    if (rc != WRITER_OK) {
        return rc;
    }

    writer_log(WRITER_LOG_INFO, "mail_retry", "mails=%llu",
               (unsigned long long) n);

    job->mailed = true;

    return writer_job_text(job, 204, "");
}
