
/*
 * Copyright (C) Keepers
 *
 * What an operator does from the command line: accounts, and links of any
 * business.  The same runs serve a command that comes through the socket and
 * one that opens the store itself.
 */


#ifndef _WRITER_OPERATOR_H_INCLUDED_
#define _WRITER_OPERATOR_H_INCLUDED_


#include "writer/writer_command.h"
#include "writer/writer_job.h"


/* Reads a JSON command; false with the problem set. */
bool writer_operator_read(writer_job_t *job, void *http);

/* runs: fields "business" or "name", "email", "role", "password" (a hash) */
int writer_operator_account(writer_context_t *ctx, writer_job_t *job);

/* "email", "password" (a hash) */
int writer_operator_password(writer_context_t *ctx, writer_job_t *job);

/* "email" */
int writer_operator_totp_remove(writer_context_t *ctx, writer_job_t *job);
int writer_operator_passkeys_remove(writer_context_t *ctx,
    writer_job_t *job);

/* "business" and a link's fields */
int writer_operator_link(writer_context_t *ctx, writer_job_t *job);

/* job->subject is the slug */
int writer_operator_link_open(writer_context_t *ctx, writer_job_t *job);
int writer_operator_link_close(writer_context_t *ctx, writer_job_t *job);
int writer_operator_link_delete(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_OPERATOR_H_INCLUDED_ */
