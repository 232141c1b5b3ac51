
/*
 * Copyright (C) Keepers
 *
 * Parts of a signup alone, for the benchmarks:
 *
 *     parts seal CONFIG            us to seal a record as a worker does
 *     parts commit CONFIG BATCH    signups a second of the committer, with a
 *                                  batch of that many waiting each time
 *     parts rows FILE BATCH        rows a second of SQLite itself: one row of
 *                                  as many bytes, with one unique random key
 *
 * CONFIG is a writer's, whose database has the demo's link.
 */


#include "writer/writer_commit.h"
#include "writer/writer_conf.h"
#include "writer/writer_os.h"
#include "writer/writer_signups.h"

#include "core/keepers_envelope.h"
#include "core/keepers_text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define PARTS_BATCH_MAX  512
#define PARTS_SECONDS    2.0
#define PARTS_SEALED     250
#define PARTS_SEALS      100000
#define PARTS_CONSENT    "Send me news of Corner Coffee by e-mail."

#define parts_text(s)    keepers_str(s, sizeof(s) - 1)


typedef struct {
    pthread_mutex_t  lock;
    pthread_cond_t   all;
    size_t           left;
    size_t           refused;
} parts_wait_t;


static int parts_seal(const writer_conf_t *conf);
static int parts_commit(const writer_conf_t *conf, size_t batch);
static void parts_signup(writer_job_t *job, uint64_t n);
static void parts_finished(writer_job_t *job);
static void parts_done(void *data, writer_job_t *jobs);
static void parts_published(void *data, const char *slug);
static void parts_mailed(void *data);
static int parts_rows(const char *file, size_t batch);
static bool parts_row(sqlite3_stmt *stmt);
static double parts_now(void);


int
main(int argc, char **argv)
{
    int            rc;
    size_t         batch;
    writer_conf_t  conf;

    batch = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

    if (argc < 3 || batch > PARTS_BATCH_MAX
        || keepers_keyring_init() != KEEPERS_OK)
    {
        fputs("usage: parts seal|commit|rows FILE [BATCH]\n", stderr);
        return 2;
    }

    if (strcmp(argv[1], "rows") == 0) {
        return parts_rows(argv[2], batch);
    }

    if (writer_conf_read(&conf, argv[2]) != 0 || writer_conf_keys(&conf) != 0)
    {
        fprintf(stderr, "parts: %s\n", conf.fault);
        return 1;
    }

    rc = strcmp(argv[1], "seal") == 0 ? parts_seal(&conf)
                                      : parts_commit(&conf, batch);
    writer_conf_free(&conf);

    return rc;
}


static int
parts_seal(const writer_conf_t *conf)
{
    size_t                     i;
    double                     start;
    writer_job_t               job;
    keepers_out_t              out, plain;
    unsigned char              public[32], secret[32];
    unsigned char              record[KEEPERS_SIGNUP_RECORD_MAX];
    unsigned char              sealed[KEEPERS_SIGNUP_RECORD_MAX
                                      + KEEPERS_ENVELOPE_OVERHEAD];
    keepers_envelope_sender_t  sender;

    memset(&sender, 0, sizeof(sender));
    keepers_envelope_keypair(public, secret);

    parts_signup(&job, 0);
    keepers_out_init(&plain, record, sizeof(record));
    keepers_signup_encode(&job.in.signup, &plain);

    start = parts_now();

    for (i = 0; i < PARTS_SEALS; i++) {
        keepers_out_init(&out, sealed, sizeof(sealed));

        if (keepers_envelope_seal(&sender, conf->shared_ring, public, 1,
                                  keepers_out_written(&plain), &out)
            != KEEPERS_OK)
        {
            return 1;
        }
    }

    printf("%.3f\n", (parts_now() - start) * 1000000 / PARTS_SEALS);

    return 0;
}


