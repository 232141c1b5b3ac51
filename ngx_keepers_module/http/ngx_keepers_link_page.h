
/*
 * Copyright (C) Keepers
 *
 * A page of a link, rendered; what it shows is in ngx_keepers_link_value.h.
 */


#ifndef _NGX_KEEPERS_LINK_PAGE_H_INCLUDED_
#define _NGX_KEEPERS_LINK_PAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_link.h"
#include "core/keepers_out.h"
#include "core/keepers_signup.h"
#include "http/ngx_keepers_lookup.h"
#include "http/ngx_keepers_template.h"


typedef struct {
    const keepers_link_t        *link;
    const ngx_keepers_lookup_t  *plain;     /* of a page that is looked at, with
                                               nothing typed; else NULL */
    keepers_str_t                action;    /* path that the form is sent to */
    keepers_str_t                token;
    keepers_str_t                problem;   /* a sentence, or empty */
    keepers_str_t                meant;     /* a provider's domain, or empty */
    const keepers_fieldset_t    *set;       /* what was typed, or NULL */
    const keepers_faults_t      *faults;    /* or NULL */
    ngx_uint_t                   language;
    unsigned                     tap:1;
    unsigned                     closed:1;
    unsigned                     kept:1;    /* what was typed is in the form */

    /* set by ngx_keepers_link_page_render() */
    u_char                       color[7];
    u_char                       days[NGX_INT_T_LEN];
    size_t                       days_len;
    keepers_str_t                query;     /* of the switch of languages */
    keepers_str_t                consents[KEEPERS_CONSENTS];    /* the texts */
    keepers_str_t                consent_language;  /* of standard ones */
    const keepers_str_t         *words;
} ngx_keepers_link_page_t;


/* NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_link_page_render(ngx_http_request_t *r,
    const ngx_keepers_view_t *view, ngx_keepers_link_page_t *page,
    keepers_out_t *out);

/*
 * The path of a link, or one below it ("/thanks"), as it may stand in a
 * Location header or a form's action: escaped, and never "//host".
 */
ngx_int_t ngx_keepers_link_page_path(ngx_http_request_t *r, ngx_str_t uri,
    const char *below, ngx_str_t *path);


#endif /* _NGX_KEEPERS_LINK_PAGE_H_INCLUDED_ */
