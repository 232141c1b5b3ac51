
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_link_value.h"


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


static int ngx_keepers_link_value_find(keepers_str_t name, int n);
static keepers_str_t ngx_keepers_link_value_typed(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);
static keepers_str_t ngx_keepers_link_value_checked(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);
static keepers_str_t ngx_keepers_link_value_flag(
    const ngx_keepers_link_page_t *page, ngx_uint_t flag, keepers_str_t text);
static keepers_str_t ngx_keepers_link_value_fault(
    const ngx_keepers_link_page_t *page, keepers_signup_field_e field);


static const keepers_str_t  ngx_keepers_link_value_names[NGX_KEEPERS_SHOWN] = {
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


static const keepers_str_t  ngx_keepers_link_value_yes = keepers_string("1");
static const keepers_str_t  ngx_keepers_link_value_no = keepers_null_string;


int
ngx_keepers_link_value_resolve(void *data, keepers_str_t name)
{
    return ngx_keepers_link_value_find(name, NGX_KEEPERS_SHOWN);
}


int
ngx_keepers_link_value_resolve_thanks(void *data, keepers_str_t name)
{
    return ngx_keepers_link_value_find(name, NGX_KEEPERS_SHOW_THANKS);
}


static int
ngx_keepers_link_value_find(keepers_str_t name, int n)
{
    int  i;

    for (i = 0; i < n; i++) {
        if (keepers_str_eq(ngx_keepers_link_value_names[i], name)) {
            return i;
        }
    }

    return -1;
}


keepers_str_t
ngx_keepers_link_value(void *data, int value)
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
        return keepers_link_white(link->color) ? ngx_keepers_link_value_yes
                                               : ngx_keepers_link_value_no;
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
        return page->tap ? ngx_keepers_link_value_yes
                         : ngx_keepers_link_value_no;
    case NGX_KEEPERS_SHOW_CLOSED:
        return page->closed ? ngx_keepers_link_value_yes
                            : ngx_keepers_link_value_no;
    case NGX_KEEPERS_SHOW_KEPT:
        return page->kept ? ngx_keepers_link_value_yes
                          : ngx_keepers_link_value_no;

    case NGX_KEEPERS_SHOW_NAME:
        return ngx_keepers_link_value_typed(page, KEEPERS_SIGNUP_NAME);
    case NGX_KEEPERS_SHOW_EMAIL:
        return ngx_keepers_link_value_typed(page, KEEPERS_SIGNUP_EMAIL);
    case NGX_KEEPERS_SHOW_PHONE:
        return ngx_keepers_link_value_typed(page, KEEPERS_SIGNUP_PHONE);

    case NGX_KEEPERS_SHOW_PLACEMENT:
    case NGX_KEEPERS_SHOW_UTM_SOURCE:
    case NGX_KEEPERS_SHOW_UTM_MEDIUM:
    case NGX_KEEPERS_SHOW_UTM_CAMPAIGN:
    case NGX_KEEPERS_SHOW_UTM_TERM:
    case NGX_KEEPERS_SHOW_UTM_CONTENT:
        return ngx_keepers_link_value_source(page,
                                   KEEPERS_SIGNUP_PLACEMENT
                                   + (value - NGX_KEEPERS_SHOW_PLACEMENT));

    case NGX_KEEPERS_SHOW_PHONE_ASKED:
        return ngx_keepers_link_value_flag(page, KEEPERS_LINK_PHONE,
                                          ngx_keepers_link_value_yes);
    case NGX_KEEPERS_SHOW_NAME_OPTIONAL:
        return ngx_keepers_link_value_flag(page, KEEPERS_LINK_NAME_OPTIONAL,
                                          ngx_keepers_link_value_yes);
    case NGX_KEEPERS_SHOW_CONSENT_EMAIL:
        return ngx_keepers_link_value_flag(page, KEEPERS_LINK_CONSENT_EMAIL,
                                          page->consents[
                                                      KEEPERS_CONSENT_EMAIL]);
    case NGX_KEEPERS_SHOW_CONSENT_SMS:
        return ngx_keepers_link_value_flag(page, KEEPERS_LINK_CONSENT_SMS,
                                          page->consents[
                                                      KEEPERS_CONSENT_SMS]);

    case NGX_KEEPERS_SHOW_CONSENT_EMAIL_LANG:
        return link->consent_email.len != 0 ? link->locale
                                            : page->consent_language;
    case NGX_KEEPERS_SHOW_CONSENT_SMS_LANG:
        return link->consent_sms.len != 0 ? link->locale
                                          : page->consent_language;

    case NGX_KEEPERS_SHOW_CONSENT_EMAIL_CHECKED:
        return ngx_keepers_link_value_checked(page,
                                             KEEPERS_SIGNUP_CONSENT_EMAIL);
    case NGX_KEEPERS_SHOW_CONSENT_SMS_CHECKED:
        return ngx_keepers_link_value_checked(page, KEEPERS_SIGNUP_CONSENT_SMS);

    case NGX_KEEPERS_SHOW_NAME_FAULT:
        return ngx_keepers_link_value_fault(page, KEEPERS_SIGNUP_NAME);
    case NGX_KEEPERS_SHOW_EMAIL_FAULT:
        return ngx_keepers_link_value_fault(page, KEEPERS_SIGNUP_EMAIL);
    case NGX_KEEPERS_SHOW_PHONE_FAULT:
    case NGX_KEEPERS_SHOW_PHONE_SKIP:
        return ngx_keepers_link_value_fault(page, KEEPERS_SIGNUP_PHONE);

    case NGX_KEEPERS_SHOW_CONSENT_FAULT:

        if (ngx_keepers_link_value_fault(page, KEEPERS_SIGNUP_CONSENT_EMAIL).len
            != 0)
        {
            return ngx_keepers_link_value_fault(page,
                                               KEEPERS_SIGNUP_CONSENT_EMAIL);
        }

        return ngx_keepers_link_value_fault(page, KEEPERS_SIGNUP_CONSENT_SMS);

    default:
        return ngx_keepers_link_value_no;
    }
}


