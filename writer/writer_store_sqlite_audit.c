
/*
 * Copyright (C) Keepers
 *
 * The audit log.
 */


#include "writer/writer_store_sqlite.h"


#define WRITER_SQL_AUDIT_COLUMNS                                              \
    "a.seq, a.at_ms, a.who, a.what, a.subject, a.hash"


static void writer_sqlite_audit(sqlite3_stmt *stmt, int64_t business,
    writer_store_audit_t *audit);
static void writer_sqlite_head(sqlite3_stmt *stmt, int column,
    writer_store_head_t *head);


int
writer_store_audit_last(writer_store_t *store, int64_t business,
    unsigned char hash[KEEPERS_HASH_LEN])
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_AUDIT_LAST,
             "SELECT hash FROM audit WHERE business = ?"
             " ORDER BY seq DESC LIMIT 1", &stmt, "i", business);

    if (rc == WRITER_OK) {
        writer_sqlite_blob(stmt, 0, hash, KEEPERS_HASH_LEN);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_audit_add(writer_store_t *store,
    const writer_store_audit_t *audit)
{
    return writer_sqlite_do(store, WRITER_SQL_AUDIT_ADD,
               "INSERT INTO audit (business, at_ms, who, what, subject, hash)"
               " VALUES (?, ?, ?, ?, ?, ?)", "iizzzb", audit->business,
               (int64_t) audit->at_ms, audit->who, audit->what,
               audit->subject, audit->hash, (size_t) KEEPERS_HASH_LEN);
}


int
writer_store_audit_head(writer_store_t *store, int64_t business,
    writer_store_head_t *head)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_AUDIT_HEAD,
                           "SELECT audit_rows, audit_seal FROM businesses"
                           " WHERE id = ?", &stmt, "i", business);

    if (rc == WRITER_OK) {
        writer_sqlite_head(stmt, 0, head);
        writer_sqlite_end(stmt);
    }

    return rc;
}


int
writer_store_audit_seal(writer_store_t *store, int64_t business,
    const writer_store_head_t *head)
{
    return writer_sqlite_do(store, WRITER_SQL_AUDIT_SEAL,
               "UPDATE businesses SET audit_rows = ?, audit_seal = ?"
               " WHERE id = ?", "ibi", (int64_t) head->rows, head->seal,
               (size_t) KEEPERS_HASH_LEN, business);
}


int
writer_store_audit_walk(writer_store_t *store, int64_t business,
    writer_store_head_t *head, writer_store_audit_pt each, void *data)
{
    int                    rc;
    sqlite3_stmt          *stmt;
    writer_store_audit_t   audit;

    /* one statement: whatever a writer does meanwhile, this is one moment */

    rc = writer_sqlite_row(store, WRITER_SQL_AUDIT_WALK,
             "SELECT " WRITER_SQL_AUDIT_COLUMNS ", b.audit_rows, b.audit_seal"
             " FROM businesses b LEFT JOIN audit a ON a.business = b.id"
             " WHERE b.id = ? ORDER BY a.seq", &stmt, "i", business);

    if (rc == WRITER_OK) {
        writer_sqlite_head(stmt, 6, head);

        if (sqlite3_column_type(stmt, 0) == SQLITE_NULL) {
            writer_sqlite_end(stmt);
            return WRITER_OK;
        }
    }

    while (rc == WRITER_OK) {
        writer_sqlite_audit(stmt, business, &audit);

        rc = each(data, &audit) == 0 ? writer_sqlite_next(store, stmt)
                                     : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_store_audits(writer_store_t *store, int64_t business,
    int64_t before_seq, writer_store_audit_pt each, void *data)
{
    int                    rc;
    sqlite3_stmt          *stmt;
    writer_store_audit_t   audit;

    rc = writer_sqlite_row(store, WRITER_SQL_AUDITS,
             "SELECT " WRITER_SQL_AUDIT_COLUMNS " FROM audit a"
             " WHERE a.business = ? AND a.seq < ? ORDER BY a.seq DESC", &stmt,
             "ii", business, before_seq);

    while (rc == WRITER_OK) {
        writer_sqlite_audit(stmt, business, &audit);

        rc = each(data, &audit) == 0
             ? writer_sqlite_next(store, stmt) : writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


static void
writer_sqlite_audit(sqlite3_stmt *stmt, int64_t business,
    writer_store_audit_t *audit)
{
    audit->seq = sqlite3_column_int64(stmt, 0);
    audit->business = business;
    audit->at_ms = (uint64_t) sqlite3_column_int64(stmt, 1);
    writer_sqlite_text(stmt, 2, audit->who, sizeof(audit->who));
    writer_sqlite_text(stmt, 3, audit->what, sizeof(audit->what));
    writer_sqlite_text(stmt, 4, audit->subject, sizeof(audit->subject));
    writer_sqlite_blob(stmt, 5, audit->hash, KEEPERS_HASH_LEN);
}


static void
writer_sqlite_head(sqlite3_stmt *stmt, int column, writer_store_head_t *head)
{
    head->rows = (uint64_t) sqlite3_column_int64(stmt, column);
    head->sealed = writer_sqlite_blob(stmt, column + 1, head->seal,
                                      KEEPERS_HASH_LEN)
                   == KEEPERS_HASH_LEN;
}
