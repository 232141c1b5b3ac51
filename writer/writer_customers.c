
/*
 * Copyright (C) Keepers
 *
 * The writing half: joining, erasing.  What is shown is in
 * writer_customers_show.c.
 */


#include "writer/writer_customers.h"

#include "writer/writer_audit.h"
#include "writer/writer_log.h"
#include "writer/writer_person.h"

#include "core/keepers_text.h"

#include <stdio.h>


#define WRITER_CUSTOMERS_DAY_MS       86400000ull
#define WRITER_CUSTOMERS_EXPIRE_MAX   200


static void writer_customers_id(keepers_uuid_t *id,
    const keepers_signup_t *signup);
static int writer_customers_known(writer_context_t *ctx,
    const writer_business_t *business, const writer_person_t *person,
    const keepers_signup_t *signup, const writer_store_link_t *link,
    uint64_t now_ms, writer_store_customer_t *customer);
static int writer_customers_further(writer_context_t *ctx,
    const writer_store_customer_t *customer, const writer_store_link_t *link,
    const keepers_signup_t *signup);
static int writer_customers_propose(writer_context_t *ctx,
    const writer_business_t *business, const writer_store_customer_t *customer,
    const writer_person_t *stored, const writer_person_t *person,
    const keepers_signup_t *signup, uint64_t now_ms);
static int writer_customers_agrees(const keepers_signup_t *signup,
    const writer_store_link_t *link, writer_store_given_t *given);
static const unsigned char *writer_customers_ticked(
    const unsigned char hash[KEEPERS_HASH_LEN]);
static uint64_t writer_customers_until(const writer_store_link_t *link,
    uint64_t joined_ms);
static int writer_customers_expired(writer_context_t *ctx,
    const writer_store_customer_t *customer, uint64_t now_ms);
static int writer_customers_gone(writer_context_t *ctx,
    const writer_business_t *business, const keepers_uuid_t *id,
    const char *who, const char *what, uint64_t now_ms);


int
writer_customers_join(writer_context_t *ctx,
    const writer_business_t *business, const writer_store_link_t *link,
    const keepers_signup_t *signup, uint64_t now_ms)
{
    int                      rc, fresh;
    char                     e164[24];
    keepers_out_t            out;
    keepers_str_t            plain;
    unsigned char            buf[WRITER_PERSON_MAX];
    writer_person_t          person;
    writer_store_given_t     given;
    writer_store_customer_t  customer;

    if (writer_customers_agrees(signup, link, &given) != WRITER_OK) {
        return WRITER_FAULT;
    }

    writer_customers_id(&customer.id, signup);
    customer.business = business->row;
    customer.link = link->row;
    customer.joined_ms = signup->received_ms;
    customer.expires_ms = writer_customers_until(link, signup->received_ms);

    writer_vault_email(business->keys.email, signup->email,
                       customer.email_hash);
    writer_person_signup(signup, link->country, e164, &person);

    keepers_out_init(&out, buf, sizeof(buf));
    writer_person_encode(&person, &out);
    plain = keepers_out_written(&out);

    if (out.overflow
        || plain.len + WRITER_VAULT_OVERHEAD > sizeof(customer.sealed))
    {
        keepers_wipe(buf, sizeof(buf));
        keepers_wipe(e164, sizeof(e164));
        return WRITER_FAULT;
    }

    writer_vault_seal(business->keys.seal, WRITER_VAULT_CUSTOMER,
                      &business->uuid, &customer.id, plain, customer.sealed);
    customer.sealed_len = plain.len + WRITER_VAULT_OVERHEAD;
    keepers_wipe(buf, plain.len);

    rc = writer_store_customer_add(ctx->store, &customer, &given);
    fresh = rc == WRITER_OK;

    if (rc == WRITER_NONE) {
        rc = writer_customers_known(ctx, business, &person, signup, link,
                                    now_ms, &customer);

        if (rc == WRITER_OK) {
            rc = writer_customers_further(ctx, &customer, link, signup);
        }
    }

    if (rc != WRITER_FAULT
        && (fresh || rc == WRITER_OK)
        && writer_store_tally(ctx->store, business->row, link->row,
                              signup->received_ms / WRITER_CUSTOMERS_DAY_MS,
                              fresh, rc == WRITER_OK)
           != WRITER_OK)
    {
        rc = WRITER_FAULT;
    }

    keepers_wipe(e164, sizeof(e164));

    if (rc == WRITER_FAULT || fresh) {
        return rc;
    }

    return writer_store_consents_add(ctx->store, &customer.id, &given);
}


