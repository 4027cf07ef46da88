/* labels: http */
/* One server, everything at once: renders, audio, streams, jobs, new graphs, clients that leave, metrics, keys that are
 * read again, and workers that compile for caches too small to keep what they make. Every answer has the bytes that a
 * server gives which does nothing else and only interprets. Under ThreadSanitizer this is what looks for races. */
#include "tests/support.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/host.h"
#include "server/http_client.h"
#include "tests/support/server_child.h"

#define JSON "Content-Type: application/json\r\n"
#define RAW "Content-Type: application/octet-stream\r\n"
#define NDJSON "Content-Type: application/x-ndjson\r\n"
#define ECHO "in*0.5+delay(in,0.011)+0.1*white()"
#define ECHO_QUERY "in*0.5%2Bdelay(in,0.011)%2B0.1*white()"

enum {
    SECONDS = TEST_SLOWNESS > 1 ? 20 : 5,
    FRAMES = 24000,
    BLOCKS = 8,
    PATH_SIZE = 120,
    HEADERS_SIZE = 300,
};

/* ---- what is asked ---- */

struct question {
    const char *path, *type;
    const void *body; /* text, unless n says its size */
    size_t n;
    char *right; /* answer */
    size_t n_right;
};

static float sound[FRAMES];
static struct question questions[] = {
    {"/render", JSON, "{\"expr\":\"perlin2(x*8,y*8)+x*0.25\",\"width\":96,\"height\":64}", 0, NULL, 0},
    {"/render", JSON, "{\"expr\":\"fbm2(x*3,y*5)\",\"width\":512,\"height\":320}", 0, NULL, 0},
    {"/render", JSON, "{\"expr\":\"sin(x*9)*y\",\"width\":300,\"height\":200,\"format\":\"f32\"}", 0, NULL, 0},
    {"/render", JSON, "{\"expr\":\"blur(perlin2(x*5,y*5),0.1)\",\"width\":120,\"height\":90}", 0, NULL, 0},
    {"/render", JSON, "{\"graph\":{\"output\":[\"x\",\"y*y\",\"cos(x*y*7)\"]},\"width\":200,\"height\":120}", 0, NULL,
     0},
    {"/process", JSON, "{\"expr\":\"sine(300)*0.5\",\"rate\":8000,\"seconds\":0.5}", 0, NULL, 0},
    {"/process", JSON, "{\"expr\":\"lowpass(white(),900,0.7)\",\"rate\":48000,\"seconds\":0.25}", 0, NULL, 0},
    {"/process?expr=" ECHO_QUERY "&rate=48000", RAW, sound, sizeof sound, NULL, 0},
};
enum { QUESTIONS = sizeof questions / sizeof *questions, ECHO_QUESTION = QUESTIONS - 1, ITEMS = QUESTIONS - 1 };

static size_t size_of(const struct question *q)
{
    return q->n ? q->n : strlen(q->body);
}

/* ---- what threads find ---- */

static struct host server;
static char authorization[HEADERS_SIZE];
static atomic_bool over;
static atomic_int n_wrong;

/* Threads cannot fail a test. */
static void complain(const char *what, const struct http_answer *a)
{
    if (!atomic_fetch_add(&n_wrong, 1))
        fprintf(stderr, "%s: %d %.300s\n", what, a ? a->status : 0, a && a->status >= 400 ? a->body : "");
}

static struct http_client *connected(void)
{
    struct http_client *c = http_client_open("127.0.0.1", server.port);
    if (!c)
        complain("no connection", NULL);
    return c;
}

static bool ask(struct http_client *c, const char *method, const char *path, const char *type, const void *body,
                size_t n, int status, struct http_answer *ret)
{
    char headers[HEADERS_SIZE + 60];
    snprintf(headers, sizeof headers, "%s%s", authorization, type ? type : "");
    *ret = (struct http_answer){0};
    if (http_client_send(c, method, path, headers, body, n) == 0 && http_client_receive(c, ret) == 0 &&
        ret->status == status)
        return true;
    complain(path, ret);
    return false;
}

