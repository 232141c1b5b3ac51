
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

/*
 * A session that another has replaced, or that replaces one, under whatever key
 * of the ring was current when it was made.  NGX_OK, NGX_DECLINED.
 */
ngx_int_t ngx_keepers_unseal_any(ngx_keepers_main_conf_t *kmcf,
    keepers_str_t key, keepers_str_t sealed, keepers_session_t *session);


#endif /* _NGX_KEEPERS_UNSEAL_H_INCLUDED_ */
