
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_links.h"

#include "writer/writer_audit.h"
#include "writer/writer_json.h"

#include "core/keepers_consent.h"
#include "core/keepers_link.h"
#include "core/keepers_signup.h"
#include "core/keepers_text.h"

#include <stdlib.h>


#define WRITER_LINKS_CACHE          64      /* a power of two */
#define WRITER_LINKS_RETENTION_MAX  36500
#define WRITER_LINKS_COLOR          0x1d4f7a


/* Of each kind, a text that the link is known to show, or once did. */
typedef struct {
    writer_store_link_t  link;                          /* row 0: free */
    bool                 known[WRITER_CONSENT_SMS];
    unsigned char        texts[WRITER_CONSENT_SMS][KEEPERS_HASH_LEN];
} writer_links_entry_t;


/* Only the committer changes links, and it forgets all when it does. */
struct writer_links_s {
    writer_links_entry_t  entries[WRITER_LINKS_CACHE];
};


static size_t writer_links_place(keepers_str_t slug);
static void writer_links_fields(writer_job_t *job, writer_store_link_t *link);
static void writer_links_consents(writer_job_t *job,
    writer_store_link_t *link);
static bool writer_links_box(char *text,
    unsigned char hash[KEEPERS_HASH_LEN]);
static int writer_links_standard(writer_context_t *ctx, const char *slug);
static int writer_links_text(writer_context_t *ctx,
    const writer_store_link_t *link, size_t language, keepers_consent_e text,
    writer_consent_e kind);
static void writer_links_country(writer_job_t *job, writer_store_link_t *link);
static void writer_links_numbers(writer_job_t *job, writer_store_link_t *link);
static void writer_links_show(writer_json_t *json,
    const writer_store_link_t *link);
static int writer_links_each(void *data, const writer_store_link_t *link);
static int writer_links_by_user(writer_context_t *ctx, writer_job_t *job,
    uint8_t state);


writer_links_t *
writer_links_new(void)
{
    return calloc(1, sizeof(writer_links_t));
}


void
writer_links_free(writer_links_t *links)
{
    free(links);
}


void
writer_links_forget(writer_links_t *links)
{
    size_t  i;

    for (i = 0; links != NULL && i < WRITER_LINKS_CACHE; i++) {
        links->entries[i].link.row = 0;
    }
}


static size_t
writer_links_place(keepers_str_t slug)
{
    size_t    i;
    uint32_t  hash;

    hash = 2166136261u;

    for (i = 0; i < slug.len; i++) {
        hash = (hash ^ slug.data[i]) * 16777619u;
    }

    return (hash ^ hash >> 16) & (WRITER_LINKS_CACHE - 1);
}


int
writer_links_find(writer_context_t *ctx, keepers_str_t slug,
    const writer_store_link_t **link)
{
    int                    rc;
    size_t                 len;
    writer_links_entry_t  *entry;

    entry = &ctx->links->entries[writer_links_place(slug)];
    len = strlen(entry->link.slug);

    if (entry->link.row == 0
        || !keepers_str_eq(slug, keepers_str(entry->link.slug, len)))
    {
        memset(entry->known, 0, sizeof(entry->known));

        rc = writer_store_link_find(ctx->store, slug, &entry->link);
        if (rc != WRITER_OK) {
            return rc;
        }
    }

    *link = &entry->link;

    return entry->link.state == WRITER_LINK_DELETED ? WRITER_NONE : WRITER_OK;
}


int
writer_links_shows(writer_context_t *ctx, const writer_store_link_t *link,
    writer_consent_e kind, const unsigned char hash[KEEPERS_HASH_LEN])
{
    int                    rc;
    size_t                 i, len;
    writer_links_entry_t  *entry;

    i = (size_t) kind - 1;
    len = strlen(link->slug);
    entry = &ctx->links->entries[writer_links_place(keepers_str(link->slug,
                                                                len))];

    if (entry->link.row == link->row && entry->known[i]
        && memcmp(entry->texts[i], hash, KEEPERS_HASH_LEN) == 0)
    {
        return WRITER_OK;
    }

    rc = writer_store_link_text(ctx->store, link->row, (uint8_t) kind, hash);

    if (rc == WRITER_OK && entry->link.row == link->row) {
        memcpy(entry->texts[i], hash, KEEPERS_HASH_LEN);
        entry->known[i] = true;
    }

    return rc;
}


