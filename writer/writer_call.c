
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_call.h"

#include "writer/writer_command.h"
#include "writer/writer_commit.h"
#include "writer/writer_lock.h"
#include "writer/writer_routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>


#define WRITER_CALL_PATH_MAX     160
#define WRITER_CALL_TIMEOUT_S    10


static int writer_call_here(const writer_conf_t *conf, writer_run_pt run,
    const char *slug, keepers_str_t body, writer_call_t *call);
static void writer_call_answer(writer_job_t *job, writer_call_t *call);
static int writer_call_there(const writer_conf_t *conf, const char *path,
    keepers_str_t body, writer_call_t *call);
static int writer_call_connect(const char *path);
static int writer_call_send(int fd, const void *data, size_t len);
static int writer_call_receive(int fd, writer_call_t *call);


int
writer_call(const writer_conf_t *conf, const char *path, writer_run_pt run,
    const char *slug, keepers_str_t body, writer_call_t *call)
{
    int          fd, rc;
    char         full[WRITER_CALL_PATH_MAX];
    const char  *mark;

    memset(call, 0, sizeof(*call));

    mark = strstr(path, "%s");

    if (mark != NULL) {
        (void) snprintf(full, sizeof(full), "%.*s%s%s", (int) (mark - path),
                        path, slug, mark + 2);
    } else {
        (void) snprintf(full, sizeof(full), "%s", path);
    }

    fd = writer_lock(conf);

    if (fd != -1) {
        rc = writer_call_here(conf, run, slug, body, call);
        close(fd);
        return rc;
    }

    if (errno == EWOULDBLOCK) {
        return writer_call_there(conf, full, body, call);
    }

    fprintf(stderr, "keepers-writer: cannot lock \"%s.lock\": %s; make its "
            "folder writable\n", conf->database, strerror(errno));

    return -1;
}


static int
writer_call_here(const writer_conf_t *conf, writer_run_pt run,
    const char *slug, keepers_str_t body, writer_call_t *call)
{
    int                rc;
    void              *heap;
    writer_job_t      *job;
    writer_context_t   ctx;

    if (!writer_context_open(&ctx, conf, true)) {
        return -1;
    }

    job = calloc(1, sizeof(*job));
    heap = malloc(WRITER_COMMAND_HEAP);
    rc = -1;

    if (job != NULL && heap != NULL
        && writer_store_migrate(ctx.store) == WRITER_OK)
    {
        job->run = run;
        job->now_ms = writer_now_ms();
        (void) snprintf(job->subject, sizeof(job->subject), "%s", slug);

        if (!writer_command_read(job, body, heap)
            || writer_commit_alone(&ctx, job) == WRITER_OK)
        {
            writer_call_answer(job, call);
            rc = 0;
        }
    }

    if (rc != 0) {
        fprintf(stderr, "keepers-writer: the store \"%s\" failed\n",
                conf->database);
    }

    if (job != NULL) {
        if (job->out != NULL) {
            evbuffer_free(job->out);
        }

        keepers_wipe(job->room, sizeof(job->room));
    }

    free(job);
    free(heap);
    writer_context_close(&ctx);

    return rc;
}


static void
writer_call_answer(writer_job_t *job, writer_call_t *call)
{
    int     n;
    size_t  i, len;

    call->status = job->errors_n != 0 ? 422 : job->status;

    if (job->code == NULL && job->errors_n == 0) {
        if (job->out != NULL) {
            n = evbuffer_remove(job->out, call->body, sizeof(call->body) - 1);
            call->body[n > 0 ? n : 0] = '\0';
        }

        return;
    }

    (void) snprintf(call->body, sizeof(call->body), "%s",
                    job->code != NULL ? job->code : "fields");

    for (i = 0; i < job->errors_n; i++) {
        len = strlen(call->body);
        (void) snprintf(call->body + len, sizeof(call->body) - len,
                        "; %s: %s", job->errors[i].field,
                        job->errors[i].code);
    }
}


static int
writer_call_there(const writer_conf_t *conf, const char *path,
    keepers_str_t body, writer_call_t *call)
{
    int   fd, rc;
    char  head[512], proof[WRITER_ROUTES_PROOF_MAX];

    fd = writer_call_connect(conf->socket);

    if (fd == -1) {
        fprintf(stderr, "keepers-writer: another process holds the store, but "
                "does not answer at \"%s\": %s\n", conf->socket,
                strerror(errno));
        return -1;
    }

    writer_routes_operator(conf->master_ring, 0, writer_now_ms(), path,
                           body, proof);

    (void) snprintf(head, sizeof(head),
                    "POST %s HTTP/1.1\r\nHost: writer\r\nConnection: close\r\n"
                    "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                    "Keepers-Admin: %s\r\n\r\n", path, body.len, proof);

    rc = writer_call_send(fd, head, strlen(head));

    if (rc == 0) {
        rc = writer_call_send(fd, body.data, body.len);
    }

    if (rc == 0) {
        rc = writer_call_receive(fd, call);
    }

    close(fd);

    if (rc != 0) {
        fprintf(stderr, "keepers-writer: the running writer did not answer\n");
    }

    return rc;
}


static int
writer_call_connect(const char *path)
{
    int                 fd;
    struct timeval      timeout;
    struct sockaddr_un  addr;

    memset(&addr, 0, sizeof(addr));
    addr.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    memcpy(addr.sun_path, path, strlen(path) + 1);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    timeout.tv_sec = WRITER_CALL_TIMEOUT_S;
    timeout.tv_usec = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0
        || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout))
           != 0
        || connect(fd, (struct sockaddr *) &addr, sizeof(addr)) != 0)
    {
        close(fd);
        return -1;
    }

    return fd;
}


static int
writer_call_send(int fd, const void *data, size_t len)
{
    ssize_t      n;
    const char  *p;

    for (p = data; len != 0; p += n, len -= (size_t) n) {
        n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return -1;
        }
    }

    return 0;
}


static int
writer_call_receive(int fd, writer_call_t *call)
{
    char     buf[4096], *body;
    size_t   len;
    ssize_t  n;

    len = 0;

    while (len < sizeof(buf) - 1) {
        n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);

        if (n < 0) {
            return -1;
        }

        if (n == 0) {
            break;
        }

        len += (size_t) n;
    }

    buf[len] = '\0';
    body = strstr(buf, "\r\n\r\n");

    if (body == NULL || strncmp(buf, "HTTP/1.1 ", 9) != 0) {
        return -1;
    }

    call->status = (int) strtol(buf + 9, NULL, 10);
    (void) snprintf(call->body, sizeof(call->body), "%.*s",
                    (int) sizeof(call->body) - 1, body + 4);

    return 0;
}
