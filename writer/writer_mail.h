
/*
 * Copyright (C) Keepers
 *
 * A mail to the owner of an account: what it says, and how it lies in the
 * outbox until it is delivered.
 *
 *   sealed   kind 1 | address | token, zeros up to WRITER_MAIL_PLAIN_LEN;
 *            under M "keepers outbox seal 1", ad = 7 | id | id
 *
 * All are of one length, those to nobody too: see writer_resets.c.
 */


#ifndef _WRITER_MAIL_H_INCLUDED_
#define _WRITER_MAIL_H_INCLUDED_


#include "writer/writer_job.h"

#include "core/keepers_out.h"
#include "core/keepers_reset.h"


#define WRITER_MAIL_TEXT_MAX  4096
#define WRITER_MAIL_DAY_MS    86400000ull


typedef enum {
    WRITER_MAIL_NOBODY = 0,     /* is not sent */
    WRITER_MAIL_RESET,          /* a link to set another password */
    WRITER_MAIL_CHANGED         /* the password was changed */
} writer_mail_e;


typedef struct {
    writer_mail_e    kind;
    keepers_uuid_t   id;
    uint64_t         made_ms;
    size_t           to_len;
    unsigned char    to[KEEPERS_EMAIL_LEN_MAX];
    char             token[KEEPERS_RESET_TOKEN_TEXT_LEN + 1];   /* or empty */
} writer_mail_t;


/* Is mail configured?  Without it nothing is put into the outbox. */
bool writer_mail_wanted(const writer_conf_t *conf) keepers_checked;

/*
 * In a transaction: seals it with a new id, and puts it into the outbox, for
 * "life_ms" at most; sets job->mailed.
 */
int writer_mail_put(writer_context_t *ctx, writer_job_t *job,
    writer_mail_t *mail, uint64_t life_ms) keepers_checked;

/* The same, to the owner of an account: its password was changed. */
int writer_mail_changed(writer_context_t *ctx, writer_job_t *job,
    const keepers_uuid_t *user) keepers_checked;

/* False: its key is gone, or it is not what we sealed. */
bool writer_mail_open(const keepers_keyring_t *master,
    const writer_store_mail_t *sealed, writer_mail_t *mail) keepers_checked;

/* A chore: those that nobody has any use for, and links that have expired. */
int writer_mail_purge(writer_context_t *ctx, uint64_t now_ms) keepers_checked;

/* The whole mail, RFC 5322; WRITER_MAIL_TEXT_MAX bytes suffice. */
void writer_mail_write(const writer_conf_t *conf, const writer_mail_t *mail,
    keepers_out_t *out);

/* The command "mail"; its exit status. */
int writer_mail_command(const writer_conf_t *conf);

/* A run, of an operator: what was set aside is tried again. */
int writer_mail_retry(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_MAIL_H_INCLUDED_ */