void
writer_links_record(const writer_store_link_t *link, keepers_out_t *out)
{
    keepers_link_t  record;

    memset(&record, 0, sizeof(record));

    record.updated_ms = link->updated_ms;
    record.business = link->business_uuid;
    record.slug = keepers_str(link->slug, strlen(link->slug));
    record.business_name = keepers_str(link->business_name,
                                       strlen(link->business_name));
    record.offer = keepers_str(link->offer, strlen(link->offer));
    record.country = keepers_str(link->country, strlen(link->country));
    record.locale = keepers_str(link->locale, strlen(link->locale));
    record.consent_email = keepers_str(link->consent_email,
                                       strlen(link->consent_email));
    record.consent_sms = keepers_str(link->consent_sms,
                                     strlen(link->consent_sms));
    record.retention_days = link->retention_days;
    memcpy(record.color, link->color, sizeof(record.color));
    record.state = link->state;
    record.flags = link->flags;

    keepers_link_encode(&record, out);
}


int
writer_links_create(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t *business, const char *who)
{
    int                  rc;
    writer_json_t        json;
    writer_store_link_t  link;

    memset(&link, 0, sizeof(link));

    link.business = business->row;
    link.state = KEEPERS_LINK_OPEN;
    link.created_ms = job->now_ms;
    link.updated_ms = job->now_ms;

    writer_links_fields(job, &link);

    if (job->errors_n != 0) {
        return WRITER_OK;
    }

    rc = writer_store_link_add(ctx->store, &link);

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 409, "slug_taken");
    }

    if (rc == WRITER_OK) {
        rc = writer_links_standard(ctx, link.slug);
    }

    if (rc == WRITER_OK) {
        rc = writer_audit_note(ctx, business, who, "link.created", link.slug,
                               job->now_ms);
    }

    if (rc != WRITER_OK) {
        return rc;
    }

    memcpy(job->published, link.slug, sizeof(link.slug));

    writer_json_init(&json, writer_job_out(job));
    writer_links_show(&json, &link);
    job->status = 201;

    return writer_json_end(&json) ? WRITER_OK : WRITER_FAULT;
}


static void
writer_links_fields(writer_job_t *job, writer_store_link_t *link)
{
    writer_command_copy(job, WRITER_FIELD_SLUG, link->slug,
                        sizeof(link->slug));

    if (!keepers_text_slug(keepers_str(link->slug, strlen(link->slug)))) {
        writer_job_error(job, "slug", "syntax");
    }

    writer_command_copy(job, WRITER_FIELD_OFFER, link->offer,
                        sizeof(link->offer));

    if (link->offer[0] == '\0') {
        writer_job_error(job, "offer", "required");
    }

    if (writer_command_bool(job, WRITER_FIELD_PHONE)) {
        link->flags |= KEEPERS_LINK_PHONE;
    }

    if (writer_command_bool(job, WRITER_FIELD_NAME_OPTIONAL)) {
        link->flags |= KEEPERS_LINK_NAME_OPTIONAL;
    }

    if (writer_command_bool(job, WRITER_FIELD_NO_DISPOSABLE)) {
        link->flags |= KEEPERS_LINK_LASTING;
    }

    writer_links_consents(job, link);
    writer_links_country(job, link);
    writer_links_numbers(job, link);
}


static void
writer_links_consents(writer_job_t *job, writer_store_link_t *link)
{
    writer_command_copy(job, WRITER_FIELD_CONSENT_EMAIL, link->consent_email,
                        sizeof(link->consent_email));
    writer_command_copy(job, WRITER_FIELD_CONSENT_SMS, link->consent_sms,
                        sizeof(link->consent_sms));

    if (writer_links_box(link->consent_email, link->consent_email_hash)) {
        link->flags |= KEEPERS_LINK_CONSENT_EMAIL;
    }

    if (writer_links_box(link->consent_sms, link->consent_sms_hash)) {
        link->flags |= KEEPERS_LINK_CONSENT_SMS;
    }
}


