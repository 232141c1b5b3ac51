
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_reserve.h"

#include "core/keepers_keyring.h"
#include "core/keepers_text.h"
#include "http/ngx_keepers_str.h"


#define NGX_KEEPERS_RESERVE_PENDING_MS  "30000"
#define NGX_KEEPERS_RESERVE_DONE_MS     "86400000"

/* what an id is made of: slug, '/', key; a nonce and a digest are shorter */
#define NGX_KEEPERS_RESERVE_NAMED                                            \
    (KEEPERS_SLUG_LEN_MAX + 1 + NGX_KEEPERS_RESERVE_KEY_MAX)

#define ngx_keepers_reserve_text(text)  keepers_str(text, sizeof(text) - 1)


static ngx_int_t ngx_keepers_reserve_start(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_reserve_begin(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static ngx_int_t ngx_keepers_reserve_key(ngx_http_request_t *r,
    ngx_keepers_signup_t *signup);
static void ngx_keepers_reserve_value(const keepers_signup_t *record,
    u_char value[NGX_KEEPERS_RESERVE_VALUE_LEN]);
static ngx_keepers_reserve_e ngx_keepers_reserve_found(
    ngx_keepers_signup_t *signup, keepers_str_t said);
static void ngx_keepers_reserve_cleanup(void *data);


void
ngx_keepers_reserve_name(ngx_keepers_main_conf_t *kmcf,
    ngx_keepers_signup_t *signup)
{
    u_char             buf[NGX_KEEPERS_RESERVE_NAMED];
    u_char             mark[KEEPERS_MARK_LEN];
    keepers_out_t      named;
    keepers_signup_t  *record;
    const u_char      *secret;

    _Static_assert(KEEPERS_MARK_LEN == KEEPERS_UUID_LEN, "an id is a mark");

    record = &signup->record;
    secret = kmcf->edge->keys[0].derived[KEEPERS_PURPOSE_SIGNUP_ID];

    keepers_signup_digest(kmcf->edge->keys[0].derived[KEEPERS_PURPOSE_SIGNUP],
                          record);

    keepers_out_init(&named, buf, sizeof(buf));

    if (signup->type == NGX_KEEPERS_BODY_FORM) {
        keepers_out_bytes(&named, signup->ticket.nonce, KEEPERS_FORM_NONCE_LEN);
        keepers_out_bytes(&named, record->digest, KEEPERS_HASH_LEN);

        keepers_mark(secret, keepers_out_written(&named), mark);
        keepers_text_uuid7(&record->id, signup->ticket.issued_ms, mark);
        return;
    }

    keepers_out_str(&named, record->slug);
    keepers_out_byte(&named, '/');              /* in no slug */
    keepers_out_str(&named, signup->key);

    keepers_mark(secret, keepers_out_written(&named), mark);

    /*
     * There is no time that a retry would share: UUIDv8 (RFC 9562), whose
     * bits are our own.
     */

    mark[6] = (u_char) ((mark[6] & 0x0f) | 0x80);
    mark[8] = (u_char) ((mark[8] & 0x3f) | 0x80);

    ngx_memcpy(record->id.bytes, mark, KEEPERS_UUID_LEN);
}


ngx_int_t
ngx_keepers_reserve_admit(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    ngx_keepers_signup_t *signup, ngx_keepers_reserve_e *state)
{
    ngx_int_t               rc;
    ngx_keepers_reserve_t  *reserve;

    reserve = &signup->reserve;
    *state = NGX_KEEPERS_RESERVE_FREE;

    if (reserve->alone) {
        return NGX_DECLINED;
    }

    if (reserve->key.data == NULL
        && ngx_keepers_reserve_begin(r, signup) != NGX_OK)
    {
        return NGX_ERROR;
    }

    reserve->with.key = reserve->key;
    reserve->with.value = keepers_str(reserve->value, sizeof(reserve->value));
    reserve->with.life =
                      ngx_keepers_reserve_text(NGX_KEEPERS_RESERVE_PENDING_MS);

    rc = ngx_keepers_limit_admit(r, NGX_KEEPERS_LIMIT_SIGNUP, &reserve->with);

    if (rc == NGX_DECLINED) {
        reserve->alone = 1;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (!reserve->with.asked) {
        signup->record.flags |= KEEPERS_SIGNUP_DEGRADED;

    } else if (reserve->with.found.data != NULL) {
        *state = ngx_keepers_reserve_found(signup, reserve->with.found);

    } else {
        reserve->decided = 1;
        reserve->owned = (ctx->limit != NGX_KEEPERS_LIMIT_LIMITED);
    }

    return NGX_OK;
}


ngx_int_t
ngx_keepers_reserve(ngx_http_request_t *r, ngx_keepers_signup_t *signup,
    ngx_keepers_reserve_e *state)
{
    keepers_str_t                     argv[2];
    ngx_keepers_reserve_t            *reserve;
    const ngx_keepers_redis_value_t  *value;

    reserve = &signup->reserve;
    *state = NGX_KEEPERS_RESERVE_FREE;

    if (reserve->wait == NULL
        && ngx_keepers_reserve_start(r, signup) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reserve->wait->rc == NGX_DECLINED && !reserve->looked) {

        /* it is there already: whose is it? */

        reserve->looked = 1;

        argv[0] = ngx_keepers_reserve_text("GET");
        argv[1] = reserve->key;

        (void) ngx_keepers_wait_command(reserve->wait,
                                        NGX_KEEPERS_WAIT_PHASE, NULL, argv, 2);
    }

    switch (reserve->wait->rc) {

    case NGX_AGAIN:
        return NGX_AGAIN;

    case NGX_OK:

        if (!reserve->looked) {
            reserve->owned = 1;
            return NGX_OK;
        }

        value = ngx_keepers_wait_value(reserve->wait,
                                       NGX_KEEPERS_REDIS_STRING);
        if (value != NULL) {
            *state = ngx_keepers_reserve_found(signup, value->string);
        }

        return NGX_OK;

    case NGX_DECLINED:

        /* it ended between the two commands */

        return NGX_OK;

    default:
        signup->record.flags |= KEEPERS_SIGNUP_DEGRADED;
        return NGX_OK;
    }
}


/* SET key "p:DIGEST" NX PX 30000: OK if it was free, nil if not. */

static ngx_int_t
ngx_keepers_reserve_start(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    keepers_str_t           argv[6];
    ngx_keepers_reserve_t  *reserve;

    reserve = &signup->reserve;

    if (reserve->key.data == NULL
        && ngx_keepers_reserve_begin(r, signup) != NGX_OK)
    {
        return NGX_ERROR;
    }

    reserve->wait = ngx_keepers_wait_create(r, 1, 64);

    if (reserve->wait == NULL) {
        return NGX_ERROR;
    }

    argv[0] = ngx_keepers_reserve_text("SET");
    argv[1] = reserve->key;
    argv[2] = keepers_str(reserve->value, sizeof(reserve->value));
    argv[3] = ngx_keepers_reserve_text("NX");
    argv[4] = ngx_keepers_reserve_text("PX");
    argv[5] = ngx_keepers_reserve_text(NGX_KEEPERS_RESERVE_PENDING_MS);

    (void) ngx_keepers_wait_command(reserve->wait, NGX_KEEPERS_WAIT_PHASE,
                                    NULL, argv, 6);

    return NGX_OK;
}


/* Its key, what it says, and its end if the request ends before the answer. */

static ngx_int_t
ngx_keepers_reserve_begin(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);

    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_keepers_reserve_cleanup;
    cln->data = signup;

    ngx_keepers_reserve_value(&signup->record, signup->reserve.value);

    return ngx_keepers_reserve_key(r, signup);
}


static ngx_int_t
ngx_keepers_reserve_key(ngx_http_request_t *r, ngx_keepers_signup_t *signup)
{
    u_char                    mark[KEEPERS_MARK_LEN];
    keepers_out_t             out;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    /* the id itself is nobody's business but the writer's */

    keepers_mark(kmcf->edge->keys[0].derived[KEEPERS_PURPOSE_NAME],
                 keepers_str(signup->record.id.bytes, KEEPERS_UUID_LEN), mark);

    ngx_keepers_out(&out, r->pool, kmcf->redis.prefix.len
                    + keepers_base64url_len(KEEPERS_MARK_LEN)
                    + sizeof("{}:i") - 1);

    keepers_out_str(&out, ngx_keepers_from(kmcf->redis.prefix));
    keepers_out_byte(&out, '{');
    keepers_text_base64url(&out, keepers_str(mark, sizeof(mark)));
    keepers_out_text(&out, "}:i");

    signup->reserve.key = keepers_out_written(&out);

    return out.overflow ? NGX_ERROR : NGX_OK;
}


/* "p:", which becomes "d:" in the first byte. */

static void
ngx_keepers_reserve_value(const keepers_signup_t *record,
    u_char value[NGX_KEEPERS_RESERVE_VALUE_LEN])
{
    keepers_out_t  out;

    keepers_out_init(&out, value, NGX_KEEPERS_RESERVE_VALUE_LEN);
    keepers_out_text(&out, "p:");
    keepers_text_base64url(&out, keepers_str(record->digest,
                                             KEEPERS_HASH_LEN));
}


static ngx_keepers_reserve_e
ngx_keepers_reserve_found(ngx_keepers_signup_t *signup, keepers_str_t said)
{
    if (said.len != NGX_KEEPERS_RESERVE_VALUE_LEN) {
        /* not ours: the database decides */
        return NGX_KEEPERS_RESERVE_FREE;
    }

    if (!keepers_equal(signup->reserve.value + 1, said.data + 1,
                       NGX_KEEPERS_RESERVE_VALUE_LEN - 1))
    {
        /* the id of a form has its content in it */

        return signup->type == NGX_KEEPERS_BODY_FORM
                   ? NGX_KEEPERS_RESERVE_FREE : NGX_KEEPERS_RESERVE_REUSED;
    }

    if (said.data[0] == 'd') {
        return NGX_KEEPERS_RESERVE_DONE;
    }

    /*
     * A browser shows the answer to the second of two clicks: it goes to the
     * writer as well, which stores one of them and thanks both.
     */

    if (signup->type == NGX_KEEPERS_BODY_FORM) {
        signup->reserve.twice = 1;
        return NGX_KEEPERS_RESERVE_FREE;
    }

    return NGX_KEEPERS_RESERVE_IN_FLIGHT;
}


void
ngx_keepers_reserve_settle(ngx_keepers_signup_t *signup, ngx_uint_t accepted)
{
    keepers_str_t           argv[5];
    ngx_keepers_reserve_t  *reserve;

    reserve = &signup->reserve;

    if (!reserve->owned) {
        return;
    }

    reserve->owned = 0;

    argv[1] = reserve->key;

    if (!accepted) {
        argv[0] = ngx_keepers_reserve_text("DEL");

        ngx_keepers_send(argv, 2);
        return;
    }

    reserve->value[0] = 'd';

    argv[0] = ngx_keepers_reserve_text("SET");
    argv[2] = keepers_str(reserve->value, sizeof(reserve->value));
    argv[3] = ngx_keepers_reserve_text("PX");
    argv[4] = ngx_keepers_reserve_text(NGX_KEEPERS_RESERVE_DONE_MS);

    ngx_keepers_send(argv, 5);
}


/* The client left, or the answer was lost: whoever tries again may. */

static void
ngx_keepers_reserve_cleanup(void *data)
{
    ngx_keepers_signup_t  *signup;

    signup = data;

    ngx_keepers_reserve_settle(signup, 0);
}
