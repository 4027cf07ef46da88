/* labels: api */
/* The data store's promises: what was acknowledged is there after a restart, bounds hold, jobs run fairly and once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/data/data_store.h"
#include "tests/support.h"

static struct arena *arena;
static struct fault fault;
static char dir[64];
static struct data_config config;

static int begin(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    fault_init(&fault, arena);
    strcpy(dir, "/tmp/sinter-data-XXXXXX");
    assert_non_null(mkdtemp(dir));
    config = data_config_default();
    config.dir = dir;
    return 0;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    arena_free(arena);
    return 0;
}

static void good(enum status status)
{
    if (status != STATUS_OK)
        fail_msg("%s", fault.items[0].detail);
}

static void fails(enum status status, enum status expected, const char *limit)
{
    assert_int_equal(status, expected);
    if (limit)
        assert_string_equal(fault.limit, limit);
    fault_init(&fault, arena);
}

static struct data_store *opened(void)
{
    struct data_store *s;
    good(data_store_new(&config, &s, &fault));
    return s;
}

static struct data_store *reopened(struct data_store *s)
{
    data_store_free(s);
    return opened();
}

static void upload(struct data_store *s, const char *owner, uint8_t seed, size_t n, char ret_hex[DATA_SHA256_HEX])
{
    struct data_upload *u;
    uint64_t size;
    uint8_t bytes[7001];
    good(data_upload_new(s, DATA_BLOB, &u, &fault));
    for (size_t at = 0, m; at < n; at += m) {
        m = n - at < sizeof bytes ? n - at : sizeof bytes;
        for (size_t i = 0; i < m; i++)
            bytes[i] = (uint8_t)((at + i) * 31 + ((at + i) >> 11) + seed);
        good(data_upload_add(u, bytes, m, &fault));
    }
    good(data_blob_end(u, owner, ret_hex, &size, &fault));
    assert_int_equal(size, n);
    data_upload_free(u);
}

static void assert_blob(struct data_store *s, const char *owner, const char *hex, uint8_t seed, size_t n)
{
    struct data_bytes b;
    good(data_blob_find(s, owner, hex, &b, &fault));
    assert_int_equal(b.size, n);
    uint8_t *bytes = malloc(n + 1);
    size_t cut = n / 3 + 5 < n ? n / 3 + 5 : 0; /* across chunks */
    good(data_read(s, b, cut, bytes + cut, n - cut, &fault));
    good(data_read(s, b, 0, bytes, cut, &fault));
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != (uint8_t)(i * 31 + (i >> 11) + seed))
            fail_msg("byte %zu", i);
    fails(data_read(s, b, n, bytes, 1, &fault), STATUS_NOT_FOUND, NULL);
    free(bytes);
}

