
/*
 * Copyright (C) Keepers
 *
 * Redis Cluster: a set of connections for each node.  Which one takes a
 * command says the map, slot by slot; it is read with the hello of each
 * connection and every two seconds (_slots.c), and corrected by each MOVED.  A
 * command that was sent to the wrong node follows MOVED and ASK: its bytes are
 * kept until its reply came.
 *
 * Nodes begin as the addresses of "keepers_redis" and are whom others name.
 * None is closed but from a timer: whoever hears of it may be reading from it.
 */


#include "redis/ngx_keepers_redis_int.h"


#define NGX_KEEPERS_REDIS_TURN_MS   2000    /* is the map still right? */
#define NGX_KEEPERS_REDIS_DOUBT_MS  1000    /* it is not: not more often */
#define NGX_KEEPERS_REDIS_NOBODY    0xff

_Static_assert(NGX_KEEPERS_REDIS_NODES < NGX_KEEPERS_REDIS_NOBODY, "map");
_Static_assert(NGX_KEEPERS_REDIS_SEEDS <= NGX_KEEPERS_REDIS_NODES, "seeds");


static ngx_int_t ngx_keepers_redis_cluster_read(ngx_keepers_redis_op_t *op,
    ngx_uint_t *slot, ngx_keepers_redis_told_t *told);
static void ngx_keepers_redis_cluster_seed(ngx_keepers_redis_t *redis);
static void ngx_keepers_redis_cluster_turn(ngx_event_t *ev);
static ngx_uint_t ngx_keepers_redis_cluster_begin(ngx_keepers_redis_t *redis);
static void ngx_keepers_redis_cluster_leave(ngx_keepers_redis_t *redis);
static ngx_uint_t ngx_keepers_redis_cluster_needs(ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_node_t *node);
static void ngx_keepers_redis_cluster_ask(ngx_keepers_redis_t *redis);
static void ngx_keepers_redis_cluster_wait(ngx_keepers_redis_t *redis,
    ngx_msec_t delay_ms);


/* NGX_OK, NGX_ERROR: no memory. */

ngx_int_t
ngx_keepers_redis_cluster_init(ngx_keepers_redis_t *redis)
{
    ngx_keepers_redis_cluster_t  *cluster;

    if (redis->conf->seeds_n == 0) {
        return NGX_OK;
    }

    cluster = ngx_pcalloc(redis->pool, sizeof(ngx_keepers_redis_cluster_t));
    if (cluster == NULL) {
        return NGX_ERROR;
    }

    cluster->reply.data = ngx_pnalloc(redis->pool,
                                      NGX_KEEPERS_REDIS_NODES_MAX);
    if (cluster->reply.data == NULL) {
        return NGX_ERROR;
    }

    cluster->reply.size = NGX_KEEPERS_REDIS_NODES_MAX;
    cluster->reply.values = &cluster->value;
    cluster->reply.values_max = 1;

    ngx_memset(cluster->map, NGX_KEEPERS_REDIS_NOBODY, sizeof(cluster->map));

    /* workers that start together do not all ask the same one */

    cluster->next = ngx_worker % redis->conf->seeds_n;
    cluster->asked_ms = ngx_current_msec - NGX_KEEPERS_REDIS_DOUBT_MS;

    cluster->turn.handler = ngx_keepers_redis_cluster_turn;
    cluster->turn.data = redis;
    cluster->turn.log = redis->log;
    cluster->turn.cancelable = 1;

    ngx_keepers_redis_slots_init();

    redis->cluster = cluster;
    redis->slots = 1;

    return NGX_OK;
}


void
ngx_keepers_redis_cluster_start(ngx_keepers_redis_t *redis)
{
    ngx_keepers_redis_cluster_seed(redis);
    ngx_keepers_redis_cluster_wait(redis, NGX_KEEPERS_REDIS_DOUBT_MS);
}


void
ngx_keepers_redis_cluster_stop(ngx_keepers_redis_t *redis)
{
    if (redis->cluster != NULL && redis->cluster->turn.timer_set) {
        ngx_del_timer(&redis->cluster->turn);
    }
}


