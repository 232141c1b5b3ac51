
/*
 * Copyright (C) Keepers
 *
 * Connection and op of the Redis client, for redis/ alone.
 *
 * An op is FREE, then UNSENT (its command stands in the connection's output),
 * FLYING (the kernel has the whole command; replies come in this order), DONE
 * (queued for delivery), FREE.  No op is FLYING before its last byte left, so
 * that a byte which Redis sends too early finds nobody and is not mistaken
 * for an answer.  Only those of the hello are FLYING from the start: a server
 * that refuses us says so unasked.
 */


#ifndef _NGX_KEEPERS_REDIS_INT_H_INCLUDED_
#define _NGX_KEEPERS_REDIS_INT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include "core/keepers_base.h"
#include "core/keepers_metrics.h"
#include "redis/ngx_keepers_redis.h"


#define NGX_KEEPERS_REDIS_RECV          16384   /* bytes a recv() */
#define NGX_KEEPERS_REDIS_RECVS         16      /* recv() calls a turn */
#define NGX_KEEPERS_REDIS_OUTPUT        16384   /* output at first, doubling */
#define NGX_KEEPERS_REDIS_OUTPUT_OP     1024    /* its cap: this times queue */
#define NGX_KEEPERS_REDIS_SLACK         2048    /* of a reply's own framing */
#define NGX_KEEPERS_REDIS_DIGEST        40      /* SHA-1 in hexadecimal */
#define NGX_KEEPERS_REDIS_IDLE_MS       1000    /* then a PING */
#define NGX_KEEPERS_REDIS_STEADY_MS     1000    /* then "is back" is true */
#define NGX_KEEPERS_REDIS_LISTEN_VALUES 3       /* kind, channel, message */
#define NGX_KEEPERS_REDIS_MASTER_VALUES 2       /* address or name, port */
#define NGX_KEEPERS_REDIS_HOST_MAX      255
#define NGX_KEEPERS_REDIS_INFO_MAX      8192    /* of some 100 replicas */
#define NGX_KEEPERS_REDIS_NODES         32      /* of a cluster, masters */
#define NGX_KEEPERS_REDIS_NODES_MAX     65536   /* bytes of CLUSTER NODES */
#define NGX_KEEPERS_REDIS_SLOTS         16384
#define NGX_KEEPERS_REDIS_HOPS          3       /* MOVED and ASK together */


#define NGX_KEEPERS_REDIS_PASSWORD_MAX  512

/* with the end of its line, and one more, which shows one too long */
#define NGX_KEEPERS_REDIS_SECRET_SIZE   (NGX_KEEPERS_REDIS_PASSWORD_MAX + 3)


typedef struct ngx_keepers_redis_conn_s      ngx_keepers_redis_conn_t;
typedef struct ngx_keepers_redis_listen_s    ngx_keepers_redis_listen_t;
typedef struct ngx_keepers_redis_sentinel_s  ngx_keepers_redis_sentinel_t;
typedef struct ngx_keepers_redis_cluster_s   ngx_keepers_redis_cluster_t;
typedef struct ngx_keepers_redis_node_s      ngx_keepers_redis_node_t;


typedef enum {
    NGX_KEEPERS_REDIS_DOWN = 0,         /* no socket, the retry timer runs */
    NGX_KEEPERS_REDIS_ASKING,           /* Sentinels, where the master is */
    NGX_KEEPERS_REDIS_RESOLVING,
    NGX_KEEPERS_REDIS_CONNECTING,
    NGX_KEEPERS_REDIS_HANDSHAKE,        /* of TLS */
    NGX_KEEPERS_REDIS_HELLO,            /* the first commands: _hello.c */
    NGX_KEEPERS_REDIS_READY
} ngx_keepers_redis_state_e;


typedef enum {
    NGX_KEEPERS_REDIS_OP_FREE = 0,
    NGX_KEEPERS_REDIS_OP_UNSENT,
    NGX_KEEPERS_REDIS_OP_FLYING,
    NGX_KEEPERS_REDIS_OP_DONE
} ngx_keepers_redis_op_state_e;


/* What is sent: arguments that are encoded already, then others, then again
 * some that are. */
