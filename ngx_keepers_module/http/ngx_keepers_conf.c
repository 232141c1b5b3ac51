
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_conf.h"

#include "core/keepers_batch.h"
#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_effective.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_keyfile.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_link.h"
#include "http/ngx_keepers_page.h"
#include "http/ngx_keepers_remember.h"
#include "http/ngx_keepers_template.h"
#include "http/ngx_keepers_words.h"


#define NGX_KEEPERS_CONNECT_TIMEOUT_MS  50
#define NGX_KEEPERS_TIMEOUT_MS          25
#define NGX_KEEPERS_CONNECTIONS         1
#define NGX_KEEPERS_CONNECTIONS_MAX     16
#define NGX_KEEPERS_QUEUE               4096
#define NGX_KEEPERS_QUEUE_MAX           65536
#define NGX_KEEPERS_BODY_SIZE           16384
#define NGX_KEEPERS_BODY_SIZE_MAX       65536
#define NGX_KEEPERS_FORM_SIZE           4096    /* of all but a signup */
#define NGX_KEEPERS_SESSION_MAX         50


static char *ngx_keepers_conf_rings(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf);
static char *ngx_keepers_conf_bounds(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf);
static char *ngx_keepers_conf_session_checks(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *conf);
static void ngx_keepers_conf_nameless(ngx_conf_t *cf,
    const ngx_keepers_loc_conf_t *prev, ngx_keepers_loc_conf_t *conf);
static ngx_uint_t ngx_keepers_conf_seals(
    const ngx_keepers_loc_conf_t *conf);
static char *ngx_keepers_conf_handlers(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *conf);
static ngx_http_handler_pt ngx_keepers_conf_handler(
    const ngx_keepers_loc_conf_t *conf);
static void ngx_keepers_conf_use(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *conf);


void *
ngx_keepers_create_main_conf(ngx_conf_t *cf)
{
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_pcalloc(cf->pool, sizeof(ngx_keepers_main_conf_t));

    if (kmcf == NULL) {
        return NULL;
    }

    /* zeroed: zone, shm, rings, names, templates, flags */

    kmcf->words = ngx_keepers_words_create(cf);

    if (kmcf->words == NULL) {
        return NULL;
    }

    kmcf->redis.connect_timeout_ms = NGX_CONF_UNSET_MSEC;
    kmcf->redis.timeout_ms = NGX_CONF_UNSET_MSEC;
    kmcf->redis.connections = NGX_CONF_UNSET_UINT;
    kmcf->redis.queue = NGX_CONF_UNSET_UINT;
    kmcf->redis.ssl_verify = NGX_CONF_UNSET;
    kmcf->limit_nodes = NGX_CONF_UNSET_UINT;

    return kmcf;
}


/* Runs before the locations are merged: "used" is not yet known. */

char *
ngx_keepers_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_keepers_main_conf_t  *kmcf = conf;

    ngx_conf_init_msec_value(kmcf->redis.connect_timeout_ms,
                             NGX_KEEPERS_CONNECT_TIMEOUT_MS);
    ngx_conf_init_msec_value(kmcf->redis.timeout_ms, NGX_KEEPERS_TIMEOUT_MS);
    ngx_conf_init_uint_value(kmcf->redis.connections,
                             NGX_KEEPERS_CONNECTIONS);
    ngx_conf_init_uint_value(kmcf->redis.queue, NGX_KEEPERS_QUEUE);
    ngx_conf_init_uint_value(kmcf->limit_nodes, 1);

    if (ngx_keepers_conf_bounds(cf, kmcf) != NGX_CONF_OK
        || ngx_keepers_redis_tls_init(cf, &kmcf->redis) != NGX_CONF_OK
        || ngx_keepers_limit_rules_done(cf, kmcf) != NGX_CONF_OK
        || ngx_keepers_words_init(cf, kmcf) != NGX_CONF_OK
        || ngx_keepers_template_builtin(cf, kmcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_keepers_conf_rings(cf, kmcf);
}


static char *
ngx_keepers_conf_bounds(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf)
{
    if (kmcf->redis.connect_timeout_ms == 0 || kmcf->redis.timeout_ms == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis_connect_timeout\" and "
                      "\"keepers_redis_timeout\" must be at least 1ms");
        return NGX_CONF_ERROR;
    }

    if (kmcf->redis.connections == 0
        || kmcf->redis.connections > NGX_KEEPERS_CONNECTIONS_MAX)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis_connections\" must be 1 to %d",
                      NGX_KEEPERS_CONNECTIONS_MAX);
        return NGX_CONF_ERROR;
    }

    if (kmcf->redis.queue == 0 || kmcf->redis.queue > NGX_KEEPERS_QUEUE_MAX) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis_queue\" must be 1 to %d",
                      NGX_KEEPERS_QUEUE_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keepers_conf_rings(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf)
{
    if (kmcf->edge == NULL) {
        return NGX_CONF_OK;
    }

    if (keepers_keyring_shared(kmcf->edge, &kmcf->shared) != KEEPERS_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no guarded memory for the keys of "
                      "\"keepers_key_file\": raise RLIMIT_MEMLOCK");
        return NGX_CONF_ERROR;
    }

    return ngx_keepers_keyfile_own(cf, kmcf->shared);
}


