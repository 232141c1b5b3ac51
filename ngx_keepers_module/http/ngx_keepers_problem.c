
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_problem.h"

#include "core/keepers_out.h"
#include "http/ngx_keepers_language.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_template.h"


/* each field once: {"field":"consent_email","code":"required"}, */
#define NGX_KEEPERS_PROBLEM_SIZE                                             \
    (256 + KEEPERS_SIGNUP_FIELDS * 64)


typedef enum {
    NGX_KEEPERS_PROBLEM_TITLE = 0,
    NGX_KEEPERS_PROBLEM_SENTENCE,
    NGX_KEEPERS_PROBLEM_QUERY,
    NGX_KEEPERS_PROBLEM_VALUES
} ngx_keepers_problem_value_e;


static void ngx_keepers_problem_errors(const ngx_keepers_signup_t *signup,
    keepers_out_t *out);
static keepers_str_t ngx_keepers_problem_value(void *data, int value);


ngx_int_t
ngx_keepers_problem(ngx_http_request_t *r, const ngx_keepers_signup_t *signup,
    ngx_uint_t status, const char *code, keepers_str_t *body)
{
    keepers_out_t  out;

    ngx_keepers_out(&out, r->pool, NGX_KEEPERS_PROBLEM_SIZE);

    ngx_keepers_reply_problem_begin(&out, status, code);

    if (signup->faults.n != 0) {
        ngx_keepers_problem_errors(signup, &out);
    }

    keepers_out_text(&out, "}\n");

    *body = keepers_out_written(&out);

    return out.overflow ? NGX_ERROR : NGX_OK;
}


static void
ngx_keepers_problem_errors(const ngx_keepers_signup_t *signup,
    keepers_out_t *out)
{
    size_t       i;
    const char  *comma;

    comma = "";

    keepers_out_text(out, ",\"errors\":[");

    for (i = 0; i < KEEPERS_SIGNUP_FIELDS; i++) {

        if (signup->faults.of[i] == KEEPERS_FAULT_NONE) {
            continue;
        }

        keepers_out_text(out, comma);
        keepers_out_text(out, "{\"field\":\"");
        keepers_out_text(out, keepers_signup_field_name(i));
        keepers_out_text(out, "\",\"code\":\"");
        keepers_out_text(out, keepers_signup_fault_code(signup->faults.of[i]));
        keepers_out_text(out, "\"}");

        comma = ",";
    }

    keepers_out_text(out, "]");
}


ngx_int_t
ngx_keepers_problem_page(ngx_http_request_t *r, ngx_keepers_word_e title,
    ngx_keepers_word_e sentence, keepers_str_t *body,
    const ngx_keepers_view_t **view)
{
    ngx_uint_t     language;
    keepers_out_t  out;
    keepers_str_t  values[NGX_KEEPERS_PROBLEM_VALUES];

    static const keepers_str_t  none = keepers_null_string;

    language = ngx_keepers_language(r, none);

    values[NGX_KEEPERS_PROBLEM_TITLE] = ngx_keepers_word(r, language, title);
    values[NGX_KEEPERS_PROBLEM_SENTENCE] = ngx_keepers_word(r, language,
                                                            sentence);
    values[NGX_KEEPERS_PROBLEM_QUERY] = none;

    *view = &ngx_keepers_loc_conf(r)->problem_template->views[language];

    if (ngx_keepers_template_render(r, *view, ngx_keepers_problem_value,
                                    values, 0, &out)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *body = keepers_out_written(&out);

    return NGX_OK;
}


int
ngx_keepers_problem_resolve(void *data, keepers_str_t name)
{
    int  i;

    static const keepers_str_t  names[NGX_KEEPERS_PROBLEM_VALUES] = {
        keepers_string("title"),
        keepers_string("problem"),
        keepers_string("query")
    };

    for (i = 0; i < NGX_KEEPERS_PROBLEM_VALUES; i++) {
        if (keepers_str_eq(names[i], name)) {
            return i;
        }
    }

    return -1;
}


static keepers_str_t
ngx_keepers_problem_value(void *data, int value)
{
    keepers_str_t  *values = data;

    return values[value];
}


ngx_int_t
ngx_keepers_problem_busy(ngx_http_request_t *r, ngx_uint_t status,
    ngx_uint_t retry_s)
{
    keepers_str_t              body;
    const ngx_keepers_view_t  *view;

    if (ngx_keepers_problem_page(r, NGX_KEEPERS_WORD_TITLE_BUSY,
                                 ngx_keepers_word_busy(retry_s), &body, &view)
        != NGX_OK
        || ngx_keepers_reply_headers(r, &view->styles, 0) != NGX_OK
        || ngx_keepers_language_headers(r, view->language) != NGX_OK
        || ngx_keepers_reply_retry_after(r, retry_s) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_keepers_reply_body(r, status, "text/html; charset=utf-8", body);
}
