
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_mint.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_client.h"
#include "http/ngx_keepers_end.h"
#include "http/ngx_keepers_remember.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_reply.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


static void ngx_keepers_mint_fill(ngx_http_request_t *r,
    ngx_keepers_mint_t *mint);
static ngx_int_t ngx_keepers_mint_epoch(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_mint_store(ngx_http_request_t *r,
    ngx_keepers_mint_t *mint, ngx_keepers_wait_t *wait);
static ngx_int_t ngx_keepers_mint_stored(ngx_http_request_t *r,
    ngx_keepers_wait_t *wait);


ngx_int_t
ngx_keepers_mint(ngx_http_request_t *r, ngx_keepers_mint_t *mint)
{
    u_char                    text[NGX_KEEPERS_KEY_LEN];
    ngx_int_t                 rc;
    keepers_out_t             key;
    keepers_str_t             argv[2];
    ngx_keepers_wait_t       *wait;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    ngx_keepers_mint_fill(r, mint);

    wait = ngx_keepers_wait_create(r, 4, 64);

    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->data = mint;

    keepers_out_init(&key, text, sizeof(text));
    ngx_keepers_check_key(kmcf, mint->tag, "e", NULL, &key);

    argv[0] = keepers_str("GET", 3);
    argv[1] = keepers_out_written(&key);

    rc = ngx_keepers_wait_command(wait, NGX_KEEPERS_WAIT_HANDLER,
                                  ngx_keepers_mint_epoch, argv, 2);

    return rc == NGX_AGAIN ? NGX_DONE : mint->done(r, mint, NGX_ERROR);
}


static void
ngx_keepers_mint_fill(ngx_http_request_t *r, ngx_keepers_mint_t *mint)
{
    keepers_session_t       *session;
    ngx_keepers_loc_conf_t  *klcf;

    klcf = ngx_keepers_loc_conf(r);
    session = &mint->session;

    session->created_ms = ngx_keepers_now_ms();
    session->authenticated_ms = session->created_ms;

    if (!(session->marks & KEEPERS_SESSION_REMEMBERED)) {
        session->absolute_ms = session->created_ms
                               + (uint64_t) klcf->absolute_s * 1000;
        session->idle_s = (uint32_t) klcf->idle_s;
    }

    ngx_keepers_mint_token(r, mint);
}


void
ngx_keepers_mint_token(ngx_http_request_t *r, ngx_keepers_mint_t *mint)
{
    u_char                    random[32];
    keepers_session_t        *session;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);
    session = &mint->session;

    session->agent = ngx_keepers_client_agent(r);
    ngx_keepers_client_net(r, session->net);

    keepers_random(random, sizeof(random));

    keepers_token_mint(kmcf->shared, &session->user, random, &mint->token);
    keepers_token_sid(kmcf->edge, 0, &mint->token, mint->sid);
    ngx_memcpy(mint->tag, mint->token.raw, KEEPERS_TAG_LEN);

    keepers_wipe(random, sizeof(random));
}


/*
 * "Sign out everywhere" may raise the epoch between this answer and the
 * script: the new session is then revoked at once, which is what was asked.
 */

static ngx_int_t
ngx_keepers_mint_epoch(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_mint_t               *mint;
    const ngx_keepers_redis_value_t  *value;

    mint = wait->data;
    mint->session.epoch = 0;

    if (wait->rc != NGX_DECLINED) {
        value = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_STRING);

        if (value == NULL
            || ngx_keepers_check_epoch(value, &mint->session.epoch) != NGX_OK)
        {
            return mint->done(r, mint, NGX_ERROR);
        }
    }

    return ngx_keepers_mint_store(r, mint, wait);
}


