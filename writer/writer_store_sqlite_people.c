
/*
 * Copyright (C) Keepers
 *
 * Signups, customers and what hangs on them.
 */


#include "writer/writer_store_sqlite.h"


#define WRITER_SQL_CUSTOMER_COLUMNS                                           \
    "SELECT c.id, c.business, c.link, c.joined_ms, c.expires_ms, l.slug,"     \
    " c.sealed FROM customers c JOIN links l ON l.id = c.link "


static void writer_sqlite_customer(sqlite3_stmt *stmt,
    writer_store_customer_t *customer);
static int writer_sqlite_one(int rc, sqlite3_stmt *stmt,
    writer_store_customer_t *customer);
static int writer_sqlite_consent(writer_store_t *store,
    const keepers_uuid_t *customer, const writer_store_given_t *given,
    writer_consent_e kind, const unsigned char *hash);


int
writer_store_signup_seen(writer_store_t *store, const keepers_uuid_t *id)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_SIGNUP_SEEN,
                           "SELECT 1 FROM signups WHERE id = ?", &stmt, "b",
                           id->bytes, (size_t) KEEPERS_UUID_LEN);

    if (rc == WRITER_OK) {
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_signup_add(writer_store_t *store, const keepers_uuid_t *id,
    int64_t link, uint64_t received_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_SIGNUP_ADD,
             "INSERT INTO signups (id, link, received_ms) VALUES (?, ?, ?)"
             " ON CONFLICT DO NOTHING", "bii", id->bytes,
             (size_t) KEEPERS_UUID_LEN, link, (int64_t) received_ms);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_customer_add(writer_store_t *store,
    const writer_store_customer_t *customer, const writer_store_given_t *given)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_CUSTOMER_ADD,
             "INSERT INTO customers (id, business, email_hash, link,"
             " joined_ms, expires_ms, sealed, signup, consent_email,"
             " consent_sms, locale, method, net)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
             " ON CONFLICT DO NOTHING", "bibiiibbhhzib", customer->id.bytes,
             (size_t) KEEPERS_UUID_LEN, customer->business,
             customer->email_hash, (size_t) KEEPERS_HASH_LEN, customer->link,
             (int64_t) customer->joined_ms, (int64_t) customer->expires_ms,
             customer->sealed, customer->sealed_len, given->signup.bytes,
             (size_t) KEEPERS_UUID_LEN, given->email, given->sms,
             given->locale, (int64_t) given->method, given->net,
             sizeof(given->net));

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_customer_find(writer_store_t *store, int64_t business,
    const unsigned char email_hash[KEEPERS_HASH_LEN],
    writer_store_customer_t *customer)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_CUSTOMER_FIND,
             WRITER_SQL_CUSTOMER_COLUMNS
             "WHERE c.business = ? AND c.email_hash = ?", &stmt, "ib",
             business, email_hash, (size_t) KEEPERS_HASH_LEN);

    return writer_sqlite_one(rc, stmt, customer);
}


int
writer_store_customer_get(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id, writer_store_customer_t *customer)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_CUSTOMER_GET,
             WRITER_SQL_CUSTOMER_COLUMNS "WHERE c.id = ? AND c.business = ?",
             &stmt, "bi", id->bytes, (size_t) KEEPERS_UUID_LEN, business);

    return writer_sqlite_one(rc, stmt, customer);
}


int
writer_store_customer_expired(writer_store_t *store, uint64_t now_ms,
    writer_store_customer_t *customer)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_CUSTOMER_EXPIRED,
             WRITER_SQL_CUSTOMER_COLUMNS
             "WHERE c.expires_ms > 0 AND c.expires_ms <= ?"
             " AND (c.expires_ms, c.id) > (?, ?)"
             " ORDER BY c.expires_ms, c.id LIMIT 1", &stmt, "iib",
             (int64_t) now_ms, (int64_t) customer->expires_ms,
             customer->id.bytes, (size_t) KEEPERS_UUID_LEN);

    return writer_sqlite_one(rc, stmt, customer);
}


static int
writer_sqlite_one(int rc, sqlite3_stmt *stmt,
    writer_store_customer_t *customer)
{
    if (rc == WRITER_OK) {
        writer_sqlite_customer(stmt, customer);
        writer_sqlite_end(stmt);
    }

    return rc;
}


