
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_sentinel.h"

#include "core/keepers_text.h"

#include <stdio.h>


#define WRITER_REDIS_SENTINEL_PORT  26379
#define WRITER_REDIS_NAME           "abcdefghijklmnopqrstuvwxyz"              \
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"              \
                                    "0123456789.-_"


static bool writer_redis_sentinel_place(const char *text, size_t len,
    writer_redis_place_t *place);
static bool writer_redis_sentinel_port(const char *text, size_t len,
    int *port);
static const char *writer_redis_sentinel_ask(const writer_conf_t *conf,
    const writer_redis_sentinels_t *sentinels, size_t i, unsigned timeout_s,
    writer_redis_place_t *master);
static const char *writer_redis_sentinel_answer(const redisReply *reply,
    writer_redis_place_t *master);
static bool writer_redis_sentinel_same(const writer_redis_place_t *one,
    const writer_redis_place_t *other);
static bool writer_redis_sentinel_leads(writer_redis_link_t *link);


const char *
writer_redis_sentinels(const char *text, writer_redis_sentinels_t *sentinels)
{
    size_t  len;

    memset(sentinels, 0, sizeof(*sentinels));

    len = strspn(text, WRITER_REDIS_NAME);

    if (len == 0 || len > WRITER_REDIS_MASTER_MAX || text[len] != '@') {
        return "it does not begin with a name and \"@\"";
    }

    memcpy(sentinels->master, text, len);
    text += len;

    do {
        text++;
        len = strcspn(text, ",");

        if (sentinels->n == WRITER_REDIS_SENTINELS) {
            return "these are too many";
        }

        if (!writer_redis_sentinel_place(text, len,
                                         &sentinels->at[sentinels->n++]))
        {
            return "there is something else than host:port";
        }

        text += len;

    } while (*text == ',');

    return NULL;
}


/* host, host:port, or either with an address of IPv6 in brackets. */
static bool
writer_redis_sentinel_place(const char *text, size_t len,
    writer_redis_place_t *place)
{
    size_t  host, rest;

    if (len > 0 && text[0] == '[') {
        text++;
        host = strspn(text, "0123456789abcdefABCDEF:.");
        rest = host + 1;

        if (text[host] != ']') {
            return false;
        }

        len--;

    } else {
        host = strspn(text, WRITER_REDIS_NAME);
        rest = host;
    }

    if (host == 0 || host > WRITER_REDIS_HOST_MAX) {
        return false;
    }

    memcpy(place->host, text, host);
    place->host[host] = '\0';
    place->port = WRITER_REDIS_SENTINEL_PORT;

    return rest == len
           || (text[rest] == ':'
               && writer_redis_sentinel_port(text + rest + 1, len - rest - 1,
                                             &place->port));
}


static bool
writer_redis_sentinel_port(const char *text, size_t len, int *port)
{
    uint64_t  n;

    if (!keepers_text_uint(keepers_str(text, len), &n) || n < 1 || n > 65535) {
        return false;
    }

    *port = (int) n;

    return true;
}


writer_redis_link_t *
writer_redis_sentinel_open(const writer_conf_t *conf, unsigned timeout_s,
    const char **why)
{
    size_t                    i;
    const char               *fault;
    writer_redis_link_t      *link;
    writer_redis_place_t      master, tried;
    writer_redis_sentinels_t  sentinels;

    *why = writer_redis_sentinels(conf->redis_sentinel, &sentinels);

    if (*why != NULL) {
        return NULL;
    }

    tried.host[0] = '\0';
    tried.port = 0;

    for (i = 0; i < sentinels.n; i++) {
        fault = writer_redis_sentinel_ask(conf, &sentinels, i, timeout_s,
                                          &master);

        if (fault != NULL) {
            *why = fault;
            continue;
        }

        /* most agree, and who was no master a moment ago is none */

        if (writer_redis_sentinel_same(&master, &tried)) {
            continue;
        }

        tried = master;
        link = writer_redis_open_at(conf, &master, conf->redis_user,
                                    conf->redis_password, timeout_s, why);

        if (link != NULL && writer_redis_sentinel_leads(link)) {
            return link;
        }

        if (link != NULL) {
            *why = "not_a_master";
            writer_redis_close(link);
        }
    }

    return NULL;
}


