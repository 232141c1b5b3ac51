
/*
 * Copyright (C) Keepers
 *
 * The whole face of the Redis client: configure, start, stop, issue, detach.
 * One pipelined connection a worker (or a few); hiredis is only the codec.
 * Knows nothing of HTTP.  See docs/internals/redis.md.
 */


#ifndef _NGX_KEEPERS_REDIS_H_INCLUDED_
#define _NGX_KEEPERS_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "core/keepers_base.h"


#define NGX_KEEPERS_REDIS_PREFIX_MAX  64
#define NGX_KEEPERS_REDIS_ARGS_MAX    256   /* of a script, its keys too */
#define NGX_KEEPERS_REDIS_KEYS_MAX    99    /* of a script: two digits */
#define NGX_KEEPERS_REDIS_VALUES_MAX  160   /* elements of one reply */
#define NGX_KEEPERS_REDIS_BYTES_MAX   16384 /* of one reply's strings */
#define NGX_KEEPERS_REDIS_HEARD_MAX   4096  /* of a published message */
#define NGX_KEEPERS_REDIS_SENTINELS   8
#define NGX_KEEPERS_REDIS_SEEDS       8


typedef struct ngx_keepers_redis_s     ngx_keepers_redis_t;
typedef struct ngx_keepers_redis_op_s  ngx_keepers_redis_op_t;


/* Where somebody listens. */
typedef struct {
    ngx_str_t           host;           /* set if a name must be resolved */
    ngx_addr_t         *addr;           /* unix: or literal, else NULL */
    in_port_t           port;
} ngx_keepers_redis_place_t;


/* What "keepers_redis" and its kin say; constant once loaded. */
typedef struct {
    ngx_str_t           address;        /* as written, for messages */
    ngx_keepers_redis_place_t
                        place;          /* empty with Sentinels, of a cluster */
    ngx_str_t           master;         /* its name; empty: no Sentinels */
    ngx_keepers_redis_place_t
                        sentinels[NGX_KEEPERS_REDIS_SENTINELS];
    ngx_uint_t          sentinels_n;
    ngx_str_t           sentinel_user;
    ngx_str_t           sentinel_password;
    ngx_keepers_redis_place_t
                        seeds[NGX_KEEPERS_REDIS_SEEDS];
    ngx_uint_t          seeds_n;        /* 0: it is no cluster */
    ngx_int_t           db;
    ngx_str_t           user;
    ngx_str_t           password;       /* read from the file at load */
    ngx_str_t           password_path;  /* and again when it is refused */
    ngx_str_t           prefix;
    ngx_msec_t          connect_timeout_ms;
    ngx_msec_t          timeout_ms;
    ngx_uint_t          connections;
    ngx_uint_t          queue;          /* ops in flight, all connections */
    ngx_resolver_t     *resolver;       /* NULL: names are refused at load */
    ngx_msec_t          resolver_timeout_ms;

    /* "ssl", and "keepers_redis_ssl_..." */
    ngx_ssl_t          *tls;            /* NULL: in the clear */
    ngx_str_t           ssl_trusted;    /* empty: those of the system */
    ngx_str_t           ssl_certificate;
    ngx_str_t           ssl_key;
    ngx_str_t           ssl_name;       /* that its certificate has to have */
    u_char             *ssl_sni;        /* NULL: it is an address */
    ngx_flag_t          ssl_verify;
    unsigned            ssl:1;
} ngx_keepers_redis_conf_t;


typedef enum {
    NGX_KEEPERS_REDIS_NIL = 0,
    NGX_KEEPERS_REDIS_STRING,           /* bulk or status */
    NGX_KEEPERS_REDIS_INTEGER
} ngx_keepers_redis_kind_e;


typedef struct {
    ngx_keepers_redis_kind_e   kind;
    int64_t                    integer;
    keepers_str_t              string;  /* view into reply->data */
} ngx_keepers_redis_value_t;


/*
 * Where a reply is copied to: memory of the owner, who detaches the op before
 * it goes away.  A scalar reply is one value; an array may not nest.  A reply
 * that does not fit "values_max" or "size" closes the connection: the owner
 * knows what its command can return.
 */
typedef struct {
    ngx_keepers_redis_value_t *values;
    ngx_uint_t                 values_max;
    ngx_uint_t                 n;
    u_char                    *data;
    size_t                     size;
    size_t                     len;
} ngx_keepers_redis_reply_t;


/*
 * Called once an op, never before issue() has returned, from our own posted
 * event (not from the reader of replies).  The op is gone when it is called.
 *
 *   NGX_OK        reply->values[0..n-1]
 *   NGX_DECLINED  a scalar nil: no such key
 *   NGX_BUSY      timed out
 *   NGX_ERROR     connection lost, or Redis answered with an error
 *
 * An error is never a miss: LOADING, READONLY, NOAUTH, OOM, WRONGTYPE,
 * TRYAGAIN ... are all NGX_ERROR.
 */
typedef void (*ngx_keepers_redis_done_pt)(void *data, ngx_int_t rc);


/* Our scripts: text and digest live in ngx_keepers_redis_script.c. */
typedef enum {
    NGX_KEEPERS_SCRIPT_MINT = 0,    /* see the file for KEYS and ARGV */
    NGX_KEEPERS_SCRIPT_LIMIT,
    NGX_KEEPERS_SCRIPT_ADMIT,
    NGX_KEEPERS_SCRIPT_LIST,
    NGX_KEEPERS_SCRIPT_SPOOL,
    NGX_KEEPERS_SCRIPT_UNDO,
    NGX_KEEPERS_SCRIPT_LIVE,
    NGX_KEEPERS_SCRIPT_ROTATE,
    NGX_KEEPERS_SCRIPT_TAKE,
    NGX_KEEPERS_SCRIPTS
} ngx_keepers_script_e;


