
/*
 * Copyright (C) Keepers
 *
 * Where signups wait in Redis, as streams: for the writer, and those that it
 * has set aside because it could not open or take them.
 */


#ifndef _NGX_KEEPERS_SPOOL_H_INCLUDED_
#define _NGX_KEEPERS_SPOOL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_out.h"


/* a prefix has at most 64 bytes */
#define NGX_KEEPERS_SPOOL_KEY_LEN  (64 + sizeof("{spool}:dead"))


typedef enum {
    NGX_KEEPERS_QUEUE_WAITING = 0,
    NGX_KEEPERS_QUEUE_ASIDE,
    NGX_KEEPERS_QUEUES
} ngx_keepers_queue_e;


/* What Redis has told of them so far, in this order. */
typedef struct {
    uint64_t     length[NGX_KEEPERS_QUEUES];
    ngx_uint_t   n;
} ngx_keepers_queues_t;


/* The key of a queue in Redis. */
void ngx_keepers_spool_key(ngx_http_request_t *r, ngx_keepers_queue_e queue,
    keepers_out_t *key);


#endif /* _NGX_KEEPERS_SPOOL_H_INCLUDED_ */
