
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_effective.h"

#include "core/keepers_out.h"
#include "core/keepers_session.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_EFFECTIVE_ROLES  64
#define NGX_KEEPERS_EFFECTIVE_LIMITS                                         \
    (NGX_KEEPERS_LIMITS_MAX * (NGX_KEEPERS_LIMIT_NAME_MAX + 1))


/* A location that has a session or limits. */
typedef struct {
    ngx_str_t                      server;
    ngx_str_t                      name;    /* empty: the server itself */
    const ngx_keepers_loc_conf_t  *conf;
} ngx_keepers_effective_t;


static void ngx_keepers_effective_main(ngx_cycle_t *cycle,
    const ngx_keepers_main_conf_t *kmcf);
static void ngx_keepers_effective_rules(ngx_cycle_t *cycle,
    const ngx_keepers_main_conf_t *kmcf);
static void ngx_keepers_effective_location(ngx_cycle_t *cycle,
    const ngx_keepers_effective_t *location);
static ngx_str_t ngx_keepers_effective_roles(ngx_uint_t roles,
    u_char text[NGX_KEEPERS_EFFECTIVE_ROLES]);
static ngx_str_t ngx_keepers_effective_limits(const ngx_array_t *limits,
    u_char text[NGX_KEEPERS_EFFECTIVE_LIMITS]);


ngx_int_t
ngx_keepers_effective_note(ngx_conf_t *cf, const ngx_keepers_loc_conf_t *klcf)
{
    ngx_keepers_effective_t   *location;
    ngx_keepers_main_conf_t   *kmcf;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* "if" and "limit_except" have what the location around them has */

    if (clcf->noname
        || (klcf->session == NGX_KEEPERS_SESSION_OFF && klcf->limits == NULL
            && klcf->signin.len == 0))
    {
        return NGX_OK;
    }

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (kmcf->effective == NULL) {
        kmcf->effective = ngx_array_create(cf->pool, 16,
                                           sizeof(ngx_keepers_effective_t));
        if (kmcf->effective == NULL) {
            return NGX_ERROR;
        }
    }

    location = ngx_array_push(kmcf->effective);
    if (location == NULL) {
        return NGX_ERROR;
    }

    location->server = cscf->server_name;
    location->name = clcf->name;
    location->conf = klcf;

    return NGX_OK;
}


ngx_int_t
ngx_keepers_effective_log(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_keepers_effective_t        *locations;
    const ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_keepers_module);

    if (kmcf == NULL || !kmcf->used) {
        return NGX_OK;
    }

    ngx_keepers_effective_main(cycle, kmcf);

    if (kmcf->limit_rules != NULL) {
        ngx_keepers_effective_rules(cycle, kmcf);
    }

    if (kmcf->effective == NULL) {
        return NGX_OK;
    }

    locations = kmcf->effective->elts;

    for (i = 0; i < kmcf->effective->nelts; i++) {
        ngx_keepers_effective_location(cycle, &locations[i]);
    }

    return NGX_OK;
}


static void
ngx_keepers_effective_main(ngx_cycle_t *cycle,
    const ngx_keepers_main_conf_t *kmcf)
{
    ngx_log_error(NGX_LOG_INFO, cycle->log, 0,
                  "keepers: http: zone=%uz keys=%uz redis=\"%V\" "
                  "redis_connect_timeout=%Mms redis_timeout=%Mms "
                  "redis_connections=%ui redis_queue=%ui limit_nodes=%ui",
                  kmcf->zone->shm.size, kmcf->edge->n, &kmcf->redis.address,
                  kmcf->redis.connect_timeout_ms, kmcf->redis.timeout_ms,
                  kmcf->redis.connections, kmcf->redis.queue,
                  kmcf->limit_nodes);
}


