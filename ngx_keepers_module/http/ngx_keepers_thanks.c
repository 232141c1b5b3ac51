
/*
 * Copyright (C) Keepers
 *
 * "keepers_thanks": where a signup leads.  The page says nothing of a person,
 * for the address of it can be typed by anyone; "?mail=", which asks whether
 * an address is right, is looked up in our own list, and holds nobody's.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_domain.h"
#include "core/keepers_out.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_link_page.h"
#include "http/ngx_keepers_lookup.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_thanks_woken(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_thanks_page(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup);
static ngx_int_t ngx_keepers_thanks_again(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page);


char *
ngx_keepers_thanks_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                      *rc;
    ngx_http_core_loc_conf_t  *clcf;

    rc = ngx_http_set_complex_value_slot(cf, cmd, conf);

    if (rc != NGX_CONF_OK) {
        return rc;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_keepers_thanks_handler;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keepers_thanks_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_str_t                slug;
    ngx_keepers_lookup_t    *lookup;
    ngx_keepers_loc_conf_t  *klcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_keepers_reply_method(r, "GET, HEAD");
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    klcf = ngx_keepers_loc_conf(r);

    if (ngx_http_complex_value(r, klcf->thanks, &slug) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!keepers_text_slug(ngx_keepers_from(slug))) {
        return NGX_HTTP_NOT_FOUND;
    }

    lookup = ngx_keepers_lookup_create(r, ngx_keepers_from(slug));

    if (lookup == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_keepers_lookup(r, lookup, NGX_KEEPERS_WAIT_HANDLER,
                            ngx_keepers_thanks_woken);

    if (rc == NGX_AGAIN) {
        return NGX_DONE;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_thanks_page(r, lookup);
}


static ngx_int_t
ngx_keepers_thanks_woken(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_lookup_t  *lookup;

    lookup = wait->data;

    if (ngx_keepers_lookup(r, lookup, NGX_KEEPERS_WAIT_HANDLER,
                           ngx_keepers_thanks_woken)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_thanks_page(r, lookup);
}


static ngx_int_t
ngx_keepers_thanks_page(ngx_http_request_t *r, ngx_keepers_lookup_t *lookup)
{
    keepers_out_t            out;
    ngx_keepers_view_t      *view;
    ngx_keepers_link_page_t  page;

    switch (lookup->state) {

    case NGX_KEEPERS_LOOKUP_OPEN:
    case NGX_KEEPERS_LOOKUP_CLOSED:
        break;

    case NGX_KEEPERS_LOOKUP_UNKNOWN:
        return NGX_HTTP_NOT_FOUND;

    default:
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_memzero(&page, sizeof(ngx_keepers_link_page_t));

    page.link = &lookup->link;
    page.language = ngx_keepers_language(r, lookup->link.locale);

    if (ngx_keepers_thanks_again(r, &page) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    view = &ngx_keepers_loc_conf(r)->thanks_template->views[page.language];

    if (ngx_keepers_link_page_render(r, view, &page, &out) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_page(r, NGX_HTTP_OK, view, &out);
}


/* The way back to the form, for who has meant another domain. */

static ngx_int_t
ngx_keepers_thanks_again(ngx_http_request_t *r, ngx_keepers_link_page_t *page)
{
    ngx_str_t  mail, uri, path;

    if (r->args.len == 0
        || ngx_http_arg(r, (u_char *) "mail", 4, &mail) != NGX_OK)
    {
        return NGX_OK;
    }

    page->meant = keepers_domain_known(ngx_keepers_from(mail));

    uri = r->uri;

    while (uri.len > 1 && uri.data[uri.len - 1] != '/') {
        uri.len--;
    }

    if (uri.len > 1) {
        uri.len--;
    }

    if (page->meant.len == 0) {
        return NGX_OK;
    }

    if (ngx_keepers_language_path(r, uri, "", &path) != NGX_OK) {
        return NGX_ERROR;
    }

    page->action = ngx_keepers_from(path);

    return NGX_OK;
}
