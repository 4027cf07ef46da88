/* labels: http
 * Streams over a socket: every method, any connection, many clients, a server that ends. */
#include "tests/support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/server_child.h"

enum { FRAMES = 4000 };

#define ECHO "{\"expr\":\"in+0.7*delay(in,0.002)+0.1*white()\",\"rate\":48000}"
#define JSON "Content-Type: application/json\r\n"
#define RAW "Content-Type: application/octet-stream\r\n"

static float noise[FRAMES];

static struct http_answer send_to(struct http_client *c, const char *method, const char *path, const char *headers,
                                  const void *body, size_t n, int status)
{
    struct http_answer a;
    assert_int_equal(http_client_send(c, method, path, headers, body, n), 0);
    assert_int_equal(http_client_receive(c, &a), 0);
    if (a.status != status)
        fail_msg("%s %s: %d instead of %d: %.*s", method, path, a.status, status, (int)a.body_size, a.body);
    return a;
}

static void open_stream(struct http_client *c, char ret_path[100])
{
    struct http_answer a = send_to(c, "POST", "/streams", JSON, ECHO, strlen(ECHO), 201);
    const char *at = http_client_header(c, &a, "Location");
    assert_non_null(at);
    snprintf(ret_path, 100, "%s", at);
}

static const char *block_path(char *to, const char *path, unsigned seq)
{
    snprintf(to, 200, "%s?seq=%u", path, seq);
    return to;
}

static void a_stream_lives_over_any_connection(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    struct http_client *one = child_connect(&c), *two = child_connect(&c);
    char path[100], at[200], key[120];
    static char whole[FRAMES * 4], part[FRAMES * 4];
    struct http_answer a = send_to(one, "POST", "/process?expr=in%2B0.7*delay(in,0.002)%2B0.1*white()&rate=48000", RAW,
                                   noise, sizeof noise, 200);
    memcpy(whole, a.body, sizeof whole);
    open_stream(one, path);
    for (unsigned i = 0; i < FRAMES / 500; i++) {
        a = send_to(i % 2 ? one : two, "POST", block_path(at, path, i), RAW, noise + i * 500, 2000, 200);
        memcpy(part + i * 2000, a.body, 2000);
    }
    assert_memory_equal(part, whole, sizeof whole);
    a = send_to(two, "POST", block_path(at, path, 9), RAW, noise, 4, 409);
    assert_non_null(strstr(a.body, "/errors/conflict"));
    a = send_to(one, "GET", path, NULL, NULL, 0, 200);
    assert_non_null(strstr(a.body, "\"position\":4000"));
    send_to(one, "PATCH", path, JSON, "{\"params\":{}}", 13, 200);
    a = send_to(one, "PUT", path, JSON, "{}", 2, 405);
    assert_string_equal(http_client_header(one, &a, "Allow"), "POST, GET, HEAD, PATCH, DELETE");
    snprintf(at, sizeof at, "%s?seq=8&frames=100", path);
    a = send_to(one, "POST", at, RAW "Content-Length: 0\r\n", NULL, 0, 200);
    assert_int_equal(a.body_size, 400);
    snprintf(key, sizeof key, "%s/state", path);
    a = send_to(one, "GET", key, NULL, NULL, 0, 200);
    void *copy = malloc(a.body_size);
    size_t n = a.body_size;
    memcpy(copy, a.body, n);
    send_to(two, "POST", "/streams", RAW, copy, n, 201);
    free(copy);
    a = send_to(two, "GET", "/metrics", NULL, NULL, 0, 200);
    assert_non_null(strstr(a.body, "\nsinter_streams 2\n"));
    send_to(one, "DELETE", path, NULL, NULL, 0, 204);
    send_to(two, "DELETE", path, NULL, NULL, 0, 404);
    a = send_to(two, "GET", "/metrics", NULL, NULL, 0, 200);
    assert_non_null(strstr(a.body, "\nsinter_streams 1\n"));
    assert_non_null(strstr(a.body, "\nsinter_streams_opened_total 2\n"));
    assert_non_null(strstr(a.body, "route=\"/streams/{id}\",status=\"409\"} 1\n"));
    http_client_close(one);
    http_client_close(two);
    assert_int_equal(child_stop(&c), 0);
}