void *
ngx_keepers_create_loc_conf(ngx_conf_t *cf)
{
    ngx_keepers_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_keepers_loc_conf_t));

    if (conf == NULL) {
        return NULL;
    }

    /*
     * zeroed: strings, link, thanks, page, spool_max, signout, sessions,
     * status, and what "keepers_session" sets beside session
     */

    conf->session = NGX_CONF_UNSET_UINT;
    conf->cookie_insecure = NGX_CONF_UNSET;
    conf->idle_s = NGX_CONF_UNSET;
    conf->absolute_s = NGX_CONF_UNSET;
    conf->remember_s = NGX_CONF_UNSET;
    conf->cache_ms = NGX_CONF_UNSET_MSEC;
    conf->session_max = NGX_CONF_UNSET_UINT;
    conf->stale_ms = NGX_CONF_UNSET_MSEC;
    conf->csrf = NGX_CONF_UNSET;
    conf->limits = NGX_CONF_UNSET_PTR;
    conf->limit_status = NGX_CONF_UNSET_UINT;
    conf->link_template = NGX_CONF_UNSET_PTR;
    conf->thanks_template = NGX_CONF_UNSET_PTR;
    conf->problem_template = NGX_CONF_UNSET_PTR;
    conf->body_size = NGX_CONF_UNSET_SIZE;
    conf->signup_batch = NGX_CONF_UNSET;

    return conf;
}


