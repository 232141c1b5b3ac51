
/*
 * Copyright (C) Keepers
 *
 * GET /api/v1/sessions: the sessions of the one who asks.  DELETE with an id
 * ends one of them, DELETE without one ends all others, DELETE of "all" signs
 * out everywhere.  Somebody else's session is as unknown as one that never
 * was.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_json.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_end.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_unseal.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


/* An id is the first half of the SID: no credential, for it opens nothing. */
#define NGX_KEEPERS_SESSIONS_ID_LEN    22

/* SID, record and remaining time of each */
#define NGX_KEEPERS_SESSIONS_VALUES    (3 * NGX_KEEPERS_END_MAX)
#define NGX_KEEPERS_SESSIONS_BYTES     (NGX_KEEPERS_END_MAX * 256)
#define NGX_KEEPERS_SESSIONS_ITEM_LEN  320


typedef struct {
    ngx_keepers_wait_t  *wait;      /* of the epoch; the list has its own */
    ngx_str_t            id;        /* empty: all others */
    ngx_uint_t           all;       /* the current one too */
} ngx_keepers_sessions_t;


static ngx_int_t ngx_keepers_sessions_id(ngx_http_request_t *r,
    ngx_keepers_sessions_t *state);
static ngx_int_t ngx_keepers_sessions_list(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_sessions_t *state);
static ngx_int_t ngx_keepers_sessions_listed(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_uint_t ngx_keepers_sessions_whole(const ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_sessions_reply(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static void ngx_keepers_sessions_item(ngx_http_request_t *r,
    const ngx_keepers_redis_value_t *values, keepers_out_t *out);
static ngx_int_t ngx_keepers_sessions_open(ngx_http_request_t *r,
    const ngx_keepers_redis_value_t *values, keepers_session_t *session);
static void ngx_keepers_sessions_time(keepers_out_t *out, const char *name,
    uint64_t ms);
static ngx_int_t ngx_keepers_sessions_end(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait, ngx_keepers_sessions_t *state);
static ngx_int_t ngx_keepers_sessions_epoch(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_sessions_t *state);
static ngx_int_t ngx_keepers_sessions_raised(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_sessions_ended(ngx_http_request_t *r,
    void *data, ngx_int_t rc);
static ngx_int_t ngx_keepers_sessions_unavailable(ngx_http_request_t *r);


ngx_int_t
ngx_keepers_sessions_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_sessions_t  *state;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || !ngx_keepers_check_known(ngx_keepers_loc_conf(r), ctx))
    {
        /* "satisfy any": another door than a session was open */
        return ngx_keepers_reply_problem(r, NGX_HTTP_UNAUTHORIZED,
                                         "session_required", 0);
    }

    if (ngx_keepers_check_machine(ctx)) {

        /* sessions are a person's; a token ends none and has none */

        return ngx_keepers_reply_problem(r, NGX_HTTP_FORBIDDEN, "role", 0);
    }

    state = ngx_pcalloc(r->pool, sizeof(ngx_keepers_sessions_t));

    if (state == NULL || ngx_keepers_residue_add(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_keepers_sessions_id(r, state) != NGX_OK) {
        return ngx_keepers_reply_problem(r, NGX_HTTP_NOT_FOUND, "not_found",
                                         0);
    }

    state->wait = ngx_keepers_wait_create(r, 1, 32);

    if (state->wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->wait->data = state;

    if (r->method == NGX_HTTP_DELETE && state->all) {
        return ngx_keepers_sessions_epoch(r, ctx, state);
    }

    if (r->method == NGX_HTTP_DELETE
        || ((r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) && state->id.len == 0))
    {
        return ngx_keepers_sessions_list(r, ctx, state);
    }

    return ngx_keepers_reply_method(r, state->id.len == 0
                                       ? "GET, HEAD, DELETE" : "DELETE");
}


/* Behind the location's name: nothing, "/", or "/" and an id or "all". */

static ngx_int_t
ngx_keepers_sessions_id(ngx_http_request_t *r, ngx_keepers_sessions_t *state)
{
    ngx_str_t                 *id;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->name.len > r->uri.len) {
        return NGX_DECLINED;
    }

    id = &state->id;
    id->data = r->uri.data + clcf->name.len;
    id->len = r->uri.len - clcf->name.len;

    if (id->len != 0 && id->data[0] == '/') {
        id->data++;
        id->len--;
    }

    if (id->len == 3 && ngx_strncmp(id->data, "all", 3) == 0) {
        state->all = 1;
        return NGX_OK;
    }

    if (id->len != 0 && id->len != NGX_KEEPERS_SESSIONS_ID_LEN) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_sessions_list(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_sessions_t *state)
{
    u_char                    texts[2][NGX_KEEPERS_KEY_LEN];
    ngx_int_t                 rc;
    keepers_out_t             out[2];
    keepers_str_t             argv[2];
    ngx_keepers_wait_t       *wait;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    wait = ngx_keepers_wait_create(r, NGX_KEEPERS_SESSIONS_VALUES,
                                   NGX_KEEPERS_SESSIONS_BYTES);

    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->data = state;

    keepers_out_init(&out[0], texts[0], NGX_KEEPERS_KEY_LEN);
    keepers_out_init(&out[1], texts[1], NGX_KEEPERS_KEY_LEN);

    ngx_keepers_check_key(kmcf, ctx->tag, "x", NULL, &out[0]);
    ngx_keepers_check_key(kmcf, ctx->tag, "s:", NULL, &out[1]);

    argv[0] = keepers_out_written(&out[0]);
    argv[1] = keepers_out_written(&out[1]);

    rc = ngx_keepers_wait_eval(wait, NGX_KEEPERS_WAIT_HANDLER,
                               ngx_keepers_sessions_listed,
                               NGX_KEEPERS_SCRIPT_LIST, 1, argv, 2);

    return rc == NGX_AGAIN ? NGX_DONE : ngx_keepers_sessions_unavailable(r);
}


static ngx_int_t
ngx_keepers_sessions_listed(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    if (!ngx_keepers_sessions_whole(wait)) {
        return ngx_keepers_sessions_unavailable(r);
    }

    if (r->method == NGX_HTTP_DELETE) {
        return ngx_keepers_sessions_end(r, wait, wait->data);
    }

    return ngx_keepers_sessions_reply(r, wait);
}


/* Threes of a SID, a record and a time. */

static ngx_uint_t
ngx_keepers_sessions_whole(const ngx_keepers_wait_t *wait)
{
    ngx_uint_t                        i;
    const ngx_keepers_redis_value_t  *value;

    if (wait->rc != NGX_OK || wait->reply.n % 3 != 0) {
        return 0;
    }

    for (i = 0; i < wait->reply.n; i += 3) {
        value = &wait->reply.values[i];

        if (value[0].kind != NGX_KEEPERS_REDIS_STRING
            || value[1].kind != NGX_KEEPERS_REDIS_STRING
            || value[2].kind != NGX_KEEPERS_REDIS_INTEGER)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_keepers_sessions_reply(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_uint_t     i;
    keepers_out_t  out;

    ngx_keepers_out(&out, r->pool,
                    (wait->reply.n / 3 + 1) * NGX_KEEPERS_SESSIONS_ITEM_LEN);

    keepers_out_text(&out, "{\"items\":[");

    for (i = 0; i < wait->reply.n; i += 3) {
        ngx_keepers_sessions_item(r, &wait->reply.values[i], &out);
    }

    keepers_out_text(&out, "],\"next\":null}\n");

    if (out.overflow || ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, NGX_HTTP_OK, "application/json",
                                  keepers_out_written(&out));
}


static void
ngx_keepers_sessions_item(ngx_http_request_t *r,
    const ngx_keepers_redis_value_t *values, keepers_out_t *out)
{
    char                net[24];
    u_char              sid[KEEPERS_SID_LEN];
    size_t              len;
    uint64_t            seen_ms;
    keepers_session_t   session;
    ngx_keepers_ctx_t  *ctx;

    /* the key of a remembered one may outlive it */

    if (ngx_keepers_sessions_open(r, values, &session) != NGX_OK
        || session.absolute_ms <= ngx_keepers_now_ms()
        || !keepers_text_base64url_decode(values[0].string, sid, sizeof(sid)))
    {
        return;
    }

    ctx = ngx_keepers_ctx_find(r);
    len = keepers_net_text(session.net, net);

    /* the idle time was renewed when it was last seen, give or take a minute */

    seen_ms = ngx_keepers_now_ms() + (uint64_t) values[2].integer
              - (uint64_t) session.idle_s * 1000;
    seen_ms = ngx_max(seen_ms, session.created_ms);

    if (out->data[out->len - 1] == '}') {
        keepers_out_byte(out, ',');
    }

    keepers_out_text(out, "{\"id\":\"");
    keepers_out_bytes(out, values[0].string.data,
                      NGX_KEEPERS_SESSIONS_ID_LEN);
    keepers_out_text(out, "\",\"network\":");
    keepers_json_string(out, keepers_str(net, len));
    keepers_out_text(out, ",\"agent\":\"");
    keepers_out_text(out, keepers_agent_name(session.agent));
    keepers_out_text(out, "\",");
    ngx_keepers_sessions_time(out, "created", session.created_ms);
    ngx_keepers_sessions_time(out, "seen", seen_ms);
    keepers_out_text(out, session.marks & KEEPERS_SESSION_REMEMBERED
                          ? "\"remembered\":true," : "\"remembered\":false,");
    keepers_out_text(out, "\"current\":");
    keepers_out_text(out, ngx_memcmp(sid, ctx->sid, KEEPERS_SID_LEN) == 0
                          ? "true}" : "false}");
}


/* Under any key of the ring; what another has replaced is no session. */

static ngx_int_t
ngx_keepers_sessions_open(ngx_http_request_t *r,
    const ngx_keepers_redis_value_t *values, keepers_session_t *session)
{
    u_char                    text[NGX_KEEPERS_KEY_LEN];
    keepers_out_t             key;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (values[1].string.len != KEEPERS_SESSION_SEALED_LEN) {
        return NGX_DECLINED;
    }

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(kmcf, ngx_keepers_ctx_find(r)->tag, "s:", NULL,
                          &key);
    keepers_out_str(&key, values[0].string);

    return ngx_keepers_unseal_any(kmcf, keepers_out_written(&key),
                                  values[1].string, session);
}


/* To the minute: "2026-11-24T09:30Z". */

static void
ngx_keepers_sessions_time(keepers_out_t *out, const char *name, uint64_t ms)
{
    u_char    text[64], *p;
    ngx_tm_t  tm;

    ngx_gmtime((time_t) (ms / 1000), &tm);

    p = ngx_sprintf(text, "\"%s\":\"%4d-%02d-%02dT%02d:%02d:00Z\",", name,
                    tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                    tm.ngx_tm_hour, tm.ngx_tm_min);

    keepers_out_bytes(out, text, p - text);
}


static ngx_int_t
ngx_keepers_sessions_end(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_sessions_t *state)
{
    u_char                            sids[NGX_KEEPERS_END_MAX]
                                          [KEEPERS_SID_LEN];
    ngx_uint_t                        i, n;
    keepers_metric_e                  why;
    ngx_keepers_ctx_t                *ctx;
    const ngx_keepers_redis_value_t  *value;

    ctx = ngx_keepers_ctx_find(r);
    n = 0;

    for (i = 0; i < wait->reply.n && n < NGX_KEEPERS_END_MAX; i += 3) {
        value = &wait->reply.values[i];

        if (!keepers_text_base64url_decode(value->string, sids[n],
                                           KEEPERS_SID_LEN))
        {
            continue;
        }

        if (state->all) {
            n++;
            continue;
        }

        if (state->id.len != 0) {
            n += ngx_memcmp(value->string.data, state->id.data,
                            state->id.len) == 0;
            continue;
        }

        n += ngx_memcmp(sids[n], ctx->sid, KEEPERS_SID_LEN) != 0;
    }

    if (n == 0 && state->id.len != 0 && !state->all) {
        return ngx_keepers_reply_problem(r, NGX_HTTP_NOT_FOUND, "not_found",
                                         0);
    }

    if (n == 0) {
        return ngx_keepers_sessions_ended(r, state, NGX_OK);
    }

    why = state->all ? KEEPERS_METRIC_ENDED_ALL
          : state->id.len != 0 ? KEEPERS_METRIC_ENDED_ONE
          : KEEPERS_METRIC_ENDED_OTHERS;

    return ngx_keepers_end(r, ctx->tag, sids, n, why,
                           ngx_keepers_sessions_ended, state);
}


/*
 * The epoch is what ends them all; the list, which is read after it, for one
 * that a sign-in makes in between would not be in it, is for the caches of all
 * nodes.
 */

static ngx_int_t
ngx_keepers_sessions_epoch(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_sessions_t *state)
{
    u_char         text[NGX_KEEPERS_KEY_LEN];
    ngx_int_t      rc;
    keepers_out_t  key;
    keepers_str_t  argv[2];

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(ngx_keepers_main_conf(r), ctx->tag, "e", NULL, &key);

    argv[0] = keepers_str("INCR", 4);
    argv[1] = keepers_out_written(&key);

    rc = ngx_keepers_wait_command(state->wait, NGX_KEEPERS_WAIT_HANDLER,
                                  ngx_keepers_sessions_raised, argv, 2);

    return rc == NGX_AGAIN ? NGX_DONE : ngx_keepers_sessions_unavailable(r);
}


static ngx_int_t
ngx_keepers_sessions_raised(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    if (ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_INTEGER) == NULL) {
        return ngx_keepers_sessions_unavailable(r);
    }

    return ngx_keepers_sessions_list(r, ngx_keepers_ctx_find(r), wait->data);
}


static ngx_int_t
ngx_keepers_sessions_ended(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_keepers_sessions_t  *state;

    state = data;

    if (rc != NGX_OK) {
        return ngx_keepers_sessions_unavailable(r);
    }

    if (state->all
        && ngx_keepers_reply_cookie(r, keepers_str(NULL, 0), 0) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, NGX_HTTP_NO_CONTENT, NULL,
                                  keepers_str(NULL, 0));
}


static ngx_int_t
ngx_keepers_sessions_unavailable(ngx_http_request_t *r)
{
    return ngx_keepers_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                     "session_unavailable", 1);
}