/* Is there one?  Under its flag, no text is the standard one. */

static bool
writer_links_box(char *text, unsigned char hash[KEEPERS_HASH_LEN])
{
    if (text[0] == '\0') {
        return false;
    }

    if (strcmp(text, "standard") == 0) {
        text[0] = '\0';
        return true;
    }

    keepers_signup_text_hash(keepers_str(text, strlen(text)), hash);

    return true;
}


/* A signup may bring the hash of the standard text in any language. */

static int
writer_links_standard(writer_context_t *ctx, const char *slug)
{
    int                  rc;
    size_t               i;
    writer_store_link_t  link;

    rc = writer_store_link_find(ctx->store, keepers_str(slug, strlen(slug)),
                                &link);

    for (i = 0; rc == WRITER_OK && i < KEEPERS_CONSENT_LANGUAGES; i++) {

        if ((link.flags & KEEPERS_LINK_CONSENT_EMAIL)
            && link.consent_email[0] == '\0')
        {
            rc = writer_links_text(ctx, &link, i, KEEPERS_CONSENT_EMAIL,
                                   WRITER_CONSENT_EMAIL);
        }

        if (rc == WRITER_OK && (link.flags & KEEPERS_LINK_CONSENT_SMS)
            && link.consent_sms[0] == '\0')
        {
            rc = writer_links_text(ctx, &link, i, KEEPERS_CONSENT_SMS,
                                   WRITER_CONSENT_SMS);
        }
    }

    return rc;
}


static int
writer_links_text(writer_context_t *ctx, const writer_store_link_t *link,
    size_t language, keepers_consent_e text, writer_consent_e kind)
{
    keepers_out_t  out;
    unsigned char  buf[WRITER_CONSENT_LEN_MAX + 1], hash[KEEPERS_HASH_LEN];

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_consent_text(language, text,
                         keepers_str(link->business_name,
                                     strlen(link->business_name)), &out);
    keepers_signup_text_hash(keepers_out_written(&out), hash);
    keepers_out_byte(&out, '\0');

    if (out.overflow) {
        return WRITER_FAULT;
    }

    return writer_store_link_text_add(ctx->store, link->row, (uint8_t) kind,
                                      hash, (const char *) buf,
                                      link->created_ms);
}


static void
writer_links_country(writer_job_t *job, writer_store_link_t *link)
{
    const char  *p;

    writer_command_copy(job, WRITER_FIELD_COUNTRY, link->country,
                        sizeof(link->country));
    writer_command_copy(job, WRITER_FIELD_LOCALE, link->locale,
                        sizeof(link->locale));

    if (link->country[0] != '\0'
        && (link->country[0] < 'A' || link->country[0] > 'Z'
            || link->country[1] < 'A' || link->country[1] > 'Z'))
    {
        writer_job_error(job, "country", "syntax");
    }

    if (link->locale[0] == '\0') {
        memcpy(link->locale, "en", 3);
    }

    for (p = link->locale; *p != '\0'; p++) {
        if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z')
            && (*p < '0' || *p > '9') && *p != '-')
        {
            writer_job_error(job, "locale", "syntax");
            break;
        }
    }
}


static void
writer_links_numbers(writer_job_t *job, writer_store_link_t *link)
{
    char           color[8], *end;
    uint64_t       days;
    keepers_str_t  s;
    unsigned long  rgb;

    writer_command_copy(job, WRITER_FIELD_COLOR, color, sizeof(color));

    rgb = WRITER_LINKS_COLOR;

    if (color[0] != '\0') {
        end = color + (color[0] == '#');

        if (strspn(end, "0123456789abcdefABCDEF") != 6 || end[6] != '\0') {
            writer_job_error(job, "color", "syntax");
        }

        rgb = strtoul(end, NULL, 16);
    }

    link->color[0] = (unsigned char) (rgb >> 16);
    link->color[1] = (unsigned char) (rgb >> 8);
    link->color[2] = (unsigned char) rgb;

    days = 0;
    s = writer_command_str(job, WRITER_FIELD_RETENTION_DAYS);

    if (s.len != 0 && (!keepers_text_uint(s, &days)
                       || days > WRITER_LINKS_RETENTION_MAX))
    {
        writer_job_error(job, "retention_days", "range");
    }

    link->retention_days = (uint16_t) days;
}