static keepers_str_t
ngx_keepers_link_value_typed(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    const keepers_field_t  *f;

    if (page->set == NULL) {
        return ngx_keepers_link_value_no;
    }

    f = &page->set->fields[field];

    /* the culprit of an encoding fault is not fit to be shown */

    if (f->kind != KEEPERS_FIELD_STRING || f == page->set->culprit) {
        return ngx_keepers_link_value_no;
    }

    return f->value;
}


keepers_str_t
ngx_keepers_link_value_source(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    keepers_str_t  s;

    s = ngx_keepers_link_value_typed(page, field);

    return s.len <= KEEPERS_SOURCE_LEN_MAX ? s : ngx_keepers_link_value_no;
}


static keepers_str_t
ngx_keepers_link_value_checked(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    keepers_str_t  s;

    s = ngx_keepers_link_value_typed(page, field);

    return keepers_str_eq(s, ngx_keepers_link_value_yes)
               ? s : ngx_keepers_link_value_no;
}


static keepers_str_t
ngx_keepers_link_value_flag(const ngx_keepers_link_page_t *page,
    ngx_uint_t flag, keepers_str_t text)
{
    return (page->link->flags & flag) ? text : ngx_keepers_link_value_no;
}


static keepers_str_t
ngx_keepers_link_value_fault(const ngx_keepers_link_page_t *page,
    keepers_signup_field_e field)
{
    if (page->faults == NULL) {
        return ngx_keepers_link_value_no;
    }

    return page->words[page->faults->of[field]];
}


bool
ngx_keepers_link_value_open(void *data, int value)
{
    switch ((ngx_keepers_show_e) value) {

    case NGX_KEEPERS_SHOW_QUERY:
    case NGX_KEEPERS_SHOW_ACTION:
    case NGX_KEEPERS_SHOW_TOKEN:
    case NGX_KEEPERS_SHOW_PLACEMENT:
    case NGX_KEEPERS_SHOW_UTM_SOURCE:
    case NGX_KEEPERS_SHOW_UTM_MEDIUM:
    case NGX_KEEPERS_SHOW_UTM_CAMPAIGN:
    case NGX_KEEPERS_SHOW_UTM_TERM:
    case NGX_KEEPERS_SHOW_UTM_CONTENT:
        return true;

    default:
        return false;
    }
}
