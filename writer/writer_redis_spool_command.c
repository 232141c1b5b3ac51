
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_spool_command.h"

#include "writer/writer_redis_open.h"
#include "writer/writer_redis_spool.h"

#include <stdio.h>
#include <string.h>


#define WRITER_SPOOL_COMMAND_TIMEOUT_S  2


static long long writer_spool_requeue(const writer_conf_t *conf,
    writer_redis_link_t *context);
static int writer_spool_requeue_entry(const writer_conf_t *conf,
    writer_redis_link_t *context, const redisReply *entry,
    char from[WRITER_SPOOL_ID]);


int
writer_spool_command(const writer_conf_t *conf, const char *what)
{
    long long      waiting, dead, back;
    const char           *why;
    writer_redis_link_t  *context;

    if (what != NULL && strcmp(what, "requeue") != 0) {
        fprintf(stderr, "keepers-writer: \"spool %s\" is unknown: use "
                "\"spool\" or \"spool requeue\"\n", what);
        return 2;
    }

    why = "neither socket nor host nor sentinel";

    context = writer_redis_wanted(conf)
              ? writer_redis_open(conf, WRITER_SPOOL_COMMAND_TIMEOUT_S, &why)
              : NULL;

    if (context == NULL) {
        fprintf(stderr, "keepers-writer: no Redis at \"%s\" (%s): see "
                "[redis]\n", conf->redis_host[0] != '\0' ? conf->redis_host
                              : conf->redis_sentinel[0] != '\0'
                              ? conf->redis_sentinel
                              : conf->redis_socket, why);
        return 1;
    }

    back = what != NULL ? writer_spool_requeue(conf, context) : 0;
    waiting = writer_spool_length(conf, context, "q");
    dead = writer_spool_length(conf, context, "dead");

    writer_redis_close(context);

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
writer_spool_requeue(const writer_conf_t *conf, writer_redis_link_t *context)
{
    char         from[WRITER_SPOOL_ID];
    long long    n, left, back;
    redisReply  *reply;

    left = writer_spool_length(conf, context, "dead");
    back = left < 0 ? -1 : 0;
    (void) snprintf(from, sizeof(from), "-");

    for ( /* void */ ; left > 0 && back >= 0; left--) {
        reply = writer_redis(context, "XRANGE %s{spool}:dead %s + COUNT 1",
                             conf->redis_prefix, from);

        n = reply != NULL && reply->type == REDIS_REPLY_ARRAY
            && reply->elements == 1
            ? writer_spool_requeue_entry(conf, context, reply->element[0],
                                         from)
            : -1;

        back = n < 0 ? -1 : back + n;

        if (reply != NULL) {
            freeReplyObject(reply);
        }
    }

    return back;
}


/*
 * In the queue before it leaves the others.  1, or 0: it never was one of ours
 * and stays; -1: it failed.  Moves "from" behind it.
 */
static int
writer_spool_requeue_entry(const writer_conf_t *conf,
    writer_redis_link_t *context, const redisReply *entry,
    char from[WRITER_SPOOL_ID])
{
    const redisReply  *fields;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2
        || entry->element[1]->type != REDIS_REPLY_ARRAY
        || entry->element[1]->elements != 4)
    {
        return -1;
    }

    (void) snprintf(from, WRITER_SPOOL_ID, "(%s", entry->element[0]->str);
    fields = entry->element[1];

    if (fields->element[3]->len == 0) {
        return 0;
    }

    return writer_redis_good(writer_redis(context, "XADD %s{spool}:q * e %b",
                                          conf->redis_prefix,
                                          fields->element[3]->str,
                                          (size_t) fields->element[3]->len))
           && writer_redis_good(writer_redis(context,
                                             "XDEL %s{spool}:dead %s",
                                             conf->redis_prefix,
                                             entry->element[0]->str))
           ? 1 : -1;
}


long long
writer_spool_length(const writer_conf_t *conf, writer_redis_link_t *context,
    const char *name)
{
    long long    n;
    redisReply  *reply;

    reply = writer_redis(context, "XLEN %s{spool}:%s", conf->redis_prefix,
                         name);

    n = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer
                                                            : -1;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return n;
}
