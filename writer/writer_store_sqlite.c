
/*
 * Copyright (C) Keepers
 *
 * One connection a thread, WAL, synchronous=FULL: an acknowledged signup
 * outlives a power cut, which kill -9 alone would not prove.  No mmap_size:
 * an I/O error must be a code, never a SIGBUS.
 */


#include "writer/writer_store_sqlite.h"

#include "writer/writer_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>


static void writer_sqlite_setup(void);
static size_t writer_sqlite_page(sqlite3 *db);
static int writer_sqlite_log_begin(sqlite3 *db);
static int writer_sqlite_wal_hook(void *data, sqlite3 *db, const char *name,
    int pages);
static int writer_sqlite_sync(sqlite3 *db);
static int writer_sqlite_bind(sqlite3_stmt *stmt, const char *format,
    va_list args);
static int writer_sqlite_start(writer_store_t *store, writer_sql_e id,
    const char *sql, sqlite3_stmt **out, const char *format, va_list args);
static sqlite3_stmt *writer_sqlite_prepare(writer_store_t *store,
    writer_sql_e id, const char *sql);


/* The size of a page is of a database yet to be made; others keep theirs. */
static const char  writer_sqlite_write_pragmas[] =
    "PRAGMA page_size=2048;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA cache_size=-65536;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA trusted_schema=OFF;";

static const char  writer_sqlite_read_pragmas[] =
    "PRAGMA query_only=ON;"
    "PRAGMA cache_size=-4096;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA trusted_schema=OFF;";

static pthread_once_t  writer_sqlite_once = PTHREAD_ONCE_INIT;
static int             writer_sqlite_ready;     /* a code of SQLite's */


/* Nobody asks for the statistics, which take two locks an allocation. */
static void
writer_sqlite_setup(void)
{
    writer_sqlite_ready = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

    if (writer_sqlite_ready == SQLITE_OK) {
        writer_sqlite_ready = writer_sqlite_cache_use();
    }

    if (writer_sqlite_ready == SQLITE_OK) {
        writer_sqlite_ready = writer_sqlite_log_use();
    }
}


int
writer_store_open(const char *path, bool writable, writer_store_t **out)
{
    int              rc, flags;
    writer_store_t  *store;

    *out = NULL;

    store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return WRITER_FAULT;
    }

    store->wal_fd = -1;

    flags = SQLITE_OPEN_NOMUTEX|SQLITE_OPEN_EXRESCODE;
    flags |= writable ? SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE
                      : SQLITE_OPEN_READONLY;

    pthread_once(&writer_sqlite_once, writer_sqlite_setup);
    rc = writer_sqlite_ready;

    if (writable) {
        writer_sqlite_log_forget(path);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_open_v2(path, &store->db, flags,
                             writable ? WRITER_SQLITE_LOG : NULL);
    }

    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(store->db, 2000);
        rc = sqlite3_exec(store->db, writable ? writer_sqlite_write_pragmas
                                              : writer_sqlite_read_pragmas,
                          NULL, NULL, NULL);
    }

    if (rc == SQLITE_OK && writable) {
        rc = writer_sqlite_log_begin(store->db);
    }

    if (rc != SQLITE_OK) {
        writer_log(WRITER_LOG_ERROR, "store_open", "code=%d", rc);
        writer_store_close(store);
        return WRITER_FAULT;
    }

    if (writable) {
        store->page = writer_sqlite_page(store->db);
        sqlite3_wal_hook(store->db, writer_sqlite_wal_hook, store);
    }

    *out = store;

    return WRITER_OK;
}


void
writer_store_close(writer_store_t *store)
{
    size_t  i;

    if (store == NULL) {
        return;
    }

    for (i = 0; i < WRITER_SQL_STATEMENTS; i++) {
        sqlite3_finalize(store->statements[i]);
    }

    sqlite3_close(store->db);

    /* of all its files SQLite does not lock this one: no lock goes with it */

    if (store->wal_fd != -1) {
        close(store->wal_fd);
    }

    free(store);
}


static size_t
writer_sqlite_page(sqlite3 *db)
{
    int            page;
    sqlite3_stmt  *stmt;

    page = 0;

    if (sqlite3_prepare_v2(db, "PRAGMA page_size", -1, &stmt, NULL)
        == SQLITE_OK)
    {
        if (sqlite3_step(stmt) == SQLITE_ROW) {
            page = sqlite3_column_int(stmt, 0);
        }

        sqlite3_finalize(stmt);
    }

    return (size_t) page;
}


