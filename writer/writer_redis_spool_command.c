
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_spool_command.h"

#include "writer/writer_redis_open.h"

#include <stdio.h>
#include <string.h>


#define WRITER_SPOOL_COMMAND_TIMEOUT_S  2


static long long writer_spool_requeue(const writer_conf_t *conf,
    redisContext *context);
static bool writer_spool_requeue_entry(const writer_conf_t *conf,
    redisContext *context, const redisReply *entry);
static long long writer_spool_number(redisReply *reply);


int
writer_spool_command(const writer_conf_t *conf, const char *what)
{
    long long      waiting, dead, back;
    redisContext  *context;

    if (what != NULL && strcmp(what, "requeue") != 0) {
        fprintf(stderr, "keepers-writer: \"spool %s\" is unknown: use "
                "\"spool\" or \"spool requeue\"\n", what);
        return 2;
    }

    context = conf->redis_socket[0] != '\0'
              ? writer_redis_open(conf, WRITER_SPOOL_COMMAND_TIMEOUT_S) : NULL;

    if (context == NULL) {
        fprintf(stderr, "keepers-writer: no Redis at \"%s\": see [redis] "
                "socket, user and password_file\n", conf->redis_socket);
        return 1;
    }

    back = what != NULL ? writer_spool_requeue(conf, context) : 0;
    waiting = writer_spool_length(conf, context, "q");
    dead = writer_spool_length(conf, context, "dead");

    redisFree(context);

    if (back < 0) {
        fputs("keepers-writer: not all could be put back: the Redis user needs "
              "+xrange, +xadd and +xdel\n", stderr);
        return 1;
    }

    if (what != NULL) {
        printf("requeued=%lld\n", back);
    }

    printf("waiting=%lld\ndead=%lld\n", waiting, dead);

    return waiting >= 0 && dead >= 0 ? 0 : 1;
}


/* As many as there are now: a running writer may set them aside anew. */
static long long
writer_spool_requeue(const writer_conf_t *conf, redisContext *context)
{
    bool         ok;
    long long    n, i;
    redisReply  *reply;

    n = writer_spool_length(conf, context, "dead");

    for (i = 0; i < n; i++) {
        reply = redisCommand(context, "XRANGE %s{spool}:dead - + COUNT 1",
                             conf->redis_prefix);

        ok = reply != NULL && reply->type == REDIS_REPLY_ARRAY;

        if (ok && reply->elements == 0) {
            freeReplyObject(reply);
            break;
        }

        ok = ok && writer_spool_requeue_entry(conf, context,
                                              reply->element[0]);

        if (reply != NULL) {
            freeReplyObject(reply);
        }

        if (!ok) {
            return -1;
        }
    }

    return n < 0 ? -1 : i;
}


/* In the queue before it leaves the others. */
static bool
writer_spool_requeue_entry(const writer_conf_t *conf, redisContext *context,
    const redisReply *entry)
{
    bool               added;
    redisReply        *reply;
    const redisReply  *fields;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2
        || entry->element[1]->type != REDIS_REPLY_ARRAY
        || entry->element[1]->elements != 4)
    {
        return false;
    }

    fields = entry->element[1];

    reply = redisCommand(context, "XADD %s{spool}:q * e %b",
                         conf->redis_prefix, fields->element[3]->str,
                         (size_t) fields->element[3]->len);

    added = reply != NULL && reply->type == REDIS_REPLY_STRING;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return added
           && writer_spool_number(redisCommand(context,
                                               "XDEL %s{spool}:dead %s",
                                               conf->redis_prefix,
                                               entry->element[0]->str)) >= 0;
}


long long
writer_spool_length(const writer_conf_t *conf, redisContext *context,
    const char *name)
{
    return writer_spool_number(redisCommand(context, "XLEN %s{spool}:%s",
                                            conf->redis_prefix, name));
}


static long long
writer_spool_number(redisReply *reply)
{
    long long  n;

    n = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer
                                                            : -1;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return n;
}
