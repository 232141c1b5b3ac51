
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_remember.h"

#include "core/keepers_out.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_REMEMBER_MAX_S     (30 * 86400)
#define NGX_KEEPERS_REMEMBER_TEXT_LEN  48


char *
ngx_keepers_remember_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    ngx_str_t  *value;

    if (klcf->remember_s != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        klcf->remember_s = 0;
        return NGX_CONF_OK;
    }

    klcf->remember_s = ngx_parse_time(&value[1], 1);

    if (klcf->remember_s == (time_t) NGX_ERROR || klcf->remember_s == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in "
                           "\"keepers_session_remember\": it must be \"off\", "
                           "or a time of at most 30d", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (klcf->remember_s > NGX_KEEPERS_REMEMBER_MAX_S) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_session_remember %V\" is longer than "
                           "30d: who has not signed in for so long should "
                           "prove again who it is", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_keepers_remember_check(ngx_conf_t *cf, const ngx_keepers_loc_conf_t *conf)
{
    if (conf->remember_s == 0 || conf->remember_s >= conf->absolute_s) {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"keepers_session_remember\" (%T s) must not be shorter "
                  "than \"keepers_session_absolute\" (%T s): who asks to stay "
                  "signed in would be signed out sooner",
                  conf->remember_s, conf->absolute_s);

    return NGX_CONF_ERROR;
}


ngx_uint_t
ngx_keepers_remember_asked(ngx_http_request_t *r, const keepers_field_t *field)
{
    if (ngx_keepers_loc_conf(r)->remember_s == 0) {
        return 0;
    }

    return field->kind == KEEPERS_FIELD_TRUE
           || (field->kind == KEEPERS_FIELD_STRING
               && field->value.len == 1 && field->value.data[0] == '1');
}


/*
 * A code of the sign-in counts for that moment.  What stands open for weeks is
 * the device, and whoever sits before it proves a second factor where it is
 * wanted.
 */

void
ngx_keepers_remember(ngx_http_request_t *r, ngx_keepers_mint_t *mint)
{
    time_t  remember_s;

    remember_s = ngx_keepers_loc_conf(r)->remember_s;

    mint->session.marks = KEEPERS_SESSION_REMEMBERED;
    mint->session.aal = 1;
    mint->session.idle_s = (uint32_t) remember_s;
    mint->session.absolute_ms = ngx_keepers_now_ms()
                                + (uint64_t) remember_s * 1000;
}


ngx_int_t
ngx_keepers_remember_age_s(const keepers_session_t *session)
{
    uint64_t  now_ms;

    now_ms = ngx_keepers_now_ms();

    if (!(session->marks & KEEPERS_SESSION_REMEMBERED)
        || session->absolute_ms <= now_ms)
    {
        return -1;
    }

    return (ngx_int_t) ((session->absolute_ms - now_ms + 999) / 1000);
}


/* A proof of the future is of a clock that was set back: it is none. */

void
ngx_keepers_remember_lower(const ngx_keepers_loc_conf_t *klcf,
    keepers_session_t *session)
{
    if (!keepers_session_fresh(session, (uint64_t) klcf->idle_s * 1000,
                               ngx_keepers_now_ms()))
    {
        session->aal = 1;
    }
}


/* In the largest unit that fits: "30 days", "1 hour", "90 seconds". */

ngx_int_t
ngx_keepers_remember_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    time_t         remember_s;
    ngx_uint_t     i;
    keepers_out_t  out;

    static const struct {
        time_t       s;
        const char  *name;
    }  units[] = {
        { 86400, " day" }, { 3600, " hour" }, { 60, " minute" },
        { 1, " second" }
    };

    remember_s = ngx_keepers_loc_conf(r)->remember_s;

    if (remember_s == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_keepers_out(&out, r->pool, NGX_KEEPERS_REMEMBER_TEXT_LEN);

    for (i = 0; remember_s % units[i].s != 0; i++) {
        /* void */
    }

    keepers_out_uint(&out, (uint64_t) (remember_s / units[i].s));
    keepers_out_text(&out, units[i].name);

    if (remember_s != units[i].s) {
        keepers_out_byte(&out, 's');
    }

    if (out.overflow) {
        return NGX_ERROR;
    }

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}
