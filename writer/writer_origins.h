
/*
 * Copyright (C) Keepers
 *
 * Where passkeys are good: [passkeys] rp_id, a domain, and origins, those of
 * the dashboard.  A passkey is bound to the domain for ever, and a browser
 * says from which origin it was asked.
 */


#ifndef _WRITER_ORIGINS_H_INCLUDED_
#define _WRITER_ORIGINS_H_INCLUDED_


#include "writer/writer_conf.h"


/* 0; -1: conf->fault says what is wrong with them. */
int writer_origins_check(writer_conf_t *conf);


#endif /* _WRITER_ORIGINS_H_INCLUDED_ */
