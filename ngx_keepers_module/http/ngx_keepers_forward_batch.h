
/*
 * Copyright (C) Keepers
 *
 * Signups that go to the writer together.  Of those that are sealed in one turn
 * of the event loop one leads: proxy_pass takes its request to the writer, with
 * the envelopes of all in it, and the others wait for what comes back.  Whom
 * the leader leaves without an answer goes alone.
 */


#ifndef _NGX_KEEPERS_FORWARD_BATCH_H_INCLUDED_
#define _NGX_KEEPERS_FORWARD_BATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_signup.h"


/* Once a worker. */
void ngx_keepers_forward_batch_init(ngx_cycle_t *cycle);

/*
 * The answer is there, in r->upstream, or in its place "status": each of those
 * that were taken along gets its own, and goes on soon.  Returns the one of
 * this request: NGX_HTTP_BAD_GATEWAY if the writer has not read the batch.
 */
ngx_uint_t ngx_keepers_forward_landed(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup, ngx_uint_t status);

/*
 * The request goes to a page of the host's own: nobody waits for that, and the
 * body is that of one again, whoever reads it.  NGX_OK, NGX_ERROR: no memory.
 */
ngx_int_t ngx_keepers_forward_elsewhere(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);


#endif /* _NGX_KEEPERS_FORWARD_BATCH_H_INCLUDED_ */
