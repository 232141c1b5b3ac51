
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_link_page.h"


/* In the order of ngx_keepers_link_page_names; the thanks page has four. */
typedef enum {
    NGX_KEEPERS_SHOW_BUSINESS = 0,
    NGX_KEEPERS_SHOW_OFFER,
    NGX_KEEPERS_SHOW_COLOR,
    NGX_KEEPERS_SHOW_LOCALE,
    NGX_KEEPERS_SHOW_THANKS,
    NGX_KEEPERS_SHOW_ACTION = NGX_KEEPERS_SHOW_THANKS,
    NGX_KEEPERS_SHOW_TOKEN,
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
    NGX_KEEPERS_SHOW_CONSENT_EMAIL_CHECKED,
    NGX_KEEPERS_SHOW_CONSENT_SMS_CHECKED,
    NGX_KEEPERS_SHOW_RETENTION,
    NGX_KEEPERS_SHOW_PROBLEM,
    NGX_KEEPERS_SHOW_NAME_FAULT,
    NGX_KEEPERS_SHOW_EMAIL_FAULT,
    NGX_KEEPERS_SHOW_PHONE_FAULT,
    NGX_KEEPERS_SHOW_CONSENT_FAULT,
    NGX_KEEPERS_SHOW_PHONE_SKIP,
    NGX_KEEPERS_SHOW_TAP,
    NGX_KEEPERS_SHOW_CLOSED,
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
static keepers_str_t ngx_keepers_link_page_retention(
    const ngx_keepers_link_page_t *page);
static size_t ngx_keepers_link_page_hint(const ngx_keepers_link_page_t *page);


static const keepers_str_t  ngx_keepers_link_page_names[NGX_KEEPERS_SHOWN] = {
    keepers_string("business"),
    keepers_string("offer"),
    keepers_string("color"),
    keepers_string("locale"),
    keepers_string("action"),
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
    keepers_string("consent_email_checked"),
    keepers_string("consent_sms_checked"),
    keepers_string("retention"),
    keepers_string("problem"),
    keepers_string("name_fault"),
    keepers_string("email_fault"),
    keepers_string("phone_fault"),
    keepers_string("consent_fault"),
    keepers_string("phone_skip"),
    keepers_string("tap"),
    keepers_string("closed")
};


/* What to do about a fault, in words, at the field. */

static const keepers_str_t  ngx_keepers_link_page_words[KEEPERS_FAULTS] = {
    keepers_null_string,
    keepers_string("Please enter your name."),
    keepers_string("The name has a character that cannot be kept. Please "
                   "type it again."),
    keepers_string("The name is too long: 100 characters at most."),
    keepers_string("Please enter your e-mail address."),
    keepers_string("Please enter an e-mail address like ana@example.com."),
    keepers_string("The e-mail address is too long."),
    keepers_string("This cannot be a phone number: it has 6 to 15 digits."),
    keepers_string("Please enter this again."),
    keepers_string("This arrived damaged. Please type it again.")
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
    const ngx_keepers_template_t *t, ngx_keepers_link_page_t *page,
    keepers_out_t *out)
{
    u_char  *last;

    last = page->color;
    *last++ = '#';
    (void) ngx_hex_dump(last, (u_char *) page->link->color, 3);

    last = ngx_snprintf(page->days, sizeof(page->days), "%ui days",
                        (ngx_uint_t) page->link->retention_days);
    page->days_len = last - page->days;

    return ngx_keepers_template_render(r, t, ngx_keepers_link_page_value, page,
                                       ngx_keepers_link_page_hint(page), out);
}


static size_t
ngx_keepers_link_page_hint(const ngx_keepers_link_page_t *page)
{
    size_t  i, hint;

    hint = 8 * page->link->business_name.len + 2 * page->link->offer.len
           + page->link->consent_email.len + page->link->consent_sms.len
           + page->action.len + 2 * page->problem.len;

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
    case NGX_KEEPERS_SHOW_LOCALE:
        return link->locale;

    case NGX_KEEPERS_SHOW_ACTION:
        return page->action;
    case NGX_KEEPERS_SHOW_TOKEN:
        return page->token;
    case NGX_KEEPERS_SHOW_RETENTION:
        return ngx_keepers_link_page_retention(page);
    case NGX_KEEPERS_SHOW_PROBLEM:
        return page->problem;

    case NGX_KEEPERS_SHOW_TAP:
        return page->tap ? ngx_keepers_link_page_yes
                         : ngx_keepers_link_page_no;
    case NGX_KEEPERS_SHOW_CLOSED:
        return page->closed ? ngx_keepers_link_page_yes
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
                                          link->consent_email);
    case NGX_KEEPERS_SHOW_CONSENT_SMS:
        return ngx_keepers_link_page_flag(page, KEEPERS_LINK_CONSENT_SMS,
                                          link->consent_sms);

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

    return ngx_keepers_link_page_words[page->faults->of[field]];
}


static keepers_str_t
ngx_keepers_link_page_retention(const ngx_keepers_link_page_t *page)
{
    static const keepers_str_t  asked =
        keepers_string("until you ask us to delete it");

    if (page->link->retention_days == 0) {
        return asked;
    }

    return keepers_str(page->days, page->days_len);
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
