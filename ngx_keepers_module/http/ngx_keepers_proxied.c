
/*
 * Copyright (C) Keepers
 *
 * A request is suspected that has X-Forwarded-For, comes from an address of an
 * inner network or from a Unix socket, and whose address realip has left as it
 * was.  What a client says is not believed, only that it says something: from
 * outside nobody has an inner address, so nobody outside can cause the line.
 */


#include "http/ngx_keepers_proxied.h"

#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_compat.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_worker.h"


static ngx_uint_t ngx_keepers_proxied_inner(keepers_str_t address);
static ngx_uint_t ngx_keepers_proxied_replaced(ngx_http_request_t *r);


void
ngx_keepers_proxied_look(ngx_http_request_t *r)
{
    if (ngx_keepers_worker.proxied
        || !ngx_keepers_forwarded(r)
        || !ngx_keepers_proxied_inner(ngx_keepers_client_address(r))
        || ngx_keepers_proxied_replaced(r))
    {
        return;
    }

    ngx_keepers_worker.proxied = 1;

    ngx_keepers_log(NGX_LOG_WARN, r,
                    "a limit by client may count a proxy, all whose clients "
                    "are one then: a request with X-Forwarded-For came from an "
                    "inner address, which realip has not replaced; if that is "
                    "your proxy, see \"set_real_ip_from\"");
}


/* Of a network that nobody outside has, or of none: a Unix socket. */

static ngx_uint_t
ngx_keepers_proxied_inner(keepers_str_t address)
{
    const u_char  *p;

    p = address.data;

    switch (address.len) {

    case 0:
        return 1;

    case 4:
        return p[0] == 10 || p[0] == 127
               || (p[0] == 172 && (p[1] & 0xf0) == 16)
               || (p[0] == 192 && p[1] == 168)
               || (p[0] == 169 && p[1] == 254)
               || (p[0] == 100 && (p[1] & 0xc0) == 64);

    default:

        /* fc00::/7, fe80::/10, ::1 */

        return (p[0] & 0xfe) == 0xfc
               || (p[0] == 0xfe && (p[1] & 0xc0) == 0x80)
               || ngx_memcmp(p, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0;
    }
}


/* What realip knows of the connection; without the module nobody knows. */

static ngx_uint_t
ngx_keepers_proxied_replaced(ngx_http_request_t *r)
{
    ngx_uint_t                  key;
    ngx_str_t                  *now;
    ngx_http_variable_value_t  *before;

    static ngx_str_t  name = ngx_string("realip_remote_addr");

    key = ngx_hash_key(name.data, name.len);
    before = ngx_http_get_variable(r, &name, key);

    if (before == NULL || before->not_found) {
        return 0;
    }

    now = &r->connection->addr_text;

    return before->len != now->len
           || ngx_memcmp(before->data, now->data, now->len) != 0;
}