static void what_arrives_in_pieces_hears_the_same_changes(void **state)
{
    (void)state;
    enum { LONG = 300000, BYTES = LONG * 4, BLOCK = 30000 };
#define FADE_GRAPH "{\"params\":{\"g\":1},\"output\":\"in*g+0.5*onepole_lp(in,500*g)\"}"
    static const char graph[] = FADE_GRAPH, stream[] = "{\"rate\":48000,\"graph\":" FADE_GRAPH "}";
    static const char rows[] = "{\"params\":[{\"param\":\"g\",\"value\":3,\"at\":999,\"ramp_frames\":70000}]}";
    static const char query[] =
        "automation=%5B%7B%22param%22:%22g%22,%22value%22:3,%22at%22:999,%22ramp_frames%22:70000%7D%5D";
    struct child c = child_start(NULL);
    struct http_client *one = child_connect(&c);
    char path[100], at[400];
    float *in = malloc(BYTES);
    char *whole = malloc(BYTES);
    for (size_t i = 0; i < LONG; i++)
        in[i] = noise[i % FRAMES];
    struct http_answer a = send_to(one, "POST", "/graphs", JSON, graph, strlen(graph), 201);
    snprintf(at, sizeof at, "/process?graph=%s&rate=48000&format=f32le&%s",
             http_client_header(one, &a, "Location") + strlen("/graphs/"), query);
    a = send_to(one, "POST", at, RAW, in, BYTES, 200);
    assert_int_equal(a.body_size, BYTES);
    memcpy(whole, a.body, BYTES);
    a = send_to(one, "POST", "/streams", JSON, stream, strlen(stream), 201);
    snprintf(path, sizeof path, "%s", http_client_header(one, &a, "Location"));
    send_to(one, "PATCH", path, JSON, rows, strlen(rows), 200);
    for (unsigned i = 0; i < LONG / BLOCK; i++) {
        a = send_to(one, "POST", block_path(at, path, i), RAW, in + i * BLOCK, BLOCK * 4, 200);
        assert_memory_equal(a.body, whole + i * BLOCK * 4, BLOCK * 4);
    }
    free(in);
    free(whole);
    http_client_close(one);
    assert_int_equal(child_stop(&c), 0);
}

static void a_full_server_says_so(void **state)
{
    (void)state;
    const char *const arguments[] = {"--max-streams", "1", NULL};
    struct child c = child_start(arguments);
    struct http_client *one = child_connect(&c);
    char path[100];
    open_stream(one, path);
    struct http_answer a = send_to(one, "POST", "/streams", JSON, ECHO, strlen(ECHO), 503);
    assert_string_equal(http_client_header(one, &a, "Retry-After"), "1");
    send_to(one, "PATCH", path, "Content-Type: text/plain\r\n", "x", 1, 415);
    a = send_to(one, "GET", "/metrics", NULL, NULL, 0, 200);
    assert_non_null(strstr(a.body, "sinter_refused_total{limit=\"max-streams\"} 1\n"));
    http_client_close(one);
    assert_int_equal(child_stop(&c), 0);
}

/* Many at once, each with a stream of its own and one for all. */

enum { CLIENTS = 4, ROUNDS = 60 };

struct client {
    const struct child *server;
    const char *shared;
    const char *whole;
    unsigned taken; /* blocks of the shared stream that this one made */
    bool right;
    pthread_t thread;
};

