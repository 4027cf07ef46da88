/* labels: http */
/* Who is let in, who has to go, and when: connections by address, a full server, slow readers, the end of a request's
 * time. */
#include "tests/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/good_clients.h"
#include "tests/support/raw.h"
#include "tests/support/server_child.h"
#include "tests/support/slow_attack.h"

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define RAW(text) text, sizeof text - 1

static struct raw_reply reply;

static int ask(int fd)
{
    if (fd < 0 || !raw_send(fd, RAW(GET("/livez"))))
        return 0;
    raw_read(fd, 200, &reply);
    return reply.status;
}

/* A connection of its own. */
static int ask_from(const struct child *c, unsigned from)
{
    int fd = raw_connect(c->port, from, 0), status = ask(fd);
    close(fd);
    return status;
}

static void an_address_with_too_many_connections_is_told_and_others_are_served(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-connections-per-address", "2", NULL};
    struct child c = child_start(arguments);
    int first = raw_connect(c.port, 0x101, 0), second = raw_connect(c.port, 0x101, 0);
    assert_int_equal(ask(first), 200);
    assert_int_equal(ask(second), 200);
    assert_int_equal(ask_from(&c, 0x101), 429);
    assert_non_null(strstr(reply.text, "application/problem+json"));
    assert_non_null(strstr(reply.text, "\"limit\":\"max-connections-per-address\""));
    assert_non_null(strstr(reply.text, "Retry-After: "));
    const char *id = strstr(reply.text, "X-Request-Id: ");
    char twice[64];
    assert_non_null(id);
    snprintf(twice, sizeof twice, "\"request_id\":\"%.16s\"", id + strlen("X-Request-Id: "));
    assert_non_null(strstr(reply.text, twice));
    assert_true(reply.closed);
    assert_false(reply.reset);
    assert_int_equal(ask_from(&c, 0x102), 200);
    assert_int_equal(ask(first), 200);
    close(second);
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        pause_ms(5);
        status = ask_from(&c, 0x101);
    }
    assert_int_equal(status, 200);
    close(first);
    assert_int_equal(child_stop(&c), 0);
}

static void a_trusted_proxy_may_have_any_number(void **state)
{
    (void)state;
    enum { MANY = 6 };
    const char *const arguments[] = {"--max-connections-per-address", "1", "--trusted-proxies", "127.0.1.2/32", NULL};
    struct child c = child_start(arguments);
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = raw_connect(c.port, 0x102, 0);
        assert_int_equal(ask(fds[i]), 200);
    }
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    assert_int_equal(child_stop(&c), 0);
}

enum { PLACES = 4, WINDOW = 2048 };

/* Fills the server with connections that have sent `bytes`. */
static void fill(const struct child *c, int fds[PLACES], const char *bytes)
{
    for (int i = 0; i < PLACES; i++) {
        fds[i] = raw_connect(c->port, 0, WINDOW);
        assert_true(fds[i] >= 0);
        raw_send(fds[i], bytes, strlen(bytes));
    }
}

static int closed_of(int fds[PLACES])
{
    int n = 0;
    for (int i = 0; i < PLACES; i++) {
        n += raw_is_closed(fds[i]);
        close(fds[i]);
    }
    return n;
}

static void whoever_lags_gives_way_when_all_connections_are_in_use(void **state)
{
    (void)state;
    static const struct {
        const char *what, *bytes;
        long after_ms;
    } laggards[] = {
        {"nothing sent", "", 30},
        {"half a head", "GET /livez HTTP/1.1\r\nHost: a\r\nX: ", 30},
        {"half a body",
         "POST /graphs HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 999\r\n\r\n{", 250},
        {"an answer not read", GET("/render?expr=x&width=1024&height=1024&format=f32"), 800},
        {"idle", GET("/livez"), 1200},
    };
    const char *const arguments[] = {"--max-connections", "4", "--evict-lag-ms", "100", NULL};
    for (size_t i = 0; i < sizeof laggards / sizeof laggards[0]; i++) {
        struct child c = child_start(arguments);
        int fds[PLACES];
        fill(&c, fds, laggards[i].bytes);
        pause_ms(laggards[i].after_ms);
        int status = ask_from(&c, 0);
        for (int more = 0; more < 20 && status == 503; more++) { /* on a busy machine they lag a little later */
            pause_ms(30);
            status = ask_from(&c, 0);
        }
        if (status != 200)
            fail_msg("%s: %d\n%s", laggards[i].what, status, reply.text);
        if (strcmp(laggards[i].what, "an answer not read"))
            assert_in_range(closed_of(fds), 1, PLACES);
        else
            closed_of(fds);
        assert_int_equal(child_stop(&c), 0);
    }
}

