
/*
 * Copyright (C) Keepers
 *
 * The schema, as numbered steps: PRAGMA user_version says how many were made.
 * A step is one transaction and never changes once released.
 */


#include "writer/writer_store_sqlite.h"

#include "writer/writer_log.h"

#include <stdio.h>


static int writer_sqlite_version(writer_store_t *store, int *version);


static const char *const  writer_sqlite_steps[] = {

    /* 1 */
    "CREATE TABLE businesses ("
    "  id INTEGER PRIMARY KEY,"
    "  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),"
    "  name TEXT NOT NULL,"
    "  master TEXT NOT NULL,"           /* id of the key that wraps */
    "  wrapped BLOB NOT NULL,"
    "  customers INTEGER NOT NULL DEFAULT 0,"
    "  created_ms INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE accounts ("
    "  id INTEGER PRIMARY KEY,"
    "  uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),"
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  email_hash BLOB NOT NULL UNIQUE,"
    "  master TEXT NOT NULL,"
    "  email BLOB NOT NULL,"
    "  password TEXT NOT NULL,"
    "  role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4),"
    "  created_ms INTEGER NOT NULL,"
    "  changed_ms INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE links ("
    "  id INTEGER PRIMARY KEY,"
    "  slug TEXT NOT NULL UNIQUE,"      /* never given out a second time */
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  offer TEXT NOT NULL,"
    "  country TEXT NOT NULL,"
    "  locale TEXT NOT NULL,"
    "  consent_email TEXT NOT NULL,"
    "  consent_sms TEXT NOT NULL,"
    "  consent_email_hash BLOB NOT NULL,"
    "  consent_sms_hash BLOB NOT NULL,"
    "  retention_days INTEGER NOT NULL,"
    "  color INTEGER NOT NULL,"
    "  flags INTEGER NOT NULL,"
    "  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),"
    "  signups INTEGER NOT NULL DEFAULT 0,"
    "  created_ms INTEGER NOT NULL,"
    "  updated_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX links_business ON links (business, id);"

    "CREATE TABLE consent_texts ("
    "  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),"
    "  text TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE link_texts ("
    "  link INTEGER NOT NULL REFERENCES links (id),"
    "  kind INTEGER NOT NULL,"
    "  hash BLOB NOT NULL REFERENCES consent_texts (hash),"
    "  since_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (link, kind, hash)"
    ") STRICT, WITHOUT ROWID;"

    /* without a person: an id stays when its customer is erased, so that a
     * repeat from a spool cannot bring the customer back */
    "CREATE TABLE signups ("
    "  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),"
    "  link INTEGER NOT NULL REFERENCES links (id),"
    "  received_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE customers ("
    "  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),"
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  email_hash BLOB NOT NULL CHECK (length(email_hash) = 32),"
    "  link INTEGER NOT NULL REFERENCES links (id),"
    "  joined_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL,"
    "  sealed BLOB NOT NULL,"
    "  UNIQUE (business, email_hash)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX customers_joined ON customers (business, joined_ms, id);"
    "CREATE INDEX customers_expires ON customers (expires_ms)"
    "  WHERE expires_ms > 0;"

    "CREATE TABLE memberships ("
    "  customer BLOB NOT NULL REFERENCES customers (id) ON DELETE CASCADE,"
    "  link INTEGER NOT NULL REFERENCES links (id),"
    "  signup BLOB NOT NULL,"
    "  joined_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (customer, link)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE consents ("
    "  customer BLOB NOT NULL REFERENCES customers (id) ON DELETE CASCADE,"
    "  kind INTEGER NOT NULL CHECK (kind IN (1, 2)),"
    "  signup BLOB NOT NULL,"
    "  link INTEGER NOT NULL REFERENCES links (id),"
    "  hash BLOB NOT NULL REFERENCES consent_texts (hash),"
    "  locale TEXT NOT NULL,"
    "  method INTEGER NOT NULL,"
    "  given_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (customer, kind, signup)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER consents_immutable BEFORE UPDATE ON consents BEGIN"
    "  SELECT RAISE (ABORT, 'a consent is never changed'); END;"
    "CREATE TRIGGER consent_texts_immutable BEFORE UPDATE ON consent_texts"
    "  BEGIN SELECT RAISE (ABORT, 'a text is never changed'); END;"

    "CREATE TABLE changes ("
    "  customer BLOB NOT NULL REFERENCES customers (id) ON DELETE CASCADE,"
    "  digest BLOB NOT NULL,"
    "  signup BLOB NOT NULL,"
    "  proposed_ms INTEGER NOT NULL,"
    "  sealed BLOB NOT NULL,"
    "  PRIMARY KEY (customer, digest)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE held ("
    "  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),"
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  link INTEGER NOT NULL REFERENCES links (id),"
    "  digest BLOB NOT NULL,"
    "  reason INTEGER NOT NULL,"
    "  received_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL,"
    "  sealed BLOB NOT NULL,"
    "  UNIQUE (business, digest)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX held_received ON held (business, received_ms, id);"
    "CREATE INDEX held_expires ON held (expires_ms);"

    "CREATE TABLE days ("
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  day INTEGER NOT NULL,"           /* since 1970, UTC */
    "  signups INTEGER NOT NULL,"
    "  PRIMARY KEY (business, day)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE erasures ("
    "  customer BLOB NOT NULL PRIMARY KEY,"
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  erased_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE audit ("
    "  seq INTEGER PRIMARY KEY,"
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  at_ms INTEGER NOT NULL,"
    "  who TEXT NOT NULL,"
    "  what TEXT NOT NULL,"
    "  subject TEXT NOT NULL,"
    "  hash BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX audit_business ON audit (business, seq);"
    "CREATE TRIGGER audit_immutable BEFORE UPDATE ON audit BEGIN"
    "  SELECT RAISE (ABORT, 'the audit log is never changed'); END;"
    "CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN"
    "  SELECT RAISE (ABORT, 'the audit log is never cut'); END;",

    /* 2: whose sessions are to end; Redis has the at_ms of the last it did */
    "CREATE TABLE ends ("
    "  at_ms INTEGER PRIMARY KEY,"
    "  user BLOB NOT NULL UNIQUE REFERENCES accounts (uuid)"
    ") STRICT;",

    /* 3: how long the audit log is, and the MAC of that and of its last hash */
    ("ALTER TABLE businesses ADD COLUMN audit_rows INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE businesses ADD COLUMN audit_seal BLOB;"),

    /* 4: for machines; ended rows stay, for a Redis that knows them still */
    "CREATE TABLE tokens ("
    "  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),"
    "  tag BLOB NOT NULL CHECK (length(tag) = 8),"
    "  business INTEGER NOT NULL REFERENCES businesses (id),"
    "  user BLOB NOT NULL REFERENCES accounts (uuid),"
    "  name TEXT NOT NULL,"
    "  shown TEXT NOT NULL,"            /* of the token, its beginning */
    "  scopes INTEGER NOT NULL CHECK (scopes > 0),"
    "  created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL,"
    "  used_ms INTEGER NOT NULL DEFAULT 0,"
    "  ended_ms INTEGER NOT NULL DEFAULT 0,"
    "  changed_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX tokens_business ON tokens (business, ended_ms);"
    "CREATE INDEX tokens_user ON tokens (user, ended_ms);"
    "CREATE INDEX tokens_changed ON tokens (changed_ms);",

    /* 5: second factors; a code of last_step or before is good no more */
    ("CREATE TABLE factors ("
     "  user BLOB NOT NULL PRIMARY KEY REFERENCES accounts (uuid),"
     "  master TEXT NOT NULL,"
     "  secret BLOB NOT NULL,"
     "  created_ms INTEGER NOT NULL,"
     "  confirmed_ms INTEGER NOT NULL DEFAULT 0,"
     "  last_step INTEGER NOT NULL DEFAULT 0"
     ") STRICT, WITHOUT ROWID;"

     "CREATE TABLE recovery_codes ("
     "  user BLOB NOT NULL REFERENCES factors (user) ON DELETE CASCADE,"
     "  hash BLOB NOT NULL CHECK (length(hash) = 32),"
     "  used_ms INTEGER NOT NULL DEFAULT 0,"
     "  PRIMARY KEY (user, hash)"
     ") STRICT, WITHOUT ROWID;"),

    /* 6: consents go with their customer alone, and the first one stays: a
     * REPLACE would delete without a trigger */
    ("CREATE TRIGGER consents_kept BEFORE DELETE ON consents"
     "  WHEN EXISTS (SELECT 1 FROM customers WHERE id = OLD.customer) BEGIN"
     "  SELECT RAISE (ABORT, 'a consent goes with its customer'); END;"
     "CREATE TRIGGER consents_first BEFORE INSERT ON consents"
     "  WHEN EXISTS (SELECT 1 FROM consents WHERE customer = NEW.customer"
     "  AND kind = NEW.kind AND signup = NEW.signup) BEGIN"
     "  SELECT RAISE (IGNORE); END;"
     "CREATE TRIGGER consent_texts_kept BEFORE DELETE ON consent_texts BEGIN"
     "  SELECT RAISE (ABORT, 'a text is never deleted'); END;"
     "CREATE TRIGGER consent_texts_first BEFORE INSERT ON consent_texts"
     "  WHEN EXISTS (SELECT 1 FROM consent_texts WHERE hash = NEW.hash) BEGIN"
     "  SELECT RAISE (IGNORE); END;"),

    /* 7: links to set a password; mails that wait, and that were set aside */
    ("CREATE TABLE resets ("
     "  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),"
     "  user BLOB NOT NULL REFERENCES accounts (uuid),"
     "  expires_ms INTEGER NOT NULL"
     ") STRICT, WITHOUT ROWID;"
     "CREATE INDEX resets_user ON resets (user, expires_ms);"
     "CREATE INDEX resets_expires ON resets (expires_ms);"

     "CREATE TABLE outbox ("
     "  id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),"
     "  master TEXT NOT NULL,"          /* id of the key that seals */
     "  sealed BLOB NOT NULL,"
     "  why TEXT NOT NULL DEFAULT '',"  /* set aside: a code, never words */
     "  tries INTEGER NOT NULL DEFAULT 0,"
     "  made_ms INTEGER NOT NULL,"
     "  next_ms INTEGER NOT NULL,"
     "  expires_ms INTEGER NOT NULL"
     ") STRICT, WITHOUT ROWID;"
     "CREATE INDEX outbox_next ON outbox (next_ms, id) WHERE why = '';"),

    /* 8: passkeys; challenges that were answered, until they would be void;
     * recovery codes of accounts that have no authenticator app */
    ("CREATE TABLE passkeys ("
     "  user BLOB NOT NULL REFERENCES accounts (uuid),"
     "  mark BLOB NOT NULL UNIQUE CHECK (length(mark) = 32),"
     "  master TEXT NOT NULL,"
     "  sealed BLOB NOT NULL,"
     "  counter INTEGER NOT NULL,"
     "  created_ms INTEGER NOT NULL,"
     "  used_ms INTEGER NOT NULL DEFAULT 0,"
     "  PRIMARY KEY (user, mark)"
     ") STRICT, WITHOUT ROWID;"

     "CREATE TABLE challenges ("
     "  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),"
     "  expires_ms INTEGER NOT NULL"
     ") STRICT, WITHOUT ROWID;"
     "CREATE INDEX challenges_expires ON challenges (expires_ms);"

     "CREATE TABLE codes ("
     "  user BLOB NOT NULL REFERENCES accounts (uuid),"
     "  hash BLOB NOT NULL CHECK (length(hash) = 32),"
     "  master TEXT NOT NULL,"
     "  used_ms INTEGER NOT NULL DEFAULT 0,"
     "  PRIMARY KEY (user, hash)"
     ") STRICT, WITHOUT ROWID;"
     "INSERT INTO codes SELECT c.user, c.hash, f.master, c.used_ms"
     "  FROM recovery_codes c JOIN factors f ON f.user = c.user;"
     "DROP TABLE recovery_codes;"
     "ALTER TABLE codes RENAME TO recovery_codes;"),

    /* 9: roughly where a consent came from; empty: it was not kept then */
    ("ALTER TABLE consents ADD COLUMN net BLOB NOT NULL DEFAULT x'';"),

    /* 10: the signup by which somebody joined; before, in "memberships", which
     * since then has the further links of a customer alone */
    ("ALTER TABLE customers ADD COLUMN signup BLOB NOT NULL DEFAULT x'';"),

    /* 11: what a customer agreed to by that signup; "consents" has, since then,
     * what they agreed to later.  The view has all of it */
    ("ALTER TABLE customers ADD COLUMN consent_email BLOB"
     "  REFERENCES consent_texts (hash);"
     "ALTER TABLE customers ADD COLUMN consent_sms BLOB"
     "  REFERENCES consent_texts (hash);"
     "ALTER TABLE customers ADD COLUMN locale TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE customers ADD COLUMN method INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE customers ADD COLUMN net BLOB NOT NULL DEFAULT x'';"

     "CREATE TRIGGER customers_immutable BEFORE UPDATE OF id, link, joined_ms,"
     "  signup, consent_email, consent_sms, locale, method, net ON customers"
     "  BEGIN SELECT RAISE (ABORT, 'a consent is never changed'); END;"

     "CREATE VIEW consents_given AS"
     "  SELECT id AS customer, 1 AS kind, signup, link, consent_email AS hash,"
     "  locale, method, joined_ms AS given_ms, net FROM customers"
     "  WHERE consent_email IS NOT NULL UNION ALL"
     "  SELECT id, 2, signup, link, consent_sms, locale, method, joined_ms, net"
     "  FROM customers WHERE consent_sms IS NOT NULL UNION ALL"
     "  SELECT customer, kind, signup, link, hash, locale, method, given_ms,"
     "  net FROM consents;")
};

#define WRITER_SQLITE_STEPS                                                   \
    ((int) (sizeof(writer_sqlite_steps) / sizeof(writer_sqlite_steps[0])))


int
writer_store_migrate(writer_store_t *store)
{
    int   i, rc, version;
    char  pragma[48];

    if (writer_sqlite_version(store, &version) != WRITER_OK) {
        return WRITER_FAULT;
    }

    if (version > WRITER_SQLITE_STEPS) {
        writer_log(WRITER_LOG_ERROR, "store_newer",
                   "version=%d known=%d remedy=\"use the newer writer\"",
                   version, WRITER_SQLITE_STEPS);
        return WRITER_FAULT;
    }

    for (i = version; i < WRITER_SQLITE_STEPS; i++) {
        snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", i + 1);

        rc = writer_store_begin(store);

        if (rc == WRITER_OK
            && (sqlite3_exec(store->db, writer_sqlite_steps[i], NULL, NULL,
                             NULL) != SQLITE_OK
                || sqlite3_exec(store->db, pragma, NULL, NULL, NULL)
                   != SQLITE_OK))
        {
            rc = writer_sqlite_fault(store, sqlite3_errcode(store->db), -1);
        }

        if (rc == WRITER_OK) {
            rc = writer_store_commit(store);
        }

        if (rc != WRITER_OK) {
            writer_store_rollback(store);
            return WRITER_FAULT;
        }

        writer_log(WRITER_LOG_INFO, "store_migrated", "version=%d", i + 1);
    }

    return WRITER_OK;
}


int
writer_store_current(writer_store_t *store)
{
    int  version;

    if (writer_sqlite_version(store, &version) != WRITER_OK) {
        return WRITER_FAULT;
    }

    return version == WRITER_SQLITE_STEPS ? WRITER_OK : WRITER_NONE;
}


static int
writer_sqlite_version(writer_store_t *store, int *version)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = writer_sqlite_row(store, WRITER_SQL_VERSION, "PRAGMA user_version",
                           &stmt, "");

    if (rc == WRITER_OK) {
        *version = sqlite3_column_int(stmt, 0);
        writer_sqlite_end(stmt);
    }

    return rc;
}
