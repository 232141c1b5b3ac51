
/*
 * Copyright (C) Keepers
 *
 * Setters of the session check's directives.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_session.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_device.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_STALE_MAX_MS  3600000


static ngx_int_t ngx_keepers_conf_parameter(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *klcf, ngx_str_t *value);
static ngx_uint_t ngx_keepers_conf_bind(u_char *word);
static ngx_int_t ngx_keepers_conf_roles(ngx_conf_t *cf,
    ngx_keepers_loc_conf_t *klcf, ngx_str_t list);
static ngx_array_t *ngx_keepers_conf_codes(ngx_conf_t *cf);
static const char *ngx_keepers_conf_answers(const ngx_array_t *codes);


char *
ngx_keepers_conf_session(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (klcf->session != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        klcf->session = NGX_KEEPERS_SESSION_OFF;

    } else if (ngx_strcmp(value[1].data, "optional") == 0) {
        klcf->session = NGX_KEEPERS_SESSION_OPTIONAL;

    } else if (ngx_strcmp(value[1].data, "required") == 0) {
        klcf->session = NGX_KEEPERS_SESSION_REQUIRED;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"keepers_session\": it "
                           "must be \"off\", \"optional\" or \"required\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (klcf->session == NGX_KEEPERS_SESSION_OFF) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"keepers_session off\" takes no parameter, "
                               "but has \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_keepers_conf_parameter(cf, klcf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keepers_conf_parameter(ngx_conf_t *cf, ngx_keepers_loc_conf_t *klcf,
    ngx_str_t *value)
{
    ngx_str_t   text;
    ngx_msec_t  fresh_ms;

    if (ngx_strncmp(value->data, "role=", 5) == 0) {
        text.data = value->data + 5;
        text.len = value->len - 5;

        return ngx_keepers_conf_roles(cf, klcf, text);
    }

    if (ngx_strcmp(value->data, "aal=1") == 0) {
        klcf->aal = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "aal=2") == 0) {
        klcf->aal = 2;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "fresh=", 6) == 0) {
        text.data = value->data + 6;
        text.len = value->len - 6;

        fresh_ms = ngx_parse_time(&text, 0);

        if (fresh_ms != (ngx_msec_t) NGX_ERROR && fresh_ms != 0) {
            klcf->fresh_ms = fresh_ms;
            return NGX_OK;
        }
    }

    if (ngx_strncmp(value->data, "bind=", 5) == 0) {
        klcf->bind = ngx_keepers_conf_bind(value->data + 5);

        if (klcf->bind != 0) {
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"keepers_session\": it "
                       "takes role=a,b, aal=1 or aal=2, fresh=time, and "
                       "bind=net, agent or both", value);

    return NGX_ERROR;
}


/* 0: no such word */

static ngx_uint_t
ngx_keepers_conf_bind(u_char *word)
{
    if (ngx_strcmp(word, "net") == 0) {
        return NGX_KEEPERS_CHANGED_NET;
    }

    if (ngx_strcmp(word, "agent") == 0) {
        return NGX_KEEPERS_CHANGED_AGENT;
    }

    return ngx_strcmp(word, "both") == 0
           ? NGX_KEEPERS_CHANGED_NET|NGX_KEEPERS_CHANGED_AGENT : 0;
}


static ngx_int_t
ngx_keepers_conf_roles(ngx_conf_t *cf, ngx_keepers_loc_conf_t *klcf,
    ngx_str_t list)
{
    u_char     *comma, *end;
    uint8_t     role;
    ngx_str_t   word;

    end = list.data + list.len;

    for (word.data = list.data; word.data <= end; word.data = comma + 1) {
        comma = ngx_strlchr(word.data, end, ',');

        if (comma == NULL) {
            comma = end;
        }

        word.len = comma - word.data;

        role = keepers_role_read(ngx_keepers_from(word));

        if (role == KEEPERS_ROLE_NONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown role \"%V\" in \"keepers_session\": "
                               "roles are owner, manager, staff, auditor and "
                               "machine",
                               &word);
            return NGX_ERROR;
        }

        klcf->roles |= (ngx_uint_t) 1 << role;
    }

    return NGX_OK;
}