static void a_crowd_of_slow_clients_keeps_nobody_out(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-connections", "60", NULL};
    struct child c = child_start(arguments);
    struct attack a = attack_start(c.port, 150);
    struct good_result r = good_clients(c.port, 4, 3, 10);
    attack_stop(&a);
    assert_true(r.asked > 300);
    assert_true(r.failed <= r.asked / 50);
    assert_int_equal(child_stop(&c), 0);
}

static void nobody_gives_way_who_is_in_time(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-connections", "4", "--evict-lag-ms", "3000", NULL};
    struct child c = child_start(arguments);
    int fds[PLACES];
    fill(&c, fds, "POST /graphs HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 8\r\n\r\n{");
    pause_ms(100);
    assert_int_equal(ask_from(&c, 0), 503);
    assert_non_null(strstr(reply.text, "\"limit\":\"max-connections\""));
    for (int i = 0; i < PLACES; i++) {
        assert_true(raw_send(fds[i], "1234567", 7));
        raw_read(fds[i], 200, &reply);
        assert_int_equal(reply.status, 400); /* no JSON: it was read to its end */
    }
    assert_int_equal(closed_of(fds), 0);
    assert_int_equal(child_stop(&c), 0);
}

/* Seconds until the server hangs up, or -1 after most_s; a byte is sent, or `window` are read, each 20 ms. */
static double seconds_until_closed(int fd, bool reads, double most_s)
{
    double began = now_s();
    char bytes[64];
    while (now_s() - began < most_s) {
        pause_ms(20);
        if (reads ? read(fd, bytes, sizeof bytes) <= 0 : (!raw_send(fd, "x", 1) || raw_is_closed(fd)))
            return now_s() - began;
    }
    return -1;
}

static void a_reader_below_the_least_rate_is_cut_off(void **state)
{
    (void)state;
    const char *const arguments[] = {"--send-timeout-ms", "300", NULL};
    struct child c = child_start(arguments);
    int fd = raw_connect(c.port, 0, WINDOW);
    char request[] = "POST /render HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 65\r\n\r\n"
                     "{\"expr\":\"x\",\"width\":1024,\"height\":1024,\"format\":\"f32\",\"z\":0.0000}";
    assert_true(raw_send(fd, request, strlen(request)));
    /* What the kernel holds already still comes after the cut, so it is the server that is asked. */
    double began = now_s();
    char bytes[64];
    struct raw_reply r;
    bool cut = false;
    while (!cut && now_s() - began < 5) {
        pause_ms(20);
        (void)!read(fd, bytes, sizeof bytes);
        raw_exchange(c.port, RAW(GET("/metrics")), 50, &r);
        cut = strstr(r.text, "sinter_connections_reaped_total{phase=\"send\"} 1\n");
    }
    assert_true(cut);
    assert_true(now_s() - began > 0.25);
    close(fd);
    assert_int_equal(child_stop(&c), 0);
}

static void a_request_has_an_end_however_fast_it_goes(void **state)
{
    (void)state;
    const char *const arguments[] = {"--total-timeout-ms", "400", "--min-rate", "1", NULL};
    struct child c = child_start(arguments);
    int fd = raw_connect(c.port, 0, 0);
    static const char head[] =
        "POST /graphs HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 99999\r\n\r\n";
    assert_true(raw_send(fd, RAW(head)));
    double took = seconds_until_closed(fd, false, 5);
    assert_true(took > 0.35 && took < 2);
    close(fd);
    /* A kept connection has its time anew for each request. */
    fd = raw_connect(c.port, 0, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(fd), 200);
        pause_ms(150);
    }
    close(fd);
    assert_int_equal(child_stop(&c), 0);
}

static void a_kept_connection_ends_after_its_share_of_requests(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-requests-per-connection", "3", NULL};
    struct child c = child_start(arguments);
    int fd = raw_connect(c.port, 0, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(fd), 200);
        assert_false(reply.closed);
    }
    assert_int_equal(ask(fd), 200);
    assert_true(reply.closed);
    assert_non_null(strstr(reply.text, "Connection: close\r\n"));
    close(fd);
    assert_int_equal(child_stop(&c), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_with_too_many_connections_is_told_and_others_are_served),
        cmocka_unit_test(a_trusted_proxy_may_have_any_number),
        cmocka_unit_test(whoever_lags_gives_way_when_all_connections_are_in_use),
        cmocka_unit_test(a_crowd_of_slow_clients_keeps_nobody_out),
        cmocka_unit_test(nobody_gives_way_who_is_in_time),
        cmocka_unit_test(a_reader_below_the_least_rate_is_cut_off),
        cmocka_unit_test(a_request_has_an_end_however_fast_it_goes),
        cmocka_unit_test(a_kept_connection_ends_after_its_share_of_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
