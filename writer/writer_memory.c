
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_memory.h"

#include "core/keepers_keyring.h"

#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>


#define WRITER_MEMORY_KEPT  (64 << 20)      /* bytes */


static void *writer_memory_again(void *p, size_t size);
static void writer_memory_free(void *p);


void
writer_memory_init(void)
{
    event_set_mem_functions(malloc, writer_memory_again, writer_memory_free);

    /* what a batch gave back is for the next one, not for the system */

    (void) mallopt(M_TRIM_THRESHOLD, WRITER_MEMORY_KEPT);
}


/* realloc() leaves what it moves behind. */
static void *
writer_memory_again(void *p, size_t size)
{
    void    *moved;
    size_t   had;

    if (p == NULL) {
        return malloc(size);
    }

    had = malloc_usable_size(p);

    if (size != 0 && size <= had) {
        return p;
    }

    moved = malloc(size);

    if (moved != NULL) {
        memcpy(moved, p, had < size ? had : size);
        writer_memory_free(p);
    }

    return moved;
}


static void
writer_memory_free(void *p)
{
    if (p != NULL) {
        keepers_wipe(p, malloc_usable_size(p));
        free(p);
    }
}
