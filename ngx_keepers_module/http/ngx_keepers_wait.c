
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_wait.h"

#include "http/ngx_keepers_flight.h"
#include "http/ngx_keepers_worker.h"


static ngx_int_t ngx_keepers_wait_start(ngx_keepers_wait_t *wait,
    ngx_int_t rc);
static void ngx_keepers_wait_prepare(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake);
static void ngx_keepers_wait_done(void *data, ngx_int_t rc);
static ngx_uint_t ngx_keepers_wait_behind(const ngx_keepers_wait_t *wait);
static void ngx_keepers_wait_cleanup(void *data);


ngx_keepers_wait_t *
ngx_keepers_wait_create(ngx_http_request_t *r, ngx_uint_t values, size_t size)
{
    size_t               head;
    ngx_keepers_wait_t  *wait;

    head = sizeof(ngx_keepers_wait_t)
           + values * sizeof(ngx_keepers_redis_value_t);

    wait = ngx_palloc(r->pool, head + size);
    if (wait == NULL) {
        return NULL;
    }

    ngx_memzero(wait, head);

    wait->request = r;
    wait->reply.values = (ngx_keepers_redis_value_t *) &wait[1];
    wait->reply.values_max = values;
    wait->reply.data = (u_char *) wait + head;
    wait->reply.size = size;

    /* as ngx_http_cleanup_add() does, without memory of its own */

    wait->cleanup.handler = ngx_keepers_wait_cleanup;
    wait->cleanup.data = wait;
    wait->cleanup.next = r->main->cleanup;

    r->main->cleanup = &wait->cleanup;

    return wait;
}


ngx_int_t
ngx_keepers_wait_command(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake,
    const keepers_str_t *argv, ngx_uint_t argc)
{
    ngx_int_t  rc;

    ngx_keepers_wait_prepare(wait, mode, wake);

    rc = ngx_keepers_redis_issue(ngx_keepers_worker.redis, argv, argc,
                                 &wait->reply, ngx_keepers_wait_done, wait,
                                 &wait->op);

    return ngx_keepers_wait_start(wait, rc);
}


ngx_int_t
ngx_keepers_wait_eval(ngx_keepers_wait_t *wait, ngx_keepers_wait_mode_e mode,
    ngx_keepers_wake_pt wake, ngx_keepers_script_e script, ngx_uint_t keys,
    const keepers_str_t *argv, ngx_uint_t argc)
{
    ngx_int_t  rc;

    ngx_keepers_wait_prepare(wait, mode, wake);

    rc = ngx_keepers_redis_eval(ngx_keepers_worker.redis, script, keys, argv,
                                argc, &wait->reply, ngx_keepers_wait_done,
                                wait, &wait->op);

    return ngx_keepers_wait_start(wait, rc);
}


ngx_int_t
ngx_keepers_wait_eval_encoded(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake,
    ngx_keepers_script_e script, ngx_uint_t keys, keepers_str_t encoded,
    ngx_uint_t argc)
{
    ngx_int_t  rc;

    ngx_keepers_wait_prepare(wait, mode, wake);

    rc = ngx_keepers_redis_eval_encoded(ngx_keepers_worker.redis, script, keys,
                                        encoded, argc, &wait->reply,
                                        ngx_keepers_wait_done, wait,
                                        &wait->op);

    return ngx_keepers_wait_start(wait, rc);
}


const ngx_keepers_redis_value_t *
ngx_keepers_wait_value(const ngx_keepers_wait_t *wait,
    ngx_keepers_redis_kind_e kind)
{
    if (wait->rc != NGX_OK
        || wait->reply.n != 1
        || wait->reply.values[0].kind != kind)
    {
        return NULL;
    }

    return &wait->reply.values[0];
}


void
ngx_keepers_wait_follow(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake)
{
    ngx_keepers_wait_prepare(wait, mode, wake);

    (void) ngx_keepers_wait_start(wait, NGX_AGAIN);
}


void
ngx_keepers_wait_drop(ngx_keepers_wait_t *wait)
{
    ngx_keepers_flight_leave(wait);

    if (wait->op != NULL) {
        ngx_keepers_redis_detach(wait->op);
        wait->op = NULL;
    }
}


void
ngx_keepers_send(const keepers_str_t *argv, ngx_uint_t argc)
{
    /* when it cannot be sent, the client has counted it: nobody waits */

    (void) ngx_keepers_redis_issue(ngx_keepers_worker.redis, argv, argc, NULL,
                                   NULL, NULL, NULL);
}


static void
ngx_keepers_wait_prepare(ngx_keepers_wait_t *wait,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake)
{
    wait->mode = mode;
    wait->wake = wake;
    wait->asked_ms = ngx_current_msec;
    wait->reply.n = 0;
    wait->reply.len = 0;
}


static ngx_int_t
ngx_keepers_wait_start(ngx_keepers_wait_t *wait, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    wait->rc = rc;

    if (rc != NGX_AGAIN) {
        wait->op = NULL;
        return rc;
    }

    r = wait->request;

    if (wait->mode == NGX_KEEPERS_WAIT_HANDLER) {
        r->main->count++;
    }

    /*
     * A client that leaves frees its place.  An unread body makes its bytes
     * look like an early answer to nobody, which test_reading leaves alone.
     */

    r->read_event_handler = ngx_http_test_reading;

    return NGX_AGAIN;
}


static void
ngx_keepers_wait_done(void *data, ngx_int_t rc)
{
    ngx_keepers_wait_t  *wait;

    wait = data;
    wait->op = NULL;
    wait->rc = rc;

    /* before the request goes on: it may end, and the reply with it */

    ngx_keepers_flight_landed(wait);

    if (!ngx_keepers_wait_behind(wait)) {
        ngx_keepers_wait_wake(wait);
    }
}


/*
 * Whether the answer about the session is delivered behind this one, which is
 * a limit's: they were asked for together, and one wake is enough for both.
 */

static ngx_uint_t
ngx_keepers_wait_behind(const ngx_keepers_wait_t *wait)
{
    ngx_keepers_ctx_t   *ctx;
    ngx_keepers_wait_t  *other;

    if (wait->mode != NGX_KEEPERS_WAIT_PHASE) {
        return 0;
    }

    ctx = ngx_keepers_ctx_find(wait->request);
    other = (ctx != NULL) ? ctx->wait : NULL;

    return other != NULL
           && other->op != NULL
           && other->request == wait->request
           && ngx_keepers_redis_answered(other->op);
}


void
ngx_keepers_wait_wake(ngx_keepers_wait_t *wait)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = wait->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;

    if (wait->mode == NGX_KEEPERS_WAIT_PHASE) {
        ngx_http_core_run_phases(r);

    } else {
        ngx_http_finalize_request(r, wait->wake(r, wait));
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_keepers_wait_cleanup(void *data)
{
    ngx_keepers_wait_drop(data);
}
