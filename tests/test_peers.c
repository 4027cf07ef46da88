/* labels: http */
/* Who a request comes from: behind proxies, and in front of none. */
#include "tests/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "server/peers.h"

static struct peer address(const char *text)
{
    struct peers one;
    assert_null(peers_parse(&one, text));
    assert_int_equal(one.n, 1);
    return one.nets[0].net;
}

static void networks_have_their_addresses_and_no_others(void **state)
{
    (void)state;
    static const struct {
        const char *list, *one;
        bool has;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.0/9", "10.127.0.1", true},
        {"10.0.0.0/9", "10.128.0.1", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"192.0.2.7/32,198.51.100.0/31", "198.51.100.1", true},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {" , 10.0.0.1 ,\t::1", "::1", true},
        {"", "127.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peers list;
        struct peer one = address(cases[i].one);
        assert_null(peers_parse(&list, cases[i].list));
        if (peers_have(&list, &one) != cases[i].has)
            fail_msg("%s in %s", cases[i].one, cases[i].list);
    }
}

static void lists_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {"localhost",   "10.0.0.0/33", "10.0.0.0/",        "10.0.0.0/-1",
                                        "10.0.0.0/8x", "10.0.0",      "10.0.0.0/8/8",     "::1/129",
                                        "::g",         "/8",          "10.0.0.1;10.0.0.2"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct peers p;
        if (!peers_parse(&p, lists[i]))
            fail_msg("%s", lists[i]);
    }
}

#define XFF PROXY_X_FORWARDED_FOR
#define FWD PROXY_FORWARDED

