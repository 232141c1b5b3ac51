
/*
 * Copyright (C) Keepers
 *
 * Whether a signup is what the link asks for, from a form that is ours; and
 * what of it is suspicious.
 */


#include "http/ngx_keepers_signup.h"

#include "core/keepers_out.h"
#include "http/ngx_keepers_answer.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_worker.h"


static void ngx_keepers_signup_injected(ngx_http_request_t *r,
    const ngx_keepers_signup_t *signup);
static ngx_uint_t ngx_keepers_signup_trapped(
    const ngx_keepers_signup_t *signup);


ngx_int_t
ngx_keepers_signup_check(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_outcome_e *outcome)
{
    u_char            *p;
    keepers_out_t      arena;
    keepers_signup_t  *record;

    if (signup->ticket.verdict == NGX_KEEPERS_TICKET_REFUSED) {
        *outcome = NGX_KEEPERS_OUTCOME_TOKEN;
        return NGX_DECLINED;
    }

    p = ngx_keepers_secret_alloc(r, KEEPERS_SIGNUP_ARENA);

    if (p == NULL) {
        return NGX_ERROR;
    }

    keepers_out_init(&arena, p, KEEPERS_SIGNUP_ARENA);

    record = &signup->record;

    keepers_signup_check(&signup->set, &signup->lookup->link, record,
                         &signup->faults, &arena, &ngx_keepers_worker.texts);

    if (signup->faults.n != 0) {
        ngx_keepers_signup_injected(r, signup);
        *outcome = NGX_KEEPERS_OUTCOME_INVALID;
        return NGX_DECLINED;
    }

    ngx_keepers_secret_cut(p, arena.len);

    record->slug = signup->lookup->slug;
    record->received_ms = ngx_keepers_now_ms();
    ngx_keepers_client_net(r, record->net);

    if (signup->type != NGX_KEEPERS_BODY_FORM) {
        return NGX_OK;
    }

    record->flags |= KEEPERS_SIGNUP_FORM;

    if (ngx_keepers_signup_trapped(signup)) {

        if (!signup->ticket.tapped) {
            *outcome = NGX_KEEPERS_OUTCOME_TAP;
            return NGX_DECLINED;
        }

        record->flags |= KEEPERS_SIGNUP_HELD_TRAP;
    }

    if (signup->ticket.verdict != NGX_KEEPERS_TICKET_GOOD) {
        *outcome = NGX_KEEPERS_OUTCOME_TAP;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* An address with a line break: somebody hopes for headers of a mail. */

static void
ngx_keepers_signup_injected(ngx_http_request_t *r,
    const ngx_keepers_signup_t *signup)
{
    size_t         i;
    keepers_str_t  s;

    if (signup->faults.of[KEEPERS_SIGNUP_EMAIL] != KEEPERS_FAULT_EMAIL_SYNTAX)
    {
        return;
    }

    s = signup->fields[KEEPERS_SIGNUP_EMAIL].value;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] == CR || s.data[i] == LF) {
            ngx_keepers_count(r, HEADER_INJECTION);
            return;
        }
    }
}


/* The honeypot: password managers fill it too, hence never a refusal. */

static ngx_uint_t
ngx_keepers_signup_trapped(const ngx_keepers_signup_t *signup)
{
    const keepers_field_t  *f;

    f = &signup->fields[KEEPERS_SIGNUP_HONEYPOT];

    return f->kind != KEEPERS_FIELD_ABSENT && f->value.len != 0;
}
