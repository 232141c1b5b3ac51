
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_tokens.h"

#include "writer/writer_audit.h"
#include "writer/writer_command.h"
#include "writer/writer_json.h"

#include "core/keepers_bearer.h"
#include "core/keepers_text.h"

#include <stdio.h>
#include <stdlib.h>


#define WRITER_TOKENS_MAX          50       /* of a business, not ended */
#define WRITER_TOKENS_DAYS         90
#define WRITER_TOKENS_DAYS_MAX     366
#define WRITER_TOKENS_DAY_MS       86400000
#define WRITER_TOKENS_HOUR_MS      3600000
#define WRITER_TOKENS_USE_LEN      (KEEPERS_HASH_LEN + 4)


_Static_assert(WRITER_TOKENS_USES_MAX * WRITER_TOKENS_USE_LEN
               <= WRITER_JOB_ROOM, "uses");
_Static_assert(KEEPERS_SID_LEN == KEEPERS_HASH_LEN, "hash");


static void writer_tokens_fields(writer_job_t *job,
    writer_store_token_t *token);
static void writer_tokens_make(const writer_conf_t *conf,
    const keepers_uuid_t *user, writer_store_token_t *token,
    char text[KEEPERS_BEARER_LEN + 1]);
static void writer_tokens_id(const writer_store_token_t *token,
    char id[WRITER_TOKEN_ID_LEN + 1]);
static void writer_tokens_show(writer_json_t *json,
    const writer_store_token_t *token, const char *text);
static void writer_tokens_time(writer_json_t *json, const char *name,
    uint64_t ms);
static int writer_tokens_each(void *data, const writer_store_token_t *token);
static int writer_tokens_use(writer_context_t *ctx, writer_job_t *job);
static void writer_tokens_used(writer_job_t *job);


int
writer_tokens_add(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    char                      text[KEEPERS_BEARER_LEN + 1];
    char                      id[WRITER_TOKEN_ID_LEN + 1];
    uint64_t                  n;
    writer_json_t             json;
    writer_store_token_t      token;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    memset(&token, 0, sizeof(token));

    writer_tokens_fields(job, &token);

    if (job->errors_n != 0) {
        return WRITER_OK;
    }

    rc = writer_store_token_count(ctx->store, business->row, &n);

    if (rc == WRITER_OK && n >= WRITER_TOKENS_MAX) {
        return writer_job_problem(job, 409, "too_many");
    }

    token.business = business->row;
    token.user = job->identity.user;

    writer_tokens_make(ctx->conf, &token.user, &token, text);
    writer_tokens_id(&token, id);

    if (rc == WRITER_OK) {
        rc = writer_store_token_add(ctx->store, &token);
    }

    if (rc == WRITER_OK) {
        rc = writer_audit_job(ctx, business, job, "token.created", id);
    }

    if (rc == WRITER_OK) {
        memcpy(job->published, WRITER_TOKENS_CHANGED,
               sizeof(WRITER_TOKENS_CHANGED));

        writer_json_init(&json, writer_job_out(job));
        writer_tokens_show(&json, &token, text);
        job->status = 201;

        rc = writer_json_end(&json) ? WRITER_OK : WRITER_FAULT;
    }

    keepers_wipe(text, sizeof(text));

    return rc == WRITER_OK ? WRITER_OK : WRITER_FAULT;
}


static void
writer_tokens_fields(writer_job_t *job, writer_store_token_t *token)
{
    uint64_t       days;
    keepers_str_t  s;

    writer_command_copy(job, WRITER_FIELD_NAME, token->name,
                        sizeof(token->name));

    if (token->name[0] == '\0' && job->errors_n == 0) {
        writer_job_error(job, "name", "required");

    } else if (keepers_text_has_control(keepers_str(token->name,
                                                    strlen(token->name))))
    {
        writer_job_error(job, "name", "control");
    }

    token->scopes = keepers_scopes_read(writer_command_str(job,
                                                         WRITER_FIELD_SCOPES));

    if (token->scopes == 0) {
        writer_job_error(job, "scopes", "unknown");
    }

    days = WRITER_TOKENS_DAYS;
    s = writer_command_str(job, WRITER_FIELD_DAYS);

    if (s.len != 0
        && (!keepers_text_uint(s, &days)
            || days == 0 || days > WRITER_TOKENS_DAYS_MAX))
    {
        writer_job_error(job, "days", "range");
        return;
    }

    token->created_ms = job->now_ms;
    token->expires_ms = job->now_ms + days * WRITER_TOKENS_DAY_MS;
}


static void
writer_tokens_make(const writer_conf_t *conf, const keepers_uuid_t *user,
    writer_store_token_t *token, char text[KEEPERS_BEARER_LEN + 1])
{
    keepers_out_t  out;
    unsigned char  random[32];

    keepers_token_tag(conf->shared_ring, 0, user, token->tag);
    keepers_random(random, sizeof(random));

    keepers_out_init(&out, text, KEEPERS_BEARER_LEN);
    keepers_bearer_write(random, token->tag, &out, token->hash);
    text[out.len] = '\0';

    memcpy(token->shown, text, KEEPERS_BEARER_SHOWN_LEN);

    keepers_wipe(random, sizeof(random));
}


