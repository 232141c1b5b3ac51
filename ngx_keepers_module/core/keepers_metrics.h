
/*
 * Copyright (C) Keepers
 *
 * The counters: one list of names, the same for the shared zone, Prometheus
 * text (exposition format 0.0.4), JSON and a page for a person.  Labels are
 * bounded, nothing is of a person.
 */


#ifndef _KEEPERS_METRICS_H_INCLUDED_
#define _KEEPERS_METRICS_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


/* family, label pair, symbol: rows of one family stand together. */
#define KEEPERS_METRICS(row)                                                 \
    row(SESSION_VALID,    "keepers_session_checks_total", "state=\"valid\"") \
    row(SESSION_NONE,     "keepers_session_checks_total", "state=\"none\"")  \
    row(SESSION_EXPIRED,  "keepers_session_checks_total", "state=\"expired\"")\
    row(SESSION_REVOKED,  "keepers_session_checks_total", "state=\"revoked\"")\
    row(SESSION_ERROR,    "keepers_session_checks_total", "state=\"error\"") \
    row(CACHE_HIT,        "keepers_cache_total", "result=\"hit\"")           \
    row(CACHE_MISS,       "keepers_cache_total", "result=\"miss\"")          \
    row(SESSION_MINTED,   "keepers_sessions_minted_total", "")               \
    row(ENDED_SIGNOUT,    "keepers_sessions_ended_total", "reason=\"signout\"")\
    row(ENDED_ONE,        "keepers_sessions_ended_total", "reason=\"one\"")  \
    row(ENDED_OTHERS,     "keepers_sessions_ended_total", "reason=\"others\"")\
    row(ENDED_ALL,        "keepers_sessions_ended_total", "reason=\"all\"")  \
    row(ENDED_ROTATED,    "keepers_sessions_ended_total",                    \
                          "reason=\"rotated\"")                              \
    row(ENDED_MAX,        "keepers_sessions_ended_total", "reason=\"max\"")  \
    row(ENDED_THEFT,      "keepers_sessions_ended_total", "reason=\"theft\"")\
    row(SESSION_FORGED,   "keepers_sessions_forged_total", "")               \
    row(ROTATED,          "keepers_rotations_total", "result=\"rotated\"")   \
    row(ROTATED_GRACE,    "keepers_rotations_total", "result=\"grace\"")     \
    row(ROTATED_REFUSED,  "keepers_rotations_total", "result=\"refused\"")   \
    row(REVOCATION_HEARD, "keepers_revocations_total", "result=\"heard\"")   \
    row(REVOCATION_JUNK,  "keepers_revocations_total", "result=\"junk\"")    \
    row(CUT_REVOKED,      "keepers_responses_cut_total", "reason=\"revoked\"")\
    row(CUT_EXPIRED,      "keepers_responses_cut_total", "reason=\"expired\"")\
    row(CUT_UNKNOWN,      "keepers_responses_cut_total", "reason=\"unknown\"")\
    row(SIGNIN_OK,        "keepers_signins_total", "verdict=\"ok\"")         \
    row(SIGNIN_BAD,       "keepers_signins_total", "verdict=\"bad\"")        \
    row(SIGNIN_LIMITED,   "keepers_signins_total", "verdict=\"limited\"")    \
    row(SIGNIN_BUSY,      "keepers_signins_total", "verdict=\"busy\"")       \
    row(SIGNIN_ERROR,     "keepers_signins_total", "verdict=\"error\"")      \
    row(STEP_UP_OK,       "keepers_step_ups_total", "verdict=\"ok\"")        \
    row(STEP_UP_BAD,      "keepers_step_ups_total", "verdict=\"bad\"")       \
    row(STEP_UP_BUSY,     "keepers_step_ups_total", "verdict=\"busy\"")      \
    row(STEP_UP_ERROR,    "keepers_step_ups_total", "verdict=\"error\"")     \
    row(RESET_ASKED,      "keepers_resets_total", "verdict=\"asked\"")       \
    row(RESET_OK,         "keepers_resets_total", "verdict=\"ok\"")          \
    row(RESET_BAD,        "keepers_resets_total", "verdict=\"bad\"")         \
    row(RESET_LIMITED,    "keepers_resets_total", "verdict=\"limited\"")     \
    row(RESET_BUSY,       "keepers_resets_total", "verdict=\"busy\"")        \
    row(SIGNUP_ACCEPTED,  "keepers_signups_total", "outcome=\"accepted\"")   \
    row(SIGNUP_HELD,      "keepers_signups_total", "outcome=\"held\"")       \
    row(SIGNUP_QUEUED,    "keepers_signups_total", "outcome=\"queued\"")     \
    row(SIGNUP_INVALID,   "keepers_signups_total", "outcome=\"invalid\"")    \
    row(SIGNUP_TAP,       "keepers_signups_total", "outcome=\"tap\"")        \
    row(SIGNUP_REFUSED,   "keepers_signups_total", "outcome=\"refused\"")    \
    row(SIGNUP_FAILED,    "keepers_signups_total", "outcome=\"failed\"")     \
    row(SIGNUP_REPEATED,  "keepers_signups_total", "outcome=\"repeated\"")   \
    row(SPOOL_SYNCED,     "keepers_spool_syncs_total", "result=\"synced\"")  \
    row(SPOOL_UNSYNCED,   "keepers_spool_syncs_total", "result=\"late\"")    \
    row(FIELDS_UNKNOWN,   "keepers_fields_unknown_total", "")                \
    row(HEADER_INJECTION, "keepers_header_injections_total", "")             \
    row(LINK_SHOWN,       "keepers_link_pages_total", "result=\"shown\"")    \
    row(LINK_UNKNOWN,     "keepers_link_pages_total", "result=\"unknown\"")  \
    row(LINK_CLOSED,      "keepers_link_pages_total", "result=\"closed\"")   \
    row(LINK_ERROR,       "keepers_link_pages_total", "result=\"error\"")    \
    row(LIMIT_PASSED,     "keepers_limits_total", "verdict=\"passed\"")      \
    row(LIMIT_LIMITED,    "keepers_limits_total", "verdict=\"limited\"")     \
    row(LIMIT_SHADOW,     "keepers_limits_total", "verdict=\"shadow\"")      \
    row(LIMIT_SUSPECT,    "keepers_limits_total", "verdict=\"suspect\"")     \
    row(LIMIT_DEGRADED,   "keepers_limits_total", "verdict=\"degraded\"")    \
    row(CSRF_REFUSED,     "keepers_csrf_refused_total", "")                  \
    row(HEADER_STRIPPED,  "keepers_headers_stripped_total", "")              \
    row(REDIS_COMMANDS,   "keepers_redis_commands_total", "")                \
    row(REDIS_WRITES,     "keepers_redis_writes_total", "")                  \
    row(REDIS_ERRORS,     "keepers_redis_errors_total", "kind=\"reply\"")    \
    row(REDIS_TIMEOUTS,   "keepers_redis_errors_total", "kind=\"timeout\"")  \
    row(REDIS_LOST,       "keepers_redis_errors_total", "kind=\"lost\"")     \
    row(REDIS_BUSY,       "keepers_redis_errors_total", "kind=\"busy\"")     \
    row(REDIS_CONNECTS,   "keepers_redis_connects_total", "")                \
    row(REDIS_OUTAGES,    "keepers_redis_outages_total", "")


