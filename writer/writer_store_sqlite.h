
/*
 * Copyright (C) Keepers
 *
 * For writer_store_sqlite*.c alone, the only places with SQL: the connection,
 * its prepared statements, binding and reading.
 */


#ifndef _WRITER_STORE_SQLITE_H_INCLUDED_
#define _WRITER_STORE_SQLITE_H_INCLUDED_


#include "writer/writer_store.h"

#include <sqlite3.h>


#define WRITER_SQLITE_TALLIES  64

#define WRITER_SQLITE_LOG      "keepers-log"    /* a VFS */


/* A statement is prepared at its first use and kept. */
typedef enum {
    WRITER_SQL_BEGIN = 0,
    WRITER_SQL_COMMIT,
    WRITER_SQL_ROLLBACK,
    WRITER_SQL_VERSION,
    WRITER_SQL_BUSINESS_ADD,
    WRITER_SQL_BUSINESS_FIND,
    WRITER_SQL_BUSINESS_GET,
    WRITER_SQL_BUSINESSES,
    WRITER_SQL_ACCOUNT_ADD,
    WRITER_SQL_ACCOUNT_FIND,
    WRITER_SQL_ACCOUNT_GET,
    WRITER_SQL_ACCOUNT_PASSWORD,
    WRITER_SQL_RESET_ADD,
    WRITER_SQL_RESET_FIND,
    WRITER_SQL_RESETS_END,
    WRITER_SQL_RESETS_PURGE,
    WRITER_SQL_MAIL_ADD,
    WRITER_SQL_MAIL_DUE,
    WRITER_SQL_MAIL_REMOVE,
    WRITER_SQL_MAIL_LATER,
    WRITER_SQL_MAIL_ASIDE,
    WRITER_SQL_MAIL_AGAIN,
    WRITER_SQL_MAILS_PURGE,
    WRITER_SQL_MAILS_COUNT,
    WRITER_SQL_FACTOR_PUT,
    WRITER_SQL_FACTOR_GET,
    WRITER_SQL_FACTOR_CONFIRM,
    WRITER_SQL_FACTOR_STEP,
    WRITER_SQL_FACTOR_REMOVE,
    WRITER_SQL_SECOND_GET,
    WRITER_SQL_PASSKEY_ADD,
    WRITER_SQL_PASSKEYS,
    WRITER_SQL_PASSKEY_COUNTER,
    WRITER_SQL_PASSKEY_USED,
    WRITER_SQL_PASSKEY_REMOVE,
    WRITER_SQL_PASSKEYS_REMOVE,
    WRITER_SQL_CHALLENGES_PURGE,
    WRITER_SQL_CHALLENGE_USE,
    WRITER_SQL_CODES_CLEAR,
    WRITER_SQL_CODE_ADD,
    WRITER_SQL_CODE_FIND,
    WRITER_SQL_CODE_USE,
    WRITER_SQL_END_ADD,
    WRITER_SQL_ENDS,
    WRITER_SQL_TOKEN_ADD,
    WRITER_SQL_TOKEN_COUNT,
    WRITER_SQL_TOKEN_FIND,
    WRITER_SQL_TOKEN_END,
    WRITER_SQL_TOKENS_END,
    WRITER_SQL_TOKEN_USED,
    WRITER_SQL_TOKENS,
    WRITER_SQL_TOKENS_CHANGED,
    WRITER_SQL_LINK_ADD,
    WRITER_SQL_LINK_TEXT_ADD,
    WRITER_SQL_CONSENT_TEXT_ADD,
    WRITER_SQL_LINK_FIND,
    WRITER_SQL_LINK_STATE,
    WRITER_SQL_LINKS,
    WRITER_SQL_LINKS_ALL,
    WRITER_SQL_LINK_TEXT,
    WRITER_SQL_SIGNUP_SEEN,
    WRITER_SQL_SIGNUP_ADD,
    WRITER_SQL_CUSTOMER_ADD,
    WRITER_SQL_CUSTOMER_FIND,
    WRITER_SQL_CUSTOMER_GET,
    WRITER_SQL_CUSTOMERS,
    WRITER_SQL_CUSTOMER_ERASE,
    WRITER_SQL_ERASURE_ADD,
    WRITER_SQL_CUSTOMER_EXPIRED,
    WRITER_SQL_CUSTOMER_KEEP,
    WRITER_SQL_MEMBERSHIP_ADD,
    WRITER_SQL_MEMBERSHIPS,
    WRITER_SQL_CONSENT_ADD,
    WRITER_SQL_CONSENTS,
    WRITER_SQL_CHANGE_ADD,
    WRITER_SQL_CHANGES,
    WRITER_SQL_HELD_ADD,
    WRITER_SQL_HELD_GET,
    WRITER_SQL_HELD_REMOVE,
    WRITER_SQL_HELD_PURGE,
    WRITER_SQL_HELD,
    WRITER_SQL_HELD_COUNT,
    WRITER_SQL_TALLY_BUSINESS,
    WRITER_SQL_TALLY_LINK,
    WRITER_SQL_TALLY_DAY,
    WRITER_SQL_DAYS,
    WRITER_SQL_AUDIT_LAST,
    WRITER_SQL_AUDIT_ADD,
    WRITER_SQL_AUDIT_HEAD,
    WRITER_SQL_AUDIT_SEAL,
    WRITER_SQL_AUDIT_WALK,
    WRITER_SQL_AUDITS,
    WRITER_SQL_STATEMENTS
} writer_sql_e;


