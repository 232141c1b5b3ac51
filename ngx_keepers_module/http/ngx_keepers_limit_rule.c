
/*
 * Copyright (C) Keepers
 *
 * The directive "keepers_limit_rule".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_out.h"
#include "core/keepers_rate.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_limit_int.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_value.h"


#define NGX_KEEPERS_LIMIT_NODES_MAX  1000

/* twice a name in quotes with parameters */
#define NGX_KEEPERS_LIMIT_TEXTS_LEN                                          \
    (2 * (NGX_KEEPERS_LIMIT_NAME_MAX + sizeof("\"/48\";q=;w=")               \
          + 2 * NGX_INT64_LEN))


/* The parameters of a rule, before they are read together. */
typedef struct {
    ngx_str_t    key;
    ngx_str_t    rate;
    ngx_str_t    burst;
    ngx_str_t    count;
    ngx_str_t    mode;
    ngx_str_t    condition;
} ngx_keepers_limit_params_t;


static char *ngx_keepers_limit_name(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_keepers_limit_params(ngx_conf_t *cf,
    ngx_keepers_limit_params_t *params);
static ngx_str_t *ngx_keepers_limit_param(ngx_keepers_limit_params_t *params,
    ngx_str_t *arg, size_t *name_len);
static char *ngx_keepers_limit_modes(ngx_conf_t *cf,
    ngx_keepers_limit_params_t *params, ngx_keepers_limit_rule_t *rule);
static ngx_int_t ngx_keepers_limit_mode(ngx_str_t *text);
static char *ngx_keepers_limit_rate(ngx_conf_t *cf,
    ngx_keepers_limit_params_t *params, keepers_rate_t *rate);
static ngx_int_t ngx_keepers_limit_texts(ngx_conf_t *cf,
    ngx_keepers_limit_rule_t *rule, const char *suffix);
static char *ngx_keepers_limit_rule_add(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf, ngx_keepers_limit_rule_t *rule);


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
    rule->stage = ngx_keepers_limit_stage(&params.key);

    if (params.condition.data != NULL) {
        rule->condition = ngx_keepers_value_read(cf, &params.condition);
        if (rule->condition == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_keepers_limit_modes(cf, &params, rule) != NGX_CONF_OK
        || ngx_keepers_limit_rate(cf, &params, &rule->rate) != NGX_CONF_OK
        || ngx_keepers_limit_key_conf(cf, rule, &params.key) != NGX_CONF_OK)
    {
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


ngx_keepers_limit_rule_t *
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
                               "mode= if=", &value[1], &value[i]);
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
        { ngx_string("mode="), &params->mode },
        { ngx_string("if="), &params->condition }
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
    ngx_int_t      mode;
    keepers_str_t  count;

    static const keepers_str_t  all = keepers_string("all");
    static const keepers_str_t  failures = keepers_string("failures");

    count = params->count.data ? ngx_keepers_from(params->count) : all;
    mode = ngx_keepers_limit_mode(&params->mode);

    if (!keepers_str_eq(count, all) && !keepers_str_eq(count, failures)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": invalid count \"%V\", "
                           "it must be \"all\" or \"failures\"",
                           &rule->name, &params->count);
        return NGX_CONF_ERROR;
    }

    if (mode == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keepers_limit_rule \"%V\": invalid mode \"%V\", "
                           "it must be \"enforce\", \"shadow\", or of signups "
                           "\"tap\" or \"hold\"",
                           &rule->name, &params->mode);
        return NGX_CONF_ERROR;
    }

    rule->failures = keepers_str_eq(count, failures);
    rule->mode = (ngx_keepers_limit_mode_e) mode;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keepers_limit_mode(ngx_str_t *text)
{
    ngx_uint_t  i;

    static const keepers_str_t  names[] = {
        keepers_string("enforce"), keepers_string("shadow"),
        keepers_string("tap"), keepers_string("hold")
    };

    if (text->data == NULL) {
        return NGX_KEEPERS_LIMIT_ENFORCE;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (keepers_str_eq(ngx_keepers_from(*text), names[i])) {
            return (ngx_int_t) i;
        }
    }

    return NGX_ERROR;
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


/* NGX_OK, NGX_ERROR: no memory */

static ngx_int_t
ngx_keepers_limit_texts(ngx_conf_t *cf, ngx_keepers_limit_rule_t *rule,
    const char *suffix)
{
    size_t           remains;
    uint64_t         capacity_us;
    keepers_out_t    out;
    keepers_rate_t  *rate;

    rate = &rule->rate;
    capacity_us = rate->tolerance_us + rate->interval_us;

    ngx_keepers_out(&out, cf->pool, NGX_KEEPERS_LIMIT_TEXTS_LEN);

    keepers_out_byte(&out, '"');
    keepers_out_str(&out, ngx_keepers_from(rule->name));
    keepers_out_text(&out, suffix);
    keepers_out_text(&out, "\";q=");
    keepers_out_uint(&out, rate->burst);
    keepers_out_text(&out, ";w=");
    keepers_out_uint(&out, ngx_keepers_limit_seconds(capacity_us));

    remains = out.len;
    keepers_out_byte(&out, '"');
    keepers_out_str(&out, ngx_keepers_from(rule->name));
    keepers_out_text(&out, suffix);
    keepers_out_text(&out, "\";r=");

    rule->policy = keepers_str(out.data, remains);
    rule->remains = keepers_str(out.data + remains, out.len - remains);

    return out.overflow ? NGX_ERROR : NGX_OK;
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

    if (ngx_keepers_limit_texts(cf, rule, "") != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (rule->wide != NULL) {
        rule->wide->number = rule->number;

        if (ngx_keepers_limit_texts(cf, rule->wide, "/48") != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_keepers_limit_rules_done(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf)
{
    uint32_t                    nodes;
    ngx_uint_t                  i;
    ngx_keepers_limit_rule_t  **rules, *rule;

    if (kmcf->limit_nodes == 0
        || kmcf->limit_nodes > NGX_KEEPERS_LIMIT_NODES_MAX)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_limit_nodes\" must be 1 to %d",
                      NGX_KEEPERS_LIMIT_NODES_MAX);
        return NGX_CONF_ERROR;
    }

    if (kmcf->limit_rules == NULL) {
        return NGX_CONF_OK;
    }

    nodes = (uint32_t) kmcf->limit_nodes;
    rules = kmcf->limit_rules->elts;

    for (i = 0; i < kmcf->limit_rules->nelts; i++) {

        if (!rules[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "keepers_limit_rule \"%V\" limits nothing: no "
                          "location has \"keepers_limit %V;\"",
                          &rules[i]->name, &rules[i]->name);
        }

        for (rule = rules[i]; rule != NULL; rule = rule->wide) {
            rule->share = keepers_rate_share(&rule->rate, nodes);

            if (ngx_keepers_limit_encode(cf->pool, kmcf->redis.prefix, rule)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}
