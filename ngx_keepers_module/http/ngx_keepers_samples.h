
/*
 * Copyright (C) Keepers
 *
 * What this machine counts and holds, gathered for keepers_status.
 */


#ifndef _NGX_KEEPERS_SAMPLES_H_INCLUDED_
#define _NGX_KEEPERS_SAMPLES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/keepers_metrics.h"
#include "http/ngx_keepers_spool.h"


/* All samples, n of them, in the request's pool; NULL: no memory. */
keepers_sample_t *ngx_keepers_samples(ngx_http_request_t *r,
    const ngx_keepers_queues_t *queues, size_t *n);


#endif /* _NGX_KEEPERS_SAMPLES_H_INCLUDED_ */
