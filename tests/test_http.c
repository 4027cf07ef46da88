/* labels: http */
/* The server as a process: hostile bytes, limits, slow clients, many clients, draining. Each test starts its own on a
 * free port. */
#include "tests/support.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/raw.h"
#include "tests/support/server_child.h"

enum { ANSWER_SIZE = 1 << 16 };

#define HOST "Host: a\r\n"
#define GET(head) "GET /livez HTTP/1.1\r\n" head "\r\n"
#define POST(head, body) "POST /graphs HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n" head "\r\n" body
#define RAW(text) text, sizeof text - 1

enum ends { STAYS, CLOSES };

static const struct {
    const char *what, *bytes;
    size_t n;
    int status;
    enum ends ends;
    bool by_library; /* its own page, without problem+json */
} requests[] = {
    {"a plain request", RAW(GET(HOST)), 200, STAYS, false},
    {"absolute form", RAW("GET http://a/livez HTTP/1.1\r\n" HOST "\r\n"), 200, STAYS, false},
    {"an empty value", RAW(GET(HOST "X:\r\nY: \r\n")), 200, STAYS, false},
    {"blanks behind a value", RAW(GET(HOST "X: y \t\r\n")), 200, STAYS, false},
    {"HTTP/1.0", RAW("GET /livez HTTP/1.0\r\n\r\n"), 200, CLOSES, false},
    {"Connection: close", RAW(GET(HOST "Connection: close\r\n")), 200, CLOSES, false},
    {"nothing there", RAW("GET /nothing HTTP/1.1\r\n" HOST "\r\n"), 404, STAYS, false},
    {"nothing there, with a body", RAW("POST /nothing HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"), 404, STAYS,
     false},
    {"a wrong method", RAW("DELETE /livez HTTP/1.1\r\n" HOST "\r\n"), 405, STAYS, false},
    {"a method in lower case", RAW("get /livez HTTP/1.1\r\n" HOST "\r\n"), 405, STAYS, false},
    {"a body without length", RAW(POST("", "")), 411, STAYS, false},
    {"a body that is no JSON", RAW(POST("Content-Length: 5\r\n", "hello")), 400, STAYS, false},
    {"chunks that are no JSON", RAW(POST("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")), 400, STAYS,
     false},

    {"length and chunks", RAW(POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400, CLOSES,
     false},
    {"chunks and length", RAW(POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")), 400, CLOSES,
     false},
    {"two lengths", RAW(POST("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")), 400, CLOSES, false},
    {"a space before the colon", RAW(POST("Content-Length : 5\r\n", "hello")), 400, CLOSES, false},
    {"an unknown coding", RAW(POST("Transfer-Encoding: gzip\r\n", "hello")), 400, CLOSES, false},
    {"a coding with an unknown one", RAW(POST("Transfer-Encoding: gzip, chunked\r\n", "hello")), 501, CLOSES, false},
    {"identity", RAW(POST("Transfer-Encoding: identity\r\n", "hello")), 400, CLOSES, false},
    {"a NUL in a value", RAW(GET(HOST "X: a\0b\r\n")), 400, CLOSES, false},
    {"a NUL behind a value", RAW(GET(HOST "X: a\0\r\n")), 400, CLOSES, false},
    {"a NUL in the URL", RAW("GET /livez\0x HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"a control byte in a value", RAW(GET(HOST "X: a\x01\r\n")), 400, CLOSES, false},
    {"a lone CR in a value", RAW(GET(HOST "X: a\rb\r\n")), 400, CLOSES, false},
    {"a bare line feed", RAW(GET(HOST "X: a\nY: b\r\n")), 400, CLOSES, false},
    {"only bare line feeds", RAW("GET /livez HTTP/1.1\nHost: a\n\n"), 400, CLOSES, false},
    {"a folded value", RAW(GET(HOST "X: a\r\n b\r\n")), 400, CLOSES, false},
    {"a fold before any field", RAW(GET(" X: a\r\n" HOST)), 400, CLOSES, false},
    {"no Host", RAW(GET("")), 400, CLOSES, false},
    {"two Hosts", RAW(GET(HOST HOST)), 400, CLOSES, false},
    {"%00", RAW("GET /livez%00 HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"%00 in the query", RAW("GET /livez?a=%00 HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"half an escape", RAW("GET /livez%4 HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"an escaped line feed", RAW("GET /livez%0a HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"two spaces", RAW("GET  /livez HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"a space in the URL", RAW("GET /li vez HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"an 8-bit byte in the URL", RAW("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},
    {"a control byte in the method", RAW("G\x01T /livez HTTP/1.1\r\n" HOST "\r\n"), 400, CLOSES, false},

    {"a length that is no number", RAW(POST("Content-Length: +5\r\n", "hello")), 400, CLOSES, true},
    {"a negative length", RAW(POST("Content-Length: -5\r\n", "hello")), 400, CLOSES, true},
    {"a line without colon", RAW(GET(HOST "hello\r\n")), 400, CLOSES, true},
    {"a NUL in a name", RAW(GET(HOST "X\0Y: a\r\n")), 400, CLOSES, true},
    {"HTTP/2.0", RAW("GET /livez HTTP/2.0\r\n" HOST "\r\n"), 505, CLOSES, true},
    {"no version", RAW("GET /livez\r\n\r\n"), 400, CLOSES, true},
    {"a chunk with a wrong size", RAW(POST("Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n")), 400, CLOSES,
     true},
    {"a TLS hello", RAW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), 0, CLOSES, true},
};

static void hostile_bytes_get_the_right_refusal_and_the_server_lives_on(void **state)
{
    (void)state;
    static struct raw_reply r;
    struct child c = child_start(NULL);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        raw_exchange(c.port, requests[i].bytes, requests[i].n, requests[i].ends == STAYS ? 60 : 2000, &r);
        if (r.status != requests[i].status)
            fail_msg("%s: %d instead of %d\n%s", requests[i].what, r.status, requests[i].status, r.text);
        if (r.closed != (requests[i].ends == CLOSES) || r.reset)
            fail_msg("%s: the connection %s", requests[i].what,
                     r.reset    ? "is reset"
                     : r.closed ? "closes"
                                : "stays open");
        if (r.status >= 400 && !requests[i].by_library &&
            (!strstr(r.text, "application/problem+json") || !strstr(r.text, "\"detail\":\"")))
            fail_msg("%s: not a problem\n%s", requests[i].what, r.text);
        if (r.status >= 400 && !requests[i].by_library && !strstr(r.text, "\"request_id\":\""))
            fail_msg("%s: the problem has no request_id\n%s", requests[i].what, r.text);
        if (r.status && !requests[i].by_library &&
            (!strstr(r.text, "X-Request-Id: ") || !strstr(r.text, "Server: sinter/") ||
             !strstr(r.text, "X-Content-Type-Options: nosniff")))
            fail_msg("%s: a header is missing\n%s", requests[i].what, r.text);
    }
    raw_exchange(c.port, RAW(GET(HOST)), 60, &r);
    assert_int_equal(r.status, 200);
    assert_int_equal(child_stop(&c), 0);
}

static void a_smuggled_second_request_is_not_answered(void **state)
{
    (void)state;
    static struct raw_reply r;
    struct child c = child_start(NULL);
    raw_exchange(c.port, RAW(POST("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" GET(HOST))), 2000,
                 &r);
    assert_int_equal(r.status, 400);
    assert_null(strstr(r.text + 12, "HTTP/1.1 "));
    assert_int_equal(child_stop(&c), 0);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    struct http_client *client = child_connect(&c);
    struct http_answer a;
    http_client_raw(client, RAW(GET(HOST "X-Request-Id: one\r\n") GET(HOST "X-Request-Id: two\r\n")));
    assert_int_equal(http_client_receive(client, &a), 0);
    assert_string_equal(http_client_header(client, &a, "X-Request-Id"), "one");
    assert_int_equal(http_client_receive(client, &a), 0);
    assert_string_equal(http_client_header(client, &a, "X-Request-Id"), "two");
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void head_has_the_length_and_no_body(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    struct http_client *client = child_connect(&c);
    struct http_answer get, head;
    char length[32];
    assert_int_equal(http_client_send(client, "GET", "/version", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(client, &get), 0);
    snprintf(length, sizeof length, "%zu", get.body_size);
    for (int i = 0; i < 2; i++) { /* a body would be taken for the second answer */
        assert_int_equal(http_client_send(client, "HEAD", "/version", NULL, NULL, 0), 0);
        assert_int_equal(http_client_receive_head(client, &head), 0);
        assert_int_equal(head.status, 200);
        assert_string_equal(http_client_header(client, &head, "Content-Length"), length);
    }
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void a_request_id_is_kept_when_it_is_harmless(void **state)
{
    (void)state;
    static struct raw_reply r;
    struct child c = child_start(NULL);
    raw_exchange(c.port, RAW(GET(HOST "X-Request-Id: abc-1.2_Z\r\n")), 60, &r);
    assert_non_null(strstr(r.text, "X-Request-Id: abc-1.2_Z\r\n"));
    raw_exchange(c.port, RAW(GET(HOST "X-Request-Id: abc-2 \t\r\n")), 60, &r);
    assert_non_null(strstr(r.text, "X-Request-Id: abc-2\r\n"));
    raw_exchange(c.port, RAW("GET /a%00 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n"), 60, &r);
    assert_non_null(strstr(r.text, "\"request_id\":\"mine\""));
    raw_exchange(c.port, RAW(GET(HOST "X-Request-Id: a\"b\r\n")), 60, &r);
    assert_null(strstr(r.text, "a\"b"));
    assert_int_equal(child_stop(&c), 0);
}

static void the_server_asks_for_an_awaited_body_only_when_it_wants_it(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-body", "1000", NULL};
    static struct raw_reply r;
    struct child c = child_start(arguments);
    raw_exchange(c.port, RAW(POST("Expect: 100-continue\r\nContent-Length: 5\r\n", "")), 200, &r);
    assert_int_equal(r.status, 100);
    raw_exchange(c.port, RAW(POST("Expect: 100-continue\r\nContent-Length: 1001\r\n", "")), 2000, &r);
    assert_int_equal(r.status, 413);
    assert_true(r.closed);
    raw_exchange(c.port, RAW("POST /nothing HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
                 2000, &r);
    assert_int_equal(r.status, 404);
    assert_int_equal(child_stop(&c), 0);
}

static void a_body_over_the_limit_is_refused_and_the_client_sees_it(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-body", "1000", "--max-discard", "2000000", NULL};
    static struct raw_reply r;
    struct child c = child_start(arguments);
    size_t n = 1000000;
    char *big = calloc(1, n + 300), *at;
    /* The length is known: refused at once, though the client sends on. */
    int head = sprintf(big, "POST /graphs HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", n);
    memset(big + head, 'x', n);
    raw_exchange(c.port, big, (size_t)head + n, 2000, &r);
    assert_int_equal(r.status, 413);
    assert_false(r.reset);
    assert_non_null(strstr(r.text, "\"limit\":\"max-body\""));
    /* In chunks: read to its end, then refused. */
    head = sprintf(big, "POST /graphs HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", n);
    memset(big + head, 'x', n);
    at = big + head + n;
    at += sprintf(at, "\r\n0\r\n\r\n");
    raw_exchange(c.port, big, (size_t)(at - big), 2000, &r);
    assert_int_equal(r.status, 413);
    assert_false(r.reset);
    /* Exactly at the limit: read, and judged as JSON. */
    head = sprintf(big, "POST /graphs HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n");
    memset(big + head, 'x', 1000);
    raw_exchange(c.port, big, (size_t)head + 1000, 60, &r);
    assert_int_equal(r.status, 400);
    free(big);
    assert_int_equal(child_stop(&c), 0);
}

static void too_many_headers_or_query_fields_name_their_limit(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-headers", "3", "--max-query", "2", NULL};
    static struct raw_reply r;
    struct child c = child_start(arguments);
    raw_exchange(c.port, RAW(GET(HOST "A: b\r\nC: d\r\n")), 60, &r);
    assert_int_equal(r.status, 200);
    raw_exchange(c.port, RAW(GET(HOST "A: b\r\nC: d\r\nE: f\r\n")), 2000, &r);
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.text, "max-headers"));
    raw_exchange(c.port, RAW("GET /livez?a&b=1&c HTTP/1.1\r\n" HOST "\r\n"), 2000, &r);
    assert_int_equal(r.status, 400);
    assert_non_null(strstr(r.text, "has 3 fields; the limit is 2 (setting max-query)"));
    assert_int_equal(child_stop(&c), 0);
}

/* Sends a byte every `step_ms`; returns the seconds until the server hangs up, or -1 after `most_s`. */
static double drip(const struct child *c, const char *first, const char *bytes, long step_ms, double most_s)
{
    struct http_client *client = child_connect(c);
    double began = now_s();
    http_client_raw(client, first, strlen(first));
    for (size_t i = 0; now_s() - began < most_s; i++) {
        struct pollfd p = {.fd = http_client_fd(client), .events = POLLIN | POLLRDHUP};
        if (poll(&p, 1, (int)step_ms) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR))) {
            http_client_close(client);
            return now_s() - began;
        }
        http_client_raw(client, bytes + i % strlen(bytes), 1);
    }
    http_client_close(client);
    return -1;
}

static void slow_clients_are_cut_off(void **state)
{
    (void)state;
    const char *const arguments[] = {"--headers-timeout-ms", "300", "--body-timeout-ms", "300", NULL};
    struct child c = child_start(arguments);
    double line = drip(&c, "", "GET", 20, 3), head = drip(&c, "GET /livez HTTP/1.1\r\n", "x", 20, 3);
    double body = drip(&c, POST("Content-Length: 100000\r\n", ""), "x", 20, 3);
    assert_true(line > 0.25 && line < 2);
    assert_true(head > 0.25 && head < 2);
    assert_true(body > 0.25 && body < 2);
    assert_int_equal(child_stop(&c), 0);
}

static void two_hundred_connections_are_served_side_by_side(void **state)
{
    (void)state;
    enum { MANY = 200, ROUNDS = 3 };
    static struct http_client *clients[MANY];
    struct child c = child_start(NULL);
    struct http_answer a;
    for (int i = 0; i < MANY; i++)
        clients[i] = child_connect(&c);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < MANY; i++)
            assert_int_equal(http_client_send(clients[i], "GET", "/livez", NULL, NULL, 0), 0);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(http_client_receive(clients[i], &a), 0);
            assert_int_equal(a.status, 200);
            assert_false(a.closed);
        }
    }
    for (int i = 0; i < MANY; i++)
        http_client_close(clients[i]);
    assert_int_equal(child_stop(&c), 0);
}

static void one_connection_too_many_is_told_to_come_back(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-connections", "2", NULL};
    static struct raw_reply r;
    struct child c = child_start(arguments);
    struct http_client *first = child_connect(&c), *second = child_connect(&c);
    struct http_answer a;
    http_client_send(first, "GET", "/livez", NULL, NULL, 0);
    http_client_send(second, "GET", "/livez", NULL, NULL, 0);
    assert_int_equal(http_client_receive(first, &a), 0);
    assert_int_equal(http_client_receive(second, &a), 0);
    raw_exchange(c.port, RAW(GET(HOST)), 2000, &r);
    assert_int_equal(r.status, 503);
    assert_non_null(strstr(r.text, "Retry-After: "));
    assert_non_null(strstr(r.text, "\"limit\":\"max-connections\""));
    assert_true(r.closed);
    http_client_close(first);
    for (int i = 0; i < 100 && r.status != 200; i++) {
        pause_ms(10);
        raw_exchange(c.port, RAW(GET(HOST)), 60, &r);
    }
    assert_int_equal(r.status, 200);
    http_client_close(second);
    assert_int_equal(child_stop(&c), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_bytes_get_the_right_refusal_and_the_server_lives_on),
        cmocka_unit_test(a_smuggled_second_request_is_not_answered),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(a_request_id_is_kept_when_it_is_harmless),
        cmocka_unit_test(the_server_asks_for_an_awaited_body_only_when_it_wants_it),
        cmocka_unit_test(a_body_over_the_limit_is_refused_and_the_client_sees_it),
        cmocka_unit_test(too_many_headers_or_query_fields_name_their_limit),
        cmocka_unit_test(slow_clients_are_cut_off),
        cmocka_unit_test(two_hundred_connections_are_served_side_by_side),
        cmocka_unit_test(one_connection_too_many_is_told_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