static bool try_block(struct http_client *c, const char *path, unsigned seq, int *ret_status, struct http_answer *a)
{
    char at[200];
    bool good = !http_client_send(c, "POST", block_path(at, path, seq), RAW, noise + seq * 50, 200) &&
                !http_client_receive(c, a);
    *ret_status = good ? a->status : 0;
    return good;
}

static void *run_client(void *user)
{
    struct client *me = user;
    struct http_client *c = http_client_open("127.0.0.1", me->server->port);
    struct http_answer a;
    char own[100];
    int status;
    me->right = c && !http_client_send(c, "POST", "/streams", JSON, ECHO, strlen(ECHO)) &&
                !http_client_receive(c, &a) && a.status == 201;
    if (me->right)
        snprintf(own, sizeof own, "%s", http_client_header(c, &a, "Location"));
    for (unsigned i = 0; me->right && i < ROUNDS; i++) {
        me->right = try_block(c, own, i, &status, &a) && status == 200 && !memcmp(a.body, me->whole + i * 200, 200);
        /* The shared one takes each block once; whoever repeats it hears the same, whoever is late meets a conflict. */
        if (me->right && try_block(c, me->shared, i, &status, &a) && status == 200) {
            me->taken++;
            me->right = !memcmp(a.body, me->whole + i * 200, 200);
        } else {
            me->right &= status == 409;
        }
    }
    http_client_close(c);
    return NULL;
}

static void clients_do_not_meet(void **state)
{
    (void)state;
    const char *const arguments[] = {"--inline-us", "0", NULL}; /* every block goes to the pool */
    struct child c = child_start(arguments);
    struct http_client *one = child_connect(&c);
    char shared[100];
    unsigned taken = 0;
    open_stream(one, shared);
    struct http_answer a = send_to(one, "POST", "/process?expr=in%2B0.7*delay(in,0.002)%2B0.1*white()&rate=48000", RAW,
                                   noise, sizeof noise, 200);
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.server = &c, .shared = shared, .whole = a.body};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_true(clients[i].right);
        taken += clients[i].taken;
    }
    assert_true(taken > 0);
    http_client_close(one);
    assert_int_equal(child_stop(&c), 0);
}

static void a_stream_can_be_taken_along_while_the_server_ends(void **state)
{
    (void)state;
    const char *const arguments[] = {"--drain-timeout-ms", "5000", NULL};
    struct child c = child_start(arguments);
    struct http_client *one = child_connect(&c), *busy = child_connect(&c);
    char path[100], at[200];
    int status = 0;
    open_stream(one, path);
    send_to(one, "POST", block_path(at, path, 0), RAW, noise, 2000, 200);
    /* Something is under way, so that the connections stay open for a while. */
    static const char render[] = "{\"width\":2048,\"height\":2048,\"tier\":\"interp\",\"format\":\"f32\",\"expr\":"
                                 "\"fbm(x*9,y*9,octaves=12)+fbm(x*8,y*9,octaves=12)+fbm(x*7,y*9,octaves=12)\"}";
    assert_int_equal(http_client_send(busy, "POST", "/render", JSON, render, strlen(render)), 0);
    pause_ms(50);
    kill(c.pid, SIGTERM);
    pause_ms(30);
    assert_int_equal(waitpid(c.pid, &status, WNOHANG), 0);
    snprintf(at, sizeof at, "%s/state", path);
    struct http_answer a = send_to(one, "GET", at, NULL, NULL, 0, 200);
    assert_memory_equal(a.body, "sinter-stream\n", 14);
    http_client_close(one);
    http_client_close(busy);
    waitpid(c.pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int set_up(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t i = 0; i < FRAMES; i++)
        noise[i] = (float)test_random(&seed) * 0x1p-31f - 1;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_lives_over_any_connection),
        cmocka_unit_test(what_arrives_in_pieces_hears_the_same_changes),
        cmocka_unit_test(a_full_server_says_so),
        cmocka_unit_test(clients_do_not_meet),
        cmocka_unit_test(a_stream_can_be_taken_along_while_the_server_ends),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
