
/*
 * Copyright (C) Keepers
 *
 * SQLite's own page cache, but for one thing: at each commit SQLite drops the
 * pages behind the end of the database, and its cache looks at every page it
 * has to find them, because a B-tree that was balanced has lent one of its
 * pages, for a moment, a number far behind the end.  With 16,000 pages cached
 * that took a tenth of the writer's time.  Here it is known that there are
 * none.
 */


#include "writer/writer_store_sqlite.h"

#include <stdlib.h>


typedef struct {
    sqlite3_pcache  *inner;
    unsigned         last;      /* no page stands behind, but that at "lent" */
    unsigned         lent;      /* 0: none */
} writer_sqlite_cache_t;


static sqlite3_pcache *writer_sqlite_cache_create(int page, int extra,
    int purgeable);
static void writer_sqlite_cache_destroy(sqlite3_pcache *cache);
static void writer_sqlite_cache_size(sqlite3_pcache *cache, int pages);
static void writer_sqlite_cache_shrink(sqlite3_pcache *cache);
static int writer_sqlite_cache_count(sqlite3_pcache *cache);
static sqlite3_pcache_page *writer_sqlite_cache_fetch(sqlite3_pcache *cache,
    unsigned key, int create);
static void writer_sqlite_cache_unpin(sqlite3_pcache *cache,
    sqlite3_pcache_page *page, int discard);
static void writer_sqlite_cache_rekey(sqlite3_pcache *cache,
    sqlite3_pcache_page *page, unsigned from, unsigned to);
static void writer_sqlite_cache_truncate(sqlite3_pcache *cache,
    unsigned limit);


static sqlite3_pcache_methods2  writer_sqlite_cache_inner;


int
writer_sqlite_cache_use(void)
{
    int                      rc;
    sqlite3_pcache_methods2  ours;

    rc = sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &writer_sqlite_cache_inner);

    if (rc != SQLITE_OK) {
        return rc;
    }

    ours = writer_sqlite_cache_inner;
    ours.xCreate = writer_sqlite_cache_create;
    ours.xCachesize = writer_sqlite_cache_size;
    ours.xPagecount = writer_sqlite_cache_count;
    ours.xFetch = writer_sqlite_cache_fetch;
    ours.xUnpin = writer_sqlite_cache_unpin;
    ours.xRekey = writer_sqlite_cache_rekey;
    ours.xTruncate = writer_sqlite_cache_truncate;
    ours.xDestroy = writer_sqlite_cache_destroy;
    ours.xShrink = writer_sqlite_cache_shrink;

    return sqlite3_config(SQLITE_CONFIG_PCACHE2, &ours);
}


static sqlite3_pcache *
writer_sqlite_cache_create(int page, int extra, int purgeable)
{
    writer_sqlite_cache_t  *cache;

    cache = calloc(1, sizeof(*cache));
    if (cache == NULL) {
        return NULL;
    }

    cache->inner = writer_sqlite_cache_inner.xCreate(page, extra, purgeable);

    if (cache->inner == NULL) {
        free(cache);
        return NULL;
    }

    return (sqlite3_pcache *) cache;
}


static void
writer_sqlite_cache_destroy(sqlite3_pcache *cache)
{
    writer_sqlite_cache_inner.xDestroy(((writer_sqlite_cache_t *) cache)
                                       ->inner);
    free(cache);
}


static void
writer_sqlite_cache_size(sqlite3_pcache *cache, int pages)
{
    writer_sqlite_cache_inner.xCachesize(((writer_sqlite_cache_t *) cache)
                                         ->inner, pages);
}


static void
writer_sqlite_cache_shrink(sqlite3_pcache *cache)
{
    writer_sqlite_cache_inner.xShrink(((writer_sqlite_cache_t *) cache)
                                      ->inner);
}


static int
writer_sqlite_cache_count(sqlite3_pcache *cache)
{
    return writer_sqlite_cache_inner.xPagecount(
               ((writer_sqlite_cache_t *) cache)->inner);
}


static sqlite3_pcache_page *
writer_sqlite_cache_fetch(sqlite3_pcache *opaque, unsigned key, int create)
{
    writer_sqlite_cache_t  *cache;

    cache = (writer_sqlite_cache_t *) opaque;

    if (create && key > cache->last) {
        cache->last = key;
    }

    return writer_sqlite_cache_inner.xFetch(cache->inner, key, create);
}


static void
writer_sqlite_cache_unpin(sqlite3_pcache *cache, sqlite3_pcache_page *page,
    int discard)
{
    writer_sqlite_cache_inner.xUnpin(((writer_sqlite_cache_t *) cache)->inner,
                                     page, discard);
}


static void
writer_sqlite_cache_rekey(sqlite3_pcache *opaque, sqlite3_pcache_page *page,
    unsigned from, unsigned to)
{
    writer_sqlite_cache_t  *cache;

    cache = (writer_sqlite_cache_t *) opaque;

    if (from == cache->lent) {
        cache->lent = 0;
    }

    if (to > cache->last) {

        if (cache->lent == 0) {
            cache->lent = to;

        } else {
            cache->last = to;
        }
    }

    writer_sqlite_cache_inner.xRekey(cache->inner, page, from, to);
}


static void
writer_sqlite_cache_truncate(sqlite3_pcache *opaque, unsigned limit)
{
    writer_sqlite_cache_t  *cache;

    cache = (writer_sqlite_cache_t *) opaque;

    if (limit > cache->last && cache->lent < limit) {
        return;
    }

    writer_sqlite_cache_inner.xTruncate(cache->inner, limit);

    cache->lent = 0;

    if (cache->last >= limit) {
        cache->last = limit - 1;
    }
}
