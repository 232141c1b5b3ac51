
/*
 * Copyright (C) Keepers
 *
 * Passkeys, and challenges that were answered: a row that is there already is
 * how the second who comes with one answer is told from the first.
 */


#include "writer/writer_store_sqlite.h"


/* kept behind its end, for a job that waited long in a queue */
#define WRITER_SQLITE_CHALLENGE_MS  600000


static void writer_sqlite_passkey(sqlite3_stmt *stmt,
    const keepers_uuid_t *user, writer_store_passkey_t *passkey);


int
writer_store_passkey_add(writer_store_t *store,
    const writer_store_passkey_t *passkey)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_PASSKEY_ADD,
             "INSERT INTO passkeys (user, mark, master, sealed, counter,"
             " created_ms) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
             "bbzbii", passkey->user.bytes, (size_t) KEEPERS_UUID_LEN,
             passkey->mark, (size_t) KEEPERS_HASH_LEN, passkey->master,
             passkey->sealed, passkey->sealed_len, (int64_t) passkey->counter,
             (int64_t) passkey->created_ms);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_passkeys(writer_store_t *store, const keepers_uuid_t *user,
    writer_store_passkey_pt each, void *data)
{
    int                     rc;
    sqlite3_stmt           *stmt;
    writer_store_passkey_t  passkey;

    rc = writer_sqlite_row(store, WRITER_SQL_PASSKEYS,
             "SELECT mark, master, sealed, counter, created_ms, used_ms"
             " FROM passkeys WHERE user = ? ORDER BY created_ms, mark", &stmt,
             "b", user->bytes, (size_t) KEEPERS_UUID_LEN);

    while (rc == WRITER_OK) {
        writer_sqlite_passkey(stmt, user, &passkey);

        rc = each(data, &passkey) == 0 ? writer_sqlite_next(store, stmt)
                                       : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


static void
writer_sqlite_passkey(sqlite3_stmt *stmt, const keepers_uuid_t *user,
    writer_store_passkey_t *passkey)
{
    memset(passkey, 0, sizeof(*passkey));

    passkey->user = *user;
    writer_sqlite_blob(stmt, 0, passkey->mark, sizeof(passkey->mark));
    writer_sqlite_text(stmt, 1, passkey->master, sizeof(passkey->master));
    passkey->sealed_len = writer_sqlite_blob(stmt, 2, passkey->sealed,
                                             sizeof(passkey->sealed));
    passkey->counter = (uint32_t) sqlite3_column_int64(stmt, 3);
    passkey->created_ms = (uint64_t) sqlite3_column_int64(stmt, 4);
    passkey->used_ms = (uint64_t) sqlite3_column_int64(stmt, 5);
}


int
writer_store_passkey_counter(writer_store_t *store,
    const keepers_uuid_t *user, const unsigned char mark[KEEPERS_HASH_LEN],
    uint32_t *counter)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_PASSKEY_COUNTER,
             "SELECT counter FROM passkeys WHERE user = ? AND mark = ?", &stmt,
             "bb", user->bytes, (size_t) KEEPERS_UUID_LEN, mark,
             (size_t) KEEPERS_HASH_LEN);

    if (rc == WRITER_OK) {
        *counter = (uint32_t) sqlite3_column_int64(stmt, 0);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_passkey_used(writer_store_t *store, const keepers_uuid_t *user,
    const unsigned char mark[KEEPERS_HASH_LEN], uint32_t counter,
    uint64_t now_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_PASSKEY_USED,
               "UPDATE passkeys SET counter = ?, used_ms = ?"
               " WHERE user = ? AND mark = ?", "iibb", (int64_t) counter,
               (int64_t) now_ms, user->bytes, (size_t) KEEPERS_UUID_LEN, mark,
               (size_t) KEEPERS_HASH_LEN);
}


int
writer_store_passkey_remove(writer_store_t *store, const keepers_uuid_t *user,
    keepers_str_t id)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_PASSKEY_REMOVE,
             "DELETE FROM passkeys WHERE user = ?"
             " AND lower(hex(substr(mark, 1, 8))) = ?", "bt", user->bytes,
             (size_t) KEEPERS_UUID_LEN, id.data, id.len);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_passkeys_remove(writer_store_t *store,
    const keepers_uuid_t *user)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_PASSKEYS_REMOVE,
             "DELETE FROM passkeys WHERE user = ?", "b", user->bytes,
             (size_t) KEEPERS_UUID_LEN);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_challenge_use(writer_store_t *store,
    const unsigned char challenge[KEEPERS_HASH_LEN], uint64_t expires_ms,
    uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_CHALLENGES_PURGE,
             "DELETE FROM challenges WHERE expires_ms < ?", "i",
             (int64_t) now_ms - WRITER_SQLITE_CHALLENGE_MS);

    if (rc == WRITER_OK) {
        rc = writer_sqlite_do(store, WRITER_SQL_CHALLENGE_USE,
                 "INSERT INTO challenges (hash, expires_ms) VALUES (?, ?)"
                 " ON CONFLICT DO NOTHING", "bi", challenge,
                 (size_t) KEEPERS_HASH_LEN, (int64_t) expires_ms);
    }

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}
