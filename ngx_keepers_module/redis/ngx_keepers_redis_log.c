
/*
 * Copyright (C) Keepers
 *
 * What an operator reads of Redis: a line when it is lost, a line when it is
 * back, a line a minute for each kind of error reply; counters for the rest.
 * Never the text of a reply: an error of Redis may quote our arguments.
 *
 * Both lines of an outage are errors: nginx's own level by default is "error",
 * and an outage that is not seen to end goes on.
 */


#include "redis/ngx_keepers_redis_int.h"


#define NGX_KEEPERS_REDIS_TOLD_S  60


typedef struct {
    keepers_str_t    word;
    const char      *advice;
} ngx_keepers_redis_log_error_t;


static void ngx_keepers_redis_log_steady(ngx_event_t *ev);


static const ngx_keepers_redis_log_error_t
    ngx_keepers_redis_log_errors[NGX_KEEPERS_REDIS_ERRORS] =
{
    { keepers_null_string, "" },
    { keepers_string("NOSCRIPT"), "our script is gone, it is loaded again" },
    { keepers_string("LOADING"), "it reads its data set" },
    { keepers_string("READONLY"), "it is a replica: see \"keepers_redis\"" },
    { keepers_string("MASTERDOWN"), "it is a replica without its master" },
    { keepers_string("NOAUTH"),
      "it wants a password: see \"password_file=\" of \"keepers_redis\"" },
    { keepers_string("WRONGPASS"),
      "see \"user=\" and \"password_file=\" of \"keepers_redis\"" },
    { keepers_string("NOPERM"),
      "its ACL forbids \"user=\" of \"keepers_redis\" a command or a key" },
    { keepers_string("OOM"), "it is full: see its \"maxmemory\"" },
    { keepers_string("MISCONF"), "it cannot save to its disk" },
    { keepers_string("BUSY"), "a script runs for too long" },
    { keepers_string("DENIED"), "it is in protected mode" },
    { keepers_string("CROSSSLOT"),
      "it is of a cluster: limits of a location are asked for one by one" },
    { keepers_string("MOVED"),
      "it is a node of a cluster: write \"cluster:host:port\" in "
      "\"keepers_redis\", or its nodes send us in a circle" },
    { keepers_string("ASK"),
      "it is a node of a cluster: write \"cluster:host:port\" in "
      "\"keepers_redis\", or its nodes send us in a circle" },
    { keepers_string("CLUSTERDOWN"),
      "it is of a cluster that does not serve all: see its CLUSTER INFO" },
    { keepers_string("TRYAGAIN"),
      "a slot of the cluster is on its way to another node" },
    { keepers_string("ERR"), "it is full: see its \"maxclients\"" },
    { keepers_string("other"), "see the log of Redis" }
};


static const char
    *ngx_keepers_redis_log_faults[NGX_KEEPERS_REDIS_FAULTS] =
{
    "",
    "the connection was closed",
    "no reply within \"keepers_redis_timeout\"",
    "a reply that no command of ours has",
    "bytes that no command waits for",
    "no connection",
    "its name does not resolve: see \"resolver\"",
    "no memory for a connection",
    "it is loading its data set",
    "it is a replica: see \"keepers_redis\"",
    "it has closed the connection without a reply: where it speaks TLS, add "
    "\"ssl\" to \"keepers_redis\"",
    "it has closed the connection in the TLS handshake",
    "no TLS handshake within \"keepers_redis_connect_timeout\": does it speak "
    "TLS on this port?",
    "no Sentinel answers",
    "another server is the master now",
    "password refused: see \"user=\", \"password_file=\" of \"keepers_redis\"",
    "it is in protected mode: give its users passwords, or see its \"bind\"",
    "it has as many clients as it takes: see its \"maxclients\"",
    "database refused: see \"db=\" of \"keepers_redis\"",
    "SCRIPT LOAD refused: see the ACL of \"user=\" of \"keepers_redis\"",
    "it refuses our first commands: see \"keepers_redis\"",
    "SUBSCRIBE refused: see the ACL of \"user=\" of \"keepers_redis\"",
    "the TLS handshake failed: does it speak TLS, 1.2 or later, on this port?",
    "its certificate has expired, or is not valid yet",
    "its certificate is of another name: see \"keepers_redis_ssl_name\"",
    "its certificate is of nobody whom "
    "\"keepers_redis_ssl_trusted_certificate\" trusts",
    "its certificate is not valid for a server",
    "it refuses our certificate, or wants one: see "
    "\"keepers_redis_ssl_certificate\"",
    "INFO refused: see the ACL of \"user=\" of \"keepers_redis\"",
    "CLUSTER NODES or ASKING refused: is it of a cluster? See the ACL of "
    "\"user=\" of \"keepers_redis\"",
    "no Sentinel knows its name, or they are none: see \"keepers_redis\"",
    "the Sentinels refuse us: see \"sentinel_user=\" and "
    "\"sentinel_password_file=\" of \"keepers_redis\""
};


