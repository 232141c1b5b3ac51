
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_open.h"

#include "writer/writer_redis_sentinel.h"
#include "writer/writer_redis_tls.h"
#include "writer/writer_wait.h"

#include "core/keepers_text.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_REDIS_READ          16384
#define WRITER_REDIS_WATCH_MS      2000
#define WRITER_REDIS_NO_WATCH_MS   20000    /* where no Sentinel answers */


struct writer_redis_link_s {
    redisContext          *context;
    SSL                   *ssl;         /* NULL: in the clear */
    writer_redis_place_t   place;
    uint64_t               watch_ms;    /* when Sentinels are asked again */
};


static int writer_redis_check_place(writer_conf_t *conf);
static const char *writer_redis_connect_to(writer_redis_link_t *link,
    const writer_conf_t *conf, const writer_redis_place_t *place,
    unsigned timeout_s);
static redisReply *writer_redis_tls_command(writer_redis_link_t *link,
    const char *command, size_t len);
static const char *writer_redis_auth(writer_redis_link_t *link,
    const char *user, const char *password);


bool
writer_redis_wanted(const writer_conf_t *conf)
{
    return conf->redis_socket[0] != '\0' || conf->redis_host[0] != '\0'
           || conf->redis_sentinel[0] != '\0';
}


int
writer_redis_check(writer_conf_t *conf)
{
    SSL_CTX     *ctx;
    const char  *why;

    if (writer_redis_check_place(conf) != 0) {
        return -1;
    }

    if (conf->redis_tls == 0) {
        return 0;
    }

    if (conf->redis_sentinel[0] != '\0' && conf->redis_tls_name[0] == '\0') {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[redis] tls = 1 with sentinel needs tls_name, a name that "
                 "the certificates of all Sentinels and servers have: who is "
                 "master has no name of its own");
        return -1;
    }

    if (conf->redis_host[0] == '\0' && conf->redis_sentinel[0] == '\0') {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[redis] tls = 1 needs a host: on a Unix socket Redis speaks "
                 "no TLS");
        return -1;
    }

    ctx = writer_redis_tls_context(conf, &why);

    if (ctx == NULL) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[redis] %s: give files in PEM that can be read, a key that "
                 "fits its certificate, without a password and with mode 0600",
                 why);
        return -1;
    }

    SSL_CTX_free(ctx);

    return 0;
}


static int
writer_redis_check_place(writer_conf_t *conf)
{
    const char               *why;
    writer_redis_sentinels_t  sentinels;

    if (conf->redis_socket[0] != '\0' && conf->redis_host[0] != '\0') {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[redis] has socket and host: remove one");
        return -1;
    }

    if (conf->redis_sentinel[0] == '\0') {
        if (conf->redis_sentinel_password[0] == '\0'
            && conf->redis_sentinel_user[0] == '\0')
        {
            return 0;
        }

        snprintf(conf->fault, sizeof(conf->fault),
                 "[redis] sentinel_user and sentinel_password_file need "
                 "sentinel: remove them");
        return -1;
    }

    if (conf->redis_socket[0] != '\0' || conf->redis_host[0] != '\0') {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[redis] has sentinel, and socket or host: keep one of them");
        return -1;
    }

    why = writer_redis_sentinels(conf->redis_sentinel, &sentinels);

    if (why != NULL) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[redis] sentinel: %s; write NAME@host:port,host:port, at "
                 "most %d, the name as in their \"sentinel monitor\"", why,
                 WRITER_REDIS_SENTINELS);
        return -1;
    }

    return 0;
}


writer_redis_link_t *
writer_redis_open(const writer_conf_t *conf, unsigned timeout_s,
    const char **why)
{
    writer_redis_place_t  place;

    if (conf->redis_sentinel[0] != '\0') {
        return writer_redis_sentinel_open(conf, timeout_s, why);
    }

    (void) snprintf(place.host, sizeof(place.host), "%s", conf->redis_host);
    place.port = (int) conf->redis_port;

    return writer_redis_open_at(conf, &place, conf->redis_user,
                                conf->redis_password, timeout_s, why);
}


writer_redis_link_t *
writer_redis_open_at(const writer_conf_t *conf,
    const writer_redis_place_t *place, const char *user, const char *password,
    unsigned timeout_s, const char **why)
{
    writer_redis_link_t  *link;

    *why = "memory";

    link = calloc(1, sizeof(*link));
    if (link == NULL) {
        return NULL;
    }

    link->place = *place;
    link->watch_ms = writer_wait_now_ms() + WRITER_REDIS_WATCH_MS;

    *why = writer_redis_connect_to(link, conf, place, timeout_s);

    if (*why == NULL) {
        *why = writer_redis_auth(link, user, password);
    }

    if (*why != NULL) {
        writer_redis_close(link);
        return NULL;
    }

    return link;
}


