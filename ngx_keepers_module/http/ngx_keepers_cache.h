
/*
 * Copyright (C) Keepers
 *
 * A table in shared memory: fixed slots of one size, eight to a set, found by
 * a 32-byte hash.  Nothing is allocated or locked on the way of a request.
 * A slot has a sequence number (a seqlock): a reader that saw it odd or
 * changed has a miss; a writer that finds it odd goes without.  A worker
 * killed while writing leaves one slot odd, which the next writer takes back
 * once that pid is gone.  See docs/internals/shared-memory.md.
 */


#ifndef _NGX_KEEPERS_CACHE_H_INCLUDED_
#define _NGX_KEEPERS_CACHE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/keepers_base.h"


#define NGX_KEEPERS_CACHE_WAYS  8


typedef struct {
    ngx_uint_t      sets;           /* a power of two */
    size_t          slot_size;      /* of header and value */
    size_t          value_size;
    u_char         *slots;          /* in the zone */
} ngx_keepers_cache_t;


/* Lays a cache over "size" bytes at "start"; zeroed memory is empty. */
void ngx_keepers_cache_init(ngx_keepers_cache_t *cache, u_char *start,
    size_t size, size_t value_size);

/*
 * NGX_OK: the value is in "to" (value_size bytes of room) and *stamp_ms says
 * when it was put.  NGX_DECLINED: a miss.
 */
ngx_int_t ngx_keepers_cache_get(ngx_keepers_cache_t *cache,
    const u_char key[KEEPERS_HASH_LEN], void *to, size_t *len,
    ngx_msec_t *stamp_ms);

/*
 * Stores a value asked for at "asked_ms" (ngx_current_msec).  What was stored
 * for this key later than that stays: an answer that was under way must not
 * overwrite a sign-out.  Evicts the oldest of its set.  NGX_BUSY: another
 * process writes there just now, nothing was stored.
 */
ngx_int_t ngx_keepers_cache_put(ngx_keepers_cache_t *cache,
    const u_char key[KEEPERS_HASH_LEN], const void *value, size_t len,
    ngx_msec_t asked_ms, ngx_msec_t stamp_ms);

/* Used slots, for the status page; walks all of them. */
ngx_uint_t ngx_keepers_cache_used(const ngx_keepers_cache_t *cache);


#endif /* _NGX_KEEPERS_CACHE_H_INCLUDED_ */
