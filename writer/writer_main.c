
/*
 * Copyright (C) Keepers
 *
 * Start and stop.  The order matters: what a part hands its jobs to starts
 * before it and stops after it.
 */


#include "writer/writer_audit_verify.h"
#include "writer/writer_cli.h"
#include "writer/writer_commit.h"
#include "writer/writer_hash.h"
#include "writer/writer_http.h"
#include "writer/writer_keygen.h"
#include "writer/writer_lock.h"
#include "writer/writer_log.h"
#include "writer/writer_mail.h"
#include "writer/writer_mail_conf.h"
#include "writer/writer_memory.h"
#include "writer/writer_origins.h"
#include "writer/writer_outbox.h"
#include "writer/writer_pool.h"
#include "writer/writer_redis.h"
#include "writer/writer_redis_open.h"
#include "writer/writer_redis_spool.h"
#include "writer/writer_redis_spool_command.h"
#include "writer/writer_totp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>


#define WRITER_READERS        2
#define WRITER_READERS_QUEUE  1024


typedef struct {
    writer_commit_t   commit;
    writer_pool_t     readers;
    writer_pool_t     passwords;
    writer_redis_t    redis;
    writer_spool_t    spool;
    writer_outbox_t   outbox;
    writer_http_t    *http;
} writer_parts_t;


static void writer_main_descriptors(void);
static int writer_main_conf(writer_conf_t *conf, const char *path,
    bool served);
static int writer_main_serve(const writer_conf_t *conf);
static int writer_main_open(writer_context_t *ctx, const writer_conf_t *conf);
static int writer_main_start(writer_parts_t *parts, writer_context_t *ctx);
static void writer_main_stop(writer_parts_t *parts);


static writer_parts_t  writer_parts;


int
main(int argc, char **argv)
{
    int            rc;
    bool           check;
    writer_conf_t  conf;
    struct rlimit  core = { 0, 0 };

    /* a core file would hold what the database seals */

    (void) setrlimit(RLIMIT_CORE, &core);
    writer_memory_init();
    writer_main_descriptors();
    (void) signal(SIGPIPE, SIG_IGN);

    if (keepers_keyring_init() != KEEPERS_OK) {
        fputs("keepers-writer: libsodium does not start\n", stderr);
        return 1;
    }

    if (argc == 3 && strcmp(argv[1], "keygen") == 0) {
        return writer_keygen(argv[2]);
    }

    if (argc < 3 || strcmp(argv[1], "--config") != 0) {
        fputs(WRITER_CLI_USAGE, stderr);
        return 2;
    }

    check = argc == 4 && strcmp(argv[3], "check-config") == 0;

    if (writer_main_conf(&conf, argv[2], argc == 3 || check) != 0) {
        return 1;
    }

    if (argc == 3) {
        rc = writer_main_serve(&conf);

    } else if (check) {
        printf("the configuration \"%s\" is good\n", argv[2]);
        rc = 0;

    } else if (argc == 4 && strcmp(argv[3], "mail") == 0) {
        rc = writer_mail_command(&conf);

    } else if ((argc == 4 || argc == 5) && strcmp(argv[3], "spool") == 0) {
        rc = writer_spool_command(&conf, argc == 5 ? argv[4] : NULL);

    } else if ((argc == 5 || argc == 6) && strcmp(argv[3], "audit") == 0
               && strcmp(argv[4], "verify") == 0)
    {
        rc = writer_audit_verify(&conf, argc == 6 ? argv[5] : NULL);

    } else {
        rc = writer_cli(&conf, argc - 3, argv + 3);
    }

    writer_conf_free(&conf);

    return rc;
}


/*
 * Every worker of nginx keeps connections here, and the soft limit is what
 * select() bears, which nobody calls.
 */
static void
writer_main_descriptors(void)
{
    struct rlimit  files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
    }
}


