
/*
 * Copyright (C) Keepers
 *
 * The reading half: one customer, and pages of them.  Rows are opened in
 * memory and searched there, for what is sealed has no index.
 */


#include "writer/writer_customers.h"

#include "writer/writer_log.h"
#include "writer/writer_query.h"

#include "core/keepers_domain.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"


#define WRITER_CUSTOMERS_SCAN_MAX  5000


typedef struct {
    const writer_business_t  *business;
    keepers_str_t             q;
    size_t                    left;
    size_t                    scan;
    bool                      clear;
    bool                      more;
    uint64_t                  last_ms;
    keepers_uuid_t            last_id;
    writer_json_t             json;
} writer_customers_list_t;


static int writer_customers_each(void *data,
    const writer_store_customer_t *customer);
static bool writer_customers_match(const writer_customers_list_t *list,
    const writer_person_t *person);
static void writer_customers_phone(writer_json_t *json, keepers_str_t phone,
    bool clear);
static void writer_customers_fields(writer_json_t *json,
    const writer_store_customer_t *customer, const writer_person_t *person,
    bool clear);
static void writer_customers_flags(writer_json_t *json, keepers_str_t email);
static void writer_customers_source(writer_json_t *json,
    const writer_person_t *person);
static int writer_customers_hanging(writer_context_t *ctx,
    writer_customers_list_t *list, const writer_store_customer_t *customer);
static int writer_customers_link(void *data, const char *slug,
    uint64_t joined_ms);
static int writer_customers_given(void *data,
    const writer_store_consent_t *consent);
static int writer_customers_change(void *data, uint64_t proposed_ms,
    const keepers_uuid_t *signup, keepers_str_t sealed);


/* An owner who lets a token see customers means those that she sees. */
bool
writer_customers_in_clear(const writer_job_t *job)
{
    return job->identity.role == KEEPERS_ROLE_OWNER
           || job->identity.role == KEEPERS_ROLE_MANAGER
           || job->identity.role == KEEPERS_ROLE_MACHINE;
}


void
writer_customers_email(writer_json_t *json, keepers_str_t email, bool clear)
{
    keepers_out_t  out;
    unsigned char  buf[KEEPERS_EMAIL_LEN_MAX + 16];

    if (clear) {
        writer_json_str(json, email);
        return;
    }

    keepers_out_init(&out, buf, sizeof(buf));
    writer_person_mask_email(email, &out);
    writer_json_str(json, keepers_out_written(&out));
}


static void
writer_customers_phone(writer_json_t *json, keepers_str_t phone, bool clear)
{
    keepers_out_t  out;
    unsigned char  buf[32];

    if (phone.len == 0) {
        writer_json_null(json);
        return;
    }

    if (clear) {
        writer_json_str(json, phone);
        return;
    }

    keepers_out_init(&out, buf, sizeof(buf));
    writer_person_mask_phone(phone, &out);
    writer_json_str(json, keepers_out_written(&out));
}


