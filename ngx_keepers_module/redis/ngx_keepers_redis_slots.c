
/*
 * Copyright (C) Keepers
 *
 * Whose a key is.  A cluster has 16384 slots; a key's is CRC16 (XMODEM:
 * polynomial 0x1021, from 0) of what stands between its first "{" and the "}"
 * behind it or, if there is no such thing or nothing in it, of all of it.
 *
 * Who has which slot say all nodes, one line a node (CLUSTER NODES; CLUSTER
 * SLOTS nests its reply, and our codec takes no nesting):
 *
 *   id host:port@bus[,name] flags master ping pong epoch link [slot|from-to]...
 *
 * A slot on its way to another node is an entry in brackets besides.
 */


#include "redis/ngx_keepers_redis_int.h"


/* how many older maps are passed by before one is taken: all of the nodes may
 * have been made anew */
#define NGX_KEEPERS_REDIS_OLDER_MAX  8


typedef struct {
    keepers_str_t                 host;         /* empty: of who says it */
    keepers_str_t                 port;
    keepers_str_t                 slots;        /* the rest of the line */
    uint64_t                      epoch;
    unsigned                      master:1;
    unsigned                      failed:1;
} ngx_keepers_redis_line_t;


static uint16_t ngx_keepers_redis_slots_crc(const u_char *p, size_t len);
static ngx_int_t ngx_keepers_redis_slots_key(
    const ngx_keepers_redis_command_t *command, keepers_str_t *key);
static ngx_int_t ngx_keepers_redis_slots_line(keepers_str_t *text,
    ngx_keepers_redis_line_t *line);
static keepers_str_t ngx_keepers_redis_slots_word(keepers_str_t *text,
    u_char end);
static ngx_int_t ngx_keepers_redis_slots_range(keepers_str_t word,
    ngx_uint_t *from, ngx_uint_t *to);
static void ngx_keepers_redis_slots_take(
    const ngx_keepers_redis_conn_t *conn, ngx_keepers_redis_line_t *line);


static uint16_t  ngx_keepers_redis_slots_table[256];


/* Once a process. */

void
ngx_keepers_redis_slots_init(void)
{
    uint16_t    crc;
    ngx_uint_t  i, bit;

    for (i = 0; i < 256; i++) {
        crc = (uint16_t) (i << 8);

        for (bit = 0; bit < 8; bit++) {
            crc = (uint16_t) ((crc & 0x8000) ? (crc << 1) ^ 0x1021
                                             : crc << 1);
        }

        ngx_keepers_redis_slots_table[i] = crc;
    }
}


static uint16_t
ngx_keepers_redis_slots_crc(const u_char *p, size_t len)
{
    size_t    i;
    uint16_t  crc;

    crc = 0;

    for (i = 0; i < len; i++) {
        crc = (uint16_t) ((crc << 8)
              ^ ngx_keepers_redis_slots_table[(crc >> 8) ^ p[i]]);
    }

    return crc;
}


/* The slot of a command's first key, whose others are of the same one;
 * NGX_DECLINED: it has none. */

