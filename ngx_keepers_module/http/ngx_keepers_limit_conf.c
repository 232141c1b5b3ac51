
/*
 * Copyright (C) Keepers
 *
 * The directives "keepers_limit_rule" and "keepers_limit".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_rate.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_str.h"


/* The parameters of a rule, before they are read together. */
typedef struct {
    ngx_str_t    key;
    ngx_str_t    rate;
    ngx_str_t    burst;
    ngx_str_t    count;
    ngx_str_t    mode;
} ngx_keepers_limit_params_t;


static char *ngx_keepers_limit_name(ngx_conf_t *cf, ngx_str_t *name);
static ngx_keepers_limit_rule_t *ngx_keepers_limit_find(
    ngx_keepers_main_conf_t *kmcf, ngx_str_t *name);
static char *ngx_keepers_limit_params(ngx_conf_t *cf,
    ngx_keepers_limit_params_t *params);
static ngx_str_t *ngx_keepers_limit_param(ngx_keepers_limit_params_t *params,
    ngx_str_t *arg, size_t *name_len);
static char *ngx_keepers_limit_modes(ngx_conf_t *cf,
    ngx_keepers_limit_params_t *params, ngx_keepers_limit_rule_t *rule);
static char *ngx_keepers_limit_rate(ngx_conf_t *cf,
    ngx_keepers_limit_params_t *params, keepers_rate_t *rate);
static ngx_http_complex_value_t *ngx_keepers_limit_value(ngx_conf_t *cf,
    ngx_str_t *text);
static ngx_uint_t ngx_keepers_limit_session(ngx_str_t *text);
static char *ngx_keepers_limit_rule_add(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf, ngx_keepers_limit_rule_t *rule);
static char *ngx_keepers_limit_room(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *klcf, ngx_keepers_limit_rule_t *rule);
static char *ngx_keepers_limit_cost(ngx_conf_t *cf,
    ngx_keepers_limit_t *limit);


