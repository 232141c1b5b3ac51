
/*
 * Copyright (C) Keepers
 *
 * What is held is the whole signup record, sealed: accepting it later is the
 * same step as if it had not been held.
 */


#include "writer/writer_held.h"

#include "writer/writer_audit.h"
#include "writer/writer_customers.h"
#include "writer/writer_json.h"
#include "writer/writer_links.h"
#include "writer/writer_query.h"

#include "core/keepers_text.h"


#define WRITER_HELD_MS  1209600000ull       /* 14 days */


_Static_assert(WRITER_HELD_SEALED_MAX
               >= KEEPERS_SIGNUP_RECORD_MAX + WRITER_VAULT_OVERHEAD, "held");


typedef struct {
    const writer_business_t  *business;
    writer_json_t             json;
    size_t                    left;
    bool                      clear;
    bool                      more;
    uint64_t                  last_ms;
    keepers_uuid_t            last_id;
} writer_held_list_t;


static int writer_held_each(void *data, const writer_store_held_t *held);
static bool writer_held_open(const writer_business_t *business,
    const writer_store_held_t *held, unsigned char *buf, size_t size,
    keepers_signup_t *signup);
static int writer_held_find(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t **business, writer_store_held_t *held);


int
writer_held_take(writer_context_t *ctx, const writer_business_t *business,
    const writer_store_link_t *link, const keepers_signup_t *signup)
{
    keepers_out_t        out;
    keepers_str_t        plain;
    unsigned char        buf[KEEPERS_SIGNUP_RECORD_MAX];
    writer_store_held_t  held;

    static const unsigned char  none[KEEPERS_HASH_LEN];

    held.id = signup->id;
    held.business = business->row;
    held.link = link->row;
    held.received_ms = signup->received_ms;
    held.expires_ms = signup->received_ms + WRITER_HELD_MS;
    held.reason = signup->flags & KEEPERS_SIGNUP_HELD;

    /* the same form posted twice is held once; without a digest, by its id */
    memcpy(held.digest, signup->digest, KEEPERS_HASH_LEN);

    if (memcmp(held.digest, none, KEEPERS_HASH_LEN) == 0) {
        memcpy(held.digest, signup->id.bytes, KEEPERS_UUID_LEN);
    }

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_signup_encode(signup, &out);
    plain = keepers_out_written(&out);

    if (out.overflow) {
        keepers_wipe(buf, sizeof(buf));
        return WRITER_FAULT;
    }

    writer_vault_seal(business->keys.seal, WRITER_VAULT_HELD, &business->uuid,
                      &held.id, plain, held.sealed);
    held.sealed_len = plain.len + WRITER_VAULT_OVERHEAD;
    keepers_wipe(buf, plain.len);

    return writer_store_held_add(ctx->store, &held);
}


int
writer_held_purge(writer_context_t *ctx, uint64_t now_ms)
{
    return writer_store_held_purge(ctx->store, now_ms);
}


