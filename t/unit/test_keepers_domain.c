
/*
 * Copyright (C) Keepers
 *
 * Goal: a slip in a provider's name is noticed, a real domain is left alone,
 * and an address for an hour is known for one.
 */


#include "keepers_unit.h"
#include "core/keepers_domain.h"


static keepers_str_t meant(const char *domain);
static void test_domain_of(void **state);
static void test_slips(void **state);
static void test_real(void **state);
static void test_disposable(void **state);


static keepers_str_t
meant(const char *domain)
{
    keepers_str_t  tight, s;

    tight = unit_copy(domain, strlen(domain));
    s = keepers_domain_meant(tight);
    unit_free(tight);

    return s;
}


static void
test_domain_of(void **state)
{
    (void) state;

    assert_str(keepers_domain_of(unit_str("a@b.co")), "b.co");
    assert_str(keepers_domain_of(unit_str("a@b@c.co")), "c.co");
    assert_str(keepers_domain_of(unit_str("a@")), "");
    assert_str(keepers_domain_of(unit_str("a")), "");
    assert_str(keepers_domain_of(keepers_str(NULL, 0)), "");
}


static void
test_slips(void **state)
{
    size_t                    i;
    static const char *const  slips[][2] = {
        { "gmial.com", "gmail.com" },
        { "gamil.com", "gmail.com" },
        { "gmai.com", "gmail.com" },
        { "gmaill.com", "gmail.com" },
        { "gnail.com", "gmail.com" },
        { "mgail.com", "gmail.com" },
        { "gmail.con", "gmail.com" },
        { "gmail.cmo", "gmail.com" },
        { "gmail.co", "gmail.com" },
        { "gmailcom", "gmail.com" },
        { "agmail.com", "gmail.com" },
        { "gmail.comm", "gmail.com" },
        { "hotmial.com", "hotmail.com" },
        { "hotmail.cp.uk", "hotmail.co.uk" },
        { "yahooo.com", "yahoo.com" },
        { "iclod.com", "icloud.com" },
        { "t-onlin.de", "t-online.de" },
        { "laposte.ne", "laposte.net" },
    };

    (void) state;

    for (i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
        assert_str(meant(slips[i][0]), slips[i][1]);
    }
}


static void
test_real(void **state)
{
    size_t                    i;
    static const char *const  real[] = {
        "", "g", "gmail.com", "googlemail.com", "mail.com", "ymail.com",
        "cloud.com", "hotmail.co.uk", "yahoo.co.uk", "yahoo.co.jp",
        "yahoo.fr", "hotmail.fr", "gmx.de", "gmx.net", "web.de", "example.com",
        "mail.gmail.com", "gmail.com.br", "gail.co", "gmia.com", "lgmai.com",
        "fastmail.fm", "proton.me"
    };

    (void) state;

    for (i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
        assert_str(meant(real[i]), "");
    }

    assert_str(keepers_domain_known(unit_str("gmail.com")), "gmail.com");
    assert_str(keepers_domain_known(unit_str("gmail.co")), "");
    assert_str(keepers_domain_known(unit_str("")), "");
}


static void
test_disposable(void **state)
{
    size_t                    i;
    static const char *const  brief[] = {
        "10minutemail.com", "mailinator.com", "a.b.mailinator.com",
        "yopmail.net", "mintemail.com", "minuteinbox.com", "trashmail.ws"
    };
    static const char *const  lasting[] = {
        "", ".", "com", "gmail.com", "duck.com", "privaterelay.appleid.com",
        "mozmail.com", "simplelogin.com", "notmailinator.com",
        "mailinator.com.example", "mailinator", "33mail.com"
    };

    (void) state;

    for (i = 0; i < sizeof(brief) / sizeof(brief[0]); i++) {
        assert_true(keepers_domain_disposable(keepers_str(brief[i],
                                                strlen(brief[i]))));
    }

    for (i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
        assert_false(keepers_domain_disposable(keepers_str(lasting[i],
                                                 strlen(lasting[i]))));
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_domain_of),
        cmocka_unit_test(test_slips),
        cmocka_unit_test(test_real),
        cmocka_unit_test(test_disposable)
    };

    return cmocka_run_group_tests_name("keepers_domain", tests, NULL, NULL);
}
