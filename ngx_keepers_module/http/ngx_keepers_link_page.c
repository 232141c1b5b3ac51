
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_link_page.h"

#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_words.h"


/* In the order of ..._names; first those of the thanks page. */
typedef enum {
    NGX_KEEPERS_SHOW_BUSINESS = 0,
    NGX_KEEPERS_SHOW_OFFER,
    NGX_KEEPERS_SHOW_COLOR,
    NGX_KEEPERS_SHOW_COLOR_WHITE,
    NGX_KEEPERS_SHOW_LOCALE,
    NGX_KEEPERS_SHOW_QUERY,
    NGX_KEEPERS_SHOW_ACTION,
    NGX_KEEPERS_SHOW_MEANT,
    NGX_KEEPERS_SHOW_THANKS,
    NGX_KEEPERS_SHOW_TOKEN = NGX_KEEPERS_SHOW_THANKS,
    NGX_KEEPERS_SHOW_NAME,
    NGX_KEEPERS_SHOW_EMAIL,
    NGX_KEEPERS_SHOW_PHONE,
    NGX_KEEPERS_SHOW_PLACEMENT,
    NGX_KEEPERS_SHOW_UTM_SOURCE,
    NGX_KEEPERS_SHOW_UTM_MEDIUM,
    NGX_KEEPERS_SHOW_UTM_CAMPAIGN,
    NGX_KEEPERS_SHOW_UTM_TERM,
    NGX_KEEPERS_SHOW_UTM_CONTENT,
    NGX_KEEPERS_SHOW_PHONE_ASKED,
    NGX_KEEPERS_SHOW_NAME_OPTIONAL,
    NGX_KEEPERS_SHOW_CONSENT_EMAIL,
    NGX_KEEPERS_SHOW_CONSENT_SMS,
    NGX_KEEPERS_SHOW_CONSENT_EMAIL_LANG,
    NGX_KEEPERS_SHOW_CONSENT_SMS_LANG,
    NGX_KEEPERS_SHOW_CONSENT_EMAIL_CHECKED,
    NGX_KEEPERS_SHOW_CONSENT_SMS_CHECKED,
    NGX_KEEPERS_SHOW_DAYS,
    NGX_KEEPERS_SHOW_PROBLEM,
    NGX_KEEPERS_SHOW_NAME_FAULT,
    NGX_KEEPERS_SHOW_EMAIL_FAULT,
    NGX_KEEPERS_SHOW_PHONE_FAULT,
    NGX_KEEPERS_SHOW_CONSENT_FAULT,
    NGX_KEEPERS_SHOW_PHONE_SKIP,
    NGX_KEEPERS_SHOW_TAP,
    NGX_KEEPERS_SHOW_CLOSED,
    NGX_KEEPERS_SHOW_KEPT,
    NGX_KEEPERS_SHOWN
} ngx_keepers_show_e;


static int ngx_keepers_link_page_find(keepers_str_t name, int n);
static keepers_str_t ngx_keepers_link_page_value(void *data, int value);
static keepers_str_t ngx_keepers_link_page_typed(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);
static keepers_str_t ngx_keepers_link_page_source(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);
static keepers_str_t ngx_keepers_link_page_checked(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);
static keepers_str_t ngx_keepers_link_page_flag(
    const ngx_keepers_link_page_t *page, ngx_uint_t flag, keepers_str_t text);
static keepers_str_t ngx_keepers_link_page_fault(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);
static ngx_int_t ngx_keepers_link_page_consents(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page);
static ngx_int_t ngx_keepers_link_page_query(ngx_http_request_t *r,
    ngx_keepers_link_page_t *page);
static size_t ngx_keepers_link_page_hint(const ngx_keepers_link_page_t *page);


static const keepers_str_t  ngx_keepers_link_page_names[NGX_KEEPERS_SHOWN] = {
    keepers_string("business"),
    keepers_string("offer"),
    keepers_string("color"),
    keepers_string("color_white"),
    keepers_string("locale"),
    keepers_string("query"),
    keepers_string("action"),
    keepers_string("meant"),
    keepers_string("token"),
    keepers_string("name"),
    keepers_string("email"),
    keepers_string("phone"),
    keepers_string("placement"),
    keepers_string("utm_source"),
    keepers_string("utm_medium"),
    keepers_string("utm_campaign"),
    keepers_string("utm_term"),
    keepers_string("utm_content"),
    keepers_string("phone_asked"),
    keepers_string("name_optional"),
    keepers_string("consent_email"),
    keepers_string("consent_sms"),
    keepers_string("consent_email_lang"),
    keepers_string("consent_sms_lang"),
    keepers_string("consent_email_checked"),
    keepers_string("consent_sms_checked"),
    keepers_string("days"),
    keepers_string("problem"),
    keepers_string("name_fault"),
    keepers_string("email_fault"),
    keepers_string("phone_fault"),
    keepers_string("consent_fault"),
    keepers_string("phone_skip"),
    keepers_string("tap"),
    keepers_string("closed"),
    keepers_string("kept")
};