char *
ngx_keepers_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_keepers_loc_conf_t  *prev = parent;
    ngx_keepers_loc_conf_t  *conf = child;

    /* one directive sets these five together */

    if (conf->session == NGX_CONF_UNSET_UINT) {
        conf->session = prev->session;
        conf->roles = prev->roles;
        conf->aal = prev->aal;
        conf->fresh_ms = prev->fresh_ms;
        conf->bind = prev->bind;
    }

    ngx_conf_init_uint_value(conf->session, NGX_KEEPERS_SESSION_OFF);

    conf->proof = conf->aal > 1 || conf->fresh_ms != 0 || conf->bind != 0;

    ngx_conf_merge_str_value(conf->cookie, prev->cookie, "__Host-keepers");
    ngx_conf_merge_value(conf->cookie_insecure, prev->cookie_insecure, 0);
    ngx_conf_merge_sec_value(conf->idle_s, prev->idle_s, 30 * 60);
    ngx_conf_merge_sec_value(conf->absolute_s, prev->absolute_s, 12 * 3600);
    ngx_conf_merge_sec_value(conf->remember_s, prev->remember_s, 0);
    ngx_conf_merge_msec_value(conf->cache_ms, prev->cache_ms, 2000);
    ngx_conf_merge_uint_value(conf->session_max, prev->session_max, 20);
    ngx_conf_merge_msec_value(conf->stale_ms, prev->stale_ms, 0);
    ngx_conf_merge_str_value(conf->signin_url, prev->signin_url, "");
    ngx_conf_merge_str_value(conf->step_up_url, prev->step_up_url, "");
    ngx_conf_merge_value(conf->csrf, prev->csrf, 1);
    ngx_conf_merge_ptr_value(conf->limits, prev->limits, NULL);
    ngx_conf_merge_uint_value(conf->limit_status, prev->limit_status, 429);
    ngx_conf_merge_ptr_value(conf->link_template, prev->link_template, NULL);
    ngx_conf_merge_ptr_value(conf->thanks_template, prev->thanks_template,
                             NULL);
    ngx_conf_merge_ptr_value(conf->problem_template, prev->problem_template,
                             NULL);
    ngx_conf_merge_size_value(conf->body_size, prev->body_size,
                              NGX_KEEPERS_BODY_SIZE);
    conf->form_size = ngx_min(conf->body_size, NGX_KEEPERS_FORM_SIZE);
    ngx_conf_merge_value(conf->signup_batch, prev->signup_batch, 1);

    ngx_keepers_conf_nameless(cf, prev, conf);

    if (ngx_keepers_conf_device(cf, prev, conf) != NGX_OK
        || ngx_keepers_link_merge(cf, conf) != NGX_CONF_OK
        || ngx_keepers_limit_merge(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->page != NULL
        && ngx_keepers_page_check(cf, conf->page) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_keepers_conf_use(cf, conf);

    if (ngx_keepers_conf_session_checks(cf, conf) != NGX_CONF_OK
        || ngx_keepers_conf_session_users(cf, conf) != NGX_CONF_OK
        || ngx_keepers_effective_note(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_keepers_conf_handlers(cf, conf);
}


/*
 * The nameless location of an "if" or a "limit_except" is served by the
 * handler of the one around it, which must find there what it is to do.  None
 * of these directives may stand in such a location itself.
 */

static void
ngx_keepers_conf_nameless(ngx_conf_t *cf, const ngx_keepers_loc_conf_t *prev,
    ngx_keepers_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!clcf->noname) {
        return;
    }

    conf->link = prev->link;
    conf->thanks = prev->thanks;
    conf->page = prev->page;
    conf->signin = prev->signin;
    conf->password = prev->password;
    conf->step_up = prev->step_up;
    conf->forgot = prev->forgot;
    conf->reset = prev->reset;
    conf->spool_max = prev->spool_max;
    conf->signout = prev->signout;
    conf->sessions = prev->sessions;
    conf->status = prev->status;
}


static char *
ngx_keepers_conf_session_checks(ngx_conf_t *cf, ngx_keepers_loc_conf_t *conf)
{
    if (conf->idle_s == 0 || conf->absolute_s == 0
        || conf->idle_s > conf->absolute_s)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_session_idle\" (%T s) must be at least 1s and "
                      "not longer than \"keepers_session_absolute\" (%T s)",
                      conf->idle_s, conf->absolute_s);
        return NGX_CONF_ERROR;
    }

    if (ngx_keepers_remember_check(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->session_max == 0 || conf->session_max > NGX_KEEPERS_SESSION_MAX)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_session_max\" must be 1 to %d",
                      NGX_KEEPERS_SESSION_MAX);
        return NGX_CONF_ERROR;
    }

    if (conf->cache_ms > 30000) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_session_cache\" must be at most 30s: a "
                      "session that was ended would live on for as long");
        return NGX_CONF_ERROR;
    }

    if (conf->body_size == 0 || conf->body_size > NGX_KEEPERS_BODY_SIZE_MAX) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_signup_body_size\" must be 1 byte to %d "
                      "bytes", NGX_KEEPERS_BODY_SIZE_MAX);
        return NGX_CONF_ERROR;
    }

    if (conf->signup_batch < 1 || conf->signup_batch > KEEPERS_BATCH_MAX) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_signup_batch\" must be 1 to %d signups",
                      KEEPERS_BATCH_MAX);
        return NGX_CONF_ERROR;
    }

    return ngx_keepers_conf_return(cf, conf);
}


/*
 * The handler of a location, whatever the order of its directives.  An "if"
 * keeps that of the location around it, or has another's of its own; to a
 * "limit_except" nginx gives none.
 */

