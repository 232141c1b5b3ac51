
/*
 * Copyright (C) Keepers
 *
 * Businesses, accounts, links.
 */


#include "writer/writer_store_sqlite.h"


#define WRITER_SQL_BUSINESS_COLUMNS                                           \
    "SELECT id, uuid, name, master, wrapped, customers FROM businesses "

#define WRITER_SQL_ACCOUNT_COLUMNS                                            \
    "SELECT a.business, a.uuid, b.uuid, a.role, a.email_hash, a.email,"       \
    " a.master, a.password FROM accounts a"                                   \
    " JOIN businesses b ON b.id = a.business "

#define WRITER_SQL_LINK_COLUMNS                                               \
    "SELECT l.id, l.business, b.uuid, l.created_ms, l.updated_ms, l.signups," \
    " l.retention_days, l.state, l.flags, l.color, l.consent_email_hash,"     \
    " l.consent_sms_hash, l.slug, l.country, l.locale, b.name, l.offer,"      \
    " l.consent_email, l.consent_sms FROM links l"                            \
    " JOIN businesses b ON b.id = l.business "


static int writer_sqlite_business(int rc,
    sqlite3_stmt *stmt, writer_store_business_t *business);
static int writer_sqlite_account(int rc, sqlite3_stmt *stmt,
    writer_store_account_t *account);
static void writer_sqlite_link(sqlite3_stmt *stmt, writer_store_link_t *link);
static int writer_sqlite_links(writer_store_t *store, int rc,
    sqlite3_stmt *stmt, writer_store_link_pt each, void *data);


int
writer_store_business_add(writer_store_t *store,
    writer_store_business_t *business, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_BUSINESS_ADD,
             "INSERT INTO businesses (uuid, name, master, wrapped, created_ms)"
             " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", "bzzbi",
             business->uuid.bytes, (size_t) KEEPERS_UUID_LEN, business->name,
             business->master, business->wrapped, business->wrapped_len,
             (int64_t) now_ms);

    if (rc == WRITER_OK) {
        rc = writer_sqlite_changed(store);
        business->row = sqlite3_last_insert_rowid(store->db);
    }

    return rc;
}


int
writer_store_business_find(writer_store_t *store, const keepers_uuid_t *uuid,
    writer_store_business_t *business)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_BUSINESS_FIND,
                           WRITER_SQL_BUSINESS_COLUMNS "WHERE uuid = ?", &stmt,
                           "b", uuid->bytes, (size_t) KEEPERS_UUID_LEN);

    return writer_sqlite_business(rc, stmt, business);
}


int
writer_store_business_get(writer_store_t *store, int64_t row,
    writer_store_business_t *business)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_BUSINESS_GET,
                           WRITER_SQL_BUSINESS_COLUMNS "WHERE id = ?", &stmt,
                           "i", row);

    return writer_sqlite_business(rc, stmt, business);
}


static int
writer_sqlite_business(int rc, sqlite3_stmt *stmt,
    writer_store_business_t *business)
{
    if (rc != WRITER_OK) {
        return rc;
    }

    business->row = sqlite3_column_int64(stmt, 0);
    writer_sqlite_blob(stmt, 1, business->uuid.bytes, KEEPERS_UUID_LEN);
    writer_sqlite_text(stmt, 2, business->name, sizeof(business->name));
    writer_sqlite_text(stmt, 3, business->master, sizeof(business->master));
    business->wrapped_len = writer_sqlite_blob(stmt, 4, business->wrapped,
                                               sizeof(business->wrapped));
    business->customers = (uint64_t) sqlite3_column_int64(stmt, 5);

    writer_sqlite_end(stmt);

    return WRITER_OK;
}


int
writer_store_businesses(writer_store_t *store, writer_store_business_pt each,
    void *data)
{
    int             rc;
    sqlite3_stmt   *stmt;
    keepers_uuid_t  uuid;

    rc = writer_sqlite_row(store, WRITER_SQL_BUSINESSES,
                           "SELECT uuid FROM businesses ORDER BY id", &stmt,
                           "");

    while (rc == WRITER_OK) {
        writer_sqlite_blob(stmt, 0, uuid.bytes, KEEPERS_UUID_LEN);

        rc = each(data, &uuid) == 0 ? writer_sqlite_next(store, stmt)
                                    : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_account_add(writer_store_t *store,
    const writer_store_account_t *account, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_ACCOUNT_ADD,
             "INSERT INTO accounts (uuid, business, email_hash, master, email,"
             " password, role, created_ms, changed_ms)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
             "bibzbziii", account->uuid.bytes, (size_t) KEEPERS_UUID_LEN,
             account->business, account->email_hash,
             (size_t) KEEPERS_HASH_LEN, account->master, account->email,
             account->email_len, account->password, (int64_t) account->role,
             (int64_t) now_ms, (int64_t) now_ms);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_account_find(writer_store_t *store,
    const unsigned char email_hash[KEEPERS_HASH_LEN],
    writer_store_account_t *account)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_ACCOUNT_FIND,
                           WRITER_SQL_ACCOUNT_COLUMNS "WHERE a.email_hash = ?",
                           &stmt, "b", email_hash, (size_t) KEEPERS_HASH_LEN);

    return writer_sqlite_account(rc, stmt, account);
}


