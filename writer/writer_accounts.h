
/*
 * Copyright (C) Keepers
 *
 * Accounts of businesses: sign-in, and what the summary says of one's own.
 */


#ifndef _WRITER_ACCOUNTS_H_INCLUDED_
#define _WRITER_ACCOUNTS_H_INCLUDED_


#include "writer/writer_job.h"


/* An address as typed to its hash under master key "key"; false: syntax. */
bool writer_accounts_hash(const keepers_keyring_t *master, size_t key,
    keepers_str_t typed, unsigned char hash[KEEPERS_HASH_LEN]) keepers_checked;

/* Finds an account under any key of the ring. */
int writer_accounts_find(writer_context_t *ctx, keepers_str_t typed,
    writer_store_account_t *account) keepers_checked;

/* The address of a user, opened; NONE: no such user. */
int writer_accounts_email(writer_context_t *ctx, const keepers_uuid_t *user,
    keepers_out_t *out) keepers_checked;

/* runs */
bool writer_accounts_signin_read(writer_job_t *job, void *http);
int writer_accounts_signin(writer_context_t *ctx, writer_job_t *job);
int writer_accounts_summary(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_ACCOUNTS_H_INCLUDED_ */
