
/*
 * Copyright (C) Keepers
 *
 * A request on its way through the writer: read on the loop, run on one other
 * thread, answered on the loop.  A job has one owner at any time, and the
 * queues hand it over; it outlives the connection it came from.
 */


#ifndef _WRITER_JOB_H_INCLUDED_
#define _WRITER_JOB_H_INCLUDED_


#include "writer/writer_business.h"
#include "writer/writer_conf.h"
#include "writer/writer_store.h"

#include "core/keepers_batch.h"
#include "core/keepers_field.h"
#include "core/keepers_identity.h"
#include "core/keepers_password.h"
#include "core/keepers_reset.h"
#include "core/keepers_signin.h"
#include "core/keepers_signup.h"
#include "core/keepers_step_up.h"

#include <event2/buffer.h>
#include <event2/http.h>


#define WRITER_JOB_ROOM    4096     /* a record, or what a body decodes to */
#define WRITER_JOB_FIELDS  20
#define WRITER_JOB_ERRORS  8
#define WRITER_QUERY_MAX   100

#define WRITER_TOKENS_CHANGED  "*"      /* in "published": no slug */


typedef struct writer_job_s    writer_job_t;
typedef struct writer_route_s  writer_route_t;
typedef struct writer_links_s  writer_links_t;


/* What a thread that runs jobs has of its own. */
typedef struct {
    const writer_conf_t   *conf;
    writer_store_t        *store;
    writer_businesses_t    businesses;
    writer_links_t        *links;       /* of the committer alone */
} writer_context_t;


/*
 * On the loop: judges and takes in what a request carries; false with the
 * answer set.  Elsewhere: does it, WRITER_OK with the answer set, or
 * WRITER_FAULT, the store failed.  On the committer a run may come twice.
 */
typedef bool (*writer_read_pt)(writer_job_t *job, void *http);
typedef int (*writer_run_pt)(writer_context_t *ctx, writer_job_t *job);


/* For a job that no request waits for; on the syncer's thread, or a pool's. */
typedef void (*writer_finished_pt)(writer_job_t *job);


typedef enum {
    WRITER_LANE_LOOP = 0,       /* answered at once */
    WRITER_LANE_READ,
    WRITER_LANE_COMMIT,
    WRITER_LANE_PASSWORD
} writer_lane_e;


typedef enum {
    WRITER_PROOF_NONE = 0,      /* says nothing that matters */
    WRITER_PROOF_ENVELOPE,      /* its read function opens it */
    WRITER_PROOF_IDENTITY,      /* Keepers-Identity */
    WRITER_PROOF_OPERATOR       /* Keepers-Admin */
} writer_proof_e;


struct writer_route_s {
    enum evhttp_cmd_type   method;
    const char            *path;        /* a segment '*' is the subject */
    writer_lane_e          lane;
    writer_proof_e         proof;
    unsigned               roles;       /* of WRITER_PROOF_IDENTITY */
    unsigned               scope;       /* that a token needs; 0: for none */
    writer_read_pt         read;        /* or NULL */
    writer_run_pt          run;
    const char            *audit;       /* what a success is noted as */
};


typedef struct {
    size_t           limit;
    uint64_t         before_ms;         /* the cursor */
    keepers_uuid_t   before_id;
    int64_t          before_seq;
    size_t           q_len;
    unsigned char    q[WRITER_QUERY_MAX];
    char             url[201];
} writer_query_t;


typedef enum {
    WRITER_FACTOR_NONE = 0,     /* the account has no second factor */
    WRITER_FACTOR_WRONG,
    WRITER_FACTOR_TOTP,
    WRITER_FACTOR_RECOVERY,
    WRITER_FACTOR_PASSKEY
} writer_factor_e;


typedef struct {
    writer_factor_e  kind;
    uint64_t         step;                      /* of TOTP */
    unsigned char    hash[KEEPERS_HASH_LEN];    /* of RECOVERY, PASSKEY */
    unsigned char    challenge[KEEPERS_HASH_LEN];
    uint64_t         expires_ms;                /* of the challenge */
    uint32_t         counter;
} writer_factor_t;


/* Words of the audit log; static. */
typedef struct {
    const char  *right;
    const char  *refused;
    const char  *recovery;      /* right, by a code for the worst case */
    const char  *passkey;       /* right, by a passkey */
} writer_proof_words_t;


/* Whose proof is right; what remains is to use up the code. */
typedef struct {
    keepers_uuid_t               user;
    keepers_uuid_t               business;
    uint8_t                      role;
    writer_factor_t              factor;
    const writer_proof_words_t  *words;
} writer_proof_t;


/* What is to become of a mail in the outbox. */
typedef enum {
    WRITER_MAIL_END_SENT = 0,
    WRITER_MAIL_END_LATER,
    WRITER_MAIL_END_ASIDE
} writer_mail_end_e;


