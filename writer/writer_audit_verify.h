
/*
 * Copyright (C) Keepers
 *
 * "audit verify": whether the audit logs are as they were written.
 */


#ifndef _WRITER_AUDIT_VERIFY_H_INCLUDED_
#define _WRITER_AUDIT_VERIFY_H_INCLUDED_


#include "writer/writer_conf.h"


/* Of one business, by its id, or of all (NULL).  The exit status: 0, all are
 * whole; 1, one is not, or the store fails; 2, that is no id. */
int writer_audit_verify(const writer_conf_t *conf, const char *business);


#endif /* _WRITER_AUDIT_VERIFY_H_INCLUDED_ */