static ngx_int_t
ngx_keepers_mint_store(ngx_http_request_t *r, ngx_keepers_mint_t *mint,
    ngx_keepers_wait_t *wait)
{
    u_char                    keys[3][NGX_KEEPERS_KEY_LEN], numbers[3][24];
    u_char                    record[KEEPERS_SESSION_SEALED_LEN];
    u_char                    sid[KEEPERS_SID_TEXT_LEN];
    u_char                    name[NGX_KEEPERS_REVOKE_CHANNEL_LEN];
    ngx_int_t                 rc;
    ngx_uint_t                i;
    keepers_out_t             key[3], number[3], sealed, text, channel;
    keepers_str_t             argv[9];
    ngx_keepers_loc_conf_t   *klcf;
    ngx_keepers_main_conf_t  *kmcf;

    klcf = ngx_keepers_loc_conf(r);
    kmcf = ngx_keepers_main_conf(r);

    for (i = 0; i < 3; i++) {
        keepers_out_init(&key[i], keys[i], NGX_KEEPERS_KEY_LEN);
        keepers_out_init(&number[i], numbers[i], sizeof(numbers[i]));
    }

    ngx_keepers_check_key(kmcf, mint->tag, "s:", mint->sid, &key[0]);
    ngx_keepers_check_key(kmcf, mint->tag, "x", NULL, &key[1]);
    ngx_keepers_check_key(kmcf, mint->tag, "s:", NULL, &key[2]);

    keepers_out_init(&text, sid, sizeof(sid));
    keepers_text_base64url(&text, keepers_str(mint->sid, KEEPERS_SID_LEN));

    keepers_out_init(&channel, name, sizeof(name));
    ngx_keepers_revoke_channel(kmcf, &channel);

    keepers_out_init(&sealed, record, sizeof(record));

    if (ngx_keepers_mint_seal(kmcf, mint, keepers_out_written(&key[0]),
                              &sealed)
        != NGX_OK)
    {
        return mint->done(r, mint, NGX_ERROR);
    }

    keepers_out_uint(&number[0],
                     keepers_session_life_ms(&mint->session,
                                             ngx_keepers_now_ms()));
    keepers_out_uint(&number[1], mint->session.absolute_ms);
    keepers_out_uint(&number[2], klcf->session_max);

    /*
     * KEYS session, index; ARGV record, ttl, score, sid, max, key prefix,
     * channel
     */

    argv[0] = keepers_out_written(&key[0]);
    argv[1] = keepers_out_written(&key[1]);
    argv[2] = keepers_out_written(&sealed);
    argv[3] = keepers_out_written(&number[0]);
    argv[4] = keepers_out_written(&number[1]);
    argv[5] = keepers_out_written(&text);
    argv[6] = keepers_out_written(&number[2]);
    argv[7] = keepers_out_written(&key[2]);
    argv[8] = keepers_out_written(&channel);

    rc = ngx_keepers_wait_eval(wait, NGX_KEEPERS_WAIT_HANDLER,
                               ngx_keepers_mint_stored,
                               NGX_KEEPERS_SCRIPT_MINT, 2, argv, 9);

    return rc == NGX_AGAIN ? NGX_DONE : mint->done(r, mint, NGX_ERROR);
}


static ngx_int_t
ngx_keepers_mint_stored(ngx_http_request_t *r, ngx_keepers_wait_t *wait)
{
    ngx_keepers_shm_t                *shm;
    ngx_keepers_mint_t               *mint;
    const ngx_keepers_redis_value_t  *ended;

    mint = wait->data;
    shm = ngx_keepers_main_conf(r)->shm;

    /* how many were ended to make room */

    ended = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_INTEGER);

    if (ended == NULL) {
        return mint->done(r, mint, NGX_ERROR);
    }

    (void) ngx_atomic_fetch_add(&shm->counters[KEEPERS_METRIC_ENDED_MAX],
                                (ngx_atomic_int_t) ended->integer);

    ngx_keepers_count(r, SESSION_MINTED);

    return mint->done(r, mint, NGX_OK);
}


ngx_int_t
ngx_keepers_mint_seal(ngx_keepers_main_conf_t *kmcf,
    ngx_keepers_mint_t *mint, keepers_str_t key, keepers_out_t *sealed)
{
    int     rc;
    u_char  record[KEEPERS_SESSION_RECORD_LEN];

    keepers_session_encode(&mint->session, record);

    rc = keepers_seal(kmcf->edge, 0, KEEPERS_PURPOSE_SESSION_SEAL, key,
                      keepers_str(record, sizeof(record)), sealed);

    keepers_wipe(record, sizeof(record));

    return rc == KEEPERS_OK ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_keepers_mint_cookie(ngx_http_request_t *r, const ngx_keepers_mint_t *mint)
{
    u_char         text[KEEPERS_TOKEN_LEN];
    ngx_int_t      rc;
    keepers_out_t  out;

    keepers_out_init(&out, text, sizeof(text));
    keepers_token_write(&mint->token, &out);

    rc = ngx_keepers_reply_cookie(r, keepers_out_written(&out),
                                  ngx_keepers_remember_age_s(&mint->session));

    keepers_wipe(text, sizeof(text));

    return rc;
}