int
writer_links_change(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t *business, const char *who, uint8_t state)
{
    int                  rc;
    const char          *what;
    writer_store_link_t  link;

    rc = writer_store_link_find(ctx->store,
                                keepers_str(job->subject,
                                            strlen(job->subject)), &link);
    if (rc == WRITER_FAULT) {
        return rc;
    }

    if (rc == WRITER_NONE || link.state == WRITER_LINK_DELETED
        || (business != NULL && link.business != business->row))
    {
        return writer_job_problem(job, 404, "not_found");
    }

    if (link.state == state) {
        return writer_job_text(job, 204, "");
    }

    if (business == NULL) {
        rc = writer_business_find(&ctx->businesses, ctx->store,
                                  &link.business_uuid, &business);
        if (rc != WRITER_OK) {
            return WRITER_FAULT;
        }
    }

    what = state == KEEPERS_LINK_OPEN ? "link.opened"
           : state == KEEPERS_LINK_CLOSED ? "link.closed" : "link.deleted";

    rc = writer_store_link_state(ctx->store, link.row, state, job->now_ms);

    if (rc == WRITER_OK) {
        rc = writer_audit_note(ctx, business, who, what, link.slug,
                               job->now_ms);
    }

    writer_links_forget(ctx->links);
    memcpy(job->published, link.slug, sizeof(link.slug));

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


static void
writer_links_show(writer_json_t *json, const writer_store_link_t *link)
{
    writer_json_map(json);
    writer_json_key(json, "slug");
    writer_json_text(json, link->slug);
    writer_json_key(json, "offer");
    writer_json_text(json, link->offer);
    writer_json_key(json, "state");
    writer_json_text(json, link->state == KEEPERS_LINK_OPEN ? "open"
                                                            : "closed");
    writer_json_key(json, "phone");
    writer_json_bool(json, link->flags & KEEPERS_LINK_PHONE);
    writer_json_key(json, "retention_days");
    writer_json_uint(json, link->retention_days);
    writer_json_key(json, "signups");
    writer_json_uint(json, link->signups);
    writer_json_key(json, "created");
    writer_json_time(json, link->created_ms);
    writer_json_map_end(json);
}


static int
writer_links_each(void *data, const writer_store_link_t *link)
{
    writer_links_show(data, link);

    return 0;
}


int
writer_links_page(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    writer_json_t             json;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_items(&json);

    rc = writer_store_links(ctx->store, business->row, writer_links_each,
                            &json);

    writer_json_items_end(&json);

    if (!writer_json_end(&json)) {
        return WRITER_FAULT;
    }

    job->status = 200;

    return rc;
}


int
writer_links_add(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    char                      who[KEEPERS_UUID_TEXT_LEN + 1];
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    writer_job_who(job, who);

    return writer_links_create(ctx, job, business, who);
}


int
writer_links_close(writer_context_t *ctx, writer_job_t *job)
{
    return writer_links_by_user(ctx, job, KEEPERS_LINK_CLOSED);
}


int
writer_links_open(writer_context_t *ctx, writer_job_t *job)
{
    return writer_links_by_user(ctx, job, KEEPERS_LINK_OPEN);
}


static int
writer_links_by_user(writer_context_t *ctx, writer_job_t *job, uint8_t state)
{
    int                       rc;
    char                      who[KEEPERS_UUID_TEXT_LEN + 1];
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    writer_job_who(job, who);

    return writer_links_change(ctx, job, business, who, state);
}
