
/*
 * Copyright (C) Keepers
 *
 * Links to set a password, and the outbox.  What was sent is removed, and what
 * was set aside waits for an operator, or for the end of its use.
 */


#include "writer/writer_store_sqlite.h"


/* How long one that was set aside can be looked at. */
#define WRITER_SQL_MAIL_ASIDE_MS  (14 * INT64_C(86400000))


int
writer_store_reset_add(writer_store_t *store, const keepers_uuid_t *user,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t now_ms,
    uint64_t expires_ms, unsigned max)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_RESET_ADD,
             "INSERT INTO resets (hash, user, expires_ms)"
             " SELECT ?1, ?2, ?3 WHERE ?5 > (SELECT count(*) FROM resets"
             " WHERE user = ?2 AND expires_ms > ?4)", "bbiii", hash,
             (size_t) KEEPERS_HASH_LEN, user->bytes, (size_t) KEEPERS_UUID_LEN,
             (int64_t) expires_ms, (int64_t) now_ms, (int64_t) max);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_reset_find(writer_store_t *store,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t now_ms,
    keepers_uuid_t *user)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_RESET_FIND,
                           "SELECT user FROM resets"
                           " WHERE hash = ? AND expires_ms > ?", &stmt, "bi",
                           hash, (size_t) KEEPERS_HASH_LEN, (int64_t) now_ms);

    if (rc == WRITER_OK) {
        writer_sqlite_blob(stmt, 0, user->bytes, KEEPERS_UUID_LEN);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_resets_end(writer_store_t *store, const keepers_uuid_t *user)
{
    return writer_sqlite_do(store, WRITER_SQL_RESETS_END,
                            "DELETE FROM resets WHERE user = ?", "b",
                            user->bytes, (size_t) KEEPERS_UUID_LEN);
}


int
writer_store_resets_purge(writer_store_t *store, uint64_t now_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_RESETS_PURGE,
                            "DELETE FROM resets WHERE expires_ms <= ?", "i",
                            (int64_t) now_ms);
}


int
writer_store_mail_add(writer_store_t *store, const writer_store_mail_t *mail)
{
    return writer_sqlite_do(store, WRITER_SQL_MAIL_ADD,
               "INSERT INTO outbox (id, master, sealed, made_ms, next_ms,"
               " expires_ms) VALUES (?1, ?2, ?3, ?4, ?4, ?5)", "bzbii",
               mail->id.bytes, (size_t) KEEPERS_UUID_LEN, mail->master,
               mail->sealed, sizeof(mail->sealed), (int64_t) mail->made_ms,
               (int64_t) mail->expires_ms);
}


int
writer_store_mail_due(writer_store_t *store, writer_store_mail_t *mail)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_MAIL_DUE,
             "SELECT id, master, sealed, tries, made_ms, next_ms, expires_ms"
             " FROM outbox WHERE why = '' ORDER BY next_ms, id LIMIT 1", &stmt,
             "");

    if (rc != WRITER_OK) {
        return rc;
    }

    memset(mail, 0, sizeof(*mail));

    writer_sqlite_blob(stmt, 0, mail->id.bytes, KEEPERS_UUID_LEN);
    writer_sqlite_text(stmt, 1, mail->master, sizeof(mail->master));
    writer_sqlite_blob(stmt, 2, mail->sealed, sizeof(mail->sealed));
    mail->tries = (uint64_t) sqlite3_column_int64(stmt, 3);
    mail->made_ms = (uint64_t) sqlite3_column_int64(stmt, 4);
    mail->next_ms = (uint64_t) sqlite3_column_int64(stmt, 5);
    mail->expires_ms = (uint64_t) sqlite3_column_int64(stmt, 6);

    writer_sqlite_end(stmt);

    return WRITER_OK;
}


int
writer_store_mail_remove(writer_store_t *store, const keepers_uuid_t *id)
{
    return writer_sqlite_do(store, WRITER_SQL_MAIL_REMOVE,
                            "DELETE FROM outbox WHERE id = ?", "b", id->bytes,
                            (size_t) KEEPERS_UUID_LEN);
}


int
writer_store_mail_later(writer_store_t *store, const keepers_uuid_t *id,
    uint64_t next_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_MAIL_LATER,
               "UPDATE outbox SET next_ms = ?, tries = tries + 1"
               " WHERE id = ?", "ib", (int64_t) next_ms, id->bytes,
               (size_t) KEEPERS_UUID_LEN);
}


int
writer_store_mail_aside(writer_store_t *store, const keepers_uuid_t *id,
    const char *why)
{
    return writer_sqlite_do(store, WRITER_SQL_MAIL_ASIDE,
               "UPDATE outbox SET why = ?, tries = tries + 1 WHERE id = ?",
               "zb", why, id->bytes, (size_t) KEEPERS_UUID_LEN);
}


int
writer_store_mail_again(writer_store_t *store, uint64_t now_ms, uint64_t *n)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_MAIL_AGAIN,
                          "UPDATE outbox SET why = '', next_ms = ?"
                          " WHERE why <> ''", "i", (int64_t) now_ms);

    *n = rc == WRITER_OK ? (uint64_t) sqlite3_changes(store->db) : 0;

    return rc;
}


int
writer_store_mails_purge(writer_store_t *store, uint64_t now_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_MAILS_PURGE,
               "DELETE FROM outbox WHERE (why = '' AND expires_ms <= ?1)"
               " OR (why <> '' AND made_ms < ?2)", "ii", (int64_t) now_ms,
               (int64_t) now_ms - WRITER_SQL_MAIL_ASIDE_MS);
}


int
writer_store_mails_count(writer_store_t *store, writer_store_mails_t *counts)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_MAILS_COUNT,
             "SELECT count(*) FILTER (WHERE why = ''),"
             " count(*) FILTER (WHERE why <> ''),"
             " coalesce(min(made_ms) FILTER (WHERE why = ''), 0)"
             " FROM outbox", &stmt, "");

    if (rc == WRITER_OK) {
        counts->waiting = (uint64_t) sqlite3_column_int64(stmt, 0);
        counts->aside = (uint64_t) sqlite3_column_int64(stmt, 1);
        counts->oldest_ms = (uint64_t) sqlite3_column_int64(stmt, 2);
        writer_sqlite_end(stmt);
    }

    return rc;
}
