
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
#include "http/ngx_keepers_value.h"


#define NGX_KEEPERS_LIMIT_PROBLEM_LEN  160


static char *ngx_keepers_limit_room(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_limit_rule_t *rule);
static char *ngx_keepers_limit_parameter(ngx_conf_t *cf,
    ngx_keepers_limit_t *limit, ngx_str_t value);
static char *ngx_keepers_limit_cost(ngx_conf_t *cf,
    ngx_keepers_limit_t *limit, ngx_str_t cost);


char *
ngx_keepers_limit_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
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
    limit->at_signup = 0;

    kmcf->used = 1;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_keepers_limit_parameter(cf, limit, value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_keepers_limit_parameter(ngx_conf_t *cf, ngx_keepers_limit_t *limit,
    ngx_str_t value)
{
    if (value.len > 5 && ngx_strncmp(value.data, "cost=", 5) == 0
        && limit->cost == NULL)
    {
        value.data += 5;
        value.len -= 5;

        return ngx_keepers_limit_cost(cf, limit, value);
    }

    if (value.len == sizeof("at=signup") - 1
        && ngx_strncmp(value.data, "at=signup", value.len) == 0
        && !limit->at_signup)
    {
        limit->at_signup = 1;

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "keepers_limit \"%V\": invalid parameter \"%V\", there "
                       "are cost= and at=signup", &limit->rule->name, &value);

    return NGX_CONF_ERROR;
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
ngx_keepers_limit_cost(ngx_conf_t *cf, ngx_keepers_limit_t *limit,
    ngx_str_t cost)
{
    limit->stage = ngx_max(limit->stage, ngx_keepers_limit_stage(&cost));
    limit->cost = ngx_keepers_value_read(cf, &cost);

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
    ngx_uint_t            i;
    keepers_out_t         out;
    ngx_keepers_limit_t  *limit;

    if (klcf->limits == NULL) {
        return NGX_CONF_OK;
    }

    limit = klcf->limits->elts;
    klcf->limit_session = 0;

    for (i = 0; i < klcf->limits->nelts; i++) {
        if (limit[i].stage == NGX_KEEPERS_LIMIT_SESSION) {
            klcf->limit_session = 1;
        }
    }

    ngx_keepers_out(&out, cf->pool, NGX_KEEPERS_LIMIT_PROBLEM_LEN);

    ngx_keepers_reply_problem_begin(&out, klcf->limit_status, "rate_limited");
    keepers_out_text(&out, "}\n");

    klcf->limit_problem = keepers_out_written(&out);

    return out.overflow ? NGX_CONF_ERROR : NGX_CONF_OK;
}
