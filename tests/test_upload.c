/* labels: http */
/* Audio that is processed while it arrives, over a socket: chunks of any size, backpressure, clients that leave,
 * refusals in the middle, and a server that ends. */
#include "tests/support.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/server_child.h"

#define QUERY "/process?expr=lowpass(in,900,0.7)%2bdelay(in,0.01)&channels=2&rate=48000&tail=0.1"
#define RAW "Content-Type: application/octet-stream\r\n"
#define CHUNKED RAW "Transfer-Encoding: chunked\r\n"

enum { FLOATS = 400000, SIZE = FLOATS * 4 };

static float samples[FLOATS];

static void fill(void)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < FLOATS; i++)
        samples[i] = (float)(test_random(&seed) * 0x1p-32 - 0.5);
}

/* False: the server does not read on. */
static bool put(struct http_client *client, const void *bytes, size_t n)
{
    return http_client_raw(client, bytes, n) == 0;
}

static void put_head(struct http_client *client, const char *path, const char *headers)
{
    char head[1024];
    int n = snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: t\r\n%s\r\n", path, headers);
    assert_true(put(client, head, (size_t)n));
}

/* n bytes in chunks of `chunk` (0: of any size), several in one write; without the last one. */
static bool put_chunks(struct http_client *client, const char *data, size_t n, size_t chunk)
{
    enum { TOGETHER = 100000 };
    static char out[TOGETHER + SIZE + 32];
    uint64_t seed = n;
    size_t have = 0;
    for (size_t at = 0, m; at < n; at += m) {
        m = chunk ? chunk : 1 + test_random(&seed) % (test_random(&seed) % 8 ? 700 : 65536);
        m = m < n - at ? m : n - at;
        have += (size_t)sprintf(out + have, "%zx\r\n", m);
        memcpy(out + have, data + at, m);
        memcpy(out + have + m, "\r\n", 2);
        have += m + 2;
        if (have >= TOGETHER || at + m == n) {
            if (!put(client, out, have))
                return false;
            have = 0;
        }
    }
    return true;
}

static const char last_chunk[] = "0\r\n\r\n";

/* What a server that waits for the whole body answers. */
struct expected {
    char *body;
    size_t n;
    char etag[64];
};

static struct expected whole(const struct child *c, size_t size)
{
    struct http_client *client = child_connect(c);
    struct http_answer a;
    struct expected e;
    assert_int_equal(http_client_send(client, "POST", QUERY, RAW, samples, size), 0);
    assert_int_equal(http_client_receive(client, &a), 0);
    assert_int_equal(a.status, 200);
    e.n = a.body_size;
    e.body = malloc(e.n);
    memcpy(e.body, a.body, e.n);
    snprintf(e.etag, sizeof e.etag, "%s", http_client_header(client, &a, "ETag"));
    http_client_close(client);
    return e;
}

static void assert_answer(struct http_client *client, const struct expected *e)
{
    struct http_answer a;
    assert_int_equal(http_client_receive(client, &a), 0);
    if (a.status != 200)
        fail_msg("%d %.*s", a.status, (int)a.body_size, a.body);
    assert_int_equal(a.body_size, e->n);
    assert_memory_equal(a.body, e->body, e->n);
    assert_string_equal(http_client_header(client, &a, "ETag"), e->etag);
}

/* All ways of cutting the body, one after another over one connection. `more`: settings of the server. */
static void every_cut_is_answered_alike(const char *const *more)
{
    static const struct {
        size_t size, chunk;
    } cuts[] = {{8000, 1}, {80000, 7}, {SIZE, 4095}, {SIZE, 65536}, {SIZE, SIZE}, {SIZE, 0}};
    static const char *const in_memory[] = {"--upload-above", "1G", NULL};
    char length[128];
    struct child reference = child_start(in_memory), c = child_start(more);
    struct http_client *client = child_connect(&c);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct expected e = whole(&reference, cuts[i].size);
        put_head(client, QUERY, CHUNKED);
        assert_true(put_chunks(client, (const char *)samples, cuts[i].size, cuts[i].chunk));
        assert_true(put(client, last_chunk, sizeof last_chunk - 1));
        assert_answer(client, &e);
        snprintf(length, sizeof length, RAW "Content-Length: %zu\r\n", cuts[i].size);
        put_head(client, QUERY, length);
        for (size_t at = 0, n; at < cuts[i].size; at += n) {
            n = cuts[i].size - at < 50000 ? cuts[i].size - at : 50000;
            assert_true(put(client, (const char *)samples + at, n));
        }
        assert_answer(client, &e);
        free(e.body);
    }
    http_client_close(client);
    assert_int_equal(child_stop(&reference), 0);
    assert_int_equal(child_stop(&c), 0);
}

