
/*
 * Copyright (C) Keepers
 *
 * Who owns a request: evhttp, until our callback; then the job.  When the
 * client leaves meanwhile, evhttp takes the request off its connection and
 * leaves it valid; evhttp_send_reply() then frees it.  So a job always answers,
 * and exactly once.
 */


#include "writer/writer_http.h"

#include "writer/writer_answer.h"
#include "writer/writer_audit.h"
#include "writer/writer_command.h"
#include "writer/writer_connection.h"
#include "writer/writer_even.h"
#include "writer/writer_log.h"
#include "writer/writer_routes.h"
#include "writer/writer_signups_batch.h"
#include "writer/writer_socket.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>


#define WRITER_HTTP_BODY_MAX     16384
#define WRITER_HTTP_HEADERS_MAX  8192
#define WRITER_HTTP_ANSWERS      64         /* that leave together */

/* longer than nginx keeps an idle connection, or it would meet a closed one */
#define WRITER_HTTP_TIMEOUT_S    75

#define WRITER_HTTP_METHODS                                                   \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT      \
     | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE              \
     | EVHTTP_REQ_PATCH)


_Static_assert(KEEPERS_BATCH_LEN_MAX <= WRITER_HTTP_BODY_MAX,
               "a batch is read whole");


struct writer_http_s {
    struct event_base           *base;
    struct evhttp               *server;
    struct evhttp_bound_socket  *bound;
    struct event                *wake;
    struct event                *terms[2];
    struct event                *leave;
    struct evbuffer             *answer;
    const writer_conf_t         *conf;
    writer_commit_t             *commit;
    writer_pool_t               *readers;
    writer_pool_t               *passwords;
    writer_stock_t               stock;
    writer_even_t                even;
    size_t                       busy;          /* jobs not answered yet */
    bool                         draining;
    int                          eventfd;

    pthread_mutex_t              lock;
    writer_jobs_t                done;          /* under the lock */

    keepers_envelope_opener_t    opener;
    unsigned char                heap[WRITER_COMMAND_HEAP];
};


static struct event_base *writer_http_base(void);
static void writer_http_request(struct evhttp_request *request, void *data);
static bool writer_http_submit(writer_http_t *http, writer_job_t *job,
    writer_lane_e lane);
static void writer_http_woken(evutil_socket_t fd, short what, void *data);
static void writer_http_due(void *data, writer_jobs_t *jobs);
static void writer_http_answer(writer_http_t *http, writer_jobs_t *done);
static void writer_http_finish(writer_http_t *http, writer_job_t *job);
static bool writer_http_note(writer_http_t *http, writer_job_t *job);
static void writer_http_term(evutil_socket_t fd, short what, void *data);
static void writer_http_leave(evutil_socket_t fd, short what, void *data);
static void writer_http_drained(writer_http_t *http);


writer_http_t *
writer_http_new(const writer_conf_t *conf, writer_commit_t *commit,
    writer_pool_t *readers, writer_pool_t *passwords)
{
    writer_http_t  *http;

    http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return NULL;
    }

    http->conf = conf;
    http->commit = commit;
    http->readers = readers;
    http->passwords = passwords;
    http->eventfd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);
    writer_jobs_init(&http->done);
    pthread_mutex_init(&http->lock, NULL);
    keepers_envelope_opener_init(&http->opener, conf->secret);

    http->base = writer_http_base();
    http->server = http->base != NULL ? evhttp_new(http->base) : NULL;
    http->answer = evbuffer_new();

    if (http->server == NULL || http->answer == NULL || http->eventfd == -1) {
        writer_http_free(http);
        return NULL;
    }

    http->wake = event_new(http->base, http->eventfd, EV_READ|EV_PERSIST,
                           writer_http_woken, http);
    http->terms[0] = evsignal_new(http->base, SIGTERM, writer_http_term, http);
    http->terms[1] = evsignal_new(http->base, SIGINT, writer_http_term, http);
    http->leave = evtimer_new(http->base, writer_http_leave, http);

    if (http->wake == NULL || http->terms[0] == NULL || http->terms[1] == NULL
        || http->leave == NULL
        || writer_even_init(&http->even, http->base, writer_http_due, http)
           != 0
        || event_add(http->wake, NULL) != 0
        || event_add(http->terms[0], NULL) != 0
        || event_add(http->terms[1], NULL) != 0)
    {
        writer_http_free(http);
        return NULL;
    }

    evhttp_set_allowed_methods(http->server, WRITER_HTTP_METHODS);
    evhttp_set_max_body_size(http->server, WRITER_HTTP_BODY_MAX);
    evhttp_set_max_headers_size(http->server, WRITER_HTTP_HEADERS_MAX);
    evhttp_set_timeout(http->server, WRITER_HTTP_TIMEOUT_S);
    evhttp_set_default_content_type(http->server, NULL);
    evhttp_set_gencb(http->server, writer_http_request, http);

    return http;
}