typedef struct {
    keepers_str_t                    head;
    ngx_uint_t                       headed;    /* how many there are in it */
    const keepers_str_t             *argv;
    ngx_uint_t                       argc;
    keepers_str_t                    tail;
    ngx_uint_t                       tailed;
} ngx_keepers_redis_command_t;


/* Whose op it is: of a caller, or one of the connection's own. */
typedef enum {
    NGX_KEEPERS_REDIS_COMMAND = 0,
    NGX_KEEPERS_REDIS_AUTH,
    NGX_KEEPERS_REDIS_SELECT,
    NGX_KEEPERS_REDIS_PING,
    NGX_KEEPERS_REDIS_INFO,             /* is it a master? */
    NGX_KEEPERS_REDIS_MAP,              /* CLUSTER NODES: who has which slot */
    NGX_KEEPERS_REDIS_MASTER,           /* to a Sentinel: who is? */
    NGX_KEEPERS_REDIS_LOAD,             /* + ngx_keepers_script_e */
    NGX_KEEPERS_REDIS_OWN = NGX_KEEPERS_REDIS_LOAD + NGX_KEEPERS_SCRIPTS,
    NGX_KEEPERS_REDIS_HEARD             /* takes what is published */
} ngx_keepers_redis_role_e;


/* Error replies that we tell apart, by their first word. */
typedef enum {
    NGX_KEEPERS_REDIS_ERROR_NONE = 0,
    NGX_KEEPERS_REDIS_ERROR_NOSCRIPT,
    NGX_KEEPERS_REDIS_ERROR_LOADING,
    NGX_KEEPERS_REDIS_ERROR_READONLY,
    NGX_KEEPERS_REDIS_ERROR_MASTERDOWN,
    NGX_KEEPERS_REDIS_ERROR_NOAUTH,
    NGX_KEEPERS_REDIS_ERROR_WRONGPASS,
    NGX_KEEPERS_REDIS_ERROR_NOPERM,
    NGX_KEEPERS_REDIS_ERROR_OOM,
    NGX_KEEPERS_REDIS_ERROR_MISCONF,
    NGX_KEEPERS_REDIS_ERROR_BUSY,
    NGX_KEEPERS_REDIS_ERROR_DENIED,
    NGX_KEEPERS_REDIS_ERROR_CROSSSLOT,
    NGX_KEEPERS_REDIS_ERROR_MOVED,      /* as is the next: to follow */
    NGX_KEEPERS_REDIS_ERROR_ASK,
    NGX_KEEPERS_REDIS_ERROR_CLUSTERDOWN,
    NGX_KEEPERS_REDIS_ERROR_TRYAGAIN,
    NGX_KEEPERS_REDIS_ERROR_FULL,       /* "ERR max number of clients" */
    NGX_KEEPERS_REDIS_ERROR_OTHER,
    NGX_KEEPERS_REDIS_ERRORS
} ngx_keepers_redis_error_e;


