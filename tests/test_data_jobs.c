/* labels: api */
/* Jobs in the data store: they run fairly and once, whatever becomes of the process, and end when they are told to. */
#include "tests/support.h"

#include <string.h>

#include "tests/support/kept.h"
#include "tests/support/server_child.h"

static const struct data_new_item one_item = {NULL, "{}", 2};

static void items_run_fairly_and_end_once(void **state)
{
    (void)state;
    char a[DATA_JOB_ID], b[DATA_JOB_ID], body[4] = "";
    struct data_item items[8];
    struct data_job job;
    struct data_result result;
    bool found;
    uint32_t n;
    struct data_store *s = kept_open();
    kept_put_job(s, "a", NULL, 5, a);
    kept_put_job(s, "b", NULL, 2, b);
    kept_good(data_items_lease(s, items, 4, &n, &kept_fault));
    assert_int_equal(n, 4);
    assert_string_equal(items[0].owner, "a");
    assert_string_equal(items[1].owner, "b");
    assert_string_equal(items[2].owner, "a");
    assert_string_equal(items[3].owner, "b");
    assert_null(items[0].id);
    assert_string_equal(items[2].id, "odd");
    assert_string_equal(items[2].request, "{\"kind\":\"render\"}");
    kept_end_item(s, &items[2], 200, "two");
    kept_end_item(s, &items[0], 422, "one");
    kept_end_item(s, &items[0], 200, "again");
    kept_good(data_item_return(s, &items[1], &kept_fault));
    kept_good(data_job_get(s, a, &job, &kept_fault));
    assert_int_equal(job.done, 1);
    assert_int_equal(job.failed, 1);
    assert_int_equal(job.queued, 3);
    kept_good(data_job_get(s, b, &job, &kept_fault));
    assert_int_equal(job.queued, 1);
    assert_int_equal(job.running, 1);
    s = kept_reopen(s);
    kept_good(data_result_after(s, a, 0, &result, &found, &kept_fault));
    assert_true(found);
    assert_int_equal(result.order, 1);
    assert_int_equal(result.seq, 1);
    assert_int_equal(result.body.size, 3);
    kept_good(data_read(s, result.body, 0, body, 3, &kept_fault));
    assert_string_equal(body, "two");
    data_result_done(&result);
    kept_good(data_result_after(s, a, 2, &result, &found, &kept_fault));
    assert_false(found);
    for (uint32_t i = 0; i < n; i++)
        data_item_done(&items[i]);
    kept_good(data_items_lease(s, items, 8, &n, &kept_fault));
    assert_int_equal(n, 5); /* what ran waits again */
    for (uint32_t i = 0; i < n; i++) {
        if (!strcmp(items[i].job, b) && items[i].seq == 1)
            assert_int_equal(items[i].attempts, 2);
        kept_end_item(s, &items[i], 200, "x");
        data_item_done(&items[i]);
    }
    kept_good(data_job_get(s, a, &job, &kept_fault));
    assert_int_equal(job.done, 4);
    assert_true(job.finished_ms > 0);
    data_store_free(s);
}

static void an_idempotency_key_belongs_to_one_owner_and_one_body(void **state)
{
    (void)state;
    enum data_taken taken;
    char first[DATA_JOB_ID], id[DATA_JOB_ID];
    struct data_store *s = kept_open();
    kept_put_job(s, "a", "key", 1, first);
    s = kept_reopen(s);
    struct data_new_job job = kept_job_of("a", "key", &one_item, 1);
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
    assert_int_equal(taken, DATA_JOB_SAME);
    assert_string_equal(id, first);
    job.body_sha256[0] = 1;
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
    assert_int_equal(taken, DATA_JOB_OTHER);
    job.owner = "b";
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
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
    struct data_store *s = kept_open();
    kept_put_blob(s, "b", 1, 100, hex);
    const char *const blobs[] = {hex};
    struct data_new_job job = kept_job_of("a", NULL, &one_item, 1);
    job.blobs = blobs;
    job.n_blobs = 1;
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_NOT_FOUND, NULL); /* another owner's */
    data_stats(s, &stats);
    assert_int_equal(stats.jobs, 0);
    assert_int_equal(stats.items, 0);
    job.owner = "b";
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
    kept_fails(data_blob_delete(s, "b", hex, &kept_fault), STATUS_CONFLICT, NULL);
    kept_good(data_items_lease(s, &item, 1, &n, &kept_fault));
    kept_end_item(s, &item, 200, "x");
    data_item_done(&item);
    kept_good(data_blob_delete(s, "b", hex, &kept_fault)); /* the job has ended */
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
    struct data_store *s = kept_open();
    kept_put_job(s, "a", NULL, 10, id);
    kept_good(data_items_lease(s, items, 2, &n, &kept_fault));
    kept_good(data_job_cancel(s, id, &kept_fault));
    kept_good(data_job_cancel(s, id, &kept_fault)); /* twice is once */
    kept_good(data_job_get(s, id, &job, &kept_fault));
    assert_int_equal(job.cancelled, 8);
    assert_int_equal(job.running, 2);
    assert_int_equal(job.finished_ms, 0);
    kept_end_item(s, &items[0], 200, "x");
    kept_good(data_item_return(s, &items[1], &kept_fault));
    kept_good(data_job_get(s, id, &job, &kept_fault));
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
    kept_fails(data_job_cancel(s, "00000000000000000000000000000000", &kept_fault), STATUS_NOT_FOUND, NULL);
    data_store_free(s);
}

