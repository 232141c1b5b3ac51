
/*
 * Copyright (C) Keepers
 *
 * The state of a worker, made at process start.
 */


#ifndef _NGX_KEEPERS_WORKER_H_INCLUDED_
#define _NGX_KEEPERS_WORKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "core/keepers_envelope.h"
#include "core/keepers_signup.h"
#include "redis/ngx_keepers_redis.h"


typedef struct {
    ngx_keepers_redis_t        *redis;      /* NULL: no keepers_redis */
    keepers_envelope_sender_t   sender;
    keepers_signup_texts_t      texts;
    unsigned                    proxied:1;  /* told: ngx_keepers_proxied.h */
} ngx_keepers_worker_t;


extern ngx_keepers_worker_t  ngx_keepers_worker;


/* Unix milliseconds, from nginx's cached time. */
uint64_t ngx_keepers_now_ms(void);

ngx_int_t ngx_keepers_worker_init(ngx_cycle_t *cycle);
void ngx_keepers_worker_exit(ngx_cycle_t *cycle);


#endif /* _NGX_KEEPERS_WORKER_H_INCLUDED_ */
