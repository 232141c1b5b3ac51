
/*
 * Copyright (C) Keepers
 *
 * A connection's own commands: the ones it begins with, in one write (AUTH,
 * SELECT, PING, INFO, CLUSTER NODES, SCRIPT LOAD), a PING when it is idle,
 * CLUSTER NODES now and then, SCRIPT LOAD when Redis forgot a script.  Only
 * after all of the first were answered well does it take commands: they are
 * the probe of the half-open breaker.
 *
 * INFO is for those whom a Sentinel has named.  ROLE would say less, but nests
 * its reply.  To a Sentinel itself all goes by its own question, after AUTH.
 */


#include "redis/ngx_keepers_redis_int.h"


static ngx_int_t ngx_keepers_redis_hello_add(ngx_keepers_redis_t *redis,
    ngx_str_t *parts, ngx_uint_t *n, const keepers_str_t *argv,
    ngx_uint_t argc);
static ngx_uint_t ngx_keepers_redis_hello_used(ngx_keepers_redis_conn_t *conn,
    ngx_uint_t role);
static ngx_keepers_redis_op_t *ngx_keepers_redis_hello_op(
    ngx_keepers_redis_conn_t *conn, ngx_uint_t role);
static ngx_int_t ngx_keepers_redis_hello_send(ngx_keepers_redis_conn_t *conn,
    ngx_uint_t role, keepers_str_t command);
static ngx_uint_t ngx_keepers_redis_hello_master(keepers_str_t info);
static ngx_keepers_redis_fault_e ngx_keepers_redis_hello_said(
    ngx_keepers_redis_op_t *op);
static ngx_keepers_redis_fault_e ngx_keepers_redis_hello_asked(
    ngx_keepers_redis_op_t *op);
static ngx_keepers_redis_fault_e ngx_keepers_redis_hello_fault(
    ngx_keepers_redis_op_t *op);


/* Encodes what every connection begins with.  NGX_OK, NGX_ERROR. */

