
/*
 * Copyright (C) Keepers
 *
 * GCRA (the generic cell rate algorithm, ITU-T I.371) in integer
 * microseconds: exactly "burst" at once, then N per period.
 */


#ifndef _KEEPERS_RATE_H_INCLUDED_
#define _KEEPERS_RATE_H_INCLUDED_


#include "core/keepers_base.h"


#define KEEPERS_RATE_MAX  1000000       /* a second */


typedef struct {
    uint64_t   interval_us;     /* period / N, at least 1 */
    uint64_t   tolerance_us;    /* (burst - 1) * interval */
    uint32_t   burst;           /* at least 1 */
} keepers_rate_t;


typedef struct {
    bool       admitted;
    uint64_t   retry_us;        /* until one of this cost is admitted;
                                   UINT64_MAX: never, cost > burst */
    uint64_t   tat_us;          /* new state; the old one when refused */
    uint32_t   remaining;
} keepers_rate_decision_t;


enum {
    KEEPERS_RATE_SYNTAX = 1,    /* not "N/s", "N/m", "N/10m", "N/h", "N/d" */
    KEEPERS_RATE_RANGE
};


/* "5/10m" with burst 0: burst is N. */
int keepers_rate_read(keepers_str_t text, uint32_t burst,
    keepers_rate_t *rate) keepers_checked;

/*
 * One decision: state "tat_us" (0: none), at now, "cost" cells.  Cost 0 peeks:
 * would one more be admitted?  Its state is the old one.
 */
keepers_rate_decision_t keepers_rate_decide(const keepers_rate_t *rate,
    uint64_t tat_us, uint64_t now_us, uint32_t cost);


/*
 * The state after "amount_us" (cost * interval) was given back; never below
 * now, where the bucket is empty.  A state that is not ahead stays as it is.
 */
uint64_t keepers_rate_undo(uint64_t tat_us, uint64_t now_us,
    uint64_t amount_us);


#endif /* _KEEPERS_RATE_H_INCLUDED_ */
