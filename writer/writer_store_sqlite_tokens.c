
/*
 * Copyright (C) Keepers
 *
 * Tokens for machines.  A row stays when its token has ended: its changed_ms
 * tells whoever has an older state of Redis that it has.
 */


#include "writer/writer_store_sqlite.h"


#define WRITER_SQL_TOKEN_COLUMNS                                              \
    "SELECT t.hash, t.tag, t.business, b.uuid, t.user, t.name, t.shown,"      \
    " t.scopes, t.created_ms, t.expires_ms, t.used_ms, t.ended_ms,"           \
    " t.changed_ms FROM tokens t JOIN businesses b ON b.id = t.business "

/* Later than any before, whatever the clock does. */
#define WRITER_SQL_TOKEN_NEXT                                                 \
    "1 + (SELECT coalesce(max(changed_ms), 0) FROM tokens)"


static int writer_sqlite_tokens(writer_store_t *store, int rc,
    sqlite3_stmt *stmt, writer_store_token_pt each, void *data);
static void writer_sqlite_token(sqlite3_stmt *stmt,
    writer_store_token_t *token);


int
writer_store_token_add(writer_store_t *store,
    const writer_store_token_t *token)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_TOKEN_ADD,
             "INSERT INTO tokens (hash, tag, business, user, name, shown,"
             " scopes, created_ms, expires_ms, changed_ms)"
             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
             " max(?8, " WRITER_SQL_TOKEN_NEXT ")) ON CONFLICT DO NOTHING",
             "bbibzziii", token->hash, (size_t) KEEPERS_HASH_LEN, token->tag,
             sizeof(token->tag), token->business, token->user.bytes,
             (size_t) KEEPERS_UUID_LEN, token->name, token->shown,
             (int64_t) token->scopes, (int64_t) token->created_ms,
             (int64_t) token->expires_ms);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_token_count(writer_store_t *store, int64_t business, uint64_t *n)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_TOKEN_COUNT,
                           "SELECT count(*) FROM tokens"
                           " WHERE business = ? AND ended_ms = 0", &stmt, "i",
                           business);

    if (rc == WRITER_OK) {
        *n = (uint64_t) sqlite3_column_int64(stmt, 0);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_token_end(writer_store_t *store, int64_t business,
    keepers_str_t id, uint64_t now_ms)
{
    int  rc;

    rc = writer_sqlite_do(store, WRITER_SQL_TOKEN_END,
             "UPDATE tokens SET ended_ms = ?1,"
             " changed_ms = max(?1, " WRITER_SQL_TOKEN_NEXT ")"
             " WHERE business = ?2 AND ended_ms = 0"
             " AND lower(hex(substr(hash, 1, 8))) = ?3", "iit",
             (int64_t) now_ms, business, id.data, id.len);

    return rc == WRITER_OK ? writer_sqlite_changed(store) : rc;
}


int
writer_store_tokens_end(writer_store_t *store, const keepers_uuid_t *user,
    uint64_t now_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_TOKENS_END,
               "UPDATE tokens SET ended_ms = ?1, changed_ms = n.next"
               " FROM (SELECT max(?1, " WRITER_SQL_TOKEN_NEXT ") AS next) n"
               " WHERE user = ?2 AND ended_ms = 0", "ib", (int64_t) now_ms,
               user->bytes, (size_t) KEEPERS_UUID_LEN);
}


int
writer_store_token_used(writer_store_t *store,
    const unsigned char hash[KEEPERS_HASH_LEN], uint64_t used_ms)
{
    return writer_sqlite_do(store, WRITER_SQL_TOKEN_USED,
               "UPDATE tokens SET used_ms = ?1"
               " WHERE hash = ?2 AND used_ms < ?1", "ib", (int64_t) used_ms,
               hash, (size_t) KEEPERS_HASH_LEN);
}


int
writer_store_token_find(writer_store_t *store,
    const unsigned char hash[KEEPERS_HASH_LEN], writer_store_token_t *token)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_TOKEN_FIND,
                           WRITER_SQL_TOKEN_COLUMNS "WHERE t.hash = ?", &stmt,
                           "b", hash, (size_t) KEEPERS_HASH_LEN);

    if (rc == WRITER_OK) {
        writer_sqlite_token(stmt, token);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_tokens(writer_store_t *store, int64_t business,
    writer_store_token_pt each, void *data)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_TOKENS,
                           WRITER_SQL_TOKEN_COLUMNS
                           "WHERE t.business = ? AND t.ended_ms = 0"
                           " ORDER BY t.created_ms DESC, t.hash", &stmt, "i",
                           business);

    return writer_sqlite_tokens(store, rc, stmt, each, data);
}


int
writer_store_tokens_changed(writer_store_t *store, uint64_t after_ms, bool all,
    writer_store_token_pt each, void *data)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_TOKENS_CHANGED,
                           WRITER_SQL_TOKEN_COLUMNS
                           "WHERE t.changed_ms > ?1"
                           " OR (?2 AND t.ended_ms = 0)"
                           " ORDER BY t.changed_ms", &stmt, "ii",
                           (int64_t) after_ms, (int64_t) all);

    return writer_sqlite_tokens(store, rc, stmt, each, data);
}


static int
writer_sqlite_tokens(writer_store_t *store, int rc, sqlite3_stmt *stmt,
    writer_store_token_pt each, void *data)
{
    writer_store_token_t  token;

    while (rc == WRITER_OK) {
        writer_sqlite_token(stmt, &token);

        rc = each(data, &token) == 0 ? writer_sqlite_next(store, stmt)
                                     : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


static void
writer_sqlite_token(sqlite3_stmt *stmt, writer_store_token_t *token)
{
    memset(token, 0, sizeof(*token));

    writer_sqlite_blob(stmt, 0, token->hash, sizeof(token->hash));
    writer_sqlite_blob(stmt, 1, token->tag, sizeof(token->tag));
    token->business = sqlite3_column_int64(stmt, 2);
    writer_sqlite_blob(stmt, 3, token->business_uuid.bytes, KEEPERS_UUID_LEN);
    writer_sqlite_blob(stmt, 4, token->user.bytes, KEEPERS_UUID_LEN);
    writer_sqlite_text(stmt, 5, token->name, sizeof(token->name));
    writer_sqlite_text(stmt, 6, token->shown, sizeof(token->shown));
    token->scopes = (uint32_t) sqlite3_column_int64(stmt, 7);
    token->created_ms = (uint64_t) sqlite3_column_int64(stmt, 8);
    token->expires_ms = (uint64_t) sqlite3_column_int64(stmt, 9);
    token->used_ms = (uint64_t) sqlite3_column_int64(stmt, 10);
    token->ended_ms = (uint64_t) sqlite3_column_int64(stmt, 11);
    token->changed_ms = (uint64_t) sqlite3_column_int64(stmt, 12);
}
