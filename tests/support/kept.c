/* See kept.h. */
#include "tests/support.h"

#include "tests/support/kept.h"

#include <string.h>

struct arena *kept_arena;
struct fault kept_fault;
char kept_dir[FOLDER_PATH];
struct data_config kept_config;

int kept_set_up(void **state)
{
    (void)state;
    kept_arena = arena_new(64 << 20);
    fault_init(&kept_fault, kept_arena);
    folder_make(kept_dir);
    kept_config = data_config_default();
    kept_config.dir = kept_dir;
    return 0;
}

int kept_tear_down(void **state)
{
    (void)state;
    folder_remove(kept_dir);
    arena_free(kept_arena);
    return 0;
}

void kept_good(enum status status)
{
    if (status != STATUS_OK)
        fail_msg("%s", kept_fault.items[0].detail);
}

void kept_fails(enum status status, enum status expected, const char *limit)
{
    assert_int_equal(status, expected);
    if (limit)
        assert_string_equal(kept_fault.limit, limit);
    fault_init(&kept_fault, kept_arena);
}

struct data_store *kept_open(void)
{
    struct data_store *s;
    kept_good(data_store_new(&kept_config, &s, &kept_fault));
    return s;
}

struct data_store *kept_reopen(struct data_store *s)
{
    data_store_free(s);
    return kept_open();
}

void kept_put_blob(struct data_store *s, const char *owner, uint8_t seed, size_t n, char ret_hex[DATA_SHA256_HEX])
{
    struct data_upload *u;
    uint64_t size;
    uint8_t bytes[7001];
    kept_good(data_upload_new(s, DATA_BLOB, owner, &u, &kept_fault));
    for (size_t at = 0, m; at < n; at += m) {
        m = n - at < sizeof bytes ? n - at : sizeof bytes;
        for (size_t i = 0; i < m; i++)
            bytes[i] = (uint8_t)((at + i) * 31 + ((at + i) >> 11) + seed);
        kept_good(data_upload_add(u, bytes, m, &kept_fault));
    }
    kept_good(data_blob_end(u, ret_hex, &size, &kept_fault));
    assert_int_equal(size, n);
    data_upload_free(u);
}

void kept_put_job(struct data_store *s, const char *owner, const char *key, uint32_t n, char ret_id[DATA_JOB_ID])
{
    struct data_new_item items[100];
    enum data_taken taken;
    for (uint32_t i = 0; i < n; i++)
        items[i] = (struct data_new_item){i % 2 ? "odd" : NULL, "{\"kind\":\"render\"}", 17};
    struct data_new_job job = {.owner = owner, .idempotency_key = key, .items = items, .n_items = n};
    kept_good(data_job_put(s, &job, &taken, ret_id, &kept_fault));
    assert_int_equal(taken, DATA_JOB_NEW);
}

void kept_end_item(struct data_store *s, struct data_item *item, int http_status, const char *body)
{
    struct data_outcome o = {.http_status = http_status, .content_type = "text/plain", .body = body, .n = strlen(body)};
    kept_good(data_item_end(s, item, &o, &kept_fault));
}

struct data_new_job kept_job_of(const char *owner, const char *key, const struct data_new_item *items, uint32_t n)
{
    return (struct data_new_job){.owner = owner, .idempotency_key = key, .items = items, .n_items = n};
}

enum status kept_run_job(struct data_store *s, size_t n_bytes)
{
    static uint8_t body[100000];
    struct data_item item;
    uint32_t n = 1;
    enum status status = STATUS_OK;
    for (;;) {
        kept_good(data_items_lease(s, &item, 1, &n, &kept_fault));
        if (!n)
            return status;
        struct data_outcome o = {.http_status = 200, .body = body, .n = n_bytes};
        enum status one = data_item_end(s, &item, &o, &kept_fault);
        if (one != STATUS_OK) {
            status = one;
            o.n = 100;
            kept_good(data_item_end(s, &item, &o, &kept_fault));
        }
        data_item_done(&item);
    }
}
