
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_cache.h"


typedef struct {
    uint32_t      seq;          /* odd: being written; 0: never written */
    uint32_t      pid;          /* of the writer, while odd */
    uint32_t      len;
    uint32_t      reserved;
    ngx_msec_t    stamp_ms;
    u_char        key[KEEPERS_HASH_LEN];
    /* the value follows */
} ngx_keepers_slot_t;


#define ngx_keepers_slot_value(slot)                                         \
    ((u_char *) (slot) + sizeof(ngx_keepers_slot_t))

#define ngx_keepers_later(a, b)  ((ngx_msec_int_t) ((a) - (b)) > 0)


static ngx_keepers_slot_t *ngx_keepers_cache_set(
    const ngx_keepers_cache_t *cache, const u_char *key);
static ngx_keepers_slot_t *ngx_keepers_cache_find(
    const ngx_keepers_cache_t *cache, const u_char *key);
static ngx_keepers_slot_t *ngx_keepers_cache_victim(
    const ngx_keepers_cache_t *cache, const u_char *key);
static ngx_int_t ngx_keepers_cache_own(ngx_keepers_slot_t *slot);
static ngx_keepers_slot_t *ngx_keepers_cache_way(
    const ngx_keepers_cache_t *cache, ngx_keepers_slot_t *set, ngx_uint_t i);


void
ngx_keepers_cache_init(ngx_keepers_cache_t *cache, u_char *start, size_t size,
    size_t value_size)
{
    ngx_uint_t  sets;

    cache->value_size = value_size;
    cache->slot_size = ngx_align(sizeof(ngx_keepers_slot_t) + value_size, 64);
    cache->slots = ngx_align_ptr(start, 64);

    size -= cache->slots - start;

    sets = 1;

    while (sets * 2 * NGX_KEEPERS_CACHE_WAYS * cache->slot_size <= size) {
        sets *= 2;
    }

    cache->sets = sets;
}


ngx_int_t
ngx_keepers_cache_get(ngx_keepers_cache_t *cache,
    const u_char key[KEEPERS_HASH_LEN], void *to, size_t *len,
    ngx_msec_t *stamp_ms)
{
    uint32_t             seq;
    ngx_uint_t           found;
    ngx_keepers_slot_t  *slot;

    slot = ngx_keepers_cache_find(cache, key);

    if (slot == NULL) {
        return NGX_DECLINED;
    }

    seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);

    if (seq & 1) {
        return NGX_DECLINED;
    }

    *len = slot->len;
    *stamp_ms = slot->stamp_ms;

    if (*len > cache->value_size) {
        return NGX_DECLINED;
    }

    found = (ngx_memcmp(slot->key, key, KEEPERS_HASH_LEN) == 0);
    ngx_memcpy(to, ngx_keepers_slot_value(slot), *len);

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    if (__atomic_load_n(&slot->seq, __ATOMIC_RELAXED) != seq
        || !found)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_keepers_cache_put(ngx_keepers_cache_t *cache,
    const u_char key[KEEPERS_HASH_LEN], const void *value, size_t len,
    ngx_msec_t asked_ms, ngx_msec_t stamp_ms)
{
    ngx_keepers_slot_t  *slot;

    if (len > cache->value_size) {
        return NGX_DECLINED;
    }

    slot = ngx_keepers_cache_find(cache, key);

    if (slot == NULL) {
        slot = ngx_keepers_cache_victim(cache, key);
    }

    if (ngx_keepers_cache_own(slot) != NGX_OK) {
        return NGX_BUSY;
    }

    if (ngx_memcmp(slot->key, key, KEEPERS_HASH_LEN) != 0
        || !ngx_keepers_later(slot->stamp_ms, asked_ms))
    {
        ngx_memcpy(slot->key, key, KEEPERS_HASH_LEN);
        ngx_memcpy(ngx_keepers_slot_value(slot), value, len);

        slot->len = (uint32_t) len;
        slot->stamp_ms = stamp_ms;
    }

    __atomic_store_n(&slot->seq, slot->seq + 1, __ATOMIC_RELEASE);

    return NGX_OK;
}


ngx_uint_t
ngx_keepers_cache_used(const ngx_keepers_cache_t *cache)
{
    ngx_uint_t           i, n;
    ngx_keepers_slot_t  *slot;

    n = 0;

    for (i = 0; i < cache->sets * NGX_KEEPERS_CACHE_WAYS; i++) {
        slot = (ngx_keepers_slot_t *) (cache->slots + i * cache->slot_size);

        if (__atomic_load_n(&slot->seq, __ATOMIC_RELAXED) != 0) {
            n++;
        }
    }

    return n;
}


static ngx_keepers_slot_t *
ngx_keepers_cache_way(const ngx_keepers_cache_t *cache,
    ngx_keepers_slot_t *set, ngx_uint_t i)
{
    return (ngx_keepers_slot_t *) ((u_char *) set + i * cache->slot_size);
}


static ngx_keepers_slot_t *
ngx_keepers_cache_set(const ngx_keepers_cache_t *cache, const u_char *key)
{
    uint64_t  n;

    /* keys are hashes: any of their bytes are as good as a hash of them */

    ngx_memcpy(&n, key, sizeof(n));

    n &= cache->sets - 1;

    return (ngx_keepers_slot_t *) (cache->slots
                          + n * NGX_KEEPERS_CACHE_WAYS * cache->slot_size);
}


static ngx_keepers_slot_t *
ngx_keepers_cache_find(const ngx_keepers_cache_t *cache, const u_char *key)
{
    ngx_uint_t           i;
    ngx_keepers_slot_t  *set, *slot;

    set = ngx_keepers_cache_set(cache, key);

    for (i = 0; i < NGX_KEEPERS_CACHE_WAYS; i++) {
        slot = ngx_keepers_cache_way(cache, set, i);

        /* a torn key costs a miss; the whole is compared again by the user */

        if (ngx_memcmp(slot->key, key, KEEPERS_HASH_LEN) == 0) {
            return slot;
        }
    }

    return NULL;
}


static ngx_keepers_slot_t *
ngx_keepers_cache_victim(const ngx_keepers_cache_t *cache, const u_char *key)
{
    ngx_uint_t           i;
    ngx_keepers_slot_t  *set, *slot, *victim;

    set = ngx_keepers_cache_set(cache, key);
    victim = set;

    for (i = 0; i < NGX_KEEPERS_CACHE_WAYS; i++) {
        slot = ngx_keepers_cache_way(cache, set, i);

        if (slot->seq == 0) {
            return slot;
        }

        if (ngx_keepers_later(victim->stamp_ms, slot->stamp_ms)) {
            victim = slot;
        }
    }

    return victim;
}


static ngx_int_t
ngx_keepers_cache_own(ngx_keepers_slot_t *slot)
{
    uint32_t  seq, owned;

    seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);
    owned = seq + 1;

    if (seq & 1) {

        /*
         * Another worker writes just now, or was killed while it did.  A pid
         * of 0 was not yet set, and kill(0) would ask our own group.
         */

        if (slot->pid == 0 || kill((ngx_pid_t) slot->pid, 0) == 0
            || ngx_errno != NGX_ESRCH)
        {
            return NGX_BUSY;
        }

        owned = seq + 2;
    }

    if (!__atomic_compare_exchange_n(&slot->seq, &seq, owned, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    {
        return NGX_BUSY;
    }

    slot->pid = (uint32_t) ngx_pid;

    __atomic_thread_fence(__ATOMIC_RELEASE);

    return NGX_OK;
}