/* So that a server that is killed often is not killed over the same item each time. */
static void such_an_item_comes_behind_the_rest_of_its_job(void **state)
{
    (void)state;
    static const uint32_t seqs[] = {1, 2, 0};
    char id[DATA_JOB_ID], later[DATA_JOB_ID];
    struct data_item item;
    uint32_t n;
    struct data_store *s = kept_open();
    kept_put_job(s, "a", NULL, 3, id);
    kept_put_job(s, "a", NULL, 1, later);
    kept_good(data_items_lease(s, &item, 1, &n, &kept_fault));
    assert_int_equal(item.seq, 0);
    data_item_done(&item);
    s = kept_reopen(s);
    for (size_t i = 0; i < 3; i++) {
        kept_good(data_items_lease(s, &item, 1, &n, &kept_fault));
        assert_string_equal(item.job, id);
        assert_int_equal(item.seq, seqs[i]);
        data_item_done(&item);
    }
    data_store_free(s);
}

static void an_item_that_takes_the_process_with_it_is_counted(void **state)
{
    (void)state;
    char id[DATA_JOB_ID];
    struct data_item item;
    uint32_t n;
    kept_config.suspect_ms = 0;
    struct data_store *s = kept_open();
    kept_put_job(s, "a", NULL, 1, id);
    for (uint32_t attempt = 1; attempt <= DATA_ATTEMPTS + 1; attempt++) {
        kept_good(data_items_lease(s, &item, 1, &n, &kept_fault));
        assert_int_equal(n, 1);
        assert_int_equal(item.attempts, attempt);
        s = kept_reopen(s); /* as if it had died */
        if (attempt <= DATA_ATTEMPTS)
            data_item_done(&item);
    }
    kept_good(data_items_lease(s, &item, 0, &n, &kept_fault));
    data_store_free(s);
    data_item_done(&item);
}

/* So that kills one soon after the other do not make an item guilty. */
static void an_item_that_saw_two_processes_die_waits_while_the_third_is_young(void **state)
{
    (void)state;
    char id[DATA_JOB_ID];
    struct data_item item, other;
    uint32_t n;
    kept_config.suspect_ms = 300;
    struct data_store *s = kept_open();
    kept_put_job(s, "a", NULL, 1, id);
    for (int death = 0; death < 2; death++) {
        kept_good(data_items_lease(s, &item, 1, &n, &kept_fault));
        assert_int_equal(n, 1);
        data_item_done(&item);
        s = kept_reopen(s);
    }
    double begun = now_s();
    kept_put_job(s, "a", NULL, 1, id);
    kept_good(data_items_lease(s, &other, 1, &n, &kept_fault)); /* a later job's */
    assert_int_equal(n, 1);
    assert_string_equal(other.job, id);
    data_item_done(&other);
    do {
        kept_good(data_items_lease(s, &item, 1, &n, &kept_fault));
        pause_ms(5);
    } while (!n && now_s() - begun < 10);
    assert_int_equal(n, 1);
    assert_int_equal(item.attempts, 3);
    assert_true(now_s() - begun >= 0.3);
    data_item_done(&item);
    data_store_free(s);
}

