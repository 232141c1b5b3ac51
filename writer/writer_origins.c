
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_origins.h"

#include "core/keepers_text.h"

#include <stdio.h>


#define WRITER_ORIGINS_PORT_MAX  65535


static bool writer_origins_domain(keepers_str_t domain);
static const char *writer_origins_fault(const writer_conf_t *conf,
    keepers_str_t origin);
static bool writer_origins_port(keepers_str_t port, uint64_t usual);
static bool writer_origins_within(keepers_str_t host, keepers_str_t domain);


int
writer_origins_check(writer_conf_t *conf)
{
    size_t         n;
    const char    *p, *fault;
    keepers_str_t  origin;

    if (conf->passkey_rp_id[0] == '\0' && conf->passkey_origins[0] == '\0') {
        return 0;
    }

    if (!writer_origins_domain(keepers_str(conf->passkey_rp_id,
                                           strlen(conf->passkey_rp_id))))
    {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[passkeys] rp_id is \"%.64s\": give the domain of the "
                 "dashboard in lower case, as \"loyalty.example\", without "
                 "scheme or port; an address is none", conf->passkey_rp_id);
        return -1;
    }

    n = 0;

    for (p = conf->passkey_origins; *p != '\0'; p += origin.len) {
        p += strspn(p, " ");
        origin = keepers_str(p, strcspn(p, " "));

        if (origin.len == 0) {
            break;
        }

        fault = writer_origins_fault(conf, origin);

        if (fault != NULL) {
            snprintf(conf->fault, sizeof(conf->fault),
                     "[passkeys] origins: \"%.*s\" %s", (int) origin.len, p,
                     fault);
            return -1;
        }

        n++;
    }

    if (n == 0) {
        snprintf(conf->fault, sizeof(conf->fault),
                 "[passkeys] origins is empty: give what a browser shows of "
                 "the dashboard's address, as \"https://%.64s\"; several with "
                 "a blank between them", conf->passkey_rp_id);
        return -1;
    }

    return 0;
}


/* "localhost", or two labels and more of which the last is no number. */
static bool
writer_origins_domain(keepers_str_t domain)
{
    bool    letter;
    size_t  i, from, labels;

    letter = false;

    for (i = 0, from = 0, labels = 0; i <= domain.len; i++) {

        if (i == domain.len || domain.data[i] == '.') {
            if (!keepers_text_slug(keepers_str(domain.data + from, i - from)))
            {
                return false;
            }

            labels++;
            letter = (i != domain.len) ? false : letter;
            from = i + 1;

        } else if (domain.data[i] >= 'a') {
            letter = true;
        }
    }

    return keepers_str_eq(domain, keepers_str("localhost", 9))
           || (labels > 1 && letter);
}


/* In words, behind the origin; NULL: there is none. */
static const char *
writer_origins_fault(const writer_conf_t *conf, keepers_str_t origin)
{
    size_t         i;
    bool           secure;
    keepers_str_t  host, domain;

    static const keepers_str_t  schemes[] = {
        keepers_string("http://"), keepers_string("https://")
    };

    domain = keepers_str(conf->passkey_rp_id, strlen(conf->passkey_rp_id));
    secure = origin.len > schemes[1].len
             && memcmp(origin.data, schemes[1].data, schemes[1].len) == 0;

    if (!secure
        && !(origin.len > schemes[0].len
             && memcmp(origin.data, schemes[0].data, schemes[0].len) == 0
             && keepers_str_eq(domain, keepers_str("localhost", 9))))
    {
        return "does not begin with \"https://\": only with the rp_id "
               "\"localhost\" it may be \"http://\"";
    }

    host = keepers_str(origin.data + schemes[secure].len,
                       origin.len - schemes[secure].len);

    for (i = 0; i < host.len && host.data[i] != ':'; i++) { /* void */ }

    if (i != host.len
        && !writer_origins_port(keepers_str(host.data + i + 1,
                                            host.len - i - 1),
                                secure ? 443 : 80))
    {
        return "has something behind its host that is no port, or one that "
               "browsers leave out: write it as they do";
    }

    if (!writer_origins_within(keepers_str(host.data, i), domain)) {
        return "is not of the rp_id: its host must be that domain, or end in "
               "\".\" and that domain, in lower case, with no path behind it";
    }

    return NULL;
}


static bool
writer_origins_port(keepers_str_t port, uint64_t usual)
{
    uint64_t  n;

    return port.len != 0 && port.data[0] != '0'
           && keepers_text_uint(port, &n)
           && n <= WRITER_ORIGINS_PORT_MAX && n != usual;
}


static bool
writer_origins_within(keepers_str_t host, keepers_str_t domain)
{
    size_t  more;

    if (host.len < domain.len || !writer_origins_domain(host)) {
        return keepers_str_eq(host, domain);
    }

    more = host.len - domain.len;

    return memcmp(host.data + more, domain.data, domain.len) == 0
           && (more == 0 || host.data[more - 1] == '.');
}
