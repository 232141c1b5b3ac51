
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_command.h"

#include "core/keepers_json.h"
#include "core/keepers_text.h"


_Static_assert(WRITER_FIELDS <= WRITER_JOB_FIELDS, "fields of a job");


const char *const  writer_command_names[WRITER_FIELDS] = {
    "slug", "offer", "phone", "name_optional", "no_disposable",
    "consent_email", "consent_sms", "country", "locale", "color",
    "retention_days",
    "business", "name", "email", "role", "password", "scopes", "days",
    "code", "passkey"
};


bool
writer_command_read(writer_job_t *job, keepers_str_t body, void *heap)
{
    int                 rc;
    size_t              i;
    keepers_out_t       arena;
    keepers_fieldset_t  set;

    memset(&job->in, 0, sizeof(job->in));

    if (body.len > sizeof(job->room)) {
        (void) writer_job_problem(job, 413, "too_large");
        return false;
    }

    for (i = 0; i < WRITER_FIELDS; i++) {
        job->in.fields[i].name = keepers_str(writer_command_names[i],
                                             strlen(writer_command_names[i]));
    }

    memset(&set, 0, sizeof(set));
    set.fields = job->in.fields;
    set.n = WRITER_FIELDS;

    job->room_used = sizeof(job->room);
    keepers_out_init(&arena, job->room, sizeof(job->room));

    rc = keepers_json_read(body, &set, &arena, heap, WRITER_COMMAND_HEAP);

    if (rc != KEEPERS_OK) {
        (void) writer_job_problem(job, 400, "json");
        return false;
    }

    return true;
}


keepers_str_t
writer_command_str(writer_job_t *job, writer_field_e field)
{
    const keepers_field_t  *f;

    f = &job->in.fields[field];

    if (f->kind == KEEPERS_FIELD_STRING) {
        return keepers_text_trim(f->value);
    }

    if (f->kind != KEEPERS_FIELD_ABSENT && f->kind != KEEPERS_FIELD_NULL) {
        writer_job_error(job, writer_command_names[field], "type");
    }

    return keepers_str(NULL, 0);
}


bool
writer_command_bool(writer_job_t *job, writer_field_e field)
{
    const keepers_field_t  *f;

    f = &job->in.fields[field];

    if (f->kind == KEEPERS_FIELD_STRING || f->kind == KEEPERS_FIELD_OTHER) {
        writer_job_error(job, writer_command_names[field], "type");
    }

    return f->kind == KEEPERS_FIELD_TRUE;
}


void
writer_command_copy(writer_job_t *job, writer_field_e field, char *to,
    size_t size)
{
    size_t         i;
    keepers_str_t  s;

    s = writer_command_str(job, field);
    to[0] = '\0';

    if (s.len >= size) {
        writer_job_error(job, writer_command_names[field], "too_long");
        return;
    }

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] == 0x7f) {
            writer_job_error(job, writer_command_names[field], "control");
            return;
        }
    }

    if (s.len != 0) {
        memcpy(to, s.data, s.len);
    }

    to[s.len] = '\0';
}


bool
writer_command_uuid(writer_job_t *job, writer_field_e field,
    keepers_uuid_t *uuid)
{
    keepers_str_t  s;

    s = writer_command_str(job, field);

    if (keepers_text_uuid_parse(s, uuid)) {
        return true;
    }

    writer_job_error(job, writer_command_names[field],
                     s.len == 0 ? "required" : "uuid");

    return false;
}
