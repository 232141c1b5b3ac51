
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_redis_tokens.h"

#include "writer/writer_log.h"
#include "writer/writer_tokens.h"

#include "core/keepers_bearer.h"
#include "core/keepers_text.h"

#include <stdio.h>


#define WRITER_TOKENS_KEY_LEN  (WRITER_CONF_TEXT_MAX + KEEPERS_TAG_TEXT_LEN  \
                                + KEEPERS_SID_TEXT_LEN + 8)
#define WRITER_TOKENS_HOUR_MS  3600000


typedef struct {
    writer_redis_link_t  *context;
    const writer_conf_t  *conf;
    uint64_t              now_ms;
    uint64_t              mark_ms;      /* what Redis was told */
    uint64_t              told_ms;      /* what it is told now */
    bool                  failed;
} writer_redis_tokens_t;


static int writer_redis_tokens_each(void *data,
    const writer_store_token_t *token);
static bool writer_redis_tokens_set(const writer_redis_tokens_t *tokens,
    const writer_store_token_t *token, keepers_str_t key);
static bool writer_redis_tokens_tell(const writer_redis_tokens_t *tokens,
    const char *hash);
static bool writer_redis_tokens_end(const writer_redis_tokens_t *tokens,
    keepers_str_t key, const char *hash);
static void writer_redis_tokens_use(writer_store_t *store,
    const redisReply *member, const redisReply *score, writer_job_t **job);


bool
writer_redis_tokens(writer_redis_link_t *context, const writer_conf_t *conf,
    writer_store_t *store, bool all)
{
    writer_redis_tokens_t  tokens;

    memset(&tokens, 0, sizeof(tokens));
    tokens.context = context;
    tokens.conf = conf;
    tokens.now_ms = writer_now_ms();

    if (!writer_redis_mark(context, conf, "tokens:mark", &tokens.mark_ms)
        || writer_store_tokens_changed(store, tokens.mark_ms,
                                       all || tokens.mark_ms == 0,
                                       writer_redis_tokens_each, &tokens)
           != WRITER_OK
        || tokens.failed)
    {
        return false;
    }

    if (tokens.told_ms <= tokens.mark_ms) {
        return true;
    }

    /* last: what failed half way is told again, whole */

    return writer_redis_good(writer_redis(context, "SET %stokens:mark %llu",
                                          conf->redis_prefix,
                                          (unsigned long long)
                                          tokens.told_ms));
}


static int
writer_redis_tokens_each(void *data, const writer_store_token_t *token)
{
    char                    key[WRITER_TOKENS_KEY_LEN];
    char                    hash[KEEPERS_SID_TEXT_LEN + 1];
    keepers_out_t           out;
    writer_redis_tokens_t  *tokens;

    tokens = data;

    keepers_out_init(&out, hash, KEEPERS_SID_TEXT_LEN);
    keepers_text_base64url(&out, keepers_str(token->hash, KEEPERS_SID_LEN));
    hash[out.len] = '\0';

    keepers_out_init(&out, key, sizeof(key));
    keepers_out_text(&out, tokens->conf->redis_prefix);
    keepers_out_byte(&out, '{');
    keepers_text_base64url(&out, keepers_str(token->tag, KEEPERS_TAG_LEN));
    keepers_out_text(&out, "}:t:");
    keepers_out_text(&out, hash);

    if (token->ended_ms != 0) {
        tokens->failed = !writer_redis_tokens_end(tokens,
                                                  keepers_out_written(&out),
                                                  hash);

    } else if (token->expires_ms > tokens->now_ms) {
        tokens->failed = !writer_redis_tokens_set(tokens, token,
                                                  keepers_out_written(&out));

        /* whoever was quicker than we believes that there is none */

        if (!tokens->failed && token->changed_ms > tokens->mark_ms) {
            tokens->failed = !writer_redis_tokens_tell(tokens, hash);
        }
    }

    if (tokens->failed) {
        writer_log(WRITER_LOG_WARN, "tokens", "state=unpublished "
                   "remedy=\"give the user of [redis] the rights that "
                   "docs/operations.md lists\"");
        return 1;
    }

    tokens->told_ms = token->changed_ms;

    return 0;
}


