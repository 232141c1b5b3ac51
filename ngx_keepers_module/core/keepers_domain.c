
/*
 * Copyright (C) Keepers
 */


#include "core/keepers_domain.h"


#define keepers_domains(table)  (sizeof(table) / sizeof((table)[0]))


static bool keepers_domain_in(keepers_str_t domain, const keepers_str_t *table,
    size_t n);
static bool keepers_domain_near(keepers_str_t a, keepers_str_t b);
static bool keepers_domain_same(const unsigned char *a, const unsigned char *b,
    size_t len);


/*
 * Providers that many have an address at, with names so long that a slip in
 * one is hardly another provider's.  "gmx.de" is none: "gmx.net" is real.
 */
static const keepers_str_t  keepers_domain_large[] = {
    keepers_string("gmail.com"),
    keepers_string("googlemail.com"),
    keepers_string("hotmail.com"),
    keepers_string("outlook.com"),
    keepers_string("yahoo.com"),
    keepers_string("icloud.com"),
    keepers_string("protonmail.com"),
    keepers_string("fastmail.com"),
    keepers_string("hotmail.co.uk"),
    keepers_string("yahoo.co.uk"),
    keepers_string("btinternet.com"),
    keepers_string("t-online.de"),
    keepers_string("freenet.de"),
    keepers_string("orange.fr"),
    keepers_string("wanadoo.fr"),
    keepers_string("laposte.net")
};

/* Real ones that are one letter off one of those. */
static const keepers_str_t  keepers_domain_real[] = {
    keepers_string("cloud.com"),
    keepers_string("mail.com"),
    keepers_string("ymail.com")
};

/*
 * Addresses for an hour.  In the order of bytes, for the search; a domain
 * below one of them is one too.
 */
static const keepers_str_t  keepers_domain_brief[] = {
    keepers_string("10minutemail.com"),
    keepers_string("10minutemail.net"),
    keepers_string("20minutemail.com"),
    keepers_string("anonbox.net"),
    keepers_string("byom.de"),
    keepers_string("crazymailing.com"),
    keepers_string("deadaddress.com"),
    keepers_string("discard.email"),
    keepers_string("discardmail.com"),
    keepers_string("discardmail.de"),
    keepers_string("dispostable.com"),
    keepers_string("dropmail.me"),
    keepers_string("einrot.com"),
    keepers_string("emailfake.com"),
    keepers_string("emailondeck.com"),
    keepers_string("emailtemporanea.com"),
    keepers_string("fakeinbox.com"),
    keepers_string("fakemail.net"),
    keepers_string("fakemailgenerator.com"),
    keepers_string("generator.email"),
    keepers_string("getairmail.com"),
    keepers_string("getnada.com"),
    keepers_string("grr.la"),
    keepers_string("guerrillamail.biz"),
    keepers_string("guerrillamail.com"),
    keepers_string("guerrillamail.de"),
    keepers_string("guerrillamail.info"),
    keepers_string("guerrillamail.net"),
    keepers_string("guerrillamail.org"),
    keepers_string("guerrillamailblock.com"),
    keepers_string("harakirimail.com"),
    keepers_string("inboxkitten.com"),
    keepers_string("incognitomail.org"),
    keepers_string("jetable.org"),
    keepers_string("luxusmail.org"),
    keepers_string("mail-temp.com"),
    keepers_string("mailcatch.com"),
    keepers_string("maildrop.cc"),
    keepers_string("mailexpire.com"),
    keepers_string("mailinator.com"),
    keepers_string("mailinator.net"),
    keepers_string("mailinator2.com"),
    keepers_string("mailnesia.com"),
    keepers_string("mailpoof.com"),
    keepers_string("mailsac.com"),
    keepers_string("mailtemp.net"),
    keepers_string("mailtothis.com"),
    keepers_string("meltmail.com"),
    keepers_string("mintemail.com"),
    keepers_string("minuteinbox.com"),
    keepers_string("moakt.com"),
    keepers_string("mohmal.com"),
    keepers_string("mytemp.email"),
    keepers_string("mytrashmail.com"),
    keepers_string("nada.email"),
    keepers_string("pokemail.net"),
    keepers_string("sharklasers.com"),
    keepers_string("sofort-mail.de"),
    keepers_string("spam4.me"),
    keepers_string("spambog.com"),
    keepers_string("spambox.us"),
    keepers_string("temp-mail.io"),
    keepers_string("temp-mail.org"),
    keepers_string("tempail.com"),
    keepers_string("tempinbox.com"),
    keepers_string("tempmail.com"),
    keepers_string("tempmail.dev"),
    keepers_string("tempmail.net"),
    keepers_string("tempmailo.com"),
    keepers_string("tempr.email"),
    keepers_string("throwawaymail.com"),
    keepers_string("trash-mail.com"),
    keepers_string("trashmail.com"),
    keepers_string("trashmail.de"),
    keepers_string("trashmail.net"),
    keepers_string("trashmail.ws"),
    keepers_string("wegwerfemail.de"),
    keepers_string("wegwerfmail.de"),
    keepers_string("yopmail.com"),
    keepers_string("yopmail.fr"),
    keepers_string("yopmail.net")
};


