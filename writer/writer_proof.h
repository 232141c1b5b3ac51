
/*
 * Copyright (C) Keepers
 *
 * How a sign-in and a step-up end: one answer for all that is wrong, a note in
 * the log of the business, and a code that is good once.
 */


#ifndef _WRITER_PROOF_H_INCLUDED_
#define _WRITER_PROOF_H_INCLUDED_


#include "writer/writer_job.h"


/*
 * Ends a run.  "account" NULL: nobody has this address; else "good" says
 * whether all that was given is right, from the coarse network "net".  What
 * the job has in "in" and in its room is gone after this.
 */
int writer_proof_end(writer_job_t *job, const writer_store_account_t *account,
    bool good, const writer_factor_t *factor, const unsigned char net[8],
    const writer_proof_words_t *words);

/* POST /v1/step-up */
bool writer_proof_step_up_read(writer_job_t *job, void *http);
int writer_proof_step_up(writer_context_t *ctx, writer_job_t *job);


#endif /* _WRITER_PROOF_H_INCLUDED_ */
