
/*
 * Copyright (C) Keepers
 *
 * What became of requests at each rule, in the shared zone.  A rule keeps its
 * counters over a reload, wherever it stands then.
 */


#include "http/ngx_keepers_limit_int.h"


static ngx_keepers_shm_rule_t *ngx_keepers_limit_counters_of(
    ngx_keepers_main_conf_t *kmcf, ngx_str_t *name);
static ngx_uint_t ngx_keepers_limit_counters_used(
    ngx_keepers_main_conf_t *kmcf, const ngx_keepers_shm_rule_t *counters);


void
ngx_keepers_limit_counters(ngx_keepers_main_conf_t *kmcf)
{
    ngx_uint_t                  i;
    ngx_keepers_limit_rule_t  **rules;

    if (kmcf->limit_rules == NULL) {
        return;
    }

    rules = kmcf->limit_rules->elts;

    for (i = 0; i < kmcf->limit_rules->nelts; i++) {
        rules[i]->counters = ngx_keepers_limit_counters_of(kmcf,
                                                           &rules[i]->name);

        if (rules[i]->wide != NULL) {
            rules[i]->wide->counters = rules[i]->counters;
        }
    }
}


/*
 * By name; else a free one; else of a rule that is gone.  There are twice as
 * many as a configuration can have rules, so there is one.
 */

static ngx_keepers_shm_rule_t *
ngx_keepers_limit_counters_of(ngx_keepers_main_conf_t *kmcf, ngx_str_t *name)
{
    ngx_uint_t               i;
    ngx_keepers_shm_rule_t  *counters, *room;

    room = NULL;
    counters = kmcf->shm->rules;

    for (i = 0; i < NGX_KEEPERS_SHM_RULES; i++, counters++) {

        if (counters->len == name->len
            && ngx_memcmp(counters->name, name->data, name->len) == 0)
        {
            return counters;
        }

        if (counters->len == 0) {
            room = room == NULL || room->len != 0 ? counters : room;

        } else if (room == NULL
                   && !ngx_keepers_limit_counters_used(kmcf, counters))
        {
            room = counters;
        }
    }

    ngx_memzero(room, sizeof(ngx_keepers_shm_rule_t));
    ngx_memcpy(room->name, name->data, name->len);
    room->len = name->len;

    return room;
}


static ngx_uint_t
ngx_keepers_limit_counters_used(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_shm_rule_t *counters)
{
    ngx_str_t  name;

    name.len = counters->len;
    name.data = (u_char *) counters->name;

    return ngx_keepers_limit_find(kmcf, &name) != NULL;
}


/* A client's /48 counts with its rule only where it decides. */

void
ngx_keepers_limit_count(ngx_keepers_limit_item_t *item)
{
    ngx_keepers_verdict_e  verdict;

    if (item->admitted) {
        if (item->wide) {
            return;
        }

        verdict = NGX_KEEPERS_VERDICT_PASSED;

    } else {
        verdict = item->noted ? NGX_KEEPERS_VERDICT_REMEMBERED
                              : NGX_KEEPERS_VERDICT_LIMITED;
    }

    (void) ngx_atomic_fetch_add(&item->rule->counters->verdicts[verdict], 1);
}
