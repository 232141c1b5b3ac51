
/*
 * Copyright (C) Keepers
 *
 * $keepers_probe: an envelope without a person in it.  If the writer cannot
 * open it, no signup and no sign-in of this host reaches it either, and it can
 * say so before the first one comes.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_envelope.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_handlers.h"
#include "http/ngx_keepers_seal.h"
#include "http/ngx_keepers_str.h"


static ngx_int_t ngx_keepers_probe(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


ngx_http_variable_t  ngx_keepers_probe_variables[] = {

    { ngx_string("keepers_probe"), NULL, ngx_keepers_probe, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    ngx_http_null_variable
};


static ngx_int_t
ngx_keepers_probe(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char                    kind[1];
    keepers_out_t             plain, out;
    keepers_str_t             envelope;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (kmcf->writer_key.len == 0 || kmcf->shared == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    keepers_out_init(&plain, kind, sizeof(kind));
    keepers_out_byte(&plain, KEEPERS_RECORD_PROBE);

    if (ngx_keepers_seal(r, &plain, &envelope) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_keepers_out(&out, r->pool, keepers_base64url_len(envelope.len));

    if (out.data == NULL) {
        return NGX_ERROR;
    }

    keepers_text_base64url(&out, envelope);

    ngx_keepers_variable_set(v, keepers_out_written(&out));

    return NGX_OK;
}
