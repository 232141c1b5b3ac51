
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_answer.h"

#include "core/keepers_domain.h"
#include "core/keepers_out.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_link_page.h"
#include "http/ngx_keepers_problem.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_words.h"


#define NGX_KEEPERS_GONE           410
#define NGX_KEEPERS_UNPROCESSABLE  422

#define NGX_KEEPERS_NO_COUNTER     KEEPERS_METRICS_N


typedef struct {
    ngx_uint_t          status;     /* of a page, and of JSON if not other */
    ngx_uint_t          json;       /* 0: the same */
    const char         *code;       /* of a problem; $keepers_reason */
    const char         *state;      /* $keepers_signup */
    ngx_uint_t          retry_s;
    keepers_metric_e    metric;
    ngx_keepers_word_e  sentence;   /* on top of the page */
} ngx_keepers_outcome_t;


static ngx_int_t ngx_keepers_answer_redirect(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_answer_t *answer);
static ngx_int_t ngx_keepers_answer_page(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome,
    ngx_keepers_answer_t *answer);
static ngx_int_t ngx_keepers_answer_token(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e outcome,
    ngx_keepers_link_page_t *page);
static ngx_keepers_word_e ngx_keepers_answer_sentence(ngx_http_request_t *r,
    ngx_keepers_outcome_e outcome, ngx_uint_t retry_s);
static ngx_keepers_word_e ngx_keepers_answer_title(
    ngx_keepers_outcome_e outcome);
static void ngx_keepers_answer_note(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, const ngx_keepers_outcome_t *row);


static const ngx_keepers_outcome_t
    ngx_keepers_outcomes[NGX_KEEPERS_OUTCOMES] =
{
    /* SHOWN */
    { NGX_HTTP_OK, 0, NULL, NULL, 0, KEEPERS_METRIC_LINK_SHOWN,
      NGX_KEEPERS_WORD_NONE },

    /* SWITCHED: the sentence is of the faults, if there are any */
    { NGX_HTTP_OK, 0, "switch", NULL, 0, KEEPERS_METRIC_LINK_SHOWN,
      NGX_KEEPERS_WORD_NONE },

    /* RECEIVED: counted, and named "accepted" or "held", by the filter */
    { NGX_HTTP_SEE_OTHER, 202, NULL, NULL, 0, NGX_KEEPERS_NO_COUNTER,
      NGX_KEEPERS_WORD_NONE },

    /* REPEATED */
    { NGX_HTTP_SEE_OTHER, 202, NULL, "repeated", 0,
      KEEPERS_METRIC_SIGNUP_REPEATED, NGX_KEEPERS_WORD_NONE },

    /* TAP: the template has its own words */
    { NGX_HTTP_OK, 0, "tap", NULL, 0, KEEPERS_METRIC_SIGNUP_TAP,
      NGX_KEEPERS_WORD_NONE },

    /* INVALID */
    { NGX_KEEPERS_UNPROCESSABLE, 0, "invalid", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_INVALID,
      NGX_KEEPERS_WORD_SAY_INVALID },

    /* ENCODING */
    { NGX_KEEPERS_UNPROCESSABLE, 0, "encoding", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_INVALID,
      NGX_KEEPERS_WORD_SAY_ENCODING },

    /* DUPLICATE */
    { NGX_HTTP_BAD_REQUEST, 0, "duplicate_field", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_REFUSED,
      NGX_KEEPERS_WORD_SAY_DUPLICATE },

    /* MALFORMED */
    { NGX_HTTP_BAD_REQUEST, 0, "malformed", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_REFUSED,
      NGX_KEEPERS_WORD_SAY_MALFORMED },

    /* TOKEN */
    { NGX_HTTP_FORBIDDEN, 0, "token", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_REFUSED,
      NGX_KEEPERS_WORD_SAY_TOKEN },

    /* TOO_LARGE */
    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, 0, "too_large", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_REFUSED,
      NGX_KEEPERS_WORD_SAY_TOO_LARGE },

    /* MEDIA_TYPE */
    { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, 0, "media_type", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_REFUSED,
      NGX_KEEPERS_WORD_NONE },

    /* METHOD */
    { NGX_HTTP_NOT_ALLOWED, 0, "method", NULL, 0, NGX_KEEPERS_NO_COUNTER,
      NGX_KEEPERS_WORD_NONE },

    /* KEY_MISSING */
    { NGX_HTTP_BAD_REQUEST, 0, "idempotency_key_missing", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_REFUSED, NGX_KEEPERS_WORD_NONE },

    /* KEY_REUSED */
    { NGX_KEEPERS_UNPROCESSABLE, 0, "key_reused", "invalid", 0,
      KEEPERS_METRIC_SIGNUP_REFUSED, NGX_KEEPERS_WORD_NONE },

    /* IN_FLIGHT */
    { NGX_HTTP_CONFLICT, 0, "in_flight", "repeated", 1,
      KEEPERS_METRIC_SIGNUP_REPEATED, NGX_KEEPERS_WORD_NONE },

    /* LIMITED: the sentence says how long */
    { NGX_HTTP_TOO_MANY_REQUESTS, 0, "rate_limited", NULL, 1,
      KEEPERS_METRIC_SIGNUP_REFUSED, NGX_KEEPERS_WORD_NONE },

    /* CLOSED: the template has its own words */
    { NGX_KEEPERS_GONE, 0, "link_closed", NULL, 0, KEEPERS_METRIC_LINK_CLOSED,
      NGX_KEEPERS_WORD_NONE },

    /* UNKNOWN */
    { NGX_HTTP_NOT_FOUND, 0, "link_unknown", NULL, 0,
      KEEPERS_METRIC_LINK_UNKNOWN,
      NGX_KEEPERS_WORD_SAY_UNKNOWN },

    /* UNAVAILABLE */
    { NGX_HTTP_SERVICE_UNAVAILABLE, 0, "unavailable", NULL, 5,
      NGX_KEEPERS_NO_COUNTER,
      NGX_KEEPERS_WORD_SAY_UNAVAILABLE }
};