/*
 * By time, so that what is new stands together, in this table and in those
 * that refer to it: a signup's own id has no time when a program sent it, and
 * a random one costs a page of each B-tree.  A repeat ends at the signup's id.
 */
static void
writer_customers_id(keepers_uuid_t *id, const keepers_signup_t *signup)
{
    keepers_text_uuid7(id, signup->received_ms, &signup->id.bytes[6]);
}


/* Replaces *customer by the stored one. */
static int
writer_customers_known(writer_context_t *ctx,
    const writer_business_t *business, const writer_person_t *person,
    const keepers_signup_t *signup, const writer_store_link_t *link,
    uint64_t now_ms, writer_store_customer_t *customer)
{
    int              rc;
    uint64_t         until_ms;
    unsigned char    buf[WRITER_PERSON_MAX];
    writer_person_t  stored;

    rc = writer_store_customer_find(ctx->store, business->row,
                                    customer->email_hash, customer);
    if (rc != WRITER_OK) {
        /* neither new nor there: its id is another customer's already */
        return WRITER_FAULT;
    }

    if (!writer_customers_open(business, customer, buf, &stored)) {
        return WRITER_FAULT;
    }

    rc = writer_customers_propose(ctx, business, customer, &stored, person,
                                  signup, now_ms);
    keepers_wipe(buf, sizeof(buf));

    if (rc == WRITER_FAULT) {
        return rc;
    }

    /* kept as long as the most lasting of their links says */
    until_ms = writer_customers_until(link, signup->received_ms);

    if (customer->expires_ms != 0
        && (until_ms == 0 || until_ms > customer->expires_ms))
    {
        return writer_store_customer_keep(ctx->store, &customer->id, until_ms);
    }

    return WRITER_OK;
}


/* WRITER_NONE: they had joined by this link before. */
static int
writer_customers_further(writer_context_t *ctx,
    const writer_store_customer_t *customer, const writer_store_link_t *link,
    const keepers_signup_t *signup)
{
    if (customer->link == link->row) {
        return WRITER_NONE;
    }

    return writer_store_membership_add(ctx->store, &customer->id, link->row,
                                       &signup->id, signup->received_ms);
}


static int
writer_customers_propose(writer_context_t *ctx,
    const writer_business_t *business, const writer_store_customer_t *customer,
    const writer_person_t *stored, const writer_person_t *person,
    const keepers_signup_t *signup, uint64_t now_ms)
{
    int              rc;
    keepers_out_t    out;
    keepers_str_t    plain;
    unsigned char    buf[WRITER_PERSON_MAX];
    unsigned char    sealed[WRITER_SEALED_MAX], digest[KEEPERS_HASH_LEN];
    writer_person_t  change;

    memset(&change, 0, sizeof(change));

    if (person->name.len != 0 && !keepers_str_eq(person->name, stored->name)) {
        change.name = person->name;
    }

    if (person->phone_typed.len != 0
        && !keepers_str_eq(person->phone_typed, stored->phone_typed)
        && (person->phone.len == 0
            || !keepers_str_eq(person->phone, stored->phone)))
    {
        change.phone = person->phone;
        change.phone_typed = person->phone_typed;
    }

    if (change.name.len == 0 && change.phone_typed.len == 0) {
        return WRITER_OK;
    }

    keepers_out_init(&out, buf, sizeof(buf));
    writer_person_encode(&change, &out);
    plain = keepers_out_written(&out);

    keepers_keyed_hash(business->keys.email, &plain, 1, digest,
                       sizeof(digest));
    writer_vault_seal(business->keys.seal, WRITER_VAULT_CHANGE,
                      &business->uuid, &signup->id, plain, sealed);

    rc = writer_store_change_add(ctx->store, &customer->id, &signup->id,
             digest, keepers_str(sealed, plain.len + WRITER_VAULT_OVERHEAD),
             now_ms);

    keepers_wipe(buf, sizeof(buf));

    return rc == WRITER_FAULT ? rc : WRITER_OK;
}


