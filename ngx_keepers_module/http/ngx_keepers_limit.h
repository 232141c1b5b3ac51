
/*
 * Copyright (C) Keepers
 *
 * Rules of limits as they are read, and what the shared zone's table "limits"
 * holds of a key of one.
 */


#ifndef _NGX_KEEPERS_LIMIT_H_INCLUDED_
#define _NGX_KEEPERS_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_keepers_conf.h"


#define NGX_KEEPERS_LIMIT_RULES_MAX  64     /* one bit each, a request */
#define NGX_KEEPERS_LIMIT_NAME_MAX   NGX_KEEPERS_SHM_RULE_NAME


/*
 * Times are microseconds of ngx_current_msec, which all workers of a machine
 * share.  Until deny_us a request that costs deny_cost or more is refused
 * without asking Redis, which has just refused one; tat_us is what Redis knew
 * last, to go on from should it be lost.
 */
typedef struct {
    uint64_t    tat_us;
    uint64_t    deny_us;
    uint32_t    deny_cost;
} ngx_keepers_limit_local_t;


/*
 * A reservation in Redis that is made with the decision of limits, in one call:
 * key, what it says, its lifetime in ms; and what has become of it.
 */
typedef struct {
    keepers_str_t    key;
    keepers_str_t    value;
    keepers_str_t    life;
    keepers_str_t    found;         /* said by another; data NULL: none was */
    unsigned         asked:1;       /* Redis has decided */
} ngx_keepers_limit_reserve_t;


/* The rule of this name above, or NULL. */
ngx_keepers_limit_rule_t *ngx_keepers_limit_find(
    ngx_keepers_main_conf_t *kmcf, ngx_str_t *name);

/* Sets rule->key, and rule->wide if the key names the client. */
char *ngx_keepers_limit_key_conf(ngx_conf_t *cf,
    ngx_keepers_limit_rule_t *rule, ngx_str_t *key);

/* Of a signup whose fields were read: its address, its link's business. */
keepers_str_t ngx_keepers_limit_link(ngx_http_request_t *r);
keepers_str_t ngx_keepers_limit_recipient(ngx_http_request_t *r);
keepers_str_t ngx_keepers_limit_business(ngx_http_request_t *r);

/* When all that a value names is known. */
ngx_keepers_limit_stage_e ngx_keepers_limit_stage(ngx_str_t *text);

/*
 * As ngx_keepers_limit_check() in a phase, with a reservation.  NGX_OK: the
 * limits have decided, and the reservation is made if Redis was asked and none
 * of them refuses; or there was one, and only rules with "at=signup" were
 * decided.  NGX_DECLINED: nothing else was asked, for it cannot be in one call.
 */
ngx_int_t ngx_keepers_limit_admit(ngx_http_request_t *r,
    ngx_keepers_limit_stage_e stage, ngx_keepers_limit_reserve_t *reserve);

/*
 * Decides the rules with "at=signup", if they wait for what a signup says: one
 * that ends before that, or waits itself.  As ngx_keepers_limit_check().
 */
ngx_int_t ngx_keepers_limit_settle(ngx_http_request_t *r);

/* What is known of a location's rules, and what its refusal says: made once. */
char *ngx_keepers_limit_merge(ngx_conf_t *cf, ngx_keepers_loc_conf_t *klcf);

/* Whole seconds, rounded up. */
#define ngx_keepers_limit_seconds(us)                                        \
    ((us) / 1000000 + ((us) % 1000000 != 0))

/* Once the zone is there: where each rule counts, as before a reload. */
void ngx_keepers_limit_counters(ngx_keepers_main_conf_t *kmcf);

/*
 * Once all of the "http" block is read: each rule's share of
 * "keepers_limit_nodes", and what is said of it to Redis.
 */
char *ngx_keepers_limit_rules_done(ngx_conf_t *cf,
    ngx_keepers_main_conf_t *kmcf);


#endif /* _NGX_KEEPERS_LIMIT_H_INCLUDED_ */