ngx_int_t
ngx_keepers_answer_make(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e outcome, ngx_keepers_answer_t *answer)
{
    ngx_keepers_ctx_t            *ctx;
    const ngx_keepers_outcome_t  *row;

    static const keepers_str_t  received =
        keepers_string("{\"status\":\"received\"}");

    ngx_memzero(answer, sizeof(ngx_keepers_answer_t));

    row = &ngx_keepers_outcomes[outcome];

    ngx_keepers_answer_note(r, signup, row);

    answer->status = row->status;
    answer->retry_s = row->retry_s;
    answer->allow = (outcome == NGX_KEEPERS_OUTCOME_METHOD);

    ctx = ngx_keepers_ctx_find(r);

    if (outcome == NGX_KEEPERS_OUTCOME_LIMITED && ctx != NULL) {
        answer->status = ngx_keepers_loc_conf(r)->limit_status;
        answer->retry_s = ctx->retry_s;
    }

    if (outcome == NGX_KEEPERS_OUTCOME_UNAVAILABLE) {

        if (r->method == NGX_HTTP_POST) {
            ngx_keepers_count(r, SIGNUP_FAILED);

        } else {
            ngx_keepers_count(r, LINK_ERROR);
        }
    }

    if (signup->type == NGX_KEEPERS_BODY_JSON
        || outcome == NGX_KEEPERS_OUTCOME_MEDIA_TYPE
        || outcome == NGX_KEEPERS_OUTCOME_METHOD)
    {
        if (row->json != 0) {
            answer->status = row->json;
            answer->type = "application/json";
            answer->body = received;
            return NGX_OK;
        }

        answer->type = "application/problem+json";

        return ngx_keepers_problem(r, signup, answer->status, row->code,
                                   &answer->body);
    }

    if (row->status == NGX_HTTP_SEE_OTHER) {
        return ngx_keepers_answer_redirect(r, signup, answer);
    }

    answer->type = "text/html; charset=utf-8";

    if (signup->lookup != NULL && signup->lookup->link.slug.len != 0
        && outcome != NGX_KEEPERS_OUTCOME_UNKNOWN)
    {
        return ngx_keepers_answer_page(r, signup, outcome, answer);
    }

    return ngx_keepers_problem_page(r, ngx_keepers_answer_title(outcome),
                                    ngx_keepers_answer_sentence(r, outcome,
                                                             answer->retry_s),
                                    &answer->body, &answer->view);
}