/*
 * Parses "unix:path", "host:port", "sentinel:NAME@host:port,...",
 * "cluster:host:port,..." and the parameters behind it (db= user=
 * password_file= prefix= ssl sentinel_user= sentinel_password_file=) into
 * conf; logs a message that says what to do and returns NGX_CONF_ERROR.  Never
 * touches the network.  A password file must have mode 0600 or stricter.
 */
char *ngx_keepers_redis_parse(ngx_conf_t *cf, ngx_keepers_redis_conf_t *conf,
    ngx_str_t *args, ngx_uint_t n);

/* A name that has to be resolved; NULL: there is none. */
const ngx_str_t *ngx_keepers_redis_host(const ngx_keepers_redis_conf_t *conf);

/*
 * Makes what TLS needs, once all directives are read, or says what is wrong
 * with them.  The other is the post handler of the path of a private key,
 * which must have mode 0600 or stricter.
 */
char *ngx_keepers_redis_tls_init(ngx_conf_t *cf,
    ngx_keepers_redis_conf_t *conf);
char *ngx_keepers_redis_tls_key(ngx_conf_t *cf, void *post, void *data);

/*
 * Makes the worker's client and starts to connect.  "counters" is an array
 * indexed by keepers_metric_e (core/keepers_metrics.h), in shared memory.
 * All memory comes from cycle->pool.  Only in a process that serves requests.
 * NULL: no memory.
 */
ngx_keepers_redis_t *ngx_keepers_redis_start(ngx_cycle_t *cycle,
    const ngx_keepers_redis_conf_t *conf, ngx_atomic_t *counters);

/* In exit_process: closes sockets, deletes timers and posted events. */
void ngx_keepers_redis_stop(ngx_keepers_redis_t *redis);

/*
 * Sends a command with the others of this turn of the event loop.  argv is
 * copied.  With done == NULL the reply is counted and dropped (reply and op
 * may be NULL).
 *
 *   NGX_AGAIN  *op is set, done() will be called
 *   NGX_BUSY   the queue is full
 *   NGX_ERROR  no connection (the breaker is open), or no memory
 */
ngx_int_t ngx_keepers_redis_issue(ngx_keepers_redis_t *redis,
    const keepers_str_t *argv, ngx_uint_t argc,
    ngx_keepers_redis_reply_t *reply, ngx_keepers_redis_done_pt done,
    void *data, ngx_keepers_redis_op_t **op);

/* EVALSHA of one of ours, loaded at connect; argv starts with the first key.
 * NOSCRIPT is answered by loading it again and one retry. */
ngx_int_t ngx_keepers_redis_eval(ngx_keepers_redis_t *redis,
    ngx_keepers_script_e script, ngx_uint_t keys, const keepers_str_t *argv,
    ngx_uint_t argc, ngx_keepers_redis_reply_t *reply,
    ngx_keepers_redis_done_pt done, void *data, ngx_keepers_redis_op_t **op);

/* The same with "argc" arguments that are encoded as RESP's bulk strings. */
ngx_int_t ngx_keepers_redis_eval_encoded(ngx_keepers_redis_t *redis,
    ngx_keepers_script_e script, ngx_uint_t keys, keepers_str_t encoded,
    ngx_uint_t argc, ngx_keepers_redis_reply_t *reply,
    ngx_keepers_redis_done_pt done, void *data, ngx_keepers_redis_op_t **op);

/* Its done() is about to be called, in this turn of the event loop. */
ngx_uint_t ngx_keepers_redis_answered(const ngx_keepers_redis_op_t *op);

/* The owner goes away: no done(), the reply is dropped when it comes. */
void ngx_keepers_redis_detach(ngx_keepers_redis_op_t *op);

/*
 * Subscribes to "channel", on a connection of its own, and again whenever it
 * was lost.  heard() gets each message, a view, from the reader of replies: it
 * must not call into the client.  turned() says when the subscription begins
 * (1) and, once it is known, that it has ended (0): at most half a second
 * after Redis was last heard.  Once a client.  NGX_OK, NGX_ERROR: no memory.
 */
typedef void (*ngx_keepers_redis_heard_pt)(void *data, keepers_str_t message);
typedef void (*ngx_keepers_redis_turned_pt)(void *data, ngx_uint_t up);

ngx_int_t ngx_keepers_redis_listen(ngx_keepers_redis_t *redis,
    keepers_str_t channel, ngx_keepers_redis_heard_pt heard,
    ngx_keepers_redis_turned_pt turned, void *data);

/* Subscribed, as far as is known. */
ngx_uint_t ngx_keepers_redis_listens(const ngx_keepers_redis_t *redis);

/* Ready to take commands: connected, authenticated, scripts loaded. */
ngx_uint_t ngx_keepers_redis_ready(const ngx_keepers_redis_t *redis);

/*
 * It is a cluster, or Redis has refused a command because its keys are of
 * several slots: it is a node of one, and wants them of one.
 */
ngx_uint_t ngx_keepers_redis_slots(const ngx_keepers_redis_t *redis);

/* Commands that callers wait for. */
ngx_uint_t ngx_keepers_redis_waiting(const ngx_keepers_redis_t *redis);


#endif /* _NGX_KEEPERS_REDIS_H_INCLUDED_ */
