
/*
 * Copyright (C) Keepers
 *
 * A record of Redis becomes the session of a request.
 */


#ifndef _NGX_KEEPERS_UNSEAL_H_INCLUDED_
#define _NGX_KEEPERS_UNSEAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_claim.h"
#include "http/ngx_keepers_ctx.h"
#include "http/ngx_keepers_recent.h"


/*
 * Opens what ctx->wait has under key "key" of the ring, and fills ctx and what
 * the zone is to keep.  NGX_OK; NGX_DECLINED: it is none of ours, and counted.
 */
ngx_int_t ngx_keepers_unseal(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim, ngx_uint_t key,
    ngx_keepers_recent_t *recent);


#endif /* _NGX_KEEPERS_UNSEAL_H_INCLUDED_ */
