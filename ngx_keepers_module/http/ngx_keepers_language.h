
/*
 * Copyright (C) Keepers
 *
 * The language of an answer: "?lang=" of the switch on our pages, what the
 * browser says it reads, the link's own language, English.
 */


#ifndef _NGX_KEEPERS_LANGUAGE_H_INCLUDED_
#define _NGX_KEEPERS_LANGUAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"


/* The number of a language; "locale" is the link's, or empty. */
ngx_uint_t ngx_keepers_language(ngx_http_request_t *r, keepers_str_t locale);

/*
 * Keeps it for the rest of the request, whose Accept-Language goes when a
 * signup is forwarded.  NGX_OK, NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_language_keep(ngx_http_request_t *r,
    keepers_str_t locale);

/* What follows the path of a page, so that its switch is kept: "?lang=de". */
ngx_uint_t ngx_keepers_language_chosen(ngx_http_request_t *r,
    keepers_str_t *tag);

/* A path as of ngx_keepers_link_page_path(), with that behind it. */
ngx_int_t ngx_keepers_language_path(ngx_http_request_t *r, ngx_str_t uri,
    const char *below, ngx_str_t *path);

/* Another language was chosen by a button of a form; unknown: none was. */
void ngx_keepers_language_switch(ngx_http_request_t *r, keepers_str_t tag);

/* The number of one of ours that was named outright, or "other". */
ngx_uint_t ngx_keepers_language_named(ngx_http_request_t *r,
    keepers_str_t tag, ngx_uint_t other);

/* Content-Language and Vary; none for a page without words. */
ngx_int_t ngx_keepers_language_headers(ngx_http_request_t *r,
    ngx_str_t language);


#endif /* _NGX_KEEPERS_LANGUAGE_H_INCLUDED_ */