static void blobs_of_all_sizes_survive_a_restart(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, DATA_PIECE - 1, DATA_PIECE, DATA_PIECE + 1, 3 * DATA_PIECE + 77};
    char hex[6][DATA_SHA256_HEX];
    struct data_store *s = opened();
    for (uint8_t i = 0; i < 6; i++)
        upload(s, "a", i, sizes[i], hex[i]);
    assert_string_equal(hex[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    s = reopened(s);
    for (uint8_t i = 1; i < 6; i++)
        assert_blob(s, "a", hex[i], i, sizes[i]);
    struct data_bytes b;
    good(data_blob_find(s, "a", hex[0], &b, &fault));
    assert_int_equal(b.size, 0);
    fails(data_blob_find(s, "b", hex[1], &b, &fault), STATUS_NOT_FOUND, NULL);
    upload(s, "b", 5, sizes[5], hex[0]);
    assert_string_equal(hex[0], hex[5]);
    struct data_stats st;
    good(data_blob_delete(s, "a", hex[5], &fault));
    fails(data_blob_find(s, "a", hex[5], &b, &fault), STATUS_NOT_FOUND, NULL);
    assert_blob(s, "b", hex[5], 5, sizes[5]);
    good(data_blob_delete(s, "b", hex[5], &fault));
    data_maintain(s);
    data_stats(s, &st);
    assert_int_equal(st.blobs, 5);
    assert_int_equal(st.blobs_bytes, 3 * DATA_PIECE + 1);
    data_store_free(s);
}

static void put_job(struct data_store *s, const char *owner, const char *key, uint32_t n, char ret_id[DATA_JOB_ID])
{
    struct data_new_item items[100];
    enum data_taken taken;
    for (uint32_t i = 0; i < n; i++)
        items[i] = (struct data_new_item){i % 2 ? "odd" : NULL, "{\"kind\":\"render\"}", 17};
    struct data_new_job job = {.owner = owner, .idempotency_key = key, .items = items, .n_items = n};
    good(data_job_put(s, &job, &taken, ret_id, &fault));
    assert_int_equal(taken, DATA_JOB_NEW);
}

static void end_item(struct data_store *s, struct data_item *item, int http_status, const char *body)
{
    struct data_outcome o = {.http_status = http_status, .content_type = "text/plain", .body = body, .n = strlen(body)};
    good(data_item_end(s, item, &o, &fault));
}

static void items_run_fairly_and_end_once(void **state)
{
    (void)state;
    char a[DATA_JOB_ID], b[DATA_JOB_ID], body[4] = "";
    struct data_item items[8];
    struct data_job job;
    struct data_result result;
    bool found;
    uint32_t n;
    struct data_store *s = opened();
    put_job(s, "a", NULL, 5, a);
    put_job(s, "b", NULL, 2, b);
    good(data_items_lease(s, items, 4, &n, &fault));
    assert_int_equal(n, 4);
    assert_string_equal(items[0].owner, "a");
    assert_string_equal(items[1].owner, "b");
    assert_string_equal(items[2].owner, "a");
    assert_string_equal(items[3].owner, "b");
    assert_null(items[0].id);
    assert_string_equal(items[2].id, "odd");
    assert_string_equal(items[2].request, "{\"kind\":\"render\"}");
    end_item(s, &items[2], 200, "two");
    end_item(s, &items[0], 422, "one");
    end_item(s, &items[0], 200, "again");
    good(data_item_return(s, &items[1], &fault));
    good(data_job_get(s, a, &job, &fault));
    assert_int_equal(job.done, 1);
    assert_int_equal(job.failed, 1);
    assert_int_equal(job.queued, 3);
    good(data_job_get(s, b, &job, &fault));
    assert_int_equal(job.queued, 1);
    assert_int_equal(job.running, 1);
    s = reopened(s);
    good(data_result_after(s, a, 0, &result, &found, &fault));
    assert_true(found);
    assert_int_equal(result.order, 1);
    assert_int_equal(result.seq, 1);
    assert_int_equal(result.body.size, 3);
    good(data_read(s, result.body, 0, body, 3, &fault));
    assert_string_equal(body, "two");
    data_result_done(&result);
    good(data_result_after(s, a, 2, &result, &found, &fault));
    assert_false(found);
    for (uint32_t i = 0; i < n; i++)
        data_item_done(&items[i]);
    good(data_items_lease(s, items, 8, &n, &fault));
    assert_int_equal(n, 5); /* what ran waits again */
    for (uint32_t i = 0; i < n; i++) {
        if (!strcmp(items[i].job, b) && items[i].seq == 1)
            assert_int_equal(items[i].attempts, 2);
        end_item(s, &items[i], 200, "x");
        data_item_done(&items[i]);
    }
    good(data_job_get(s, a, &job, &fault));
    assert_int_equal(job.done, 4);
    assert_true(job.finished_ms > 0);
    data_store_free(s);
}

static struct data_new_job job_of(const char *owner, const char *key, const struct data_new_item *items, uint32_t n)
{
    return (struct data_new_job){.owner = owner, .idempotency_key = key, .items = items, .n_items = n};
}

static const struct data_new_item one_item = {NULL, "{}", 2};

static void an_idempotency_key_belongs_to_one_owner_and_one_body(void **state)
{
    (void)state;
    enum data_taken taken;
    char first[DATA_JOB_ID], id[DATA_JOB_ID];
    struct data_store *s = opened();
    put_job(s, "a", "key", 1, first);
    s = reopened(s);
    struct data_new_job job = job_of("a", "key", &one_item, 1);
    good(data_job_put(s, &job, &taken, id, &fault));
    assert_int_equal(taken, DATA_JOB_SAME);
    assert_string_equal(id, first);
    job.body_sha256[0] = 1;
    good(data_job_put(s, &job, &taken, id, &fault));
    assert_int_equal(taken, DATA_JOB_OTHER);
    job.owner = "b";
    good(data_job_put(s, &job, &taken, id, &fault));
    assert_int_equal(taken, DATA_JOB_NEW);
    assert_string_not_equal(id, first);
    data_store_free(s);
}

static void a_job_without_its_blobs_is_not_taken(void **state)
{
    (void)state;
    char hex[DATA_SHA256_HEX], id[DATA_JOB_ID];
    enum data_taken taken;
    struct data_item item;
    uint32_t n;
    struct data_stats stats;
    struct data_store *s = opened();
    upload(s, "b", 1, 100, hex);
    const char *const blobs[] = {hex};
    struct data_new_job job = job_of("a", NULL, &one_item, 1);
    job.blobs = blobs;
    job.n_blobs = 1;
    fails(data_job_put(s, &job, &taken, id, &fault), STATUS_NOT_FOUND, NULL); /* another owner's */
    data_stats(s, &stats);
    assert_int_equal(stats.jobs, 0);
    assert_int_equal(stats.items, 0);
    job.owner = "b";
    good(data_job_put(s, &job, &taken, id, &fault));
    fails(data_blob_delete(s, "b", hex, &fault), STATUS_CONFLICT, NULL);
    good(data_items_lease(s, &item, 1, &n, &fault));
    end_item(s, &item, 200, "x");
    data_item_done(&item);
    good(data_blob_delete(s, "b", hex, &fault)); /* the job has ended */
    data_store_free(s);
}

static void a_cancelled_job_ends_when_what_runs_has(void **state)
{
    (void)state;
    char id[DATA_JOB_ID];
    struct data_item items[2];
    struct data_job job;
    struct data_stats stats;
    uint32_t n;
    struct data_store *s = opened();
    put_job(s, "a", NULL, 10, id);
    good(data_items_lease(s, items, 2, &n, &fault));
    good(data_job_cancel(s, id, &fault));
    good(data_job_cancel(s, id, &fault)); /* twice is once */
    good(data_job_get(s, id, &job, &fault));
    assert_int_equal(job.cancelled, 8);
    assert_int_equal(job.running, 2);
    assert_int_equal(job.finished_ms, 0);
    end_item(s, &items[0], 200, "x");
    good(data_item_return(s, &items[1], &fault));
    good(data_job_get(s, id, &job, &fault));
    assert_int_equal(job.cancelled, 9);
    assert_int_equal(job.done, 1);
    assert_true(job.finished_ms > 0);
    data_stats(s, &stats);
    assert_int_equal(stats.items, 0);
    assert_int_equal(stats.items_bytes, 0);
    assert_int_equal(stats.items_running, 0);
    assert_int_equal(stats.jobs_ended, 1);
    for (uint32_t i = 0; i < n; i++)
        data_item_done(&items[i]);
    fails(data_job_cancel(s, "00000000000000000000000000000000", &fault), STATUS_NOT_FOUND, NULL);
    data_store_free(s);
}

static void an_item_that_takes_the_process_with_it_is_counted(void **state)
{
    (void)state;
    char id[DATA_JOB_ID];
    struct data_item item;
    uint32_t n;
    struct data_store *s = opened();
    put_job(s, "a", NULL, 1, id);
    for (uint32_t attempt = 1; attempt <= DATA_ATTEMPTS + 1; attempt++) {
        good(data_items_lease(s, &item, 1, &n, &fault));
        assert_int_equal(n, 1);
        assert_int_equal(item.attempts, attempt);
        s = reopened(s); /* as if it had died */
        if (attempt <= DATA_ATTEMPTS)
            data_item_done(&item);
    }
    good(data_items_lease(s, &item, 0, &n, &fault));
    data_store_free(s);
    data_item_done(&item);
}

/* So that a server that is killed often is not killed over the same item each time. */
static void such_an_item_comes_behind_the_rest_of_its_job(void **state)
{
    (void)state;
    static const uint32_t seqs[] = {1, 2, 0};
    char id[DATA_JOB_ID], later[DATA_JOB_ID];
    struct data_item item;
    uint32_t n;
    struct data_store *s = opened();
    put_job(s, "a", NULL, 3, id);
    put_job(s, "a", NULL, 1, later);
    good(data_items_lease(s, &item, 1, &n, &fault));
    assert_int_equal(item.seq, 0);
    data_item_done(&item);
    s = reopened(s);
    for (size_t i = 0; i < 3; i++) {
        good(data_items_lease(s, &item, 1, &n, &fault));
        assert_string_equal(item.job, id);
        assert_int_equal(item.seq, seqs[i]);
        data_item_done(&item);
    }
    data_store_free(s);
}

static void bounds_are_kept_and_named(void **state)
{
    (void)state;
    char id[DATA_JOB_ID], hex[DATA_SHA256_HEX];
    enum data_taken taken;
    bool known;
    struct data_upload *u;
    uint64_t size;
    config.max_graphs = 2;
    config.max_graphs_bytes = 2 * (10 * 3 / 2 + 90);
    config.max_blob_bytes = 1000;
    config.max_blobs_bytes = 1500;
    config.max_jobs = 2;
    config.max_items = 5;
    config.max_jobs_bytes = 100;
    struct data_store *s = opened();
    good(data_graph_put(s, "a", "0123456789", &known, &fault));
    fails(data_graph_put(s, "b", "0123456789x", &known, &fault), STATUS_LIMIT, "max-graphs-bytes");
    good(data_graph_put(s, "b", "0123456789", &known, &fault));
    good(data_graph_put(s, "b", "0123456789", &known, &fault)); /* known ones need no room */
    assert_true(known);
    fails(data_graph_put(s, "c", "", &known, &fault), STATUS_LIMIT, "max-graphs");
    good(data_upload_new(s, DATA_BLOB, &u, &fault));
    good(data_upload_add(u, dir, 60, &fault));
    char *big = calloc(1, 1000);
    fails(data_upload_add(u, big, 941, &fault), STATUS_TOO_LARGE, "max-blob-bytes");
    good(data_upload_add(u, big, 940, &fault));
    good(data_blob_end(u, "a", hex, &size, &fault));
    data_upload_free(u);
    good(data_upload_new(s, DATA_BLOB, &u, &fault));
    good(data_upload_add(u, big, 501, &fault));
    fails(data_blob_end(u, "a", hex, &size, &fault), STATUS_STORE, "max-blobs-bytes");
    data_upload_free(u);
    free(big);
    struct data_new_item items[6];
    for (int i = 0; i < 6; i++)
        items[i] = (struct data_new_item){NULL, "0123456789012345678901234", 25};
    struct data_new_job job = job_of("a", NULL, items, 6);
    fails(data_job_put(s, &job, &taken, id, &fault), STATUS_LIMIT, "max-items"); /* not for now, but for ever */
    job.n_items = 5;
    fails(data_job_put(s, &job, &taken, id, &fault), STATUS_LIMIT, "max-jobs-bytes");
    job.n_items = 1;
    good(data_job_put(s, &job, &taken, id, &fault));
    job.n_items = 4;
    fails(data_job_put(s, &job, &taken, id, &fault), STATUS_STORE, "max-jobs-bytes");
    struct data_new_job small = job_of(
        "a", NULL,
        (struct data_new_item[5]){{NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}}, 5);
    fails(data_job_put(s, &small, &taken, id, &fault), STATUS_STORE, "max-items");
    job.n_items = 1;
    good(data_job_put(s, &job, &taken, id, &fault));
    fails(data_job_put(s, &job, &taken, id, &fault), STATUS_STORE, "max-jobs");
    job.n_items = 0;
    fails(data_job_put(s, &job, &taken, id, &fault), STATUS_LIMIT, "max-items");
    data_store_free(s);
}

/* Runs all of a job to results of n bytes each. */
static enum status finish_job(struct data_store *s, size_t n_bytes)
{
    static uint8_t body[100000];
    struct data_item item;
    uint32_t n = 1;
    enum status status = STATUS_OK;
    for (;;) {
        good(data_items_lease(s, &item, 1, &n, &fault));
        if (!n)
            return status;
        struct data_outcome o = {.http_status = 200, .body = body, .n = n_bytes};
        enum status one = data_item_end(s, &item, &o, &fault);
        if (one != STATUS_OK) {
            status = one;
            o.n = 100;
            good(data_item_end(s, &item, &o, &fault));
        }
        data_item_done(&item);
    }
}

static void an_ended_job_makes_room_for_a_new_one(void **state)
{
    (void)state;
    char ids[4][DATA_JOB_ID];
    enum data_taken taken;
    struct data_job view;
    config.max_jobs = 2;
    struct data_store *s = opened();
    const struct data_new_job job = job_of("a", NULL, (struct data_new_item[1]){{NULL, "0", 1}}, 1);
    good(data_job_put(s, &job, &taken, ids[0], &fault));
    good(finish_job(s, 10));
    good(data_job_put(s, &job, &taken, ids[1], &fault));
    good(data_job_put(s, &job, &taken, ids[2], &fault));
    fails(data_job_get(s, ids[0], &view, &fault), STATUS_NOT_FOUND, NULL);
    good(data_job_get(s, ids[1], &view, &fault));
    fails(data_job_put(s, &job, &taken, ids[3], &fault), STATUS_STORE, "max-jobs"); /* both wait */
    data_store_free(s);
}

static void the_oldest_results_make_room_and_their_job_says_so(void **state)
{
    (void)state;
    char ids[3][DATA_JOB_ID];
    struct data_job job;
    struct data_result r;
    struct data_stats stats;
    bool found;
    config.max_results_bytes = 250000;
    struct data_store *s = opened();
    for (int i = 0; i < 2; i++) {
        put_job(s, "a", NULL, 1, ids[i]);
        good(finish_job(s, 100000));
    }
    put_job(s, "a", NULL, 2, ids[2]);
    good(finish_job(s, 100000));
    good(data_job_get(s, ids[0], &job, &fault));
    assert_true(job.expired);
    fails(data_result_after(s, ids[0], 0, &r, &found, &fault), STATUS_NOT_FOUND, NULL);
    good(data_job_get(s, ids[2], &job, &fault));
    assert_false(job.expired);
    put_job(s, "a", NULL, 4, ids[0]); /* alone too much: its own are never dropped while it runs */
    assert_int_equal(finish_job(s, 100000), STATUS_STORE);
    assert_string_equal(fault.limit, "max-results-bytes");
    fault_init(&fault, arena);
    good(data_job_get(s, ids[0], &job, &fault));
    assert_false(job.expired);
    assert_int_equal(job.done, 4);
    data_stats(s, &stats);
    assert_true(stats.results_bytes <= config.max_results_bytes + 4 * 16384);
    data_store_free(s);
}

static void what_is_too_old_goes_and_leaves_nothing_behind(void **state)
{
    (void)state;
    char id[DATA_JOB_ID], hex[DATA_SHA256_HEX];
    struct data_job job;
    struct data_result r;
    struct data_bytes b;
    struct data_stats stats;
    struct data_verified v;
    bool found;
    config.result_age_s = 1;
    config.blob_age_s = 1;
    struct data_store *s = opened();
    upload(s, "a", 1, 3 * DATA_PIECE, hex);
    put_job(s, "a", "key", 3, id);
    good(finish_job(s, 50000));
    good(data_result_after(s, id, 0, &r, &found, &fault));
    data_result_done(&r);
    usleep(1300000);
    data_maintain(s);
    good(data_job_get(s, id, &job, &fault));
    assert_true(job.expired);
    fails(data_result_after(s, id, 0, &r, &found, &fault), STATUS_NOT_FOUND, NULL);
    fails(data_blob_find(s, "a", hex, &b, &fault), STATUS_NOT_FOUND, NULL);
    usleep(1300000);
    for (int i = 0; i < 5; i++)
        data_maintain(s);
    fails(data_job_get(s, id, &job, &fault), STATUS_NOT_FOUND, NULL);
    data_stats(s, &stats);
    assert_int_equal(stats.jobs + stats.jobs_ended + stats.blobs + stats.blobs_bytes + stats.results_bytes, 0);
    data_store_free(s);
    good(data_verify(dir, NULL, NULL, &v, &fault));
    assert_int_equal(v.faults, 0);
    char command[256];
    snprintf(
        command, sizeof command,
        "test $(sqlite3 %s/data.db 'SELECT (SELECT count(*) FROM chunks) + (SELECT count(*) FROM bodies) + (SELECT "
        "count(*) FROM owners)') = 0",
        dir);
    assert_int_equal(system(command), 0);
}

static void only_one_process_runs_items_and_the_next_takes_over(void **state)
{
    (void)state;
    char id[DATA_JOB_ID];
    struct data_item item, other;
    uint32_t n;
    struct data_store *a = opened(), *b = opened();
    put_job(a, "a", NULL, 2, id);
    good(data_items_lease(a, &item, 1, &n, &fault));
    assert_int_equal(n, 1);
    good(data_items_lease(b, &other, 1, &n, &fault));
    assert_int_equal(n, 0);
    put_job(b, "b", NULL, 1, id); /* but it takes jobs */
    data_store_free(a);
    struct data_item items[4];
    good(data_items_lease(b, items, 4, &n, &fault));
    assert_int_equal(n, 3);
    for (uint32_t i = 0; i < n; i++)
        data_item_done(&items[i]);
    data_item_done(&item);
    data_store_free(b);
}

static void in_memory_it_is_the_same(void **state)
{
    (void)state;
    char hex[DATA_SHA256_HEX];
    config.dir = NULL;
    struct data_store *s = opened();
    upload(s, "a", 3, 3 * DATA_PIECE + 5, hex);
    assert_blob(s, "a", hex, 3, 3 * DATA_PIECE + 5);
    good(data_blob_delete(s, "a", hex, &fault));
    s = opened();
    put_job(s, "a", NULL, 20, hex);
    good(finish_job(s, 70000));
    data_store_free(s);
}

struct writer {
    struct data_store *store;
    int first;
};

static void *put_many(void *user)
{
    const struct writer *w = user;
    struct arena *a = arena_new(1 << 20);
    struct fault f;
    fault_init(&f, a);
    for (int i = w->first; i < w->first + 50; i++) {
        char id[20];
        bool known;
        snprintf(id, sizeof id, "%d", i);
        if (data_graph_put(w->store, id, "text", &known, &f) != STATUS_OK)
            abort();
    }
    arena_free(a);
    return NULL;
}

static void many_writers_share_a_commit(void **state)
{
    (void)state;
    enum { THREADS = 16 };
    pthread_t threads[THREADS];
    struct writer writers[THREADS];
    struct data_stats stats;
    struct data_store *s = opened();
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){s, i * 50};
        pthread_create(&threads[i], NULL, put_many, &writers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    data_stats(s, &stats);
    assert_int_equal(stats.graphs, THREADS * 50);
    print_message("%d writes in %llu commits\n", THREADS * 50, (unsigned long long)stats.commits);
    assert_true(stats.commits < THREADS * 50 / 3);
    data_store_free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blobs_of_all_sizes_survive_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(items_run_fairly_and_end_once, begin, end),
        cmocka_unit_test_setup_teardown(an_idempotency_key_belongs_to_one_owner_and_one_body, begin, end),
        cmocka_unit_test_setup_teardown(a_job_without_its_blobs_is_not_taken, begin, end),
        cmocka_unit_test_setup_teardown(a_cancelled_job_ends_when_what_runs_has, begin, end),
        cmocka_unit_test_setup_teardown(such_an_item_comes_behind_the_rest_of_its_job, begin, end),
        cmocka_unit_test_setup_teardown(an_item_that_takes_the_process_with_it_is_counted, begin, end),
        cmocka_unit_test_setup_teardown(bounds_are_kept_and_named, begin, end),
        cmocka_unit_test_setup_teardown(an_ended_job_makes_room_for_a_new_one, begin, end),
        cmocka_unit_test_setup_teardown(the_oldest_results_make_room_and_their_job_says_so, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_old_goes_and_leaves_nothing_behind, begin, end),
        cmocka_unit_test_setup_teardown(only_one_process_runs_items_and_the_next_takes_over, begin, end),
        cmocka_unit_test_setup_teardown(in_memory_it_is_the_same, begin, end),
        cmocka_unit_test_setup_teardown(many_writers_share_a_commit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
