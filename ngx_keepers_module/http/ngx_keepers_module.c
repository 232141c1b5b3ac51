
/*
 * Copyright (C) Keepers
 *
 * The directive table, the phases, process start and exit.
 */


#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_effective.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_remember.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_words.h"
#include "http/ngx_keepers_worker.h"


static ngx_int_t ngx_keepers_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_keepers_phase(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler);
static ngx_int_t ngx_keepers_required(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf);
static ngx_int_t ngx_keepers_resolver(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf);


#define NGX_KEEPERS_MAIN      NGX_HTTP_MAIN_CONF
#define NGX_KEEPERS_SRV       (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF)
#define NGX_KEEPERS_ANY       (NGX_KEEPERS_SRV|NGX_HTTP_LOC_CONF)
#define NGX_KEEPERS_LOC       NGX_HTTP_LOC_CONF

#define ngx_keepers_main_field(f)  offsetof(ngx_keepers_main_conf_t, f)
#define ngx_keepers_loc_field(f)   offsetof(ngx_keepers_loc_conf_t, f)


static ngx_conf_post_t  ngx_keepers_redis_key = { ngx_keepers_redis_tls_key };


static ngx_command_t  ngx_keepers_commands[] = {

    { ngx_string("keepers_zone"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_keepers_shm_conf,
      NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_key_file"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_keepers_conf_key_file,
      NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_writer_key"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_keepers_conf_writer_key,
      NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_redis"),
      NGX_KEEPERS_MAIN|NGX_CONF_1MORE,
      ngx_keepers_conf_redis,
      NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_redis_connect_timeout"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.connect_timeout_ms), NULL },

    { ngx_string("keepers_redis_timeout"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.timeout_ms), NULL },

    { ngx_string("keepers_redis_connections"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.connections), NULL },

    { ngx_string("keepers_redis_queue"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.queue), NULL },

    { ngx_string("keepers_redis_ssl_verify"),
      NGX_KEEPERS_MAIN|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.ssl_verify), NULL },

    { ngx_string("keepers_redis_ssl_trusted_certificate"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.ssl_trusted), NULL },

    { ngx_string("keepers_redis_ssl_name"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.ssl_name), NULL },

    { ngx_string("keepers_redis_ssl_certificate"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.ssl_certificate), NULL },

    { ngx_string("keepers_redis_ssl_certificate_key"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_keepers_main_field(redis.ssl_key), &ngx_keepers_redis_key },

    { ngx_string("keepers_session"),
      NGX_KEEPERS_ANY|NGX_CONF_1MORE,
      ngx_keepers_conf_session,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_session_cookie"),
      NGX_KEEPERS_SRV|NGX_CONF_TAKE12,
      ngx_keepers_conf_cookie,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_session_idle"),
      NGX_KEEPERS_SRV|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(idle_s), NULL },

    { ngx_string("keepers_session_absolute"),
      NGX_KEEPERS_SRV|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(absolute_s), NULL },

    { ngx_string("keepers_session_remember"),
      NGX_KEEPERS_SRV|NGX_CONF_TAKE1,
      ngx_keepers_remember_conf,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_session_cache"),
      NGX_KEEPERS_SRV|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(cache_ms), NULL },

    { ngx_string("keepers_session_max"),
      NGX_KEEPERS_SRV|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(session_max), NULL },

    { ngx_string("keepers_session_error"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_keepers_conf_session_error,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_signin_url"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(signin_url), NULL },

    { ngx_string("keepers_step_up_url"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(step_up_url), NULL },

    { ngx_string("keepers_csrf"),
      NGX_KEEPERS_ANY|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(csrf), NULL },

    { ngx_string("keepers_signin"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_conf_asking,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(signin), NULL },

    { ngx_string("keepers_step_up"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_conf_asking,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(step_up), NULL },

    { ngx_string("keepers_password"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_conf_asking,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(password), NULL },

    { ngx_string("keepers_forgot"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_conf_asking,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(forgot), NULL },

    { ngx_string("keepers_reset"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_conf_asking,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(reset), NULL },

    { ngx_string("keepers_signout"),
      NGX_KEEPERS_LOC|NGX_CONF_NOARGS,
      ngx_keepers_conf_signout,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_sessions"),
      NGX_KEEPERS_LOC|NGX_CONF_NOARGS,
      ngx_keepers_conf_sessions,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_limit_rule"),
      NGX_KEEPERS_MAIN|NGX_CONF_1MORE,
      ngx_keepers_limit_rule_conf,
      NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_limit_nodes"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, ngx_keepers_main_field(limit_nodes), NULL },

    { ngx_string("keepers_limit"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE123,
      ngx_keepers_limit_conf,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_limit_status"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_keepers_limit_status_conf,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(limit_status), NULL },

    { ngx_string("keepers_link"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(link), NULL },

    { ngx_string("keepers_thanks"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_thanks_conf,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(thanks), NULL },

    { ngx_string("keepers_page"),
      NGX_KEEPERS_LOC|NGX_CONF_TAKE1,
      ngx_keepers_page_conf,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_link_template"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_keepers_template_conf,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(link_template), NULL },

    { ngx_string("keepers_thanks_template"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_keepers_template_conf,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(thanks_template), NULL },

    { ngx_string("keepers_problem_template"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_keepers_template_conf,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(problem_template),
      NULL },

    { ngx_string("keepers_words"),
      NGX_KEEPERS_MAIN|NGX_CONF_TAKE1,
      ngx_keepers_words_conf,
      NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_signup_body_size"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(body_size), NULL },

    { ngx_string("keepers_signup_batch"),
      NGX_KEEPERS_ANY|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET, ngx_keepers_loc_field(signup_batch), NULL },

    { ngx_string("keepers_spool"),
      NGX_KEEPERS_LOC|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_keepers_spool_conf,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("keepers_status"),
      NGX_KEEPERS_LOC|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_keepers_status_conf,
      NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_keepers_module_ctx = {
    ngx_keepers_variables_add,          /* preconfiguration */
    ngx_keepers_postconfiguration,      /* postconfiguration */

    ngx_keepers_create_main_conf,       /* create main configuration */
    ngx_keepers_init_main_conf,         /* init main configuration */

    NULL,                               /* create server configuration */
    NULL,                               /* merge server configuration */

    ngx_keepers_create_loc_conf,        /* create location configuration */
    ngx_keepers_merge_loc_conf          /* merge location configuration */
};


ngx_module_t  ngx_http_keepers_module = {
    NGX_MODULE_V1,
    &ngx_keepers_module_ctx,            /* module context */
    ngx_keepers_commands,               /* module directives */
    NGX_HTTP_MODULE,                    /* module type */
    NULL,                               /* init master */
    ngx_keepers_effective_log,          /* init module */
    ngx_keepers_worker_init,            /* init process */
    NULL,                               /* init thread */
    NULL,                               /* exit thread */
    ngx_keepers_worker_exit,            /* exit process */
    NULL,                               /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_keepers_postconfiguration(ngx_conf_t *cf)
{
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);

    if (!kmcf->used) {
        return NGX_OK;
    }

    if (ngx_keepers_required(cf, kmcf) != NGX_OK
        || ngx_keepers_resolver(cf, kmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* of one phase, the last to be registered runs first */

    if (ngx_keepers_phase(cf, NGX_HTTP_POST_READ_PHASE,
                          ngx_keepers_headers_handler)
        != NGX_OK
        || ngx_keepers_phase(cf, NGX_HTTP_ACCESS_PHASE,
                             ngx_keepers_access_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* nginx calls each handler and filter for each request: none for nothing */

    if (kmcf->errors
        && (ngx_keepers_phase(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                              ngx_keepers_headers_internal_handler)
            != NGX_OK
            || ngx_keepers_phase(cf, NGX_HTTP_REWRITE_PHASE,
                                 ngx_keepers_headers_internal_handler)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    if ((kmcf->pages
         && ngx_keepers_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                              ngx_keepers_link_handler)
            != NGX_OK)
        || ngx_keepers_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                             ngx_keepers_guard_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_keepers_phase(cf, NGX_HTTP_LOG_PHASE,
                          ngx_keepers_residue_log_handler)
        != NGX_OK
        || ngx_keepers_residue_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* of filters too: what a signup's answer becomes has its limits' headers */

    if (kmcf->limit_rules != NULL
        && (ngx_keepers_phase(cf, NGX_HTTP_LOG_PHASE,
                              ngx_keepers_limit_log_handler)
            != NGX_OK
            || ngx_keepers_limit_headers_init(cf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return kmcf->pages ? ngx_keepers_outcome_init(cf) : NGX_OK;
}


static ngx_int_t
ngx_keepers_phase(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);

    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


/* What a host forgot, in words that say what to write. */

static ngx_int_t
ngx_keepers_required(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf)
{
    const char  *missing;

    missing = NULL;

    if (kmcf->zone == NULL) {
        missing = "keepers_zone 8m;";

    } else if (kmcf->edge == NULL) {
        missing = "keepers_key_file /etc/keepers/edge.keys;";

    } else if (!kmcf->redis_set) {
        missing = "keepers_redis unix:/run/redis/redis.sock;";

    } else if (kmcf->links && kmcf->writer_key.len == 0) {
        missing = "keepers_writer_key /etc/keepers/writer.pub;";
    }

    if (missing == NULL) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "a location uses Keepers, but the \"http\" block has no "
                  "such line as \"%s\"", missing);

    return NGX_ERROR;
}


/* Names are resolved at run time, by the resolver of the "http" block. */

static ngx_int_t
ngx_keepers_resolver(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf)
{
    const ngx_str_t           *host;
    ngx_http_core_loc_conf_t  *clcf;

    host = ngx_keepers_redis_host(&kmcf->redis);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver == NULL || clcf->resolver->connections.nelts == 0) {
        if (host == NULL) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_redis\" names the host \"%V\": add a "
                      "\"resolver\" to the \"http\" block, or write an "
                      "address", host);
        return NGX_ERROR;
    }

    /* without a name here too: a Sentinel may answer with one */

    kmcf->redis.resolver = clcf->resolver;
    kmcf->redis.resolver_timeout_ms = clcf->resolver_timeout;

    if (clcf->resolver_timeout == NGX_CONF_UNSET_MSEC) {
        kmcf->redis.resolver_timeout_ms = 30000;
    }

    return NGX_OK;
}