static int
parts_commit(const writer_conf_t *conf, size_t batch)
{
    size_t                   i;
    double                   start;
    uint64_t                 n;
    parts_wait_t             wait;
    writer_context_t         ctx;
    static writer_job_t      jobs[PARTS_BATCH_MAX];
    static writer_commit_t   commit;

    memset(&wait, 0, sizeof(wait));
    pthread_mutex_init(&wait.lock, NULL);
    pthread_cond_init(&wait.all, NULL);

    if (!writer_context_open(&ctx, conf, true)
        || writer_commit_start(&commit, &ctx, parts_done, NULL,
                               parts_published, NULL, parts_mailed, NULL)
           != 0)
    {
        return 1;
    }

    n = 0;
    start = parts_now();

    while (parts_now() - start < PARTS_SECONDS) {
        pthread_mutex_lock(&wait.lock);
        wait.left = batch;
        pthread_mutex_unlock(&wait.lock);

        for (i = 0; i < batch; i++) {
            parts_signup(&jobs[i], n++);
            jobs[i].owner = &wait;

            if (!writer_commit_submit(&commit, &jobs[i])) {
                return 1;
            }
        }

        pthread_mutex_lock(&wait.lock);

        while (wait.left != 0) {
            pthread_cond_wait(&wait.all, &wait.lock);
        }

        pthread_mutex_unlock(&wait.lock);
    }

    printf("%.0f %.1f\n", (double) n / (parts_now() - start),
           (double) commit.committed / (double) commit.transactions);
    writer_commit_stop(&commit);

    return wait.refused == 0 ? 0 : 1;
}


/* As the loop leaves it; no two are one person. */
static void
parts_signup(writer_job_t *job, uint64_t n)
{
    int                len;
    keepers_signup_t  *signup;

    memset(job, 0, offsetof(writer_job_t, room));

    job->run = writer_signups_run;
    job->finished = parts_finished;
    job->now_ms = writer_now_ms();

    signup = &job->in.signup;
    keepers_random(signup->id.bytes, sizeof(signup->id.bytes));
    len = snprintf((char *) job->room, sizeof(job->room),
                   "ada.%llu.%02x%02x@mail.example", (unsigned long long) n,
                   signup->id.bytes[0], signup->id.bytes[1]);

    signup->received_ms = job->now_ms;
    signup->slug = parts_text("corner-coffee");
    signup->name = parts_text("Ada Lovelace");
    signup->locale = parts_text("en");
    signup->email = keepers_str(job->room, (size_t) len);
    keepers_signup_text_hash(parts_text(PARTS_CONSENT),
                             signup->consent_email);
}


static void
parts_finished(writer_job_t *job)
{
    parts_wait_t  *wait;

    wait = job->owner;

    pthread_mutex_lock(&wait->lock);

    wait->refused += job->status != 202;

    if (--wait->left == 0) {
        pthread_cond_signal(&wait->all);
    }

    pthread_mutex_unlock(&wait->lock);
}


static void
parts_done(void *data, writer_job_t *jobs)
{
    (void) data;
    (void) jobs;
}


static void
parts_published(void *data, const char *slug)
{
    (void) data;
    (void) slug;
}


static void
parts_mailed(void *data)
{
    (void) data;
}


static int
parts_rows(const char *file, size_t batch)
{
    bool           ok;
    size_t         i, n;
    double         start;
    sqlite3       *db;
    sqlite3_stmt  *stmt;

    ok = sqlite3_open(file, &db) == SQLITE_OK
         && sqlite3_exec(db, "PRAGMA journal_mode=WAL;"
                             "PRAGMA synchronous=FULL;"
                             "CREATE TABLE rows (id BLOB PRIMARY KEY,"
                             " sealed BLOB) STRICT, WITHOUT ROWID;",
                         NULL, NULL, NULL) == SQLITE_OK
         && sqlite3_prepare_v2(db, "INSERT INTO rows VALUES (?, ?)", -1, &stmt,
                               NULL) == SQLITE_OK;
    n = 0;
    start = parts_now();

    while (ok && parts_now() - start < PARTS_SECONDS) {
        ok = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;

        for (i = 0; ok && i < batch; i++) {
            ok = parts_row(stmt);
        }

        ok = ok && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
        n += batch;
    }

    printf("%.0f\n", (double) n / (parts_now() - start));

    return ok ? 0 : 1;
}


static bool
parts_row(sqlite3_stmt *stmt)
{
    bool           ok;
    unsigned char  id[KEEPERS_UUID_LEN], sealed[PARTS_SEALED];

    keepers_random(id, sizeof(id));
    keepers_random(sealed, sizeof(sealed));

    ok = sqlite3_bind_blob(stmt, 1, id, sizeof(id), SQLITE_STATIC) == SQLITE_OK
         && sqlite3_bind_blob(stmt, 2, sealed, sizeof(sealed), SQLITE_STATIC)
            == SQLITE_OK
         && sqlite3_step(stmt) == SQLITE_DONE;

    sqlite3_reset(stmt);

    return ok;
}


static double
parts_now(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}
