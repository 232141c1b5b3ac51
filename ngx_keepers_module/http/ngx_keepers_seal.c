
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_seal.h"

#include "core/keepers_envelope.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


ngx_int_t
ngx_keepers_seal(ngx_http_request_t *r, const keepers_out_t *plain,
    keepers_str_t *envelope)
{
    keepers_out_t             out;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (plain->overflow) {
        return NGX_ERROR;
    }

    ngx_keepers_out(&out, r->pool, plain->len + KEEPERS_ENVELOPE_OVERHEAD);

    if (out.data == NULL
        || keepers_envelope_seal(&ngx_keepers_worker.sender, kmcf->shared,
                                 kmcf->writer_public, ngx_keepers_now_ms(),
                                 keepers_out_written(plain), &out)
           != KEEPERS_OK)
    {
        return NGX_ERROR;
    }

    *envelope = keepers_out_written(&out);

    return NGX_OK;
}