typedef struct {
    writer_mail_end_e   end;
    keepers_uuid_t      id;
    uint64_t            next_ms;    /* of LATER */
    char                why[24];    /* of ASIDE: a code */
} writer_mail_end_t;


struct writer_job_s {
    writer_job_t           *next;
    struct evhttp_request  *request;
    const writer_route_t   *route;
    writer_run_pt           run;
    writer_run_pt           then;       /* on the committer, behind "run" */
    writer_finished_pt      finished;   /* NULL: goes back to the loop */
    void                   *owner;      /* of "finished" */
    writer_job_t           *carrier;    /* whose request it came in, or NULL */
    bool                    carries;    /* in.batch, and does nothing itself */
    bool                    noting;     /* answered: to be noted, no more */
    uint64_t                now_ms;
    uint64_t                came_ns;    /* see writer_even; 0: no matter */
    keepers_identity_t      identity;
    char                    subject[WRITER_WORD_LEN_MAX + 1];

    /* the answer: status, then "out", or "text", or a problem */
    int                     status;
    unsigned                retry_after_s;
    const char             *text;       /* static */
    const char             *type;       /* static; NULL: JSON */
    const char             *code;       /* static, of a problem */
    const char             *allow;
    const char             *said;       /* of each that it carries; in room */
    size_t                  errors_n;
    struct {
        const char         *field;      /* static */
        const char         *code;
    }                       errors[WRITER_JOB_ERRORS];
    struct evbuffer        *out;

    /* noted in the audit log after a read, or by the run itself */
    char                    audit_subject[WRITER_WORD_LEN_MAX + 1];
    const char             *audit_apart;    /* after the answer; static */
    bool                    audit_once;     /* a minute, if it is the newest */

    /* a link whose record Redis must get, once this is committed; or that
     * tokens changed */
    char                    published[KEEPERS_SLUG_LEN_MAX + 1];
    bool                    ended;      /* and sessions that must end there */
    bool                    mailed;     /* and something is in the outbox */

    union {
        keepers_signup_t    signup;
        keepers_signin_t    signin;
        struct {
            keepers_password_t  asked;
            char                was[WRITER_HASH_TEXT_MAX];
            char                hash[WRITER_HASH_TEXT_MAX];
        }                   change;
        keepers_step_up_t   step_up;
        keepers_forgot_t    forgot;
        struct {
            keepers_reset_t     asked;
            unsigned char       token[KEEPERS_HASH_LEN];    /* its hash */
            char                hash[WRITER_HASH_TEXT_MAX];
        }                   reset;
        writer_mail_end_t   mail;
        writer_proof_t      proof;
        keepers_field_t     fields[WRITER_JOB_FIELDS];
        writer_query_t      query;
        struct {
            size_t              n;
            size_t              left;   /* not yet durable; the syncer's */
            writer_job_t       *of[KEEPERS_BATCH_MAX];
        }                   batch;
        size_t              uses;       /* see writer_tokens */
        bool                other_keys; /* see writer_health */
    }                       in;

    /* how much of it may hold something: all, unless somebody knows better */
    size_t                  room_used;

    /* not zeroed: what "in" points to */
    unsigned char           room[WRITER_JOB_ROOM];
};


/* Forgets an answer, for a run that comes again. */
void writer_job_reset(writer_job_t *job);

/* Answers; each returns WRITER_OK, so that a run can end with it. */
int writer_job_text(writer_job_t *job, int status, const char *text);
int writer_job_problem(writer_job_t *job, int status, const char *code);
void writer_job_error(writer_job_t *job, const char *field, const char *code);

/* The buffer of a JSON answer, made at its first use; NULL: no memory. */
struct evbuffer *writer_job_out(writer_job_t *job);

/* The business that the identity names; its problem is set if not OK. */
int writer_job_business(writer_context_t *ctx, writer_job_t *job,
    const writer_business_t **business) keepers_checked;

/* Who did it, for the audit log: a user's UUID, or "token:" and its id. */
void writer_job_who(const writer_job_t *job,
    char who[KEEPERS_UUID_TEXT_LEN + 1]);

/* On the loop: the request's body, in one piece; a view. */
keepers_str_t writer_job_body(const writer_job_t *job);

/* The value of a header that stands once; empty otherwise. */
keepers_str_t writer_job_header(const writer_job_t *job, const char *name);

/* A queue between two threads, bounded by its owner. */
typedef struct {
    writer_job_t   *head;
    writer_job_t  **tail;
    size_t          n;
} writer_jobs_t;

void writer_jobs_init(writer_jobs_t *jobs);
void writer_jobs_add(writer_jobs_t *jobs, writer_job_t *job);
writer_job_t *writer_jobs_take(writer_jobs_t *jobs);


#endif /* _WRITER_JOB_H_INCLUDED_ */
