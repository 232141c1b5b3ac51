
/*
 * Copyright (C) Keepers
 *
 * Sessions that ended, told to every node by pub/sub.  A message is the SIDs
 * as base64url, 43 characters each, with nothing between them; or "~" and one
 * SID, of a session that another has replaced.  Each worker has a
 * subscription: see docs/decisions/0014-every-worker-subscribes.md.
 */


#ifndef _NGX_KEEPERS_REVOKE_H_INCLUDED_
#define _NGX_KEEPERS_REVOKE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_out.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"


#define NGX_KEEPERS_REVOKE_MAX          50  /* sessions of a message */
#define NGX_KEEPERS_REVOKE_CHANNEL_LEN  (64 + sizeof("revoke") - 1)
#define NGX_KEEPERS_REVOKE_ROTATED      '~'


/* "P:revoke", for a prefix "P:". */
void ngx_keepers_revoke_channel(ngx_keepers_main_conf_t *kmcf,
    keepers_out_t *out);

/* Every node forgets these, this one's other workers included. */
void ngx_keepers_revoke_publish(ngx_keepers_main_conf_t *kmcf,
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n);

/* At process start: begins to listen.  NGX_OK, NGX_ERROR: no memory. */
ngx_int_t ngx_keepers_revoke_init(ngx_keepers_main_conf_t *kmcf);

/* No session that the zone has from before now is served from it. */
void ngx_keepers_revoke_flush(ngx_keepers_main_conf_t *kmcf);

/* How old what the zone says may be: at most cache_ms, less while revocations
 * may have been missed. */
ngx_msec_t ngx_keepers_revoke_age(ngx_keepers_main_conf_t *kmcf,
    ngx_msec_t cache_ms);


#endif /* _NGX_KEEPERS_REVOKE_H_INCLUDED_ */