static void
writer_sqlite_customer(sqlite3_stmt *stmt, writer_store_customer_t *customer)
{
    writer_sqlite_blob(stmt, 0, customer->id.bytes, KEEPERS_UUID_LEN);
    customer->business = sqlite3_column_int64(stmt, 1);
    customer->link = sqlite3_column_int64(stmt, 2);
    customer->joined_ms = (uint64_t) sqlite3_column_int64(stmt, 3);
    customer->expires_ms = (uint64_t) sqlite3_column_int64(stmt, 4);
    writer_sqlite_text(stmt, 5, customer->slug, sizeof(customer->slug));
    customer->sealed_len = writer_sqlite_blob(stmt, 6, customer->sealed,
                                              sizeof(customer->sealed));
}


int
writer_store_customers(writer_store_t *store, int64_t business,
    uint64_t before_ms, const keepers_uuid_t *before_id,
    writer_store_customer_pt each, void *data)
{
    int                       rc;
    sqlite3_stmt             *stmt;
    writer_store_customer_t   customer;

    rc = writer_sqlite_row(store, WRITER_SQL_CUSTOMERS,
             WRITER_SQL_CUSTOMER_COLUMNS
             "WHERE c.business = ? AND (c.joined_ms, c.id) < (?, ?)"
             " ORDER BY c.joined_ms DESC, c.id DESC", &stmt, "iib", business,
             (int64_t) before_ms, before_id->bytes,
             (size_t) KEEPERS_UUID_LEN);

    while (rc == WRITER_OK) {
        writer_sqlite_customer(stmt, &customer);

        rc = each(data, &customer) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_customer_erase(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id, uint64_t now_ms)
{
    int  rc;

    /* memberships, consents and changes go with the row */
    rc = writer_sqlite_do(store, WRITER_SQL_CUSTOMER_ERASE,
             "DELETE FROM customers WHERE id = ? AND business = ?", "bi",
             id->bytes, (size_t) KEEPERS_UUID_LEN, business);

    if (rc == WRITER_OK) {
        rc = writer_sqlite_changed(store);
    }

    if (rc == WRITER_OK) {
        rc = writer_sqlite_do(store, WRITER_SQL_ERASURE_ADD,
                 "INSERT INTO erasures (customer, business, erased_ms)"
                 " VALUES (?, ?, ?) ON CONFLICT DO NOTHING", "bii", id->bytes,
                 (size_t) KEEPERS_UUID_LEN, business, (int64_t) now_ms);
    }

    return rc;
}


int
writer_store_customer_keep(writer_store_t *store, const keepers_uuid_t *id,
    uint64_t expires_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_CUSTOMER_KEEP,
               "UPDATE customers SET expires_ms = ? WHERE id = ?", "ib",
               (int64_t) expires_ms, id->bytes, (size_t) KEEPERS_UUID_LEN);
}


int
writer_store_membership_add(writer_store_t *store,
    const keepers_uuid_t *customer, int64_t link,
    const keepers_uuid_t *signup, uint64_t joined_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_MEMBERSHIP_ADD,
             "INSERT INTO memberships (customer, link, signup, joined_ms)"
             " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", "bibi",
             customer->bytes, (size_t) KEEPERS_UUID_LEN, link, signup->bytes,
             (size_t) KEEPERS_UUID_LEN, (int64_t) joined_ms);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_memberships(writer_store_t *store,
    const keepers_uuid_t *customer, writer_store_joined_pt each, void *data)
{
    int            rc;
    char           slug[KEEPERS_SLUG_LEN_MAX + 1];
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_MEMBERSHIPS,
             "SELECT l.slug, min(j.joined_ms) AS since FROM"
             " (SELECT link, joined_ms FROM customers WHERE id = ?1 UNION ALL"
             "  SELECT link, joined_ms FROM memberships WHERE customer = ?1)"
             " j JOIN links l ON l.id = j.link"
             " GROUP BY j.link ORDER BY since LIMIT 200", &stmt, "b",
             customer->bytes, (size_t) KEEPERS_UUID_LEN);

    while (rc == WRITER_OK) {
        writer_sqlite_text(stmt, 0, slug, sizeof(slug));

        rc = each(data, slug, (uint64_t) sqlite3_column_int64(stmt, 1)) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_consents_add(writer_store_t *store,
    const keepers_uuid_t *customer, const writer_store_given_t *given)
{
    int  rc;

    rc = writer_sqlite_consent(store, customer, given, WRITER_CONSENT_EMAIL,
                               given->email);

    return rc == WRITER_OK
           ? writer_sqlite_consent(store, customer, given, WRITER_CONSENT_SMS,
                                   given->sms)
           : rc;
}


static int
writer_sqlite_consent(writer_store_t *store, const keepers_uuid_t *customer,
    const writer_store_given_t *given, writer_consent_e kind,
    const unsigned char *hash)
{
    if (hash == NULL) {
        return WRITER_OK;
    }

    return writer_sqlite_do(store, WRITER_SQL_CONSENT_ADD,
               "INSERT INTO consents (customer, kind, signup, link, hash,"
               " locale, method, given_ms, net)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
               " ON CONFLICT DO NOTHING", "bibihziib", customer->bytes,
               (size_t) KEEPERS_UUID_LEN, (int64_t) kind, given->signup.bytes,
               (size_t) KEEPERS_UUID_LEN, given->link, hash, given->locale,
               (int64_t) given->method, (int64_t) given->given_ms, given->net,
               sizeof(given->net));
}


int
writer_store_consents(writer_store_t *store, const keepers_uuid_t *customer,
    writer_store_consent_pt each, void *data)
{
    int                      rc;
    sqlite3_stmt            *stmt;
    writer_store_consent_t   consent;

    rc = writer_sqlite_row(store, WRITER_SQL_CONSENTS,
             "SELECT c.kind, c.method, c.given_ms, c.locale, l.slug, t.text,"
             " c.net"
             " FROM consents_given c JOIN links l ON l.id = c.link"
             " JOIN consent_texts t ON t.hash = c.hash WHERE c.customer = ?"
             " ORDER BY c.given_ms LIMIT 200", &stmt, "b", customer->bytes,
             (size_t) KEEPERS_UUID_LEN);

    memset(&consent, 0, sizeof(consent));

    while (rc == WRITER_OK) {
        consent.kind = (uint8_t) sqlite3_column_int(stmt, 0);
        consent.method = (uint8_t) sqlite3_column_int(stmt, 1);
        consent.given_ms = (uint64_t) sqlite3_column_int64(stmt, 2);
        writer_sqlite_text(stmt, 3, consent.locale, sizeof(consent.locale));
        writer_sqlite_text(stmt, 4, consent.slug, sizeof(consent.slug));
        writer_sqlite_text(stmt, 5, consent.text, sizeof(consent.text));
        memset(consent.net, 0, sizeof(consent.net));
        (void) writer_sqlite_blob(stmt, 6, consent.net, sizeof(consent.net));

        rc = each(data, &consent) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_change_add(writer_store_t *store, const keepers_uuid_t *customer,
    const keepers_uuid_t *signup, const unsigned char digest[KEEPERS_HASH_LEN],
    keepers_str_t sealed, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_CHANGE_ADD,
             "INSERT INTO changes (customer, digest, signup, proposed_ms,"
             " sealed) SELECT ?1, ?2, ?3, ?4, ?5 WHERE"
             " (SELECT count(*) FROM changes WHERE customer = ?1) < 8"
             " ON CONFLICT DO NOTHING", "bbbib", customer->bytes,
             (size_t) KEEPERS_UUID_LEN, digest, (size_t) KEEPERS_HASH_LEN,
             signup->bytes, (size_t) KEEPERS_UUID_LEN, (int64_t) now_ms,
             sealed.data, sealed.len);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_changes(writer_store_t *store, const keepers_uuid_t *customer,
    writer_store_change_pt each, void *data)
{
    int              rc;
    sqlite3_stmt    *stmt;
    keepers_str_t    sealed;
    keepers_uuid_t   signup;

    rc = writer_sqlite_row(store, WRITER_SQL_CHANGES,
             "SELECT proposed_ms, signup, sealed FROM changes"
             " WHERE customer = ? ORDER BY proposed_ms", &stmt, "b",
             customer->bytes, (size_t) KEEPERS_UUID_LEN);

    while (rc == WRITER_OK) {
        writer_sqlite_blob(stmt, 1, signup.bytes, KEEPERS_UUID_LEN);
        sealed.data = sqlite3_column_blob(stmt, 2);
        sealed.len = (size_t) sqlite3_column_bytes(stmt, 2);

        rc = each(data, (uint64_t) sqlite3_column_int64(stmt, 0),
                  &signup, sealed) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}