int
writer_store_account_get(writer_store_t *store, const keepers_uuid_t *uuid,
    writer_store_account_t *account)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_ACCOUNT_GET,
                           WRITER_SQL_ACCOUNT_COLUMNS "WHERE a.uuid = ?",
                           &stmt, "b", uuid->bytes, (size_t) KEEPERS_UUID_LEN);

    return writer_sqlite_account(rc, stmt, account);
}


static int
writer_sqlite_account(int rc, sqlite3_stmt *stmt,
    writer_store_account_t *account)
{
    if (rc != WRITER_OK) {
        return rc;
    }

    account->business = sqlite3_column_int64(stmt, 0);
    writer_sqlite_blob(stmt, 1, account->uuid.bytes, KEEPERS_UUID_LEN);
    writer_sqlite_blob(stmt, 2, account->business_uuid.bytes,
                       KEEPERS_UUID_LEN);
    account->role = (uint8_t) sqlite3_column_int(stmt, 3);
    writer_sqlite_blob(stmt, 4, account->email_hash, KEEPERS_HASH_LEN);
    account->email_len = writer_sqlite_blob(stmt, 5, account->email,
                                            sizeof(account->email));
    writer_sqlite_text(stmt, 6, account->master, sizeof(account->master));
    writer_sqlite_text(stmt, 7, account->password, sizeof(account->password));

    writer_sqlite_end(stmt);

    return WRITER_OK;
}


int
writer_store_account_password(writer_store_t *store,
    const keepers_uuid_t *uuid, const char *password, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_ACCOUNT_PASSWORD,
             "UPDATE accounts SET password = ?, changed_ms = ?"
             " WHERE uuid = ?", "zib", password, (int64_t) now_ms,
             uuid->bytes, (size_t) KEEPERS_UUID_LEN);

    if (rc == WRITER_OK) {
        rc = writer_sqlite_changed(store);
    }

    return rc == WRITER_OK ? writer_store_resets_end(store, uuid) : rc;
}


int
writer_store_end_add(writer_store_t *store, const keepers_uuid_t *user,
    uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_END_ADD,
             "INSERT OR REPLACE INTO ends (user, at_ms) VALUES (?1,"
             " max(?2, 1 + (SELECT coalesce(max(at_ms), 0) FROM ends)))",
             "bi", user->bytes, (size_t) KEEPERS_UUID_LEN, (int64_t) now_ms);

    /* whoever could sign in could have made one */

    return rc == WRITER_OK ? writer_store_tokens_end(store, user, now_ms) : rc;
}


int
writer_store_ends(writer_store_t *store, uint64_t after_ms,
    writer_store_end_pt each, void *data)
{
    int             rc;
    sqlite3_stmt   *stmt;
    keepers_uuid_t  user;

    rc = writer_sqlite_row(store, WRITER_SQL_ENDS,
                           "SELECT at_ms, user FROM ends WHERE at_ms > ?"
                           " ORDER BY at_ms", &stmt, "i", (int64_t) after_ms);

    while (rc == WRITER_OK) {
        writer_sqlite_blob(stmt, 1, user.bytes, KEEPERS_UUID_LEN);

        rc = each(data, (uint64_t) sqlite3_column_int64(stmt, 0), &user) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_link_add(writer_store_t *store, const writer_store_link_t *link)
{
    int      rc;
    int64_t  row, color;

    color = (int64_t) link->color[0] << 16 | (int64_t) link->color[1] << 8
            | link->color[2];

    rc = writer_sqlite_do(store, WRITER_SQL_LINK_ADD,
             "INSERT INTO links (slug, business, offer, country, locale,"
             " consent_email, consent_sms, consent_email_hash,"
             " consent_sms_hash, retention_days, color, flags, state,"
             " created_ms, updated_ms)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
             " ON CONFLICT DO NOTHING", "zizzzzzbbiiiiii", link->slug,
             link->business, link->offer, link->country, link->locale,
             link->consent_email, link->consent_sms, link->consent_email_hash,
             (size_t) KEEPERS_HASH_LEN, link->consent_sms_hash,
             (size_t) KEEPERS_HASH_LEN, (int64_t) link->retention_days, color,
             (int64_t) link->flags, (int64_t) link->state,
             (int64_t) link->created_ms, (int64_t) link->updated_ms);

    if (rc == WRITER_OK) {
        rc = writer_sqlite_changed(store);
    }

    row = sqlite3_last_insert_rowid(store->db);

    if (rc == WRITER_OK && link->consent_email[0] != '\0') {
        rc = writer_store_link_text_add(store, row, WRITER_CONSENT_EMAIL,
                                        link->consent_email_hash,
                                        link->consent_email,
                                        link->created_ms);
    }

    if (rc == WRITER_OK && link->consent_sms[0] != '\0') {
        rc = writer_store_link_text_add(store, row, WRITER_CONSENT_SMS,
                                        link->consent_sms_hash,
                                        link->consent_sms,
                                        link->created_ms);
    }

    return rc;
}


int
writer_store_link_text_add(writer_store_t *store, int64_t link, uint8_t kind,
    const unsigned char *hash, const char *text, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_CONSENT_TEXT_ADD,
             "INSERT INTO consent_texts (hash, text) VALUES (?, ?)"
             " ON CONFLICT DO NOTHING", "bz", hash, (size_t) KEEPERS_HASH_LEN,
             text);

    if (rc == WRITER_OK) {
        rc = writer_sqlite_do(store, WRITER_SQL_LINK_TEXT_ADD,
                 "INSERT INTO link_texts (link, kind, hash, since_ms)"
                 " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", "iibi", link,
                 (int64_t) kind, hash, (size_t) KEEPERS_HASH_LEN,
                 (int64_t) now_ms);
    }

    return rc;
}


int
writer_store_link_find(writer_store_t *store, keepers_str_t slug,
    writer_store_link_t *link)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_LINK_FIND,
                           WRITER_SQL_LINK_COLUMNS "WHERE l.slug = ?", &stmt,
                           "t", slug.data, slug.len);

    if (rc == WRITER_OK) {
        writer_sqlite_link(stmt, link);
        writer_sqlite_end(stmt);
    }

    return rc;
}


