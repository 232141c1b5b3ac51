
/*
 * Copyright (C) Keepers
 *
 * "keepers_spool": what an error_page of a link's location leads to when the
 * writer is away, slow or full.  The signup is sealed already; Redis keeps it
 * until the writer comes back, and the visitor is thanked as ever.
 */


#include "http/ngx_keepers_spool.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_answer.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_forward_batch.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_reserve.h"
#include "http/ngx_keepers_signup.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_sync.h"
#include "http/ngx_keepers_wait.h"


#define NGX_KEEPERS_SPOOL_MAX    100000

/* what the script says */
#define NGX_KEEPERS_SPOOL_KEPT   1
#define NGX_KEEPERS_SPOOL_SYNCS  2      /* and Redis has WAITAOF for us */


static ngx_uint_t ngx_keepers_spool_status(const ngx_http_request_t *r);
static ngx_int_t ngx_keepers_spool_put(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_spool_done(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_spool_thanks(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_spool_full(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);


char *
ngx_keepers_spool_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    ngx_int_t                  max;
    ngx_str_t                 *value;
    ngx_keepers_main_conf_t   *kmcf;
    ngx_http_core_loc_conf_t  *clcf;

    if (klcf->spool_max != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;
    max = NGX_KEEPERS_SPOOL_MAX;

    if (cf->args->nelts == 2) {
        max = NGX_ERROR;

        if (value[1].len > 4 && ngx_strncmp(value[1].data, "max=", 4) == 0) {
            max = ngx_atoi(value[1].data + 4, value[1].len - 4);
        }

        if (max == NGX_ERROR || max == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"keepers_spool\": it takes max=N, how many "
                               "signups may wait in Redis", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    klcf->spool_max = (ngx_uint_t) max;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);
    kmcf->spools = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_keepers_spool_handler;

    return NGX_CONF_OK;
}


void
ngx_keepers_spool_key(ngx_http_request_t *r, ngx_keepers_queue_e queue,
    keepers_out_t *key)
{
    keepers_out_str(key,
                    ngx_keepers_from(ngx_keepers_main_conf(r)->redis.prefix));
    keepers_out_text(key, "{spool}:");
    keepers_out_text(key, queue == NGX_KEEPERS_QUEUE_WAITING ? "q" : "dead");
}


ngx_int_t
ngx_keepers_spool_handler(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t     *ctx;
    ngx_keepers_signup_t  *signup;

    /* the status of what failed is not that of our answer */

    r->err_status = 0;

    ctx = ngx_keepers_ctx_find(r);
    signup = ctx != NULL ? ctx->signup : NULL;

    if (signup == NULL || signup->stage != NGX_KEEPERS_SIGNUP_FORWARDED) {

        /* another request than a signup that was sealed */

        return ngx_keepers_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "unavailable", 5);
    }

    /* those that it took along do not wait for its thanks */

    (void) ngx_keepers_forward_landed(r, signup, ngx_keepers_spool_status(r));

    return ngx_keepers_spool_put(r, signup);
}


/* A host may have a spool for one of the three and none for another. */

static ngx_uint_t
ngx_keepers_spool_status(const ngx_http_request_t *r)
{
    if (r->upstream == NULL || r->upstream->state == NULL) {
        return NGX_HTTP_BAD_GATEWAY;
    }

    switch (r->upstream->state->status) {

    case NGX_HTTP_SERVICE_UNAVAILABLE:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        return r->upstream->state->status;

    default:
        return NGX_HTTP_BAD_GATEWAY;
    }
}


static ngx_int_t
ngx_keepers_spool_put(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    u_char                   text[NGX_KEEPERS_SPOOL_KEY_LEN];
    u_char                   number[NGX_INT64_LEN];
    keepers_out_t            key, max;
    keepers_str_t            argv[3];
    ngx_keepers_wait_t      *wait;

    wait = ngx_keepers_wait_create(r, 1, 32);

    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->data = signup;

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_spool_key(r, NGX_KEEPERS_QUEUE_WAITING, &key);

    keepers_out_init(&max, number, sizeof(number));
    keepers_out_uint(&max, ngx_keepers_loc_conf(r)->spool_max);

    argv[0] = keepers_out_written(&key);
    argv[1] = keepers_out_written(&max);
    argv[2] = signup->envelope;

    if (ngx_keepers_wait_eval(wait, NGX_KEEPERS_WAIT_HANDLER,
                              ngx_keepers_spool_done,
                              NGX_KEEPERS_SCRIPT_SPOOL, 1, argv, 3)
        == NGX_AGAIN)
    {
        return NGX_DONE;
    }

    return ngx_keepers_spool_full(r, signup);
}


static ngx_int_t
ngx_keepers_spool_done(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_ctx_t                *ctx;
    ngx_keepers_signup_t             *signup;
    const ngx_keepers_redis_value_t  *value;

    signup = wait->data;
    value = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_INTEGER);

    if (value == NULL || value->integer < NGX_KEEPERS_SPOOL_KEPT) {
        return ngx_keepers_spool_full(r, signup);
    }

    ngx_keepers_reserve_settle(signup, 1);

    ctx = ngx_keepers_ctx_find(r);
    ctx->signup_state = "queued";

    ngx_keepers_count(r, SIGNUP_QUEUED);

    if (value->integer == NGX_KEEPERS_SPOOL_SYNCS
        && ngx_keepers_sync(r, wait, ngx_keepers_spool_thanks) == NGX_AGAIN)
    {
        return NGX_DONE;
    }

    return ngx_keepers_spool_thanks(r, wait);
}


static ngx_int_t
ngx_keepers_spool_thanks(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    return ngx_keepers_answer_send(r, wait->data,
                                   NGX_KEEPERS_OUTCOME_RECEIVED);
}


/* Nobody is thanked for what is nowhere: the form again, with its values. */

static ngx_int_t
ngx_keepers_spool_full(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_keepers_log(NGX_LOG_INFO, r, "a signup was not taken: writer and "
                    "spool are both unavailable");

    ngx_keepers_reserve_settle(signup, 0);

    return ngx_keepers_answer_send(r, signup,
                                   NGX_KEEPERS_OUTCOME_UNAVAILABLE);
}
