
/*
 * Copyright (C) Keepers
 *
 * The counters: one list of names, the same for the shared zone, Prometheus
 * text (exposition format 0.0.4) and JSON.  Labels are bounded, nothing is of
 * a person.
 */


#ifndef _KEEPERS_METRICS_H_INCLUDED_
#define _KEEPERS_METRICS_H_INCLUDED_


#include "core/keepers_base.h"
#include "core/keepers_out.h"


/* family, label pair, symbol: rows of one family stand together. */
#define KEEPERS_METRICS(row)                                                 \
    row(SESSION_VALID,    "keepers_session_checks", "state=\"valid\"")       \
    row(SESSION_NONE,     "keepers_session_checks", "state=\"none\"")        \
    row(SESSION_EXPIRED,  "keepers_session_checks", "state=\"expired\"")     \
    row(SESSION_REVOKED,  "keepers_session_checks", "state=\"revoked\"")     \
    row(SESSION_ERROR,    "keepers_session_checks", "state=\"error\"")       \
    row(CACHE_HIT,        "keepers_cache", "result=\"hit\"")                 \
    row(CACHE_MISS,       "keepers_cache", "result=\"miss\"")                \
    row(SESSION_MINTED,   "keepers_sessions_minted", "")                     \
    row(SESSION_ENDED,    "keepers_sessions_ended", "")                      \
    row(SESSION_FORGED,   "keepers_sessions_forged", "")                     \
    row(REVOCATION_HEARD, "keepers_revocations", "result=\"heard\"")         \
    row(REVOCATION_JUNK,  "keepers_revocations", "result=\"junk\"")          \
    row(SIGNIN_OK,        "keepers_signins", "verdict=\"ok\"")               \
    row(SIGNIN_BAD,       "keepers_signins", "verdict=\"bad\"")              \
    row(SIGNIN_BUSY,      "keepers_signins", "verdict=\"busy\"")             \
    row(SIGNIN_ERROR,     "keepers_signins", "verdict=\"error\"")            \
    row(SIGNUP_ACCEPTED,  "keepers_signups", "outcome=\"accepted\"")         \
    row(SIGNUP_HELD,      "keepers_signups", "outcome=\"held\"")             \
    row(SIGNUP_QUEUED,    "keepers_signups", "outcome=\"queued\"")           \
    row(SIGNUP_INVALID,   "keepers_signups", "outcome=\"invalid\"")          \
    row(SIGNUP_TAP,       "keepers_signups", "outcome=\"tap\"")              \
    row(SIGNUP_REFUSED,   "keepers_signups", "outcome=\"refused\"")          \
    row(SIGNUP_FAILED,    "keepers_signups", "outcome=\"failed\"")           \
    row(SIGNUP_REPEATED,  "keepers_signups", "outcome=\"repeated\"")         \
    row(FIELDS_UNKNOWN,   "keepers_fields_unknown", "")                      \
    row(LINK_SHOWN,       "keepers_link_pages", "result=\"shown\"")          \
    row(LINK_UNKNOWN,     "keepers_link_pages", "result=\"unknown\"")        \
    row(LINK_CLOSED,      "keepers_link_pages", "result=\"closed\"")         \
    row(LINK_ERROR,       "keepers_link_pages", "result=\"error\"")          \
    row(LIMIT_PASSED,     "keepers_limits", "verdict=\"passed\"")            \
    row(LIMIT_LIMITED,    "keepers_limits", "verdict=\"limited\"")           \
    row(LIMIT_SHADOW,     "keepers_limits", "verdict=\"shadow\"")            \
    row(LIMIT_SUSPECT,    "keepers_limits", "verdict=\"suspect\"")           \
    row(LIMIT_DEGRADED,   "keepers_limits", "verdict=\"degraded\"")          \
    row(CSRF_REFUSED,     "keepers_csrf_refused", "")                        \
    row(HEADER_STRIPPED,  "keepers_headers_stripped", "")                    \
    row(REDIS_COMMANDS,   "keepers_redis_commands", "")                      \
    row(REDIS_WRITES,     "keepers_redis_writes", "")                        \
    row(REDIS_ERRORS,     "keepers_redis_errors", "kind=\"reply\"")          \
    row(REDIS_TIMEOUTS,   "keepers_redis_errors", "kind=\"timeout\"")        \
    row(REDIS_LOST,       "keepers_redis_errors", "kind=\"lost\"")           \
    row(REDIS_BUSY,       "keepers_redis_errors", "kind=\"busy\"")           \
    row(REDIS_CONNECTS,   "keepers_redis_connects", "")


typedef enum {
#define keepers_metric_symbol(symbol, family, label)  KEEPERS_METRIC_##symbol,
    KEEPERS_METRICS(keepers_metric_symbol)
#undef keepers_metric_symbol
    KEEPERS_METRICS_N
} keepers_metric_e;


/* "values" has KEEPERS_METRICS_N counters. 8 KB of room suffice for either. */
void keepers_metrics_prometheus(const uint64_t *values, keepers_out_t *out);
void keepers_metrics_json(const uint64_t *values, keepers_out_t *out);


#endif /* _KEEPERS_METRICS_H_INCLUDED_ */