static bool
writer_redis_tokens_set(const writer_redis_tokens_t *tokens,
    const writer_store_token_t *token, keepers_str_t key)
{
    keepers_out_t      out;
    unsigned char      record[KEEPERS_BEARER_RECORD_LEN];
    unsigned char      buf[KEEPERS_BEARER_RECORD_LEN + KEEPERS_SEAL_OVERHEAD];
    keepers_session_t  session;

    memset(&session, 0, sizeof(session));

    session.user = token->user;
    session.business = token->business_uuid;
    session.scopes = token->scopes;
    session.created_ms = token->created_ms;
    session.absolute_ms = token->expires_ms;

    keepers_bearer_encode(&session, record);

    keepers_out_init(&out, buf, sizeof(buf));

    if (keepers_seal(tokens->conf->shared_ring, 0, KEEPERS_PURPOSE_BEARER,
                     key, keepers_str(record, sizeof(record)), &out)
        != KEEPERS_OK)
    {
        return false;
    }

    return writer_redis_good(writer_redis(tokens->context,
                             "SET %b %b PXAT %llu", key.data, key.len,
                             out.data, out.len,
                             (unsigned long long) token->expires_ms));
}


/* The message of a sign-out: every node forgets what it knows of it. */
static bool
writer_redis_tokens_tell(const writer_redis_tokens_t *tokens,
    const char *hash)
{
    return writer_redis_good(writer_redis(tokens->context,
                                          "PUBLISH %srevoke %s",
                                          tokens->conf->redis_prefix, hash));
}


/* First the record: whoever is told asks Redis, and must find nothing. */
static bool
writer_redis_tokens_end(const writer_redis_tokens_t *tokens,
    keepers_str_t key, const char *hash)
{
    redisReply  *reply;

    if (!writer_redis_good(writer_redis(tokens->context, "DEL %b", key.data,
                                        key.len))
        || !writer_redis_tokens_tell(tokens, hash))
    {
        return false;
    }

    /* only tidies up: without the right to it nothing is worse */

    reply = writer_redis(tokens->context, "ZREM %stokens:used %s",
                         tokens->conf->redis_prefix, hash);

    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return reply != NULL;
}


bool
writer_redis_tokens_used(writer_redis_link_t *context,
    const writer_conf_t *conf, writer_store_t *store, writer_job_t **job)
{
    size_t       i;
    redisReply  *reply;

    *job = NULL;

    reply = writer_redis(context, "ZRANGE %stokens:used %llu +inf BYSCORE "
                         "WITHSCORES", conf->redis_prefix,
                         (unsigned long long)
                         (writer_now_ms() / WRITER_TOKENS_HOUR_MS - 1));

    if (reply == NULL) {
        return false;
    }

    if (reply->type == REDIS_REPLY_ARRAY) {
        for (i = 0; i + 1 < reply->elements; i += 2) {
            writer_redis_tokens_use(store, reply->element[i],
                                    reply->element[i + 1], job);
        }

    } else {

        /* an older list of rights: links and tokens are published all the
         * same, and a token's last use stays as it was */

        writer_log(WRITER_LOG_WARN, "tokens", "state=use_unknown "
                   "remedy=\"give the user of [redis] the rights that "
                   "docs/operations.md lists\"");
    }

    freeReplyObject(reply);

    return true;
}


/* Anything but a hash of ours and an hour that is news does nothing. */
static void
writer_redis_tokens_use(writer_store_t *store, const redisReply *member,
    const redisReply *score, writer_job_t **job)
{
    uint64_t              hour;
    unsigned char         hash[KEEPERS_HASH_LEN];
    writer_store_token_t  token;

    if (member->type != REDIS_REPLY_STRING
        || score->type != REDIS_REPLY_STRING
        || !keepers_text_base64url_decode(keepers_str(member->str,
                                              (size_t) member->len),
                                          hash, sizeof(hash))
        || !keepers_text_uint(keepers_str(score->str, (size_t) score->len),
                              &hour)
        || hour > writer_now_ms() / WRITER_TOKENS_HOUR_MS + 1
        || writer_store_token_find(store, hash, &token) != WRITER_OK
        || token.used_ms >= hour * WRITER_TOKENS_HOUR_MS)
    {
        return;
    }

    if (*job == NULL) {
        *job = writer_tokens_uses();
    }

    /* what does not fit comes with the next look */

    if (*job != NULL) {
        (void) writer_tokens_use_add(*job, hash, (uint32_t) hour);
    }
}