static const ngx_uint_t  ngx_keepers_link_page_boxes[KEEPERS_CONSENTS] = {
    KEEPERS_LINK_CONSENT_EMAIL,
    KEEPERS_LINK_CONSENT_SMS
};


static const keepers_str_t  ngx_keepers_link_page_yes = keepers_string("1");
static const keepers_str_t  ngx_keepers_link_page_no = keepers_null_string;


int
ngx_keepers_link_page_resolve(void *data, keepers_str_t name)
{
    return ngx_keepers_link_page_find(name, NGX_KEEPERS_SHOWN);
}


int
ngx_keepers_link_page_resolve_thanks(void *data, keepers_str_t name)
{
    return ngx_keepers_link_page_find(name, NGX_KEEPERS_SHOW_THANKS);
}


static int
ngx_keepers_link_page_find(keepers_str_t name, int n)
{
    int  i;

    for (i = 0; i < n; i++) {
        if (keepers_str_eq(ngx_keepers_link_page_names[i], name)) {
            return i;
        }
    }

    return -1;
}


ngx_int_t
ngx_keepers_link_page_render(ngx_http_request_t *r,
    const ngx_keepers_view_t *view, ngx_keepers_link_page_t *page,
    keepers_out_t *out)
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

    if (ngx_keepers_link_page_consents(r, page) != NGX_OK
        || ngx_keepers_link_page_query(r, page) != NGX_OK)
    {
        return NGX_ERROR;
    }

    all = ngx_keepers_main_conf(r)->words->elts;
    page->words = all[page->language].of;

    return ngx_keepers_template_render(r, view, ngx_keepers_link_page_value,
                                       page, ngx_keepers_link_page_hint(page),
                                       out);
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


