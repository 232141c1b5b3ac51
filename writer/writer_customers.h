
/*
 * Copyright (C) Keepers
 *
 * Customers: how a signup becomes one, and what a business sees of them.
 */


#ifndef _WRITER_CUSTOMERS_H_INCLUDED_
#define _WRITER_CUSTOMERS_H_INCLUDED_


#include "writer/writer_job.h"
#include "writer/writer_json.h"
#include "writer/writer_person.h"


/*
 * A sound signup of an open link becomes a customer, or a further membership
 * of one: what is stored is never overwritten, what differs waits as a
 * proposed change.  The signup's id has been seen to be new.
 */
int writer_customers_join(writer_context_t *ctx,
    const writer_business_t *business, const writer_store_link_t *link,
    const keepers_signup_t *signup, uint64_t now_ms) keepers_checked;

/* Erases whose time is over; a few hundred at a time. */
int writer_customers_expire(writer_context_t *ctx, uint64_t now_ms)
    keepers_checked;

/* Roles that see addresses and numbers whole. */
bool writer_customers_in_clear(const writer_job_t *job);

/* A contact as the role may see it. */
void writer_customers_email(writer_json_t *json, keepers_str_t email,
    bool clear);

/*
 * The person of a row, who points into buf, which the caller wipes.  False,
 * logged and wiped: it is damaged.
 */
bool writer_customers_open(const writer_business_t *business,
    const writer_store_customer_t *customer,
    unsigned char buf[WRITER_PERSON_MAX], writer_person_t *person)
    keepers_checked;

/* runs */
int writer_customers_page(writer_context_t *ctx, writer_job_t *job);
int writer_customers_one(writer_context_t *ctx, writer_job_t *job);
int writer_customers_erase(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_CUSTOMERS_H_INCLUDED_ */
