/* labels: api */
/* The data store's promises: what was acknowledged is there after a restart, bounds hold, what is too old goes. */
#include "tests/support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/kept.h"

static void assert_blob(struct data_store *s, const char *owner, const char *hex, uint8_t seed, size_t n)
{
    struct data_bytes b;
    kept_good(data_blob_find(s, owner, hex, &b, &kept_fault));
    assert_int_equal(b.size, n);
    uint8_t *bytes = malloc(n + 1);
    size_t cut = n / 3 + 5 < n ? n / 3 + 5 : 0; /* across chunks */
    kept_good(data_read(s, b, cut, bytes + cut, n - cut, &kept_fault));
    kept_good(data_read(s, b, 0, bytes, cut, &kept_fault));
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != (uint8_t)(i * 31 + (i >> 11) + seed))
            fail_msg("byte %zu", i);
    kept_fails(data_read(s, b, n, bytes, 1, &kept_fault), STATUS_NOT_FOUND, NULL);
    free(bytes);
}

static void blobs_of_all_sizes_survive_a_restart(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, DATA_PIECE - 1, DATA_PIECE, DATA_PIECE + 1, 3 * DATA_PIECE + 77};
    char hex[6][DATA_SHA256_HEX];
    struct data_store *s = kept_open();
    for (uint8_t i = 0; i < 6; i++)
        kept_put_blob(s, "a", i, sizes[i], hex[i]);
    assert_string_equal(hex[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    s = kept_reopen(s);
    for (uint8_t i = 1; i < 6; i++)
        assert_blob(s, "a", hex[i], i, sizes[i]);
    struct data_bytes b;
    kept_good(data_blob_find(s, "a", hex[0], &b, &kept_fault));
    assert_int_equal(b.size, 0);
    kept_fails(data_blob_find(s, "b", hex[1], &b, &kept_fault), STATUS_NOT_FOUND, NULL);
    kept_put_blob(s, "b", 5, sizes[5], hex[0]);
    assert_string_equal(hex[0], hex[5]);
    struct data_stats st;
    kept_good(data_blob_delete(s, "a", hex[5], &kept_fault));
    kept_fails(data_blob_find(s, "a", hex[5], &b, &kept_fault), STATUS_NOT_FOUND, NULL);
    assert_blob(s, "b", hex[5], 5, sizes[5]);
    kept_good(data_blob_delete(s, "b", hex[5], &kept_fault));
    data_maintain(s);
    data_stats(s, &st);
    assert_int_equal(st.blobs, 5);
    assert_int_equal(st.blobs_bytes, 3 * DATA_PIECE + 1);
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
    kept_config.max_graphs = 2;
    kept_config.max_graphs_bytes = 2 * (10 * 3 / 2 + 90);
    kept_config.max_blob_bytes = 1000;
    kept_config.max_blobs_bytes = 1500;
    kept_config.max_jobs = 2;
    kept_config.max_items = 5;
    kept_config.max_jobs_bytes = 100;
    struct data_store *s = kept_open();
    kept_good(data_graph_put(s, "a", "0123456789", &known, &kept_fault));
    kept_fails(data_graph_put(s, "b", "0123456789x", &known, &kept_fault), STATUS_LIMIT, "max-graphs-bytes");
    kept_good(data_graph_put(s, "b", "0123456789", &known, &kept_fault));
    kept_good(data_graph_put(s, "b", "0123456789", &known, &kept_fault)); /* known ones need no room */
    assert_true(known);
    kept_fails(data_graph_put(s, "c", "", &known, &kept_fault), STATUS_LIMIT, "max-graphs");
    kept_good(data_upload_new(s, DATA_BLOB, "a", &u, &kept_fault));
    kept_good(data_upload_add(u, kept_dir, 60, &kept_fault));
    char *big = calloc(1, 1000);
    kept_fails(data_upload_add(u, big, 941, &kept_fault), STATUS_TOO_LARGE, "max-blob-bytes");
    kept_good(data_upload_add(u, big, 940, &kept_fault));
    kept_good(data_blob_end(u, hex, &size, &kept_fault));
    data_upload_free(u);
    kept_good(data_upload_new(s, DATA_BLOB, "a", &u, &kept_fault));
    kept_good(data_upload_add(u, big, 501, &kept_fault));
    kept_fails(data_blob_end(u, hex, &size, &kept_fault), STATUS_STORE, "max-blobs-bytes");
    data_upload_free(u);
    free(big);
    struct data_new_item items[6];
    for (int i = 0; i < 6; i++)
        items[i] = (struct data_new_item){NULL, "0123456789012345678901234", 25};
    struct data_new_job job = kept_job_of("a", NULL, items, 6);
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_LIMIT,
               "max-items"); /* not for now, but for ever */
    job.n_items = 5;
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_LIMIT, "max-jobs-bytes");
    job.n_items = 1;
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
    job.n_items = 4;
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_STORE, "max-jobs-bytes");
    struct data_new_job small = kept_job_of(
        "a", NULL,
        (struct data_new_item[5]){{NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}}, 5);
    kept_fails(data_job_put(s, &small, &taken, id, &kept_fault), STATUS_STORE, "max-items");
    job.n_items = 1;
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_STORE, "max-jobs");
    job.n_items = 0;
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_LIMIT, "max-items");
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
    kept_config.result_age_s = 1;
    kept_config.blob_age_s = 1;
    struct data_store *s = kept_open();
    kept_put_blob(s, "a", 1, 3 * DATA_PIECE, hex);
    kept_put_job(s, "a", "key", 3, id);
    kept_good(kept_run_job(s, 50000));
    kept_good(data_result_after(s, id, 0, &r, &found, &kept_fault));
    data_result_done(&r);
    usleep(1300000);
    data_maintain(s);
    kept_good(data_job_get(s, id, &job, &kept_fault));
    assert_true(job.expired);
    kept_fails(data_result_after(s, id, 0, &r, &found, &kept_fault), STATUS_NOT_FOUND, NULL);
    kept_fails(data_blob_find(s, "a", hex, &b, &kept_fault), STATUS_NOT_FOUND, NULL);
    usleep(1300000);
    for (int i = 0; i < 5; i++)
        data_maintain(s);
    kept_fails(data_job_get(s, id, &job, &kept_fault), STATUS_NOT_FOUND, NULL);
    data_stats(s, &stats);
    assert_int_equal(stats.jobs + stats.jobs_ended + stats.blobs + stats.blobs_bytes + stats.results_bytes, 0);
    data_store_free(s);
    kept_good(data_verify(kept_dir, NULL, NULL, &v, &kept_fault));
    assert_int_equal(v.faults, 0);
    char command[256];
    snprintf(
        command, sizeof command,
        "test $(sqlite3 %s/data.db 'SELECT (SELECT count(*) FROM chunks) + (SELECT count(*) FROM bodies) + (SELECT "
        "count(*) FROM owners)') = 0",
        kept_dir);
    assert_int_equal(system(command), 0);
}

static void in_memory_it_is_the_same(void **state)
{
    (void)state;
    char hex[DATA_SHA256_HEX];
    kept_config.dir = NULL;
    struct data_store *s = kept_open();
    kept_put_blob(s, "a", 3, 3 * DATA_PIECE + 5, hex);
    assert_blob(s, "a", hex, 3, 3 * DATA_PIECE + 5);
    kept_good(data_blob_delete(s, "a", hex, &kept_fault));
    s = kept_open();
    kept_put_job(s, "a", NULL, 20, hex);
    kept_good(kept_run_job(s, 70000));
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
    struct data_store *s = kept_open();
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
        cmocka_unit_test_setup_teardown(blobs_of_all_sizes_survive_a_restart, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(bounds_are_kept_and_named, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_old_goes_and_leaves_nothing_behind, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(in_memory_it_is_the_same, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(many_writers_share_a_commit, kept_set_up, kept_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