bool
writer_redis_sentinel_moved(const writer_conf_t *conf,
    const writer_redis_place_t *place, unsigned timeout_s, bool *heard)
{
    bool                      moved;
    size_t                    i;
    const char               *why;
    writer_redis_link_t      *link;
    writer_redis_place_t      master;
    writer_redis_sentinels_t  sentinels;

    *heard = false;

    if (writer_redis_sentinels(conf->redis_sentinel, &sentinels) != NULL) {
        return false;
    }

    for (i = 0; i < sentinels.n && !*heard; i++) {
        *heard = writer_redis_sentinel_ask(conf, &sentinels, i, timeout_s,
                                           &master)
                 == NULL;
    }

    if (!*heard || writer_redis_sentinel_same(&master, place)) {
        return false;
    }

    /* one that is wrong must not end a connection every two seconds */

    link = writer_redis_sentinel_open(conf, timeout_s, &why);

    if (link == NULL) {
        return false;
    }

    moved = !writer_redis_sentinel_same(writer_redis_place(link), place);

    writer_redis_close(link);

    return moved;
}


static bool
writer_redis_sentinel_same(const writer_redis_place_t *one,
    const writer_redis_place_t *other)
{
    return one->port == other->port && strcmp(one->host, other->host) == 0;
}


/* NULL, or at what it failed. */
static const char *
writer_redis_sentinel_ask(const writer_conf_t *conf,
    const writer_redis_sentinels_t *sentinels, size_t i, unsigned timeout_s,
    writer_redis_place_t *master)
{
    const char           *why;
    redisReply           *reply;
    writer_redis_link_t  *link;

    link = writer_redis_open_at(conf, &sentinels->at[i],
                                conf->redis_sentinel_user,
                                conf->redis_sentinel_password, timeout_s,
                                &why);
    if (link == NULL) {
        return strcmp(why, "no_connection") == 0 ? "no_sentinel"
               : strcmp(why, "password_refused") == 0
               ? "sentinel_password_refused" : why;
    }

    reply = writer_redis(link, "SENTINEL GET-MASTER-ADDR-BY-NAME %s",
                         sentinels->master);

    why = writer_redis_sentinel_answer(reply, master);

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    writer_redis_close(link);

    return why;
}


static const char *
writer_redis_sentinel_answer(const redisReply *reply,
    writer_redis_place_t *master)
{
    const redisReply  *host, *port;

    if (reply == NULL) {
        return "no_sentinel";
    }

    if (reply->type == REDIS_REPLY_NIL) {
        return "name_unknown_to_sentinel";
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        return "refused_by_sentinel";
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return "nonsense_of_sentinel";
    }

    host = reply->element[0];
    port = reply->element[1];

    if (host->len == 0 || (size_t) host->len > WRITER_REDIS_HOST_MAX
        || strspn(host->str, WRITER_REDIS_NAME ":") != (size_t) host->len
        || !writer_redis_sentinel_port(port->str, (size_t) port->len,
                                       &master->port))
    {
        return "nonsense_of_sentinel";
    }

    memcpy(master->host, host->str, (size_t) host->len + 1);

    return NULL;
}


/* INFO, for it is flat, and the module asks the same. */
static bool
writer_redis_sentinel_leads(writer_redis_link_t *link)
{
    bool         leads;
    redisReply  *reply;

    reply = writer_redis(link, "INFO replication");

    leads = reply != NULL && reply->type == REDIS_REPLY_STRING
            && strstr(reply->str, "\nrole:master\r\n") != NULL;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return leads;
}
