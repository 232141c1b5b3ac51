
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_ends.h"

#include "writer/writer_log.h"
#include "writer/writer_redis_open.h"

#include "core/keepers_text.h"
#include "core/keepers_token.h"

#include <stdio.h>


#define WRITER_ENDS_SIDS     50     /* of a message: the module's bound */
#define WRITER_ENDS_KEY_LEN  (WRITER_CONF_TEXT_MAX + KEEPERS_TAG_TEXT_LEN + 8)


typedef struct {
    writer_redis_link_t  *context;
    const writer_conf_t  *conf;
    bool                  failed;
} writer_ends_t;


static int writer_ends_each(void *data, uint64_t at_ms,
    const keepers_uuid_t *user);
static bool writer_ends_user(const writer_ends_t *ends, size_t key,
    const keepers_uuid_t *user);
static bool writer_ends_tell(const writer_ends_t *ends,
    const redisReply *sids);


bool
writer_redis_ends(writer_redis_link_t *context, const writer_conf_t *conf,
    writer_store_t *store)
{
    uint64_t       mark_ms;
    writer_ends_t  ends;

    ends.context = context;
    ends.conf = conf;
    ends.failed = false;

    return writer_redis_mark(context, conf, "ends:mark", &mark_ms)
           && writer_store_ends(store, mark_ms, writer_ends_each, &ends)
              == WRITER_OK
           && !ends.failed;
}


/* The mark last: an order that failed half way is followed again, whole. */
static int
writer_ends_each(void *data, uint64_t at_ms, const keepers_uuid_t *user)
{
    size_t          i;
    writer_ends_t  *ends;

    ends = data;

    /* a session may be older than the newest key */

    for (i = 0; i < ends->conf->shared_ring->n; i++) {
        if (!writer_ends_user(ends, i, user)) {
            break;
        }
    }

    ends->failed = i != ends->conf->shared_ring->n
                   || !writer_redis_good(writer_redis(ends->context,
                                         "SET %sends:mark %llu",
                                         ends->conf->redis_prefix,
                                         (unsigned long long) at_ms));

    writer_log(ends->failed ? WRITER_LOG_WARN : WRITER_LOG_INFO, "sessions",
               "state=%s", ends->failed ? "kept remedy=\"give the user of "
               "[redis] the rights that docs/operations.md lists\"" : "ended");

    return ends->failed ? 1 : 0;
}


/*
 * The epoch first: what Redis has of this user then is all that it ended, and
 * the list of it is for those who remember.
 */
static bool
writer_ends_user(const writer_ends_t *ends, size_t key,
    const keepers_uuid_t *user)
{
    bool            good;
    char            name[WRITER_ENDS_KEY_LEN];
    redisReply     *reply;
    keepers_out_t   out;
    unsigned char   tag[KEEPERS_TAG_LEN];

    keepers_token_tag(ends->conf->shared_ring, key, user, tag);

    keepers_out_init(&out, name, sizeof(name) - 1);
    keepers_out_text(&out, ends->conf->redis_prefix);
    keepers_out_byte(&out, '{');
    keepers_text_base64url(&out, keepers_str(tag, sizeof(tag)));
    keepers_out_byte(&out, '}');
    name[out.len] = '\0';

    if (!writer_redis_good(writer_redis(ends->context, "INCR %s:e", name))) {
        return false;
    }

    reply = writer_redis(ends->context, "ZRANGE %s:x 0 -1", name);

    good = reply != NULL && reply->type == REDIS_REPLY_ARRAY
           && writer_ends_tell(ends, reply);

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return good;
}


/* Every node forgets them: the message is the one of a sign-out. */
static bool
writer_ends_tell(const writer_ends_t *ends, const redisReply *sids)
{
    size_t         i;
    keepers_out_t  out;
    unsigned char  text[WRITER_ENDS_SIDS * KEEPERS_SID_TEXT_LEN];

    keepers_out_init(&out, text, sizeof(text));

    for (i = 0; i < sids->elements; i++) {

        if (sids->element[i]->type == REDIS_REPLY_STRING
            && sids->element[i]->len == KEEPERS_SID_TEXT_LEN)
        {
            keepers_out_bytes(&out, sids->element[i]->str,
                              KEEPERS_SID_TEXT_LEN);
        }

        if (out.len != 0
            && (out.len == sizeof(text) || i + 1 == sids->elements))
        {
            if (!writer_redis_good(writer_redis(ends->context,
                                                "PUBLISH %srevoke %b",
                                                ends->conf->redis_prefix,
                                                out.data, out.len)))
            {
                return false;
            }

            out.len = 0;
        }
    }

    return true;
}
