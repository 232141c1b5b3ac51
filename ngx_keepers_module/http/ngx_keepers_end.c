
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_end.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_check.h"
#include "http/ngx_keepers_conf.h"
#include "http/ngx_keepers_recent.h"
#include "http/ngx_keepers_revoke.h"
#include "http/ngx_keepers_str.h"


static void ngx_keepers_end_unlist(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n);


ngx_int_t
ngx_keepers_end(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_wake_pt wake, const u_char tag[KEEPERS_TAG_LEN],
    u_char (*sids)[KEEPERS_SID_LEN], ngx_uint_t n)
{
    u_char                    text[NGX_KEEPERS_END_MAX][NGX_KEEPERS_KEY_LEN];
    ngx_uint_t                i;
    keepers_out_t             key;
    keepers_str_t             argv[NGX_KEEPERS_END_MAX + 1];
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    argv[0] = keepers_str("DEL", 3);

    for (i = 0; i < n; i++) {
        ngx_keepers_recent_forget(kmcf, sids[i]);

        keepers_out_init(&key, text[i], NGX_KEEPERS_KEY_LEN);
        ngx_keepers_check_key(kmcf, tag, "s:", sids[i], &key);

        argv[i + 1] = keepers_out_written(&key);
    }

    if (wait == NULL) {
        ngx_keepers_send(argv, n + 1);

    } else if (ngx_keepers_wait_command(wait, NGX_KEEPERS_WAIT_HANDLER, wake,
                                        argv, n + 1)
               != NGX_AGAIN)
    {
        return wake(r, wait);
    }

    ngx_keepers_revoke_publish(kmcf, sids, n);
    ngx_keepers_end_unlist(kmcf, tag, sids, n);

    return NGX_DONE;
}


ngx_int_t
ngx_keepers_end_take(ngx_http_request_t *r, ngx_keepers_wait_t *wait,
    ngx_keepers_wake_pt wake, const u_char tag[KEEPERS_TAG_LEN],
    const u_char sid[KEEPERS_SID_LEN])
{
    u_char                    text[NGX_KEEPERS_KEY_LEN];
    u_char                    sids[1][KEEPERS_SID_LEN];
    keepers_out_t             out;
    keepers_str_t             key;
    ngx_keepers_main_conf_t  *kmcf;

    kmcf = ngx_keepers_main_conf(r);

    ngx_memcpy(sids[0], sid, KEEPERS_SID_LEN);
    ngx_keepers_recent_forget(kmcf, sid);

    keepers_out_init(&out, text, sizeof(text));
    ngx_keepers_check_key(kmcf, tag, "s:", sid, &out);
    key = keepers_out_written(&out);

    if (ngx_keepers_wait_eval(wait, NGX_KEEPERS_WAIT_HANDLER, wake,
                              NGX_KEEPERS_SCRIPT_TAKE, 1, &key, 1)
        != NGX_AGAIN)
    {
        return wake(r, wait);
    }

    ngx_keepers_revoke_publish(kmcf, sids, 1);
    ngx_keepers_end_unlist(kmcf, tag, sids, 1);

    return NGX_DONE;
}


ngx_int_t
ngx_keepers_ended(ngx_http_request_t *r, const ngx_keepers_wait_t *wait,
    keepers_metric_e why)
{
    ngx_keepers_shm_t                *shm;
    const ngx_keepers_redis_value_t  *value;

    value = ngx_keepers_wait_value(wait, NGX_KEEPERS_REDIS_INTEGER);

    if (value == NULL) {
        return NGX_ERROR;
    }

    shm = ngx_keepers_main_conf(r)->shm;

    (void) ngx_atomic_fetch_add(&shm->counters[why],
                                (ngx_atomic_int_t) value->integer);

    return NGX_OK;
}


/* The index only lists: a member without a session is dropped when read. */

static void
ngx_keepers_end_unlist(ngx_keepers_main_conf_t *kmcf,
    const u_char tag[KEEPERS_TAG_LEN], u_char (*sids)[KEEPERS_SID_LEN],
    ngx_uint_t n)
{
    u_char         index[NGX_KEEPERS_KEY_LEN];
    u_char         text[NGX_KEEPERS_END_MAX][KEEPERS_SID_TEXT_LEN];
    ngx_uint_t     i;
    keepers_out_t  out;
    keepers_str_t  argv[NGX_KEEPERS_END_MAX + 2];

    keepers_out_init(&out, index, sizeof(index));
    ngx_keepers_check_key(kmcf, tag, "x", NULL, &out);

    argv[0] = keepers_str("ZREM", 4);
    argv[1] = keepers_out_written(&out);

    for (i = 0; i < n; i++) {
        keepers_out_init(&out, text[i], KEEPERS_SID_TEXT_LEN);
        keepers_text_base64url(&out, keepers_str(sids[i], KEEPERS_SID_LEN));

        argv[i + 2] = keepers_out_written(&out);
    }

    ngx_keepers_send(argv, n + 2);
}