/* Why a connection ends: the words stand in ngx_keepers_redis_log.c. */
typedef enum {
    NGX_KEEPERS_REDIS_FAULT_NONE = 0,
    NGX_KEEPERS_REDIS_FAULT_CLOSED,     /* by Redis or the network */
    NGX_KEEPERS_REDIS_FAULT_SILENT,     /* no reply in time */
    NGX_KEEPERS_REDIS_FAULT_REPLY,      /* not what a command can return */
    NGX_KEEPERS_REDIS_FAULT_UNASKED,    /* bytes that no command waits for */
    NGX_KEEPERS_REDIS_FAULT_CONNECT,
    NGX_KEEPERS_REDIS_FAULT_NAME,       /* does not resolve */
    NGX_KEEPERS_REDIS_FAULT_MEMORY,     /* ours */
    NGX_KEEPERS_REDIS_FAULT_LOADING,
    NGX_KEEPERS_REDIS_FAULT_REPLICA,
    NGX_KEEPERS_REDIS_FAULT_DUMB,       /* closed, without a word */
    NGX_KEEPERS_REDIS_FAULT_TLS_CLOSED,     /* in the handshake */
    NGX_KEEPERS_REDIS_FAULT_TLS_SILENT,
    NGX_KEEPERS_REDIS_FAULT_SENTINEL,   /* none answers */
    NGX_KEEPERS_REDIS_FAULT_MOVED,      /* another is master now */
    NGX_KEEPERS_REDIS_FAULT_AUTH,       /* from here on: an operator must act */
    NGX_KEEPERS_REDIS_FAULT_DENIED,
    NGX_KEEPERS_REDIS_FAULT_FULL,
    NGX_KEEPERS_REDIS_FAULT_DB,
    NGX_KEEPERS_REDIS_FAULT_SCRIPT,
    NGX_KEEPERS_REDIS_FAULT_HELLO,
    NGX_KEEPERS_REDIS_FAULT_SUBSCRIBE,
    NGX_KEEPERS_REDIS_FAULT_TLS_HANDSHAKE,
    NGX_KEEPERS_REDIS_FAULT_TLS_EXPIRED,    /* its certificate */
    NGX_KEEPERS_REDIS_FAULT_TLS_NAME,
    NGX_KEEPERS_REDIS_FAULT_TLS_UNKNOWN,
    NGX_KEEPERS_REDIS_FAULT_TLS_CERTIFICATE,
    NGX_KEEPERS_REDIS_FAULT_TLS_REFUSED,    /* ours, or that we have none */
    NGX_KEEPERS_REDIS_FAULT_INFO,
    NGX_KEEPERS_REDIS_FAULT_MAP,
    NGX_KEEPERS_REDIS_FAULT_SENTINEL_NAME,
    NGX_KEEPERS_REDIS_FAULT_SENTINEL_AUTH,
    NGX_KEEPERS_REDIS_FAULTS
} ngx_keepers_redis_fault_e;


struct ngx_keepers_redis_op_s {
    ngx_queue_t                   queue;
    ngx_keepers_redis_conn_t     *conn;
    ngx_keepers_redis_done_pt     done;         /* NULL: nobody waits */
    void                         *data;
    ngx_keepers_redis_reply_t    *reply;        /* NULL: count and drop */

    /* what the reply may be */
    ngx_uint_t                    values_max;
    size_t                        size;

    /* the command: positions in the connection's stream of output */
    uint64_t                      start;
    uint64_t                      end;

    ngx_msec_t                    sent_ms;      /* until sent: issued */

    /* what has come of it; zeros, from "n" on, when it is issued */
    ngx_uint_t                    n;
    size_t                        len;
    ngx_int_t                     rc;

    unsigned                      state:3;      /* .._op_state_e */
    unsigned                      role:5;       /* .._role_e */
    unsigned                      error:5;      /* .._error_e */
    unsigned                      script:4;     /* .._script_e, plus one */
    unsigned                      retried:1;
    unsigned                      nil:1;
    unsigned                      hops:2;       /* to where a node sent it */
    unsigned                      asked:1;      /* ASKING stands before it */
    unsigned                      asking:1;     /* whose reply is to come */
};


_Static_assert(NGX_KEEPERS_REDIS_OP_DONE < 1 << 3, "op->state");
_Static_assert(NGX_KEEPERS_REDIS_HEARD < 1 << 5, "op->role");
_Static_assert(NGX_KEEPERS_REDIS_ERRORS <= 1 << 5, "op->error");
_Static_assert(NGX_KEEPERS_SCRIPTS < 1 << 4, "op->script");
_Static_assert(NGX_KEEPERS_REDIS_FAULTS <= 32, "redis->told");


struct ngx_keepers_redis_conn_s {
    ngx_keepers_redis_t          *redis;
    ngx_keepers_redis_node_t     *node;         /* NULL: to a Sentinel */
    ngx_connection_t             *connection;   /* NULL: DOWN, RESOLVING */
    ngx_keepers_redis_state_e     state;

    struct redisReader           *reader;
    ngx_queue_t                   unsent;
    ngx_queue_t                   flying;
    ngx_uint_t                    owned;        /* ops of callers in both */

    /*
     * Output: buf[0] is byte "base" of the stream; bytes before "sent" have
     * left but stay until their reply, for a script may have to be sent again.
     */
    u_char                       *buf;
    size_t                        size;
    size_t                        sent;
    size_t                        last;
    uint64_t                      base;
    size_t                        hello_sent;
    ngx_uint_t                    hello_left;   /* replies */

