
/*
 * Copyright (C) Keepers
 *
 * Included before any header of libc: which parts of the system the writer
 * asks for, whatever -std the build passes.
 */


#ifndef _WRITER_OS_H_INCLUDED_
#define _WRITER_OS_H_INCLUDED_


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS  64
#endif


#include <stdint.h>
#include <time.h>


static inline uint64_t
writer_now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


#endif /* _WRITER_OS_H_INCLUDED_ */
