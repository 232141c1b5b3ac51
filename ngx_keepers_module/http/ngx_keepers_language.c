
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_language.h"

#include "core/keepers_language.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_headers.h"
#include "http/ngx_keepers_link_page.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_ENGLISH  0


static ngx_uint_t ngx_keepers_language_choose(ngx_http_request_t *r,
    keepers_str_t locale);
static int ngx_keepers_language_asked(ngx_http_request_t *r);


ngx_uint_t
ngx_keepers_language(ngx_http_request_t *r, keepers_str_t locale)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx != NULL && ctx->language != 0) {
        return ctx->language - 1;
    }

    return ngx_keepers_language_choose(r, locale);
}


ngx_int_t
ngx_keepers_language_keep(ngx_http_request_t *r, keepers_str_t locale)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_get(r);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->language = ngx_keepers_language_choose(r, locale) + 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_keepers_language_choose(ngx_http_request_t *r, keepers_str_t locale)
{
    int                       own, read;
    ngx_str_t                *accept;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (kmcf->words->nelts == 1) {
        return NGX_KEEPERS_ENGLISH;
    }

    read = ngx_keepers_language_asked(r);

    if (read != -1) {
        return (ngx_uint_t) read;
    }

    /* "de-AT" of a link is served by "de" as it is for a reader */

    own = keepers_language_choose(locale, kmcf->languages, kmcf->words->nelts,
                                  NGX_KEEPERS_ENGLISH);
    if (own == -1) {
        own = NGX_KEEPERS_ENGLISH;
    }

    accept = ngx_keepers_header_find(r, "accept-language");

    if (accept == NULL) {
        return (ngx_uint_t) own;
    }

    read = keepers_language_choose(ngx_keepers_from(*accept), kmcf->languages,
                                   kmcf->words->nelts, (size_t) own);

    return (ngx_uint_t) (read == -1 ? own : read);
}


/* The number of the language that "?lang=" names, or -1. */

static int
ngx_keepers_language_asked(ngx_http_request_t *r)
{
    ngx_str_t                 tag;
    ngx_keepers_main_conf_t  *kmcf;

    if (r->args.len == 0
        || ngx_http_arg(r, (u_char *) "lang", 4, &tag) != NGX_OK)
    {
        return -1;
    }

    kmcf = ngx_keepers_main_conf(r);

    return keepers_language_find(ngx_keepers_from(tag), kmcf->languages,
                                 kmcf->words->nelts);
}


ngx_uint_t
ngx_keepers_language_chosen(ngx_http_request_t *r, keepers_str_t *tag)
{
    int                 language;
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    language = (ctx != NULL && ctx->language_switched)
                   ? (int) ctx->language - 1 : ngx_keepers_language_asked(r);

    if (language == -1) {
        return 0;
    }

    *tag = ngx_keepers_main_conf(r)->languages[language];

    return 1;
}


ngx_int_t
ngx_keepers_language_path(ngx_http_request_t *r, ngx_str_t uri,
    const char *below, ngx_str_t *path)
{
    u_char         *p;
    keepers_str_t   tag;

    if (ngx_keepers_link_page_path(r, uri, below, path) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_keepers_language_chosen(r, &tag)) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, path->len + sizeof("?lang=") - 1 + tag.len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    path->len = ngx_sprintf(p, "%V?lang=%*s", path, tag.len, tag.data) - p;
    path->data = p;

    return NGX_OK;
}


void
ngx_keepers_language_switch(ngx_http_request_t *r, keepers_str_t tag)
{
    int                       language;
    ngx_keepers_ctx_t        *ctx;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    ctx = ngx_keepers_ctx_find(r);

    language = keepers_language_find(tag, kmcf->languages, kmcf->words->nelts);

    if (ctx != NULL && language != -1) {
        ctx->language = (ngx_uint_t) language + 1;
        ctx->language_switched = 1;
    }
}


ngx_uint_t
ngx_keepers_language_named(ngx_http_request_t *r, keepers_str_t tag,
    ngx_uint_t other)
{
    int                       language;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    language = keepers_language_find(tag, kmcf->languages, kmcf->words->nelts);

    return language == -1 ? other : (ngx_uint_t) language;
}


ngx_int_t
ngx_keepers_language_headers(ngx_http_request_t *r, ngx_str_t language)
{
    static ngx_str_t  vary = ngx_string("Accept-Language");

    if (language.len == 0) {
        return NGX_OK;
    }

    if (ngx_keepers_reply_header(r, "Content-Language", language) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_keepers_reply_header(r, "Vary", vary);
}