/* NULL, or at what it failed. */
static const char *
writer_redis_connect_to(writer_redis_link_t *link, const writer_conf_t *conf,
    const writer_redis_place_t *place, unsigned timeout_s)
{
    const char      *why;
    struct timeval   timeout;

    timeout.tv_sec = timeout_s;
    timeout.tv_usec = 0;

    if (place->host[0] != '\0') {
        link->context = redisConnectWithTimeout(place->host, place->port,
                                                timeout);
    } else {
        link->context = redisConnectUnixWithTimeout(conf->redis_socket,
                                                    timeout);
    }

    if (link->context == NULL || link->context->err != 0
        || redisSetTimeout(link->context, timeout) != REDIS_OK)
    {
        return "no_connection";
    }

    why = NULL;

    if (conf->redis_tls != 0) {
        link->ssl = writer_redis_tls_open(conf, link->context->fd, &why);
    }

    return why;
}


const writer_redis_place_t *
writer_redis_place(const writer_redis_link_t *link)
{
    return &link->place;
}


bool
writer_redis_moved(writer_redis_link_t *link, const writer_conf_t *conf,
    unsigned timeout_s)
{
    bool  heard, moved;

    if (conf->redis_sentinel[0] == '\0'
        || writer_wait_now_ms() < link->watch_ms)
    {
        return false;
    }

    moved = writer_redis_sentinel_moved(conf, &link->place, timeout_s, &heard);

    link->watch_ms = writer_wait_now_ms() + (heard ? WRITER_REDIS_WATCH_MS
                                                   : WRITER_REDIS_NO_WATCH_MS);

    return moved;
}


void
writer_redis_close(writer_redis_link_t *link)
{
    if (link->ssl != NULL) {
        SSL_free(link->ssl);
    }

    if (link->context != NULL) {
        redisFree(link->context);
    }

    free(link);
}


redisReply *
writer_redis(writer_redis_link_t *link, const char *format, ...)
{
    int          len;
    char        *command;
    va_list      args;
    redisReply  *reply;

    reply = NULL;

    va_start(args, format);

    if (link->ssl == NULL) {
        reply = redisvCommand(link->context, format, args);

    } else {
        len = redisvFormatCommand(&command, format, args);

        if (len > 0) {
            reply = writer_redis_tls_command(link, command, (size_t) len);
            redisFreeCommand(command);
        }
    }

    va_end(args);

    return reply;
}


/* What redisCommand() does, with hiredis as the codec. */
static redisReply *
writer_redis_tls_command(writer_redis_link_t *link, const char *command,
    size_t len)
{
    char    buf[WRITER_REDIS_READ];
    void   *reply;
    size_t  n;

    if (!writer_redis_tls_write(link->ssl, command, len)) {
        return NULL;
    }

    for ( ;; ) {
        reply = NULL;

        if (redisReaderGetReply(link->context->reader, &reply) != REDIS_OK) {
            return NULL;
        }

        if (reply != NULL) {
            return reply;
        }

        n = writer_redis_tls_read(link->ssl, buf, sizeof(buf));

        if (n == 0
            || redisReaderFeed(link->context->reader, buf, n) != REDIS_OK)
        {
            return NULL;
        }
    }
}


/* NULL, or at what it failed; the first to hear of what it has sent. */
static const char *
writer_redis_auth(writer_redis_link_t *link, const char *user,
    const char *password)
{
    redisReply  *reply;

    if (password[0] == '\0') {
        return NULL;
    }

    reply = writer_redis(link, "AUTH %s %s",
                         user[0] != '\0' ? user : "default", password);

    /* in TLS 1.3 it refuses our certificate only after the handshake */

    if (reply == NULL) {
        return link->ssl != NULL ? "closed_after_tls_handshake" : "closed";
    }

    return writer_redis_good(reply) ? NULL : "password_refused";
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


bool
writer_redis_mark(writer_redis_link_t *link, const writer_conf_t *conf,
    const char *name, uint64_t *mark_ms)
{
    bool         good;
    redisReply  *reply;

    reply = writer_redis(link, "GET %s%s", conf->redis_prefix, name);

    if (reply == NULL) {
        return false;
    }

    good = reply->type == REDIS_REPLY_NIL || reply->type == REDIS_REPLY_STRING;

    if (reply->type != REDIS_REPLY_STRING
        || !keepers_text_uint(keepers_str(reply->str, (size_t) reply->len),
                              mark_ms))
    {
        *mark_ms = 0;
    }

    freeReplyObject(reply);

    return good;
}
