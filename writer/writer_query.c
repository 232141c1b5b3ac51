
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_query.h"

#include "core/keepers_form.h"
#include "core/keepers_in.h"
#include "core/keepers_text.h"


#define WRITER_QUERY_LIMIT      50
#define WRITER_QUERY_LIMIT_MAX  200
#define WRITER_QUERY_LEN_MAX    1024
#define WRITER_QUERY_CURSOR     24      /* unix ms 8 | id 16 */


typedef enum {
    WRITER_QUERY_Q = 0,
    WRITER_QUERY_AFTER,
    WRITER_QUERY_LIMIT_FIELD,
    WRITER_QUERY_URL,
    WRITER_QUERY_FIELDS
} writer_query_field_e;


static void writer_query_limit(writer_job_t *job, keepers_str_t s);
static void writer_query_after(writer_job_t *job, keepers_str_t s);
static void writer_query_search(writer_job_t *job, keepers_str_t s);
static void writer_query_url(writer_job_t *job, keepers_str_t s);


bool
writer_query_read(writer_job_t *job, void *http)
{
    const char          *text;
    keepers_out_t        arena;
    keepers_str_t        query;
    unsigned char        buf[WRITER_QUERY_LEN_MAX];
    keepers_field_t      fields[WRITER_QUERY_FIELDS] = {
        { keepers_string("q"), keepers_null_string, 0 },
        { keepers_string("after"), keepers_null_string, 0 },
        { keepers_string("limit"), keepers_null_string, 0 },
        { keepers_string("url"), keepers_null_string, 0 }
    };
    keepers_fieldset_t   set = { fields, WRITER_QUERY_FIELDS, 0, NULL };

    (void) http;

    job->in.query.limit = WRITER_QUERY_LIMIT;
    job->in.query.before_ms = INT64_MAX;
    job->in.query.before_seq = INT64_MAX;
    memset(job->in.query.before_id.bytes, 0xff, KEEPERS_UUID_LEN);

    text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(job->request));
    query = keepers_str(text, text != NULL ? strlen(text) : 0);

    if (query.len > sizeof(buf)) {
        (void) writer_job_problem(job, 400, "query");
        return false;
    }

    keepers_out_init(&arena, buf, sizeof(buf));

    if (keepers_form_read(query, &set, &arena) != KEEPERS_OK) {
        (void) writer_job_problem(job, 400, "query");
        return false;
    }

    writer_query_search(job, fields[WRITER_QUERY_Q].value);
    writer_query_after(job, fields[WRITER_QUERY_AFTER].value);
    writer_query_limit(job, fields[WRITER_QUERY_LIMIT_FIELD].value);
    writer_query_url(job, fields[WRITER_QUERY_URL].value);

    keepers_wipe(buf, sizeof(buf));

    return job->errors_n == 0;
}


static void
writer_query_search(writer_job_t *job, keepers_str_t s)
{
    s = keepers_text_trim(s);

    if (s.len > WRITER_QUERY_MAX) {
        writer_job_error(job, "q", "too_long");
        return;
    }

    if (s.len != 0) {
        memcpy(job->in.query.q, s.data, s.len);
    }

    job->in.query.q_len = s.len;
}


/* A cursor is ours: a time and an id, or a number of the audit log. */
static void
writer_query_after(writer_job_t *job, keepers_str_t s)
{
    uint64_t       seq;
    keepers_in_t   in;
    unsigned char  cursor[WRITER_QUERY_CURSOR];

    if (s.len == 0) {
        return;
    }

    if (keepers_text_base64url_decode(s, cursor, sizeof(cursor))) {
        keepers_in_init(&in, keepers_str(cursor, sizeof(cursor)));
        job->in.query.before_ms = keepers_in_u64(&in) & INT64_MAX;
        keepers_in_bytes(&in, job->in.query.before_id.bytes,
                         KEEPERS_UUID_LEN);
        return;
    }

    if (keepers_text_uint(s, &seq) && seq <= INT64_MAX) {
        job->in.query.before_seq = (int64_t) seq;
        return;
    }

    writer_job_error(job, "after", "syntax");
}


void
writer_query_next(writer_json_t *json, bool more, uint64_t ms,
    const keepers_uuid_t *id)
{
    keepers_out_t  out, text;
    unsigned char  cursor[WRITER_QUERY_CURSOR];
    unsigned char  buf[keepers_base64url_len(WRITER_QUERY_CURSOR)];

    writer_json_next(json);

    if (!more) {
        writer_json_null(json);
        return;
    }

    keepers_out_init(&out, cursor, sizeof(cursor));
    keepers_out_u64(&out, ms);
    keepers_out_bytes(&out, id->bytes, KEEPERS_UUID_LEN);

    keepers_out_init(&text, buf, sizeof(buf));
    keepers_text_base64url(&text, keepers_out_written(&out));
    writer_json_str(json, keepers_out_written(&text));
}


static void
writer_query_limit(writer_job_t *job, keepers_str_t s)
{
    uint64_t  n;

    if (s.len == 0) {
        return;
    }

    if (!keepers_text_uint(s, &n) || n == 0 || n > WRITER_QUERY_LIMIT_MAX) {
        writer_job_error(job, "limit", "range");
        return;
    }

    job->in.query.limit = (size_t) n;
}


static void
writer_query_url(writer_job_t *job, keepers_str_t s)
{
    if (s.len >= sizeof(job->in.query.url)) {
        writer_job_error(job, "url", "too_long");
        return;
    }

    if (s.len != 0) {
        memcpy(job->in.query.url, s.data, s.len);
    }

    job->in.query.url[s.len] = '\0';
}
