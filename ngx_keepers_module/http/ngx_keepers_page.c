
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_page.h"

#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_template.h"


typedef struct {
    ngx_conf_t              *cf;
    ngx_array_t             *variables;     /* ngx_int_t */
} ngx_keepers_page_names_t;


static int ngx_keepers_page_resolve(void *data, keepers_str_t name);
static ngx_uint_t ngx_keepers_page_known(ngx_http_core_main_conf_t *cmcf,
    const ngx_str_t *name);
static size_t ngx_keepers_page_line(const ngx_keepers_template_t *t,
    int value);
static keepers_str_t *ngx_keepers_page_values(ngx_http_request_t *r,
    const ngx_array_t *variables, size_t *len);
static keepers_str_t ngx_keepers_page_value(void *data, int value);


char *
ngx_keepers_page_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_loc_conf_t  *klcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (klcf->page != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    klcf->page = ngx_keepers_template_read(cf, &value[1]);

    if (klcf->page == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_keepers_page_handler;

    return NGX_CONF_OK;
}


/* The place of a variable in the template's array. */

static int
ngx_keepers_page_resolve(void *data, keepers_str_t name)
{
    ngx_keepers_page_names_t *names = data;

    ngx_int_t   index, *known;
    ngx_str_t   variable;
    ngx_uint_t  i;

    /* nginx keeps a name in lower case, and lowers it in place */

    variable.len = name.len;
    variable.data = ngx_pnalloc(names->cf->pool, name.len);

    if (variable.data == NULL) {
        return -1;
    }

    ngx_strlow(variable.data, (u_char *) name.data, name.len);

    index = ngx_http_get_variable_index(names->cf, &variable);

    if (index == NGX_ERROR) {
        return -1;
    }

    known = names->variables->elts;

    for (i = 0; i < names->variables->nelts; i++) {
        if (known[i] == index) {
            return (int) i;
        }
    }

    known = ngx_array_push(names->variables);

    if (known == NULL) {
        return -1;
    }

    *known = index;

    return (int) names->variables->nelts - 1;
}


char *
ngx_keepers_page_check(ngx_conf_t *cf, ngx_keepers_template_t *t)
{
    ngx_int_t                  *indices;
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_keepers_page_names_t    names;
    ngx_http_core_main_conf_t  *cmcf;

    if (t->views != NULL) {
        /* of the location around this one */
        return NGX_CONF_OK;
    }

    names.cf = cf;
    names.variables = ngx_array_create(cf->pool, 4, sizeof(ngx_int_t));

    if (names.variables == NULL) {
        return NGX_CONF_ERROR;
    }

    t->variables = names.variables;

    if (ngx_keepers_template_compile(cf, t, ngx_keepers_page_resolve, &names)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    v = cmcf->variables.elts;
    indices = t->variables->elts;

    for (i = 0; i < t->variables->nelts; i++) {

        if (!ngx_keepers_page_known(cmcf, &v[indices[i]].name)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the template \"%V\" is wrong in line %uz: there is "
                          "no variable \"$%V\"", &t->file,
                          ngx_keepers_page_line(t, (int) i),
                          &v[indices[i]].name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_keepers_page_known(ngx_http_core_main_conf_t *cmcf, const ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *v;

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    v = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {

        if (name->len >= v[i].name.len
            && ngx_strncmp(name->data, v[i].name.data, v[i].name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* The line, from 1, in which a value stands first. */

static size_t
ngx_keepers_page_line(const ngx_keepers_template_t *t, int value)
{
    u_char                   *p, *last;
    size_t                    i, line;
    ngx_keepers_view_t       *view;
    const keepers_page_op_t  *op;

    view = &t->views[0];
    last = view->text.data;

    for (i = 0; i < view->page.n; i++) {
        op = &view->page.ops[i];

        if (op->kind == KEEPERS_PAGE_TEXT) {
            last = (u_char *) op->text.data + op->text.len;
            continue;
        }

        if (op->value == value) {
            break;
        }
    }

    line = 1;

    for (p = view->text.data; p < last; p++) {
        line += (*p == '\n');
    }

    return line;
}


ngx_int_t
ngx_keepers_page_handler(ngx_http_request_t *r)
{
    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_keepers_reply_method(r, "GET, HEAD");
    }

    return ngx_keepers_page_reply(r, NGX_HTTP_OK);
}


ngx_int_t
ngx_keepers_page_reply(ngx_http_request_t *r, ngx_uint_t status)
{
    size_t                   len;
    keepers_out_t            out;
    keepers_str_t           *values;
    ngx_keepers_view_t      *view;
    ngx_keepers_template_t  *t;

    static const keepers_str_t  none = keepers_null_string;

    t = ngx_keepers_loc_conf(r)->page;
    view = &t->views[ngx_keepers_language(r, none)];

    values = ngx_keepers_page_values(r, t->variables, &len);

    if (values == NULL
        || ngx_keepers_template_render(r, view, ngx_keepers_page_value, values,
                                       len, &out)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_page(r, status, view, &out);
}


/*
 * What the variables say now, and not when a "set", an "if" or a limit looked
 * at them before; each is asked once.
 */

static keepers_str_t *
ngx_keepers_page_values(ngx_http_request_t *r, const ngx_array_t *variables,
    size_t *len)
{
    ngx_int_t                  *indices;
    ngx_uint_t                  i;
    keepers_str_t              *values;
    ngx_http_variable_value_t  *vv;

    values = ngx_palloc(r->pool,
                        (variables->nelts + 1) * sizeof(keepers_str_t));

    if (values == NULL) {
        return NULL;
    }

    *len = 0;
    indices = variables->elts;

    for (i = 0; i < variables->nelts; i++) {
        values[i] = keepers_str(NULL, 0);

        vv = ngx_http_get_flushed_variable(r, (ngx_uint_t) indices[i]);

        if (vv != NULL && !vv->not_found && vv->valid) {
            values[i] = keepers_str(vv->data, vv->len);
            *len += vv->len;
        }
    }

    return values;
}


static keepers_str_t
ngx_keepers_page_value(void *data, int value)
{
    keepers_str_t  *values;

    values = data;

    return values[value];
}