static void every_cut_is_answered_alike_by_the_pool(void **state)
{
    (void)state;
    every_cut_is_answered_alike((const char *const[]){"--upload-above", "0", "--inline-us", "0", NULL});
}

static void every_cut_is_answered_alike_by_the_connection(void **state)
{
    (void)state;
    every_cut_is_answered_alike((const char *const[]){"--upload-above", "10000", "--inline-us", "1e9", NULL});
}

static void many_uploads_at_once_do_not_mix(void **state)
{
    (void)state;
    enum { CLIENTS = 12, MOST = SIZE / TEST_SLOWNESS, PIECE = 40000 / TEST_SLOWNESS };
    struct child c = child_start((const char *const[]){"--upload-above", "0", "--inline-us", "0", NULL});
    struct child reference = child_start((const char *const[]){"--upload-above", "1G", NULL});
    struct http_client *clients[CLIENTS];
    struct expected e[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        e[i] = whole(&reference, MOST - 8000 * i);
        clients[i] = child_connect(&c);
        put_head(clients[i], QUERY, CHUNKED);
    }
    for (size_t at = 0; at < MOST; at += PIECE)
        for (size_t i = 0; i < CLIENTS; i++) {
            size_t size = MOST - 8000 * i, n = at >= size ? 0 : size - at < PIECE ? size - at : PIECE;
            assert_true(put_chunks(clients[i], (const char *)samples + at, n, 0));
        }
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(put(clients[i], last_chunk, sizeof last_chunk - 1));
        assert_answer(clients[i], &e[i]);
        http_client_close(clients[i]);
        free(e[i].body);
    }
    assert_int_equal(child_stop(&reference), 0);
    assert_int_equal(child_stop(&c), 0);
}

/* Sends as long as the server reads, then hears what it says. */
static void assert_refused(const struct child *c, const char *path, const char *headers, int status, const char *says)
{
    struct http_client *client = child_connect(c);
    struct http_answer a;
    put_head(client, path, headers);
    if (put_chunks(client, (const char *)samples, SIZE, 30000))
        put(client, last_chunk, sizeof last_chunk - 1);
    assert_int_equal(http_client_receive(client, &a), 0);
    assert_int_equal(a.status, status);
    assert_string_equal(http_client_header(client, &a, "Content-Type"), "application/problem+json");
    if (!memmem(a.body, a.body_size, says, strlen(says)))
        fail_msg("no \"%s\" in %.*s", says, (int)a.body_size, a.body);
    http_client_close(client);
}

static void what_is_wrong_is_told_in_the_middle(void **state)
{
    (void)state;
    float kept = samples[FLOATS / 2];
    struct child c = child_start((const char *const[]){"--upload-above", "1000", "--max-upload", "1599999", NULL});
    assert_refused(&c, QUERY, CHUNKED, 413, "max-upload");
    assert_refused(&c, "/process?expr=in", "Content-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n", 422,
                   "not a RIFF WAVE file");
    assert_refused(&c, "/process?expr=nothing(in)", CHUNKED, 422, "nothing");
    samples[FLOATS / 2] = __builtin_nanf("");
    assert_refused(&c, "/process?expr=in&nonfinite=reject", CHUNKED, 422, "sample 200000 of channel 0");
    samples[FLOATS / 2] = kept;
    assert_int_equal(child_stop(&c), 0);
    c = child_start((const char *const[]){"--upload-above", "0", "--max-spool-bytes", "1M", NULL});
    assert_refused(&c, "/process?expr=in", CHUNKED, 422, "max-spool-bytes");
    assert_int_equal(child_stop(&c), 0);
}

/* With a length that tells, before anything is sent. */
static void a_refusal_that_the_head_deserves_comes_at_once(void **state)
{
    (void)state;
    struct child c = child_start((const char *const[]){"--max-upload", "1G", NULL});
    static const struct {
        const char *path, *length;
        int status;
    } rows[] = {{"/process?expr=in", "2000000000", 413},
                {"/process?expr=nothing(in)", "900000000", 422},
                {"/process?expr=in&channels=2", "900000001", 422},
                {"/process?expr=in&channels=2", "900000000", 100}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char head[256], got[16] = "";
        struct http_client *client = child_connect(&c);
        snprintf(head, sizeof head, RAW "Expect: 100-continue\r\nContent-Length: %s\r\n", rows[i].length);
        put_head(client, rows[i].path, head);
        assert_int_equal(recv(http_client_fd(client), got, 12, MSG_WAITALL), 12);
        assert_int_equal(atoi(got + 9), rows[i].status);
        http_client_close(client);
    }
    assert_int_equal(child_stop(&c), 0);
}

