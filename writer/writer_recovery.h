
/*
 * Copyright (C) Keepers
 *
 * Ten recovery codes of an account that has a second factor, for the day on
 * which that is lost.
 */


#ifndef _WRITER_RECOVERY_H_INCLUDED_
#define _WRITER_RECOVERY_H_INCLUDED_


#include "writer/writer_job.h"
#include "writer/writer_json.h"


/* Is "code" one that was not used?  Of whoever has none, at the same cost. */
int writer_recovery_check(writer_context_t *ctx, const keepers_uuid_t *user,
    const writer_store_second_t *second, keepers_str_t code,
    writer_factor_t *factor) keepers_checked;

/*
 * New ones, shown this once, as "recovery_codes" of the map that is open;
 * those before are good for nothing.
 */
int writer_recovery_renew(writer_context_t *ctx, const keepers_uuid_t *user,
    writer_json_t *json) keepers_checked;

/* Behind the removal of a factor: with the last one its codes go. */
int writer_recovery_settle(writer_context_t *ctx, const keepers_uuid_t *user)
    keepers_checked;


#endif /* _WRITER_RECOVERY_H_INCLUDED_ */
