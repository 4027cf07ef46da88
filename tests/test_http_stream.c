/* labels: http */
/* Large images over a socket: chunks and trailers, clients that read slowly, not at all, or leave, and a server that
 * ends. */
#include "tests/support.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/server_child.h"

#define LAST_CHUNK "\r\n0\r\n"

static const char quick[] = "expr=x&format=f32";

/* A socket with a small window, so that the server cannot hide much in it. */
static int connect_to(const struct child *c)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)c->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static int ask(const struct child *c, const char *method, const char *query, int side, const char *version,
               const char *headers)
{
    char request[512];
    int fd = connect_to(c);
    int n = snprintf(request, sizeof request, "%s /render?%s&width=%d&height=%d HTTP/%s\r\nHost: t\r\n%s\r\n", method,
                     query, side, side, version, headers);
    assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
    return fd;
}

struct heard {
    char *text;
    size_t n;
};

/* Up to the end, or `most` bytes. */
static struct heard hear(int fd, size_t most)
{
    struct heard h = {.text = malloc(most + 1)};
    ssize_t got = 0;
    while (h.n < most && (got = recv(fd, h.text + h.n, most - h.n, 0)) > 0)
        h.n += (size_t)got;
    h.text[h.n] = 0;
    return h;
}

static void forget(struct heard *h, int fd)
{
    free(h->text);
    close(fd);
}

static bool head_has(const struct heard *h, const char *text)
{
    const char *end = strstr(h->text, "\r\n\r\n"), *at = strstr(h->text, text);
    assert_non_null(end);
    return at && at < end;
}

/* The trailers, or NULL when the answer was cut. */
static const char *trailers(const struct heard *h)
{
    enum { TRAILERS_MOST = 1000 };
    size_t from = h->n > TRAILERS_MOST ? h->n - TRAILERS_MOST : 0;
    const char *at = memmem(h->text + from, h->n - from, LAST_CHUNK, strlen(LAST_CHUNK));
    return at && h->n > 4 && !memcmp(h->text + h->n - 4, "\r\n\r\n", 4) ? at : NULL;
}

