
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_problem.h"

#include "core/keepers_out.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"


/* each field once: {"field":"consent_email","code":"required"}, */
#define NGX_KEEPERS_PROBLEM_SIZE                                             \
    (256 + KEEPERS_SIGNUP_FIELDS * 64)


static void ngx_keepers_problem_errors(const ngx_keepers_signup_t *signup,
    keepers_out_t *out);


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
ngx_keepers_problem_page(ngx_http_request_t *r, ngx_uint_t status,
    keepers_str_t sentence, keepers_str_t *body, const ngx_str_t **styles)
{
    const char     *title;
    keepers_out_t   out;

    static const ngx_str_t  none = ngx_string("'none'");

    title = ngx_keepers_reply_title(status);

    ngx_keepers_out(&out, r->pool, 1024);

    keepers_out_text(&out, "<!doctype html>\n<html lang=\"en\">\n<head>\n"
                           "<meta charset=\"utf-8\">\n<title>");
    keepers_out_text(&out, title);
    keepers_out_text(&out, "</title>\n<meta name=\"viewport\" content=\""
                           "width=device-width, initial-scale=1\">\n"
                           "<meta name=\"robots\" content=\"noindex\">\n"
                           "</head>\n<body>\n<main>\n<h1>");
    keepers_out_text(&out, title);
    keepers_out_text(&out, "</h1>\n<p>");
    keepers_out_html(&out, sentence);
    keepers_out_text(&out, "</p>\n</main>\n</body>\n</html>\n");

    *body = keepers_out_written(&out);
    *styles = &none;

    return out.overflow ? NGX_ERROR : NGX_OK;
}