/* The beginning of its hash, as in the identity that the edge makes of it. */
static void
writer_tokens_id(const writer_store_token_t *token,
    char id[WRITER_TOKEN_ID_LEN + 1])
{
    keepers_out_t  out;

    keepers_out_init(&out, id, WRITER_TOKEN_ID_LEN);
    keepers_text_hex(&out, keepers_str(token->hash, WRITER_TOKEN_ID_LEN / 2));
    id[out.len] = '\0';
}


/* "text" is NULL, but for the one time that the token is shown. */
static void
writer_tokens_show(writer_json_t *json, const writer_store_token_t *token,
    const char *text)
{
    char           id[WRITER_TOKEN_ID_LEN + 1];
    keepers_out_t  out;
    unsigned char  scopes[KEEPERS_SCOPES_LEN_MAX];

    writer_tokens_id(token, id);

    keepers_out_init(&out, scopes, sizeof(scopes));
    keepers_scopes_write(token->scopes, &out);

    writer_json_map(json);
    writer_json_key(json, "id");
    writer_json_text(json, id);
    writer_json_key(json, "name");
    writer_json_text(json, token->name);
    writer_json_key(json, "prefix");
    writer_json_text(json, token->shown);
    writer_json_key(json, "scopes");
    writer_json_str(json, keepers_out_written(&out));
    writer_tokens_time(json, "created", token->created_ms);
    writer_tokens_time(json, "expires", token->expires_ms);
    writer_tokens_time(json, "used", token->used_ms);

    if (text != NULL) {
        writer_json_key(json, "token");
        writer_json_text(json, text);
    }

    writer_json_map_end(json);
}


static void
writer_tokens_time(writer_json_t *json, const char *name, uint64_t ms)
{
    writer_json_key(json, name);

    if (ms == 0) {
        writer_json_null(json);

    } else {
        writer_json_time(json, ms);
    }
}


int
writer_tokens_page(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    writer_json_t             json;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    writer_json_init(&json, writer_job_out(job));
    writer_json_items(&json);

    rc = writer_store_tokens(ctx->store, business->row, writer_tokens_each,
                             &json);

    writer_json_items_end(&json);

    if (!writer_json_end(&json)) {
        return WRITER_FAULT;
    }

    job->status = 200;

    return rc;
}


static int
writer_tokens_each(void *data, const writer_store_token_t *token)
{
    writer_tokens_show(data, token, NULL);

    return 0;
}


/* Another business's is as unknown as one that never was. */
int
writer_tokens_end(writer_context_t *ctx, writer_job_t *job)
{
    int                       rc;
    keepers_str_t             id;
    const writer_business_t  *business;

    rc = writer_job_business(ctx, job, &business);
    if (rc != WRITER_OK) {
        return rc == WRITER_NONE ? WRITER_OK : rc;
    }

    id = keepers_str(job->subject, strlen(job->subject));

    rc = WRITER_NONE;

    if (id.len == WRITER_TOKEN_ID_LEN) {
        rc = writer_store_token_end(ctx->store, business->row, id,
                                    job->now_ms);
    }

    if (rc == WRITER_NONE) {
        return writer_job_problem(job, 404, "not_found");
    }

    if (rc == WRITER_OK) {
        rc = writer_audit_job(ctx, business, job, "token.ended",
                              job->subject);
    }

    if (rc != WRITER_OK) {
        return rc;
    }

    memcpy(job->published, WRITER_TOKENS_CHANGED,
           sizeof(WRITER_TOKENS_CHANGED));

    return writer_job_text(job, 204, "");
}


writer_job_t *
writer_tokens_uses(void)
{
    writer_job_t  *job;

    job = calloc(1, sizeof(*job));

    if (job != NULL) {
        job->now_ms = writer_now_ms();
        job->run = writer_tokens_use;
        job->finished = writer_tokens_used;
    }

    return job;
}


/* job->in.uses says how many, "room" which. */
bool
writer_tokens_use_add(writer_job_t *job,
    const unsigned char hash[KEEPERS_HASH_LEN], uint32_t hour)
{
    unsigned char  *p;

    if (job->in.uses == WRITER_TOKENS_USES_MAX) {
        return false;
    }

    p = job->room + job->in.uses * WRITER_TOKENS_USE_LEN;

    memcpy(p, hash, KEEPERS_HASH_LEN);
    memcpy(p + KEEPERS_HASH_LEN, &hour, sizeof(hour));

    job->in.uses++;

    return true;
}


static int
writer_tokens_use(writer_context_t *ctx, writer_job_t *job)
{
    int                   rc;
    size_t                i;
    uint32_t              hour;
    const unsigned char  *p;

    rc = WRITER_OK;
    p = job->room;

    for (i = 0; i < job->in.uses && rc == WRITER_OK; i++) {
        memcpy(&hour, p + KEEPERS_HASH_LEN, sizeof(hour));

        rc = writer_store_token_used(ctx->store, p,
                                     (uint64_t) hour * WRITER_TOKENS_HOUR_MS);
        p += WRITER_TOKENS_USE_LEN;
    }

    return rc == WRITER_OK ? writer_job_text(job, 204, "") : WRITER_FAULT;
}


/* Whether it was stored or not: the next look sees it again if not. */
static void
writer_tokens_used(writer_job_t *job)
{
    free(job);
}