/* The addresses of the configuration are nodes, until others are known. */

static void
ngx_keepers_redis_cluster_seed(ngx_keepers_redis_t *redis)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_told_t   told;
    ngx_keepers_redis_node_t  *node;

    for (i = 0; i < redis->conf->seeds_n; i++) {
        ngx_memzero(&told, sizeof(ngx_keepers_redis_told_t));
        told.place = redis->conf->seeds[i];

        node = ngx_keepers_redis_cluster_node(redis, &told, 1);

        if (node != NULL) {
            ngx_keepers_redis_node_start(redis, node);
        }
    }
}


/* Who takes the command; NULL: its node is away, or there is none. */

ngx_keepers_redis_conn_t *
ngx_keepers_redis_cluster_conn(ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_command_t *command)
{
    u_char                     owner;
    ngx_int_t                  slot;
    ngx_keepers_redis_node_t  *node;

    slot = ngx_keepers_redis_slots_of(command);

    if (slot != NGX_DECLINED) {
        owner = redis->cluster->map[slot];

        if (owner != NGX_KEEPERS_REDIS_NOBODY) {
            return ngx_keepers_redis_op_conn(redis, &redis->nodes[owner]);
        }
    }

    /* any node knows whose it is */

    node = ngx_keepers_redis_cluster_any(redis);

    return (node != NULL) ? ngx_keepers_redis_op_conn(redis, node) : NULL;
}


/* A node that is there or, without any, one of which that is not known; they
 * take turns.  NULL: there was no memory for one. */

ngx_keepers_redis_node_t *
ngx_keepers_redis_cluster_any(ngx_keepers_redis_t *redis)
{
    ngx_uint_t                    i, n, worth, best;
    ngx_keepers_redis_node_t     *node, *found;
    ngx_keepers_redis_cluster_t  *cluster;

    cluster = redis->cluster;
    found = NULL;
    best = 0;

    for (i = 1; i <= redis->nodes_n; i++) {
        n = (cluster->next + i) % redis->nodes_n;
        node = &redis->nodes[n];

        if (!node->used) {
            continue;
        }

        worth = ngx_keepers_redis_node_ready(redis, node)
                ? (node->failed ? 3 : 4)
                : (node->conns[0].failures ? 1 : 2);

        if (worth > best) {
            best = worth;
            found = node;
        }
    }

    if (found != NULL) {
        cluster->next = found - redis->nodes;
    }

    return found;
}


/* The node that is there, a new one if "make" says so; NULL: there is none, or
 * no room for it. */

ngx_keepers_redis_node_t *
ngx_keepers_redis_cluster_node(ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_told_t *told, ngx_uint_t make)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_node_t  *node, *unused;

    unused = NULL;

    for (i = 0; i < redis->nodes_n; i++) {
        node = &redis->nodes[i];

        if (!node->used) {
            unused = (unused == NULL) ? node : unused;
            continue;
        }

        if (ngx_keepers_redis_place_same(&node->told.place, &told->place)) {
            return node;
        }
    }

    if (!make
        || unused == NULL
        || ngx_keepers_redis_node_init(redis, unused) != NGX_OK)
    {
        return NULL;
    }

    unused->told = *told;

    if (told->place.addr == &told->addr) {
        unused->told.place.addr = &unused->told.addr;
        unused->told.addr.sockaddr = &unused->told.sockaddr.sockaddr;
    }

    if (told->place.host.data == told->host) {
        unused->told.place.host.data = unused->told.host;
    }

    unused->used = 1;
    unused->failed = 0;
    unused->down_s = 0;

    return unused;
}


/* A map begins: whose a slot was counts no more. */

void
ngx_keepers_redis_cluster_forget(ngx_keepers_redis_t *redis)
{
    ngx_memset(redis->cluster->map, NGX_KEEPERS_REDIS_NOBODY,
               sizeof(redis->cluster->map));
}


void
ngx_keepers_redis_cluster_own(ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_node_t *node, ngx_uint_t from, ngx_uint_t to)
{
    for ( /* void */ ; from <= to; from++) {
        redis->cluster->map[from] = (u_char) (node - redis->nodes);
    }
}