static void only_one_process_runs_items_and_the_next_takes_over(void **state)
{
    (void)state;
    char id[DATA_JOB_ID];
    struct data_item item, other;
    uint32_t n;
    struct data_store *a = kept_open(), *b = kept_open();
    kept_put_job(a, "a", NULL, 2, id);
    kept_good(data_items_lease(a, &item, 1, &n, &kept_fault));
    assert_int_equal(n, 1);
    kept_good(data_items_lease(b, &other, 1, &n, &kept_fault));
    assert_int_equal(n, 0);
    kept_put_job(b, "b", NULL, 1, id); /* but it takes jobs */
    data_store_free(a);
    struct data_item items[4];
    kept_good(data_items_lease(b, items, 4, &n, &kept_fault));
    assert_int_equal(n, 3);
    for (uint32_t i = 0; i < n; i++)
        data_item_done(&items[i]);
    data_item_done(&item);
    data_store_free(b);
}

static void an_ended_job_makes_room_for_a_new_one(void **state)
{
    (void)state;
    char ids[4][DATA_JOB_ID];
    enum data_taken taken;
    struct data_job view;
    kept_config.max_jobs = 2;
    struct data_store *s = kept_open();
    const struct data_new_job job = kept_job_of("a", NULL, (struct data_new_item[1]){{NULL, "0", 1}}, 1);
    kept_good(data_job_put(s, &job, &taken, ids[0], &kept_fault));
    kept_good(kept_run_job(s, 10));
    kept_good(data_job_put(s, &job, &taken, ids[1], &kept_fault));
    kept_good(data_job_put(s, &job, &taken, ids[2], &kept_fault));
    kept_fails(data_job_get(s, ids[0], &view, &kept_fault), STATUS_NOT_FOUND, NULL);
    kept_good(data_job_get(s, ids[1], &view, &kept_fault));
    kept_fails(data_job_put(s, &job, &taken, ids[3], &kept_fault), STATUS_STORE, "max-jobs"); /* both wait */
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
    kept_config.max_results_bytes = 250000;
    struct data_store *s = kept_open();
    for (int i = 0; i < 2; i++) {
        kept_put_job(s, "a", NULL, 1, ids[i]);
        kept_good(kept_run_job(s, 100000));
    }
    kept_put_job(s, "a", NULL, 2, ids[2]);
    kept_good(kept_run_job(s, 100000));
    kept_good(data_job_get(s, ids[0], &job, &kept_fault));
    assert_true(job.expired);
    kept_fails(data_result_after(s, ids[0], 0, &r, &found, &kept_fault), STATUS_NOT_FOUND, NULL);
    kept_good(data_job_get(s, ids[2], &job, &kept_fault));
    assert_false(job.expired);
    kept_put_job(s, "a", NULL, 4, ids[0]); /* alone too much: its own are never dropped while it runs */
    assert_int_equal(kept_run_job(s, 100000), STATUS_STORE);
    assert_string_equal(kept_fault.limit, "max-results-bytes");
    fault_init(&kept_fault, kept_arena);
    kept_good(data_job_get(s, ids[0], &job, &kept_fault));
    assert_false(job.expired);
    assert_int_equal(job.done, 4);
    data_stats(s, &stats);
    assert_true(stats.results_bytes <= kept_config.max_results_bytes + 4 * 16384);
    data_store_free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(items_run_fairly_and_end_once, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(an_idempotency_key_belongs_to_one_owner_and_one_body, kept_set_up,
                                        kept_tear_down),
        cmocka_unit_test_setup_teardown(a_job_without_its_blobs_is_not_taken, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_job_ends_when_what_runs_has, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(such_an_item_comes_behind_the_rest_of_its_job, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(an_item_that_takes_the_process_with_it_is_counted, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(an_item_that_saw_two_processes_die_waits_while_the_third_is_young, kept_set_up,
                                        kept_tear_down),
        cmocka_unit_test_setup_teardown(only_one_process_runs_items_and_the_next_takes_over, kept_set_up,
                                        kept_tear_down),
        cmocka_unit_test_setup_teardown(an_ended_job_makes_room_for_a_new_one, kept_set_up, kept_tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_results_make_room_and_their_job_says_so, kept_set_up,
                                        kept_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