typedef struct {
    int64_t        business;
    int64_t        link;
    uint64_t       day;
    int            customers;
    int            joined;
} writer_sqlite_tally_t;


struct writer_store_s {
    sqlite3               *db;
    sqlite3_stmt          *statements[WRITER_SQL_STATEMENTS];
    size_t                 page;        /* bytes */
    size_t                 log;         /* bytes, as of the last commit */
    int                    code;        /* of the last failure */
    sqlite3_file          *wal;         /* NULL: commits wait for the disk */
    int                    wal_fd;
    size_t                 tallies_n;
    writer_sqlite_tally_t  tallies[WRITER_SQLITE_TALLIES];
};


/*
 * Binds by "format", one letter a parameter: i int64_t, b and t pointer and
 * length of a blob or a text, z a text up to its NUL, h a hash or NULL.  _do
 * runs to the end; _row to the first row, which the caller reads and ends with
 * _end.
 */
int writer_sqlite_do(writer_store_t *store, writer_sql_e id, const char *sql,
    const char *format, ...) keepers_checked;
int writer_sqlite_row(writer_store_t *store, writer_sql_e id, const char *sql,
    sqlite3_stmt **stmt, const char *format, ...) keepers_checked;

/* The next row of the same statement: OK, NONE or FAULT. */
int writer_sqlite_next(writer_store_t *store, sqlite3_stmt *stmt)
    keepers_checked;

/* Ends it before its last row: NONE. */
int writer_sqlite_end(sqlite3_stmt *stmt);

/* OK if the last statement changed a row, else NONE. */
int writer_sqlite_changed(writer_store_t *store) keepers_checked;

int writer_sqlite_fault(writer_store_t *store, int code, int id);
void writer_sqlite_give_up(int code) __attribute__((noreturn));

/* Columns into buffers of a fixed size; longer than that is cut. */
void writer_sqlite_text(sqlite3_stmt *stmt, int column, char *to, size_t size);
size_t writer_sqlite_blob(sqlite3_stmt *stmt, int column, void *to,
    size_t size);

int writer_sqlite_tallies(writer_store_t *store) keepers_checked;

/* Once, before a connection is opened: SQLite's codes. */
int writer_sqlite_cache_use(void) keepers_checked;
int writer_sqlite_log_use(void) keepers_checked;

/* Before it is opened: the log of a database is read from the disk. */
void writer_sqlite_log_forget(const char *path);

/* Whether syncs are left to writer_store_sync(), if it is asked for at all. */
void writer_sqlite_log_apart(writer_store_t *store, bool apart);


#endif /* _WRITER_STORE_SQLITE_H_INCLUDED_ */
