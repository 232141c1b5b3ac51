
/*
 * Copyright (C) Keepers
 *
 * Second factors and recovery codes.  What is used up is used up by a row that
 * changes, in the one connection that writes: who comes second changes none.
 */


#include "writer/writer_store_sqlite.h"


int
writer_store_factor_put(writer_store_t *store, const keepers_uuid_t *user,
    const writer_store_factor_t *factor, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_FACTOR_PUT,
             "INSERT INTO factors (user, master, secret, created_ms)"
             " VALUES (?, ?, ?, ?) ON CONFLICT (user) DO UPDATE SET"
             " master = excluded.master, secret = excluded.secret,"
             " created_ms = excluded.created_ms WHERE confirmed_ms = 0",
             "bzbi", user->bytes, (size_t) KEEPERS_UUID_LEN, factor->master,
             factor->sealed, sizeof(factor->sealed), (int64_t) now_ms);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_factor_get(writer_store_t *store, const keepers_uuid_t *user,
    writer_store_factor_t *factor)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_FACTOR_GET,
             "SELECT master, secret, confirmed_ms, last_step"
             " FROM factors WHERE user = ?", &stmt, "b", user->bytes,
             (size_t) KEEPERS_UUID_LEN);

    if (rc != WRITER_OK) {
        return rc;
    }

    writer_sqlite_text(stmt, 0, factor->master, sizeof(factor->master));
    writer_sqlite_blob(stmt, 1, factor->sealed, sizeof(factor->sealed));
    factor->confirmed_ms = (uint64_t) sqlite3_column_int64(stmt, 2);
    factor->last_step = (uint64_t) sqlite3_column_int64(stmt, 3);

    writer_sqlite_end(stmt);

    return WRITER_OK;
}


int
writer_store_factor_confirm(writer_store_t *store,
    const keepers_uuid_t *user, uint64_t step, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_FACTOR_CONFIRM,
             "UPDATE factors SET confirmed_ms = ?, last_step = ?"
             " WHERE user = ? AND confirmed_ms = 0", "iib", (int64_t) now_ms,
             (int64_t) step, user->bytes, (size_t) KEEPERS_UUID_LEN);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_factor_step(writer_store_t *store, const keepers_uuid_t *user,
    uint64_t step)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_FACTOR_STEP,
             "UPDATE factors SET last_step = ?"
             " WHERE user = ? AND last_step < ? AND confirmed_ms > 0", "ibi",
             (int64_t) step, user->bytes, (size_t) KEEPERS_UUID_LEN,
             (int64_t) step);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_factor_remove(writer_store_t *store, const keepers_uuid_t *user)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_FACTOR_REMOVE,
             "DELETE FROM factors WHERE user = ?", "b", user->bytes,
             (size_t) KEEPERS_UUID_LEN);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_second_get(writer_store_t *store, const keepers_uuid_t *user,
    writer_store_second_t *second)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_SECOND_GET,
             "SELECT (SELECT count(*) FROM factors"
             "   WHERE user = ?1 AND confirmed_ms > 0),"
             " (SELECT count(*) FROM passkeys WHERE user = ?1),"
             " (SELECT count(*) FROM recovery_codes"
             "   WHERE user = ?1 AND used_ms = 0),"
             " coalesce((SELECT master FROM recovery_codes"
             "   WHERE user = ?1 LIMIT 1), '')", &stmt, "b", user->bytes,
             (size_t) KEEPERS_UUID_LEN);

    if (rc != WRITER_OK) {
        return rc;
    }

    second->totp = sqlite3_column_int64(stmt, 0) != 0;
    second->passkeys = (uint64_t) sqlite3_column_int64(stmt, 1);
    second->codes = (uint64_t) sqlite3_column_int64(stmt, 2);
    writer_sqlite_text(stmt, 3, second->codes_master,
                       sizeof(second->codes_master));

    writer_sqlite_end(stmt);

    return WRITER_OK;
}


int
writer_store_codes_clear(writer_store_t *store, const keepers_uuid_t *user)
{
    return writer_sqlite_do(store, WRITER_SQL_CODES_CLEAR,
               "DELETE FROM recovery_codes WHERE user = ?", "b", user->bytes,
               (size_t) KEEPERS_UUID_LEN);
}


int
writer_store_code_add(writer_store_t *store, const keepers_uuid_t *user,
    const char *master, const unsigned char hash[KEEPERS_HASH_LEN])
{
    return writer_sqlite_do(store, WRITER_SQL_CODE_ADD,
               "INSERT INTO recovery_codes (user, master, hash)"
               " VALUES (?, ?, ?)", "bzb", user->bytes,
               (size_t) KEEPERS_UUID_LEN, master, hash,
               (size_t) KEEPERS_HASH_LEN);
}


int
writer_store_code_find(writer_store_t *store, const keepers_uuid_t *user,
    const unsigned char hash[KEEPERS_HASH_LEN])
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_CODE_FIND,
             "SELECT 1 FROM recovery_codes"
             " WHERE user = ? AND hash = ? AND used_ms = 0", &stmt, "bb",
             user->bytes, (size_t) KEEPERS_UUID_LEN, hash,
             (size_t) KEEPERS_HASH_LEN);

    if (rc == WRITER_OK) {
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_code_use(writer_store_t *store, const keepers_uuid_t *user,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_CODE_USE,
             "UPDATE recovery_codes SET used_ms = ?"
             " WHERE user = ? AND hash = ? AND used_ms = 0", "ibb",
             (int64_t) now_ms, user->bytes, (size_t) KEEPERS_UUID_LEN, hash,
             (size_t) KEEPERS_HASH_LEN);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}
