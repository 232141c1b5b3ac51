
/*
 * Copyright (C) Keepers
 *
 * Rules and their states as RESP has them in a script call, most of it made
 * once, when the configuration is loaded.
 */


#include "http/ngx_keepers_limit_int.h"

#include "core/keepers_text.h"
#include "http/ngx_keepers_str.h"


#define ngx_keepers_limit_shadow(rule)                                       \
    ((rule)->mode == NGX_KEEPERS_LIMIT_ENFORCE ? 0 : 1)


static void ngx_keepers_limit_bulk(keepers_out_t *out, size_t len);


void
ngx_keepers_limit_key(keepers_out_t *out, keepers_str_t before,
    const u_char *hash, keepers_str_t behind)
{
    keepers_out_str(out, before);
    keepers_text_base64url(out, keepers_str(hash,
                                            NGX_KEEPERS_LIMIT_HASH_LEN));
    keepers_out_str(out, behind);
}


/* Nearly always the cost is 1. */

void
ngx_keepers_limit_terms(keepers_out_t *out,
    const ngx_keepers_limit_rule_t *rule, uint32_t cost)
{
    if (cost == 1) {
        keepers_out_str(out, rule->charge);
        return;
    }

    keepers_out_str(out, rule->bounds);
    ngx_keepers_limit_number(out, cost);
    ngx_keepers_limit_number(out, ngx_keepers_limit_shadow(rule));
}


void
ngx_keepers_limit_number(keepers_out_t *out, uint64_t n)
{
    u_char         digits[NGX_INT64_LEN];
    keepers_out_t  text;

    keepers_out_init(&text, digits, sizeof(digits));
    keepers_out_uint(&text, n);

    ngx_keepers_limit_string(out, keepers_out_written(&text));
}


void
ngx_keepers_limit_string(keepers_out_t *out, keepers_str_t s)
{
    ngx_keepers_limit_bulk(out, s.len);
    keepers_out_str(out, s);
    keepers_out_text(out, "\r\n");
}


/* How a bulk string of "len" bytes begins. */

static void
ngx_keepers_limit_bulk(keepers_out_t *out, size_t len)
{
    u_char  *p;

    if (len > 9 && len < 100) {

        /* nearly always */

        p = keepers_out_take(out, sizeof("$10\r\n") - 1);

        if (p != NULL) {
            *p++ = '$';
            *p++ = (u_char) ('0' + len / 10);
            *p++ = (u_char) ('0' + len % 10);
            *p++ = CR;
            *p = LF;
        }

        return;
    }

    keepers_out_byte(out, '$');
    keepers_out_uint(out, len);
    keepers_out_text(out, "\r\n");
}


ngx_int_t
ngx_keepers_limit_encode(ngx_pool_t *pool, ngx_str_t prefix,
    ngx_keepers_limit_rule_t *rule)
{
    size_t         hash, bounds, charge;
    keepers_out_t  out;

    ngx_keepers_out(&out, pool, NGX_KEEPERS_LIMIT_RULE_LEN);

    ngx_keepers_limit_bulk(&out, prefix.len + sizeof("{}:l:") - 1
                                 + NGX_KEEPERS_LIMIT_HASH_TEXT_LEN
                                 + rule->name.len);
    keepers_out_str(&out, ngx_keepers_from(prefix));
    keepers_out_byte(&out, '{');

    hash = out.len;
    keepers_out_text(&out, "}:l:");
    keepers_out_str(&out, ngx_keepers_from(rule->name));
    keepers_out_text(&out, "\r\n");

    bounds = out.len;
    ngx_keepers_limit_number(&out, rule->rate.interval_us);
    ngx_keepers_limit_number(&out, rule->rate.tolerance_us);

    charge = out.len;
    ngx_keepers_limit_number(&out, 1);
    ngx_keepers_limit_number(&out, ngx_keepers_limit_shadow(rule));

    rule->before = keepers_str(out.data, hash);
    rule->behind = keepers_str(out.data + hash, bounds - hash);
    rule->bounds = keepers_str(out.data + bounds, charge - bounds);
    rule->charge = keepers_str(out.data + bounds, out.len - bounds);
    rule->alone = keepers_str(out.data + hash, out.len - hash);

    return out.overflow ? NGX_ERROR : NGX_OK;
}