/*
 * What a log has is moved before anything is added: behind a write that failed
 * a file system may lose what is written to the same place later, too.  Whoever
 * reads meanwhile, an sqlite3 for instance, keeps it as it is.
 */
static int
writer_sqlite_log_begin(sqlite3 *db)
{
    int  rc;

    rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                   NULL);

    return rc == SQLITE_BUSY ? SQLITE_OK : rc;
}


static int
writer_sqlite_wal_hook(void *data, sqlite3 *db, const char *name, int pages)
{
    writer_store_t  *store;

    (void) db;
    (void) name;

    store = data;
    store->log = (size_t) pages * store->page;

    return SQLITE_OK;
}


size_t
writer_store_log(const writer_store_t *store)
{
    return store->log;
}


size_t
writer_store_checkpoint(writer_store_t *store)
{
    int  rc, moved;

    moved = 0;
    rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                   NULL, &moved);

    if (rc != SQLITE_OK) {

        if (rc != SQLITE_BUSY) {
            (void) writer_sqlite_fault(store, rc, -1);
        }

        return 0;
    }

    rc = writer_sqlite_sync(store->db);

    if (rc != SQLITE_OK) {
        writer_sqlite_give_up(rc);
    }

    return moved > 0 ? (size_t) moved * store->page : 0;
}


/*
 * The system has forgotten what it could not write.  Was it the database, then
 * SQLite has noted in shared memory that it was moved: it would begin the log
 * anew over the only copy.  Was it the log, then more was committed behind what
 * is not there.  Who starts next makes that memory anew, reads what the disk
 * has of the log and moves it, from its beginning.  Nothing is closed, for the
 * last to close moves the rest.
 */
void
writer_sqlite_give_up(int code)
{
    writer_log(WRITER_LOG_ERROR, "store_sync", "code=%d remedy=\"look at the "
               "disk, then start the writer: nothing is lost\"", code);
    _exit(1);
}


/*
 * SQLite synchronizes the database only when the log was moved to its end: who
 * moves the rest would wait for all that was moved before.
 */
static int
writer_sqlite_sync(sqlite3 *db)
{
    int            rc;
    sqlite3_file  *file;

    rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    return rc == SQLITE_OK
           ? file->pMethods->xSync(file,
                                   SQLITE_SYNC_NORMAL|SQLITE_SYNC_DATAONLY)
           : rc;
}


int
writer_store_begin(writer_store_t *store)
{
    store->code = SQLITE_OK;
    store->tallies_n = 0;

    return writer_sqlite_do(store, WRITER_SQL_BEGIN, "BEGIN IMMEDIATE", "");
}


int
writer_store_commit(writer_store_t *store)
{
    int  rc;

    if (writer_sqlite_tallies(store) != WRITER_OK) {
        return WRITER_FAULT;
    }

    /* a checkpoint of the same connection does wait */

    writer_sqlite_log_apart(store, true);
    rc = writer_sqlite_do(store, WRITER_SQL_COMMIT, "COMMIT", "");
    writer_sqlite_log_apart(store, false);

    return rc;
}


void
writer_store_rollback(writer_store_t *store)
{
    store->tallies_n = 0;

    /* SQLite itself has rolled back after some errors */
    if (sqlite3_get_autocommit(store->db) == 0
        && writer_sqlite_do(store, WRITER_SQL_ROLLBACK, "ROLLBACK", "")
           != WRITER_OK)
    {
        writer_log(WRITER_LOG_ERROR, "store_rollback", "code=%d", store->code);
    }
}


bool
writer_store_disk_fault(const writer_store_t *store)
{
    switch (store->code & 0xff) {

    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
        return true;

    default:
        return false;
    }
}


int
writer_sqlite_fault(writer_store_t *store, int code, int id)
{
    store->code = code;
    writer_log(WRITER_LOG_ERROR, "store", "code=%d statement=%d", code, id);

    return WRITER_FAULT;
}


static sqlite3_stmt *
writer_sqlite_prepare(writer_store_t *store, writer_sql_e id, const char *sql)
{
    int  rc;

    if (store->statements[id] == NULL) {
        rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                &store->statements[id], NULL);
        if (rc != SQLITE_OK) {
            (void) writer_sqlite_fault(store, rc, (int) id);
            return NULL;
        }
    }

    return store->statements[id];
}