static char *
ngx_keepers_conf_handlers(ngx_conf_t *cf, ngx_keepers_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->signin.len != 0 && !clcf->noname) {
        clcf->handler = ngx_keepers_signin_handler;
    }

    if (conf->step_up.len != 0 && !clcf->noname) {
        clcf->handler = ngx_keepers_step_up_handler;
    }

    if (conf->password.len != 0 && !clcf->noname) {
        clcf->handler = ngx_keepers_password_handler;
    }

    if (conf->forgot.len != 0 && !clcf->noname) {
        clcf->handler = ngx_keepers_forgot_handler;
    }

    if (conf->reset.len != 0 && !clcf->noname) {
        clcf->handler = ngx_keepers_reset_handler;
    }

    if (clcf->lmt_excpt && clcf->handler == NULL) {
        clcf->handler = ngx_keepers_conf_handler(conf);
    }

    if (ngx_keepers_conf_seals(conf)) {
        ngx_keepers_body_conf(cf, conf->link != NULL ? conf->body_size
                                                     : conf->form_size);
    }

    return NGX_CONF_OK;
}


/* Is a body read there, and sealed to the writer? */

static ngx_uint_t
ngx_keepers_conf_seals(const ngx_keepers_loc_conf_t *conf)
{
    return conf->link != NULL || conf->signin.len != 0
           || conf->password.len != 0 || conf->step_up.len != 0
           || conf->forgot.len != 0 || conf->reset.len != 0;
}


/* NULL: none of ours. */

static ngx_http_handler_pt
ngx_keepers_conf_handler(const ngx_keepers_loc_conf_t *conf)
{
    if (conf->signin.len != 0) {
        return ngx_keepers_signin_handler;
    }

    if (conf->step_up.len != 0) {
        return ngx_keepers_step_up_handler;
    }

    if (conf->forgot.len != 0) {
        return ngx_keepers_forgot_handler;
    }

    if (conf->reset.len != 0) {
        return ngx_keepers_reset_handler;
    }

    if (conf->thanks != NULL) {
        return ngx_keepers_thanks_handler;
    }

    if (conf->page != NULL) {
        return ngx_keepers_page_handler;
    }

    if (conf->spool_max != 0) {
        return ngx_keepers_spool_handler;
    }

    if (conf->password.len != 0) {
        return ngx_keepers_password_handler;
    }

    if (conf->signout) {
        return ngx_keepers_signout_handler;
    }

    if (conf->sessions) {
        return ngx_keepers_sessions_handler;
    }

    return conf->status != NGX_KEEPERS_STATUS_OFF ? ngx_keepers_status_handler
                                                  : NULL;
}


/* Notes what is in use: only then key, zone and Redis are required. */

static void
ngx_keepers_conf_use(ngx_conf_t *cf, ngx_keepers_loc_conf_t *conf)
{
    ngx_keepers_main_conf_t   *kmcf;
    ngx_http_core_loc_conf_t  *clcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->error_pages != NULL) {
        kmcf->errors = 1;
    }

    if (conf->session != NGX_KEEPERS_SESSION_OFF
        || conf->limits != NULL
        || conf->link != NULL
        || ngx_keepers_conf_handler(conf) != NULL)
    {
        kmcf->used = 1;
    }

    if (ngx_keepers_conf_seals(conf)) {
        kmcf->links = 1;
    }

    if (conf->link != NULL || conf->thanks != NULL) {
        kmcf->pages = 1;
    }
}


char *
ngx_keepers_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_main_conf_t  *kmcf = conf;

    ngx_str_t  *value;

    if (kmcf->edge != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_keepers_keyfile_ring(cf, &value[1], &kmcf->edge);
}


char *
ngx_keepers_conf_writer_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_main_conf_t  *kmcf = conf;

    ngx_str_t  *value;

    if (kmcf->writer_key.len != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;
    kmcf->writer_key = value[1];

    return ngx_keepers_keyfile_writer(cf, &kmcf->writer_key,
                                      kmcf->writer_public);
}


char *
ngx_keepers_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_main_conf_t  *kmcf = conf;

    ngx_str_t  *value;

    if (kmcf->redis_set) {
        return "is duplicate";
    }

    kmcf->redis_set = 1;

    value = cf->args->elts;

    return ngx_keepers_redis_parse(cf, &kmcf->redis, &value[1],
                                   cf->args->nelts - 1);
}


char *
ngx_keepers_conf_signout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (klcf->signout) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_keepers_signout_handler;

    klcf->signout = 1;

    return NGX_CONF_OK;
}


char *
ngx_keepers_conf_sessions(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (klcf->sessions) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_keepers_sessions_handler;

    klcf->sessions = 1;

    return NGX_CONF_OK;
}
