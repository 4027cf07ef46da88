/* labels: api */
/* A disk that fails under the data store, at every operation in turn: what was acknowledged is there afterwards, what
 * was refused is there whole or not at all, and nothing else is wrong with the file. SINTER_TORTURE_STEP: how many
 * operations are passed over between two faults (default 197 here; the slow run takes them all). */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/data/data_store.h"
#include "core/hash.h"
#include "tests/support.h"
#include "tests/support/folder.h"
#include "tests/support/vfs_faults.h"

enum { LARGE = DATA_PIECE + 5000 };

static struct arena *arena;
static struct fault fault;
static char dir[FOLDER_PATH];
static struct data_config config;
static unsigned tried, refused;

/* What the store has acknowledged. */
static struct promised {
    bool graphs[4], blob, job, done[3];
    char blob_hex[DATA_SHA256_HEX], job_id[DATA_JOB_ID];
} acked;
static uint8_t large[LARGE];

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(256 << 20);
    fault_init(&fault, arena);
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 7 + (i >> 9));
    vfs_faults_begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vfs_faults_end();
    arena_free(arena);
    return 0;
}

static void make_dir(void)
{
    folder_make_in_memory(dir);
    config = data_config_default();
    config.dir = dir;
}

static void remove_dir(void)
{
    folder_remove(dir);
}

/* True: acknowledged. A refusal must be the store's. */
static bool ok(enum status status)
{
    tried++;
    if (status == STATUS_OK)
        return true;
    refused++;
    if (status != STATUS_STORE)
        fail_msg("status %s: %s", status_slug(status), fault.items[0].detail);
    fault_init(&fault, arena);
    return false;
}

static void graph_of(int i, char ret_id[HASH_HEX], char ret_text[64])
{
    uint8_t digest[HASH_SIZE];
    snprintf(ret_text, 64, "{\"output\":\"x*%d\"}", i);
    hash_parts(&(struct hash_part){ret_text, strlen(ret_text)}, 1, digest);
    hash_hex(digest, ret_id);
}

static void put_graph(struct data_store *s, int i)
{
    char id[HASH_HEX], text[64];
    bool known;
    graph_of(i, id, text);
    acked.graphs[i] = ok(data_graph_put(s, id, text, &known, &fault)) || acked.graphs[i];
}

static void put_blob(struct data_store *s)
{
    struct data_upload *u;
    uint64_t size;
    if (!ok(data_upload_new(s, DATA_BLOB, "me", &u, &fault)))
        return;
    acked.blob = ok(data_upload_add(u, large, LARGE, &fault)) && ok(data_blob_end(u, acked.blob_hex, &size, &fault));
    data_upload_free(u);
}

static void put_job(struct data_store *s)
{
    const char *const blobs[] = {acked.blob_hex};
    const struct data_new_item items[] = {{"a", "{}", 2}, {"b", "{\"x\":1}", 7}, {NULL, "{}", 2}};
    enum data_taken taken;
    struct data_new_job job = {.owner = "me",
                               .idempotency_key = "k",
                               .items = items,
                               .n_items = 3,
                               .blobs = blobs,
                               .n_blobs = acked.blob ? 1 : 0};
    acked.job = ok(data_job_put(s, &job, &taken, acked.job_id, &fault));
}

static void end_small(struct data_store *s, const struct data_item *item)
{
    struct data_outcome o = {.http_status = 200, .content_type = "image/png", .body = large, .n = 3000};
    acked.done[item->seq] = ok(data_item_end(s, item, &o, &fault)) || acked.done[item->seq];
}

static void end_large(struct data_store *s, const struct data_item *item)
{
    struct data_outcome o = {.http_status = 200, .content_type = "audio/wav"};
    if (!ok(data_upload_new(s, DATA_RESULT, "me", &o.upload, &fault)))
        return;
    if (ok(data_upload_add(o.upload, large, LARGE, &fault)))
        acked.done[item->seq] = ok(data_item_end(s, item, &o, &fault)) || acked.done[item->seq];
    data_upload_free(o.upload);
}

static void run_items(struct data_store *s)
{
    struct data_item items[3];
    uint32_t n = 0;
    if (!ok(data_items_lease(s, items, 2, &n, &fault)))
        return;
    for (uint32_t i = 0; i < n; i++) {
        if (items[i].seq == 0)
            end_small(s, &items[i]);
        else if (items[i].seq == 1)
            end_large(s, &items[i]);
        else
            ok(data_item_return(s, &items[i], &fault));
        data_item_done(&items[i]);
    }
}

/* A life of the store, whatever fails in it. */
static void live(struct data_store *s)
{
    put_graph(s, 0);
    put_graph(s, 1);
    put_blob(s);
    put_job(s);
    put_graph(s, 2);
    run_items(s);
    run_items(s);
    data_maintain(s);
    put_graph(s, 3);
}

