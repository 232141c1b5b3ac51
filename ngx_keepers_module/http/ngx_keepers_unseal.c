
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_unseal.h"

#include "core/keepers_keyring.h"
#include "core/keepers_token.h"
#include "http/ngx_keepers_log.h"
#include "http/ngx_keepers_wait.h"


static int ngx_keepers_unseal_record(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_claim_t *claim, ngx_uint_t key, keepers_str_t sealed,
    u_char *record, size_t size, size_t *len);


/*
 * A record opens only under its own Redis key: it cannot be another's.  One
 * that is byte for byte what was opened before needs no opening.
 */

ngx_int_t
ngx_keepers_unseal(ngx_http_request_t *r, ngx_keepers_ctx_t *ctx,
    const ngx_keepers_claim_t *claim, ngx_uint_t key,
    ngx_keepers_recent_t *recent)
{
    int                       rc;
    u_char                    rotated[KEEPERS_SESSION_ROTATED_LEN], *record;
    size_t                    len, size;
    keepers_str_t             sealed;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    rc = KEEPERS_OK;
    len = KEEPERS_SESSION_RECORD_LEN;
    sealed = ctx->wait->reply.values[key].string;

    ngx_keepers_recent_load(r, claim->sids[key], recent);

    record = recent->record;
    size = KEEPERS_SESSION_RECORD_LEN;

    if (sealed.len == KEEPERS_SESSION_ROTATED_SEALED_LEN && !claim->machine) {
        record = rotated;
        size = sizeof(rotated);
    }

    if (recent->state != NGX_KEEPERS_RECENT_VALID
        || sealed.len != KEEPERS_SESSION_SEALED_LEN
        || ngx_memcmp(recent->sealed, sealed.data, sealed.len) != 0)
    {
        rc = ngx_keepers_unseal_record(kmcf, claim, key, sealed, record, size,
                                       &len);
    }

    if (rc != KEEPERS_OK
        || ngx_keepers_claim_decode(claim, keepers_str(record, len),
                                    &ctx->session)
           != NGX_OK)
    {
        ngx_keepers_count(r, SESSION_FORGED);
        ngx_keepers_log(NGX_LOG_WARN, r,
                        "a session's or token's record in Redis does not "
                        "open: injected, "
                        "moved, or sealed with another key");
        return NGX_DECLINED;
    }

    ngx_memcpy(ctx->sid, claim->sids[key], KEEPERS_SID_LEN);
    ngx_memcpy(ctx->tag, claim->tag, KEEPERS_TAG_LEN);
    ctx->key = key;

    if (ctx->session.marks & KEEPERS_SESSION_ROTATED) {
        keepers_wipe(rotated, sizeof(rotated));
        return NGX_OK;
    }

    recent->state = NGX_KEEPERS_RECENT_VALID;
    ngx_memcpy(recent->sealed, sealed.data, KEEPERS_SESSION_SEALED_LEN);

    return NGX_OK;
}


/*
 * A session is sealed under the key that made its SID.  A token has one SID,
 * and the writer seals its record under the key that is current there.
 */

static int
ngx_keepers_unseal_record(ngx_keepers_main_conf_t *kmcf,
    const ngx_keepers_claim_t *claim, ngx_uint_t key, keepers_str_t sealed,
    u_char *record, size_t size, size_t *len)
{
    int         rc;
    ngx_uint_t  i;

    if (!claim->machine) {
        return keepers_open(kmcf->edge, key, KEEPERS_PURPOSE_SESSION_SEAL,
                            claim->keys[key], sealed, record, size, len);
    }

    rc = KEEPERS_TOKEN_FORGED;

    for (i = 0; i < kmcf->shared->n && rc == KEEPERS_TOKEN_FORGED; i++) {
        rc = keepers_open(kmcf->shared, i, KEEPERS_PURPOSE_BEARER,
                          claim->keys[0], sealed, record, size, len);
    }

    return rc;
}


ngx_int_t
ngx_keepers_unseal_any(ngx_keepers_main_conf_t *kmcf, keepers_str_t key,
    keepers_str_t sealed, keepers_session_t *session)
{
    int         rc;
    u_char      record[KEEPERS_SESSION_ROTATED_LEN];
    size_t      len;
    ngx_uint_t  i;

    for (i = 0; i < kmcf->edge->n; i++) {
        rc = keepers_open(kmcf->edge, i, KEEPERS_PURPOSE_SESSION_SEAL, key,
                          sealed, record, sizeof(record), &len);

        if (rc == KEEPERS_OK) {
            rc = keepers_session_decode(keepers_str(record, len), session);
            keepers_wipe(record, sizeof(record));

            return rc == KEEPERS_OK ? NGX_OK : NGX_DECLINED;
        }
    }

    return NGX_DECLINED;
}