static keepers_str_t
ngx_keepers_link_page_value(void *data, int value)
{
    const ngx_keepers_link_page_t  *page = data;

    const keepers_link_t  *link;

    link = page->link;

    switch ((ngx_keepers_show_e) value) {

    case NGX_KEEPERS_SHOW_BUSINESS:
        return link->business_name;
    case NGX_KEEPERS_SHOW_OFFER:
        return link->offer;
    case NGX_KEEPERS_SHOW_COLOR:
        return keepers_str(page->color, sizeof(page->color));
    case NGX_KEEPERS_SHOW_COLOR_WHITE:
        return keepers_link_white(link->color) ? ngx_keepers_link_page_yes
                                               : ngx_keepers_link_page_no;
    case NGX_KEEPERS_SHOW_LOCALE:
        return link->locale;
    case NGX_KEEPERS_SHOW_QUERY:
        return page->query;

    case NGX_KEEPERS_SHOW_ACTION:
        return page->action;
    case NGX_KEEPERS_SHOW_MEANT:
        return page->meant;
    case NGX_KEEPERS_SHOW_TOKEN:
        return page->token;
    case NGX_KEEPERS_SHOW_DAYS:
        return keepers_str(page->days, page->days_len);
    case NGX_KEEPERS_SHOW_PROBLEM:
        return page->problem;

    case NGX_KEEPERS_SHOW_TAP:
        return page->tap ? ngx_keepers_link_page_yes
                         : ngx_keepers_link_page_no;
    case NGX_KEEPERS_SHOW_CLOSED:
        return page->closed ? ngx_keepers_link_page_yes
                            : ngx_keepers_link_page_no;
    case NGX_KEEPERS_SHOW_KEPT:
        return page->kept ? ngx_keepers_link_page_yes
                          : ngx_keepers_link_page_no;

    case NGX_KEEPERS_SHOW_NAME:
        return ngx_keepers_link_page_typed(page, KEEPERS_SIGNUP_NAME);
    case NGX_KEEPERS_SHOW_EMAIL:
        return ngx_keepers_link_page_typed(page, KEEPERS_SIGNUP_EMAIL);
    case NGX_KEEPERS_SHOW_PHONE:
        return ngx_keepers_link_page_typed(page, KEEPERS_SIGNUP_PHONE);

    case NGX_KEEPERS_SHOW_PLACEMENT:
    case NGX_KEEPERS_SHOW_UTM_SOURCE:
    case NGX_KEEPERS_SHOW_UTM_MEDIUM:
    case NGX_KEEPERS_SHOW_UTM_CAMPAIGN:
    case NGX_KEEPERS_SHOW_UTM_TERM:
    case NGX_KEEPERS_SHOW_UTM_CONTENT:
        return ngx_keepers_link_page_source(page,
                                   KEEPERS_SIGNUP_PLACEMENT
                                   + (value - NGX_KEEPERS_SHOW_PLACEMENT));

    case NGX_KEEPERS_SHOW_PHONE_ASKED:
        return ngx_keepers_link_page_flag(page, KEEPERS_LINK_PHONE,
                                          ngx_keepers_link_page_yes);
    case NGX_KEEPERS_SHOW_NAME_OPTIONAL:
        return ngx_keepers_link_page_flag(page, KEEPERS_LINK_NAME_OPTIONAL,
                                          ngx_keepers_link_page_yes);
    case NGX_KEEPERS_SHOW_CONSENT_EMAIL:
        return ngx_keepers_link_page_flag(page, KEEPERS_LINK_CONSENT_EMAIL,
                                          page->consents[
                                                      KEEPERS_CONSENT_EMAIL]);
    case NGX_KEEPERS_SHOW_CONSENT_SMS:
        return ngx_keepers_link_page_flag(page, KEEPERS_LINK_CONSENT_SMS,
                                          page->consents[
                                                      KEEPERS_CONSENT_SMS]);

    case NGX_KEEPERS_SHOW_CONSENT_EMAIL_LANG:
        return link->consent_email.len != 0 ? link->locale
                                            : page->consent_language;
    case NGX_KEEPERS_SHOW_CONSENT_SMS_LANG:
        return link->consent_sms.len != 0 ? link->locale
                                          : page->consent_language;

    case NGX_KEEPERS_SHOW_CONSENT_EMAIL_CHECKED:
        return ngx_keepers_link_page_checked(page,
                                             KEEPERS_SIGNUP_CONSENT_EMAIL);
    case NGX_KEEPERS_SHOW_CONSENT_SMS_CHECKED:
        return ngx_keepers_link_page_checked(page, KEEPERS_SIGNUP_CONSENT_SMS);

    case NGX_KEEPERS_SHOW_NAME_FAULT:
        return ngx_keepers_link_page_fault(page, KEEPERS_SIGNUP_NAME);
    case NGX_KEEPERS_SHOW_EMAIL_FAULT:
        return ngx_keepers_link_page_fault(page, KEEPERS_SIGNUP_EMAIL);
    case NGX_KEEPERS_SHOW_PHONE_FAULT:
    case NGX_KEEPERS_SHOW_PHONE_SKIP:
        return ngx_keepers_link_page_fault(page, KEEPERS_SIGNUP_PHONE);

    case NGX_KEEPERS_SHOW_CONSENT_FAULT:

        if (ngx_keepers_link_page_fault(page, KEEPERS_SIGNUP_CONSENT_EMAIL).len
            != 0)
        {
            return ngx_keepers_link_page_fault(page,
                                               KEEPERS_SIGNUP_CONSENT_EMAIL);
        }

        return ngx_keepers_link_page_fault(page, KEEPERS_SIGNUP_CONSENT_SMS);

    default:
        return ngx_keepers_link_page_no;
    }
}


static keepers_str_t
ngx_keepers_link_page_typed(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    const keepers_field_t  *f;

    if (page->set == NULL) {
        return ngx_keepers_link_page_no;
    }

    f = &page->set->fields[field];

    /* the culprit of an encoding fault is not fit to be shown */

    if (f->kind != KEEPERS_FIELD_STRING || f == page->set->culprit) {
        return ngx_keepers_link_page_no;
    }

    return f->value;
}


/* A hidden field of a length that nobody typed is dropped. */

static keepers_str_t
ngx_keepers_link_page_source(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    keepers_str_t  s;

    s = ngx_keepers_link_page_typed(page, field);

    return s.len <= KEEPERS_SOURCE_LEN_MAX ? s : ngx_keepers_link_page_no;
}


static keepers_str_t
ngx_keepers_link_page_checked(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    keepers_str_t  s;

    s = ngx_keepers_link_page_typed(page, field);

    return keepers_str_eq(s, ngx_keepers_link_page_yes)
               ? s : ngx_keepers_link_page_no;
}


static keepers_str_t
ngx_keepers_link_page_flag(const ngx_keepers_link_page_t *page,
    ngx_uint_t flag, keepers_str_t text)
{
    return (page->link->flags & flag) ? text : ngx_keepers_link_page_no;
}


static keepers_str_t
ngx_keepers_link_page_fault(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    if (page->faults == NULL) {
        return ngx_keepers_link_page_no;
    }

    return page->words[page->faults->of[field]];
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
        s = ngx_keepers_link_page_source(page, i);

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
        s = ngx_keepers_link_page_source(page, i);

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