static int
writer_main_conf(writer_conf_t *conf, const char *path, bool served)
{
    if (writer_conf_read(conf, path) == 0
        && writer_conf_keys(conf) == 0
        && writer_redis_check(conf) == 0
        && writer_mail_check(conf) == 0
        && writer_origins_check(conf) == 0
        && (!served || writer_mail_check_folder(conf) == 0))
    {
        return 0;
    }

    fprintf(stderr, "keepers-writer: %s\n", conf->fault);
    writer_conf_free(conf);

    return -1;
}


static int
writer_main_serve(const writer_conf_t *conf)
{
    int               fd, rc;
    writer_context_t  ctx;

    fd = writer_lock(conf);

    if (fd == -1) {
        fprintf(stderr, errno == EWOULDBLOCK
                ? "keepers-writer: another writer has \"%s\"\n"
                : "keepers-writer: cannot lock \"%s.lock\": make its folder "
                  "writable\n", conf->database);
        return 1;
    }

    rc = 1;

    if (writer_main_open(&ctx, conf) == 0) {

        if (writer_main_start(&writer_parts, &ctx) == 0) {
            writer_log(WRITER_LOG_INFO, "started", "pid=%ld",
                       (long) getpid());
            writer_http_run(writer_parts.http);
            rc = 0;
        }

        writer_main_stop(&writer_parts);
        writer_log(WRITER_LOG_INFO, "stopped", "status=%d", rc);
    }

    close(fd);

    return rc;
}


static int
writer_main_open(writer_context_t *ctx, const writer_conf_t *conf)
{
    if (!writer_totp_init()) {
        writer_log(WRITER_LOG_ERROR, "liboath",
                   "remedy=\"reinstall liboath0\"");
        return -1;
    }

    if (!writer_hash_init(conf)) {
        writer_log(WRITER_LOG_ERROR, "memory", "what=argon2 "
                   "setting=\"[argon2] memory_kib\" remedy=\"lower it\"");
        return -1;
    }

    if (!writer_context_open(ctx, conf, true)) {
        return -1;
    }

    if (writer_store_migrate(ctx->store) != WRITER_OK) {
        writer_context_close(ctx);
        return -1;
    }

    return 0;
}


/* The committer owns the context as soon as it has started. */
static int
writer_main_start(writer_parts_t *parts, writer_context_t *ctx)
{
    const writer_conf_t  *conf;

    conf = ctx->conf;

    parts->http = writer_http_new(conf, &parts->commit, &parts->readers,
                                  &parts->passwords);

    if (parts->http == NULL
        || !writer_outbox_init(&parts->outbox, conf)
        || writer_redis_start(&parts->redis, conf) != 0
        || writer_commit_start(&parts->commit, ctx, writer_http_done,
                               parts->http, writer_redis_publish,
                               &parts->redis, writer_outbox_wake,
                               &parts->outbox)
           != 0)
    {
        writer_context_close(ctx);
        return -1;
    }

    writer_redis_uses(&parts->redis, &parts->commit);

    if (writer_pool_start(&parts->readers, conf, WRITER_READERS,
                          WRITER_READERS_QUEUE, writer_http_done, parts->http)
        != 0
        || writer_pool_start(&parts->passwords, conf,
                             (size_t) conf->argon2_threads,
                             (size_t) conf->argon2_queue,
                             writer_commit_onward, &parts->commit)
        != 0
        || writer_outbox_start(&parts->outbox, &parts->commit) != 0
        || !writer_http_listen(parts->http)
        || writer_spool_start(&parts->spool, conf, &parts->commit) != 0)
    {
        return -1;
    }

    return 0;
}


static void
writer_main_stop(writer_parts_t *parts)
{
    writer_pool_stop(&parts->passwords);
    writer_pool_stop(&parts->readers);
    writer_spool_stop(&parts->spool);
    writer_redis_uses(&parts->redis, NULL);
    writer_outbox_stop(&parts->outbox);
    writer_commit_stop(&parts->commit);
    writer_outbox_free(&parts->outbox);
    writer_redis_stop(&parts->redis);

    if (parts->http != NULL) {
        writer_http_free(parts->http);
        parts->http = NULL;
    }
}
