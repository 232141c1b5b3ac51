
/*
 * Copyright (C) Keepers
 *
 * Argon2id: makes the hash of a password, and compares with a stored one.  What
 * a stored one asks for is bounded, for the row says how much memory and time
 * it takes: see decision 0038.
 */


#ifndef _WRITER_HASH_H_INCLUDED_
#define _WRITER_HASH_H_INCLUDED_


#include "writer/writer_conf.h"
#include "writer/writer_store.h"


/* What nobody's hash is compared with; once, before threads start. */
bool writer_hash_init(const writer_conf_t *conf) keepers_checked;

/* At the configuration's cost; slow.  False: no memory. */
bool writer_hash_make(const writer_conf_t *conf, keepers_str_t password,
    char hash[WRITER_HASH_TEXT_MAX]) keepers_checked;

/*
 * OK: it is the password of "stored"; NONE: it is not; FAULT: no memory.
 * Without a stored hash, or with one that is none or costs too much, it is
 * NONE after the same work.
 */
int writer_hash_check(const writer_conf_t *conf, const char *stored,
    keepers_str_t password) keepers_checked;


#endif /* _WRITER_HASH_H_INCLUDED_ */
