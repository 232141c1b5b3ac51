
/*
 * Copyright (C) Keepers
 *
 * Held signups and counters.
 */


#include "writer/writer_store_sqlite.h"


#define WRITER_SQL_HELD_COLUMNS                                               \
    "SELECT h.id, h.business, h.link, h.received_ms, h.expires_ms, h.reason," \
    " h.digest, l.slug, h.sealed FROM held h JOIN links l ON l.id = h.link "


static void writer_sqlite_held(sqlite3_stmt *stmt, writer_store_held_t *held);
static int writer_sqlite_tally(writer_store_t *store,
    const writer_sqlite_tally_t *tally);


int
writer_store_held_add(writer_store_t *store, const writer_store_held_t *held)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_HELD_ADD,
             "INSERT INTO held (id, business, link, digest, reason,"
             " received_ms, expires_ms, sealed)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
             "biibiiib", held->id.bytes, (size_t) KEEPERS_UUID_LEN,
             held->business, held->link, held->digest,
             (size_t) KEEPERS_HASH_LEN, (int64_t) held->reason,
             (int64_t) held->received_ms, (int64_t) held->expires_ms,
             held->sealed, held->sealed_len);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


static void
writer_sqlite_held(sqlite3_stmt *stmt, writer_store_held_t *held)
{
    writer_sqlite_blob(stmt, 0, held->id.bytes, KEEPERS_UUID_LEN);
    held->business = sqlite3_column_int64(stmt, 1);
    held->link = sqlite3_column_int64(stmt, 2);
    held->received_ms = (uint64_t) sqlite3_column_int64(stmt, 3);
    held->expires_ms = (uint64_t) sqlite3_column_int64(stmt, 4);
    held->reason = (uint16_t) sqlite3_column_int(stmt, 5);
    writer_sqlite_blob(stmt, 6, held->digest, KEEPERS_HASH_LEN);
    writer_sqlite_text(stmt, 7, held->slug, sizeof(held->slug));
    held->sealed_len = writer_sqlite_blob(stmt, 8, held->sealed,
                                          sizeof(held->sealed));
}


int
writer_store_held_get(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id, writer_store_held_t *held)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_HELD_GET,
             WRITER_SQL_HELD_COLUMNS "WHERE h.id = ? AND h.business = ?",
             &stmt, "bi", id->bytes, (size_t) KEEPERS_UUID_LEN, business);

    if (rc == WRITER_OK) {
        writer_sqlite_held(stmt, held);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_held_remove(writer_store_t *store, int64_t business,
    const keepers_uuid_t *id)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_HELD_REMOVE,
                          "DELETE FROM held WHERE id = ? AND business = ?",
                          "bi", id->bytes, (size_t) KEEPERS_UUID_LEN,
                          business);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_held_purge(writer_store_t *store, uint64_t now_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_HELD_PURGE,
               "DELETE FROM held WHERE id IN (SELECT id FROM held"
               " WHERE expires_ms <= ? LIMIT 500)", "i", (int64_t) now_ms);
}


int
writer_store_held(writer_store_t *store, int64_t business, uint64_t before_ms,
    const keepers_uuid_t *before_id, uint64_t now_ms,
    writer_store_held_pt each, void *data)
{
    int                   rc;
    sqlite3_stmt         *stmt;
    writer_store_held_t   held;

    rc = writer_sqlite_row(store, WRITER_SQL_HELD, WRITER_SQL_HELD_COLUMNS
             "WHERE h.business = ? AND (h.received_ms, h.id) < (?, ?)"
             " AND h.expires_ms > ? ORDER BY h.received_ms DESC, h.id DESC",
             &stmt, "iibi", business, (int64_t) before_ms, before_id->bytes,
             (size_t) KEEPERS_UUID_LEN, (int64_t) now_ms);

    while (rc == WRITER_OK) {
        writer_sqlite_held(stmt, &held);

        rc = each(data, &held) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_held_count(writer_store_t *store, int64_t business,
    uint64_t now_ms, uint64_t *n)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_HELD_COUNT,
             "SELECT count(*) FROM held WHERE business = ?"
             " AND expires_ms > ?", &stmt, "ii", business, (int64_t) now_ms);

    if (rc == WRITER_OK) {
        *n = (uint64_t) sqlite3_column_int64(stmt, 0);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_tally(writer_store_t *store, int64_t business, int64_t link,
    uint64_t day, int customers, int joined)
{
    size_t                  i;
    writer_sqlite_tally_t  *tally;

    for (i = 0; i < store->tallies_n; i++) {
        tally = &store->tallies[i];

        if (tally->link == link && tally->day == day
            && tally->business == business)
        {
            tally->customers += customers;
            tally->joined += joined;
            return WRITER_OK;
        }
    }

    if (store->tallies_n == WRITER_SQLITE_TALLIES
        && writer_sqlite_tallies(store) != WRITER_OK)
    {
        return WRITER_FAULT;
    }

    tally = &store->tallies[store->tallies_n++];
    tally->business = business;
    tally->link = link;
    tally->day = day;
    tally->customers = customers;
    tally->joined = joined;

    return WRITER_OK;
}


int
writer_sqlite_tallies(writer_store_t *store)
{
    int     rc;
    size_t  i;

    rc = WRITER_OK;

    for (i = 0; i < store->tallies_n && rc == WRITER_OK; i++) {
        rc = writer_sqlite_tally(store, &store->tallies[i]);
    }

    store->tallies_n = 0;

    return rc;
}


static int
writer_sqlite_tally(writer_store_t *store, const writer_sqlite_tally_t *tally)
{
    int  rc;

    rc = WRITER_OK;

    if (tally->customers != 0) {
        rc = writer_sqlite_do(store, WRITER_SQL_TALLY_BUSINESS,
                 "UPDATE businesses SET customers = customers + ?"
                 " WHERE id = ?", "ii", (int64_t) tally->customers,
                 tally->business);
    }

    /* an erasure takes from the total, the days and links stay as counted */

    if (rc == WRITER_OK && tally->customers > 0) {
        rc = writer_sqlite_do(store, WRITER_SQL_TALLY_DAY,
                 "INSERT INTO days (business, day, signups) VALUES (?, ?, ?)"
                 " ON CONFLICT (business, day) DO UPDATE"
                 " SET signups = signups + excluded.signups", "iii",
                 tally->business, (int64_t) tally->day,
                 (int64_t) tally->customers);
    }

    if (rc == WRITER_OK && tally->joined != 0) {
        rc = writer_sqlite_do(store, WRITER_SQL_TALLY_LINK,
                 "UPDATE links SET signups = signups + ? WHERE id = ?", "ii",
                 (int64_t) tally->joined, tally->link);
    }

    return rc;
}


int
writer_store_days(writer_store_t *store, int64_t business, uint64_t from,
    writer_store_day_pt each, void *data)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_DAYS,
             "SELECT day, signups FROM days WHERE business = ? AND day >= ?"
             " ORDER BY day", &stmt, "ii", business, (int64_t) from);

    while (rc == WRITER_OK) {
        rc = each(data, (uint64_t) sqlite3_column_int64(stmt, 0),
                  (uint64_t) sqlite3_column_int64(stmt, 1)) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}
