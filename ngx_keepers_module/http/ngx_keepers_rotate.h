
/*
 * Copyright (C) Keepers
 *
 * Puts a new session in the place of the one that a request came with, as
 * after a step-up or a change of password.  The old token is honoured for
 * some seconds more, for what only reads: requests that are under way carry
 * it.  See docs/decisions/0027-a-second-factor-and-rotation.md.  Its record
 * stays for an hour, and opens nothing: see ngx_keepers_theft.h.
 */


#ifndef _NGX_KEEPERS_ROTATE_H_INCLUDED_
#define _NGX_KEEPERS_ROTATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_mint.h"


/*
 * Starts; mint->session is the session of the context, with what is to be
 * new in it (role, aal, authenticated_ms).  Its epoch stays: what was revoked
 * meanwhile is not revived.  As ngx_keepers_mint(), but mint->done may have
 * NGX_DECLINED, too: the old session has ended or has a successor, and
 * nothing was changed.
 */
ngx_int_t ngx_keepers_rotate(ngx_http_request_t *r, ngx_keepers_mint_t *mint);


#endif /* _NGX_KEEPERS_ROTATE_H_INCLUDED_ */
