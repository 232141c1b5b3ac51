
/*
 * Copyright (C) Keepers
 *
 * Loyalty links: the committer's cache of them, their rules, their routes.
 */


#ifndef _WRITER_LINKS_H_INCLUDED_
#define _WRITER_LINKS_H_INCLUDED_


#include "writer/writer_command.h"
#include "writer/writer_job.h"


writer_links_t *writer_links_new(void);
void writer_links_free(writer_links_t *links);
void writer_links_forget(writer_links_t *links);

/* OK, NONE for an unknown or deleted link, FAULT. */
int writer_links_find(writer_context_t *ctx, keepers_str_t slug,
    const writer_store_link_t **link) keepers_checked;

/* Does it show the consent of that hash, or did it once?  OK, NONE, FAULT. */
int writer_links_shows(writer_context_t *ctx, const writer_store_link_t *link,
    writer_consent_e kind, const unsigned char hash[KEEPERS_HASH_LEN])
    keepers_checked;

/* What Redis is given; "out" has KEEPERS_LINK_RECORD_MAX bytes of room. */
void writer_links_record(const writer_store_link_t *link, keepers_out_t *out);

/*
 * Creates a link from a command's fields, or changes the state of the one
 * that job->subject names; answers the job, notes it as done by "who".
 */
int writer_links_create(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t *business, const char *who) keepers_checked;
int writer_links_change(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t *business, const char *who, uint8_t state)
    keepers_checked;

/* One link as the API shows it. */

/* runs */
int writer_links_page(writer_context_t *ctx, writer_job_t *job);
int writer_links_add(writer_context_t *ctx, writer_job_t *job);
int writer_links_close(writer_context_t *ctx, writer_job_t *job);
int writer_links_open(writer_context_t *ctx, writer_job_t *job);
int writer_links_qr(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_LINKS_H_INCLUDED_ */