int
writer_held_page(writer_context_t *ctx, writer_job_t *job)
{
    int                 rc;
    writer_held_list_t  list;

    memset(&list, 0, sizeof(list));

    rc = writer_job_business(ctx, job, &list.business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    list.left = job->in.query.limit;
    list.clear = writer_customers_in_clear(job);

    writer_json_init(&list.json, writer_job_out(job));
    writer_json_items(&list.json);

    rc = writer_store_held(ctx->store, list.business->row,
                           job->in.query.before_ms, &job->in.query.before_id,
                           job->now_ms, writer_held_each, &list);

    writer_query_next(&list.json, list.more, list.last_ms, &list.last_id);
    writer_json_map_end(&list.json);

    if (!writer_json_end(&list.json)) {
        return WRITER_FAULT;
    }

    job->status = 200;

    return rc;
}


static int
writer_held_each(void *data, const writer_store_held_t *held)
{
    const char          *reason;
    unsigned char        buf[KEEPERS_SIGNUP_RECORD_MAX];
    keepers_signup_t     signup;
    writer_held_list_t  *list;

    list = data;

    if (list->left == 0) {
        list->more = true;
        return 1;
    }

    if (!writer_held_open(list->business, held, buf, sizeof(buf), &signup)) {
        return 0;
    }

    list->left--;
    list->last_ms = held->received_ms;
    list->last_id = held->id;

    reason = held->reason & KEEPERS_SIGNUP_HELD_MARKUP ? "markup"
             : held->reason & KEEPERS_SIGNUP_HELD_URL ? "url_in_name"
             : held->reason & KEEPERS_SIGNUP_HELD_BUDGET ? "budget"
             : "honeypot";

    writer_json_map(&list->json);
    writer_json_key(&list->json, "id");
    writer_json_uuid(&list->json, &held->id);
    writer_json_key(&list->json, "name");
    writer_json_str(&list->json, signup.name);
    writer_json_key(&list->json, "email");
    writer_customers_email(&list->json, signup.email, list->clear);
    writer_json_key(&list->json, "reason");
    writer_json_text(&list->json, reason);
    writer_json_key(&list->json, "link");
    writer_json_text(&list->json, held->slug);
    writer_json_key(&list->json, "received");
    writer_json_time(&list->json, held->received_ms);
    writer_json_key(&list->json, "expires");
    writer_json_time(&list->json, held->expires_ms);
    writer_json_map_end(&list->json);

    keepers_wipe(buf, sizeof(buf));

    return 0;
}


static bool
writer_held_open(const writer_business_t *business,
    const writer_store_held_t *held, unsigned char *buf, size_t size,
    keepers_signup_t *signup)
{
    size_t  len;

    if (writer_vault_open(business->keys.seal, WRITER_VAULT_HELD,
                          &business->uuid, &held->id,
                          keepers_str(held->sealed, held->sealed_len), buf,
                          size, &len)
        && keepers_signup_decode(keepers_str(buf, len), signup) == KEEPERS_OK)
    {
        return true;
    }

    keepers_wipe(buf, size);

    return false;
}


/* NONE with the problem set. */
static int
writer_held_find(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t **business, writer_store_held_t *held)
{
    int             rc;
    keepers_uuid_t  id;

    rc = writer_job_business(ctx, job, business);
    if (rc != WRITER_OK) {
        return rc;
    }

    rc = WRITER_NONE;

    if (keepers_text_uuid_parse(keepers_str(job->subject,
                                            strlen(job->subject)), &id))
    {
        rc = writer_store_held_get(ctx->store, (*business)->row, &id, held);
    }

    if (rc == WRITER_OK && held->expires_ms <= job->now_ms) {
        rc = WRITER_NONE;
    }

    if (rc == WRITER_NONE) {
        (void) writer_job_problem(job, 404, "not_found");
    }

    return rc;
}


int
writer_held_accept(writer_context_t *ctx, writer_job_t *job)
{
    int                         rc;
    unsigned char               buf[KEEPERS_SIGNUP_RECORD_MAX];
    keepers_signup_t            signup;
    writer_store_held_t         held;
    const writer_business_t    *business;
    const writer_store_link_t  *link;

    rc = writer_held_find(ctx, job, &business, &held);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    if (!writer_held_open(business, &held, buf, sizeof(buf), &signup)) {
        return WRITER_FAULT;
    }

    /* a link deleted meanwhile still is where this person came from */
    link = NULL;
    rc = writer_links_find(ctx, signup.slug, &link);

    if (rc != WRITER_FAULT) {
        rc = link != NULL ? WRITER_OK : WRITER_FAULT;
    }

    if (rc == WRITER_OK) {
        rc = writer_customers_join(ctx, business, link, &signup, job->now_ms);
    }

    keepers_wipe(buf, sizeof(buf));

    if (rc == WRITER_OK) {
        rc = writer_store_held_remove(ctx->store, business->row, &held.id);
    }

    if (rc == WRITER_OK) {
        rc = writer_audit_job(ctx, business, job, "held.accepted",
                              job->subject);
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


int
writer_held_discard(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    writer_store_held_t       held;
    const writer_business_t  *business;

    rc = writer_held_find(ctx, job, &business, &held);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    rc = writer_store_held_remove(ctx->store, business->row, &held.id);

    if (rc == WRITER_OK) {
        rc = writer_audit_job(ctx, business, job, "held.discarded",
                              job->subject);
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}