static double metric(struct http_client *watch, const char *name)
{
    struct http_answer a;
    char line[128];
    assert_int_equal(http_client_send(watch, "GET", "/metrics", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(watch, &a), 0);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(a.body, line);
    return at ? strtod(at + strlen(line), NULL) : 0;
}

static void await_metric(struct http_client *watch, const char *name, double value, double most_s)
{
    double began = now_s();
    while (metric(watch, name) != value) {
        if (now_s() - began > most_s)
            fail_msg("%s is %g, not %g", name, metric(watch, name), value);
        pause_ms(10);
    }
}

static void a_large_image_comes_in_chunks_with_trailers(void **state)
{
    (void)state;
    const char *const arguments[] = {"--stream-above", "1000", NULL};
    struct child c = child_start(arguments);
    int fd = ask(&c, "GET", quick, 300, "1.1", "Connection: close\r\n");
    struct heard h = hear(fd, 1 << 20);
    assert_true(head_has(&h, "HTTP/1.1 200 "));
    assert_true(head_has(&h, "Transfer-Encoding: chunked"));
    assert_true(head_has(&h, "Trailer: Sinter-Engine, Sinter-Clipped, Sinter-Nonfinite, Server-Timing"));
    assert_true(head_has(&h, "ETag: "));
    const char *end = trailers(&h);
    assert_non_null(end);
    assert_non_null(strstr(end, "\r\nSinter-Engine: interp\r\n"));
    assert_non_null(strstr(end, "\r\nSinter-Clipped: 0\r\n"));
    assert_non_null(strstr(end, "\r\nSinter-Nonfinite: 0\r\n"));
    assert_non_null(strstr(end, "\r\nServer-Timing: "));
    forget(&h, fd);
    /* And the client library of the benches reads it, keeps the connection, and asks again. */
    struct http_client *client = child_connect(&c);
    for (int i = 0; i < 3; i++) {
        struct http_answer a;
        assert_int_equal(
            http_client_send(client, "GET", "/render?expr=x&format=f32&width=300&height=300", NULL, NULL, 0), 0);
        assert_int_equal(http_client_receive(client, &a), 0);
        assert_int_equal(a.body_size, 300 * 300 * 4);
    }
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void http_1_0_gets_it_whole(void **state)
{
    (void)state;
    const char *const arguments[] = {"--stream-above", "1000", NULL};
    struct child c = child_start(arguments);
    int fd = ask(&c, "GET", quick, 300, "1.0", "");
    struct heard h = hear(fd, 1 << 20);
    assert_true(head_has(&h, "Content-Length: 360000"));
    assert_true(head_has(&h, "Sinter-Clipped: 0"));
    forget(&h, fd);
    assert_int_equal(child_stop(&c), 0);
}

static void head_and_304_make_nothing(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    int fd = ask(&c, "HEAD", quick, 16384, "1.1", "Connection: close\r\n");
    double began = now_s();
    struct heard h = hear(fd, 10000);
    assert_true(head_has(&h, "HTTP/1.1 200 "));
    assert_true(head_has(&h, "Trailer: "));
    assert_string_equal(strstr(h.text, "\r\n\r\n"), "\r\n\r\n");
    char again[256];
    const char *tag = strstr(h.text, "ETag: ");
    snprintf(again, sizeof again, "If-None-Match: %.34s\r\nConnection: close\r\n", tag + strlen("ETag: "));
    forget(&h, fd);
    fd = ask(&c, "GET", quick, 16384, "1.1", again);
    h = hear(fd, 10000);
    assert_true(head_has(&h, "HTTP/1.1 304 "));
    assert_true(now_s() - began < 2);
    forget(&h, fd);
    assert_int_equal(child_stop(&c), 0);
}

static void a_client_that_leaves_ends_the_work(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    struct http_client *watch = child_connect(&c);
    for (int i = 0; i < 10; i++) {
        int fd = ask(&c, "GET", quick, 16384, "1.1", "");
        struct heard h = hear(fd, (size_t)i * 100000);
        forget(&h, fd);
    }
    await_metric(watch, "sinter_requests_in_flight", 1, 5);
    http_client_close(watch);
    assert_int_equal(child_stop(&c), 0);
}

/* More of them than threads; somebody else's long work goes on. */
static void clients_that_do_not_read_hold_no_thread(void **state)
{
    enum { IDLERS = 6 };
    (void)state;
    const char *const arguments[] = {"--inline-us", "0", NULL};
    struct child c = child_start(arguments);
    int idlers[IDLERS];
    for (int i = 0; i < IDLERS; i++) {
        idlers[i] = ask(&c, "GET", quick, 16384, "1.1", "");
        struct heard h = hear(idlers[i], 1000);
        free(h.text);
    }
    double began = now_s();
    int fd = ask(&c, "GET", quick, 512, "1.1", "Connection: close\r\n");
    struct heard h = hear(fd, 2 << 20);
    assert_true(head_has(&h, "Content-Length: 1048576"));
    assert_true(now_s() - began < 3);
    forget(&h, fd);
    for (int i = 0; i < IDLERS; i++)
        close(idlers[i]);
    assert_int_equal(child_stop(&c), 0);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    const char *const arguments[] = {"--send-timeout-ms", "300", NULL};
    struct child c = child_start(arguments);
    struct http_client *watch = child_connect(&c);
    int fd = ask(&c, "GET", quick, 16384, "1.1", "");
    struct heard h = hear(fd, 1000);
    await_metric(watch, "sinter_connections_reaped_total{phase=\"send\"}", 1, 15);
    await_metric(watch, "sinter_requests_in_flight", 1, 2);
    forget(&h, fd);
    http_client_close(watch);
    assert_int_equal(child_stop(&c), 0);
}

static void work_that_fails_in_the_middle_does_not_look_whole(void **state)
{
    (void)state;
    char most_ms[16];
    const char *const arguments[] = {"--max-request-ms", most_ms, NULL};
    snprintf(most_ms, sizeof most_ms, "%d", 700 * TEST_SLOWNESS);
    struct child c = child_start(arguments);
    struct http_client *watch = child_connect(&c);
    int fd = ask(&c, "GET", "expr=fractal(x*9,y*9,octaves=16)&format=png&tier=interp", 16384, "1.1",
                 "Connection: close\r\n");
    struct heard h = hear(fd, 256 << 20);
    assert_true(head_has(&h, "HTTP/1.1 200 "));
    assert_null(trailers(&h));
    assert_true(metric(watch, "sinter_streams_cut_total") == 1);
    forget(&h, fd);
    http_client_close(watch);
    assert_int_equal(child_stop(&c), 0);
}

static void sigterm_lets_a_stream_end(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    int fd = ask(&c, "GET", quick, 4096, "1.1", "Connection: close\r\n"), status;
    struct heard h = hear(fd, 1000), rest;
    kill(c.pid, SIGTERM);
    rest = hear(fd, 128 << 20);
    assert_non_null(trailers(&rest));
    assert_true(h.n + rest.n > 4096 * 4096 * 4);
    assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(h.text);
    forget(&rest, fd);
}

static void a_stream_does_not_hold_up_the_end_for_ever(void **state)
{
    (void)state;
    const char *const arguments[] = {"--drain-timeout-ms", "300", NULL};
    for (int reads = 0; reads < 2; reads++) {
        struct child c = child_start(arguments);
        int fd = ask(&c, "GET", "expr=fractal(x*9,y*9,octaves=16)&format=f32&tier=interp", 16384, "1.1", ""), status;
        struct heard h = hear(fd, 1000), rest = {0};
        double began = now_s();
        kill(c.pid, SIGTERM);
        if (reads)
            rest = hear(fd, (size_t)1 << 30);
        assert_int_equal(waitpid(c.pid, &status, 0), c.pid);
        assert_true(WIFEXITED(status));
        assert_true(now_s() - began < 4);
        if (reads)
            assert_null(trailers(&rest));
        free(h.text);
        forget(&rest, fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_image_comes_in_chunks_with_trailers),
        cmocka_unit_test(http_1_0_gets_it_whole),
        cmocka_unit_test(head_and_304_make_nothing),
        cmocka_unit_test(a_client_that_leaves_ends_the_work),
        cmocka_unit_test(clients_that_do_not_read_hold_no_thread),
        cmocka_unit_test(a_client_that_does_not_read_is_cut_off),
        cmocka_unit_test(work_that_fails_in_the_middle_does_not_look_whole),
        cmocka_unit_test(sigterm_lets_a_stream_end),
        cmocka_unit_test(a_stream_does_not_hold_up_the_end_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
