
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_audit.h"

#include "writer/writer_accounts.h"
#include "writer/writer_json.h"
#include "writer/writer_log.h"

#include "core/keepers_text.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_AUDIT_APART_MS  60000

/* A row's text begins with a hash: neither text is ever the other. */
#define WRITER_AUDIT_HEAD  "keepers audit head 1, of a log with this many rows:"


typedef struct {
    writer_context_t  *ctx;
    writer_json_t      json;
    size_t             left;
    int64_t            next;        /* 0: no further page */
    int64_t            last;
    char               who[WRITER_WORD_LEN_MAX + 1];
    unsigned char      email[KEEPERS_EMAIL_LEN_MAX];
    size_t             email_len;   /* of "who"; 0: shown as it stands */
} writer_audit_page_t;


static int writer_audit_seal(writer_context_t *ctx,
    const writer_business_t *business,
    const unsigned char last[KEEPERS_HASH_LEN],
    const unsigned char hash[KEEPERS_HASH_LEN]);
static int writer_audit_apart_run(writer_context_t *ctx, writer_job_t *job);
static void writer_audit_apart_end(writer_job_t *apart);
static int writer_audit_newest(void *data, const writer_store_audit_t *audit);
static int writer_audit_each(void *data, const writer_store_audit_t *audit);
static void writer_audit_who(writer_audit_page_t *page, const char *who);


int
writer_audit_begin(writer_context_t *ctx, const writer_business_t *business)
{
    unsigned char        none[KEEPERS_HASH_LEN];
    writer_store_head_t  head;

    memset(none, 0, sizeof(none));
    head.rows = 0;
    writer_audit_head(business, 0, none, head.seal);

    return writer_store_audit_seal(ctx->store, business->row, &head);
}


int
writer_audit_note(writer_context_t *ctx, const writer_business_t *business,
    const char *who, const char *what, const char *subject, uint64_t now_ms)
{
    int                   rc;
    unsigned char         last[KEEPERS_HASH_LEN];
    writer_store_audit_t  audit;

    memset(last, 0, sizeof(last));
    memset(&audit, 0, sizeof(audit));

    rc = writer_store_audit_last(ctx->store, business->row, last);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    audit.business = business->row;
    audit.at_ms = now_ms;
    snprintf(audit.who, sizeof(audit.who), "%s", who);
    snprintf(audit.what, sizeof(audit.what), "%s", what);
    snprintf(audit.subject, sizeof(audit.subject), "%s", subject);

    writer_audit_chain(business, last, &audit, audit.hash);

    rc = writer_store_audit_add(ctx->store, &audit);

    return rc == WRITER_OK
           ? writer_audit_seal(ctx, business, last, audit.hash) : rc;
}


void
writer_audit_chain(const writer_business_t *business,
    const unsigned char last[KEEPERS_HASH_LEN],
    const writer_store_audit_t *audit, unsigned char hash[KEEPERS_HASH_LEN])
{
    size_t          i;
    const char     *words[3];
    keepers_out_t   out;
    keepers_str_t   part;
    unsigned char   text[4 * (WRITER_WORD_LEN_MAX + KEEPERS_HASH_LEN)];

    words[0] = audit->who;
    words[1] = audit->what;
    words[2] = audit->subject;

    keepers_out_init(&out, text, sizeof(text));
    keepers_out_bytes(&out, last, KEEPERS_HASH_LEN);
    keepers_out_u64(&out, audit->at_ms);

    for (i = 0; i < 3; i++) {
        keepers_out_lstr(&out, keepers_str(words[i], strlen(words[i])));
    }

    part = keepers_out_written(&out);
    keepers_keyed_hash(business->keys.audit, &part, 1, hash,
                       KEEPERS_HASH_LEN);
}


void
writer_audit_head(const writer_business_t *business, uint64_t rows,
    const unsigned char last[KEEPERS_HASH_LEN],
    unsigned char seal[KEEPERS_HASH_LEN])
{
    keepers_out_t  out;
    keepers_str_t  part;
    unsigned char  text[sizeof(WRITER_AUDIT_HEAD) + 8 + KEEPERS_HASH_LEN];

    keepers_out_init(&out, text, sizeof(text));
    keepers_out_text(&out, WRITER_AUDIT_HEAD);
    keepers_out_u64(&out, rows);
    keepers_out_bytes(&out, last, KEEPERS_HASH_LEN);

    part = keepers_out_written(&out);
    keepers_keyed_hash(business->keys.audit, &part, 1, seal,
                       KEEPERS_HASH_LEN);
}


/*
 * The head goes one row on, if it was right: a new row must not heal what
 * somebody has cut off before it.
 */
static int
writer_audit_seal(writer_context_t *ctx, const writer_business_t *business,
    const unsigned char last[KEEPERS_HASH_LEN],
    const unsigned char hash[KEEPERS_HASH_LEN])
{
    int                  rc;
    unsigned char        seal[KEEPERS_HASH_LEN];
    writer_store_head_t  head;

    rc = writer_store_audit_head(ctx->store, business->row, &head);

    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    writer_audit_head(business, head.rows, last, seal);

    if (!head.sealed || !keepers_equal(seal, head.seal, sizeof(seal))) {
        return WRITER_OK;
    }

    head.rows++;
    writer_audit_head(business, head.rows, hash, head.seal);

    return writer_store_audit_seal(ctx->store, business->row, &head);
}


