
/*
 * Copyright (C) Keepers
 *
 * Waiting on a condition for so long, by the clock that nobody sets.
 */


#ifndef _WRITER_WAIT_H_INCLUDED_
#define _WRITER_WAIT_H_INCLUDED_


#include "core/keepers_base.h"

#include <pthread.h>


void writer_wait_init(pthread_cond_t *cond);

/*
 * The lock is held.  False: "ms" are over; like any condition it may also
 * wake for nothing.
 */
bool writer_wait(pthread_cond_t *cond, pthread_mutex_t *lock, unsigned ms);

/* Of that clock: for spans, not for dates. */
uint64_t writer_wait_now_ms(void);


#endif /* _WRITER_WAIT_H_INCLUDED_ */