    ngx_event_t                   send;         /* posted */
    ngx_event_t                   retry;        /* and connect, hello, idle */
    ngx_event_t                   deadline;     /* of the oldest op */

    ngx_msec_t                    retry_ms;     /* when the two timers are */
    ngx_msec_t                    deadline_ms;  /* to fire, and may be late */
    ngx_msec_t                    reply_ms;     /* the last complete reply */
    ngx_uint_t                    failures;     /* since a reply to an op */
    ngx_err_t                     err;          /* of FAULT_CONNECT */

    in_port_t                     port;         /* of a name */
    ngx_resolver_ctx_t           *resolving;
    ngx_queue_t                   asking;       /* of those that wait */

    ngx_sockaddr_t                peer;         /* where it goes, or is */
    socklen_t                     peer_len;

    ngx_keepers_redis_op_t        own[NGX_KEEPERS_REDIS_OWN];
    ngx_keepers_redis_reply_t     own_reply;
    ngx_keepers_redis_value_t     own_value;
    u_char                        own_data[64];

    ngx_keepers_redis_listen_t   *listen;       /* NULL: takes commands */

    unsigned                      replied:1;    /* to an op, since connected */
    unsigned                      late:1;       /* a second period is granted */
    unsigned                      busy:1;       /* heard of since last tick */
    unsigned                      refused:1;    /* our certificate, by alert */
    unsigned                      asks:1;       /* it is to a Sentinel */
};


/* What a connection that listens has beside. */
struct ngx_keepers_redis_listen_s {
    ngx_keepers_redis_heard_pt    heard;
    ngx_keepers_redis_turned_pt   turned;
    void                         *data;
    ngx_str_t                     subscribe;    /* encoded */
    ngx_keepers_redis_op_t        op;           /* FLYING while READY */
    ngx_keepers_redis_reply_t     reply;
    ngx_keepers_redis_value_t     values[NGX_KEEPERS_REDIS_LISTEN_VALUES];
    unsigned                      up:1;         /* subscribed */
    unsigned                      told:1;       /* that we may not */
    u_char                        bytes[NGX_KEEPERS_REDIS_HEARD_MAX + 256];
};


/* Where somebody is whom a server has named. */
typedef struct {
    ngx_keepers_redis_place_t     place;
    ngx_addr_t                    addr;
    ngx_sockaddr_t                sockaddr;
    u_char                        host[NGX_KEEPERS_REDIS_HOST_MAX + 1];
} ngx_keepers_redis_told_t;


/* A server and the connections to it. */
struct ngx_keepers_redis_node_s {
    ngx_keepers_redis_conn_t     *conns;        /* NULL: never used */
    ngx_uint_t                    next;         /* round robin */

    /* of a cluster */
    ngx_keepers_redis_told_t      told;
    time_t                        down_s;       /* since, if it was told */
    time_t                        told_s;       /* last */
    unsigned                      used:1;
    unsigned                      failed:1;     /* as the others say */
};


/* What a client of a cluster has beside. */
struct ngx_keepers_redis_cluster_s {
    u_char                        map[NGX_KEEPERS_REDIS_SLOTS];
    ngx_event_t                   turn;
    ngx_msec_t                    asked_ms;     /* for the map */
    ngx_uint_t                    next;         /* round robin */
    uint64_t                      epoch;        /* of the map */
    ngx_uint_t                    older;        /* maps that were passed by */

    keepers_str_t                 command;      /* CLUSTER NODES */
    ngx_keepers_redis_reply_t     reply;
    ngx_keepers_redis_value_t     value;

    size_t                        told_len;     /* MOVED or ASK */
    u_char                        told[NGX_KEEPERS_REDIS_HOST_MAX + 32];

    unsigned                      mapped:1;
};


/* What a client has beside that asks Sentinels. */
struct ngx_keepers_redis_sentinel_s {
    ngx_keepers_redis_conn_t      conn;
    ngx_queue_t                   waiting;      /* connections */
    ngx_event_t                   watch;
    ngx_str_t                     hello;
    ngx_uint_t                    order[NGX_KEEPERS_REDIS_SENTINELS];
    ngx_uint_t                    at;           /* in order, while asking */
    ngx_keepers_redis_fault_e     fault;        /* the gravest of this round */