/* It ends: connect to those who are new, leave those who have nothing. */

void
ngx_keepers_redis_cluster_mapped(ngx_keepers_redis_t *redis)
{
    redis->cluster->mapped = 1;

    ngx_keepers_redis_cluster_wait(redis, 0);
}


/*
 * A node has sent the op on.  NGX_OK: it is on its way there; else it fails:
 * too often, to nowhere, or to one that is away.
 */

ngx_int_t
ngx_keepers_redis_cluster_follow(ngx_keepers_redis_op_t *op)
{
    ngx_uint_t                 slot, ask;
    ngx_keepers_redis_t       *redis;
    ngx_keepers_redis_conn_t  *conn;
    ngx_keepers_redis_node_t  *node;
    ngx_keepers_redis_told_t   told;

    redis = op->conn->redis;

    if (redis->cluster == NULL
        || op->role != NGX_KEEPERS_REDIS_COMMAND
        || op->hops == NGX_KEEPERS_REDIS_HOPS
        || ngx_keepers_redis_cluster_read(op, &slot, &told) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    node = ngx_keepers_redis_cluster_node(redis, &told, 1);
    if (node == NULL) {
        return NGX_DECLINED;
    }

    ask = (op->error == NGX_KEEPERS_REDIS_ERROR_ASK);

    if (!ask) {
        ngx_keepers_redis_cluster_own(redis, node, slot, slot);
        ngx_keepers_redis_cluster_doubt(redis);
    }

    conn = ngx_keepers_redis_op_conn(redis, node);
    if (conn == NULL) {
        return NGX_DECLINED;
    }

    return ngx_keepers_redis_again_move(op, conn, ask);
}


/* "MOVED slot host:port", "ASK slot host:port".  NGX_OK, NGX_ERROR. */

static ngx_int_t
ngx_keepers_redis_cluster_read(ngx_keepers_redis_op_t *op, ngx_uint_t *slot,
    ngx_keepers_redis_told_t *told)
{
    u_char                       *p, *last, *end, *colon;
    ngx_int_t                     n;
    keepers_str_t                 host, port;
    ngx_keepers_redis_cluster_t  *cluster;

    cluster = op->conn->redis->cluster;

    p = cluster->told;
    last = p + cluster->told_len;

    p = ngx_strlchr(p, last, ' ');
    if (p == NULL) {
        return NGX_ERROR;
    }

    end = ngx_strlchr(++p, last, ' ');
    if (end == NULL) {
        return NGX_ERROR;
    }

    n = ngx_atoi(p, end - p);

    if (n == NGX_ERROR || n >= NGX_KEEPERS_REDIS_SLOTS) {
        return NGX_ERROR;
    }

    *slot = n;
    p = end + 1;

    /* the last colon: an address of IPv6 has others */

    for (colon = last; colon > p && colon[-1] != ':'; colon--) { /* void */ }

    if (colon == p) {
        return NGX_ERROR;
    }

    host = keepers_str(p, colon - 1 - p);
    port = keepers_str(colon, last - colon);

    return ngx_keepers_redis_slots_place(op->conn, told, host, port);
}


/* The map is not right: it is read again, at most once a second. */

void
ngx_keepers_redis_cluster_doubt(ngx_keepers_redis_t *redis)
{
    ngx_msec_t  since_ms;

    if (redis->cluster == NULL) {
        return;
    }

    since_ms = ngx_current_msec - redis->cluster->asked_ms;

    ngx_keepers_redis_cluster_wait(redis,
                                   (since_ms < NGX_KEEPERS_REDIS_DOUBT_MS)
                                   ? NGX_KEEPERS_REDIS_DOUBT_MS - since_ms
                                   : 0);
}


/* The timer fires in so long, or sooner. */

static void
ngx_keepers_redis_cluster_wait(ngx_keepers_redis_t *redis,
    ngx_msec_t delay_ms)
{
    ngx_event_t  *turn;

    turn = &redis->cluster->turn;

    if (turn->timer_set) {

        if ((ngx_msec_int_t) (turn->timer.key - ngx_current_msec)
            <= (ngx_msec_int_t) delay_ms)
        {
            return;
        }

        ngx_del_timer(turn);
    }

    ngx_add_timer(turn, delay_ms);
}


static void
ngx_keepers_redis_cluster_turn(ngx_event_t *ev)
{
    ngx_msec_t            since_ms;
    ngx_uint_t            away;
    ngx_keepers_redis_t  *redis;

    redis = ev->data;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    if (redis->cluster->mapped) {
        ngx_keepers_redis_cluster_leave(redis);
    }

    away = ngx_keepers_redis_cluster_begin(redis);

    if (!ngx_keepers_redis_ready(redis)) {

        /* all may be somewhere else by now */

        ngx_keepers_redis_cluster_seed(redis);
    }

    since_ms = ngx_current_msec - redis->cluster->asked_ms;

    if (since_ms >= NGX_KEEPERS_REDIS_DOUBT_MS) {
        ngx_keepers_redis_cluster_ask(redis);
    }

    ngx_keepers_redis_cluster_wait(redis, away ? NGX_KEEPERS_REDIS_DOUBT_MS
                                               : NGX_KEEPERS_REDIS_TURN_MS);
}


/* Connects to those who have slots; whether one of them is away. */

static ngx_uint_t
ngx_keepers_redis_cluster_begin(ngx_keepers_redis_t *redis)
{
    ngx_uint_t                 i, away;
    ngx_keepers_redis_node_t  *node;

    away = 0;

    for (i = 0; i < redis->nodes_n; i++) {
        node = &redis->nodes[i];

        if (node->used && !ngx_keepers_redis_node_ready(redis, node)) {
            away = 1;
            ngx_keepers_redis_node_start(redis, node);
        }
    }

    return away;
}


/* Closes those who have no slot, and hears from another who is cut off. */

static void
ngx_keepers_redis_cluster_leave(ngx_keepers_redis_t *redis)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *listener;
    ngx_keepers_redis_node_t  *node;

    listener = redis->listener;

    if (listener != NULL
        && listener->state == NGX_KEEPERS_REDIS_READY
        && listener->node->failed)  /* READY: it has one */
    {
        ngx_keepers_redis_breaker_lost(listener,
                                       NGX_KEEPERS_REDIS_FAULT_MOVED);
    }

    for (i = 0; i < redis->nodes_n; i++) {
        node = &redis->nodes[i];

        if (node->used && !ngx_keepers_redis_cluster_needs(redis, node)) {
            ngx_keepers_redis_node_stop(redis, node);
            node->used = 0;
        }
    }
}


