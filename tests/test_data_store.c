/* labels: api */
/* The data store's promises: what was acknowledged is there after a restart, bounds hold, jobs run fairly and once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/data_store.h"
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blobs_of_all_sizes_survive_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(items_run_fairly_and_end_once, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
