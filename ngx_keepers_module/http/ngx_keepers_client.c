
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_client.h"

#include "core/keepers_keyring.h"
#include "core/keepers_session.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_str.h"


keepers_str_t
ngx_keepers_client_address(ngx_http_request_t *r)
{
    struct sockaddr      *sa;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    sa = r->connection->sockaddr;

    if (sa->sa_family == AF_INET) {
        return keepers_str(&((struct sockaddr_in *) sa)->sin_addr, 4);
    }

#if (NGX_HAVE_INET6)
    if (sa->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) sa;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            return keepers_str(&sin6->sin6_addr.s6_addr[12], 4);
        }

        return keepers_str(&sin6->sin6_addr, 16);
    }
#endif

    return keepers_str(NULL, 0);
}


void
ngx_keepers_client_net(ngx_http_request_t *r, u_char net[8])
{
    keepers_net_read(ngx_keepers_client_address(r), net);
}


uint8_t
ngx_keepers_client_agent(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.user_agent;

    return h == NULL ? 0 : keepers_agent_read(ngx_keepers_from(h->value));
}


ngx_uint_t
ngx_keepers_client_changed(ngx_http_request_t *r,
    const keepers_session_t *session)
{
    u_char      net[sizeof(session->net)];
    ngx_uint_t  changed;

    changed = 0;

    ngx_keepers_client_net(r, net);

    if (ngx_memcmp(net, session->net, sizeof(net)) != 0) {
        changed |= NGX_KEEPERS_CHANGED_NET;
    }

    if (ngx_keepers_client_agent(r) != session->agent) {
        changed |= NGX_KEEPERS_CHANGED_AGENT;
    }

    return changed;
}


void
ngx_keepers_client_hash(ngx_http_request_t *r,
    u_char text[NGX_KEEPERS_CLIENT_LEN])
{
    u_char                    hash[16];
    uint64_t                  day;
    keepers_out_t             out;
    keepers_str_t             parts[2];
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    day = (uint64_t) ngx_time() / 86400;

    parts[0] = keepers_str(&day, sizeof(day));
    parts[1] = ngx_keepers_client_address(r);

    if (parts[1].len == 16) {
        parts[1].len = 8;
    }

    keepers_keyed_hash(kmcf->edge->keys[0].derived[KEEPERS_PURPOSE_CLIENT],
                       parts, 2, hash, sizeof(hash));

    keepers_out_init(&out, text, NGX_KEEPERS_CLIENT_LEN);
    keepers_text_base64url(&out, keepers_str(hash, sizeof(hash)));
}
