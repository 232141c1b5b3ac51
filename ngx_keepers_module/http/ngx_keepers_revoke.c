
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_revoke.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_live.h"
#include "http/ngx_keepers_recent.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_wait.h"
#include "http/ngx_keepers_worker.h"


/* What this worker has published lately and not yet heard of. */
#define NGX_KEEPERS_REVOKE_SAID  16

typedef struct {
    u_char       sid[KEEPERS_SID_LEN];
    ngx_msec_t   said_ms;           /* 0: nothing */
} ngx_keepers_revoke_said_t;


static void ngx_keepers_revoke_heard(void *data, keepers_str_t message);
static void ngx_keepers_revoke_lag(ngx_keepers_main_conf_t *kmcf,
    const u_char sid[KEEPERS_SID_LEN]);
static void ngx_keepers_revoke_turned(void *data, ngx_uint_t up);


static ngx_keepers_revoke_said_t
    ngx_keepers_revoke_said[NGX_KEEPERS_REVOKE_SAID];
static ngx_uint_t  ngx_keepers_revoke_said_n;


void
ngx_keepers_revoke_channel(ngx_keepers_main_conf_t *kmcf, keepers_out_t *out)
{
    keepers_out_str(out, ngx_keepers_from(kmcf->redis.prefix));
    keepers_out_text(out, "revoke");
}


void
ngx_keepers_revoke_publish(ngx_keepers_main_conf_t *kmcf,
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n)
{
    u_char         text[NGX_KEEPERS_REVOKE_CHANNEL_LEN];
    u_char         list[NGX_KEEPERS_REVOKE_MAX * KEEPERS_SID_TEXT_LEN];
    ngx_uint_t     i;
    keepers_out_t  channel, message;
    keepers_str_t  argv[3];

    ngx_keepers_revoke_said_t  *said;

    keepers_out_init(&channel, text, sizeof(text));
    ngx_keepers_revoke_channel(kmcf, &channel);

    keepers_out_init(&message, list, sizeof(list));

    for (i = 0; i < n; i++) {
        keepers_text_base64url(&message,
                               keepers_str(sids[i], KEEPERS_SID_LEN));
    }

    said = &ngx_keepers_revoke_said[ngx_keepers_revoke_said_n++
                                    % NGX_KEEPERS_REVOKE_SAID];

    ngx_memcpy(said->sid, sids[0], KEEPERS_SID_LEN);
    said->said_ms = ngx_current_msec;

    argv[0] = keepers_str("PUBLISH", 7);
    argv[1] = keepers_out_written(&channel);
    argv[2] = keepers_out_written(&message);

    ngx_keepers_send(argv, 3);
}


ngx_int_t
ngx_keepers_revoke_init(ngx_keepers_main_conf_t *kmcf)
{
    u_char         text[NGX_KEEPERS_REVOKE_CHANNEL_LEN];
    keepers_out_t  channel;

    keepers_out_init(&channel, text, sizeof(text));
    ngx_keepers_revoke_channel(kmcf, &channel);

    return ngx_keepers_redis_listen(ngx_keepers_worker.redis,
                                    keepers_out_written(&channel),
                                    ngx_keepers_revoke_heard,
                                    ngx_keepers_revoke_turned, kmcf);
}


/* Anything that is not a list of SIDs is counted and does nothing. */

static void
ngx_keepers_revoke_heard(void *data, keepers_str_t message)
{
    u_char                    sids[NGX_KEEPERS_REVOKE_MAX][KEEPERS_SID_LEN];
    ngx_uint_t                i, n, rotated;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = data;

    rotated = message.len != 0
              && message.data[0] == NGX_KEEPERS_REVOKE_ROTATED;

    message.data += rotated;
    message.len -= rotated;

    n = message.len / KEEPERS_SID_TEXT_LEN;

    if (n == 0
        || n > (rotated ? 1 : NGX_KEEPERS_REVOKE_MAX)
        || message.len % KEEPERS_SID_TEXT_LEN != 0)
    {
        goto junk;
    }

    for (i = 0; i < n; i++) {
        if (!keepers_text_base64url_decode(
                keepers_str(message.data + i * KEEPERS_SID_TEXT_LEN,
                            KEEPERS_SID_TEXT_LEN),
                sids[i], KEEPERS_SID_LEN))
        {
            goto junk;
        }
    }

    for (i = 0; i < n; i++) {
        ngx_keepers_recent_forget(kmcf, sids[i]);
        ngx_keepers_live_revoked(sids[i], rotated);
    }

    if (rotated) {
        return;
    }

    ngx_keepers_revoke_lag(kmcf, sids[0]);

    (void) ngx_atomic_fetch_add(
                 &kmcf->shm->counters[KEEPERS_METRIC_REVOCATION_HEARD], n);
    return;

junk:

    (void) ngx_atomic_fetch_add(
                 &kmcf->shm->counters[KEEPERS_METRIC_REVOCATION_JUNK], 1);
}


/* The worker that said it hears it too: how long is it under way? */

static void
ngx_keepers_revoke_lag(ngx_keepers_main_conf_t *kmcf,
    const u_char sid[KEEPERS_SID_LEN])
{
    ngx_uint_t                  i;
    ngx_msec_t                  lag_ms;
    ngx_keepers_revoke_said_t  *said;

    for (i = 0; i < NGX_KEEPERS_REVOKE_SAID; i++) {
        said = &ngx_keepers_revoke_said[i];

        if (said->said_ms == 0
            || ngx_memcmp(said->sid, sid, KEEPERS_SID_LEN) != 0)
        {
            continue;
        }

        lag_ms = ngx_current_msec - said->said_ms;
        said->said_ms = 0;

        (void) ngx_atomic_fetch_add(
                   &kmcf->shm->counters[KEEPERS_METRIC_LAG_MS
                                        + keepers_metrics_bucket(lag_ms)], 1);
        (void) ngx_atomic_fetch_add(
                   &kmcf->shm->counters[KEEPERS_METRIC_LAG_SUM_MS],
                   (ngx_atomic_int_t) lag_ms);
        return;
    }
}


/*
 * Whichever way it turned, messages may have been missed until now.  An
 * answer that Redis gives from now on knows what they said.
 */

static void
ngx_keepers_revoke_turned(void *data, ngx_uint_t up)
{
    (void) up;

    ngx_keepers_revoke_flush(data);
}


void
ngx_keepers_revoke_flush(ngx_keepers_main_conf_t *kmcf)
{
    ngx_atomic_t  *flushed;
    ngx_msec_t     was_ms;

    /* nginx's clock has stood still since this turn of the loop began */

    ngx_time_update();

    flushed = &kmcf->shm->flushed_ms;

    do {
        was_ms = *flushed;

        if ((ngx_msec_int_t) (ngx_current_msec - was_ms) <= 0) {
            return;
        }

    } while (!ngx_atomic_cmp_set(flushed, was_ms, ngx_current_msec));
}


/* An answer is served if it was asked for after the last flush. */

ngx_msec_t
ngx_keepers_revoke_age(ngx_keepers_main_conf_t *kmcf, ngx_msec_t cache_ms)
{
    ngx_msec_int_t  since_ms;

    since_ms = (ngx_msec_int_t) (ngx_current_msec - kmcf->shm->flushed_ms);

    if (since_ms <= 0) {
        return 0;
    }

    if (!ngx_keepers_redis_listens(ngx_keepers_worker.redis)) {
        cache_ms = ngx_min(cache_ms, NGX_KEEPERS_RECENT_MAX_MS);
    }

    return ngx_min(cache_ms, (ngx_msec_t) since_ms);
}
