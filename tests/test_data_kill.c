/* labels: api */
/* kill -9 at random points of a process that stores graphs, blobs, jobs and results from several threads: what it was
 * told is kept is there, nothing is half there, and the next process is ready at once. SINTER_TORTURE_STEP=1: 300
 * times, else 20. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/data/data_store.h"
#include "core/hash.h"
#include "tests/support.h"
#include "tests/support/folder.h"

enum { THREADS = 4, RESULT = 20000 };

/* What the child says when a call has returned; less than PIPE_BUF, so never in pieces. */
struct ack {
    enum { ACK_GRAPH, ACK_BLOB, ACK_JOB, ACK_RESULT } what;
    uint32_t seq;
    char id[DATA_SHA256_HEX];
};

static char dir[FOLDER_PATH];
static struct data_config config;
static int to_parent;
static struct data_store *store;
static unsigned round_number;

static void tell(int what, uint32_t seq, const char *id)
{
    struct ack ack = {.what = what, .seq = seq};
    snprintf(ack.id, sizeof ack.id, "%s", id);
    if (write(to_parent, &ack, sizeof ack) != sizeof ack)
        _exit(3);
}

static void graph_text(unsigned round, unsigned thread, unsigned i, char ret_id[HASH_HEX], char ret_text[80])
{
    uint8_t digest[HASH_SIZE];
    snprintf(ret_text, 80, "{\"output\":\"x*%u+%u+%u\"}", round, thread, i);
    hash_parts(&(struct hash_part){ret_text, strlen(ret_text)}, 1, digest);
    hash_hex(digest, ret_id);
}

static void put_graph(unsigned thread, unsigned i, struct fault *f)
{
    char id[HASH_HEX], text[80];
    bool known;
    graph_text(round_number, thread, i, id, text);
    if (data_graph_put(store, id, text, &known, f) == STATUS_OK)
        tell(ACK_GRAPH, 0, id);
}

static void put_blob(unsigned thread, unsigned i, struct fault *f)
{
    struct data_upload *u;
    uint64_t size;
    char hex[DATA_SHA256_HEX];
    unsigned bytes[2000];
    for (unsigned k = 0; k < 2000; k++)
        bytes[k] = k * i + thread + round_number;
    if (data_upload_new(store, DATA_BLOB, "me", &u, f) != STATUS_OK)
        return;
    bool good = true;
    for (unsigned k = 0; k <= i % 3 * 70 && good; k++)
        good = data_upload_add(u, bytes, sizeof bytes, f) == STATUS_OK;
    if (good && data_blob_end(u, hex, &size, f) == STATUS_OK)
        tell(ACK_BLOB, (uint32_t)size, hex);
    data_upload_free(u);
}

static void put_job(unsigned i, struct fault *f)
{
    struct data_new_item items[5];
    struct data_new_job job = {.owner = i % 2 ? "me" : "you", .items = items, .n_items = 5};
    enum data_taken taken;
    char id[DATA_JOB_ID];
    for (int k = 0; k < 5; k++)
        items[k] = (struct data_new_item){NULL, "{}", 2};
    if (data_job_put(store, &job, &taken, id, f) == STATUS_OK)
        tell(ACK_JOB, 0, id);
}

static void run_item(struct fault *f)
{
    static const uint8_t body[RESULT] = {1};
    struct data_item item;
    uint32_t n = 0;
    if (data_items_lease(store, &item, 1, &n, f) != STATUS_OK || !n)
        return;
    struct data_outcome o = {.http_status = 200, .content_type = "image/png", .body = body, .n = RESULT - item.seq};
    if (data_item_end(store, &item, &o, f) == STATUS_OK)
        tell(ACK_RESULT, item.seq, item.job);
    data_item_done(&item);
}

static void *store_forever(void *user)
{
    unsigned thread = *(unsigned *)user;
    for (unsigned i = 0;; i++) {
        struct arena *a = arena_new(1 << 20);
        struct fault f;
        fault_init(&f, a);
        switch ((i + thread) % 4) {
        case 0:
            put_graph(thread, i, &f);
            break;
        case 1:
            put_blob(thread, i, &f);
            break;
        case 2:
            put_job(i, &f);
            break;
        default:
            for (int k = 0; k < 4; k++)
                run_item(&f);
        }
        arena_free(a);
    }
    return NULL;
}

static void live_until_killed(int fd)
{
    static unsigned numbers[THREADS] = {0, 1, 2, 3};
    pthread_t threads[THREADS];
    struct arena *a = arena_new(1 << 20);
    struct fault f;
    to_parent = fd;
    fault_init(&f, a);
    if (data_store_new(&config, &store, &f) != STATUS_OK)
        _exit(2);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, store_forever, &numbers[i]) != 0)
            _exit(4);
    for (;;)
        pause();
}

