
/*
 * Copyright (C) Keepers
 *
 * The directives "keepers_limit" and "keepers_limit_status".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_LIMIT_PROBLEM_LEN  160


static char *ngx_keepers_limit_room(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_limit_rule_t *rule);
static char *ngx_keepers_limit_cost(ngx_conf_t *cf,
    ngx_keepers_limit_t *limit);


char *
ngx_keepers_limit_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_keepers_limit_t       *limit;
    ngx_keepers_loc_conf_t    *klcf;
    ngx_keepers_main_conf_t   *kmcf;
    ngx_keepers_limit_rule_t  *rule;

    klcf = conf;
    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);
    value = cf->args->elts;

    rule = ngx_keepers_limit_find(kmcf, &value[1]);

    if (rule == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit \"%V\": there is no "
                           "keepers_limit_rule of this name above: define it "
                           "in the http block", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_keepers_limit_room(cf, klcf, rule) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    limit = ngx_array_push(klcf->limits);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->used = 1;

    limit->rule = rule;
    limit->cost = NULL;
    limit->stage = rule->stage;

    kmcf->used = 1;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    return ngx_keepers_limit_cost(cf, limit);
}


/* Makes the list of this level and refuses what it cannot take. */

static char *
ngx_keepers_limit_room(ngx_conf_t *cf, ngx_keepers_loc_conf_t *klcf,
    ngx_keepers_limit_rule_t *rule)
{
    ngx_uint_t            i;
    ngx_keepers_limit_t  *limits;

    if (klcf->limits == NGX_CONF_UNSET_PTR) {
        klcf->limits = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_keepers_limit_t));
        if (klcf->limits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    limits = klcf->limits->elts;

    for (i = 0; i < klcf->limits->nelts; i++) {
        if (limits[i].rule == rule) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keepers_limit \"%V\" stands twice here",
                               &rule->name);
            return NGX_CONF_ERROR;
        }
    }

    if (i == NGX_KEEPERS_LIMITS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit \"%V\": a location can have at "
                           "most %d limits", &rule->name,
                           NGX_KEEPERS_LIMITS_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keepers_limit_cost(ngx_conf_t *cf, ngx_keepers_limit_t *limit)
{
    ngx_str_t  *value, cost;

    value = cf->args->elts;

    if (value[2].len <= 5 || ngx_strncmp(value[2].data, "cost=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit \"%V\": invalid parameter \"%V\", "
                           "there is cost=", &value[1], &value[2]);
        return NGX_CONF_ERROR;
    }

    cost.data = value[2].data + 5;
    cost.len = value[2].len - 5;

    limit->stage = ngx_max(limit->stage, ngx_keepers_limit_stage(&cost));
    limit->cost = ngx_keepers_limit_value(cf, &cost);

    return limit->cost == NULL ? NGX_CONF_ERROR : NGX_CONF_OK;
}


/*
 * 401 and 403 mean more to nginx than to us: under "satisfy any" another
 * access check may overrule them, and a limit is not to be overruled.
 */

char *
ngx_keepers_limit_status_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                status;
    ngx_str_t               *value;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = conf;
    value = cf->args->elts;

    if (klcf->limit_status != NGX_CONF_UNSET_UINT) {
        return (char *) "is duplicate";
    }

    status = ngx_atoi(value[1].data, value[1].len);

    if (status < 400 || status > 599
        || status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_FORBIDDEN)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of keepers_limit_status, it "
                           "must be from 400 to 599, and not 401 or 403",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    klcf->limit_status = (ngx_uint_t) status;

    return NGX_CONF_OK;
}


char *
ngx_keepers_limit_merge(ngx_conf_t *cf, ngx_keepers_loc_conf_t *klcf)
{
    keepers_out_t  out;

    if (klcf->limits == NULL) {
        return NGX_CONF_OK;
    }

    ngx_keepers_out(&out, cf->pool, NGX_KEEPERS_LIMIT_PROBLEM_LEN);

    ngx_keepers_reply_problem_begin(&out, klcf->limit_status, "rate_limited");
    keepers_out_text(&out, "}\n");

    klcf->limit_problem = keepers_out_written(&out);

    return out.overflow ? NGX_CONF_ERROR : NGX_CONF_OK;
}
