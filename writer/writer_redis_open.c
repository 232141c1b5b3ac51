
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_open.h"


static bool writer_redis_auth(redisContext *context,
    const writer_conf_t *conf);


redisContext *
writer_redis_open(const writer_conf_t *conf, unsigned timeout_s)
{
    redisContext    *context;
    struct timeval   timeout;

    timeout.tv_sec = timeout_s;
    timeout.tv_usec = 0;

    context = redisConnectUnixWithTimeout(conf->redis_socket, timeout);

    if (context == NULL) {
        return NULL;
    }

    if (context->err != 0
        || redisSetTimeout(context, timeout) != REDIS_OK
        || !writer_redis_auth(context, conf))
    {
        redisFree(context);
        return NULL;
    }

    return context;
}


static bool
writer_redis_auth(redisContext *context, const writer_conf_t *conf)
{
    if (conf->redis_password[0] == '\0') {
        return true;
    }

    return writer_redis_good(redisCommand(context, "AUTH %s %s",
                             conf->redis_user[0] != '\0' ? conf->redis_user
                                                         : "default",
                             conf->redis_password));
}


bool
writer_redis_good(redisReply *reply)
{
    bool  good;

    good = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return good;
}