static int
writer_sqlite_bind(sqlite3_stmt *stmt, const char *format, va_list args)
{
    int          n, rc;
    size_t       len;
    const void  *p;

    n = 0;
    rc = SQLITE_OK;

    for ( /* void */ ; *format != '\0' && rc == SQLITE_OK; format++) {
        n++;

        if (*format == 'i') {
            rc = sqlite3_bind_int64(stmt, n, va_arg(args, int64_t));
            continue;
        }

        p = va_arg(args, const void *);

        if (*format == 'h') {
            rc = sqlite3_bind_blob(stmt, n, p, KEEPERS_HASH_LEN,
                                   SQLITE_STATIC);
            continue;
        }

        if (*format == 'z') {
            rc = sqlite3_bind_text(stmt, n, p, -1, SQLITE_STATIC);
            continue;
        }

        len = va_arg(args, size_t);

        /* a NULL pointer would bind NULL, an empty string is meant */
        p = p == NULL ? "" : p;

        rc = *format == 'b'
             ? sqlite3_bind_blob(stmt, n, p, (int) len, SQLITE_STATIC)
             : sqlite3_bind_text(stmt, n, p, (int) len, SQLITE_STATIC);
    }

    return rc;
}


int
writer_sqlite_do(writer_store_t *store, writer_sql_e id, const char *sql,
    const char *format, ...)
{
    int            rc;
    va_list        args;
    sqlite3_stmt  *stmt;

    va_start(args, format);
    rc = writer_sqlite_start(store, id, sql, &stmt, format, args);
    va_end(args);

    if (rc == WRITER_OK) {
        rc = writer_sqlite_end(stmt);
    }

    return rc == WRITER_NONE ? WRITER_OK : rc;
}


int
writer_sqlite_row(writer_store_t *store, writer_sql_e id, const char *sql,
    sqlite3_stmt **out, const char *format, ...)
{
    int      rc;
    va_list  args;

    va_start(args, format);
    rc = writer_sqlite_start(store, id, sql, out, format, args);
    va_end(args);

    return rc;
}


/* Up to the first row. */
static int
writer_sqlite_start(writer_store_t *store, writer_sql_e id, const char *sql,
    sqlite3_stmt **out, const char *format, va_list args)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = writer_sqlite_prepare(store, id, sql);
    if (stmt == NULL) {
        return WRITER_FAULT;
    }

    rc = writer_sqlite_bind(stmt, format, args);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }

    if (rc == SQLITE_ROW) {
        *out = stmt;
        return WRITER_OK;
    }

    sqlite3_reset(stmt);

    return rc == SQLITE_DONE ? WRITER_NONE
                             : writer_sqlite_fault(store, rc, (int) id);
}


int
writer_sqlite_next(writer_store_t *store, sqlite3_stmt *stmt)
{
    int  rc;

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        return WRITER_OK;
    }

    sqlite3_reset(stmt);

    return rc == SQLITE_DONE ? WRITER_NONE
                             : writer_sqlite_fault(store, rc, -1);
}


int
writer_sqlite_end(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);

    return WRITER_NONE;
}


int
writer_sqlite_changed(writer_store_t *store)
{
    return sqlite3_changes(store->db) > 0 ? WRITER_OK : WRITER_NONE;
}


void
writer_sqlite_text(sqlite3_stmt *stmt, int column, char *to, size_t size)
{
    size_t       len;
    const void  *p;

    p = sqlite3_column_text(stmt, column);
    len = (size_t) sqlite3_column_bytes(stmt, column);

    if (p == NULL) {
        len = 0;
    }

    if (len >= size) {
        len = size - 1;
    }

    if (len != 0) {
        memcpy(to, p, len);
    }

    to[len] = '\0';
}


size_t
writer_sqlite_blob(sqlite3_stmt *stmt, int column, void *to, size_t size)
{
    size_t       len;
    const void  *p;

    p = sqlite3_column_blob(stmt, column);
    len = (size_t) sqlite3_column_bytes(stmt, column);

    if (p == NULL || len > size) {
        memset(to, 0, size);
        return 0;
    }

    memcpy(to, p, len);

    return len;
}
