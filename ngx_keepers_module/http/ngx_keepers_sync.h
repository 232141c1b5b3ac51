
/*
 * Copyright (C) Keepers
 *
 * Until Redis has on disk what it was sent: WAITAOF (Redis 7.2, Valkey), where
 * the server has it.  It holds up its connection, so there is another one for
 * it, made when it is first needed; and all who wait at a time wait for one.
 */


#ifndef _NGX_KEEPERS_SYNC_H_INCLUDED_
#define _NGX_KEEPERS_SYNC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_wait.h"


/*
 * NGX_AGAIN: "wake" is called once it is there, or in vain, after 3.5 seconds
 * at most; what it was is counted.  NGX_DECLINED: there is no way to wait.
 */
ngx_int_t ngx_keepers_sync(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_wake_pt wake);

/* In exit_process. */
void ngx_keepers_sync_stop(void);


#endif /* _NGX_KEEPERS_SYNC_H_INCLUDED_ */