char *
ngx_keepers_conf_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    u_char      c;
    ngx_str_t  *value;
    ngx_uint_t  i;

    if (klcf->cookie.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        c = value[1].data[i];

        if (c <= ' ' || c >= 0x7f || ngx_strchr("\"(),/:;<=>?@[\\]{}", c)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in "
                               "\"keepers_session_cookie\": a cookie's name "
                               "has letters, digits, \"-\" and \"_\"",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (value[1].len == 0 || value[1].len > 64) {
        return "takes a name of 1 to 64 characters";
    }

    klcf->cookie = value[1];
    klcf->cookie_insecure = 0;

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[2].data, "insecure") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"keepers_session_cookie\": the only one is "
                               "\"insecure\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        klcf->cookie_insecure = 1;
    }

    if (!klcf->cookie_insecure
        && ngx_strncmp(value[1].data, "__Host-", 7) != 0)
    {
        return "takes a name that starts with \"__Host-\", so that no sibling "
               "domain can set it; or add \"insecure\" for development over "
               "plain HTTP";
    }

    if (klcf->cookie_insecure && ngx_strncmp(value[1].data, "__", 2) == 0) {
        return "takes a name without \"__\" when it is \"insecure\": browsers "
               "refuse such a cookie over plain HTTP";
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keepers_conf_device(ngx_conf_t *cf, const ngx_keepers_loc_conf_t *prev,
    ngx_keepers_loc_conf_t *conf)
{
    u_char  *p;

    if (conf->cookie.data == prev->cookie.data
        && prev->cookie_device.data != NULL)
    {
        conf->cookie_device = prev->cookie_device;
        return NGX_OK;
    }

    conf->cookie_device.len = conf->cookie.len
                              + sizeof(NGX_KEEPERS_DEVICE_SUFFIX) - 1;
    conf->cookie_device.data = ngx_pnalloc(cf->pool, conf->cookie_device.len);

    if (conf->cookie_device.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(conf->cookie_device.data, conf->cookie.data,
                   conf->cookie.len);
    ngx_memcpy(p, NGX_KEEPERS_DEVICE_SUFFIX,
               sizeof(NGX_KEEPERS_DEVICE_SUFFIX) - 1);

    return NGX_OK;
}


char *
ngx_keepers_conf_session_error(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    ngx_str_t  *value, text;

    if (klcf->stale_ms != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "deny") == 0) {
        klcf->stale_ms = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[1].data, "stale=", 6) == 0) {
        text.data = value[1].data + 6;
        text.len = value[1].len - 6;

        klcf->stale_ms = ngx_parse_time(&text, 0);

        if (klcf->stale_ms != (ngx_msec_t) NGX_ERROR && klcf->stale_ms != 0
            && klcf->stale_ms <= NGX_KEEPERS_STALE_MAX_MS)
        {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"keepers_session_error\": it "
                       "must be \"deny\", or \"stale=time\" of at most 1h",
                       &value[1]);

    return NGX_CONF_ERROR;
}


/* Handlers that know of no session but what the access phase has found. */

char *
ngx_keepers_conf_session_users(ngx_conf_t *cf,
    const ngx_keepers_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->signout && conf->session == NGX_KEEPERS_SESSION_OFF) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_signout\" of the location \"%V\" would end "
                      "no session: write \"keepers_session optional\" there",
                      &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (conf->step_up.len != 0
        && conf->session != NGX_KEEPERS_SESSION_REQUIRED)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_step_up\" of the location \"%V\" would "
                      "raise no session: write \"keepers_session required\" "
                      "there", &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (conf->password.len != 0
        && conf->session != NGX_KEEPERS_SESSION_REQUIRED)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_password\" of the location \"%V\" would "
                      "serve nobody: write \"keepers_session required\" "
                      "there", &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (conf->sessions && conf->session != NGX_KEEPERS_SESSION_REQUIRED) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keepers_sessions\" of the location \"%V\" would "
                      "serve nobody: write \"keepers_session required\" "
                      "there", &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * The rewrite module compiles a location's directives into one array of
 * structures that begin with the function to run.  They differ in size but
 * are aligned to pointers, and nothing else in them points to a function.
 */

char *
ngx_keepers_conf_return(ngx_conf_t *cf, ngx_keepers_loc_conf_t *conf)
{
    const char                *name;
    ngx_array_t               *codes;
    ngx_http_core_loc_conf_t  *clcf;

    codes = ngx_keepers_conf_codes(cf);

    if (conf->session != NGX_KEEPERS_SESSION_REQUIRED || codes == NULL) {
        return NGX_CONF_OK;
    }

    name = ngx_keepers_conf_answers(codes);

    if (name == NULL) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"keepers_session required\" does not protect the "
                  "\"%s\" of the %s \"%V\": nginx returns before it looks "
                  "for a session; move the \"%s\" elsewhere, or write "
                  "\"keepers_session off\" there", name,
                  clcf->name.len != 0 ? "location" : "server", &clcf->name,
                  name);

    return NGX_CONF_ERROR;
}


/* What answers in the rewrite phase, or NULL. */

static const char *
ngx_keepers_conf_answers(const ngx_array_t *codes)
{
    uintptr_t                     *word, *last;
#if (NGX_PCRE)
    ngx_http_script_regex_code_t  *regex;
#endif

    word = codes->elts;
    last = word + codes->nelts / sizeof(uintptr_t);

    for ( /* void */ ; word < last; word++) {

        if (*word == (uintptr_t) ngx_http_script_return_code) {
            return "return";
        }

#if (NGX_PCRE)

        if (*word != (uintptr_t) ngx_http_script_regex_start_code) {
            continue;
        }

        regex = (ngx_http_script_regex_code_t *) word;

        if (regex->redirect) {
            return "rewrite";
        }

#endif
    }

    return NULL;
}


/* NULL: nothing to rewrite, or nginx was built without that module. */

static ngx_array_t *
ngx_keepers_conf_codes(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_array_t         **codes;
    ngx_module_t         *module;
    ngx_http_conf_ctx_t  *ctx;

    ctx = cf->ctx;

    for (i = 0; cf->cycle->modules[i] != NULL; i++) {
        module = cf->cycle->modules[i];

        if (ngx_strcmp(module->name, "ngx_http_rewrite_module") != 0) {
            continue;
        }

        /* its configuration is private; "codes" has always stood first */

        codes = ctx->loc_conf[module->ctx_index];

        return *codes;
    }

    return NULL;
}


/* The internal location through which a handler asks the writer. */

char *
ngx_keepers_conf_asking(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value, *uri;

    uri = (ngx_str_t *) ((char *) conf + cmd->offset);

    if (uri->len != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid uri \"%V\" in \"%V\": it is an internal "
                           "location that asks the writer, and starts with "
                           "\"/\"", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    *uri = value[1];

    return NGX_CONF_OK;
}
