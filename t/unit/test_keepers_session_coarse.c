
/*
 * Copyright (C) Keepers
 *
 * Goal: what a session keeps of a network and of a browser stays coarse.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/keepers_session.h"


typedef struct {
    const char     *name;
    uint8_t         agent;
} agent_t;

typedef struct {
    unsigned char   address[16];
    size_t          len;
    const char     *text;
} net_t;


static void test_agents(void **state);
static void test_agents_bounded(void **state);
static void test_nets(void **state);
static void test_net_unknown(void **state);



static const agent_t  agents[] = {
    { "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
      KEEPERS_AGENT_FIREFOX },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1"
      ".15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15",
      KEEPERS_AGENT_FIREFOX },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/126.0.0.0 Safari/537.36", KEEPERS_AGENT_CHROME },
    { "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1"
      ".15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
      KEEPERS_AGENT_CHROME },
    { "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, "
      "like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.68",
      KEEPERS_AGENT_EDGE },
    { "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like "
      "Gecko) Chrome/126.0.6478.122 Mobile Safari/537.36 EdgA/124.0.2478.64",
      KEEPERS_AGENT_EDGE },
    { "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 "
      "(KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
      KEEPERS_AGENT_SAFARI },
    { "curl/7.88.1", KEEPERS_AGENT_CURL },
    { "curl/", KEEPERS_AGENT_CURL },
    { "curl", KEEPERS_AGENT_OTHER },
    { "ccccurl/1", KEEPERS_AGENT_CURL },
    { "Lynx/2.9", KEEPERS_AGENT_OTHER },
    { "", KEEPERS_AGENT_OTHER }
};

static const net_t  nets[] = {
    { { 192, 0, 2, 255 }, 4, "192.0.2.0/24" },
    { { 0, 0, 0, 0 }, 4, "0.0.0.0/24" },
    { { 255, 255, 255, 255 }, 4, "255.255.255.0/24" },
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 }, 16,
      "192.0.2.0/24" },
    { { 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
      16, "2001:db8:1::/48" },
    { { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1 }, 16, "2001:db8::/48" },
    { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 16,
      "ffff:ffff:ffff::/48" },
    { { 0, 0, 0, 0, 0, 1 }, 16, "0:0:1::/48" },
    { { 0x0a, 0xbc, 0, 0, 0x10, 0 }, 16, "abc:0:1000::/48" },
    { { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1 }, 16, "fe80::/48" },
    { { 0 }, 16, "::/48" }
};


static void
test_agents(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
        assert_int_equal(keepers_agent_read(keepers_str(agents[i].name,
                                                    strlen(agents[i].name))),
                         agents[i].agent);
    }

    assert_int_equal(keepers_agent_read(keepers_str(NULL, 0)),
                     KEEPERS_AGENT_OTHER);
    assert_string_equal(keepers_agent_name(KEEPERS_AGENT_EDGE), "Edge");
    assert_string_equal(keepers_agent_name(KEEPERS_AGENTS), "other");
    assert_string_equal(keepers_agent_name(255), "other");
}


static void
test_agents_bounded(void **state)
{
    char  text[600];

    (void) state;

    memset(text, 'c', sizeof(text));
    memcpy(text + 507, "curl/", 5);
    assert_int_equal(keepers_agent_read(keepers_str(text, sizeof(text))),
                     KEEPERS_AGENT_CURL);

    memset(text, 'c', sizeof(text));
    memcpy(text + 508, "curl/", 5);
    assert_int_equal(keepers_agent_read(keepers_str(text, sizeof(text))),
                     KEEPERS_AGENT_OTHER);
}


static void
test_nets(void **state)
{
    char           text[24];
    size_t         i;
    unsigned char  net[8];

    (void) state;

    for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
        memset(net, 0xff, sizeof(net));
        keepers_net_read(keepers_str(nets[i].address, nets[i].len), net);

        assert_int_equal(keepers_net_text(net, text), strlen(nets[i].text));
        assert_string_equal(text, nets[i].text);
    }

    /* nothing finer than the prefix is kept */

    keepers_net_read(keepers_str("\xc0\x00\x02\x63", 4), net);
    assert_memory_equal(net, "\x04\x18\xc0\x00\x02\x00\x00\x00", 8);
}


static void
test_net_unknown(void **state)
{
    char           text[24];
    unsigned char  net[8], zeros[8];

    (void) state;

    memset(zeros, 0, sizeof(zeros));

    keepers_net_read(keepers_str(NULL, 0), net);
    assert_memory_equal(net, zeros, sizeof(net));
    keepers_net_read(keepers_str("\x01\x02\x03\x04\x05", 5), net);
    assert_memory_equal(net, zeros, sizeof(net));

    assert_int_equal(keepers_net_text(net, text), 1);
    assert_string_equal(text, "-");

    memset(net, 0xff, sizeof(net));
    assert_int_equal(keepers_net_text(net, text), 1);
    assert_string_equal(text, "-");
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_agents),
        cmocka_unit_test(test_agents_bounded),
        cmocka_unit_test(test_nets),
        cmocka_unit_test(test_net_unknown)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
