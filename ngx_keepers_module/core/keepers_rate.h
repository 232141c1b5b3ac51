
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
    uint64_t   tat_us;          /* new state; when refused the old one, or
                                   that of a used up budget if it is beyond */
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
 * The same limit in equal parts for "nodes" machines that cannot ask each
 * other (0 counts as 1).  A part fills at a n-th of the pace; its states are
 * those of the whole, so that what was used of the whole is used of each part,
 * and of what is left each spends a n-th.  At least one at a time passes.
 */
keepers_rate_t keepers_rate_share(const keepers_rate_t *rate, uint32_t nodes);

/*
 * "times" as much, at once and a period.  Below a microsecond a cell it stays
 * at a microsecond.
 */
keepers_rate_t keepers_rate_times(const keepers_rate_t *rate, uint32_t times);

/*
 * One decision: state "tat_us" (0: none), at now, "cost" cells.  Cost 0 peeks:
 * would one more be admitted?  Its state is the old one.
 */
keepers_rate_decision_t keepers_rate_decide(const keepers_rate_t *rate,
    uint64_t tat_us, uint64_t now_us, uint32_t cost);

/*
 * Cells that are left of a budget of which "ahead_us" is used; more than all
 * of it: none.
 */
uint32_t keepers_rate_left(const keepers_rate_t *rate, uint64_t ahead_us);

/*
 * The state after "amount_us" (cost * interval) was given back; never below
 * now, where the bucket is empty.  A state that is not ahead stays as it is.
 */
uint64_t keepers_rate_undo(uint64_t tat_us, uint64_t now_us,
    uint64_t amount_us);


#endif /* _KEEPERS_RATE_H_INCLUDED_ */
