
/*
 * Copyright (C) Keepers
 *
 * ngx_str_t to keepers_str_t and back; both are views.
 */


#ifndef _NGX_KEEPERS_STR_H_INCLUDED_
#define _NGX_KEEPERS_STR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/keepers_base.h"
#include "core/keepers_out.h"


static ngx_inline keepers_str_t
ngx_keepers_from(ngx_str_t s)
{
    return keepers_str(s.data, s.len);
}


static ngx_inline ngx_str_t
ngx_keepers_to(keepers_str_t s)
{
    ngx_str_t  n;

    n.len = s.len;
    n.data = (u_char *) s.data;

    return n;
}


/* An appender over a new buffer of the pool; data is NULL without memory. */
static ngx_inline void
ngx_keepers_out(keepers_out_t *out, ngx_pool_t *pool, size_t size)
{
    u_char  *p;

    p = ngx_pnalloc(pool, size);

    keepers_out_init(out, p, p == NULL ? 0 : size);
}


#endif /* _NGX_KEEPERS_STR_H_INCLUDED_ */
