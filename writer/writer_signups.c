
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_signups.h"

#include "writer/writer_customers.h"
#include "writer/writer_even.h"
#include "writer/writer_held.h"
#include "writer/writer_http.h"
#include "writer/writer_links.h"
#include "writer/writer_signups_batch.h"

#include "core/keepers_domain.h"


static const unsigned char  writer_signups_no_hash[KEEPERS_HASH_LEN];


static int writer_signups_rules(writer_context_t *ctx, writer_job_t *job,
    const writer_store_link_t *link);
static int writer_signups_text(writer_context_t *ctx, writer_job_t *job,
    const writer_store_link_t *link, writer_consent_e kind,
    const unsigned char *hash, const unsigned char *current);
static int writer_signups_closed(writer_context_t *ctx, writer_job_t *job);


bool
writer_signups_read(writer_job_t *job, void *data)
{
    size_t  len;

    writer_even_came(job);

    if (keepers_batch_is(writer_job_body(job))) {
        return writer_signups_batch_read(job, data);
    }

    return writer_http_envelope(data, job, KEEPERS_RECORD_SIGNUP, &len)
           && writer_signups_take(job, len);
}


bool
writer_signups_take(writer_job_t *job, size_t len)
{
    keepers_signup_t  *signup;

    signup = &job->in.signup;

    if (keepers_signup_decode(keepers_str(job->room, len), signup)
        != KEEPERS_OK)
    {
        (void) writer_job_problem(job, 400, "envelope");
        return false;
    }

    if (!keepers_signup_sound(signup)) {
        (void) writer_job_problem(job, 422, "record");
        return false;
    }

    /* the clock of an edge may be ahead; no one joins in the future */
    if (signup->received_ms > job->now_ms) {
        signup->received_ms = job->now_ms;
    }

    return true;
}


int
writer_signups_run(writer_context_t *ctx, writer_job_t *job)
{
    int                         rc;
    keepers_signup_t            signup;
    const writer_business_t    *business;
    const writer_store_link_t  *link;

    /* a copy: a run that comes again finds the job as it was */
    signup = job->in.signup;

    rc = writer_links_find(ctx, signup.slug, &link);

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 404, "link_unknown");
    }

    if (rc != WRITER_OK) {
        return rc;
    }

    /* what an edge took before the link closed was taken in good faith */
    if (link->state == KEEPERS_LINK_CLOSED
        && signup.received_ms >= link->updated_ms)
    {
        return writer_signups_closed(ctx, job);
    }

    rc = writer_signups_rules(ctx, job, link);
    if (rc != WRITER_OK || job->errors_n != 0) {
        return rc;
    }

    /* a link that does not ask for a number keeps none */
    if ((link->flags & KEEPERS_LINK_PHONE) == 0) {
        signup.phone.len = 0;
        signup.phone_typed.len = 0;
    }

    rc = writer_business_find(&ctx->businesses, ctx->store,
                              &link->business_uuid, &business);

    if (rc != WRITER_OK && !writer_store_disk_fault(ctx->store)) {
        /* its key does not open: nothing was written, the group goes on */
        return writer_job_problem(job, 503, "data_key");
    }

    if (rc != WRITER_OK) {
        return WRITER_FAULT;
    }

    rc = writer_store_signup_add(ctx->store, &signup.id, link->row,
                                 signup.received_ms);

    if (rc == WRITER_OK) {
        rc = signup.flags & KEEPERS_SIGNUP_HELD
             ? writer_held_take(ctx, business, link, &signup)
             : writer_customers_join(ctx, business, link, &signup,
                                     job->now_ms);
    }

    /* WRITER_NONE: a repeat, which gets the first one's answer */

    return rc == WRITER_FAULT
           ? rc : writer_job_text(job, 202, "");
}


static int
writer_signups_rules(writer_context_t *ctx, writer_job_t *job,
    const writer_store_link_t *link)
{
    int                      rc;
    const keepers_signup_t  *signup;

    signup = &job->in.signup;

    if (signup->name.len == 0
        && (link->flags & KEEPERS_LINK_NAME_OPTIONAL) == 0)
    {
        writer_job_error(job, "name", "required");
    }

    if ((link->flags & KEEPERS_LINK_LASTING)
        && keepers_domain_disposable(keepers_domain_of(signup->email)))
    {
        writer_job_error(job, "email", "disposable");
    }

    rc = writer_signups_text(ctx, job, link, WRITER_CONSENT_EMAIL,
                             signup->consent_email, link->consent_email_hash);

    if (rc == WRITER_OK) {
        rc = writer_signups_text(ctx, job, link, WRITER_CONSENT_SMS,
                                 signup->consent_sms, link->consent_sms_hash);
    }

    return rc;
}


/* A consent is to a text that this link shows, or once did. */
static int
writer_signups_text(writer_context_t *ctx, writer_job_t *job,
    const writer_store_link_t *link, writer_consent_e kind,
    const unsigned char *hash, const unsigned char *current)
{
    int  rc;

    if (memcmp(hash, writer_signups_no_hash, KEEPERS_HASH_LEN) == 0
        || memcmp(hash, current, KEEPERS_HASH_LEN) == 0)
    {
        return WRITER_OK;
    }

    rc = writer_links_shows(ctx, link, kind, hash);

    if (rc == WRITER_NONE) {
        writer_job_error(job, kind == WRITER_CONSENT_EMAIL
                              ? "consent_email" : "consent_sms",
                         "unknown_text");
        return WRITER_OK;
    }

    return rc;
}


static int
writer_signups_closed(writer_context_t *ctx, writer_job_t *job)
{
    int  rc;

    rc = writer_store_signup_seen(ctx->store, &job->in.signup.id);

    switch (rc) {

    case WRITER_OK:
        return writer_job_text(job, 202, "");

    case WRITER_NONE:
        return writer_job_problem(job, 409, "link_closed");

    default:
        return rc;
    }
}
