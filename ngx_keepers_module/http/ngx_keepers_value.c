
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_value.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_value_index(ngx_conf_t *cf, ngx_str_t text);


ngx_keepers_value_t *
ngx_keepers_value_read(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_keepers_value_t               *value;
    ngx_http_compile_complex_value_t   ccv;

    value = ngx_palloc(cf->pool, sizeof(ngx_keepers_value_t));
    if (value == NULL) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = &value->text;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NULL;
    }

    value->index = ngx_keepers_value_index(cf, *text);

    return value;
}


/* The index of the one variable that a text is; $1 is none, but a capture. */

static ngx_int_t
ngx_keepers_value_index(ngx_conf_t *cf, ngx_str_t text)
{
    u_char     c;
    size_t     i;
    ngx_str_t  name;

    if (text.len < 2 || text.data[0] != '$'
        || (text.data[1] >= '0' && text.data[1] <= '9'))
    {
        return NGX_ERROR;
    }

    name.data = text.data + 1;
    name.len = text.len - 1;

    for (i = 0; i < name.len; i++) {
        c = (u_char) (name.data[i] | 0x20);

        if (!((c >= 'a' && c <= 'z') || name.data[i] == '_'
              || (name.data[i] >= '0' && name.data[i] <= '9')))
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_get_variable_index(cf, &name);
}


char *
ngx_keepers_value_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t             *args;
    ngx_keepers_value_t  **field;

    field = (ngx_keepers_value_t **) ((u_char *) conf + cmd->offset);

    if (*field != NULL) {
        return "is duplicate";
    }

    args = cf->args->elts;
    *field = ngx_keepers_value_read(cf, &args[1]);

    return *field == NULL ? NGX_CONF_ERROR : NGX_CONF_OK;
}


/* What is one variable need not be put together and copied. */

ngx_int_t
ngx_keepers_value(ngx_http_request_t *r, ngx_keepers_value_t *value,
    ngx_str_t *text)
{
    ngx_http_variable_value_t  *v;

    if (value->index == NGX_ERROR) {
        return ngx_http_complex_value(r, &value->text, text);
    }

    v = ngx_http_get_flushed_variable(r, (ngx_uint_t) value->index);

    if (v == NULL || v->not_found) {
        ngx_str_null(text);

    } else {
        text->data = v->data;
        text->len = v->len;
    }

    return NGX_OK;
}


keepers_str_t
ngx_keepers_value_slug(ngx_http_request_t *r, ngx_keepers_value_t *value)
{
    ngx_str_t  slug;

    if (value == NULL
        || ngx_keepers_value(r, value, &slug) != NGX_OK
        || !keepers_text_slug(ngx_keepers_from(slug)))
    {
        return keepers_str(NULL, 0);
    }

    return ngx_keepers_from(slug);
}