struct acks {
    struct ack *list;
    size_t n, cap;
};

/* Lets it live for some milliseconds, and all that it said. */
static void live_and_die(unsigned ms, struct acks *acks)
{
    int fds[2];
    struct ack ack;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        live_until_killed(fds[1]);
    }
    close(fds[1]);
    struct timespec until, now;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000L;
    bool killed = false;
    while (read(fds[0], &ack, sizeof ack) == sizeof ack) {
        if (acks->n == acks->cap)
            acks->list = realloc(acks->list, (acks->cap = 2 * acks->cap + 256) * sizeof ack);
        acks->list[acks->n++] = ack;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (!killed && (now.tv_sec - until.tv_sec) * 1000000000L + now.tv_nsec > until.tv_nsec)
            killed = kill(pid, SIGKILL) == 0;
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(fds[0]);
}

static bool has_result(struct data_store *s, const struct ack *ack, struct fault *f)
{
    struct data_result r;
    bool found = true, there = false;
    for (uint32_t order = 0; found && !there; order++) {
        assert_int_equal(data_result_after(s, ack->id, order, &r, &found, f), STATUS_OK);
        if (!found)
            break;
        assert_int_equal(r.order, order + 1);
        assert_int_equal(r.body.size, RESULT - r.seq);
        there = r.seq == ack->seq;
        data_result_done(&r);
    }
    return there;
}

static void assert_there(struct data_store *s, const struct ack *ack, struct fault *f)
{
    char *text = NULL;
    struct data_bytes b;
    struct data_job job;
    switch (ack->what) {
    case ACK_GRAPH:
        assert_int_equal(data_graph_get(s, ack->id, &text, f), STATUS_OK);
        assert_non_null(text);
        free(text);
        break;
    case ACK_BLOB:
        assert_int_equal(data_blob_find(s, "me", ack->id, &b, f), STATUS_OK);
        assert_int_equal(b.size, ack->seq);
        break;
    case ACK_JOB:
        assert_int_equal(data_job_get(s, ack->id, &job, f), STATUS_OK);
        assert_int_equal(job.items, 5);
        break;
    case ACK_RESULT:
        assert_true(has_result(s, ack, f));
    }
}

static void print_fault(const char *line, void *user)
{
    (void)user;
    print_error("%s\n", line);
}

static double ms_between(const struct timespec *from, const struct timespec *to)
{
    return (double)(to->tv_sec - from->tv_sec) * 1e3 + (double)(to->tv_nsec - from->tv_nsec) * 1e-6;
}

/* How long the next process takes to be ready. */
static double look_after(const struct acks *acks, size_t from, struct arena *a)
{
    struct data_verified v;
    struct data_store *s;
    struct timespec begun, ready;
    struct fault f;
    fault_init(&f, a);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    assert_int_equal(data_store_new(&config, &s, &f), STATUS_OK);
    clock_gettime(CLOCK_MONOTONIC, &ready);
    for (size_t i = from; i < acks->n; i++)
        assert_there(s, &acks->list[i], &f);
    data_store_free(s);
    assert_int_equal(data_verify(dir, print_fault, NULL, &v, &f), STATUS_OK);
    assert_int_equal(v.faults, 0);
    return ms_between(&begun, &ready);
}

static void what_was_acknowledged_outlives_kill_9(void **state)
{
    (void)state;
    const char *step = getenv("SINTER_TORTURE_STEP");
    unsigned rounds = step && !strcmp(step, "1") ? 300 : 20;
    struct acks acks = {0};
    double worst = 0;
    uint64_t random = 1;
    folder_make(dir);
    config = data_config_default();
    config.dir = dir;
    config.max_blobs_bytes = (uint64_t)100 << 20; /* refusals belong to the load */
    for (round_number = 0; round_number < rounds; round_number++) {
        struct arena *a = arena_new(64 << 20);
        size_t before = acks.n;
        live_and_die(test_random(&random) % 120, &acks);
        bool last = round_number + 1 == rounds;
        double took = look_after(&acks, last ? 0 : before, a);
        worst = took > worst ? took : worst;
        arena_free(a);
    }
    print_message("killed %u times: %zu acknowledged, none lost; open again within %.1f ms\n", rounds, acks.n, worst);
    test_figure("data-kill.kills", rounds, "kills", "-");
    test_figure("data-kill.acknowledged", (double)acks.n, "none_lost", "-");
    test_figure("data-kill.open-again", worst, "ms", "-");
    assert_true(acks.n > rounds);
    free(acks.list);
    folder_remove(dir);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_acknowledged_outlives_kill_9)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
