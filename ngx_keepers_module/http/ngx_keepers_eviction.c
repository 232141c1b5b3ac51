
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_eviction.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_worker.h"


#define NGX_KEEPERS_EVICTION_SOON_MS     200        /* is Redis there? */
#define NGX_KEEPERS_EVICTION_AGAIN_MS    60000
#define NGX_KEEPERS_EVICTION_REFUSED_MS  3600000    /* no right to INFO */
#define NGX_KEEPERS_EVICTION_TOLD_S      3600       /* a line, of what grows */


typedef enum {
    NGX_KEEPERS_EVICTION_MEMORY = 0,
    NGX_KEEPERS_EVICTION_STATS,
    NGX_KEEPERS_EVICTION_SECTIONS
} ngx_keepers_eviction_section_e;


typedef struct {
    ngx_keepers_main_conf_t         *kmcf;
    ngx_event_t                      tick;
    ngx_keepers_eviction_section_e   section;   /* to be asked for next */
    ngx_keepers_redis_op_t          *op;
    ngx_keepers_redis_reply_t        reply;
    ngx_keepers_redis_value_t        value;
    uint64_t                         told;      /* keys, of the last line */
    time_t                           told_s;
    unsigned                         warned:1;  /* of the policy */
} ngx_keepers_eviction_t;


static void ngx_keepers_eviction_tick(ngx_event_t *ev);
static void ngx_keepers_eviction_again(ngx_keepers_eviction_t *eviction,
    ngx_msec_t ms);
static void ngx_keepers_eviction_answered(void *data, ngx_int_t rc);
static void ngx_keepers_eviction_policy(ngx_keepers_eviction_t *eviction,
    keepers_str_t info);
static void ngx_keepers_eviction_keys(ngx_keepers_eviction_t *eviction,
    keepers_str_t info);
static keepers_str_t ngx_keepers_eviction_field(keepers_str_t info,
    const char *name);


/*
 * The first of the workers: a number, which the one after a reload and the one
 * that takes the place of a dead one have too.  A note in the zone of who asks
 * would outlive them.
 */

ngx_int_t
ngx_keepers_eviction_init(ngx_cycle_t *cycle, ngx_keepers_main_conf_t *kmcf)
{
    ngx_keepers_eviction_t  *eviction;

    if (ngx_worker != 0) {
        return NGX_OK;
    }

    eviction = ngx_pcalloc(cycle->pool, sizeof(ngx_keepers_eviction_t));
    if (eviction == NULL) {
        return NGX_ERROR;
    }

    eviction->reply.values = &eviction->value;
    eviction->reply.values_max = 1;
    eviction->reply.size = NGX_KEEPERS_REDIS_BYTES_MAX;
    eviction->reply.data = ngx_palloc(cycle->pool, eviction->reply.size);

    if (eviction->reply.data == NULL) {
        return NGX_ERROR;
    }

    eviction->kmcf = kmcf;

    eviction->tick.handler = ngx_keepers_eviction_tick;
    eviction->tick.data = eviction;
    eviction->tick.log = cycle->log;
    eviction->tick.cancelable = 1;

    /* it may be another Redis than before the reload */

    kmcf->shm->eviction = NGX_KEEPERS_EVICTION_UNKNOWN;

    ngx_keepers_eviction_again(eviction, NGX_KEEPERS_EVICTION_SOON_MS);

    return NGX_OK;
}


static void
ngx_keepers_eviction_again(ngx_keepers_eviction_t *eviction, ngx_msec_t ms)
{
    eviction->section = NGX_KEEPERS_EVICTION_MEMORY;

    /* one that leaves has a successor */

    if (!ngx_exiting) {
        ngx_add_timer(&eviction->tick, ms);
    }
}


static void
ngx_keepers_eviction_tick(ngx_event_t *ev)
{
    keepers_str_t            argv[2];
    ngx_keepers_eviction_t  *eviction;

    static const keepers_str_t  sections[NGX_KEEPERS_EVICTION_SECTIONS] = {
        keepers_string("memory"),
        keepers_string("stats")
    };

    eviction = ev->data;

    argv[0] = keepers_str("INFO", 4);
    argv[1] = sections[eviction->section];

    if (!ngx_keepers_redis_ready(ngx_keepers_worker.redis)
        || ngx_keepers_redis_issue(ngx_keepers_worker.redis, argv, 2,
                                   &eviction->reply,
                                   ngx_keepers_eviction_answered, eviction,
                                   &eviction->op)
           != NGX_AGAIN)
    {
        ngx_keepers_eviction_again(eviction, NGX_KEEPERS_EVICTION_SOON_MS);
    }
}


