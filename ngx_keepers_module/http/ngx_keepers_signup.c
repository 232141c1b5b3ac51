
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_signup.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_answer.h"
#include "http/ngx_keepers_forward.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_headers.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_reserve.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


static ngx_int_t ngx_keepers_signup_looked(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_signup_read(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static void ngx_keepers_signup_body_done(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_signup_judge(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_signup_fieldset(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e *outcome);
static ngx_keepers_outcome_e ngx_keepers_signup_broken(
    ngx_keepers_signup_t *signup, int fault);
static ngx_uint_t ngx_keepers_signup_switched(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static ngx_uint_t ngx_keepers_signup_untapped(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e *outcome);
static ngx_int_t ngx_keepers_signup_reserve(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_signup_limit(ngx_http_request_t *r,
    ngx_keepers_ctx_t *ctx, ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_signup_key(ngx_http_request_t *r,
    keepers_str_t *key);


ngx_keepers_signup_t *
ngx_keepers_signup_create(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx)
{
    ngx_keepers_signup_t  *signup;

    signup = ngx_pcalloc(r->pool, sizeof(ngx_keepers_signup_t));

    if (signup == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): lookup, stage, type, set, faults, ticket, ... */

    signup->conf = ngx_keepers_loc_conf(r);
    signup->uri = r->uri.data;

    ctx->signup = signup;

    return signup;
}


ngx_int_t
ngx_keepers_signup_run(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_signup_t *signup)
{
    ngx_int_t  rc;

    /* the phase may run again at any moment, whoever has woken it */

    switch (signup->stage) {

    case NGX_KEEPERS_SIGNUP_LOOKUP:

        /* nobody has Redis look for links that was not counted before */

        rc = ngx_keepers_lookup_fresh(r, signup->lookup)
                 ? NGX_OK : ngx_keepers_limit_settle(r);

        if (rc == NGX_OK) {
            rc = ngx_keepers_lookup(r, signup->lookup, NGX_KEEPERS_WAIT_PHASE,
                                    NULL);
        }

        if (rc == NGX_OK) {
            rc = ngx_keepers_signup_looked(r, ctx, signup);
        }

        break;

    case NGX_KEEPERS_SIGNUP_JUDGE:
        rc = ngx_keepers_signup_judge(r, ctx, signup);
        break;

    case NGX_KEEPERS_SIGNUP_RESERVE:
        rc = ngx_keepers_signup_reserve(r, ctx, signup);
        break;

    case NGX_KEEPERS_SIGNUP_LIMIT:
        rc = ngx_keepers_signup_limit(r, ctx, signup);
        break;

    case NGX_KEEPERS_SIGNUP_SETTLE:
        rc = ngx_keepers_signup_end(r, signup, signup->outcome);
        break;

    case NGX_KEEPERS_SIGNUP_FORWARDED:
        return NGX_DECLINED;

    default: /* BODY, ANSWERED */
        return NGX_DONE;
    }

    return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


/* What can be refused without its body is, and the body is not read. */

static ngx_int_t
ngx_keepers_signup_looked(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_signup_t *signup)
{
    switch (signup->lookup->state) {

    case NGX_KEEPERS_LOOKUP_OPEN:
        break;

    case NGX_KEEPERS_LOOKUP_CLOSED:
        return ngx_keepers_signup_end(r, signup, NGX_KEEPERS_OUTCOME_CLOSED);

    case NGX_KEEPERS_LOOKUP_UNKNOWN:
        return ngx_keepers_signup_end(r, signup, NGX_KEEPERS_OUTCOME_UNKNOWN);

    default:
        return ngx_keepers_signup_end(r, signup,
                                      NGX_KEEPERS_OUTCOME_UNAVAILABLE);
    }

    switch (signup->type) {

    case NGX_KEEPERS_BODY_FORM:
        break;

    case NGX_KEEPERS_BODY_JSON:

        if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
            return ngx_keepers_signup_end(r, signup,
                                          NGX_KEEPERS_OUTCOME_LIMITED);
        }

        signup->bounded = 1;

        if (ngx_keepers_signup_key(r, &signup->key) != NGX_OK) {
            return ngx_keepers_signup_end(r, signup,
                                          NGX_KEEPERS_OUTCOME_KEY_MISSING);
        }

        break;

    default:
        return ngx_keepers_signup_end(r, signup,
                                      NGX_KEEPERS_OUTCOME_MEDIA_TYPE);
    }

    return ngx_keepers_signup_read(r, signup);
}


ngx_int_t
ngx_keepers_signup_end(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_uint_t outcome)
{
    ngx_int_t  rc;

    signup->stage = NGX_KEEPERS_SIGNUP_SETTLE;
    signup->outcome = outcome;

    rc = ngx_keepers_limit_settle(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (signup->bounded
        && ngx_keepers_ctx_find(r)->limit == NGX_KEEPERS_LIMIT_LIMITED)
    {
        outcome = NGX_KEEPERS_OUTCOME_LIMITED;
    }

    return ngx_keepers_answer_finish(r, signup, outcome);
}


static ngx_int_t
ngx_keepers_signup_read(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_int_t  rc;

    signup->stage = NGX_KEEPERS_SIGNUP_BODY;

    r->request_body_in_single_buf = 1;

    rc = ngx_keepers_body_read(r, ngx_keepers_signup_body_done);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    /* the count that the reader has raised; r may be gone after this */

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_keepers_signup_body_done(ngx_http_request_t *r)
{
    ngx_keepers_ctx_t  *ctx;

    ctx = ngx_keepers_ctx_find(r);

    if (ctx == NULL || ctx->signup == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ctx->signup->stage = NGX_KEEPERS_SIGNUP_JUDGE;

    r->preserve_body = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


static ngx_int_t
ngx_keepers_signup_judge(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_signup_t *signup)
{
    ngx_int_t                 rc;
    ngx_uint_t                switched;
    ngx_keepers_outcome_e     outcome;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    switched = 0;
    outcome = NGX_KEEPERS_OUTCOMES;

    rc = ngx_keepers_signup_fieldset(r, signup, &outcome);

    if (rc == NGX_OK && signup->type == NGX_KEEPERS_BODY_FORM) {
        ngx_keepers_ticket_read(kmcf, signup->lookup->slug,
                                signup->fields[KEEPERS_SIGNUP_TOKEN].value,
                                &signup->ticket);

        switched = ngx_keepers_signup_switched(r, signup);
        signup->bounded = 1;

        if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
            outcome = NGX_KEEPERS_OUTCOME_LIMITED;
            rc = NGX_DECLINED;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_keepers_signup_check(r, signup, &outcome);
    }

    if (switched && rc != NGX_ERROR
        && outcome != NGX_KEEPERS_OUTCOME_LIMITED)
    {
        outcome = NGX_KEEPERS_OUTCOME_SWITCHED;
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK
        && ngx_keepers_signup_untapped(r, ctx, signup, &outcome))
    {
        rc = NGX_DECLINED;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_keepers_log(NGX_LOG_INFO, r, "a signup was answered %ui before "
                        "the writer", (ngx_uint_t) outcome);
        return ngx_keepers_signup_end(r, signup, outcome);
    }

    signup->stage = NGX_KEEPERS_SIGNUP_RESERVE;

    return ngx_keepers_signup_reserve(r, ctx, signup);
}


/* NGX_OK, NGX_ERROR, or NGX_DECLINED with an outcome. */

static ngx_int_t
ngx_keepers_signup_fieldset(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e *outcome)
{
    int                       fault;
    ngx_int_t                 rc;
    keepers_str_t             body;
    ngx_keepers_main_conf_t  *kmcf;

    rc = ngx_keepers_body_take(r, signup->conf->body_size, &body);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        *outcome = NGX_KEEPERS_OUTCOME_TOO_LARGE;
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    keepers_signup_fields(signup->fields, &signup->set);

    rc = ngx_keepers_body_fields(r, body, signup->type, &signup->set, &fault);

    if (signup->set.unknown != 0) {
        kmcf = ngx_keepers_main_conf(r);

        (void) ngx_atomic_fetch_add(
            &kmcf->shm->counters[KEEPERS_METRIC_FIELDS_UNKNOWN],
            (ngx_atomic_int_t) signup->set.unknown);
    }

    if (rc == NGX_DECLINED) {
        *outcome = ngx_keepers_signup_broken(signup, fault);
    }

    return rc;
}


static ngx_keepers_outcome_e
ngx_keepers_signup_broken(ngx_keepers_signup_t *signup, int fault)
{
    const keepers_field_t  *culprit;

    switch (fault) {

    case KEEPERS_FIELDS_REPEATED:
        return NGX_KEEPERS_OUTCOME_DUPLICATE;

    case KEEPERS_FIELDS_ENCODING:
        culprit = signup->set.culprit;

        if (culprit != NULL) {
            signup->faults.of[culprit - signup->fields] =
                                                       KEEPERS_FAULT_ENCODING;
            signup->faults.n = 1;
        }

        return NGX_KEEPERS_OUTCOME_ENCODING;

    default:
        return NGX_KEEPERS_OUTCOME_MALFORMED;
    }
}


/* The button of a language: the form comes back, and nobody has joined. */

static ngx_uint_t
ngx_keepers_signup_switched(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup)
{
    keepers_str_t  tag;

    tag = signup->fields[KEEPERS_SIGNUP_SWITCH].value;

    if (tag.len == 0) {
        return 0;
    }

    ngx_keepers_language_switch(r, tag);

    return 1;
}


/*
 * What a budget of mode=tap asks for.  A program has no finger: it waits, as
 * Retry-After says.
 */

static ngx_uint_t
ngx_keepers_signup_untapped(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_signup_t *signup, ngx_keepers_outcome_e *outcome)
{
    if (!ctx->limit_tap) {
        return 0;
    }

    if (signup->type == NGX_KEEPERS_BODY_FORM) {
        *outcome = NGX_KEEPERS_OUTCOME_TAP;
        return !signup->ticket.tapped;
    }

    *outcome = NGX_KEEPERS_OUTCOME_LIMITED;

    return 1;
}


static ngx_int_t
ngx_keepers_signup_reserve(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_signup_t *signup)
{
    ngx_int_t              rc;
    ngx_keepers_outcome_e  outcome;
    ngx_keepers_reserve_e  state;

    if (signup->reserve.key.data == NULL) {
        ngx_keepers_reserve_name(ngx_keepers_main_conf(r), signup);
    }

    ctx->recipient = signup->record.email;
    ctx->link_business = &signup->lookup->link.business;

    rc = ngx_keepers_reserve_admit(r, ctx, signup, &state);

    if (rc == NGX_DECLINED && ctx->limit != NGX_KEEPERS_LIMIT_LIMITED) {
        rc = ngx_keepers_reserve(r, signup, &state);
    }

    if (rc != NGX_OK && rc != NGX_DECLINED) {
        return rc;
    }

    /* as they would have overruled it at first */

    if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
        return ngx_keepers_answer_finish(r, signup,
                                         NGX_KEEPERS_OUTCOME_LIMITED);
    }

    if (ngx_keepers_signup_untapped(r, ctx, signup, &outcome)) {
        return ngx_keepers_answer_finish(r, signup, outcome);
    }

    switch (state) {

    case NGX_KEEPERS_RESERVE_DONE:
        return ngx_keepers_answer_finish(r, signup,
                                         NGX_KEEPERS_OUTCOME_REPEATED);

    case NGX_KEEPERS_RESERVE_IN_FLIGHT:
        return ngx_keepers_answer_finish(r, signup,
                                         NGX_KEEPERS_OUTCOME_IN_FLIGHT);

    case NGX_KEEPERS_RESERVE_REUSED:
        return ngx_keepers_answer_finish(r, signup,
                                         NGX_KEEPERS_OUTCOME_KEY_REUSED);

    default:
        break;
    }

    signup->stage = NGX_KEEPERS_SIGNUP_LIMIT;

    return ngx_keepers_signup_limit(r, ctx, signup);
}


/*
 * Those that were not decided with the reservation.  Only now: who sends a form
 * twice is one signup, and is charged once.  What refuses it says nothing of
 * why: how often an address was given elsewhere is nobody's business.
 */

static ngx_int_t
ngx_keepers_signup_limit(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_signup_t *signup)
{
    ngx_int_t              rc;
    ngx_keepers_outcome_e  outcome;

    if (!signup->reserve.twice && !signup->reserve.decided) {
        rc = ngx_keepers_limit_check(r, NGX_KEEPERS_LIMIT_SIGNUP, NULL);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (ctx->limit == NGX_KEEPERS_LIMIT_LIMITED) {
        return ngx_keepers_answer_finish(r, signup,
                                         NGX_KEEPERS_OUTCOME_LIMITED);
    }

    if (ngx_keepers_signup_untapped(r, ctx, signup, &outcome)) {
        return ngx_keepers_answer_finish(r, signup, outcome);
    }

    if (ctx->limit_hold) {
        signup->record.flags |= KEEPERS_SIGNUP_HELD_BUDGET;
    }

    if (ngx_keepers_forward(r, signup) != NGX_OK) {
        return NGX_ERROR;
    }

    signup->stage = NGX_KEEPERS_SIGNUP_FORWARDED;

    return NGX_DECLINED;
}


/* NGX_OK or NGX_DECLINED: none, too long, or not printable ASCII. */

static ngx_int_t
ngx_keepers_signup_key(ngx_http_request_t *r, keepers_str_t *key)
{
    ngx_str_t  *value;

    value = ngx_keepers_header_find(r, "idempotency-key");

    if (value == NULL || value->len == 0
        || value->len > NGX_KEEPERS_RESERVE_KEY_MAX
        || !keepers_text_printable(ngx_keepers_from(*value)))
    {
        return NGX_DECLINED;
    }

    *key = ngx_keepers_from(*value);

    return NGX_OK;
}