char *
ngx_keepers_limit_rule_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                   *value;
    ngx_keepers_main_conf_t     *kmcf;
    ngx_keepers_limit_rule_t    *rule;
    ngx_keepers_limit_params_t   params;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);
    value = cf->args->elts;

    if (ngx_keepers_limit_name(cf, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_keepers_limit_find(kmcf, &value[1]) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\" stands twice: "
                           "give one of them another name", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_keepers_limit_params(cf, &params) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    rule = ngx_pcalloc(cf->pool, sizeof(ngx_keepers_limit_rule_t));
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->name = value[1];
    rule->session = ngx_keepers_limit_session(&params.key);

    if (ngx_keepers_limit_modes(cf, &params, rule) != NGX_CONF_OK
        || ngx_keepers_limit_rate(cf, &params, &rule->rate) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    rule->key = ngx_keepers_limit_value(cf, &params.key);
    if (rule->key == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_keepers_limit_rule_add(cf, kmcf, rule);
}


/* A name is a part of a Redis key. */

static char *
ngx_keepers_limit_name(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9') && c != '_' && c != '-')
        {
            break;
        }
    }

    if (i == 0 || i < name->len || i > NGX_KEEPERS_LIMIT_NAME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": a name has 1 to %d "
                           "letters, digits, \"_\" or \"-\"",
                           name, NGX_KEEPERS_LIMIT_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_keepers_limit_rule_t *
ngx_keepers_limit_find(ngx_keepers_main_conf_t *kmcf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_keepers_limit_rule_t  **rules;

    if (kmcf->limit_rules == NULL) {
        return NULL;
    }

    rules = kmcf->limit_rules->elts;

    for (i = 0; i < kmcf->limit_rules->nelts; i++) {
        if (rules[i]->name.len == name->len
            && ngx_memcmp(rules[i]->name.data, name->data, name->len) == 0)
        {
            return rules[i];
        }
    }

    return NULL;
}


/* Sorts the parameters behind the name; those not given stay empty. */

static char *
ngx_keepers_limit_params(ngx_conf_t *cf, ngx_keepers_limit_params_t *params)
{
    size_t       name_len;
    ngx_str_t   *value, *param;
    ngx_uint_t   i;

    ngx_memzero(params, sizeof(ngx_keepers_limit_params_t));
    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {
        param = ngx_keepers_limit_param(params, &value[i], &name_len);

        if (param == NULL || value[i].len == name_len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keepers_limit_rule \"%V\": invalid parameter "
                               "\"%V\"; there are key= rate= burst= count= "
                               "mode=", &value[1], &value[i]);
            return NGX_CONF_ERROR;
        }

        if (param->data != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keepers_limit_rule \"%V\": repeated "
                               "parameter \"%V\"", &value[1], &value[i]);
            return NGX_CONF_ERROR;
        }

        param->data = value[i].data + name_len;
        param->len = value[i].len - name_len;
    }

    if (params->key.len == 0 || params->rate.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\" needs key= and rate=, "
                           "as in key=$keepers_client rate=5/10m", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Where the value of a parameter goes; NULL: there is no such parameter. */

static ngx_str_t *
ngx_keepers_limit_param(ngx_keepers_limit_params_t *params, ngx_str_t *arg,
    size_t *name_len)
{
    ngx_uint_t  i;

    const struct {
        ngx_str_t   name;
        ngx_str_t  *to;
    } known[] = {
        { ngx_string("key="), &params->key },
        { ngx_string("rate="), &params->rate },
        { ngx_string("burst="), &params->burst },
        { ngx_string("count="), &params->count },
        { ngx_string("mode="), &params->mode }
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        *name_len = known[i].name.len;

        if (arg->len >= known[i].name.len
            && ngx_strncmp(arg->data, known[i].name.data, *name_len) == 0)
        {
            return known[i].to;
        }
    }

    return NULL;
}


static char *
ngx_keepers_limit_modes(ngx_conf_t *cf, ngx_keepers_limit_params_t *params,
    ngx_keepers_limit_rule_t *rule)
{
    keepers_str_t  count, mode;

    static const keepers_str_t  all = keepers_string("all");
    static const keepers_str_t  failures = keepers_string("failures");
    static const keepers_str_t  enforce = keepers_string("enforce");
    static const keepers_str_t  shadow = keepers_string("shadow");

    count = params->count.data ? ngx_keepers_from(params->count) : all;
    mode = params->mode.data ? ngx_keepers_from(params->mode) : enforce;

    if (!keepers_str_eq(count, all) && !keepers_str_eq(count, failures)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": invalid count \"%V\", "
                           "it must be \"all\" or \"failures\"",
                           &rule->name, &params->count);
        return NGX_CONF_ERROR;
    }

    if (!keepers_str_eq(mode, enforce) && !keepers_str_eq(mode, shadow)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": invalid mode \"%V\", "
                           "it must be \"enforce\" or \"shadow\"",
                           &rule->name, &params->mode);
        return NGX_CONF_ERROR;
    }

    rule->failures = keepers_str_eq(count, failures);
    rule->shadow = keepers_str_eq(mode, shadow);

    return NGX_CONF_OK;
}


static char *
ngx_keepers_limit_rate(ngx_conf_t *cf, ngx_keepers_limit_params_t *params,
    keepers_rate_t *rate)
{
    int         rc;
    ngx_int_t   burst;
    ngx_str_t  *value;

    value = cf->args->elts;
    burst = 0;

    if (params->burst.data != NULL) {
        burst = ngx_atoi(params->burst.data, params->burst.len);

        if (burst < 1 || burst > KEEPERS_RATE_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keepers_limit_rule \"%V\": invalid burst "
                               "\"%V\", it must be a number from 1 to %d",
                               &value[1], &params->burst, KEEPERS_RATE_MAX);
            return NGX_CONF_ERROR;
        }
    }

    rc = keepers_rate_read(ngx_keepers_from(params->rate), (uint32_t) burst,
                           rate);

    if (rc == KEEPERS_RATE_RANGE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": rate \"%V\" is out of "
                           "range, at most %d a second and at least 1 a "
                           "period", &value[1], &params->rate,
                           KEEPERS_RATE_MAX);
        return NGX_CONF_ERROR;
    }

    if (rc != KEEPERS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": invalid rate \"%V\", "
                           "write a number and a period, as in \"10/s\", "
                           "\"5/10m\" or \"100/d\"", &value[1],
                           &params->rate);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_http_complex_value_t *
ngx_keepers_limit_value(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    cv = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cv == NULL) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = cv;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? cv : NULL;
}


/*
 * Whether a value needs the session.  Its own text tells; a session's
 * variable behind a "map" does not show, so such a rule is decided before
 * the session is known.
 */

static ngx_uint_t
ngx_keepers_limit_session(ngx_str_t *text)
{
    ngx_uint_t  i;

    static const ngx_str_t  names[] = {
        ngx_string("keepers_user"), ngx_string("keepers_business"),
        ngx_string("keepers_role"), ngx_string("keepers_aal"),
        ngx_string("keepers_session")
    };

    /* an argument of a directive is NUL-terminated, and so is its tail */

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ngx_strstr(text->data, names[i].data) != NULL) {
            return 1;
        }
    }

    return 0;
}


static char *
ngx_keepers_limit_rule_add(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf,
    ngx_keepers_limit_rule_t *rule)
{
    ngx_keepers_limit_rule_t  **to;

    if (kmcf->limit_rules == NULL) {
        kmcf->limit_rules = ngx_array_create(cf->pool, 8,
                                          sizeof(ngx_keepers_limit_rule_t *));
        if (kmcf->limit_rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (kmcf->limit_rules->nelts == NGX_KEEPERS_LIMIT_RULES_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": there can be at most "
                           "%d rules", &rule->name,
                           NGX_KEEPERS_LIMIT_RULES_MAX);
        return NGX_CONF_ERROR;
    }

    rule->number = kmcf->limit_rules->nelts;

    to = ngx_array_push(kmcf->limit_rules);
    if (to == NULL) {
        return NGX_CONF_ERROR;
    }

    *to = rule;

    return NGX_CONF_OK;
}


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

    limit->rule = rule;
    limit->cost = NULL;
    limit->session = rule->session;

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

    if (klcf->limits == NULL || klcf->limits == NGX_CONF_UNSET_PTR) {
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

    limit->session |= ngx_keepers_limit_session(&cost);
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
