
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_ticket.h"

#include "core/keepers_keyring.h"
#include "http/ngx_keepers_worker.h"


/* No slug has a '+', so that the two kinds cannot be taken for each other. */
#define NGX_KEEPERS_TICKET_TAP  "+tap"


static void ngx_keepers_ticket_context(keepers_str_t slug, ngx_uint_t tap,
    keepers_out_t *out);
static int ngx_keepers_ticket_open(ngx_keepers_main_conf_t *kmcf,
    keepers_str_t slug, ngx_uint_t tap, keepers_str_t text,
    ngx_keepers_ticket_t *ticket);


void
ngx_keepers_ticket_read(ngx_keepers_main_conf_t *kmcf, keepers_str_t slug,
    keepers_str_t text, ngx_keepers_ticket_t *ticket)
{
    int       rc;
    uint64_t  now_ms;

    rc = ngx_keepers_ticket_open(kmcf, slug, 0, text, ticket);

    ticket->tapped = 0;

    if (rc == KEEPERS_TOKEN_FORGED) {
        rc = ngx_keepers_ticket_open(kmcf, slug, 1, text, ticket);
        ticket->tapped = 1;
    }

    switch (rc) {

    case KEEPERS_OK:
        break;

    case KEEPERS_TOKEN_EXPIRED:
    case KEEPERS_TOKEN_EARLY:
        ticket->verdict = NGX_KEEPERS_TICKET_OLD;
        return;

    default:
        ticket->verdict = NGX_KEEPERS_TICKET_REFUSED;
        return;
    }

    ticket->verdict = NGX_KEEPERS_TICKET_GOOD;

    /* clocks of two hosts may differ: one from the future is fast, too */

    now_ms = ngx_keepers_now_ms();

    if (!ticket->tapped
        && now_ms < ticket->issued_ms + NGX_KEEPERS_TICKET_FAST_MS)
    {
        ticket->verdict = NGX_KEEPERS_TICKET_FAST;
    }
}


static int
ngx_keepers_ticket_open(ngx_keepers_main_conf_t *kmcf, keepers_str_t slug,
    ngx_uint_t tap, keepers_str_t text, ngx_keepers_ticket_t *ticket)
{
    u_char         context[KEEPERS_SLUG_LEN_MAX
                           + sizeof(NGX_KEEPERS_TICKET_TAP)];
    keepers_out_t  out;

    keepers_out_init(&out, context, sizeof(context));
    ngx_keepers_ticket_context(slug, tap, &out);

    return keepers_form_token_read(kmcf->edge, keepers_out_written(&out),
                                   text, ngx_keepers_now_ms(),
                                   NGX_KEEPERS_TICKET_LIFE_MS,
                                   &ticket->issued_ms, ticket->nonce);
}


void
ngx_keepers_ticket_write(ngx_keepers_main_conf_t *kmcf, keepers_str_t slug,
    ngx_uint_t tap, keepers_out_t *out)
{
    u_char         nonce[KEEPERS_FORM_NONCE_LEN];
    u_char         context[KEEPERS_SLUG_LEN_MAX
                           + sizeof(NGX_KEEPERS_TICKET_TAP)];
    keepers_out_t  text;

    keepers_out_init(&text, context, sizeof(context));
    ngx_keepers_ticket_context(slug, tap, &text);

    keepers_random(nonce, sizeof(nonce));

    keepers_form_token_write(kmcf->edge, keepers_out_written(&text),
                             ngx_keepers_now_ms(), nonce, out);
}


static void
ngx_keepers_ticket_context(keepers_str_t slug, ngx_uint_t tap,
    keepers_out_t *out)
{
    keepers_out_str(out, slug);

    if (tap) {
        keepers_out_text(out, NGX_KEEPERS_TICKET_TAP);
    }
}
