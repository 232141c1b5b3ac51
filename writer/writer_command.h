
/*
 * Copyright (C) Keepers
 *
 * The fields of a JSON command, from the API or from the command line.
 */


#ifndef _WRITER_COMMAND_H_INCLUDED_
#define _WRITER_COMMAND_H_INCLUDED_


#include "writer/writer_job.h"


typedef enum {
    WRITER_FIELD_SLUG = 0,
    WRITER_FIELD_OFFER,
    WRITER_FIELD_PHONE,             /* boolean */
    WRITER_FIELD_NAME_OPTIONAL,     /* boolean */
    WRITER_FIELD_NO_DISPOSABLE,     /* boolean */
    WRITER_FIELD_CONSENT_EMAIL,
    WRITER_FIELD_CONSENT_SMS,
    WRITER_FIELD_COUNTRY,
    WRITER_FIELD_LOCALE,
    WRITER_FIELD_COLOR,
    WRITER_FIELD_RETENTION_DAYS,    /* digits in a string */
    WRITER_FIELD_BUSINESS,          /* an id */
    WRITER_FIELD_NAME,              /* of a business, a token, a passkey */
    WRITER_FIELD_EMAIL,
    WRITER_FIELD_ROLE,
    WRITER_FIELD_PASSWORD,          /* its hash */
    WRITER_FIELD_SCOPES,
    WRITER_FIELD_DAYS,              /* digits in a string */
    WRITER_FIELD_CODE,              /* of an authenticator app */
    WRITER_FIELD_PASSKEY,           /* an answer, see writer_passkey.h */
    WRITER_FIELDS
} writer_field_e;


#define WRITER_COMMAND_HEAP  (16384 + 4 * WRITER_JOB_ROOM)


extern const char *const  writer_command_names[WRITER_FIELDS];


/*
 * Reads a JSON body into job->in.fields, its strings into job->room; "heap"
 * has WRITER_COMMAND_HEAP bytes.  False with the problem set.
 */
bool writer_command_read(writer_job_t *job, keepers_str_t body, void *heap)
    keepers_checked;

/* A string, trimmed, empty if absent; an error is set if it is no string. */
keepers_str_t writer_command_str(writer_job_t *job, writer_field_e field);
bool writer_command_bool(writer_job_t *job, writer_field_e field);

/* Copies a string of at most size - 1 bytes without controls; else error. */
void writer_command_copy(writer_job_t *job, writer_field_e field, char *to,
    size_t size);
bool writer_command_uuid(writer_job_t *job, writer_field_e field,
    keepers_uuid_t *uuid) keepers_checked;


#endif /* _WRITER_COMMAND_H_INCLUDED_ */
