
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_lookup.h"

#include "core/keepers_keyring.h"
#include "core/keepers_out.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_LOOKUP_SEALED_MAX                                        \
    (KEEPERS_LINK_RECORD_MAX + KEEPERS_SEAL_OVERHEAD)


static ngx_int_t ngx_keepers_lookup_cached(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup);
static ngx_int_t ngx_keepers_lookup_ask(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup, ngx_keepers_wait_mode_e mode,
    ngx_keepers_wake_pt wake);
static void ngx_keepers_lookup_answered(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup);
static ngx_int_t ngx_keepers_lookup_open(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup, keepers_str_t sealed);
static ngx_int_t ngx_keepers_lookup_decode(ngx_keepers_lookup_t *lookup);
static ngx_int_t ngx_keepers_lookup_read(keepers_str_t record,
    keepers_link_t *link);
static void ngx_keepers_lookup_store(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup);
static void ngx_keepers_lookup_failed(ngx_keepers_lookup_t *lookup);


/* The last record that this worker has found sound: the next is often it. */
static u_char  ngx_keepers_lookup_sound[KEEPERS_LINK_RECORD_MAX];
static size_t  ngx_keepers_lookup_sound_len;


ngx_keepers_lookup_t *
ngx_keepers_lookup_create(ngx_http_request_t *r, keepers_str_t slug)
{
    size_t                    room;
    keepers_out_t             out;
    ngx_keepers_lookup_t     *lookup;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    lookup = ngx_pcalloc(r->pool, sizeof(ngx_keepers_lookup_t));

    if (lookup == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): state, link, wait, len, hash */

    room = ngx_max(kmcf->shm->links.value_size,
                   1 + KEEPERS_LINK_RECORD_MAX);

    lookup->value = ngx_pnalloc(r->pool, room);

    ngx_keepers_out(&out, r->pool, kmcf->redis.prefix.len
                    + sizeof("link:") - 1 + slug.len);

    keepers_out_str(&out, ngx_keepers_from(kmcf->redis.prefix));
    keepers_out_text(&out, "link:");
    keepers_out_str(&out, slug);

    if (lookup->value == NULL || out.overflow) {
        return NULL;
    }

    lookup->slug = slug;
    lookup->key = keepers_out_written(&out);

    keepers_mark(kmcf->edge->keys[0].derived[KEEPERS_PURPOSE_NAME]
                 + KEEPERS_MARK_KEY_LEN, lookup->key, lookup->hash);

    return lookup;
}