static bool is_right(const struct question *q, const void *got, size_t n)
{
    return n == q->n_right && !memcmp(got, q->right, n);
}

/* ---- those who ask; each returns how often it was answered ---- */

static size_t ask_questions(struct http_client *c, uint64_t *seed)
{
    const struct question *q = &questions[test_random(seed) % QUESTIONS];
    struct http_answer a;
    if (!ask(c, "POST", q->path, q->type, q->body, size_of(q), 200, &a))
        return 0;
    if (!is_right(q, a.body, a.body_size))
        complain(q->path, &a);
    return 1;
}

static size_t play_stream(struct http_client *c, uint64_t *seed)
{
    static const char open[] = "{\"expr\":\"" ECHO "\",\"rate\":48000}";
    enum { BYTES = sizeof sound / BLOCKS };
    const struct question *q = &questions[ECHO_QUESTION];
    char path[PATH_SIZE], at[PATH_SIZE + 20];
    struct http_answer a;
    if (!ask(c, "POST", "/streams", JSON, open, strlen(open), 201, &a))
        return 0;
    snprintf(path, sizeof path, "%s", http_client_header(c, &a, "Location"));
    for (unsigned i = 0; i < BLOCKS; i++) {
        snprintf(at, sizeof at, "%s?seq=%u", path, i);
        if (!ask(c, "POST", at, RAW, (const char *)sound + i * BYTES, BYTES, 200, &a))
            return 0;
        if (a.body_size != BYTES || memcmp(a.body, q->right + i * BYTES, BYTES) != 0)
            complain("a block of a stream", &a);
    }
    snprintf(at, sizeof at, "%s/state", path);
    ask(c, "GET", test_random(seed) % 2 ? at : path, NULL, NULL, 0, 200, &a);
    return ask(c, "DELETE", path, NULL, NULL, 0, 204, &a);
}

