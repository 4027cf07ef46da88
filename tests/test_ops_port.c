/* labels: http */
/* The operator's own port: what it offers, and that it answers however busy the other one is. */
#include "tests/support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/command.h"
#include "tests/support/raw.h"
#include "tests/support/server_child.h"

static struct raw_reply reply;

/* Nobody listens on it now. */
static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static int ask(int port, const char *path)
{
    char request[200];
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    raw_exchange(port, request, (size_t)n, 2000, &reply);
    return reply.status;
}

/* With `more` settings and an operator's port. */
static struct child start(const char *more, const char *value, int *ret_port)
{
    char at[40];
    *ret_port = free_port();
    snprintf(at, sizeof at, "127.0.0.1:%d", *ret_port);
    const char *const arguments[] = {"--ops-listen", at, "--inline-us", "0", more, value, NULL};
    return child_start(arguments);
}

static void the_operators_port_answers_its_four_routes_and_nothing_else(void **state)
{
    (void)state;
    static const char *const there[] = {"/livez", "/readyz", "/metrics", "/version"}, *const elsewhere[] = {
                                                                                          "/", "/ops", "/render?expr=x",
                                                                                          "/metrics/x", "/errors"};
    int port;
    struct child c = start(NULL, NULL, &port);
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        assert_int_equal(ask(port, there[i]), 200);
        assert_int_equal(ask(c.port, there[i]), 200);
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        assert_int_equal(ask(port, elsewhere[i]), 404);
        assert_non_null(strstr(reply.text, "application/problem+json"));
    }
    static const char post[] = "POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    raw_exchange(port, post, sizeof post - 1, 100, &reply);
    assert_int_equal(reply.status, 405);
    assert_int_equal(child_stop(&c), 0);
}

static void metrics_can_be_for_the_operator_alone(void **state)
{
    (void)state;
    int port;
    struct child c = start("--ops-only", "1", &port);
    assert_int_equal(ask(c.port, "/metrics"), 404);
    assert_int_equal(ask(c.port, "/livez"), 200);
    assert_int_equal(ask(c.port, "/readyz"), 200);
    assert_int_equal(ask(port, "/metrics"), 200);
    assert_int_equal(child_stop(&c), 0);
}

static void metrics_hidden_from_everybody_are_refused_at_start(void **state)
{
    (void)state;
    const char *const arguments[] = {"--listen", "127.0.0.1:0", "--store", "none", "--ops-only", "1", NULL};
    assert_int_equal(child_refuses(arguments), EXIT_FAILED);
}

/* Seconds of work for the pool, given up when its connection is closed. */
static int begin_long(int port)
{
    enum { TERMS = 200 };
    char body[8192], head[200];
    int n = snprintf(body, sizeof body,
                     "{\"width\":2048,\"height\":2048,\"tier\":\"interp\",\"format\":\"f32\",\"expr\":\"0");
    for (int i = 1; i <= TERMS; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "+abs(x*%d-y*y)", i);
    n += snprintf(body + n, sizeof body - (size_t)n, "\"}");
    int fd = raw_connect(port, 0, 0);
    int n_head = snprintf(head, sizeof head,
                          "POST /render HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                          "Content-Length: %d\r\n\r\n",
                          n);
    raw_send(fd, head, (size_t)n_head);
    raw_send(fd, body, (size_t)n);
    return fd;
}

static void the_operator_is_answered_while_the_other_port_is_full(void **state)
{
    (void)state;
    enum { LONG = 8, SLOW = 24, ASKS = 40 };
    int port, busy[LONG], slow[SLOW];
    struct child c = start("--max-connections", "32", &port);
    for (int i = 0; i < LONG; i++)
        busy[i] = begin_long(c.port);
    for (int i = 0; i < SLOW; i++) {
        slow[i] = raw_connect(c.port, 0, 0);
        raw_send(slow[i], "GET /livez HTTP/1.1\r\n", 21);
    }
    pause_ms(100);
    double worst = 0;
    for (int i = 0; i < ASKS; i++) {
        static const char *const paths[] = {"/livez", "/readyz", "/metrics"};
        double began = now_s();
        assert_int_equal(ask(port, paths[i % 3]), 200);
        double took = now_s() - began;
        worst = took > worst ? took : worst;
        pause_ms(10);
    }
    assert_non_null(strstr(reply.text, "alive")); /* the last asked for */
    assert_int_equal(ask(port, "/metrics"), 200);
    assert_null(strstr(reply.text, "sinter_requests_on_pool 0\n"));
    printf("  the slowest of %d answers: %.1f ms\n", ASKS, worst * 1e3);
    fflush(stdout);
    assert_true(worst < 0.05 * TEST_SLOWNESS);
    for (int i = 0; i < LONG; i++)
        close(busy[i]);
    for (int i = 0; i < SLOW; i++)
        close(slow[i]);
    assert_int_equal(child_stop(&c), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_operators_port_answers_its_four_routes_and_nothing_else),
        cmocka_unit_test(metrics_can_be_for_the_operator_alone),
        cmocka_unit_test(metrics_hidden_from_everybody_are_refused_at_start),
        cmocka_unit_test(the_operator_is_answered_while_the_other_port_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