ngx_int_t
ngx_keepers_lookup(ngx_http_request_t *r, ngx_keepers_lookup_t *lookup,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake)
{
    ngx_int_t  rc;

    if (lookup->state != 0) {
        return NGX_OK;
    }

    if (lookup->wait == NULL) {

        if (ngx_keepers_lookup_cached(r, lookup) == NGX_OK) {
            return NGX_OK;
        }

        rc = ngx_keepers_lookup_ask(r, lookup, mode, wake);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (lookup->wait->rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ngx_keepers_lookup_answered(r, lookup);

    return NGX_OK;
}


ngx_uint_t
ngx_keepers_lookup_fresh(ngx_http_request_t *r, ngx_keepers_lookup_t *lookup)
{
    return lookup->state != 0 || lookup->wait != NULL
           || ngx_keepers_lookup_cached(r, lookup) == NGX_OK;
}


/* NGX_OK: fresh, the state is set.  NGX_DECLINED: Redis must be asked. */

static ngx_int_t
ngx_keepers_lookup_cached(ngx_http_request_t *r, ngx_keepers_lookup_t *lookup)
{
    size_t                    len;
    ngx_msec_t                stamp_ms;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    if (ngx_keepers_cache_get(&kmcf->shm->links, lookup->hash, lookup->value,
                              &len, &stamp_ms)
        != NGX_OK || len == 0)
    {
        return NGX_DECLINED;
    }

    lookup->len = len;

    if (ngx_current_msec - stamp_ms >= NGX_KEEPERS_LOOKUP_FRESH_MS) {
        return NGX_DECLINED;
    }

    return ngx_keepers_lookup_decode(lookup);
}


/* NGX_ERROR: no memory; else see wait->rc. */

static ngx_int_t
ngx_keepers_lookup_ask(ngx_http_request_t *r, ngx_keepers_lookup_t *lookup,
    ngx_keepers_wait_mode_e mode, ngx_keepers_wake_pt wake)
{
    keepers_str_t  argv[2];

    lookup->wait = ngx_keepers_wait_create(r, 1,
                                           NGX_KEEPERS_LOOKUP_SEALED_MAX);
    if (lookup->wait == NULL) {
        return NGX_ERROR;
    }

    lookup->wait->data = lookup;

    argv[0] = keepers_str("GET", 3);
    argv[1] = lookup->key;

    (void) ngx_keepers_wait_command(lookup->wait, mode, wake, argv, 2);

    return NGX_OK;
}


static void
ngx_keepers_lookup_answered(ngx_http_request_t *r,
    ngx_keepers_lookup_t *lookup)
{
    const ngx_keepers_redis_value_t  *value;

    value = ngx_keepers_wait_value(lookup->wait, NGX_KEEPERS_REDIS_STRING);

    switch (lookup->wait->rc) {

    case NGX_OK:

        if (value != NULL
            && ngx_keepers_lookup_open(r, lookup, value->string) == NGX_OK)
        {
            ngx_keepers_lookup_store(r, lookup);
            return;
        }

        break;

    case NGX_DECLINED:

        lookup->state = NGX_KEEPERS_LOOKUP_UNKNOWN;
        lookup->value[0] = NGX_KEEPERS_LOOKUP_UNKNOWN;
        lookup->len = 1;

        ngx_keepers_lookup_store(r, lookup);
        return;
    }

    ngx_keepers_lookup_failed(lookup);
}


/*
 * What is in Redis under our key, but is not ours, is an error and no miss:
 * a record that was moved or injected must not close a link.
 */

static ngx_int_t
ngx_keepers_lookup_open(ngx_http_request_t *r, ngx_keepers_lookup_t *lookup,
    keepers_str_t sealed)
{
    int                       rc;
    u_char                    record[KEEPERS_LINK_RECORD_MAX];
    size_t                    i, len;
    keepers_link_t            link;
    keepers_keyring_t        *ring;

    ring = ngx_keepers_main_conf(r)->shared;

    rc = KEEPERS_TOKEN_FORGED;
    len = 0;

    for (i = 0; i < ring->n && rc != KEEPERS_OK; i++) {
        rc = keepers_open(ring, i, KEEPERS_PURPOSE_LINK, lookup->key, sealed,
                          record, sizeof(record), &len);
    }

    if (rc != KEEPERS_OK
        || keepers_link_decode(keepers_str(record, len), &link) != KEEPERS_OK
        || !keepers_str_eq(link.slug, lookup->slug))
    {
        ngx_keepers_log(NGX_LOG_ERR, r, "the record of a link in Redis does "
                        "not open: do edge and writer have the same keys?");
        return NGX_ERROR;
    }

    lookup->value[0] = (link.state == KEEPERS_LINK_OPEN)
                           ? NGX_KEEPERS_LOOKUP_OPEN
                           : NGX_KEEPERS_LOOKUP_CLOSED;

    ngx_memcpy(lookup->value + 1, record, len);
    lookup->len = 1 + len;

    return ngx_keepers_lookup_decode(lookup);
}


/* Sets the state from the value. */

static ngx_int_t
ngx_keepers_lookup_decode(ngx_keepers_lookup_t *lookup)
{
    switch (lookup->value[0]) {

    case NGX_KEEPERS_LOOKUP_UNKNOWN:
        lookup->state = NGX_KEEPERS_LOOKUP_UNKNOWN;
        return NGX_OK;

    case NGX_KEEPERS_LOOKUP_OPEN:
    case NGX_KEEPERS_LOOKUP_CLOSED:

        if (ngx_keepers_lookup_read(keepers_str(lookup->value + 1,
                                                lookup->len - 1),
                                    &lookup->link)
            != NGX_OK)
        {
            break;
        }

        lookup->state = lookup->value[0];
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* What is byte for byte the record before is not judged again. */

static ngx_int_t
ngx_keepers_lookup_read(keepers_str_t record, keepers_link_t *link)
{
    if (record.len == ngx_keepers_lookup_sound_len
        && ngx_memcmp(record.data, ngx_keepers_lookup_sound, record.len) == 0)
    {
        return keepers_link_read(record, link) == KEEPERS_OK ? NGX_OK
                                                             : NGX_DECLINED;
    }

    if (keepers_link_decode(record, link) != KEEPERS_OK) {
        return NGX_DECLINED;
    }

    ngx_memcpy(ngx_keepers_lookup_sound, record.data, record.len);
    ngx_keepers_lookup_sound_len = record.len;

    return NGX_OK;
}


static void
ngx_keepers_lookup_store(ngx_http_request_t *r, ngx_keepers_lookup_t *lookup)
{
    ngx_keepers_cache_put(&ngx_keepers_main_conf(r)->shm->links,
                          lookup->hash, lookup->value, lookup->len,
                          lookup->wait->asked_ms, ngx_current_msec);
}


/* Redis failed: an old record is better than no page, an old miss is not. */

static void
ngx_keepers_lookup_failed(ngx_keepers_lookup_t *lookup)
{
    if (lookup->len > 1 && ngx_keepers_lookup_decode(lookup) == NGX_OK) {
        return;
    }

    lookup->state = NGX_KEEPERS_LOOKUP_ERROR;
}
