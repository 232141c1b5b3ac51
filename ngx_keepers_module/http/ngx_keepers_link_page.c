
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_link_page.h"

#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_folded.h"
#include "http/ngx_keepers_link_value.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_words.h"


static ngx_int_t ngx_keepers_link_page_known(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page);
static ngx_int_t ngx_keepers_link_page_folded(ngx_http_request_t *r,
    const ngx_keepers_view_t *view, ngx_keepers_link_page_t *page,
    keepers_out_t *out);
static void ngx_keepers_link_page_fold(ngx_http_request_t *r,
    const ngx_keepers_link_page_t *page, ngx_keepers_folded_t *folded);
static ngx_int_t ngx_keepers_link_page_consents(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page);
static ngx_int_t ngx_keepers_link_page_query(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page);
static size_t ngx_keepers_link_page_hint(const ngx_keepers_link_page_t *page);


static const ngx_uint_t  ngx_keepers_link_page_boxes[KEEPERS_CONSENTS] = {
    KEEPERS_LINK_CONSENT_EMAIL,
    KEEPERS_LINK_CONSENT_SMS
};


ngx_int_t
ngx_keepers_link_page_render(ngx_http_request_t *r,
    const ngx_keepers_view_t *view, ngx_keepers_link_page_t *page,
    keepers_out_t *out)
{
    if (ngx_keepers_link_page_query(r, page) != NGX_OK) {
        return NGX_ERROR;
    }

    if (page->plain != NULL
        && ngx_keepers_link_page_folded(r, view, page, out) == NGX_OK)
    {
        return NGX_OK;
    }

    if (ngx_keepers_link_page_known(r, page) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_keepers_template_render(r, view, ngx_keepers_link_value,
                                       page, ngx_keepers_link_page_hint(page),
                                       out);
}


/* What follows from the link and the language. */

static ngx_int_t
ngx_keepers_link_page_known(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page)
{
    u_char               *last;
    ngx_keepers_words_t  *all;

    last = page->color;
    *last++ = '#';
    (void) ngx_hex_dump(last, (u_char *) page->link->color, 3);

    if (page->link->retention_days != 0) {
        last = ngx_sprintf(page->days, "%ui",
                           (ngx_uint_t) page->link->retention_days);
        page->days_len = last - page->days;
    }

    all = ngx_keepers_main_conf(r)->words->elts;
    page->words = all[page->language].of;

    return ngx_keepers_link_page_consents(r, page);
}


/*
 * From what is kept.  NGX_OK, or NGX_DECLINED: the whole must be rendered.  The
 * request is one to a link, of which all memory is wiped: this needs no wiping
 * of its own.
 */

static ngx_int_t
ngx_keepers_link_page_folded(ngx_http_request_t *r,
    const ngx_keepers_view_t *view, ngx_keepers_link_page_t *page,
    keepers_out_t *out)
{
    ngx_keepers_folded_t  *folded;

    folded = ngx_keepers_folded_find(view, page->plain);

    if (folded == NULL) {
        return NGX_DECLINED;
    }

    /* to fold costs more than to render: not for a page that is seen once */

    if (folded->times == 2) {
        ngx_keepers_link_page_fold(r, page, folded);
    }

    if (folded->page.n == 0) {
        return NGX_DECLINED;
    }

    ngx_keepers_out(out, r->pool, folded->page.text_len + 512
                                  + ngx_keepers_link_page_hint(page));

    keepers_page_render(&folded->page, ngx_keepers_link_value, page, out);

    return out->overflow ? NGX_DECLINED : NGX_OK;
}


/*
 * What is kept is made of a page that has the link and the language, and
 * nothing of the request: whatever somebody typed or sent is not here.
 */

static void
ngx_keepers_link_page_fold(ngx_http_request_t *r,
    const ngx_keepers_link_page_t *page, ngx_keepers_folded_t *folded)
{
    ngx_keepers_link_page_t  blank;

    ngx_memzero(&blank, sizeof(ngx_keepers_link_page_t));

    blank.link = &page->plain->link;
    blank.language = page->language;
    blank.closed = (page->plain->state == NGX_KEEPERS_LOOKUP_CLOSED);

    if (ngx_keepers_link_page_known(r, &blank) == NGX_OK) {
        ngx_keepers_folded_make(folded, ngx_keepers_link_value_open,
                                ngx_keepers_link_value, &blank);
    }
}


static size_t
ngx_keepers_link_page_hint(const ngx_keepers_link_page_t *page)
{
    size_t  i, hint;

    hint = 8 * page->link->business_name.len + 2 * page->link->offer.len
           + page->consents[KEEPERS_CONSENT_EMAIL].len
           + page->consents[KEEPERS_CONSENT_SMS].len
           + page->action.len + 2 * page->problem.len + 8 * page->query.len;

    if (page->set != NULL) {

        for (i = 0; i < page->set->n; i++) {
            hint += page->set->fields[i].value.len;
        }
    }

    return hint;
}


/* What the writer makes of the page's language, when it is sent with it. */

static ngx_int_t
ngx_keepers_link_page_consents(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page)
{
    size_t                    language;
    ngx_uint_t                i;
    keepers_out_t             out;
    ngx_keepers_main_conf_t  *kmcf;

    page->consents[KEEPERS_CONSENT_EMAIL] = page->link->consent_email;
    page->consents[KEEPERS_CONSENT_SMS] = page->link->consent_sms;

    kmcf = ngx_keepers_main_conf(r);
    language = keepers_consent_language(kmcf->languages[page->language]);

    page->consent_language = keepers_consent_tag(language);

    for (i = 0; i < KEEPERS_CONSENTS; i++) {

        if (page->consents[i].len != 0
            || !(page->link->flags & ngx_keepers_link_page_boxes[i]))
        {
            continue;
        }

        ngx_keepers_out(&out, r->pool, KEEPERS_CONSENT_TEXT_MAX);

        keepers_consent_text(language, i, page->link->business_name, &out);

        if (out.overflow) {
            return NGX_ERROR;
        }

        page->consents[i] = keepers_out_written(&out);
    }

    return NGX_OK;
}


/* The poster and the campaign, so that the switch does not lose them. */

static ngx_int_t
ngx_keepers_link_page_query(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page)
{
    u_char         *p;
    size_t          len;
    ngx_uint_t      i;
    keepers_str_t   s;

    len = 0;

    for (i = KEEPERS_SIGNUP_PLACEMENT; i <= KEEPERS_SIGNUP_UTM_CONTENT; i++) {
        s = ngx_keepers_link_value_source(page, i);

        if (s.len != 0) {
            len += sizeof("&=") - 1 + ngx_strlen(keepers_signup_field_name(i))
                   + 3 * s.len;
        }
    }

    if (page->meant.len != 0) {
        len += sizeof("&mail=") - 1 + page->meant.len;
    }

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_keepers_secret_alloc(r, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    page->query.data = p;

    for (i = KEEPERS_SIGNUP_PLACEMENT; i <= KEEPERS_SIGNUP_UTM_CONTENT; i++) {
        s = ngx_keepers_link_value_source(page, i);

        if (s.len != 0) {
            p = ngx_sprintf(p, "&%s=", keepers_signup_field_name(i));
            p = (u_char *) ngx_escape_uri(p, (u_char *) s.data, s.len,
                                          NGX_ESCAPE_URI_COMPONENT);
        }
    }

    if (page->meant.len != 0) {
        p = ngx_sprintf(p, "&mail=%*s", page->meant.len, page->meant.data);
    }

    page->query.len = p - page->query.data;

    return NGX_OK;
}


ngx_int_t
ngx_keepers_link_page_path(ngx_http_request_t *r, ngx_str_t uri,
    const char *below, ngx_str_t *path)
{
    u_char  *p;
    size_t   len;

    while (uri.len > 1 && uri.data[0] == '/' && uri.data[1] == '/') {
        uri.data++;
        uri.len--;
    }

    len = uri.len + 2 * ngx_escape_uri(NULL, uri.data, uri.len, NGX_ESCAPE_URI)
          + ngx_strlen(below);

    p = ngx_pnalloc(r->pool, len);

    if (p == NULL) {
        return NGX_ERROR;
    }

    path->data = p;

    p = (u_char *) ngx_escape_uri(p, uri.data, uri.len, NGX_ESCAPE_URI);
    p = ngx_cpymem(p, below, ngx_strlen(below));

    path->len = p - path->data;

    return NGX_OK;
}