static void
ngx_keepers_eviction_answered(void *data, ngx_int_t rc)
{
    ngx_keepers_eviction_t  *eviction;

    eviction = data;
    eviction->op = NULL;

    if (rc != NGX_OK || eviction->reply.n != 1
        || eviction->value.kind != NGX_KEEPERS_REDIS_STRING)
    {
        /* refused, if the connection is still there: the log has a line */

        ngx_keepers_eviction_again(eviction,
            rc == NGX_ERROR && ngx_keepers_redis_ready(ngx_keepers_worker.redis)
            ? NGX_KEEPERS_EVICTION_REFUSED_MS
            : NGX_KEEPERS_EVICTION_AGAIN_MS);
        return;
    }

    if (eviction->section == NGX_KEEPERS_EVICTION_MEMORY) {
        ngx_keepers_eviction_policy(eviction, eviction->value.string);

        eviction->section = NGX_KEEPERS_EVICTION_STATS;
        ngx_keepers_eviction_tick(&eviction->tick);
        return;
    }

    ngx_keepers_eviction_keys(eviction, eviction->value.string);
    ngx_keepers_eviction_again(eviction, NGX_KEEPERS_EVICTION_AGAIN_MS);
}


/* Without a limit of memory nothing is evicted, whatever the policy. */

static void
ngx_keepers_eviction_policy(ngx_keepers_eviction_t *eviction,
    keepers_str_t info)
{
    keepers_str_t             policy, limit;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = eviction->kmcf;

    policy = ngx_keepers_eviction_field(info, "\nmaxmemory_policy:");
    limit = ngx_keepers_eviction_field(info, "\nmaxmemory:");

    if (policy.len == 0 || limit.len == 0) {
        kmcf->shm->eviction = NGX_KEEPERS_EVICTION_UNKNOWN;
        return;
    }

    if (keepers_str_eq(limit, keepers_str("0", 1))
        || keepers_str_eq(policy, keepers_str("noeviction", 10)))
    {
        kmcf->shm->eviction = NGX_KEEPERS_EVICTION_NEVER;
        eviction->warned = 0;
        return;
    }

    kmcf->shm->eviction = NGX_KEEPERS_EVICTION_WHEN_FULL;

    if (eviction->warned) {
        return;
    }

    eviction->warned = 1;

    ngx_log_error(NGX_LOG_ERR, eviction->tick.log, 0,
                  "keepers: Redis \"%V\" will evict keys when it is full, "
                  "which signs people out and makes limits start anew: set "
                  "its \"maxmemory-policy\" to \"noeviction\"",
                  &kmcf->redis.address);
}


static void
ngx_keepers_eviction_keys(ngx_keepers_eviction_t *eviction,
    keepers_str_t info)
{
    uint64_t  keys;

    if (!keepers_text_uint(ngx_keepers_eviction_field(info, "\nevicted_keys:"),
                           &keys))
    {
        return;
    }

    eviction->kmcf->shm->evicted_keys = (ngx_atomic_uint_t) keys;

    if (keys < eviction->told) {

        /* it was restarted, or is another one */

        eviction->told = 0;
        eviction->told_s = 0;
    }

    if (keys == eviction->told
        || (eviction->told_s != 0
            && ngx_time() - eviction->told_s < NGX_KEEPERS_EVICTION_TOLD_S))
    {
        return;
    }

    eviction->told = keys;
    eviction->told_s = ngx_time();

    ngx_log_error(NGX_LOG_ERR, eviction->tick.log, 0,
                  "keepers: Redis \"%V\" has evicted %uL keys since it was "
                  "started: it is full, give it more \"maxmemory\"",
                  &eviction->kmcf->redis.address, keys);
}


/* The value of "\nname:" in an answer to INFO; empty: it is not there. */

static keepers_str_t
ngx_keepers_eviction_field(keepers_str_t info, const char *name)
{
    size_t         i, len;
    keepers_str_t  value;

    len = ngx_strlen(name);

    for (i = 0; i + len <= info.len; i++) {

        if (ngx_memcmp(info.data + i, name, len) != 0) {
            continue;
        }

        value = keepers_str(info.data + i + len, 0);

        while (i + len + value.len < info.len
               && value.data[value.len] != '\r')
        {
            value.len++;
        }

        return value;
    }

    return keepers_str(NULL, 0);
}
