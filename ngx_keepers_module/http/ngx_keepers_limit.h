
/*
 * Copyright (C) Keepers
 *
 * What the shared zone's table "limits" holds of a key of a rule.
 */


#ifndef _NGX_KEEPERS_LIMIT_H_INCLUDED_
#define _NGX_KEEPERS_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_KEEPERS_LIMIT_RULES_MAX  64     /* one bit each, a request */
#define NGX_KEEPERS_LIMIT_NAME_MAX   32


/*
 * Times are microseconds of ngx_current_msec, which all workers of a machine
 * share.  Until deny_us a request that costs deny_cost or more is refused
 * without asking Redis, which has just refused one; tat_us goes on from what
 * Redis knew then, should it be lost.
 */
typedef struct {
    uint64_t    tat_us;
    uint64_t    deny_us;
    uint32_t    deny_cost;
} ngx_keepers_limit_local_t;


#endif /* _NGX_KEEPERS_LIMIT_H_INCLUDED_ */