keepers_str_t
keepers_domain_of(keepers_str_t email)
{
    size_t  i;

    for (i = email.len; i != 0; i--) {
        if (email.data[i - 1] == '@') {
            return keepers_str(&email.data[i], email.len - i);
        }
    }

    return keepers_str(NULL, 0);
}


keepers_str_t
keepers_domain_meant(keepers_str_t domain)
{
    size_t  i;

    if (keepers_domain_known(domain).len != 0
        || keepers_domain_in(domain, keepers_domain_real,
                             keepers_domains(keepers_domain_real)))
    {
        return keepers_str(NULL, 0);
    }

    for (i = 0; i < keepers_domains(keepers_domain_large); i++) {
        if (keepers_domain_near(domain, keepers_domain_large[i])) {
            return keepers_domain_large[i];
        }
    }

    return keepers_str(NULL, 0);
}


keepers_str_t
keepers_domain_known(keepers_str_t domain)
{
    size_t  i;

    for (i = 0; i < keepers_domains(keepers_domain_large); i++) {
        if (keepers_str_eq(domain, keepers_domain_large[i])) {
            return keepers_domain_large[i];
        }
    }

    return keepers_str(NULL, 0);
}


bool
keepers_domain_disposable(keepers_str_t domain)
{
    const unsigned char  *dot;

    while (domain.len != 0) {

        if (keepers_domain_in(domain, keepers_domain_brief,
                              keepers_domains(keepers_domain_brief)))
        {
            return true;
        }

        dot = memchr(domain.data, '.', domain.len);

        if (dot == NULL) {
            break;
        }

        domain.len -= (size_t) (dot + 1 - domain.data);
        domain.data = dot + 1;
    }

    return false;
}


static bool
keepers_domain_in(keepers_str_t domain, const keepers_str_t *table, size_t n)
{
    int     rc;
    size_t  low, high, i, len;

    low = 0;
    high = n;

    while (low < high) {
        i = low + (high - low) / 2;
        len = domain.len < table[i].len ? domain.len : table[i].len;
        rc = len != 0 ? memcmp(domain.data, table[i].data, len) : 0;

        if (rc == 0 && domain.len == table[i].len) {
            return true;
        }

        if (rc < 0 || (rc == 0 && domain.len < table[i].len)) {
            high = i;

        } else {
            low = i + 1;
        }
    }

    return false;
}


/* One letter more, less or other, or two that have changed places. */

static bool
keepers_domain_near(keepers_str_t a, keepers_str_t b)
{
    size_t         i, left;
    keepers_str_t  s;

    if (a.len > b.len) {
        s = a;
        a = b;
        b = s;
    }

    if (b.len - a.len > 1) {
        return false;
    }

    for (i = 0; i < a.len && a.data[i] == b.data[i]; i++) { /* void */ }

    if (a.len != b.len) {
        return keepers_domain_same(&a.data[i], &b.data[i + 1], a.len - i);
    }

    if (i == a.len) {
        return false;
    }

    left = a.len - i;

    if (keepers_domain_same(&a.data[i + 1], &b.data[i + 1], left - 1)) {
        return true;
    }

    return left >= 2 && a.data[i] == b.data[i + 1] && a.data[i + 1] == b.data[i]
           && keepers_domain_same(&a.data[i + 2], &b.data[i + 2], left - 2);
}


static bool
keepers_domain_same(const unsigned char *a, const unsigned char *b, size_t len)
{
    return len == 0 || memcmp(a, b, len) == 0;
}
