
/*
 * Copyright (C) Keepers
 *
 * A link's record, whatever it is: what is read keeps the rules, and is written
 * again byte by byte; what a business has written in it brings no markup into a
 * page.
 */


#include <stdint.h>
#include <stdlib.h>

#include "core/keepers_link.h"
#include "core/keepers_page.h"
#include "core/keepers_text.h"


#define OPS_MAX   64
#define PAGE_MAX  (8 * KEEPERS_LINK_RECORD_MAX)


/* The values, by number; resolve() knows their names. */
enum {
    BUSINESS = 0,
    OFFER,
    EMAIL,
    SMS,
    VALUES
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds);
static void check_link(const keepers_link_t *link);
static void check_page(const keepers_link_t *link);
static int resolve(void *data, keepers_str_t name);
static keepers_str_t value(void *data, int n);
static void unescape(keepers_str_t *html, keepers_str_t v);
static bool take(keepers_str_t *html, const char *text);


static const char  template[] =
    "<title>{{business}}</title><h1 title=\"{{business}}\">{{business}}</h1>"
    "{{#offer}}<p>{{offer}}</p>{{/offer}}{{^offer}}<hr>{{/offer}}"
    "{{#email}}<label><input value='{{email}}'>{{email}}</label>{{/email}}"
    "{{#sms}}<label>{{sms}}</label>{{/sms}}";


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    keepers_out_t   out;
    keepers_str_t   record;
    keepers_link_t  link;
    unsigned char   buf[KEEPERS_LINK_RECORD_MAX];

    record = keepers_str(data, size);

    if (keepers_link_decode(record, &link) != KEEPERS_OK) {
        check(link.state == 0 && link.slug.data == NULL);
        return 0;
    }

    check_link(&link);

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_link_encode(&link, &out);
    check(!out.overflow);
    check(keepers_str_eq(keepers_out_written(&out), record));

    check_page(&link);

    return 0;
}


static void
check_link(const keepers_link_t *link)
{
    check(link->state == KEEPERS_LINK_OPEN
          || link->state == KEEPERS_LINK_CLOSED);
    check(keepers_text_slug(link->slug));

    check(link->business_name.len <= 100 && link->offer.len <= 300);
    check(link->consent_email.len <= 500 && link->consent_sms.len <= 500);
    check(keepers_text_utf8(link->business_name));
    check(keepers_text_utf8(link->offer));
    check(keepers_text_utf8(link->consent_email));
    check(keepers_text_utf8(link->consent_sms));

    check(link->country.len == 0 || link->country.len == 2);
    check(link->locale.len == 0 || keepers_link_locale(link->locale));
}


/* Reads the page back: the template's text as it is, and the values alone. */

static void
check_page(const keepers_link_t *link)
{
    size_t                line;
    keepers_str_t         html, values[VALUES];
    keepers_out_t         out;
    keepers_page_t        page;
    keepers_page_op_t     ops[OPS_MAX];
    static unsigned char  buf[PAGE_MAX];

    values[BUSINESS] = link->business_name;
    values[OFFER] = link->offer;
    values[EMAIL] = link->consent_email;
    values[SMS] = link->consent_sms;

    page.ops = ops;
    page.n = OPS_MAX;

    check(keepers_page_compile(&page, keepers_str(template,
                                                  sizeof(template) - 1),
                               resolve, NULL, &line)
          == KEEPERS_OK);

    keepers_out_init(&out, buf, sizeof(buf));
    keepers_page_render(&page, value, values, &out);
    check(!out.overflow);

    html = keepers_out_written(&out);

    check(take(&html, "<title>"));
    unescape(&html, values[BUSINESS]);
    check(take(&html, "</title><h1 title=\""));
    unescape(&html, values[BUSINESS]);
    check(take(&html, "\">"));
    unescape(&html, values[BUSINESS]);
    check(take(&html, "</h1>"));

    if (values[OFFER].len != 0) {
        check(take(&html, "<p>"));
        unescape(&html, values[OFFER]);
        check(take(&html, "</p>"));

    } else {
        check(take(&html, "<hr>"));
    }

    if (values[EMAIL].len != 0) {
        check(take(&html, "<label><input value='"));
        unescape(&html, values[EMAIL]);
        check(take(&html, "'>"));
        unescape(&html, values[EMAIL]);
        check(take(&html, "</label>"));
    }

    if (values[SMS].len != 0) {
        check(take(&html, "<label>"));
        unescape(&html, values[SMS]);
        check(take(&html, "</label>"));
    }

    check(html.len == 0);
}


static int
resolve(void *data, keepers_str_t name)
{
    (void) data;

    return keepers_str_eq(name, keepers_str("business", 8)) ? BUSINESS
           : keepers_str_eq(name, keepers_str("offer", 5)) ? OFFER
           : keepers_str_eq(name, keepers_str("email", 5)) ? EMAIL
           : keepers_str_eq(name, keepers_str("sms", 3)) ? SMS : -1;
}


static keepers_str_t
value(void *data, int n)
{
    const keepers_str_t  *values;

    values = data;
    check(n >= 0 && n < VALUES);

    return values[n];
}


/* Takes a value off the page: what means something in HTML is an entity. */

static void
unescape(keepers_str_t *html, keepers_str_t v)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < v.len; i++) {
        c = v.data[i];

        if (c == '&') {
            check(take(html, "&amp;"));

        } else if (c == '<') {
            check(take(html, "&lt;"));

        } else if (c == '>') {
            check(take(html, "&gt;"));

        } else if (c == '"') {
            check(take(html, "&quot;"));

        } else if (c == '\'') {
            check(take(html, "&#39;"));

        } else {
            check(html->len != 0 && html->data[0] == c);
            html->data++;
            html->len--;
        }
    }
}


static bool
take(keepers_str_t *html, const char *text)
{
    size_t  len;

    len = strlen(text);

    if (html->len < len || memcmp(html->data, text, len) != 0) {
        return false;
    }

    html->data += len;
    html->len -= len;

    return true;
}


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}