#define KEEPERS_METRICS_BUCKETS  10     /* the last has no bound */


typedef enum {
#define keepers_metric_symbol(symbol, family, label)  KEEPERS_METRIC_##symbol,
    KEEPERS_METRICS(keepers_metric_symbol)
#undef keepers_metric_symbol
    KEEPERS_METRICS_COUNTERS,

    /* two histograms: a counter each bucket, and the sum in milliseconds */
    KEEPERS_METRIC_REDIS_MS = KEEPERS_METRICS_COUNTERS,
    KEEPERS_METRIC_REDIS_SUM_MS = KEEPERS_METRIC_REDIS_MS
                                  + KEEPERS_METRICS_BUCKETS,
    KEEPERS_METRIC_LAG_MS,
    KEEPERS_METRIC_LAG_SUM_MS = KEEPERS_METRIC_LAG_MS
                                + KEEPERS_METRICS_BUCKETS,
    KEEPERS_METRICS_N
} keepers_metric_e;


typedef enum {
    KEEPERS_SAMPLE_COUNTER = 0,
    KEEPERS_SAMPLE_GAUGE,
    KEEPERS_SAMPLE_HISTOGRAM
} keepers_sample_e;


/* One value; those of a family stand together. */
typedef struct {
    keepers_sample_e   type;
    const char        *family;      /* a counter's ends in "_total" */
    const char        *help;        /* a sentence */
    const char        *suffix;      /* of a histogram's: "_bucket", ... or "" */
    keepers_str_t      labels;      /* state="valid", rule="a",... or empty */
    uint64_t           value;
    bool               milli;       /* thousandths: seconds from ms */
} keepers_sample_t;


/* Samples that KEEPERS_METRICS_N counters make: of a histogram one more. */
#define KEEPERS_METRICS_SAMPLES  (KEEPERS_METRICS_N + 2)


/* The bucket that "ms" falls into, from 0. */
size_t keepers_metrics_bucket(uint64_t ms);

/*
 * Fills samples[KEEPERS_METRICS_SAMPLES] from values[KEEPERS_METRICS_N];
 * labels are static text.
 */
void keepers_metrics_samples(const uint64_t *values,
    keepers_sample_t *samples);

/*
 * Each writes all samples; 256 bytes a sample and twice as many for each
 * family suffice.  The page is rows of tables, for the body of a document.
 */
void keepers_metrics_prometheus(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out);
void keepers_metrics_json(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out);
void keepers_metrics_html(const keepers_sample_t *samples, size_t n,
    keepers_out_t *out);


#endif /* _KEEPERS_METRICS_H_INCLUDED_ */