    ngx_keepers_redis_reply_t     reply;
    ngx_keepers_redis_value_t     values[NGX_KEEPERS_REDIS_MASTER_VALUES];
    u_char                        bytes[NGX_KEEPERS_REDIS_HOST_MAX
                                        + NGX_INT_T_LEN];

    ngx_keepers_redis_told_t      master;       /* as answered last */

    unsigned                      asking:1;
    unsigned                      answered:1;   /* by order[0], not refuted */
};


struct ngx_keepers_redis_s {
    const ngx_keepers_redis_conf_t  *conf;
    ngx_atomic_t                    *counters;
    ngx_pool_t                      *pool;
    ngx_log_t                       *log;
    ngx_log_t                        quiet;     /* of sockets: alerts alone */

    ngx_keepers_redis_node_t        *nodes;
    ngx_uint_t                       nodes_n;   /* 1, if it is no cluster */
    ngx_keepers_redis_conn_t        *listener;  /* NULL: none */
    ngx_keepers_redis_sentinel_t    *sentinel;  /* NULL: an address is known */
    ngx_keepers_redis_cluster_t     *cluster;   /* NULL: it is none */
    size_t                           output_max;

    ngx_keepers_redis_op_t          *ops;
    ngx_queue_t                      free;
    ngx_queue_t                      completed;
    ngx_event_t                      deliver;   /* posted */

    /* what each connection sends first, encoded once */
    ngx_str_t                        hello;
    keepers_str_t                    load[NGX_KEEPERS_SCRIPTS];
    keepers_str_t                    ping;

    ngx_event_t                      steady;
    time_t                           down_s;    /* since; 0: up */
    uint32_t                         told;      /* faults of this outage */
    time_t                           told_s[NGX_KEEPERS_REDIS_ERRORS];

    /* INFO of one connection: looked at before the next is read */
    ngx_keepers_redis_reply_t        info;
    ngx_keepers_redis_value_t        info_value;

    ngx_uint_t                       slots;     /* it is of a cluster */

    /* the password: that of conf, or in "secret", once it was read again */
    ngx_str_t                        password;
    ngx_msec_t                       secret_ms;
    unsigned                         secret_read:1;
    unsigned                         secret_told:1;
    u_char                           secret[NGX_KEEPERS_REDIS_PASSWORD_MAX];

    u_char                           in[NGX_KEEPERS_REDIS_RECV];
};