int
writer_audit_job(writer_context_t *ctx, const writer_business_t *business,
    const writer_job_t *job, const char *what, const char *subject)
{
    char  who[KEEPERS_UUID_TEXT_LEN + 1];

    writer_job_who(job, who);

    return writer_audit_note(ctx, business, who, what, subject,
                             job->now_ms);
}


int
writer_audit_run(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    const writer_business_t  *business;

    rc = writer_business_find(&ctx->businesses, ctx->store,
                              &job->identity.business, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    return writer_audit_job(ctx, business, job, job->route->audit,
                            job->audit_subject);
}


writer_job_t *
writer_audit_apart(const writer_job_t *job)
{
    writer_job_t  *apart;

    if (job->audit_apart == NULL) {
        return NULL;
    }

    apart = calloc(1, sizeof(*apart));

    if (apart == NULL) {
        writer_log(WRITER_LOG_WARN, "audit_lost", "reason=memory");
        return NULL;
    }

    apart->now_ms = job->now_ms;
    apart->identity = job->identity;
    apart->audit_apart = job->audit_apart;
    apart->audit_once = job->audit_once;
    memcpy(apart->audit_subject, job->audit_subject,
           sizeof(apart->audit_subject));

    apart->noting = true;
    apart->run = writer_audit_apart_run;
    apart->finished = writer_audit_apart_end;

    return apart;
}


static int
writer_audit_apart_run(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    char                      who[KEEPERS_UUID_TEXT_LEN + 1];
    writer_store_audit_t      last;
    const writer_business_t  *business;

    memset(&last, 0, sizeof(last));

    rc = writer_business_find(&ctx->businesses, ctx->store,
                              &job->identity.business, &business);

    if (rc == WRITER_OK) {
        rc = writer_store_audits(ctx->store, business->row, INT64_MAX,
                                 writer_audit_newest, &last);
    }

    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    writer_job_who(job, who);

    /* whoever tries passwords fills a line a minute, and not the disk */

    if (job->audit_once
        && last.at_ms + WRITER_AUDIT_APART_MS > job->now_ms
        && strcmp(last.what, job->audit_apart) == 0
        && strcmp(last.who, who) == 0)
    {
        return WRITER_OK;
    }

    return writer_audit_note(ctx, business, who, job->audit_apart,
                             job->audit_subject, job->now_ms);
}


static void
writer_audit_apart_end(writer_job_t *apart)
{
    free(apart);
}


static int
writer_audit_newest(void *data, const writer_store_audit_t *audit)
{
    *(writer_store_audit_t *) data = *audit;

    return 1;
}


int
writer_audit_page(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    char                      next[24];
    writer_audit_page_t       page;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    memset(&page, 0, sizeof(page));
    page.ctx = ctx;
    page.left = job->in.query.limit;

    writer_json_init(&page.json, writer_job_out(job));
    writer_json_items(&page.json);

    rc = writer_store_audits(ctx->store, business->row,
                             job->in.query.before_seq, writer_audit_each,
                             &page);

    writer_json_next(&page.json);

    if (page.next != 0) {
        snprintf(next, sizeof(next), "%lld", (long long) page.next);
        writer_json_text(&page.json, next);

    } else {
        writer_json_null(&page.json);
    }

    writer_json_map_end(&page.json);
    keepers_wipe(page.email, sizeof(page.email));

    if (!writer_json_end(&page.json)) {
        return WRITER_FAULT;
    }

    job->status = 200;

    return rc;
}


static int
writer_audit_each(void *data, const writer_store_audit_t *audit)
{
    writer_audit_page_t  *page;

    page = data;

    if (page->left == 0) {
        page->next = page->last;
        return 1;
    }

    page->left--;
    page->last = audit->seq;

    writer_json_map(&page->json);
    writer_json_key(&page->json, "at");
    writer_json_time(&page->json, audit->at_ms);
    writer_json_key(&page->json, "who");
    writer_audit_who(page, audit->who);
    writer_json_key(&page->json, "what");
    writer_json_text(&page->json, audit->what);
    writer_json_key(&page->json, "subject");
    writer_json_text(&page->json, audit->subject);
    writer_json_map_end(&page->json);

    return 0;
}


/* A user is shown by address: stored is the id, which says nothing. */
static void
writer_audit_who(writer_audit_page_t *page, const char *who)
{
    keepers_out_t   out;
    keepers_uuid_t  user;

    if (strcmp(page->who, who) != 0) {
        snprintf(page->who, sizeof(page->who), "%s", who);
        page->email_len = 0;

        if (keepers_text_uuid_parse(keepers_str(who, strlen(who)), &user)) {
            keepers_out_init(&out, page->email, sizeof(page->email));

            if (writer_accounts_email(page->ctx, &user, &out) == WRITER_OK) {
                page->email_len = out.len;
            }
        }
    }

    if (page->email_len != 0) {
        writer_json_str(&page->json,
                        keepers_str(page->email, page->email_len));
    } else {
        writer_json_text(&page->json, who);
    }
}
