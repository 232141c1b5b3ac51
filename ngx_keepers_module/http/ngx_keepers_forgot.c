
/*
 * Copyright (C) Keepers
 *
 * POST of an address whose password was forgotten: sealed for the writer, who
 * answers before looking for it.  So the answer is one, whether there is such
 * an account or not.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_email.h"
#include "core/keepers_reset.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_ask.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_csrf.h"
#include "http/ngx_keepers_device.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_proof.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


typedef struct {
    ngx_keepers_ask_t    ask;
    keepers_str_t        email;         /* a view into the body */
} ngx_keepers_forgot_t;


static void ngx_keepers_forgot_body(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_forgot_start(ngx_http_request_t *r);
static ngx_uint_t ngx_keepers_forgot_address(keepers_str_t email);
static ngx_int_t ngx_keepers_forgot_limit(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_forgot_forward(ngx_http_request_t *r);
static ngx_int_t ngx_keepers_forgot_asked(ngx_http_request_t *r,
    ngx_keepers_ask_t *ask);


ngx_int_t
ngx_keepers_forgot_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_keepers_proof_method(r);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    if (ngx_keepers_csrf_origin(r) == NGX_DECLINED) {
        ngx_keepers_count(r, CSRF_REFUSED);
        return ngx_keepers_proof_again(r, NGX_HTTP_FORBIDDEN, "csrf");
    }

    return ngx_keepers_proof_read(r, ngx_keepers_forgot_body);
}


static void
ngx_keepers_forgot_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_keepers_forgot_start(r));
}


/* NGX_DONE: Redis or the writer was asked, and goes on with the request. */

static ngx_int_t
ngx_keepers_forgot_start(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    keepers_field_t         fields[KEEPERS_FORGOT_FIELDS];
    keepers_fieldset_t      set;
    ngx_keepers_ctx_t      *ctx;
    ngx_keepers_forgot_t   *state;

    keepers_forgot_fields(fields, &set);

    rc = ngx_keepers_proof_fields(r, &set);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    ctx = ngx_keepers_ctx_get(r);
    state = ngx_pcalloc(r->pool, sizeof(ngx_keepers_forgot_t));

    if (ctx == NULL || state == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    state->ask.done = ngx_keepers_forgot_asked;
    state->ask.data = state;
    ctx->ask = &state->ask;

    if (fields[KEEPERS_FORGOT_EMAIL].kind == KEEPERS_FIELD_STRING) {
        state->email = keepers_text_trim(fields[KEEPERS_FORGOT_EMAIL].value);
    }

    if (!ngx_keepers_forgot_address(state->email)) {
        return ngx_keepers_proof_again(r, 422, "email");
    }

    if (ngx_keepers_device_read(r, ctx, state->email) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_forgot_limit(r, NULL);
}


/* What is no address is nobody's: to say so helps who has mistyped it. */

static ngx_uint_t
ngx_keepers_forgot_address(keepers_str_t email)
{
    int            rc;
    bool           eai;
    u_char         stored[KEEPERS_EMAIL_LEN_MAX];
    keepers_out_t  out;

    keepers_out_init(&out, stored, sizeof(stored));

    rc = keepers_email_read(email, &out, &eai);

    keepers_wipe(stored, sizeof(stored));

    return rc == KEEPERS_OK;
}


/* Before the writer hears of it: what is refused here says nothing, either. */

static ngx_int_t
ngx_keepers_forgot_limit(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_int_t  rc;

    rc = ngx_keepers_proof_limit(r, ngx_keepers_forgot_limit,
                                 KEEPERS_METRIC_RESET_LIMITED);

    return rc == NGX_AGAIN ? ngx_keepers_forgot_forward(r) : rc;
}


static ngx_int_t
ngx_keepers_forgot_forward(ngx_http_request_t *r)
{
    u_char                 record[KEEPERS_FORGOT_RECORD_MAX];
    ngx_int_t              rc;
    keepers_out_t          plain;
    keepers_str_t          envelope;
    keepers_forgot_t       forgot;
    ngx_keepers_forgot_t  *state;

    state = ngx_keepers_ctx_find(r)->ask->data;

    forgot.asked_ms = ngx_keepers_now_ms();
    forgot.email = state->email;
    ngx_keepers_client_net(r, forgot.net);

    keepers_out_init(&plain, record, sizeof(record));
    keepers_forgot_encode(&forgot, &plain);

    rc = ngx_keepers_seal(r, &plain, &envelope);

    keepers_wipe(record, sizeof(record));

    if (rc != NGX_OK
        || ngx_keepers_ask(r, &state->ask, &ngx_keepers_loc_conf(r)->forgot,
                           envelope)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_keepers_forgot_asked(ngx_http_request_t *r, ngx_keepers_ask_t *ask)
{
    if (ask->status == NGX_HTTP_NOT_FOUND) {

        /* the writer has no mail to send, whoever asks */

        return ngx_keepers_proof_again(r, NGX_HTTP_NOT_FOUND, "mail_off");
    }

    if (ask->status != NGX_HTTP_NO_CONTENT) {
        ngx_keepers_count(r, RESET_BUSY);
        return ngx_keepers_proof_again(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "busy");
    }

    ngx_keepers_count(r, RESET_ASKED);

    return ngx_keepers_proof_good(r, "sent");
}