/* Who agrees to nothing is not asked where and how. */
static int
writer_customers_agrees(const keepers_signup_t *signup,
    const writer_store_link_t *link, writer_store_given_t *given)
{
    memset(given, 0, sizeof(*given));

    given->signup = signup->id;
    given->link = link->row;
    given->given_ms = signup->received_ms;
    given->email = writer_customers_ticked(signup->consent_email);
    given->sms = writer_customers_ticked(signup->consent_sms);

    if (given->email == NULL && given->sms == NULL) {
        return WRITER_OK;
    }

    if (signup->locale.len >= sizeof(given->locale)) {
        return WRITER_FAULT;
    }

    if (signup->locale.len != 0) {
        memcpy(given->locale, signup->locale.data, signup->locale.len);
    }

    given->method = signup->flags & KEEPERS_SIGNUP_FORM ? 1 : 2;
    memcpy(given->net, signup->net, sizeof(given->net));

    return WRITER_OK;
}


static const unsigned char *
writer_customers_ticked(const unsigned char hash[KEEPERS_HASH_LEN])
{
    static const unsigned char  none[KEEPERS_HASH_LEN];

    return memcmp(hash, none, KEEPERS_HASH_LEN) != 0 ? hash : NULL;
}


static uint64_t
writer_customers_until(const writer_store_link_t *link, uint64_t joined_ms)
{
    return link->retention_days == 0
           ? 0 : joined_ms + link->retention_days * WRITER_CUSTOMERS_DAY_MS;
}


int
writer_customers_expire(writer_context_t *ctx, uint64_t now_ms)
{
    int                      i, rc;
    writer_store_customer_t  customer;

    memset(&customer, 0, sizeof(customer));

    for (i = 0; i < WRITER_CUSTOMERS_EXPIRE_MAX; i++) {
        rc = writer_store_customer_expired(ctx->store, now_ms, &customer);

        if (rc != WRITER_OK) {
            return rc == WRITER_NONE ? WRITER_OK : rc;
        }

        rc = writer_customers_expired(ctx, &customer, now_ms);

        if (rc != WRITER_OK) {
            return rc;
        }
    }

    return WRITER_OK;
}


/* One whose business's key is damaged waits: there is no audit without it. */
static int
writer_customers_expired(writer_context_t *ctx,
    const writer_store_customer_t *customer, uint64_t now_ms)
{
    int                       rc;
    writer_store_business_t   found;
    const writer_business_t  *business;

    rc = writer_store_business_get(ctx->store, customer->business, &found);

    if (rc == WRITER_OK) {
        rc = writer_business_find(&ctx->businesses, ctx->store, &found.uuid,
                                  &business);
    }

    if (rc != WRITER_OK) {
        return writer_store_disk_fault(ctx->store) ? WRITER_FAULT : WRITER_OK;
    }

    rc = writer_customers_gone(ctx, business, &customer->id, "retention",
                               "customer.expired", now_ms);

    return rc == WRITER_OK ? rc : WRITER_FAULT;
}


int
writer_customers_erase(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    char                      who[KEEPERS_UUID_TEXT_LEN + 1];
    keepers_uuid_t            id;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    if (!keepers_text_uuid_parse(keepers_str(job->subject,
                                             strlen(job->subject)), &id))
    {
        return writer_job_problem(job, 404, "not_found");
    }

    writer_job_who(job, who);

    rc = writer_customers_gone(ctx, business, &id, who, "customer.erased",
                               job->now_ms);

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 404, "not_found");
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : rc;
}


static int
writer_customers_gone(writer_context_t *ctx,
    const writer_business_t *business, const keepers_uuid_t *id,
    const char *who, const char *what, uint64_t now_ms)
{
    int            rc;
    char           subject[KEEPERS_UUID_TEXT_LEN + 1];
    keepers_out_t  out;

    rc = writer_store_customer_erase(ctx->store, business->row, id, now_ms);
    if (rc != WRITER_OK) {
        return rc;
    }

    keepers_out_init(&out, subject, KEEPERS_UUID_TEXT_LEN);
    keepers_text_uuid(&out, id);
    subject[out.len] = '\0';

    rc = writer_audit_note(ctx, business, who, what, subject, now_ms);

    return rc == WRITER_OK
           ? writer_store_tally(ctx->store, business->row, 0, 0, -1, 0) : rc;
}
