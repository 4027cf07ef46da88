/* labels: http */
/* The server is killed at random moments while jobs and new graphs come in, again and again, on one folder. What it has
 * acknowledged is there in the end: each job once, each result with the bytes that a server left in peace gives.
 * SINTER_KILLS says how often (10; ./dev torture: 300). Prints how long it took to listen again. */
#include "tests/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/jobs.h"
#include "tests/support/server_child.h"

enum { KILLS = 10, JOBS_MAX = 20000, GRAPHS_MAX = 60000, ITEMS = 6, SENDERS = 2, PATH_SIZE = 80, MOST_READY_MS = 200 };

/* ---- a server as a program of its own ---- */

struct server {
    pid_t pid;
    int port;
    double ready_ms;
};

static const char *const folder = jobs_dir; /* of the store */

static struct server start(const char *store)
{
    char program[400], line[200] = "";
    struct server s = {0};
    int out[2];
    snprintf(program, sizeof program, "%s/sinter", getenv("SINTER_BUILD") ? getenv("SINTER_BUILD") : "build");
    double begun = now_s();
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no server behind */
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(out[1], STDOUT_FILENO);
        if (!getenv("TEST_LOG"))
            dup2(nowhere, STDERR_FILENO);
        execl(program, program, "serve", "--listen", "127.0.0.1:0", "--store", store, "--compilers", "1", "--threads",
              "2", NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *lines = fdopen(out[0], "r");
    if (!fgets(line, sizeof line, lines) || sscanf(line, "listening on http://127.0.0.1:%d\n", &s.port) != 1)
        fail_msg("the server did not start: \"%s\"", line);
    fclose(lines);
    s.ready_ms = (now_s() - begun) * 1e3;
    return s;
}

static void stop(struct server *s, int number)
{
    kill(s->pid, number);
    waitpid(s->pid, NULL, 0);
}

/* ---- what is sent, and what is acknowledged ---- */

struct sent {
    char path[PATH_SIZE];
    unsigned number; /* all items follow from it */
};

static atomic_int port;
static atomic_bool over;
static char blob[PATH_SIZE];
static void *sound; /* its bytes */
static size_t sound_size;
static struct sent jobs[JOBS_MAX];
static char graphs[GRAPHS_MAX][PATH_SIZE];
static atomic_int n_jobs, n_graphs, n_numbers, n_repeats, n_wrong;

/* Item k of job `number`, as its route has it: every second one a graph that nobody has sent before. */
static void item_text(unsigned number, int k, char text[400], const char **ret_route)
{
    unsigned variant = number * ITEMS + (unsigned)k;
    *ret_route = k % 3 == 2 ? "/process" : "/render";
    switch (k) {
    case 0:
        sprintf(text, "\"expr\":\"perlin2(x*8,y*8)+x*0.%06u\",\"width\":48,\"height\":48", variant);
        break;
    case 1:
        sprintf(text, "\"expr\":\"sin(x*%u)*y\",\"width\":64,\"height\":32,\"format\":\"f32\"", number % 20);
        break;
    case 2:
        sprintf(text, "\"expr\":\"in*0.5+delay(in,%u)*0.25\",\"audio\":\"%s\"", 10 + number % 40, blob);
        break;
    case 3:
        sprintf(text, "\"expr\":\"x^2*%u.5\",\"width\":16,\"height\":16", variant);
        break;
    case 4:
        sprintf(text, "\"expr\":\"fbm2(x*3,y*%u)\",\"width\":128,\"height\":96", number % 5 + 1);
        break;
    default:
        sprintf(text, "\"expr\":\"sine(%u)*0.5\",\"rate\":8000,\"seconds\":0.2", 100 + variant % 700);
    }
}

static void job_text(unsigned number, char *text)
{
    for (int k = 0; k < ITEMS; k++) {
        const char *route;
        char item[400];
        item_text(number, k, item, &route);
        text += sprintf(text, "{\"kind\":\"%s\",%s}\n", route + 1, item);
    }
}

/* The Location of a 201, 202 or 200; false when there was no whole answer. */
static bool try_send(const char *path, const char *headers, const char *body, char location[PATH_SIZE])
{
    struct http_answer a;
    struct http_client *c = http_client_open("127.0.0.1", atomic_load(&port));
    bool done = c && !http_client_send(c, "POST", path, headers, body, strlen(body)) && !http_client_receive(c, &a);
    const char *value = done && a.status < 300 ? http_client_header(c, &a, "Location") : NULL;
    bool wrong = done && a.status >= 400 && a.status != 409 && a.status != 503;
    if (wrong && !atomic_fetch_add(&n_wrong, 1))
        fprintf(stderr, "%s answered %d: %.300s\n", path, a.status, a.body);
    if (value)
        snprintf(location, PATH_SIZE, "%s", value);
    http_client_close(c);
    return value;
}

/* Sends a job until it is acknowledged, whatever happens to the server; now and then once more behind that. */
static void send_job(unsigned number)
{
    char body[ITEMS * 450], headers[200], again[PATH_SIZE];
    struct sent sent = {.number = number};
    job_text(number, body);
    snprintf(headers, sizeof headers, "Content-Type: application/x-ndjson\r\nIdempotency-Key: job-%u\r\n", number);
    while (!try_send("/jobs", headers, body, sent.path))
        pause_ms(3);
    if (number % 7 == 0) {
        while (!try_send("/jobs", headers, body, again))
            pause_ms(3);
        atomic_fetch_add(&n_repeats, 1);
        if (strcmp(again, sent.path) != 0)
            atomic_fetch_add(&n_wrong, 1);
    }
    int i = atomic_fetch_add(&n_jobs, 1);
    if (i < JOBS_MAX)
        jobs[i] = sent;
}

static void *send_jobs(void *user)
{
    (void)user;
    while (!atomic_load(&over) && atomic_load(&n_jobs) < JOBS_MAX - SENDERS) {
        send_job((unsigned)atomic_fetch_add(&n_numbers, 1));
        pause_ms(25); /* about what one thread runs meanwhile */
    }
    return NULL;
}

static void *send_graphs(void *user)
{
    (void)user;
    for (int i = 0; !atomic_load(&over) && i < GRAPHS_MAX; i++) {
        char body[200], path[PATH_SIZE];
        snprintf(body, sizeof body,
                 "{\"nodes\":{\"a\":{\"op\":\"perlin2\",\"x\":\"x*%d\",\"y\":\"y\"}},\"output\":\"a+y\"}", i);
        if (try_send("/graphs", "Content-Type: application/json\r\n", body, path))
            memcpy(graphs[atomic_fetch_add(&n_graphs, 1)], path, PATH_SIZE);
        pause_ms(2);
    }
    return NULL;
}

/* ---- the end ---- */

static struct http_client *connected(int to)
{
    struct http_client *c = http_client_open("127.0.0.1", to);
    if (!c)
        fail_msg("cannot connect: %s", strerror(errno));
    return c;
}

static void ask_for(struct http_client *c, const char *method, const char *path, const char *body,
                    struct http_answer *ret)
{
    assert_int_equal(http_client_send(c, method, path, body ? "Content-Type: application/json\r\n" : NULL, body,
                                      body ? strlen(body) : 0),
                     0);
    if (http_client_receive(c, ret))
        fail_msg("%s was not answered", path);
}

/* What a server in peace answers to an item. */
static void ask_calm(struct http_client *calm, unsigned number, int k, struct http_answer *ret)
{
    const char *route;
    char item[400], body[450], query[200];
    item_text(number, k, item, &route);
    if (k == 2) {
        snprintf(query, sizeof query, "/process?expr=in*0.5%%2Bdelay(in,%u)*0.25", 10 + number % 40);
        assert_int_equal(http_client_send(calm, "POST", query, "Content-Type: audio/wav\r\n", sound, sound_size), 0);
        assert_int_equal(http_client_receive(calm, ret), 0);
    } else {
        snprintf(body, sizeof body, "{%s}", item);
        ask_for(calm, "POST", route, body, ret);
    }
    if (ret->status != 200)
        fail_msg("%s: %s", item, ret->body);
}

/* To look at. */
static void leave(const char *name, const void *data, size_t n)
{
    FILE *f = fopen(name, "wb");
    if (f && fwrite(data, 1, n, f) != n)
        fprintf(stderr, "cannot write %s\n", name);
    if (f)
        fclose(f);
}

static void assert_item(struct http_client *calm, unsigned number, int k, const struct datum *line)
{
    struct http_answer a;
    size_t size;
    if (number_of(line, "status") != 200)
        fail_msg("item %d of job %u failed: %s", k, number, text_of(datum_get(line, "body"), "detail"));
    char *got = result_bytes(line, &size);
    ask_calm(calm, number, k, &a);
    if (size != a.body_size || memcmp(got, a.body, size) != 0) {
        leave("out.got", got, size);
        leave("out.wanted", a.body, a.body_size);
        fail_msg("item %d of job %u has other bytes: %zu instead of %zu (out.got, out.wanted)", k, number, size,
                 a.body_size);
    }
}

/* Each item once, in an order without gaps, and all of them. */
static void assert_results(struct http_client *calm, const struct sent *job, const char *text, const char *end)
{
    unsigned seen = 0, n = 0;
    for (const char *at = text, *stop; at < end; at = stop + 1) {
        stop = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(stop);
        struct datum *line = json_of(at, (size_t)(stop - at));
        if (datum_get(line, "end")) {
            assert_true(datum_get(line, "complete")->truth);
            assert_true(number_of(line, "done") == ITEMS);
            continue;
        }
        int k = (int)number_of(line, "seq");
        assert_true(k < ITEMS && !(seen >> k & 1));
        seen |= 1u << k;
        assert_true(number_of(line, "order") == ++n);
        assert_item(calm, job->number, k, line);
    }
    assert_int_equal(n, ITEMS);
}

static void assert_job(struct http_client *server, struct http_client *calm, const struct sent *job)
{
    struct http_answer a;
    char path[PATH_SIZE + 40];
    arena = arena_new(64 << 20);
    if (!arena || ARENA_GUARD(arena))
        fail_msg("no memory");
    snprintf(path, sizeof path, "%s?wait=60", job->path);
    do {
        ask_for(server, "GET", path, NULL, &a);
        if (a.status != 200)
            fail_msg("a job is lost: %s", a.body);
    } while (!strstr(a.body, "\"state\":\"done\""));
    snprintf(path, sizeof path, "%s/results", job->path);
    ask_for(server, "GET", path, NULL, &a);
    assert_int_equal(a.status, 200);
    assert_results(calm, job, a.body, a.body + a.body_size);
    arena_free(arena);
}

static void assert_all(struct server *s)
{
    char store[100], label[100];
    struct http_answer a;
    snprintf(store, sizeof store, "%s/calm", folder);
    struct server other = start(store);
    struct http_client *server = connected(s->port), *calm = connected(other.port);
    for (int i = 0; i < atomic_load(&n_jobs); i++)
        assert_job(server, calm, &jobs[i]);
    for (int i = 0; i < atomic_load(&n_graphs); i++) {
        ask_for(server, "GET", graphs[i], NULL, &a);
        if (a.status != 200)
            fail_msg("a graph is lost: %s", graphs[i]);
    }
    ask_for(server, "GET", "/metrics", NULL, &a);
    snprintf(label, sizeof label, "sinter_jobs{state=\"ended\"} %d\n", atomic_load(&n_jobs));
    if (!strstr(a.body, label))
        fail_msg("there are not %d jobs: %s", atomic_load(&n_jobs), strstr(a.body, "sinter_jobs{"));
    http_client_close(server);
    http_client_close(calm);
    stop(&other, SIGTERM);
}

/* ---- kills ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void make_sound(struct http_client *c)
{
    static const char tone[] = "{\"expr\":\"sine(300)\",\"rate\":8000,\"seconds\":0.5}";
    struct http_answer a;
    ask_for(c, "POST", "/process", tone, &a);
    assert_int_equal(a.status, 200);
    sound = malloc(sound_size = a.body_size);
    memcpy(sound, a.body, sound_size);
    assert_int_equal(http_client_send(c, "POST", "/blobs", NULL, sound, sound_size), 0);
    assert_int_equal(http_client_receive(c, &a), 0);
    assert_int_equal(a.status, 201);
    snprintf(blob, sizeof blob, "%s", http_client_header(c, &a, "Location"));
    http_client_close(c);
}

static struct server kill_often(struct server s, int kills, double *ready_ms)
{
    uint64_t seed = 42;
    for (int i = 0; i < kills; i++) {
        pause_ms(20 + (long)(test_random(&seed) % 250));
        stop(&s, SIGKILL);
        s = start(folder);
        atomic_store(&port, s.port);
        ready_ms[i] = s.ready_ms;
    }
    return s;
}

static void what_is_acknowledged_outlives_kills(void **state)
{
    (void)state;
    const char *text = getenv("SINTER_KILLS");
    int kills = text ? atoi(text) : KILLS;
    double *ready_ms = calloc((size_t)kills, sizeof *ready_ms), begun = now_s();
    pthread_t threads[SENDERS + 1];
    struct server s = start(folder);
    atomic_store(&port, s.port);
    make_sound(connected(s.port));
    for (int i = 0; i <= SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i ? send_jobs : send_graphs, NULL), 0);
    s = kill_often(s, kills, ready_ms);
    atomic_store(&over, true);
    for (int i = 0; i <= SENDERS; i++)
        pthread_join(threads[i], NULL);
    double killed = now_s() - begun;
    assert_all(&s);
    stop(&s, SIGTERM);
    qsort(ready_ms, (size_t)kills, sizeof *ready_ms, by_value);
    print_message("%d kills in %.0f s: %d jobs of %d items, %d sent twice, %d graphs, nothing lost; all checked after "
                  "%.0f s; listening again after %.0f ms (median), %.0f ms (most)\n",
                  kills, killed, atomic_load(&n_jobs), ITEMS, atomic_load(&n_repeats), atomic_load(&n_graphs),
                  now_s() - begun, ready_ms[kills / 2], ready_ms[kills - 1]);
    test_figure("jobs-kill.kills", kills, "kills", "300");
    test_figure("jobs-kill.jobs", atomic_load(&n_jobs), "none_lost", "-");
    test_figure("jobs-kill.wrong", atomic_load(&n_wrong), "results", "0");
    test_figure("jobs-kill.listening-again", ready_ms[kills / 2], "ms", "<=200");
    assert_int_equal(atomic_load(&n_wrong), 0);
    assert_true(atomic_load(&n_jobs) > 0 && atomic_load(&n_graphs) > 0);
    if (kills > KILLS)
        assert_true(ready_ms[kills / 2] <= MOST_READY_MS);
    free(ready_ms);
    free(sound);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_acknowledged_outlives_kills, jobs_set_up, jobs_tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
