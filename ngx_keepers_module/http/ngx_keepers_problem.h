
/*
 * Copyright (C) Keepers
 *
 * Bodies for those who cannot be shown a link's page: a problem document
 * (RFC 9457) with the faults of the fields, or a page with one sentence in the
 * language of the reader.
 */


#ifndef _NGX_KEEPERS_PROBLEM_H_INCLUDED_
#define _NGX_KEEPERS_PROBLEM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_signup.h"
#include "http/ngx_keepers_words.h"


/* NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_problem(ngx_http_request_t *r,
    const ngx_keepers_signup_t *signup, ngx_uint_t status, const char *code,
    keepers_str_t *body);
ngx_int_t ngx_keepers_problem_page(ngx_http_request_t *r,
    ngx_keepers_word_e title, ngx_keepers_word_e sentence,
    keepers_str_t *body, const ngx_keepers_view_t **view);

/* Names of the problem template. */
int ngx_keepers_problem_resolve(void *data, keepers_str_t name);

/*
 * The same for who navigates and met a limit, sent; returns what a content
 * handler does.
 */
ngx_int_t ngx_keepers_problem_busy(ngx_http_request_t *r, ngx_uint_t status,
    ngx_uint_t retry_s);


#endif /* _NGX_KEEPERS_PROBLEM_H_INCLUDED_ */