ngx_int_t
ngx_keepers_redis_slots_of(const ngx_keepers_redis_command_t *command)
{
    size_t         from, to;
    keepers_str_t  key;

    if (ngx_keepers_redis_slots_key(command, &key) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (from = 0; from < key.len && key.data[from] != '{'; from++) {
        /* void */
    }

    from++;

    for (to = from; to < key.len && key.data[to] != '}'; to++) { /* void */ }

    if (to >= key.len || to == from) {
        from = 0;
        to = key.len;
    }

    return ngx_keepers_redis_slots_crc(key.data + from, to - from)
           % NGX_KEEPERS_REDIS_SLOTS;
}


static ngx_int_t
ngx_keepers_redis_slots_key(const ngx_keepers_redis_command_t *command,
    keepers_str_t *key)
{
    size_t         len;
    u_char        *p, *last;

    if (command->headed && command->argc) {
        *key = command->argv[0];
        return NGX_OK;
    }

    if (!command->headed) {

        /* what is published reaches all nodes from any of them */

        if (command->argc < 2
            || keepers_str_eq(command->argv[0], keepers_str("PUBLISH", 7)))
        {
            return NGX_DECLINED;
        }

        *key = command->argv[1];
        return NGX_OK;
    }

    /* the first of those that are encoded: "$" length CRLF bytes */

    p = (u_char *) command->tail.data;
    last = p + command->tail.len;
    len = 0;

    for (p++; p < last && *p != CR; p++) {
        len = len * 10 + (*p - '0');
    }

    p += 2;

    if (p >= last || len > (size_t) (last - p)) {
        return NGX_DECLINED;
    }

    *key = keepers_str(p, len);

    return NGX_OK;
}


/* The reply to CLUSTER NODES.  FAULT_NONE: it is one. */

ngx_keepers_redis_fault_e
ngx_keepers_redis_slots_heard(ngx_keepers_redis_op_t *op)
{
    uint64_t                      epoch;
    ngx_uint_t                    slots;
    keepers_str_t                 text;
    ngx_keepers_redis_line_t      line;
    ngx_keepers_redis_cluster_t  *cluster;

    cluster = op->conn->redis->cluster;

    if (op->nil
        || op->n != 1
        || cluster->value.kind != NGX_KEEPERS_REDIS_STRING)
    {
        return NGX_KEEPERS_REDIS_FAULT_REPLY;
    }

    text = cluster->value.string;
    epoch = 0;
    slots = 0;

    while (text.len) {
        if (ngx_keepers_redis_slots_line(&text, &line) != NGX_OK) {
            return NGX_KEEPERS_REDIS_FAULT_REPLY;
        }

        if (line.master && line.slots.len) {
            epoch = ngx_max(epoch, line.epoch);
            slots = 1;
        }
    }

    cluster->asked_ms = ngx_current_msec;

    if (!slots) {

        /* it is of no cluster yet, or of none any more */

        return NGX_KEEPERS_REDIS_FAULT_NONE;
    }

    if (epoch < cluster->epoch
        && cluster->older++ < NGX_KEEPERS_REDIS_OLDER_MAX)
    {
        /* somebody who was cut off from the others knows less than we do */

        return NGX_KEEPERS_REDIS_FAULT_NONE;
    }

    cluster->epoch = epoch;
    cluster->older = 0;

    ngx_keepers_redis_cluster_forget(op->conn->redis);

    text = cluster->value.string;

    while (text.len && ngx_keepers_redis_slots_line(&text, &line) == NGX_OK) {
        ngx_keepers_redis_slots_take(op->conn, &line);
    }

    ngx_keepers_redis_cluster_mapped(op->conn->redis);

    return NGX_KEEPERS_REDIS_FAULT_NONE;
}


/* The next line.  NGX_OK, NGX_ERROR: it is none. */

static ngx_int_t
ngx_keepers_redis_slots_line(keepers_str_t *text,
    ngx_keepers_redis_line_t *line)
{
    size_t         n;
    ngx_int_t      epoch;
    keepers_str_t  rest, address, flags, flag, word;

    ngx_memzero(line, sizeof(ngx_keepers_redis_line_t));

    rest = ngx_keepers_redis_slots_word(text, LF);

    (void) ngx_keepers_redis_slots_word(&rest, ' ');
    address = ngx_keepers_redis_slots_word(&rest, ' ');
    flags = ngx_keepers_redis_slots_word(&rest, ' ');

    /* master, ping, pong */
    (void) ngx_keepers_redis_slots_word(&rest, ' ');
    (void) ngx_keepers_redis_slots_word(&rest, ' ');
    (void) ngx_keepers_redis_slots_word(&rest, ' ');

    word = ngx_keepers_redis_slots_word(&rest, ' ');
    epoch = ngx_atoi((u_char *) word.data, word.len);

    word = ngx_keepers_redis_slots_word(&rest, ' ');

    if (epoch == NGX_ERROR || word.len == 0) {
        return NGX_ERROR;
    }

    line->epoch = (uint64_t) epoch;
    line->slots = rest;

    /* the last colon: an address of IPv6 has others */

    address = ngx_keepers_redis_slots_word(&address, '@');

    for (n = address.len; n > 0 && address.data[n - 1] != ':'; n--) {
        /* void */
    }

    if (n == 0) {
        return NGX_ERROR;
    }

    line->host = keepers_str(address.data, n - 1);
    line->port = keepers_str(address.data + n, address.len - n);

    while (flags.len) {
        flag = ngx_keepers_redis_slots_word(&flags, ',');

        if (keepers_str_eq(flag, keepers_str("master", 6))) {
            line->master = 1;

        } else if (keepers_str_eq(flag, keepers_str("fail", 4))) {
            line->failed = 1;
        }
    }

    return NGX_OK;
}


/* What stands before "end", which is taken too. */

static keepers_str_t
ngx_keepers_redis_slots_word(keepers_str_t *text, u_char end)
{
    size_t         n;
    keepers_str_t  word;

    for (n = 0; n < text->len && text->data[n] != end; n++) { /* void */ }

    word = keepers_str(text->data, n);

    if (n < text->len) {
        n++;
    }

    *text = keepers_str(text->data + n, text->len - n);

    return word;
}


/* "from-to" or "slot".  NGX_OK, NGX_DECLINED: it is on its way. */

static ngx_int_t
ngx_keepers_redis_slots_range(keepers_str_t word, ngx_uint_t *from,
    ngx_uint_t *to)
{
    ngx_int_t      n;
    keepers_str_t  first;

    first = ngx_keepers_redis_slots_word(&word, '-');
    n = ngx_atoi((u_char *) first.data, first.len);

    if (n == NGX_ERROR || n >= NGX_KEEPERS_REDIS_SLOTS) {
        return NGX_DECLINED;
    }

    *from = n;
    *to = n;

    if (word.len) {
        n = ngx_atoi((u_char *) word.data, word.len);

        if (n == NGX_ERROR || n >= NGX_KEEPERS_REDIS_SLOTS) {
            return NGX_DECLINED;
        }

        *to = n;
    }

    return NGX_OK;
}


static void
ngx_keepers_redis_slots_take(const ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_line_t *line)
{
    ngx_uint_t                 from, to;
    keepers_str_t              word;
    ngx_keepers_redis_node_t  *node;
    ngx_keepers_redis_told_t   told;

    if (ngx_keepers_redis_slots_place(conn, &told, line->host, line->port)
        != NGX_OK)
    {
        return;
    }

    node = ngx_keepers_redis_cluster_node(conn->redis, &told,
                                          line->master && line->slots.len);
    if (node == NULL) {
        return;
    }

    node->failed = line->failed;

    while (line->master && line->slots.len) {
        word = ngx_keepers_redis_slots_word(&line->slots, ' ');

        if (ngx_keepers_redis_slots_range(word, &from, &to) == NGX_OK) {
            ngx_keepers_redis_cluster_own(conn->redis, node, from, to);
        }
    }
}


/*
 * Where a node is, as the one says that this connection is to: one that does
 * not know its own address, or that of any, leaves it out.  NGX_OK, NGX_ERROR.
 */

ngx_int_t
ngx_keepers_redis_slots_place(const ngx_keepers_redis_conn_t *conn,
    ngx_keepers_redis_told_t *told, keepers_str_t host, keepers_str_t port)
{
    size_t  len;
    u_char  text[NGX_SOCKADDR_STRLEN], *p;

    p = text;

    if (host.len == 0 && conn->peer_len != 0) {
        len = ngx_sock_ntop((struct sockaddr *) &conn->peer, conn->peer_len,
                            text, sizeof(text), 0);

        if (len > 1 && text[0] == '[') {
            p++;
            len -= 2;
        }

        host = keepers_str(p, len);
    }

    return ngx_keepers_redis_place_told(told, host, port);
}