ngx_int_t
ngx_keepers_redis_hello_init(ngx_keepers_redis_t *redis)
{
    u_char                          *p, db[NGX_INT_T_LEN];
    size_t                           len;
    ngx_str_t                        parts[NGX_KEEPERS_REDIS_OWN];
    ngx_uint_t                       i, n;
    keepers_str_t                    argv[3];
    const ngx_keepers_redis_conf_t  *conf;

    conf = redis->conf;
    n = 0;

    if (redis->password.len) {
        i = 0;
        argv[i++] = keepers_str("AUTH", 4);

        if (conf->user.len) {
            argv[i++] = keepers_str(conf->user.data, conf->user.len);
        }

        argv[i++] = keepers_str(redis->password.data, redis->password.len);

        if (ngx_keepers_redis_hello_add(redis, parts, &n, argv, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (conf->db != 0) {
        p = ngx_sprintf(db, "%i", conf->db);

        argv[0] = keepers_str("SELECT", 6);
        argv[1] = keepers_str(db, p - db);

        if (ngx_keepers_redis_hello_add(redis, parts, &n, argv, 2) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    argv[0] = keepers_str("PING", 4);

    if (ngx_keepers_redis_hello_add(redis, parts, &n, argv, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    redis->ping = keepers_str(parts[n - 1].data, parts[n - 1].len);

    if (conf->sentinels_n) {
        argv[0] = keepers_str("INFO", 4);
        argv[1] = keepers_str("replication", 11);

        if (ngx_keepers_redis_hello_add(redis, parts, &n, argv, 2) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (redis->cluster != NULL) {
        argv[0] = keepers_str("CLUSTER", 7);
        argv[1] = keepers_str("NODES", 5);

        if (ngx_keepers_redis_hello_add(redis, parts, &n, argv, 2) != NGX_OK) {
            return NGX_ERROR;
        }

        redis->cluster->command = keepers_str(parts[n - 1].data,
                                              parts[n - 1].len);
    }

    for (i = 0; i < NGX_KEEPERS_SCRIPTS; i++) {
        argv[0] = keepers_str("SCRIPT", 6);
        argv[1] = keepers_str("LOAD", 4);
        argv[2] = ngx_keepers_redis_script_text[i];

        if (ngx_keepers_redis_hello_add(redis, parts, &n, argv, 3) != NGX_OK) {
            return NGX_ERROR;
        }

        redis->load[i] = keepers_str(parts[n - 1].data, parts[n - 1].len);
    }

    len = 0;

    for (i = 0; i < n; i++) {
        len += parts[i].len;
    }

    redis->hello.len = len;
    redis->hello.data = ngx_pnalloc(redis->pool, len);
    if (redis->hello.data == NULL) {
        return NGX_ERROR;
    }

    p = redis->hello.data;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, parts[i].data, parts[i].len);
    }

    if (redis->password.len) {
        ngx_explicit_memzero(parts[0].data, parts[0].len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_redis_hello_add(ngx_keepers_redis_t *redis, ngx_str_t *parts,
    ngx_uint_t *n, const keepers_str_t *argv, ngx_uint_t argc)
{
    return ngx_keepers_redis_command_format(redis->pool, argv, argc,
                                          &parts[(*n)++]);
}


static ngx_uint_t
ngx_keepers_redis_hello_used(ngx_keepers_redis_conn_t *conn, ngx_uint_t role)
{
    const ngx_keepers_redis_conf_t  *conf;

    conf = conn->redis->conf;

    if (conn->asks) {
        return role == NGX_KEEPERS_REDIS_MASTER
               || (role == NGX_KEEPERS_REDIS_AUTH
                   && conf->sentinel_password.len);
    }

    switch (role) {

    case NGX_KEEPERS_REDIS_COMMAND:
    case NGX_KEEPERS_REDIS_MASTER:
        return 0;

    case NGX_KEEPERS_REDIS_AUTH:
        return conn->redis->password.len != 0;

    case NGX_KEEPERS_REDIS_SELECT:
        return conf->db != 0;

    case NGX_KEEPERS_REDIS_INFO:
        return conf->sentinels_n != 0;

    case NGX_KEEPERS_REDIS_MAP:
        return conf->seeds_n != 0;

    default:
        return 1;
    }
}


/*
 * The replies to come.  They may come before redis->hello has left, when Redis
 * refuses us.  If they are anything else than a refusal they cannot pass for
 * those that we wait for, whose digests have an order.
 */

void
ngx_keepers_redis_hello_begin(ngx_keepers_redis_conn_t *conn)
{
    ngx_uint_t               role;
    ngx_keepers_redis_op_t  *op;

    conn->hello_left = 0;

    for (role = 0; role < NGX_KEEPERS_REDIS_OWN; role++) {

        if (!ngx_keepers_redis_hello_used(conn, role)) {
            continue;
        }

        op = ngx_keepers_redis_hello_op(conn, role);

        /* these bytes are not part of the output, which begins here */
        op->start = conn->base + conn->sent;
        op->end = op->start;

        op->state = NGX_KEEPERS_REDIS_OP_FLYING;
        ngx_queue_insert_tail(&conn->flying, &op->queue);

        conn->hello_left++;
    }
}


static ngx_keepers_redis_op_t *
ngx_keepers_redis_hello_op(ngx_keepers_redis_conn_t *conn, ngx_uint_t role)
{
    ngx_keepers_redis_op_t     *op;
    ngx_keepers_redis_reply_t  *reply;

    op = &conn->own[role];
    ngx_memzero(op, sizeof(ngx_keepers_redis_op_t));

    op->conn = conn;
    op->role = role;
    op->sent_ms = ngx_current_msec;

    conn->own_reply.values = &conn->own_value;
    conn->own_reply.values_max = 1;
    conn->own_reply.data = conn->own_data;
    conn->own_reply.size = sizeof(conn->own_data);

    /* one buffer for all: a reply is looked at before the next is read */
    reply = &conn->own_reply;

    if (role == NGX_KEEPERS_REDIS_INFO) {
        reply = &conn->redis->info;

    } else if (role == NGX_KEEPERS_REDIS_MAP) {
        reply = &conn->redis->cluster->reply;

    } else if (role == NGX_KEEPERS_REDIS_MASTER) {
        reply = &conn->redis->sentinel->reply;
    }

    op->reply = reply;
    op->values_max = reply->values_max;
    op->size = reply->size;

    return op;
}


static ngx_int_t
ngx_keepers_redis_hello_send(ngx_keepers_redis_conn_t *conn, ngx_uint_t role,
    keepers_str_t command)
{
    ngx_int_t                rc;
    ngx_keepers_redis_op_t  *op;

    if (conn->own[role].state != NGX_KEEPERS_REDIS_OP_FREE) {

        /* on its way already */

        return NGX_OK;
    }

    op = ngx_keepers_redis_hello_op(conn, role);

    rc = ngx_keepers_redis_codec_append(op, command);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_keepers_redis_op_unsent(op);

    return NGX_OK;
}


void
ngx_keepers_redis_hello_ping(ngx_keepers_redis_conn_t *conn)
{
    (void) ngx_keepers_redis_hello_send(conn, NGX_KEEPERS_REDIS_PING,
                                        conn->redis->ping);
}


void
ngx_keepers_redis_hello_map(ngx_keepers_redis_conn_t *conn)
{
    (void) ngx_keepers_redis_hello_send(conn, NGX_KEEPERS_REDIS_MAP,
                                        conn->redis->cluster->command);
}


/* NGX_OK: what is sent from now on finds the script. */

ngx_int_t
ngx_keepers_redis_hello_reload(ngx_keepers_redis_conn_t *conn,
    ngx_keepers_script_e script)
{
    return ngx_keepers_redis_hello_send(conn, NGX_KEEPERS_REDIS_LOAD + script,
                                        conn->redis->load[script]);
}


/* FAULT_NONE: go on. */

ngx_keepers_redis_fault_e
ngx_keepers_redis_hello_answered(ngx_keepers_redis_op_t *op)
{
    ngx_keepers_redis_fault_e  fault;

    if (op->error) {
        fault = op->conn->asks ? ngx_keepers_redis_hello_asked(op)
                               : ngx_keepers_redis_hello_fault(op);

    } else if (op->role == NGX_KEEPERS_REDIS_MASTER) {
        fault = ngx_keepers_redis_sentinel_heard(op);

    } else if (op->role == NGX_KEEPERS_REDIS_MAP) {
        fault = ngx_keepers_redis_slots_heard(op);

    } else {
        fault = ngx_keepers_redis_hello_said(op);
    }

    if (fault == NGX_KEEPERS_REDIS_FAULT_NONE && op->conn->hello_left > 0) {
        op->conn->hello_left--;
    }

    return fault;
}


/* A string, and which. */

static ngx_keepers_redis_fault_e
ngx_keepers_redis_hello_said(ngx_keepers_redis_op_t *op)
{
    keepers_str_t               expected;
    ngx_keepers_redis_value_t  *value;

    value = op->reply->values;

    if (op->nil || op->n != 1 || value->kind != NGX_KEEPERS_REDIS_STRING) {
        return NGX_KEEPERS_REDIS_FAULT_REPLY;
    }

    switch (op->role) {

    case NGX_KEEPERS_REDIS_INFO:
        return ngx_keepers_redis_hello_master(value->string)
               ? NGX_KEEPERS_REDIS_FAULT_NONE
               : NGX_KEEPERS_REDIS_FAULT_REPLICA;

    case NGX_KEEPERS_REDIS_PING:
        expected = keepers_str("PONG", 4);
        break;

    case NGX_KEEPERS_REDIS_AUTH:
    case NGX_KEEPERS_REDIS_SELECT:
        expected = keepers_str("OK", 2);
        break;

    default:
        expected = ngx_keepers_redis_script_digest(op->role
                                                   - NGX_KEEPERS_REDIS_LOAD);
    }

    return keepers_str_eq(value->string, expected)
           ? NGX_KEEPERS_REDIS_FAULT_NONE : NGX_KEEPERS_REDIS_FAULT_REPLY;
}


/* The second line of "INFO replication"; no value has an end of line. */

static ngx_uint_t
ngx_keepers_redis_hello_master(keepers_str_t info)
{
    static u_char  line[] = "\nrole:master\r\n";

    return info.len != 0
           && ngx_strlcasestrn((u_char *) info.data,
                               (u_char *) info.data + info.len, line,
                               sizeof(line) - 2)
              != NULL;
}


/* An error of a Sentinel. */

static ngx_keepers_redis_fault_e
ngx_keepers_redis_hello_asked(ngx_keepers_redis_op_t *op)
{
    ngx_keepers_redis_fault_e  fault;

    fault = ngx_keepers_redis_breaker_fault(op->error);

    if (op->role == NGX_KEEPERS_REDIS_AUTH
        || fault == NGX_KEEPERS_REDIS_FAULT_AUTH
        || op->error == NGX_KEEPERS_REDIS_ERROR_NOPERM)
    {
        return NGX_KEEPERS_REDIS_FAULT_SENTINEL_AUTH;
    }

    return (fault != NGX_KEEPERS_REDIS_FAULT_NONE)
           ? fault : NGX_KEEPERS_REDIS_FAULT_SENTINEL_NAME;
}


static ngx_keepers_redis_fault_e
ngx_keepers_redis_hello_fault(ngx_keepers_redis_op_t *op)
{
    ngx_keepers_redis_fault_e  fault;

    fault = ngx_keepers_redis_breaker_fault(op->error);

    if (fault != NGX_KEEPERS_REDIS_FAULT_NONE) {
        return fault;
    }

    switch (op->role) {

    case NGX_KEEPERS_REDIS_AUTH:
        return NGX_KEEPERS_REDIS_FAULT_AUTH;

    case NGX_KEEPERS_REDIS_SELECT:
        return NGX_KEEPERS_REDIS_FAULT_DB;

    case NGX_KEEPERS_REDIS_PING:
        return NGX_KEEPERS_REDIS_FAULT_HELLO;

    case NGX_KEEPERS_REDIS_INFO:
        return NGX_KEEPERS_REDIS_FAULT_INFO;

    case NGX_KEEPERS_REDIS_MAP:
        return NGX_KEEPERS_REDIS_FAULT_MAP;

    default:
        return NGX_KEEPERS_REDIS_FAULT_SCRIPT;
    }
}
