
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_answer.h"

#include "writer/writer_json.h"

#include <event2/event.h>
#include <stdio.h>
#include <time.h>


#define WRITER_ANSWER_DATE_MAX  32


typedef struct {
    int          status;
    const char  *title;
} writer_answer_title_t;


static const writer_answer_title_t  writer_answer_titles[] = {
    { 400, "Bad request" },
    { 401, "Not signed in" },
    { 403, "Not allowed" },
    { 404, "Not found" },
    { 405, "Method not allowed" },
    { 409, "Conflict" },
    { 413, "Too large" },
    { 422, "Some fields need attention" },
    { 503, "Try again shortly" }
};


static void writer_answer_headers(const writer_job_t *job, const char *type,
    bool last);
static const char *writer_answer_date(uint64_t now_ms);
static void writer_answer_problem(const writer_job_t *job,
    struct evbuffer *buf);
static const char *writer_answer_title(int status);


void
writer_answer_send(writer_job_t *job, struct evbuffer *buf, bool last)
{
    const char  *type;

    if (job->status == 0) {
        (void) writer_job_problem(job, 503, "store");
    }

    type = job->type != NULL ? job->type : "application/json";

    if (job->code != NULL) {
        type = "application/problem+json";
        writer_answer_problem(job, buf);

    } else if (job->text != NULL) {
        (void) evbuffer_add(buf, job->text, strlen(job->text));

    } else if (job->out != NULL) {
        (void) evbuffer_add_buffer(buf, job->out);
    }

    writer_answer_headers(job, evbuffer_get_length(buf) != 0 ? type : NULL,
                          last);
    evhttp_send_reply(job->request, job->status, NULL, buf);
    job->request = NULL;

    /* a client that has left takes nothing */
    evbuffer_drain(buf, evbuffer_get_length(buf));
}


static void
writer_answer_headers(const writer_job_t *job, const char *type, bool last)
{
    char                 seconds[16];
    struct evkeyvalq    *headers;

    headers = evhttp_request_get_output_headers(job->request);

    if (type != NULL) {
        evhttp_add_header(headers, "Content-Type", type);
    }

    evhttp_add_header(headers, "Date", writer_answer_date(job->now_ms));

    /* who sends an envelope is a worker of nginx, which keeps no answer */
    if (job->route == NULL || job->route->proof != WRITER_PROOF_ENVELOPE) {
        evhttp_add_header(headers, "Cache-Control", "no-store");
    }

    if (job->retry_after_s != 0) {
        snprintf(seconds, sizeof(seconds), "%u", job->retry_after_s);
        evhttp_add_header(headers, "Retry-After", seconds);
    }

    if (job->said != NULL) {
        evhttp_add_header(headers, KEEPERS_BATCH_HEADER, job->said);
    }

    if (job->allow != NULL) {
        evhttp_add_header(headers, "Allow", job->allow);
    }

    if (last) {
        evhttp_add_header(headers, "Connection", "close");
    }
}


/* On the loop alone; the seconds in between are one text. */
static const char *
writer_answer_date(uint64_t now_ms)
{
    static char      text[WRITER_ANSWER_DATE_MAX];
    static uint64_t  said_s;

    time_t     now_s;
    struct tm  tm;

    if (now_ms / 1000 == said_s) {
        return text;
    }

    said_s = now_ms / 1000;
    now_s = (time_t) said_s;

    /* there is no setlocale() here: the names are English */
    if (gmtime_r(&now_s, &tm) == NULL
        || strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
    {
        text[0] = '\0';
    }

    return text;
}


static void
writer_answer_problem(const writer_job_t *job, struct evbuffer *buf)
{
    size_t         i;
    writer_json_t  json;

    writer_json_init(&json, buf);
    writer_json_map(&json);
    writer_json_key(&json, "type");
    writer_json_text(&json, "about:blank");
    writer_json_key(&json, "title");
    writer_json_text(&json, writer_answer_title(job->status));
    writer_json_key(&json, "status");
    writer_json_uint(&json, (uint64_t) job->status);
    writer_json_key(&json, "code");
    writer_json_text(&json, job->code);

    if (job->errors_n != 0) {
        writer_json_key(&json, "errors");
        writer_json_array(&json);

        for (i = 0; i < job->errors_n; i++) {
            writer_json_map(&json);
            writer_json_key(&json, "field");
            writer_json_text(&json, job->errors[i].field);
            writer_json_key(&json, "code");
            writer_json_text(&json, job->errors[i].code);
            writer_json_map_end(&json);
        }

        writer_json_array_end(&json);
    }

    writer_json_map_end(&json);

    if (!writer_json_end(&json)) {
        evbuffer_drain(buf, evbuffer_get_length(buf));
    }
}


static const char *
writer_answer_title(int status)
{
    size_t  i;

    for (i = 0; i < sizeof(writer_answer_titles)
                    / sizeof(writer_answer_titles[0]); i++)
    {
        if (writer_answer_titles[i].status == status) {
            return writer_answer_titles[i].title;
        }
    }

    return "Error";
}