int
writer_customers_page(writer_context_t *ctx, writer_job_t *job)
{
    int                      rc;
    writer_customers_list_t  list;

    memset(&list, 0, sizeof(list));

    rc = writer_job_business(ctx, job, &list.business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    list.q = keepers_str(job->in.query.q, job->in.query.q_len);
    list.left = job->in.query.limit;
    list.scan = WRITER_CUSTOMERS_SCAN_MAX;
    list.clear = writer_customers_in_clear(job);

    writer_json_init(&list.json, writer_job_out(job));
    writer_json_items(&list.json);

    rc = writer_store_customers(ctx->store, list.business->row,
                                job->in.query.before_ms,
                                &job->in.query.before_id,
                                writer_customers_each, &list);

    writer_query_next(&list.json, list.more, list.last_ms, &list.last_id);
    writer_json_map_end(&list.json);

    if (!writer_json_end(&list.json)) {
        return WRITER_FAULT;
    }

    job->status = 200;

    return rc;
}


static int
writer_customers_each(void *data, const writer_store_customer_t *customer)
{
    unsigned char             buf[WRITER_PERSON_MAX];
    writer_person_t           person;
    writer_customers_list_t  *list;

    list = data;

    if (list->left == 0 || list->scan == 0) {
        list->more = true;
        return 1;
    }

    list->scan--;
    list->last_ms = customer->joined_ms;
    list->last_id = customer->id;

    if (!writer_customers_open(list->business, customer, buf, &person))
    {
        return 0;
    }

    if (writer_customers_match(list, &person)) {
        list->left--;
        writer_json_map(&list->json);
        writer_customers_fields(&list->json, customer, &person, list->clear);
        writer_json_map_end(&list->json);
    }

    keepers_wipe(buf, sizeof(buf));

    return 0;
}


/*
 * Who sees no addresses must not find them letter by letter either: a whole
 * address or a whole number, as a customer at the counter says it, or a piece
 * of a name.
 */
static bool
writer_customers_match(const writer_customers_list_t *list,
    const writer_person_t *person)
{
    writer_person_t  name;

    if (list->q.len == 0) {
        return true;
    }

    if (list->clear) {
        return writer_person_matches(person, list->q);
    }

    memset(&name, 0, sizeof(name));
    name.name = person->name;

    return writer_person_matches(&name, list->q)
           || keepers_text_eq_nocase(list->q, person->email)
           || (person->phone.len != 0
               && keepers_str_eq(list->q, person->phone));
}


bool
writer_customers_open(const writer_business_t *business,
    const writer_store_customer_t *customer,
    unsigned char buf[WRITER_PERSON_MAX], writer_person_t *person)
{
    size_t  len;

    if (writer_vault_open(business->keys.seal, WRITER_VAULT_CUSTOMER,
                          &business->uuid, &customer->id,
                          keepers_str(customer->sealed, customer->sealed_len),
                          buf, WRITER_PERSON_MAX, &len)
        && writer_person_decode(keepers_str(buf, len), person))
    {
        return true;
    }

    keepers_wipe(buf, WRITER_PERSON_MAX);
    writer_log(WRITER_LOG_ERROR, "customer_sealed", "business=%lld",
               (long long) business->row);

    return false;
}


static void
writer_customers_fields(writer_json_t *json,
    const writer_store_customer_t *customer, const writer_person_t *person,
    bool clear)
{
    writer_json_key(json, "id");
    writer_json_uuid(json, &customer->id);
    writer_json_key(json, "name");
    writer_json_str(json, person->name);
    writer_json_key(json, "email");
    writer_customers_email(json, person->email, clear);
    writer_json_key(json, "phone");
    writer_customers_phone(json, person->phone.len != 0
                                 ? person->phone : person->phone_typed, clear);
    writer_json_key(json, "link");
    writer_json_text(json, customer->slug);
    writer_json_key(json, "status");
    writer_json_text(json, "active");
    writer_json_key(json, "joined");
    writer_json_time(json, customer->joined_ms);
    writer_json_key(json, "flags");
    writer_customers_flags(json, person->email);
}


/*
 * What a business may wonder about, found when it looks and not kept: a list
 * that grows is right for those who joined before.
 */
static void
writer_customers_flags(writer_json_t *json, keepers_str_t email)
{
    keepers_str_t  domain, local;

    domain = keepers_domain_of(email);
    local = keepers_str(email.data, email.len - domain.len);

    writer_json_array(json);

    if (keepers_domain_disposable(domain)) {
        writer_json_text(json, "disposable");
    }

    if (keepers_domain_meant(domain).len != 0) {
        writer_json_text(json, "typo");
    }

    if (!keepers_text_ascii(local)) {
        writer_json_text(json, "eai");
    }

    writer_json_array_end(json);
}


int
writer_customers_one(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    keepers_uuid_t            id;
    unsigned char             buf[WRITER_PERSON_MAX];
    writer_person_t           person;
    writer_customers_list_t   list;
    writer_store_customer_t   customer;

    memset(&list, 0, sizeof(list));

    rc = writer_job_business(ctx, job, &list.business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    rc = WRITER_NONE;

    if (keepers_text_uuid_parse(keepers_str(job->subject,
                                            strlen(job->subject)), &id))
    {
        rc = writer_store_customer_get(ctx->store, list.business->row, &id,
                                       &customer);
    }

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 404, "not_found");
    }

    if (rc != WRITER_OK
        || !writer_customers_open(list.business, &customer, buf, &person))
    {
        return WRITER_FAULT;
    }

    list.clear = writer_customers_in_clear(job);

    writer_json_init(&list.json, writer_job_out(job));
    writer_json_map(&list.json);
    writer_customers_fields(&list.json, &customer, &person, list.clear);
    writer_json_key(&list.json, "phone_typed");
    writer_customers_phone(&list.json, person.phone_typed, list.clear);
    writer_json_key(&list.json, "phone_readable");
    writer_json_bool(&list.json, person.phone.len != 0);
    writer_json_key(&list.json, "expires");

    if (customer.expires_ms == 0) {
        writer_json_null(&list.json);
    } else {
        writer_json_time(&list.json, customer.expires_ms);
    }

    writer_customers_source(&list.json, &person);
    keepers_wipe(buf, sizeof(buf));

    rc = writer_customers_hanging(ctx, &list, &customer);
    writer_json_map_end(&list.json);

    if (!writer_json_end(&list.json)) {
        return WRITER_FAULT;
    }

    job->status = 200;
    memcpy(job->audit_subject, job->subject, KEEPERS_UUID_TEXT_LEN + 1);

    return rc;
}


