
/*
 * Copyright (C) Keepers
 *
 * Whom a limit counts: the keys of rules, as they are read.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_rate.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_limit.h"
#include "http/ngx_keepers_value.h"


/* A network of IPv6 (/48) has as much as sixteen of its subnets (/64). */
#define NGX_KEEPERS_LIMIT_WIDE  16


static ngx_int_t ngx_keepers_limit_client(ngx_conf_t *cf, ngx_str_t *key,
    ngx_str_t name, ngx_str_t *text);
static u_char *ngx_keepers_limit_named(u_char *p, size_t *len);
static ngx_keepers_limit_bytes_pt ngx_keepers_limit_bytes(ngx_str_t *key);
static ngx_uint_t ngx_keepers_limit_names(ngx_str_t *text,
    const ngx_str_t *names);


static const ngx_str_t  ngx_keepers_limit_session_names[] = {
    ngx_string("keepers_user"), ngx_string("keepers_business"),
    ngx_string("keepers_role"), ngx_string("keepers_aal"),
    ngx_string("keepers_session"), ngx_string("keepers_token"),
    ngx_string("keepers_scopes"), ngx_null_string
};

static const ngx_str_t  ngx_keepers_limit_signup_names[] = {
    ngx_string("keepers_recipient"), ngx_string("keepers_link_business"),
    ngx_null_string
};

static const ngx_str_t  ngx_keepers_limit_signin_names[] = {
    ngx_string("keepers_account"), ngx_string("keepers_device"),
    ngx_null_string
};

static ngx_str_t  ngx_keepers_limit_client_name =
    ngx_string("keepers_client");


/*
 * In a key, $keepers_client is the address itself: the whole key is hashed
 * anyway, and the variable's own hash begins anew each day, which would give a
 * day's budget anew at midnight.
 */

char *
ngx_keepers_limit_key_conf(ngx_conf_t *cf, ngx_keepers_limit_rule_t *rule,
    ngx_str_t *key)
{
    size_t                     len;
    ngx_str_t                  text;
    ngx_keepers_limit_rule_t  *wide;

    static const ngx_str_t  net = ngx_string("${keepers_limit_net}");
    static const ngx_str_t  net_wide = ngx_string("${keepers_limit_net_wide}");

    switch (ngx_keepers_limit_client(cf, key, net, &text)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        rule->key = ngx_keepers_value_read(cf, key);
        rule->bytes = ngx_keepers_limit_bytes(key);

        return rule->key == NULL ? NGX_CONF_ERROR : NGX_CONF_OK;

    default:
        return NGX_CONF_ERROR;
    }

    rule->key = ngx_keepers_value_read(cf, &text);

    if (ngx_keepers_limit_named(key->data, &len) == key->data
        && len == key->len)
    {
        rule->net = NGX_KEEPERS_CLIENT_NET;
    }

    if (rule->key == NULL
        || ngx_keepers_limit_client(cf, key, net_wide, &text)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    wide = ngx_palloc(cf->pool, sizeof(ngx_keepers_limit_rule_t));
    if (wide == NULL) {
        return NGX_CONF_ERROR;
    }

    *wide = *rule;

    wide->rate = keepers_rate_times(&rule->rate, NGX_KEEPERS_LIMIT_WIDE);
    wide->key = ngx_keepers_value_read(cf, &text);
    wide->net = rule->net ? NGX_KEEPERS_CLIENT_WIDE : 0;

    rule->wide = wide;

    return wide->key == NULL ? NGX_CONF_ERROR : NGX_CONF_OK;
}


/*
 * The key with "name" wherever it names $keepers_client; NGX_DECLINED: it does
 * not, NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_keepers_limit_client(ngx_conf_t *cf, ngx_str_t *key, ngx_str_t name,
    ngx_str_t *text)
{
    u_char  *p, *at, *to;
    size_t   len;

    if (ngx_keepers_limit_named(key->data, &len) == NULL) {
        return NGX_DECLINED;
    }

    /* no name is shorter than "$k": a key has at most half as many */

    to = ngx_pnalloc(cf->pool, key->len + (key->len / 2 + 1) * name.len + 1);
    if (to == NULL) {
        return NGX_ERROR;
    }

    text->data = to;

    for (p = key->data; /* void */; p = at + len) {
        at = ngx_keepers_limit_named(p, &len);

        if (at == NULL) {
            break;
        }

        to = ngx_cpymem(to, p, at - p);
        to = ngx_cpymem(to, name.data, name.len);
    }

    to = ngx_cpymem(to, p, key->data + key->len - p);
    *to = '\0';

    text->len = to - text->data;

    return NGX_OK;
}


/* "$keepers_client" or "${keepers_client}", not a longer name; or NULL. */

static u_char *
ngx_keepers_limit_named(u_char *p, size_t *len)
{
    u_char      c;
    size_t      n;
    ngx_uint_t  braces;

    n = ngx_keepers_limit_client_name.len;

    for (p = (u_char *) ngx_strchr(p, '$'); p != NULL;
         p = (u_char *) ngx_strchr(p + 1, '$'))
    {
        braces = (p[1] == '{');

        if (ngx_strncmp(p + 1 + braces, ngx_keepers_limit_client_name.data, n)
            != 0)
        {
            continue;
        }

        c = p[1 + braces + n];

        if (braces ? c == '}'
                   : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                       || (c >= '0' && c <= '9') || c == '_'))
        {
            *len = 1 + n + 2 * braces;
            return p;
        }
    }

    return NULL;
}


/*
 * A rule hashes its key under its own name.  Whose key is no more than one of
 * these variables hashes what that stands for: neither a hash nor a text of it
 * is made before.
 */

static ngx_keepers_limit_bytes_pt
ngx_keepers_limit_bytes(ngx_str_t *key)
{
    ngx_uint_t  i, braces;

    static const struct {
        ngx_str_t                   name;
        ngx_keepers_limit_bytes_pt  bytes;
    } of[] = {
        { ngx_string("keepers_link"), ngx_keepers_limit_link },
        { ngx_string("keepers_recipient"), ngx_keepers_limit_recipient },
        { ngx_string("keepers_link_business"), ngx_keepers_limit_business }
    };

    if (key->len < 2 || key->data[0] != '$') {
        return NULL;
    }

    braces = (key->data[1] == '{');

    for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {

        if (key->len == 1 + of[i].name.len + 2 * braces
            && ngx_strncmp(key->data + 1 + braces, of[i].name.data,
                           of[i].name.len)
               == 0)
        {
            return of[i].bytes;
        }
    }

    return NULL;
}


/*
 * The text itself tells; what stands behind a "map" does not show, so such a
 * rule is decided early.
 */

ngx_keepers_limit_stage_e
ngx_keepers_limit_stage(ngx_str_t *text)
{
    if (ngx_keepers_limit_names(text, ngx_keepers_limit_signup_names)) {
        return NGX_KEEPERS_LIMIT_SIGNUP;
    }

    if (ngx_keepers_limit_names(text, ngx_keepers_limit_signin_names)) {
        return NGX_KEEPERS_LIMIT_SIGNIN;
    }

    return ngx_keepers_limit_names(text, ngx_keepers_limit_session_names)
               ? NGX_KEEPERS_LIMIT_SESSION : NGX_KEEPERS_LIMIT_EARLY;
}


/* An argument of a directive is NUL-terminated, and so is its tail. */

static ngx_uint_t
ngx_keepers_limit_names(ngx_str_t *text, const ngx_str_t *names)
{
    for ( /* void */ ; names->len != 0; names++) {
        if (ngx_strstr(text->data, names->data) != NULL) {
            return 1;
        }
    }

    return 0;
}