static ngx_uint_t
ngx_keepers_redis_cluster_needs(ngx_keepers_redis_t *redis,
    const ngx_keepers_redis_node_t *node)
{
    ngx_uint_t                 i;
    ngx_keepers_redis_conn_t  *conn;

    if (memchr(redis->cluster->map, node - redis->nodes,
               NGX_KEEPERS_REDIS_SLOTS)
        != NULL)
    {
        return 1;
    }

    /* one that listens may still look for its name */

    if (redis->listener != NULL && redis->listener->node == node) {
        return 1;
    }

    for (i = 0; i < redis->conf->connections; i++) {
        conn = &node->conns[i];

        if (ngx_keepers_redis_op_oldest(conn) != NULL) {
            return 1;
        }
    }

    return 0;
}


/* One of those who are there, each in its turn. */

static void
ngx_keepers_redis_cluster_ask(ngx_keepers_redis_t *redis)
{
    ngx_keepers_redis_conn_t  *conn;
    ngx_keepers_redis_node_t  *node;

    node = ngx_keepers_redis_cluster_any(redis);
    conn = (node != NULL) ? ngx_keepers_redis_op_conn(redis, node) : NULL;

    if (conn != NULL && conn->state == NGX_KEEPERS_REDIS_READY) {
        redis->cluster->asked_ms = ngx_current_msec;
        ngx_keepers_redis_hello_map(conn);
    }
}
