
/*
 * Copyright (C) Keepers
 *
 * The directive "keepers_status": what this machine counts, as Prometheus
 * text, as JSON, or as a page for a person.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_metrics.h"
#include "core/keepers_out.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_samples.h"
#include "http/ngx_keepers_spool.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"


/* of a sample, and of what is around all of them */
#define NGX_KEEPERS_STATUS_SAMPLE  320
#define NGX_KEEPERS_STATUS_FRAME   4096

/* t/500 compares it with the hash that the page's CSP has */
#define NGX_KEEPERS_STATUS_CSS                                               \
    "body{font:1rem/1.5 system-ui,sans-serif;margin:1rem auto;max-width"     \
    ":45rem;padding:0 1rem;color:#1b1b1f;background:#fff}"                   \
    "h1{font-size:1.4rem}"                                                   \
    "table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}"           \
    "caption{text-align:start;font-weight:600;padding:.3rem 0}"              \
    "code{font-weight:400;color:#57575f}"                                    \
    "th,td{text-align:start;font-weight:400;padding:.15rem .5rem .15rem"     \
    " 0;border-top:1px solid #ddd;overflow-wrap:anywhere}"                   \
    "td{text-align:end;font-variant-numeric:tabular-nums}"                   \
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1818"     \
    "1b}"                                                                    \
    "code{color:#aaa}"                                                       \
    "th,td{border-color:#333}"                                               \
    "}"


static ngx_int_t ngx_keepers_status_ask(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_status_asked(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_status_answer(ngx_http_request_t *r,
    const ngx_keepers_queues_t *queues);
static void ngx_keepers_status_page(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out);


ngx_int_t
ngx_keepers_status_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_keepers_wait_t    *wait;
    ngx_keepers_queues_t  *queues;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    queues = ngx_pcalloc(r->pool, sizeof(ngx_keepers_queues_t));
    if (queues == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_keepers_main_conf(r)->spools) {
        return ngx_keepers_status_answer(r, queues);
    }

    wait = ngx_keepers_wait_create(r, 1, 32);
    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->data = queues;

    return ngx_keepers_status_ask(r, wait);
}


/* How long the next queue of signups is; without Redis nobody waits. */

static ngx_int_t
ngx_keepers_status_ask(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    u_char                 text[NGX_KEEPERS_SPOOL_KEY_LEN];
    keepers_out_t          key;
    keepers_str_t          argv[2];
    ngx_keepers_queues_t  *queues;

    queues = wait->data;

    if (queues->n == NGX_KEEPERS_QUEUES) {
        return ngx_keepers_status_answer(r, queues);
    }

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_spool_key(r, queues->n, &key);

    argv[0] = keepers_str("XLEN", 4);
    argv[1] = keepers_out_written(&key);

    if (ngx_keepers_wait_command(wait, NGX_KEEPERS_WAIT_HANDLER,
                                 ngx_keepers_status_asked, argv, 2)
        == NGX_AGAIN)
    {
        return NGX_DONE;
    }

    return ngx_keepers_status_answer(r, queues);
}


static ngx_int_t
ngx_keepers_status_asked(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_queues_t             *queues;
    const ngx_keepers_redis_value_t  *value;

    queues = wait->data;
    value = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_INTEGER);

    if (value == NULL || value->integer < 0) {
        return ngx_keepers_status_answer(r, queues);
    }

    queues->length[queues->n++] = (uint64_t) value->integer;

    return ngx_keepers_status_ask(r, wait);
}


static ngx_int_t
ngx_keepers_status_answer(ngx_http_request_t *r,
    const ngx_keepers_queues_t *queues)
{
    size_t             n;
    ngx_uint_t         format;
    const char        *type;
    keepers_out_t      out;
    const ngx_str_t   *styles;
    keepers_sample_t  *samples;

    static const ngx_str_t  hash =
        ngx_string("'sha256-Lrfr9VMHrR9zb3tm9LYXbOwShURMw5ySU5MRIRUvmok='");

    samples = ngx_keepers_samples(r, queues, &n);
    if (samples == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_keepers_out(&out, r->pool, n * NGX_KEEPERS_STATUS_SAMPLE
                                   + NGX_KEEPERS_STATUS_FRAME);
    if (out.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    styles = NULL;
    format = ngx_keepers_loc_conf(r)->status;

    if (format == NGX_KEEPERS_STATUS_JSON) {
        type = "application/json";
        keepers_metrics_json(samples, n, &out);

    } else if (format == NGX_KEEPERS_STATUS_ASKED
               && ngx_keepers_reply_navigation(r))
    {
        type = "text/html; charset=utf-8";
        styles = &hash;
        ngx_keepers_status_page(samples, n, &out);

    } else {
        type = "text/plain; version=0.0.4; charset=utf-8";
        keepers_metrics_prometheus(samples, n, &out);
    }

    if (out.overflow
        || ngx_keepers_reply_headers(r, styles, 0) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, NGX_HTTP_OK, type,
                                  keepers_out_written(&out));
}


static void
ngx_keepers_status_page(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out)
{
    keepers_out_text(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
        "<meta charset=\"utf-8\">\n<title>Keepers: status</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n"
        "<style>" NGX_KEEPERS_STATUS_CSS "</style>\n</head>\n<body>\n<main>\n"
        "<h1>Keepers on this machine</h1>\n"
        "<p>Counted since nginx was started. Reload the page for what is "
        "new.</p>\n");

    keepers_metrics_html(samples, n, out);

    keepers_out_text(out, "</main>\n</body>\n</html>\n");
}


/* Without a parameter, the client says what it wants. */

char *
ngx_keepers_status_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_keepers_loc_conf_t    *klcf;
    ngx_keepers_main_conf_t   *kmcf;
    ngx_http_core_loc_conf_t  *clcf;

    klcf = conf;
    value = cf->args->elts;

    if (klcf->status != NGX_KEEPERS_STATUS_OFF) {
        return (char *) "is duplicate";
    }

    if (cf->args->nelts == 1) {
        klcf->status = NGX_KEEPERS_STATUS_ASKED;

    } else if (ngx_strcmp(value[1].data, "prometheus") == 0) {
        klcf->status = NGX_KEEPERS_STATUS_PROMETHEUS;

    } else if (ngx_strcmp(value[1].data, "json") == 0) {
        klcf->status = NGX_KEEPERS_STATUS_JSON;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of keepers_status, it must "
                           "be \"prometheus\" or \"json\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);
    kmcf->used = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_keepers_status_handler;

    return NGX_CONF_OK;
}