static bool item_is_right(const char *line, char *scratch)
{
    const char *seq = strstr(line, "\"seq\":"), *body = strstr(line, "\"body_base64\":\"");
    size_t k = seq ? (size_t)atoi(seq + 6) : ITEMS, n = 0;
    if (k >= ITEMS || !body || !strstr(line, "\"status\":200"))
        return false;
    body += strlen("\"body_base64\":\"");
    return sodium_base642bin((unsigned char *)scratch, questions[k].n_right + 3, body, strcspn(body, "\""), NULL, &n,
                             NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           is_right(&questions[k], scratch, n);
}

/* Each item once, then the end. */
static bool results_are_right(const struct http_answer *a)
{
    size_t n = 0, most = 0;
    bool right = true;
    for (size_t i = 0; i < ITEMS; i++)
        most = questions[i].n_right > most ? questions[i].n_right : most;
    char *text = strndup(a->body, a->body_size), *rest = text, *scratch = malloc(most + 3), *line;
    while ((line = strtok_r(rest, "\n", &rest)) && !strstr(line, "\"end\":true")) {
        right &= item_is_right(line, scratch);
        n++;
    }
    right &= line && n == ITEMS && strstr(line, "\"complete\":true");
    free(text);
    free(scratch);
    return right;
}

/* Results are asked for while the items run. Every third job is cancelled in the middle. */
static size_t send_job(struct http_client *c, uint64_t *seed)
{
    char body[2000], path[PATH_SIZE], at[PATH_SIZE + 20];
    int n = 0;
    struct http_answer a;
    for (size_t i = 0; i < ITEMS; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "{\"kind\":\"%s\",%s\n", questions[i].path + 1,
                      (const char *)questions[i].body + 1);
    if (!ask(c, "POST", "/jobs", NDJSON, body, (size_t)n, 202, &a))
        return 0;
    snprintf(path, sizeof path, "%s", http_client_header(c, &a, "Location"));
    bool cancels = test_random(seed) % 3 == 0;
    if (cancels)
        ask(c, "DELETE", path, NULL, NULL, 0, 200, &a);
    snprintf(at, sizeof at, "%s/results", path);
    if (ask(c, "GET", at, NULL, NULL, 0, 200, &a) && !cancels && !results_are_right(&a))
        complain("a job's results", &a);
    snprintf(at, sizeof at, "%s?wait=1", path);
    return ask(c, "GET", at, NULL, NULL, 0, 200, &a);
}

/* Graphs that nobody has sent before: each wants a kernel. */
static size_t send_graph(struct http_client *c, uint64_t *seed)
{
    char body[300], path[PATH_SIZE];
    unsigned bits = test_random(seed);
    struct http_answer a;
    int n = snprintf(body, sizeof body,
                     "{\"nodes\":{\"a\":{\"op\":\"perlin2\",\"x\":\"x*%u\",\"y\":\"y\"}},\"output\":\"a", bits);
    for (int i = 0; i < 12; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "%s", bits >> i & 1 ? "+sin(x)" : "+abs(y)");
    n += snprintf(body + n, sizeof body - (size_t)n, "\"}");
    if (!ask(c, "POST", "/graphs", JSON, body, (size_t)n, 201, &a))
        return 0;
    snprintf(path, sizeof path, "%s", http_client_header(c, &a, "Location"));
    if (!ask(c, "GET", path, NULL, NULL, 0, 200, &a))
        return 0;
    n = snprintf(body, sizeof body, "/render?graph=%s&width=64&height=64", path + strlen("/graphs/"));
    return ask(c, "GET", body, NULL, NULL, 0, 200, &a);
}

static size_t look(struct http_client *c, uint64_t *seed)
{
    static const char *const paths[] = {"/metrics", "/readyz", "/version", "/livez", "/ops"};
    struct http_answer a;
    return ask(c, "GET", paths[test_random(seed) % 5], NULL, NULL, 0, 200, &a);
}

/* Hears nothing, or the beginning. */
static size_t leave(struct http_client *unused, uint64_t *seed)
{
    const struct question *q = &questions[test_random(seed) % QUESTIONS];
    char headers[HEADERS_SIZE + 60], heard[100];
    struct http_client *c = connected();
    (void)unused;
    if (!c)
        return 0;
    snprintf(headers, sizeof headers, "%s%s", authorization, q->type);
    if (http_client_send(c, "POST", q->path, headers, q->body, size_of(q)) == 0 && test_random(seed) % 2 &&
        recv(http_client_fd(c), heard, sizeof heard, 0) <= 0)
        complain("no beginning of an answer", NULL);
    http_client_close(c);
    pause_ms(2);
    return 1;
}

/* ---- all at once ---- */

static const struct role {
    const char *name;
    size_t (*act)(struct http_client *c, uint64_t *seed);
} roles[] = {{"questions", ask_questions},
             {"questions, another", ask_questions},
             {"streams", play_stream},
             {"jobs", send_job},
             {"graphs", send_graph},
             {"looks", look},
             {"leaves", leave}};
enum { ROLES = sizeof roles / sizeof *roles };

struct actor {
    const struct role *role;
    pthread_t thread;
    size_t times;
};

static void *act(void *user)
{
    struct actor *actor = user;
    uint64_t seed = (uint64_t)(actor->role - roles) + 1;
    struct http_client *c = connected();
    while (c && !atomic_load(&over) && !atomic_load(&n_wrong)) {
        actor->times += actor->role->act(c, &seed);
        if (actor->times % 20 == 19) {
            http_client_close(c);
            c = connected();
        }
    }
    http_client_close(c);
    return NULL;
}

/* What one does alone, with an interpreter. */
static void learn(const char *program)
{
    static const char *const arguments[] = {"--compilers", "0", "--threads", "1", NULL};
    struct host calm;
    struct http_answer a;
    assert_true(host_start(&calm, program, "none", arguments));
    struct http_client *c = http_client_open("127.0.0.1", calm.port);
    assert_non_null(c);
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct question *q = &questions[i];
        assert_int_equal(http_client_send(c, "POST", q->path, q->type, q->body, size_of(q)), 0);
        assert_int_equal(http_client_receive(c, &a), 0);
        if (a.status != 200)
            fail_msg("%s: %.*s", q->path, (int)a.body_size, a.body);
        q->right = malloc(q->n_right = a.body_size);
        memcpy(q->right, a.body, a.body_size);
    }
    http_client_close(c);
    assert_int_equal(host_stop(&calm, true), 0);
}

