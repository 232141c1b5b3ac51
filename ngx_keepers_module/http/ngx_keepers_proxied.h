
/*
 * Copyright (C) Keepers
 *
 * Whether a limit by client counts a proxy instead: nginx stands behind one,
 * and nobody has told its realip module.
 */


#ifndef _NGX_KEEPERS_PROXIED_H_INCLUDED_
#define _NGX_KEEPERS_PROXIED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Looks at a request that a rule by client is about to count.  One line of
 * level "warn" in the life of a worker, without an address.
 */
void ngx_keepers_proxied_look(ngx_http_request_t *r);


#endif /* _NGX_KEEPERS_PROXIED_H_INCLUDED_ */