static void
writer_customers_source(writer_json_t *json, const writer_person_t *person)
{
    size_t                    i;
    static const char *const  names[WRITER_PERSON_SOURCES] = {
        "placement", "utm_source", "utm_medium", "utm_campaign", "utm_term",
        "utm_content"
    };

    writer_json_key(json, "source");
    writer_json_map(json);

    for (i = 0; i < WRITER_PERSON_SOURCES; i++) {
        if (person->source[i].len != 0) {
            writer_json_key(json, names[i]);
            writer_json_str(json, person->source[i]);
        }
    }

    writer_json_map_end(json);
}


static int
writer_customers_hanging(writer_context_t *ctx, writer_customers_list_t *list,
    const writer_store_customer_t *customer)
{
    int  rc;

    writer_json_key(&list->json, "links");
    writer_json_array(&list->json);
    rc = writer_store_memberships(ctx->store, &customer->id,
                                  writer_customers_link, list);
    writer_json_array_end(&list->json);

    if (rc == WRITER_OK) {
        writer_json_key(&list->json, "consents");
        writer_json_array(&list->json);
        rc = writer_store_consents(ctx->store, &customer->id,
                                   writer_customers_given, list);
        writer_json_array_end(&list->json);
    }

    if (rc == WRITER_OK) {
        writer_json_key(&list->json, "changes");
        writer_json_array(&list->json);
        rc = writer_store_changes(ctx->store, &customer->id,
                                  writer_customers_change, list);
        writer_json_array_end(&list->json);
    }

    return rc;
}


static int
writer_customers_link(void *data, const char *slug, uint64_t joined_ms)
{
    writer_customers_list_t  *list;

    list = data;

    writer_json_map(&list->json);
    writer_json_key(&list->json, "slug");
    writer_json_text(&list->json, slug);
    writer_json_key(&list->json, "joined");
    writer_json_time(&list->json, joined_ms);
    writer_json_map_end(&list->json);

    return 0;
}


static int
writer_customers_given(void *data, const writer_store_consent_t *consent)
{
    char                      net[24];
    writer_customers_list_t  *list;

    list = data;

    writer_json_map(&list->json);
    writer_json_key(&list->json, "kind");
    writer_json_text(&list->json, consent->kind == WRITER_CONSENT_EMAIL
                                  ? "email" : "sms");
    writer_json_key(&list->json, "text");
    writer_json_text(&list->json, consent->text);
    writer_json_key(&list->json, "given");
    writer_json_time(&list->json, consent->given_ms);
    writer_json_key(&list->json, "locale");
    writer_json_text(&list->json, consent->locale);
    writer_json_key(&list->json, "link");
    writer_json_text(&list->json, consent->slug);
    writer_json_key(&list->json, "method");
    writer_json_text(&list->json, consent->method == 1 ? "form" : "json");
    writer_json_key(&list->json, "network");


    if (consent->net[0] == 0) {
        writer_json_null(&list->json);

    } else {
        (void) keepers_net_text(consent->net, net);
        writer_json_text(&list->json, net);
    }

    writer_json_map_end(&list->json);

    return 0;
}


static int
writer_customers_change(void *data, uint64_t proposed_ms,
    const keepers_uuid_t *signup, keepers_str_t sealed)
{
    size_t                    len;
    unsigned char             buf[WRITER_PERSON_MAX];
    writer_person_t           change;
    writer_customers_list_t  *list;

    list = data;

    if (!writer_vault_open(list->business->keys.seal, WRITER_VAULT_CHANGE,
                           &list->business->uuid, signup, sealed, buf,
                           sizeof(buf), &len)
        || !writer_person_decode(keepers_str(buf, len), &change))
    {
        keepers_wipe(buf, sizeof(buf));
        return 0;
    }

    writer_json_map(&list->json);
    writer_json_key(&list->json, "name");

    if (change.name.len != 0) {
        writer_json_str(&list->json, change.name);
    } else {
        writer_json_null(&list->json);
    }

    writer_json_key(&list->json, "phone");
    writer_customers_phone(&list->json, change.phone.len != 0
                                        ? change.phone : change.phone_typed,
                           list->clear);
    writer_json_key(&list->json, "proposed");
    writer_json_time(&list->json, proposed_ms);
    writer_json_map_end(&list->json);

    keepers_wipe(buf, sizeof(buf));

    return 0;
}