static void assert_bytes(struct data_store *s, struct data_bytes b, size_t n)
{
    static uint8_t bytes[LARGE];
    assert_int_equal(b.size, n);
    assert_int_equal(data_read(s, b, 0, bytes, n, &fault), STATUS_OK);
    assert_memory_equal(bytes, large, n);
}

static void assert_results(struct data_store *s)
{
    bool found = true, seen[3] = {0};
    struct data_result r;
    for (uint32_t order = 0; order < 3; order++) {
        assert_int_equal(data_result_after(s, acked.job_id, order, &r, &found, &fault), STATUS_OK);
        if (!found)
            break;
        assert_int_equal(r.order, order + 1);
        assert_false(seen[r.seq]);
        seen[r.seq] = true;
        assert_bytes(s, r.body, r.seq == 0 ? 3000 : LARGE);
        data_result_done(&r);
    }
    for (int i = 0; i < 3; i++)
        assert_true(seen[i] || !acked.done[i]);
}

static void print_fault(const char *line, void *user)
{
    (void)user;
    print_error("%s\n", line);
}

/* Everything acknowledged is there, and all else is in order. */
static void assert_kept(void)
{
    struct data_verified v;
    struct data_store *s;
    struct data_bytes b;
    struct data_job job;
    assert_int_equal(data_store_new(&config, &s, &fault), STATUS_OK);
    for (int i = 0; i < 4; i++) {
        char id[HASH_HEX], text[64], *found = NULL;
        graph_of(i, id, text);
        assert_int_equal(data_graph_get(s, id, &found, &fault), STATUS_OK);
        assert_true(found || !acked.graphs[i]);
        if (found)
            assert_string_equal(found, text);
        free(found);
    }
    if (acked.blob) {
        assert_int_equal(data_blob_find(s, "me", acked.blob_hex, &b, &fault), STATUS_OK);
        assert_bytes(s, b, LARGE);
    }
    if (acked.job) {
        assert_int_equal(data_job_get(s, acked.job_id, &job, &fault), STATUS_OK);
        assert_int_equal(job.items, 3);
        assert_results(s);
    }
    data_maintain(s);
    put_graph(s, 0); /* it can be written again */
    assert_true(acked.graphs[0]);
    data_store_free(s);
    assert_int_equal(data_verify(dir, print_fault, NULL, &v, &fault), STATUS_OK);
    assert_int_equal(v.faults, 0);
}

/* One life with a fault at the n-th operation; how many there were. */
static unsigned one_life(enum vfs_fault kind, unsigned n, bool lasting, bool power)
{
    struct data_store *s;
    memset(&acked, 0, sizeof acked);
    make_dir();
    vfs_faults_arm(kind, n, lasting);
    if (ok(data_store_new(&config, &s, &fault))) {
        live(s);
        data_store_free(s);
    }
    unsigned count = vfs_faults_count();
    vfs_faults_arm(VFS_SOUND, 0, false);
    if (power)
        vfs_faults_lose(n);
    else
        vfs_faults_forget();
    assert_kept();
    remove_dir();
    return count;
}

static void every_one(const char *name, enum vfs_fault kind, bool lasting, bool power)
{
    const char *step_text = getenv("SINTER_TORTURE_STEP");
    tried = refused = 0;
    unsigned step = step_text ? (unsigned)atoi(step_text) : 197, lives = 0;
    if (kind == VFS_SYNC || kind == VFS_READ) /* there are fewer */
        step = step > 13 ? 13 : step;
    unsigned count = one_life(kind, 0, lasting, power);
    assert_int_equal(refused, 0);
    for (unsigned n = 1; n <= count; n += step, lives++)
        one_life(kind, n, lasting, power);
    print_message("%s: %u faults, %u calls, %u refused, all that was acknowledged kept\n", name, lives, tried, refused);
    test_figure("data-db.faults", lives, "kept_all", "-");
    assert_true(lives > 1);
    assert_true(refused > 0);
}

static void the_disk_is_full_once(void **state)
{
    (void)state;
    every_one("disk full once", VFS_FULL, false, false);
}

static void the_disk_is_full_from_then_on(void **state)
{
    (void)state;
    every_one("disk full from then on", VFS_FULL, true, false);
}

static void a_write_fails(void **state)
{
    (void)state;
    every_one("a write fails", VFS_IOERR, false, true);
}

static void the_disk_becomes_read_only(void **state)
{
    (void)state;
    every_one("read-only from then on", VFS_READONLY, true, false);
}

static void a_sync_fails(void **state)
{
    (void)state;
    every_one("a sync fails, then the power", VFS_SYNC, false, true);
}

static void a_read_fails(void **state)
{
    (void)state;
    every_one("a read fails", VFS_READ, false, false);
}

static void the_power_is_cut(void **state)
{
    (void)state;
    every_one("power cut", VFS_POWER_CUT, true, true);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        ONE(the_disk_is_full_once), ONE(the_disk_is_full_from_then_on),
        ONE(a_write_fails),         ONE(the_disk_becomes_read_only),
        ONE(a_sync_fails),          ONE(a_read_fails),
        ONE(the_power_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