ngx_keepers_redis_error_e
ngx_keepers_redis_log_error_of(const char *text, size_t len)
{
    size_t         n;
    ngx_uint_t     i;
    keepers_str_t  word;

    static const keepers_str_t  full =
                                  keepers_string("ERR max number of clients");

    for (n = 0; n < len && text[n] != ' '; n++) { /* void */ }

    word = keepers_str(text, n);

    for (i = NGX_KEEPERS_REDIS_ERROR_NOSCRIPT;
         i < NGX_KEEPERS_REDIS_ERROR_FULL;
         i++)
    {
        if (keepers_str_eq(word, ngx_keepers_redis_log_errors[i].word)) {
            return i;
        }
    }

    if (len >= full.len && ngx_memcmp(text, full.data, full.len) == 0) {
        return NGX_KEEPERS_REDIS_ERROR_FULL;
    }

    return NGX_KEEPERS_REDIS_ERROR_OTHER;
}


void
ngx_keepers_redis_log_init(ngx_keepers_redis_t *redis)
{
    redis->steady.handler = ngx_keepers_redis_log_steady;
    redis->steady.data = redis;
    redis->steady.log = redis->log;
    redis->steady.cancelable = 1;
}


void
ngx_keepers_redis_log_error(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_error_e error)
{
    time_t  now_s;

    now_s = ngx_time();

    if (redis->told_s[error] != 0
        && now_s - redis->told_s[error] < NGX_KEEPERS_REDIS_TOLD_S)
    {
        return;
    }

    redis->told_s[error] = now_s;

    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "keepers: Redis \"%V\" answers with an error, %*s: %s",
                  &redis->conf->address,
                  ngx_keepers_redis_log_errors[error].word.len,
                  ngx_keepers_redis_log_errors[error].word.data,
                  ngx_keepers_redis_log_errors[error].advice);
}


/*
 * A connection ended.  While another takes commands this is no outage, and a
 * line only if an operator must act.  Else once an outage for what ends by
 * itself, and once for each fault that an operator must mend.
 */

void
ngx_keepers_redis_log_lost(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_fault_e fault, ngx_err_t err)
{
    uint32_t    bit;
    ngx_uint_t  begins, others;

    others = ngx_keepers_redis_ready(redis);
    begins = (!others && redis->down_s == 0);

    if (!others && redis->steady.timer_set) {
        ngx_del_timer(&redis->steady);
    }

    if (begins) {
        redis->down_s = ngx_time();
        redis->told = 0;

        ngx_keepers_redis_count(redis, REDIS_OUTAGES, 1);
    }

    bit = (uint32_t) 1 << fault;

    if (!begins
        && (fault < NGX_KEEPERS_REDIS_FAULT_AUTH || (redis->told & bit)))
    {
        return;
    }

    redis->told |= bit;

    ngx_log_error(NGX_LOG_ERR, redis->log, err,
                  "keepers: %sRedis \"%V\" is lost: %s",
                  others ? "one of the connections to " : "",
                  &redis->conf->address, ngx_keepers_redis_log_faults[fault]);
}


/*
 * One node of a cluster was lost, or is ready (FAULT_NONE), while others take
 * commands: whose keys it has are not served.
 */

void
ngx_keepers_redis_log_node(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault)
{
    size_t                     len;
    u_char                     text[NGX_SOCKADDR_STRLEN];
    ngx_keepers_redis_t       *redis;
    ngx_keepers_redis_node_t  *node;

    redis = conn->redis;
    node = conn->node;

    if (redis->cluster == NULL) {
        return;
    }

    /* where nothing resolved or was connected to there is no address */

    len = 0;

    if (conn->peer_len) {
        len = ngx_sock_ntop(&conn->peer.sockaddr, conn->peer_len, text,
                            sizeof(text), 1);
    }

    if (fault == NGX_KEEPERS_REDIS_FAULT_NONE) {

        if (node->down_s != 0) {
            ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                          "keepers: a node of Redis \"%V\" is back, \"%*s\", "
                          "lost for %T s", &redis->conf->address, len, text,
                          ngx_time() - node->down_s);
        }

        node->down_s = 0;
        return;
    }

    if (node->down_s != 0
        || ngx_keepers_redis_node_ready(redis, node)
        || !ngx_keepers_redis_ready(redis)
        || ngx_time() - node->told_s < NGX_KEEPERS_REDIS_TOLD_S)
    {
        return;
    }

    node->down_s = ngx_time();
    node->told_s = node->down_s;

    ngx_log_error(NGX_LOG_ERR, redis->log, conn->err,
                  "keepers: a node of Redis \"%V\" is lost, \"%*s\": %s",
                  &redis->conf->address, len, text,
                  ngx_keepers_redis_log_faults[fault]);
}


/* No subscription, while commands may well be answered. */

void
ngx_keepers_redis_log_deaf(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_fault_e fault)
{
    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "keepers: Redis \"%V\" does not tell us what is published: "
                  "%s", &redis->conf->address,
                  ngx_keepers_redis_log_faults[fault]);
}


/*
 * A connection is ready.  "Is back" waits until it has lasted: a Redis that
 * greets in time and then answers late would fill the log with pairs.
 */

void
ngx_keepers_redis_log_ready(ngx_keepers_redis_t *redis)
{
    if (redis->down_s != 0 && !redis->steady.timer_set) {
        ngx_add_timer(&redis->steady, NGX_KEEPERS_REDIS_STEADY_MS);
    }
}


static void
ngx_keepers_redis_log_steady(ngx_event_t *ev)
{
    ngx_keepers_redis_t  *redis;

    redis = ev->data;

    ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                  "keepers: Redis \"%V\" is back, lost for %T s",
                  &redis->conf->address, ngx_time() - redis->down_s);

    redis->down_s = 0;
}
