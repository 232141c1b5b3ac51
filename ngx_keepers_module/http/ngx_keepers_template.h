
/*
 * Copyright (C) Keepers
 *
 * Templates: read and compiled at load, so that a mistake in one stops
 * "nginx -t" with its file and line, and never a customer.
 */


#ifndef _NGX_KEEPERS_TEMPLATE_H_INCLUDED_
#define _NGX_KEEPERS_TEMPLATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_page.h"
#include "http/ngx_keepers_conf.h"


/* A template is a page, not a program. */
#define NGX_KEEPERS_TEMPLATE_SIZE_MAX  (128 * 1024)


/* The pages that stand in where no template is named. */
ngx_int_t ngx_keepers_template_builtin(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf);


/*
 * The text of a file, relative to the prefix of the configuration; logs what
 * is wrong with it.
 */
ngx_int_t ngx_keepers_template_load(ngx_conf_t *cf, const ngx_str_t *file,
    ngx_str_t *text);

/* A template from its file, or from memory; NULL: logged, or no memory. */
ngx_keepers_template_t *ngx_keepers_template_read(ngx_conf_t *cf,
    const ngx_str_t *file);
ngx_keepers_template_t *ngx_keepers_template_create(ngx_conf_t *cf,
    const ngx_str_t *file, const ngx_str_t *text);

/*
 * Compiles a template, once, with the words of each language: when the words
 * are known, thus when locations are merged.  Logs what is wrong with it.
 */
ngx_int_t ngx_keepers_template_compile(ngx_conf_t *cf,
    ngx_keepers_template_t *t, keepers_page_resolve_pt resolve, void *data);

/*
 * Renders into memory that is wiped when the request ends, for it may hold
 * what a person typed.  "hint": bytes of the values.  The result is in "out";
 * NGX_ERROR: no memory, or the page grows beyond all measure.
 */
ngx_int_t ngx_keepers_template_render(ngx_http_request_t *r,
    const ngx_keepers_view_t *view, keepers_page_value_pt value, void *data,
    size_t hint, keepers_out_t *out);


#endif /* _NGX_KEEPERS_TEMPLATE_H_INCLUDED_ */
