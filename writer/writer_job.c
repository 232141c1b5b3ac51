
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_job.h"

#include "core/keepers_session.h"
#include "core/keepers_text.h"

#include <event2/keyvalq_struct.h>
#include <sys/queue.h>


void
writer_job_reset(writer_job_t *job)
{
    job->status = 0;
    job->retry_after_s = 0;
    job->text = NULL;
    job->type = NULL;
    job->code = NULL;
    job->allow = NULL;
    job->errors_n = 0;
    job->published[0] = '\0';
    job->ended = false;
    job->mailed = false;
    job->then = NULL;

    if (job->out != NULL) {
        evbuffer_drain(job->out, evbuffer_get_length(job->out));
    }
}


int
writer_job_text(writer_job_t *job, int status, const char *text)
{
    job->status = status;
    job->text = text;

    return WRITER_OK;
}


int
writer_job_problem(writer_job_t *job, int status, const char *code)
{
    job->status = status;
    job->code = code;

    if (status == 503) {
        job->retry_after_s = 1;
    }

    return WRITER_OK;
}


void
writer_job_error(writer_job_t *job, const char *field, const char *code)
{
    job->status = 422;
    job->code = "fields";

    if (job->errors_n < WRITER_JOB_ERRORS) {
        job->errors[job->errors_n].field = field;
        job->errors[job->errors_n].code = code;
        job->errors_n++;
    }
}


struct evbuffer *
writer_job_out(writer_job_t *job)
{
    if (job->out == NULL) {
        job->out = evbuffer_new();
    }

    return job->out;
}


int
writer_job_business(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t **business)
{
    int  rc;

    rc = writer_business_find(&ctx->businesses, ctx->store,
                              &job->identity.business, business);

    if (rc == WRITER_NONE) {
        (void) writer_job_problem(job, 404, "not_found");
    }

    return rc;
}


void
writer_job_who(const writer_job_t *job, char who[KEEPERS_UUID_TEXT_LEN + 1])
{
    keepers_out_t  out;

    keepers_out_init(&out, who, KEEPERS_UUID_TEXT_LEN);

    if (job->identity.role == KEEPERS_ROLE_MACHINE) {
        keepers_out_text(&out, "token:");
        keepers_text_hex(&out, keepers_str(job->identity.sid,
                                           sizeof(job->identity.sid)));
    } else {
        keepers_text_uuid(&out, &job->identity.user);
    }

    who[out.len] = '\0';
}


void
writer_jobs_init(writer_jobs_t *jobs)
{
    jobs->head = NULL;
    jobs->tail = &jobs->head;
    jobs->n = 0;
}


void
writer_jobs_add(writer_jobs_t *jobs, writer_job_t *job)
{
    job->next = NULL;
    *jobs->tail = job;
    jobs->tail = &job->next;
    jobs->n++;
}


writer_job_t *
writer_jobs_take(writer_jobs_t *jobs)
{
    writer_job_t  *job;

    job = jobs->head;

    if (job != NULL) {
        jobs->head = job->next;
        jobs->n--;

        if (jobs->head == NULL) {
            jobs->tail = &jobs->head;
        }
    }

    return job;
}


keepers_str_t
writer_job_body(const writer_job_t *job)
{
    size_t            len;
    unsigned char    *p;
    struct evbuffer  *input;

    input = evhttp_request_get_input_buffer(job->request);
    len = evbuffer_get_length(input);
    p = len != 0 ? evbuffer_pullup(input, -1) : NULL;

    return keepers_str(p, p != NULL ? len : 0);
}


keepers_str_t
writer_job_header(const writer_job_t *job, const char *name)
{
    const char       *value;
    struct evkeyval  *header;

    value = NULL;

    TAILQ_FOREACH(header, evhttp_request_get_input_headers(job->request),
                  next)
    {
        if (evutil_ascii_strcasecmp(header->key, name) != 0) {
            continue;
        }

        if (value != NULL) {
            return keepers_str(NULL, 0);
        }

        value = header->value;
    }

    return keepers_str(value, value != NULL ? strlen(value) : 0);
}