/*
 * evhttp takes interest in a descriptor and loses it again some five times a
 * request: the kernel hears once a turn of the loop what came of it.  No
 * descriptor here is a duplicate of another, which that forbids.
 */
static struct event_base *
writer_http_base(void)
{
    struct event_base    *base;
    struct event_config  *config;

    config = event_config_new();

    if (config == NULL) {
        return NULL;
    }

    base = event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST)
           == 0
           ? event_base_new_with_config(config) : NULL;

    event_config_free(config);

    return base;
}


bool
writer_http_listen(writer_http_t *http)
{
    int  fd;

    fd = writer_socket_listen(http->conf->socket);

    if (fd == -1) {
        writer_log(WRITER_LOG_ERROR, "listen", "errno=%d setting=\"[writer] "
                   "socket\" remedy=\"make its folder writable\"", errno);
        return false;
    }

    http->bound = evhttp_accept_socket_with_handle(http->server, fd);

    if (http->bound == NULL) {
        close(fd);
        return false;
    }

    return true;
}


void
writer_http_run(writer_http_t *http)
{
    event_base_dispatch(http->base);
}


void
writer_http_free(writer_http_t *http)
{
    size_t  i;

    if (http->server != NULL) {
        evhttp_free(http->server);
    }

    writer_stock_free(&http->stock);

    for (i = 0; i < 2; i++) {
        if (http->terms[i] != NULL) {
            event_free(http->terms[i]);
        }
    }

    if (http->wake != NULL) {
        event_free(http->wake);
    }

    writer_even_free(&http->even);

    if (http->leave != NULL) {
        event_free(http->leave);
    }

    if (http->answer != NULL) {
        evbuffer_free(http->answer);
    }

    if (http->base != NULL) {
        event_base_free(http->base);
    }

    if (http->eventfd != -1) {
        close(http->eventfd);
    }

    pthread_mutex_destroy(&http->lock);
    keepers_wipe(http, sizeof(*http));
    free(http);
}


static void
writer_http_request(struct evhttp_request *request, void *data)
{
    writer_job_t   *job;
    writer_http_t  *http;

    http = data;
    job = writer_stock_take(&http->stock);

    if (job == NULL) {
        evhttp_send_reply(request, 503, NULL, NULL);
        return;
    }

    writer_connection_read_on(evhttp_request_get_connection(request),
                              WRITER_HTTP_HEADERS_MAX + WRITER_HTTP_BODY_MAX);

    job->request = request;
    job->now_ms = writer_now_ms();
    http->busy++;

    if (http->draining) {
        (void) writer_job_problem(job, 503, "stopping");
        writer_http_finish(http, job);
        return;
    }

    if (!writer_routes_find(job)
        || !writer_routes_prove(job, http)
        || (job->route->read != NULL && !job->route->read(job, http)))
    {
        writer_http_finish(http, job);
        return;
    }

    job->run = job->route->run;

    if (!writer_http_submit(http, job, job->route->lane)) {
        (void) writer_job_problem(job, 503, "busy");
        writer_http_finish(http, job);
    }
}


static bool
writer_http_submit(writer_http_t *http, writer_job_t *job, writer_lane_e lane)
{
    switch (lane) {

    case WRITER_LANE_READ:
        return writer_pool_submit(http->readers, job);

    case WRITER_LANE_COMMIT:
        return writer_commit_submit(http->commit, job);

    case WRITER_LANE_PASSWORD:
        return writer_pool_submit(http->passwords, job);

    default:
        (void) job->run(NULL, job);
        writer_http_finish(http, job);
        return true;
    }
}


bool
writer_http_apart(writer_http_t *http, writer_job_t *job)
{
    return writer_commit_submit(http->commit, job);
}


void
writer_http_done(void *data, writer_job_t *jobs)
{
    bool            wake;
    uint64_t        one;
    writer_job_t   *next;
    writer_http_t  *http;

    http = data;
    one = 1;

    pthread_mutex_lock(&http->lock);

    wake = http->done.n == 0;

    for ( /* void */ ; jobs != NULL; jobs = next) {
        next = jobs->next;
        writer_jobs_add(&http->done, jobs);
    }

    pthread_mutex_unlock(&http->lock);

    if (wake && write(http->eventfd, &one, sizeof(one)) != sizeof(one)) {
        writer_log(WRITER_LOG_ERROR, "eventfd", "errno=%d", errno);
    }
}


