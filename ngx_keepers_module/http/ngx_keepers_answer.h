
/*
 * Copyright (C) Keepers
 *
 * The answers of a link: one table of outcomes, for the form and for JSON,
 * whether the edge decides or the writer.  An answer is made whole in memory
 * and then sent by a phase, or put in place of an upstream's by the filter.
 */


#ifndef _NGX_KEEPERS_ANSWER_H_INCLUDED_
#define _NGX_KEEPERS_ANSWER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "http/ngx_keepers_signup.h"


typedef enum {
    NGX_KEEPERS_OUTCOME_SHOWN = 0,      /* a GET: the page */
    NGX_KEEPERS_OUTCOME_SWITCHED,       /* the form in another language */
    NGX_KEEPERS_OUTCOME_RECEIVED,
    NGX_KEEPERS_OUTCOME_REPEATED,       /* answered like RECEIVED */
    NGX_KEEPERS_OUTCOME_TAP,            /* press once more */
    NGX_KEEPERS_OUTCOME_INVALID,        /* faults of fields */
    NGX_KEEPERS_OUTCOME_ENCODING,
    NGX_KEEPERS_OUTCOME_DUPLICATE,      /* a field stands twice */
    NGX_KEEPERS_OUTCOME_MALFORMED,
    NGX_KEEPERS_OUTCOME_TOKEN,
    NGX_KEEPERS_OUTCOME_TOO_LARGE,
    NGX_KEEPERS_OUTCOME_MEDIA_TYPE,
    NGX_KEEPERS_OUTCOME_METHOD,
    NGX_KEEPERS_OUTCOME_KEY_MISSING,
    NGX_KEEPERS_OUTCOME_KEY_REUSED,
    NGX_KEEPERS_OUTCOME_IN_FLIGHT,
    NGX_KEEPERS_OUTCOME_LIMITED,
    NGX_KEEPERS_OUTCOME_CLOSED,
    NGX_KEEPERS_OUTCOME_UNKNOWN,
    NGX_KEEPERS_OUTCOME_UNAVAILABLE,
    NGX_KEEPERS_OUTCOMES
} ngx_keepers_outcome_e;


typedef struct {
    ngx_uint_t                 status;
    const char                *type;    /* NULL: no body */
    keepers_str_t              body;
    const ngx_keepers_view_t  *view;    /* of a page, else NULL */
    ngx_str_t                  location;    /* empty: none */
    ngx_uint_t                 retry_s; /* 0: none */
    unsigned                   allow:1; /* 405 */
} ngx_keepers_answer_t;


/*
 * Makes the answer; counts it and notes it for the log.  "signup" has what is
 * known so far.  NGX_OK or NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_answer_make(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome,
    ngx_keepers_answer_t *answer);

/* Its status and headers, all but the length. */
ngx_int_t ngx_keepers_answer_headers(ngx_http_request_t *r,
    const ngx_keepers_answer_t *answer);

/* Makes and sends it; returns what a content handler does. */
ngx_int_t ngx_keepers_answer_send(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome);

/* The same, whatever page a host has for what is not there. */
ngx_int_t ngx_keepers_answer_ours(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome);

/* The first in a phase: NGX_DONE. */
ngx_int_t ngx_keepers_answer_finish(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome);


/*
 * Fields and token of a signup, for its record.  NGX_OK, NGX_ERROR, or
 * NGX_DECLINED with an outcome.
 */
ngx_int_t ngx_keepers_signup_check(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e *outcome);


#endif /* _NGX_KEEPERS_ANSWER_H_INCLUDED_ */