static void make_key(const char *program, const char *file)
{
    char command[600], key[200] = "";
    snprintf(command, sizeof command, "%s key new all --roles render,process,jobs,admin --keys %s 2>/dev/null", program,
             file);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    assert_non_null(fgets(key, sizeof key, out));
    assert_int_equal(pclose(out), 0);
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %.*s\r\n", (int)strcspn(key, "\n"), key);
}

static double metric(const char *name)
{
    struct http_client *c = connected();
    struct http_answer a;
    char line[100];
    assert_true(c && ask(c, "GET", "/metrics", NULL, NULL, 0, 200, &a));
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(a.body, line);
    double value = at ? strtod(at + strlen(line), NULL) : -1;
    http_client_close(c);
    return value;
}

static void everything_at_once_is_answered_as_alone(void **state)
{
    (void)state;
    char program[400], compiler[400], keys[] = "/tmp/sinter-concurrent-XXXXXX";
    struct actor actors[ROLES];
    snprintf(program, sizeof program, "%s/sinter", test_build_dir());
    snprintf(compiler, sizeof compiler, "%s/sinter-cc", test_build_dir());
    int fd = mkstemp(keys);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < FRAMES; i++)
        sound[i] = (float)(i % 97) / 97 - 0.5f;
    learn(program);
    make_key(program, keys);
    const char *const arguments[] = {"--compiler",
                                     compiler,
                                     "--compilers",
                                     "2",
                                     "--compile-above-ms",
                                     "0",
                                     "--threads",
                                     "3",
                                     "--max-kernels",
                                     "4",
                                     "--max-programs",
                                     "6",
                                     "--stream-above",
                                     "100000",
                                     "--upload-above",
                                     "20000",
                                     "--batch-threads",
                                     "2",
                                     "--keys",
                                     keys,
                                     "--send-timeout-ms",
                                     "60000",
                                     NULL};
    assert_true(host_start(&server, program, NULL, arguments));
    for (size_t i = 0; i < ROLES; i++) {
        actors[i] = (struct actor){.role = &roles[i]};
        assert_int_equal(pthread_create(&actors[i].thread, NULL, act, &actors[i]), 0);
    }
    for (double end = now_s() + SECONDS; now_s() < end && !atomic_load(&n_wrong); pause_ms(50))
        kill(server.pid, SIGHUP); /* keys are read again */
    atomic_store(&over, true);
    for (size_t i = 0; i < ROLES; i++) {
        pthread_join(actors[i].thread, NULL);
        print_message("  %s: %zu\n", roles[i].name, actors[i].times);
    }
    double compiled = metric("sinter_compiles_total{result=\"ok\"}"),
           by_jit = metric("sinter_answers_total{engine=\"jit\"}");
    print_message("  %g kernels compiled, %g answers by kernels alone\n", compiled, by_jit);
    assert_int_equal(host_stop(&server, false), 0);
    unlink(keys);
    assert_int_equal(atomic_load(&n_wrong), 0);
    for (size_t i = 0; i < ROLES; i++)
        assert_true(actors[i].times > 0);
    assert_true(compiled > 0 && by_jit > 0);
    for (size_t i = 0; i < QUESTIONS; i++)
        free(questions[i].right);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_at_once_is_answered_as_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