/* Once a request: what is answered by an error_page comes by here again. */

static void
ngx_keepers_answer_note(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    const ngx_keepers_outcome_t *row)
{
    ngx_keepers_ctx_t  *ctx;

    if (signup->noted) {
        return;
    }

    signup->noted = 1;

    if (row->metric != NGX_KEEPERS_NO_COUNTER) {
        (void) ngx_atomic_fetch_add(
            &ngx_keepers_main_conf(r)->shm->counters[row->metric], 1);
    }

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL) {
        return;
    }

    if (row->code != NULL) {
        ctx->reason = row->code;
    }

    if (row->state != NULL) {
        ctx->signup_state = row->state;
    }
}


/*
 * The link's own path, with "/thanks", and no more than a language, and the
 * domain that an address may have meant: no word of a person's.
 */

static ngx_int_t
ngx_keepers_answer_redirect(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_answer_t *answer)
{
    u_char         *p;
    ngx_str_t      *to;
    keepers_str_t   meant;

    to = &answer->location;

    if (ngx_keepers_language_path(r, r->uri, "/thanks", to) != NGX_OK) {
        return NGX_ERROR;
    }

    meant = keepers_domain_meant(keepers_domain_of(signup->record.email));

    if (meant.len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, to->len + sizeof("?mail=") - 1 + meant.len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    to->len = ngx_sprintf(p, "%V%cmail=%*s", to,
                          ngx_strlchr(to->data, to->data + to->len, '?') != NULL
                              ? '&' : '?',
                          meant.len, meant.data) - p;
    to->data = p;

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_answer_page(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e outcome, ngx_keepers_answer_t *answer)
{
    ngx_str_t                 action;
    ngx_uint_t                language;
    keepers_out_t             out;
    ngx_keepers_word_e        sentence;
    ngx_keepers_link_page_t   page;

    ngx_memzero(&page, sizeof(ngx_keepers_link_page_t));

    page.link = &signup->lookup->link;
    page.tap = (outcome == NGX_KEEPERS_OUTCOME_TAP);
    page.closed = (outcome == NGX_KEEPERS_OUTCOME_CLOSED);

    if (signup->set.n != 0
        && outcome != NGX_KEEPERS_OUTCOME_DUPLICATE
        && outcome != NGX_KEEPERS_OUTCOME_MALFORMED)
    {
        page.set = &signup->set;
        page.faults = &signup->faults;
        page.kept = (r->method == NGX_HTTP_POST && !page.closed);
    }

    if (outcome == NGX_KEEPERS_OUTCOME_SHOWN
        || (outcome == NGX_KEEPERS_OUTCOME_CLOSED
            && r->method != NGX_HTTP_POST))
    {
        page.plain = signup->lookup;
    }

    if (ngx_keepers_language_path(r, r->uri, "", &action) != NGX_OK
        || ngx_keepers_answer_token(r, signup, outcome, &page) != NGX_OK)
    {
        return NGX_ERROR;
    }

    language = ngx_keepers_language(r, page.link->locale);
    sentence = ngx_keepers_answer_sentence(r, outcome, answer->retry_s);

    if (outcome == NGX_KEEPERS_OUTCOME_SWITCHED && signup->faults.n != 0) {
        sentence = NGX_KEEPERS_WORD_SAY_INVALID;
    }

    page.action = ngx_keepers_from(action);
    page.problem = ngx_keepers_word(r, language, sentence);
    page.language = language;

    answer->view = &signup->conf->link_template->views[language];

    if (ngx_keepers_link_page_render(r, answer->view, &page, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    answer->body = keepers_out_written(&out);

    return NGX_OK;
}


/*
 * A token that was good stays: its age survives a page with faults, and a
 * retry after a failure is the same signup.
 */

static ngx_int_t
ngx_keepers_answer_token(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e outcome, ngx_keepers_link_page_t *page)
{
    ngx_uint_t     tap;
    keepers_out_t  out;

    if (outcome != NGX_KEEPERS_OUTCOME_TAP && page->set != NULL
        && (signup->ticket.verdict == NGX_KEEPERS_TICKET_GOOD
            || signup->ticket.verdict == NGX_KEEPERS_TICKET_FAST))
    {
        page->token = signup->fields[KEEPERS_SIGNUP_TOKEN].value;
        return NGX_OK;
    }

    tap = (outcome == NGX_KEEPERS_OUTCOME_TAP
           || signup->ticket.verdict == NGX_KEEPERS_TICKET_OLD);

    ngx_keepers_out(&out, r->pool, KEEPERS_FORM_TOKEN_LEN);

    ngx_keepers_ticket_write(ngx_keepers_main_conf(r), signup->lookup->slug,
                             tap, &out);

    page->token = keepers_out_written(&out);

    return out.overflow ? NGX_ERROR : NGX_OK;
}


static ngx_keepers_word_e
ngx_keepers_answer_sentence(ngx_http_request_t *r,
    ngx_keepers_outcome_e outcome, ngx_uint_t retry_s)
{
    if (outcome == NGX_KEEPERS_OUTCOME_UNAVAILABLE
        && r->method != NGX_HTTP_POST)
    {
        return NGX_KEEPERS_WORD_SAY_LATER;
    }

    if (outcome == NGX_KEEPERS_OUTCOME_LIMITED) {
        return ngx_keepers_word_busy(retry_s);
    }

    return ngx_keepers_outcomes[outcome].sentence;
}


/* Of the page for those who cannot be shown the link's. */

static ngx_keepers_word_e
ngx_keepers_answer_title(ngx_keepers_outcome_e outcome)
{
    switch (outcome) {

    case NGX_KEEPERS_OUTCOME_UNKNOWN:
        return NGX_KEEPERS_WORD_TITLE_UNKNOWN;

    case NGX_KEEPERS_OUTCOME_LIMITED:
        return NGX_KEEPERS_WORD_TITLE_BUSY;

    default:
        return NGX_KEEPERS_WORD_TITLE_FAILED;
    }
}


ngx_int_t
ngx_keepers_answer_headers(ngx_http_request_t *r,
    const ngx_keepers_answer_t *answer)
{
    const ngx_keepers_view_t  *view;

    static ngx_str_t  methods = ngx_string("GET, HEAD, POST");

    view = answer->view;

    if (ngx_keepers_reply_headers(r, view != NULL ? &view->styles : NULL, 0)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (view != NULL
        && ngx_keepers_language_headers(r, view->language) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (answer->retry_s != 0
        && ngx_keepers_reply_retry_after(r, answer->retry_s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (answer->allow
        && ngx_keepers_reply_header(r, "Allow", methods) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* not headers_out.location, which nginx would make absolute */

    if (answer->location.len != 0
        && ngx_keepers_reply_header(r, "Location", answer->location)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_keepers_answer_send(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e outcome)
{
    /* a host may have a page of its own for what is not there */

    if (outcome == NGX_KEEPERS_OUTCOME_UNKNOWN
        && signup->type != NGX_KEEPERS_BODY_JSON)
    {
        ngx_keepers_answer_note(r, signup, &ngx_keepers_outcomes[outcome]);
        return NGX_HTTP_NOT_FOUND;
    }

    return ngx_keepers_answer_ours(r, signup, outcome);
}


ngx_int_t
ngx_keepers_answer_ours(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e outcome)
{
    ngx_keepers_answer_t  answer;

    signup->stage = NGX_KEEPERS_SIGNUP_ANSWERED;

    if (ngx_keepers_answer_make(r, signup, outcome, &answer) != NGX_OK
        || ngx_keepers_answer_headers(r, &answer) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, answer.status, answer.type, answer.body);
}


ngx_int_t
ngx_keepers_answer_finish(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e outcome)
{
    return ngx_keepers_reply_finish(r, ngx_keepers_answer_send(r, signup,
                                                               outcome));
}
