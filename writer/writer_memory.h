
/*
 * Copyright (C) Keepers
 *
 * The process' memory.  That of libevent, in which requests come and answers
 * go, is wiped when it is given back.
 */


#ifndef _WRITER_MEMORY_H_INCLUDED_
#define _WRITER_MEMORY_H_INCLUDED_


/* Before anything else of libevent is called. */
void writer_memory_init(void);


#endif /* _WRITER_MEMORY_H_INCLUDED_ */