#define ngx_keepers_redis_count(redis, metric, n)                            \
    (void) ngx_atomic_fetch_add(&(redis)->counters[KEEPERS_METRIC_##metric], \
                                n)


/* _command.c: what is sent */

size_t ngx_keepers_redis_command_size(
    const ngx_keepers_redis_command_t *command);
u_char *ngx_keepers_redis_command_encode(u_char *p,
    const ngx_keepers_redis_command_t *command);
ngx_int_t ngx_keepers_redis_command_format(ngx_pool_t *pool,
    const keepers_str_t *argv, ngx_uint_t argc, ngx_str_t *text);

/* _codec.c: RESP in and out */

ngx_int_t ngx_keepers_redis_codec_open(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_codec_close(ngx_keepers_redis_conn_t *conn);
ngx_int_t ngx_keepers_redis_codec_write(ngx_keepers_redis_op_t *op,
    const ngx_keepers_redis_command_t *command);
ngx_int_t ngx_keepers_redis_codec_append(ngx_keepers_redis_op_t *op,
    keepers_str_t command);
ngx_int_t ngx_keepers_redis_codec_again(ngx_keepers_redis_op_t *op);
ngx_int_t ngx_keepers_redis_codec_move(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_conn_t *conn, ngx_uint_t ask);
void ngx_keepers_redis_codec_trim(ngx_keepers_redis_conn_t *conn);
ngx_keepers_redis_fault_e ngx_keepers_redis_codec_read(
    ngx_keepers_redis_conn_t *conn, const u_char *buf, size_t len);

/* _client.c */

ngx_int_t ngx_keepers_redis_node_init(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node);
void ngx_keepers_redis_node_start(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node);
void ngx_keepers_redis_node_stop(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_node_t *node);
ngx_uint_t ngx_keepers_redis_node_ready(const ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_node_t *node);

/* _place.c: where a connection goes */

void ngx_keepers_redis_conn_start(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_place_go(ngx_keepers_redis_conn_t *conn,
    const ngx_keepers_redis_place_t *place);
ngx_uint_t ngx_keepers_redis_place_same(const ngx_keepers_redis_place_t *one,
    const ngx_keepers_redis_place_t *other);
ngx_int_t ngx_keepers_redis_place_told(ngx_keepers_redis_told_t *told,
    keepers_str_t host, keepers_str_t port);

/* _cluster.c: who takes a command, and who else does */

ngx_int_t ngx_keepers_redis_cluster_init(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_cluster_start(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_cluster_stop(ngx_keepers_redis_t *redis);
ngx_keepers_redis_conn_t *ngx_keepers_redis_cluster_conn(
    ngx_keepers_redis_t *redis, const ngx_keepers_redis_command_t *command);
ngx_keepers_redis_node_t *ngx_keepers_redis_cluster_node(
    ngx_keepers_redis_t *redis, const ngx_keepers_redis_told_t *told,
    ngx_uint_t make);
void ngx_keepers_redis_cluster_forget(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_cluster_own(ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_node_t *node, ngx_uint_t from, ngx_uint_t to);
void ngx_keepers_redis_cluster_mapped(ngx_keepers_redis_t *redis);
ngx_int_t ngx_keepers_redis_cluster_follow(ngx_keepers_redis_op_t *op);
ngx_keepers_redis_node_t *ngx_keepers_redis_cluster_any(
    ngx_keepers_redis_t *redis);
void ngx_keepers_redis_cluster_doubt(ngx_keepers_redis_t *redis);

/* _slots.c: whose a key is */

void ngx_keepers_redis_slots_init(void);
ngx_int_t ngx_keepers_redis_slots_of(
    const ngx_keepers_redis_command_t *command);
ngx_keepers_redis_fault_e ngx_keepers_redis_slots_heard(
    ngx_keepers_redis_op_t *op);
ngx_int_t ngx_keepers_redis_slots_place(const ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_told_t *told, keepers_str_t host, keepers_str_t port);

/* _sentinel.c: who is master */

ngx_int_t ngx_keepers_redis_sentinel_init(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_sentinel_stop(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_sentinel_ask(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_sentinel_next(ngx_keepers_redis_sentinel_t *sentinel);
ngx_keepers_redis_fault_e ngx_keepers_redis_sentinel_heard(
    ngx_keepers_redis_op_t *op);
void ngx_keepers_redis_sentinel_answered(
    ngx_keepers_redis_sentinel_t *sentinel);
void ngx_keepers_redis_sentinel_lost(ngx_keepers_redis_sentinel_t *sentinel,
    ngx_keepers_redis_fault_e fault);
void ngx_keepers_redis_sentinel_refute(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_sentinel_arrived(ngx_keepers_redis_conn_t *conn);

/* _conn.c: one ngx_connection_t */

ngx_int_t ngx_keepers_redis_conn_init(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_conn_connect(ngx_keepers_redis_conn_t *conn,
    struct sockaddr *sockaddr, socklen_t socklen);
void ngx_keepers_redis_conn_hello(ngx_keepers_redis_conn_t *conn);
ngx_int_t ngx_keepers_redis_conn_receive(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_conn_close(ngx_keepers_redis_conn_t *conn);

/* _tls.c: its handshake, which calls conn_hello(), and what it leaves */

void ngx_keepers_redis_tls_begin(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_tls_end(ngx_connection_t *c);

/* _breaker.c: its end, and its next beginning */

void ngx_keepers_redis_breaker_lost(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault);
void ngx_keepers_redis_breaker_open(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_breaker_want(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_breaker_wait(ngx_keepers_redis_conn_t *conn,
    ngx_msec_t delay_ms);
void ngx_keepers_redis_breaker_timer(ngx_event_t *ev);
ngx_keepers_redis_fault_e ngx_keepers_redis_breaker_fault(
    ngx_keepers_redis_error_e error);

/* _hello.c: the first commands of a connection, and its own later ones */

ngx_int_t ngx_keepers_redis_hello_init(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_hello_begin(ngx_keepers_redis_conn_t *conn);
ngx_keepers_redis_fault_e ngx_keepers_redis_hello_answered(
    ngx_keepers_redis_op_t *op);
void ngx_keepers_redis_hello_ping(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_hello_map(ngx_keepers_redis_conn_t *conn);
ngx_int_t ngx_keepers_redis_hello_reload(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_script_e script);

/* _secret.c: the password; the length of a file's one line, 0: it is none */

size_t ngx_keepers_redis_secret_line(u_char *buf, size_t len);
void ngx_keepers_redis_secret_again(ngx_keepers_redis_t *redis);

/* _log.c: what an operator reads */

ngx_keepers_redis_error_e ngx_keepers_redis_log_error_of(const char *text,
    size_t len);
void ngx_keepers_redis_log_error(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_error_e error);
void ngx_keepers_redis_log_lost(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_fault_e fault, ngx_err_t err);
void ngx_keepers_redis_log_deaf(ngx_keepers_redis_t *redis,
    ngx_keepers_redis_fault_e fault);
void ngx_keepers_redis_log_ready(ngx_keepers_redis_t *redis);
void ngx_keepers_redis_log_node(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault);
void ngx_keepers_redis_log_init(ngx_keepers_redis_t *redis);

/* _op.c: life of an op */

ngx_int_t ngx_keepers_redis_op_init(ngx_keepers_redis_t *redis);
ngx_keepers_redis_conn_t *ngx_keepers_redis_op_conn(
    const ngx_keepers_redis_t *redis, ngx_keepers_redis_node_t *node);
ngx_int_t ngx_keepers_redis_op_issue(ngx_keepers_redis_t *redis,
    ngx_uint_t script, const ngx_keepers_redis_command_t *command,
    ngx_keepers_redis_reply_t *reply, ngx_keepers_redis_done_pt done,
    void *data, ngx_keepers_redis_op_t **opp);
void ngx_keepers_redis_op_sent(ngx_keepers_redis_conn_t *conn);
ngx_keepers_redis_fault_e ngx_keepers_redis_op_answered(
    ngx_keepers_redis_op_t *op);
void ngx_keepers_redis_op_fail_all(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault);
void ngx_keepers_redis_op_unsent(ngx_keepers_redis_op_t *op);
ngx_keepers_redis_op_t *ngx_keepers_redis_op_oldest(
    ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_op_unlink(ngx_keepers_redis_op_t *op);
void ngx_keepers_redis_op_finish(ngx_keepers_redis_op_t *op, ngx_int_t rc);
void ngx_keepers_redis_op_deliver(ngx_event_t *ev);

/* _again.c: an op once more */

ngx_int_t ngx_keepers_redis_again(ngx_keepers_redis_op_t *op);
ngx_int_t ngx_keepers_redis_again_move(ngx_keepers_redis_op_t *op,
    ngx_keepers_redis_conn_t *conn, ngx_uint_t ask);

/* _listen.c: a subscription */

void ngx_keepers_redis_listen_begin(ngx_keepers_redis_conn_t *conn);
void ngx_keepers_redis_listen_idle(ngx_keepers_redis_conn_t *conn);
ngx_keepers_redis_fault_e ngx_keepers_redis_listen_heard(
    ngx_keepers_redis_op_t *op);
void ngx_keepers_redis_listen_lost(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_fault_e fault);

/* _deadline.c: how long an op may take */

void ngx_keepers_redis_deadline_wait(ngx_keepers_redis_conn_t *conn,
    ngx_msec_t delay_ms);
void ngx_keepers_redis_deadline_fire(ngx_event_t *ev);
void ngx_keepers_redis_deadline_kept(const ngx_keepers_redis_op_t *op);

/* _script.c */

extern const keepers_str_t
    ngx_keepers_redis_script_text[NGX_KEEPERS_SCRIPTS];
void ngx_keepers_redis_script_digests(void);
keepers_str_t ngx_keepers_redis_script_digest(ngx_keepers_script_e script);


#endif /* _NGX_KEEPERS_REDIS_INT_H_INCLUDED_ */