static void
writer_sqlite_link(sqlite3_stmt *stmt, writer_store_link_t *link)
{
    int  color;

    link->row = sqlite3_column_int64(stmt, 0);
    link->business = sqlite3_column_int64(stmt, 1);
    writer_sqlite_blob(stmt, 2, link->business_uuid.bytes, KEEPERS_UUID_LEN);
    link->created_ms = (uint64_t) sqlite3_column_int64(stmt, 3);
    link->updated_ms = (uint64_t) sqlite3_column_int64(stmt, 4);
    link->signups = (uint64_t) sqlite3_column_int64(stmt, 5);
    link->retention_days = (uint16_t) sqlite3_column_int(stmt, 6);
    link->state = (uint8_t) sqlite3_column_int(stmt, 7);
    link->flags = (uint8_t) sqlite3_column_int(stmt, 8);

    color = sqlite3_column_int(stmt, 9);
    link->color[0] = (unsigned char) (color >> 16);
    link->color[1] = (unsigned char) (color >> 8);
    link->color[2] = (unsigned char) color;

    writer_sqlite_blob(stmt, 10, link->consent_email_hash, KEEPERS_HASH_LEN);
    writer_sqlite_blob(stmt, 11, link->consent_sms_hash, KEEPERS_HASH_LEN);
    writer_sqlite_text(stmt, 12, link->slug, sizeof(link->slug));
    writer_sqlite_text(stmt, 13, link->country, sizeof(link->country));
    writer_sqlite_text(stmt, 14, link->locale, sizeof(link->locale));
    writer_sqlite_text(stmt, 15, link->business_name,
                       sizeof(link->business_name));
    writer_sqlite_text(stmt, 16, link->offer, sizeof(link->offer));
    writer_sqlite_text(stmt, 17, link->consent_email,
                       sizeof(link->consent_email));
    writer_sqlite_text(stmt, 18, link->consent_sms,
                       sizeof(link->consent_sms));
}


int
writer_store_link_state(writer_store_t *store, int64_t row, uint8_t state,
    uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_LINK_STATE,
             "UPDATE links SET state = ?, updated_ms = ?"
             " WHERE id = ? AND state <> 3", "iii", (int64_t) state,
             (int64_t) now_ms, row);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_links(writer_store_t *store, int64_t business,
    writer_store_link_pt each, void *data)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_LINKS, WRITER_SQL_LINK_COLUMNS
             "WHERE l.business = ? AND l.state <> 3 ORDER BY l.id DESC",
             &stmt, "i", business);

    return writer_sqlite_links(store, rc, stmt, each, data);
}


int
writer_store_links_all(writer_store_t *store, writer_store_link_pt each,
    void *data)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_LINKS_ALL, WRITER_SQL_LINK_COLUMNS
             "ORDER BY l.id DESC", &stmt, "");

    return writer_sqlite_links(store, rc, stmt, each, data);
}


static int
writer_sqlite_links(writer_store_t *store, int rc, sqlite3_stmt *stmt,
    writer_store_link_pt each, void *data)
{
    writer_store_link_t  link;

    while (rc == WRITER_OK) {
        writer_sqlite_link(stmt, &link);

        rc = each(data, &link) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_link_text(writer_store_t *store, int64_t link, uint8_t kind,
    const unsigned char hash[KEEPERS_HASH_LEN])
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_LINK_TEXT,
             "SELECT 1 FROM link_texts WHERE link = ? AND kind = ?"
             " AND hash = ?", &stmt, "iib", link, (int64_t) kind, hash,
             (size_t) KEEPERS_HASH_LEN);

    if (rc == WRITER_OK) {
        writer_sqlite_end(stmt);
    }

    return rc;
}
