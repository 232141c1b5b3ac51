
/*
 * Copyright (C) Keepers
 *
 * The directive "keepers_status": the counters of the shared zone and a few
 * gauges, as Prometheus text or JSON.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_metrics.h"
#include "core/keepers_out.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_STATUS_SIZE    12288
#define NGX_KEEPERS_STATUS_GAUGES  8


/* One of a few values that go up and down. */
typedef struct {
    const char   *name;
    const char   *help;
    const char   *label;        /* of the table, or NULL */
    ngx_uint_t    value;
} ngx_keepers_gauge_t;


static void ngx_keepers_status_gauges(ngx_keepers_shm_t *shm,
    ngx_keepers_gauge_t *gauges);
static void ngx_keepers_status_prometheus(const ngx_keepers_gauge_t *gauges,
    keepers_out_t *out);
static void ngx_keepers_status_json(const ngx_keepers_gauge_t *gauges,
    keepers_out_t *out);


ngx_int_t
ngx_keepers_status_handler(ngx_http_request_t *r)
{
    uint64_t              values[KEEPERS_METRICS_N];
    ngx_int_t             rc;
    ngx_uint_t            i;
    const char           *type;
    keepers_out_t         out;
    ngx_keepers_shm_t    *shm;
    ngx_keepers_gauge_t   gauges[NGX_KEEPERS_STATUS_GAUGES];

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_keepers_out(&out, r->pool, NGX_KEEPERS_STATUS_SIZE);
    if (out.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    shm = ngx_keepers_main_conf(r)->shm;

    for (i = 0; i < KEEPERS_METRICS_N; i++) {
        values[i] = (uint64_t) shm->counters[i];
    }

    ngx_keepers_status_gauges(shm, gauges);

    if (ngx_keepers_loc_conf(r)->status == NGX_KEEPERS_STATUS_JSON) {
        type = "application/json";
        keepers_metrics_json(values, &out);
        ngx_keepers_status_json(gauges, &out);

    } else {
        type = "text/plain; version=0.0.4; charset=utf-8";
        keepers_metrics_prometheus(values, &out);
        ngx_keepers_status_prometheus(gauges, &out);
    }

    if (out.overflow
        || ngx_keepers_reply_headers(r, NULL, 0) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, NGX_HTTP_OK, type,
                                  keepers_out_written(&out));
}


/* Rows of one name stand together. */

static void
ngx_keepers_status_gauges(ngx_keepers_shm_t *shm, ngx_keepers_gauge_t *gauges)
{
    ngx_uint_t  i;

    const struct {
        const char                 *label;
        const ngx_keepers_cache_t  *table;
    } tables[] = {
        { "sessions", &shm->sessions },
        { "links", &shm->links },
        { "limits", &shm->limits }
    };

    for (i = 0; i < 3; i++) {
        gauges[i].name = "keepers_table_slots";
        gauges[i].help = "Slots of a table in shared memory.";
        gauges[i].label = tables[i].label;
        gauges[i].value = tables[i].table->sets * NGX_KEEPERS_CACHE_WAYS;

        gauges[i + 3].name = "keepers_table_slots_used";
        gauges[i + 3].help = "Slots that hold a value, fresh or not.";
        gauges[i + 3].label = tables[i].label;
        gauges[i + 3].value = ngx_keepers_cache_used(tables[i].table);
    }

    /* of the worker that answers: each has its own connection */

    gauges[6].name = "keepers_redis_ready";
    gauges[6].help = "1 if the worker that answers has its connection.";
    gauges[6].label = NULL;
    gauges[6].value = ngx_keepers_worker.redis != NULL
                      && ngx_keepers_redis_ready(ngx_keepers_worker.redis);

    gauges[7].name = "keepers_subscribed";
    gauges[7].help = "1 if the worker that answers is told of revocations.";
    gauges[7].label = NULL;
    gauges[7].value = ngx_keepers_worker.redis != NULL
                      && ngx_keepers_redis_listens(ngx_keepers_worker.redis);
}


static void
ngx_keepers_status_prometheus(const ngx_keepers_gauge_t *gauges,
    keepers_out_t *out)
{
    ngx_uint_t   i;
    const char  *family;

    family = "";

    for (i = 0; i < NGX_KEEPERS_STATUS_GAUGES; i++) {
        if (strcmp(family, gauges[i].name) != 0) {
            family = gauges[i].name;

            keepers_out_text(out, "# HELP ");
            keepers_out_text(out, family);
            keepers_out_byte(out, ' ');
            keepers_out_text(out, gauges[i].help);
            keepers_out_text(out, "\n# TYPE ");
            keepers_out_text(out, family);
            keepers_out_text(out, " gauge\n");
        }

        keepers_out_text(out, gauges[i].name);

        if (gauges[i].label != NULL) {
            keepers_out_text(out, "{table=\"");
            keepers_out_text(out, gauges[i].label);
            keepers_out_text(out, "\"}");
        }

        keepers_out_byte(out, ' ');
        keepers_out_uint(out, gauges[i].value);
        keepers_out_byte(out, '\n');
    }
}


/* Continues the object of the counters, in their form. */

static void
ngx_keepers_status_json(const ngx_keepers_gauge_t *gauges, keepers_out_t *out)
{
    ngx_uint_t   i;
    const char  *family;

    if (out->overflow || out->len == 0) {
        out->overflow = true;
        return;
    }

    out->len--;                     /* its closing brace */
    family = "";

    for (i = 0; i < NGX_KEEPERS_STATUS_GAUGES; i++) {

        if (strcmp(family, gauges[i].name) != 0) {
            family = gauges[i].name;

            keepers_out_text(out, i != 0 && gauges[i - 1].label != NULL
                                  ? "},\"" : ",\"");
            keepers_out_text(out, family);
            keepers_out_text(out, gauges[i].label != NULL ? "\":{" : "\":");

        } else {
            keepers_out_byte(out, ',');
        }

        if (gauges[i].label != NULL) {
            keepers_out_text(out, "\"table=");
            keepers_out_text(out, gauges[i].label);
            keepers_out_text(out, "\":");
        }

        keepers_out_uint(out, gauges[i].value);
    }

    keepers_out_text(out, "}\n");   /* the last gauge has no label */
}


/* "keepers_status", "keepers_status prometheus" or "keepers_status json" */

char *
ngx_keepers_status_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_keepers_loc_conf_t    *klcf;
    ngx_keepers_main_conf_t   *kmcf;
    ngx_http_core_loc_conf_t  *clcf;

    klcf = conf;
    value = cf->args->elts;

    if (klcf->status == NGX_KEEPERS_STATUS_PROMETHEUS
        || klcf->status == NGX_KEEPERS_STATUS_JSON)
    {
        return (char *) "is duplicate";
    }

    if (cf->args->nelts == 1 || ngx_strcmp(value[1].data, "prometheus") == 0) {
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
