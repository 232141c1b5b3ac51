
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_link.h"

#include "core/keepers_form.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_answer.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_link_page.h"
#include "http/ngx_keepers_link_value.h"
#include "http/ngx_keepers_problem.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_residue.h"
#include "http/ngx_keepers_signup.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_template.h"
#include "http/ngx_keepers_value.h"


#define NGX_KEEPERS_LINK_ARGS_MAX  4096


static ngx_int_t ngx_keepers_link_template(ngx_conf_t *cf,
    ngx_keepers_template_t *t, keepers_page_resolve_pt resolve);
static ngx_int_t ngx_keepers_link_start(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_link_slug(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, keepers_str_t *slug);
static ngx_int_t ngx_keepers_link_lower(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_str_t slug);
static ngx_int_t ngx_keepers_link_show(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_link_source(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);


char *
ngx_keepers_template_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                *value;
    ngx_keepers_template_t  **t;

    t = (ngx_keepers_template_t **) ((char *) conf + cmd->offset);

    if (*t != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    *t = ngx_keepers_template_read(cf, &value[1]);

    return *t != NULL ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_keepers_link_merge(ngx_conf_t *cf, ngx_keepers_loc_conf_t *conf)
{
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);

    if (conf->link != NULL && conf->link_template == NULL) {
        conf->link_template = kmcf->link_template;
    }

    if (conf->thanks != NULL && conf->thanks_template == NULL) {
        conf->thanks_template = kmcf->thanks_template;
    }

    if (conf->problem_template == NULL) {
        conf->problem_template = kmcf->problem_template;
    }

    /* also one that no location uses yet, so that its mistakes are found */

    if (ngx_keepers_link_template(cf, conf->link_template,
                                  ngx_keepers_link_value_resolve)
        != NGX_OK
        || ngx_keepers_link_template(cf, conf->thanks_template,
                                     ngx_keepers_link_value_resolve_thanks)
           != NGX_OK
        || ngx_keepers_link_template(cf, conf->problem_template,
                                     ngx_keepers_problem_resolve)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keepers_link_template(ngx_conf_t *cf, ngx_keepers_template_t *t,
    keepers_page_resolve_pt resolve)
{
    if (t == NULL) {
        return NGX_OK;
    }

    return ngx_keepers_template_compile(cf, t, resolve, NULL);
}


ngx_int_t
ngx_keepers_link_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_keepers_ctx_t       *ctx;
    ngx_keepers_signup_t    *signup;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);

    if (klcf->link == NULL) {
        return NGX_DECLINED;
    }

    if (r != r->main) {
        /* a page with a form and a token is no part of another page */
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    signup = ctx->signup;

    if (signup == NULL
        || signup->conf != klcf || signup->uri != r->uri.data)
    {

        /* a new request, or one that an error_page has brought here */

        signup = ngx_keepers_signup_create(r, ctx);

        /* wiped without a body too: some write names into a query */

        if (signup == NULL || ngx_keepers_residue_add(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        rc = ngx_keepers_link_start(r, signup);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (signup->stage == NGX_KEEPERS_SIGNUP_ANSWERED) {
        return NGX_DONE;
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_keepers_signup_run(r, ctx, signup);
    }

    rc = ngx_keepers_lookup(r, signup->lookup, NGX_KEEPERS_WAIT_PHASE, NULL);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_link_show(r, signup);
}


/* NGX_OK: there is a slug to look up; else what the phase returns. */

static ngx_int_t
ngx_keepers_link_start(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_int_t      rc;
    keepers_str_t  slug;

    if (r->method == NGX_HTTP_POST) {
        signup->type = ngx_keepers_body_type(r);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST))) {
        return ngx_keepers_answer_finish(r, signup,
                                         NGX_KEEPERS_OUTCOME_METHOD);
    }

    rc = ngx_keepers_link_slug(r, signup, &slug);

    if (rc != NGX_OK) {
        return rc;
    }

    signup->lookup = ngx_keepers_lookup_create(r, slug);

    return signup->lookup != NULL ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_keepers_link_slug(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    keepers_str_t *slug)
{
    ngx_str_t  value;

    if (ngx_keepers_value(r, signup->conf->link, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (keepers_text_slug(ngx_keepers_from(value))) {
        *slug = ngx_keepers_from(value);
        return NGX_OK;
    }

    return ngx_keepers_link_lower(r, signup, value);
}


/*
 * A link that was typed from a poster in capitals goes to the one it means,
 * if it stands at the end of the path.  A POST keeps its method and body.
 */

static ngx_int_t
ngx_keepers_link_lower(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_str_t slug)
{
    u_char      lower[KEEPERS_SLUG_LEN_MAX];
    u_char     *p;
    ngx_str_t   path, uri;

    if (slug.len == 0 || slug.len > sizeof(lower) || slug.len >= r->uri.len) {
        return ngx_keepers_signup_end(r, signup, NGX_KEEPERS_OUTCOME_UNKNOWN);
    }

    ngx_strlow(lower, slug.data, slug.len);

    p = r->uri.data + r->uri.len - slug.len;

    if (!keepers_text_slug(keepers_str(lower, slug.len))
        || p[-1] != '/' || ngx_memcmp(p, slug.data, slug.len) != 0)
    {
        return ngx_keepers_signup_end(r, signup, NGX_KEEPERS_OUTCOME_UNKNOWN);
    }

    uri.len = r->uri.len;
    uri.data = ngx_pnalloc(r->pool, uri.len);

    if (uri.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(uri.data, r->uri.data, uri.len - slug.len);
    ngx_memcpy(p, lower, slug.len);

    if (ngx_keepers_link_page_path(r, uri, "", &path) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    signup->stage = NGX_KEEPERS_SIGNUP_ANSWERED;

    return ngx_keepers_reply_finish(r, ngx_keepers_reply_redirect(r,
                                    r->method == NGX_HTTP_POST
                                        ? NGX_HTTP_PERMANENT_REDIRECT
                                        : NGX_HTTP_MOVED_PERMANENTLY,
                                    path));
}


static ngx_int_t
ngx_keepers_link_show(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_keepers_outcome_e  outcome;

    switch (signup->lookup->state) {

    case NGX_KEEPERS_LOOKUP_OPEN:
        outcome = NGX_KEEPERS_OUTCOME_SHOWN;

        if (ngx_keepers_link_source(r, signup) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        break;

    case NGX_KEEPERS_LOOKUP_CLOSED:
        outcome = NGX_KEEPERS_OUTCOME_CLOSED;
        break;

    case NGX_KEEPERS_LOOKUP_UNKNOWN:
        outcome = NGX_KEEPERS_OUTCOME_UNKNOWN;
        break;

    default:
        outcome = NGX_KEEPERS_OUTCOME_UNAVAILABLE;
    }

    return ngx_keepers_answer_finish(r, signup, outcome);
}


/*
 * Where someone comes from may stand in the query of a poster's code; who it
 * is may not: nobody's name or address is taken from a URL.
 */

static ngx_int_t
ngx_keepers_link_source(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    int            rc;
    u_char        *p;
    ngx_uint_t     i;
    keepers_out_t  arena;

    if (r->args.len == 0 || r->args.len > NGX_KEEPERS_LINK_ARGS_MAX) {
        return NGX_OK;
    }

    p = ngx_keepers_secret_alloc(r, r->args.len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    keepers_out_init(&arena, p, r->args.len);
    keepers_signup_fields(signup->fields, &signup->set);

    rc = keepers_form_read(ngx_keepers_from(r->args), &signup->set, &arena);

    for (i = 0; i < KEEPERS_SIGNUP_FIELDS; i++) {

        if (rc == KEEPERS_OK
            && i >= KEEPERS_SIGNUP_PLACEMENT
            && i <= KEEPERS_SIGNUP_UTM_CONTENT)
        {
            continue;
        }

        signup->fields[i].kind = KEEPERS_FIELD_ABSENT;
        signup->fields[i].value = keepers_str(NULL, 0);
    }

    return NGX_OK;
}