static void
ngx_keepers_effective_rules(ngx_cycle_t *cycle,
    const ngx_keepers_main_conf_t *kmcf)
{
    ngx_uint_t                  i;
    ngx_keepers_limit_rule_t  **rules;

    static const char *const  modes[] = {
        "enforce", "shadow", "tap", "hold"
    };

    rules = kmcf->limit_rules->elts;

    for (i = 0; i < kmcf->limit_rules->nelts; i++) {
        ngx_log_error(NGX_LOG_INFO, cycle->log, 0,
                      "keepers: rule %V: burst=%uD one_each=%uL.%06uLs "
                      "without_redis=%uL.%06uLs mode=%s count=%s",
                      &rules[i]->name, rules[i]->rate.burst,
                      rules[i]->rate.interval_us / 1000000,
                      rules[i]->rate.interval_us % 1000000,
                      rules[i]->share.interval_us / 1000000,
                      rules[i]->share.interval_us % 1000000,
                      modes[rules[i]->mode],
                      rules[i]->failures ? "failures" : "all");
    }
}


static void
ngx_keepers_effective_location(ngx_cycle_t *cycle,
    const ngx_keepers_effective_t *location)
{
    u_char                         text[NGX_KEEPERS_EFFECTIVE_LIMITS];
    u_char                         list[NGX_KEEPERS_EFFECTIVE_ROLES];
    ngx_str_t                      limits, roles;
    const ngx_keepers_loc_conf_t  *conf;

    static const char *const  modes[] = {
        "off", "optional", "required"
    };

    conf = location->conf;
    limits = ngx_keepers_effective_limits(conf->limits, text);

    /* where one signs in, a session begins that lasts as it says there */

    if (conf->session == NGX_KEEPERS_SESSION_OFF && conf->signin.len == 0) {
        ngx_log_error(NGX_LOG_INFO, cycle->log, 0,
                      "keepers: server \"%V\" location \"%V\": session=off "
                      "limits=%V", &location->server, &location->name,
                      &limits);
        return;
    }

    roles = ngx_keepers_effective_roles(conf->roles, list);

    /* zeros: any factor, of any age, no remembering, no stale answer */

    ngx_log_error(NGX_LOG_INFO, cycle->log, 0,
                  "keepers: server \"%V\" location \"%V\": session=%s "
                  "roles=%V aal=%ui fresh=%Mms cookie=%V idle=%Ts absolute=%Ts "
                  "remember=%Ts cache=%Mms max=%ui stale=%Mms csrf=%s "
                  "limits=%V",
                  &location->server, &location->name, modes[conf->session],
                  &roles, conf->aal, conf->fresh_ms, &conf->cookie,
                  conf->idle_s, conf->absolute_s, conf->remember_s,
                  conf->cache_ms, conf->session_max, conf->stale_ms,
                  conf->csrf ? "on" : "off", &limits);
}


static ngx_str_t
ngx_keepers_effective_roles(ngx_uint_t roles,
    u_char text[NGX_KEEPERS_EFFECTIVE_ROLES])
{
    uint8_t        role;
    keepers_out_t  out;

    keepers_out_init(&out, text, NGX_KEEPERS_EFFECTIVE_ROLES);

    for (role = 0; role < KEEPERS_ROLES; role++) {

        if (roles & ((ngx_uint_t) 1 << role)) {
            keepers_out_text(&out, out.len != 0 ? "," : "");
            keepers_out_text(&out, keepers_role_name(role));
        }
    }

    if (out.len == 0) {
        keepers_out_text(&out, "any");
    }

    return ngx_keepers_to(keepers_out_written(&out));
}


/* Names with commas between them, or "none". */

static ngx_str_t
ngx_keepers_effective_limits(const ngx_array_t *limits,
    u_char text[NGX_KEEPERS_EFFECTIVE_LIMITS])
{
    ngx_uint_t                  i;
    keepers_out_t               out;
    const ngx_keepers_limit_t  *limit;

    keepers_out_init(&out, text, NGX_KEEPERS_EFFECTIVE_LIMITS);

    if (limits == NULL || limits->nelts == 0) {
        keepers_out_text(&out, "none");
        return ngx_keepers_to(keepers_out_written(&out));
    }

    limit = limits->elts;

    for (i = 0; i < limits->nelts; i++) {
        keepers_out_text(&out, i != 0 ? "," : "");
        keepers_out_str(&out, ngx_keepers_from(limit[i].rule->name));
    }

    return ngx_keepers_to(keepers_out_written(&out));
}
