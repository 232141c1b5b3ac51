
/*
 * Copyright (C) Keepers
 *
 * The client's network, coarse: /24 of IPv4, /48 of IPv6.  The address is
 * what nginx's realip module left in the connection.
 */


#ifndef _NGX_KEEPERS_CLIENT_H_INCLUDED_
#define _NGX_KEEPERS_CLIENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_base.h"
#include "core/keepers_session.h"


#define NGX_KEEPERS_CLIENT_LEN  22      /* base64url of 16 bytes */

#define NGX_KEEPERS_CLIENT_NET   8      /* of an address of IPv6: its /64 */
#define NGX_KEEPERS_CLIENT_WIDE  6      /* and its /48 */


/*
 * 4 bytes of IPv4, mapped into IPv6 or not, 16 of IPv6, none of a Unix socket;
 * a view into the connection.  Personal data.
 */
keepers_str_t ngx_keepers_client_address(ngx_http_request_t *r);

/* Zeros for a Unix socket. */
void ngx_keepers_client_net(ngx_http_request_t *r, u_char net[8]);

/* keepers_agent_e of the User-Agent header. */
uint8_t ngx_keepers_client_agent(ngx_http_request_t *r);

/* What has changed since the session was made: phones do that, and thieves. */
#define NGX_KEEPERS_CHANGED_AGENT  1
#define NGX_KEEPERS_CHANGED_NET    2

ngx_uint_t ngx_keepers_client_changed(ngx_http_request_t *r,
    const keepers_session_t *session);

/*
 * $keepers_client: a keyed hash of the client's network (IPv4 /32, IPv6 /64)
 * and the day, so that it counts and limits but names nobody, and cannot be
 * joined over days.  Text of NGX_KEEPERS_CLIENT_LEN bytes.
 */
void ngx_keepers_client_hash(ngx_http_request_t *r,
    u_char text[NGX_KEEPERS_CLIENT_LEN]);


#endif /* _NGX_KEEPERS_CLIENT_H_INCLUDED_ */