/* A number of /metrics. */
static long metric(const struct child *c, const char *name)
{
    struct http_client *client = child_connect(c);
    struct http_answer a;
    assert_int_equal(http_client_send(client, "GET", "/metrics", NULL, NULL, 0), 0);
    assert_int_equal(http_client_receive(client, &a), 0);
    const char *at = strstr(a.body, name);
    assert_non_null(at);
    long v = atol(at + strlen(name));
    http_client_close(client);
    return v;
}

static void await_metric(const struct child *c, const char *name, long value)
{
    double began = now_s();
    while (metric(c, name) != value) {
        if (now_s() - began > 10)
            fail_msg("%s stays %ld", name, metric(c, name));
        pause_ms(5);
    }
}

static void clients_that_leave_are_forgotten(void **state)
{
    (void)state;
    /* The end of what a client sends is no sign yet that it has left: that is for the body's timeout to tell. */
    struct child c = child_start((const char *const[]){"--upload-above", "0", "--inline-us", "0", "--body-timeout-ms",
                                                       "500", "--min-rate", "100M", NULL});
    for (size_t i = 0; i < 20; i++) {
        struct http_client *client = child_connect(&c);
        put_head(client, QUERY, CHUNKED);
        put_chunks(client, (const char *)samples, 1000 + i * 79000, 0);
        http_client_close(client);
    }
    await_metric(&c, "\nsinter_requests_in_flight ", 1); /* this one */
    assert_int_equal(metric(&c, "\nsinter_requests_on_pool "), 0);
    assert_int_equal(child_stop(&c), 0);
}

/* Tiny bodies are within their timeout; one that stops is cut off. */
static void an_upload_that_stops_is_cut_off(void **state)
{
    (void)state;
    struct child c =
        child_start((const char *const[]){"--upload-above", "0", "--body-timeout-ms", "300", "--min-rate", "1M", NULL});
    struct http_client *client = child_connect(&c);
    struct http_answer a;
    double began = now_s();
    put_head(client, QUERY, CHUNKED);
    put_chunks(client, (const char *)samples, 100000, 0);
    assert_int_equal(http_client_receive(client, &a), -1);
    assert_true(now_s() - began < 5);
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void an_upload_that_was_begun_is_answered_while_the_server_ends(void **state)
{
    (void)state;
    int status;
    struct child c = child_start((const char *const[]){"--upload-above", "0", "--inline-us", "0", NULL});
    struct child reference = child_start((const char *const[]){"--upload-above", "1G", NULL});
    struct expected e = whole(&reference, SIZE);
    struct http_client *client = child_connect(&c);
    put_head(client, QUERY, CHUNKED);
    put_chunks(client, (const char *)samples, SIZE / 2, 0);
    pause_ms(50);
    kill(c.pid, SIGTERM);
    pause_ms(100);
    assert_int_equal(waitpid(c.pid, &status, WNOHANG), 0);
    put_chunks(client, (const char *)samples + SIZE / 2, SIZE - SIZE / 2, 0);
    put(client, last_chunk, sizeof last_chunk - 1);
    assert_answer(client, &e);
    waitpid(c.pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    http_client_close(client);
    free(e.body);
    assert_int_equal(child_stop(&reference), 0);
}

/* Longer than the server waits: it ends in time all the same. */
static void an_upload_that_never_ends_does_not_hold_the_server(void **state)
{
    (void)state;
    struct child c = child_start(
        (const char *const[]){"--upload-above", "0", "--inline-us", "0", "--drain-timeout-ms", "200", NULL});
    struct http_client *client = child_connect(&c);
    put_head(client, QUERY, CHUNKED);
    put_chunks(client, (const char *)samples, SIZE / 2, 0);
    double began = now_s();
    assert_int_equal(child_stop(&c), 0);
    assert_true(now_s() - began < 5);
    http_client_close(client);
}

int main(void)
{
    fill();
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_is_answered_alike_by_the_pool),
        cmocka_unit_test(every_cut_is_answered_alike_by_the_connection),
        cmocka_unit_test(many_uploads_at_once_do_not_mix),
        cmocka_unit_test(what_is_wrong_is_told_in_the_middle),
        cmocka_unit_test(a_refusal_that_the_head_deserves_comes_at_once),
        cmocka_unit_test(clients_that_leave_are_forgotten),
        cmocka_unit_test(an_upload_that_stops_is_cut_off),
        cmocka_unit_test(an_upload_that_was_begun_is_answered_while_the_server_ends),
        cmocka_unit_test(an_upload_that_never_ends_does_not_hold_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