static void
writer_http_woken(evutil_socket_t fd, short what, void *data)
{
    uint64_t        n;
    writer_jobs_t   done;
    writer_http_t  *http;

    (void) what;

    http = data;

    if (read(fd, &n, sizeof(n)) != sizeof(n)) {
        return;
    }

    pthread_mutex_lock(&http->lock);
    done = http->done;
    writer_jobs_init(&http->done);
    pthread_mutex_unlock(&http->lock);

    writer_http_due(http, &done);
}


static void
writer_http_due(void *data, writer_jobs_t *jobs)
{
    while (jobs->n != 0) {
        writer_http_answer(data, jobs);
    }
}


/*
 * Some answers, all made before the first leaves: nginx wakes up for that one
 * and finds the others there, where it would have slept in between.
 */
static void
writer_http_answer(writer_http_t *http, writer_jobs_t *done)
{
    size_t                     i, n;
    writer_job_t              *job, *apart;
    writer_jobs_t              behind;
    struct evhttp_connection  *to[WRITER_HTTP_ANSWERS];

    writer_jobs_init(&behind);

    for (n = 0; n < WRITER_HTTP_ANSWERS; /* void */ ) {
        job = writer_jobs_take(done);

        if (job == NULL) {
            break;
        }

        if (writer_even_wait(&http->even, job)
            || writer_http_note(http, job))
        {
            continue;
        }

        apart = writer_audit_apart(job);

        if (apart != NULL) {
            writer_jobs_add(&behind, apart);
        }

        to[n++] = evhttp_request_get_connection(job->request);
        writer_http_finish(http, job);
    }

    for (i = 0; i < n; i++) {
        writer_connection_push(to[i]);
    }

    /* behind the answer, so that an account that is there is not slower */

    while ((apart = writer_jobs_take(&behind)) != NULL) {
        if (!writer_commit_submit(http->commit, apart)) {
            writer_log(WRITER_LOG_WARN, "audit_lost", "reason=queue");
            free(apart);
        }
    }
}


/*
 * A read that must be noted goes on to the committer before it is answered.
 * When the store cannot take the note, reads go on all the same: a full disk
 * does not blind a business.
 */
static bool
writer_http_note(writer_http_t *http, writer_job_t *job)
{
    if (job->route->audit == NULL || job->status != 200 || job->noting) {
        return false;
    }

    job->noting = true;
    job->run = writer_audit_run;

    if (!writer_commit_submit(http->commit, job)) {
        writer_log(WRITER_LOG_WARN, "audit_lost", "reason=queue");
        return false;
    }

    return true;
}


static void
writer_http_finish(writer_http_t *http, writer_job_t *job)
{
    if (job->carries) {
        writer_signups_batch_end(job, &http->stock);
    }

    writer_answer_send(job, http->answer, http->draining);
    writer_stock_return(&http->stock, job);

    http->busy--;
    writer_http_drained(http);
}


static void
writer_http_term(evutil_socket_t fd, short what, void *data)
{
    writer_http_t  *http;

    (void) fd;
    (void) what;

    http = data;

    if (http->draining) {
        return;
    }

    http->draining = true;
    writer_log(WRITER_LOG_INFO, "stopping", "busy=%zu", http->busy);

    evhttp_del_accept_socket(http->server, http->bound);
    (void) unlink(http->conf->socket);
    writer_http_drained(http);
}


/* The last answers leave in the turns of the loop that follow. */
static void
writer_http_drained(writer_http_t *http)
{
    struct timeval  soon;

    if (http->draining && http->busy == 0) {
        soon.tv_sec = 0;
        soon.tv_usec = 50000;
        event_add(http->leave, &soon);
    }
}


static void
writer_http_leave(evutil_socket_t fd, short what, void *data)
{
    writer_http_t  *http;

    (void) fd;
    (void) what;

    http = data;

    if (http->busy == 0) {
        event_base_loopexit(http->base, NULL);
    }
}


bool
writer_http_envelope(writer_http_t *http, writer_job_t *job,
    keepers_record_e kind, size_t *len)
{
    if (writer_http_open(http, job, writer_job_body(job), kind, len)) {
        job->room_used = *len;
        return true;
    }

    (void) writer_job_problem(job, 400, "envelope");

    return false;
}


bool
writer_http_open(writer_http_t *http, writer_job_t *job,
    keepers_str_t envelope, keepers_record_e kind, size_t *len)
{
    return keepers_envelope_open(&http->opener, http->conf->shared_ring,
                                 job->now_ms, envelope, job->room,
                                 sizeof(job->room), len) == KEEPERS_OK
           && *len != 0 && job->room[0] == (unsigned char) kind;
}


writer_stock_t *
writer_http_stock(writer_http_t *http)
{
    return &http->stock;
}


void *
writer_http_heap(writer_http_t *http)
{
    return http->heap;
}


const writer_conf_t *
writer_http_conf(const writer_http_t *http)
{
    return http->conf;
}