static const struct {
    const char *what;
    enum proxy_header header;
    const char *socket;
    const char *values[3]; /* of that header */
    const char *client;
} walks[] = {
    {"no header", XFF, "10.0.0.1", {NULL}, "10.0.0.1"},
    {"one hop", XFF, "10.0.0.1", {"203.0.113.7"}, "203.0.113.7"},
    {"a client that lies about hops before it", XFF, "10.0.0.1", {"192.0.2.1, 203.0.113.7"}, "203.0.113.7"},
    {"a stranger is not believed", XFF, "203.0.113.9", {"192.0.2.1"}, "203.0.113.9"},
    {"two proxies", XFF, "10.0.0.1", {"192.0.2.1, 203.0.113.7,10.0.0.2"}, "203.0.113.7"},
    {"two fields are one list", XFF, "10.0.0.1", {"203.0.113.7", "10.0.0.2"}, "203.0.113.7"},
    {"nobody but proxies", XFF, "10.0.0.1", {"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
    {"with a port", XFF, "10.0.0.1", {"203.0.113.7:4711"}, "203.0.113.7"},
    {"IPv6", XFF, "10.0.0.1", {"2001:db8::5"}, "2001:db8::5"},
    {"IPv6 in brackets", XFF, "10.0.0.1", {"[2001:db8::5]:80"}, "2001:db8::5"},
    {"IPv4 as IPv6", XFF, "10.0.0.1", {"::ffff:203.0.113.7"}, "203.0.113.7"},
    {"a name", XFF, "10.0.0.1", {"203.0.113.7, unknown"}, "10.0.0.1"},
    {"a name behind a proxy", XFF, "10.0.0.1", {"unknown, 10.0.0.2"}, "10.0.0.2"},
    {"an empty hop", XFF, "10.0.0.1", {"203.0.113.7,"}, "10.0.0.1"},
    {"an unclosed bracket", XFF, "10.0.0.1", {"[2001:db8::5"}, "10.0.0.1"},
    {"longer than any address", XFF, "10.0.0.1", {"203.0.113.7.203.0.113.7.203.0.113.7.203.0.113.7.203"}, "10.0.0.1"},
    {"the other header is not read", FWD, "10.0.0.1", {NULL}, "10.0.0.1"},

    {"a node", FWD, "10.0.0.1", {"for=203.0.113.7;proto=https;by=10.0.0.1"}, "203.0.113.7"},
    {"a quoted node", FWD, "10.0.0.1", {"proto=https; For=\"[2001:db8:cafe::17]:4711\""}, "2001:db8:cafe::17"},
    {"two elements", FWD, "10.0.0.1", {"for=192.0.2.1, for=203.0.113.7;host=\"a,b;c\""}, "203.0.113.7"},
    {"an escaped quote", FWD, "10.0.0.1", {"for=203.0.113.7;host=\"a\\\",for=192.0.2.1\""}, "203.0.113.7"},
    {"an open quote swallows the rest",
     FWD,
     "10.0.0.1",
     {"for=203.0.113.7, for=\"192.0.2.1, for=192.0.2.2"},
     "10.0.0.1"},
    {"a hidden node", FWD, "10.0.0.1", {"for=_hidden"}, "10.0.0.1"},
    {"an element without for", FWD, "10.0.0.1", {"for=192.0.2.1, proto=https"}, "10.0.0.1"},
    {"through two fields", FWD, "10.0.0.1", {"for=203.0.113.7", "for=10.0.0.2"}, "203.0.113.7"},
};

static void the_client_is_the_last_hop_that_no_proxy_of_ours_stands_for(void **state)
{
    (void)state;
    struct peers trusted;
    assert_null(peers_parse(&trusted, "10.0.0.0/8"));
    for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        struct header_field fields[4] = {{"X-Forwarded-For", "198.51.100.1", 15, 12}};
        if (walks[i].header == XFF)
            fields[0] = (struct header_field){"Forwarded", "for=198.51.100.1", 9, 16};
        struct header_list list = {fields, 1};
        const char *name = walks[i].header == XFF ? "x-forwarded-FOR" : "forwarded";
        for (size_t k = 0; k < 3 && walks[i].values[k]; k++)
            fields[list.n++] =
                (struct header_field){name, walks[i].values[k], strlen(name), strlen(walks[i].values[k])};
        struct peer socket = address(walks[i].socket);
        struct peer client = peer_behind(&trusted, walks[i].header, &socket, &list);
        char text[PEER_TEXT_SIZE];
        peer_text(&client, text);
        if (strcmp(text, walks[i].client))
            fail_msg("%s: %s instead of %s", walks[i].what, text, walks[i].client);
    }
}

static void a_chain_without_end_stays_within_its_bound(void **state)
{
    (void)state;
    static char long_list[20000];
    struct peers trusted;
    assert_null(peers_parse(&trusted, "0.0.0.0/0"));
    for (size_t i = 0; i + 8 < sizeof long_list; i += 8)
        memcpy(long_list + i, "1.2.3.4,", 9);
    struct header_field field = {"X-Forwarded-For", long_list, 15, strlen(long_list) - 1};
    struct header_list list = {&field, 1};
    struct peer socket = address("10.0.0.1"), client = peer_behind(&trusted, XFF, &socket, &list);
    char text[PEER_TEXT_SIZE];
    peer_text(&client, text);
    assert_string_equal(text, "1.2.3.4");
}

static void sockets_have_addresses_and_sites(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr other = {.sa_family = AF_UNIX};
    struct peer p, site;
    char text[PEER_TEXT_SIZE];
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    assert_true(peer_of_socket((struct sockaddr *)&v4, &p));
    site = peer_site(&p);
    peer_text(&site, text);
    assert_string_equal(text, "192.0.2.1");
    inet_pton(AF_INET6, "::ffff:192.0.2.2", &v6.sin6_addr);
    assert_true(peer_of_socket((struct sockaddr *)&v6, &p));
    peer_text(&p, text);
    assert_string_equal(text, "192.0.2.2");
    inet_pton(AF_INET6, "2001:db8:1:2:3:4:5:6", &v6.sin6_addr);
    assert_true(peer_of_socket((struct sockaddr *)&v6, &p));
    site = peer_site(&p);
    peer_text(&site, text);
    assert_string_equal(text, "2001:db8:1:2::");
    assert_false(peer_of_socket(&other, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_their_addresses_and_no_others),
        cmocka_unit_test(lists_that_are_none_are_refused),
        cmocka_unit_test(the_client_is_the_last_hop_that_no_proxy_of_ours_stands_for),
        cmocka_unit_test(a_chain_without_end_stays_within_its_bound),
        cmocka_unit_test(sockets_have_addresses_and_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
