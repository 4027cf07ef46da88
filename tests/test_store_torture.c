/* labels: jit */
/* kernels.db under torture: every byte of a real kernel's row flipped, rows under each other's keys, the file flipped
 * and cut short, disks that fail. Whatever happens, no other code than what was stored is ever handed out, and the
 * store goes on. SINTER_TORTURE_STEP: how many bytes or operations are passed over between two (default 61 here; the
 * slow run takes them all). */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jit/store.h"
#include "tests/support.h"
#include "tests/support/folder.h"
#include "tests/support/vfs_faults.h"

enum { KERNELS = 3 };
static const char key_file[] = "kernels.key";

static char dir[FOLDER_PATH], path[96];
static struct arena *arena;

/* Rows as they were written, and a copy of the files they stood in. */
struct sample {
    uint8_t key[HASH_SIZE];
    enum target target;
    struct bytes shape;
    struct image image;
};
static struct sample samples[KERNELS];
static char *file_bytes, *key_bytes;
static size_t file_size, key_size;

static unsigned step(void)
{
    const char *text = getenv("SINTER_TORTURE_STEP");
    return text ? (unsigned)atoi(text) : 61;
}

static char *file(const char *name)
{
    return arena_printf(arena, "%s/%s", dir, name);
}

static void write_file(const char *name, const void *data, size_t n)
{
    int fd = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void *column(sqlite3_stmt *row, int i, size_t *ret_n)
{
    *ret_n = (size_t)sqlite3_column_bytes(row, i);
    void *copy = arena_alloc(arena, *ret_n + 1);
    memcpy(copy, sqlite3_column_blob(row, i), *ret_n);
    return copy;
}

static void read_samples(void)
{
    sqlite3 *db;
    sqlite3_stmt *row;
    int n = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT key, target, shape, image, entry FROM kernels", -1, &row, NULL),
                     SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW && n < KERNELS) {
        struct sample *s = &samples[n++];
        size_t size;
        memcpy(s->key, column(row, 0, &size), HASH_SIZE);
        s->target = target_by_name((const char *)sqlite3_column_text(row, 1));
        s->shape.data = column(row, 2, &s->shape.n);
        s->image.bytes = column(row, 3, &s->image.size);
        s->image.entry = (uint32_t)sqlite3_column_int(row, 4);
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    assert_int_equal(n, KERNELS);
}

/* Kernels of three graphs, as `sinter cache warm` stores them. */
static int make_samples(void **state)
{
    static const char *const graphs[KERNELS] = {"x*2.5 + y", "sin(x*3)*y", "abs(x - y)*x"};
    (void)state;
    arena = arena_new((size_t)1 << 30);
    folder_make(dir);
    snprintf(path, sizeof path, "%s/kernels.db", dir);
    for (int i = 0; i < KERNELS; i++) {
        char *graph = arena_printf(arena, "{\"output\":\"%s\"}", graphs[i]);
        write_file("graph.json", graph, strlen(graph));
        run(arena_printf(arena, "%s/sinter cache warm %s/graph.json --store %s >/dev/null", test_build_dir(), dir,
                         dir));
    }
    read_samples();
    file_bytes = test_read_file(arena, path, &file_size);
    key_bytes = test_read_file(arena, file(key_file), &key_size);
    return 0;
}

static int remove_samples(void **state)
{
    (void)state;
    folder_remove(dir);
    arena_free(arena);
    return 0;
}

/* The folder as it was after the kernels were stored. */
static void restore(void)
{
    static const char *const others[] = {"kernels.db-wal", "kernels.db-shm", "kernels.db.damaged-1",
                                         "kernels.db.damaged-2", "kernels.db.damaged-3"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unlink(file(others[i]));
    write_file("kernels.db", file_bytes, file_size);
    write_file(key_file, key_bytes, key_size);
}

static struct store *opened(void)
{
    struct store *s = store_open(&(struct store_config){.dir = dir, .bytes = 8 << 20});
    assert_non_null(s);
    return s;
}

/* What is found is what was stored, byte for byte. */
static enum store_result get(struct store *s, const struct sample *k)
{
    struct stored row;
    enum store_result r = store_get(s, k->key, k->target, k->shape, &row);
    if (r == STORE_HIT) {
        assert_int_equal(row.image.size, k->image.size);
        assert_int_equal(row.image.entry, k->image.entry);
        assert_memory_equal(row.image.bytes, k->image.bytes, k->image.size);
        stored_done(&row);
    }
    return r;
}

/* Stores and finds, whatever happened before. */
static bool goes_on(struct store *s)
{
    static uint8_t key[HASH_SIZE] = {7};
    struct sample fresh = samples[0];
    memcpy(fresh.key, key, HASH_SIZE);
    store_flush(s);
    store_flush(s); /* damage that the first found is cleared away by the second */
    store_put(s, fresh.key, fresh.target, fresh.shape, &fresh.image);
    store_flush(s);
    return get(s, &fresh) == STORE_HIT;
}

static void assert_goes_on(struct store *s)
{
    assert_true(goes_on(s));
}

static sqlite3 *database(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    return db;
}

static void execute(sqlite3 *db, const char *sql, const void *bytes, size_t n, const uint8_t *key)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    sqlite3_bind_blob(st, 1, bytes, (int)n, SQLITE_STATIC);
    sqlite3_bind_blob(st, 2, key, HASH_SIZE, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    sqlite3_finalize(st);
}

/* The row comes back as it was, from the copy beside. */
static void put_back(sqlite3 *db)
{
    assert_int_equal(sqlite3_exec(db, "DELETE FROM kernels; INSERT INTO kernels SELECT * FROM kept", NULL, NULL, NULL),
                     SQLITE_OK);
}

/* Flips each byte of one column; how many there were. */
static unsigned flip_column(struct store *s, sqlite3 *db, const char *name, const char *type)
{
    char read[128], write[128];
    const struct sample *k = &samples[1];
    sqlite3_stmt *st;
    size_t n = 0;
    uint8_t *bytes = NULL;
    snprintf(read, sizeof read, "SELECT CAST(%s AS BLOB) FROM kernels WHERE key=?2", name);
    snprintf(write, sizeof write, "UPDATE kernels SET %s=CAST(?1 AS %s) WHERE key=?2", name, type);
    assert_int_equal(sqlite3_prepare_v2(db, read, -1, &st, NULL), SQLITE_OK);
    sqlite3_bind_blob(st, 2, k->key, HASH_SIZE, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    bytes = column(st, 0, &n);
    sqlite3_finalize(st);
    unsigned flips = 0;
    for (size_t at = 0; at<n; at += n> 64 ? step() : 1, flips++) {
        bytes[at] ^= (uint8_t)(1u << at % 7);
        execute(db, write, bytes, n, k->key);
        bytes[at] ^= (uint8_t)(1u << at % 7);
        enum store_result r = get(s, k);
        if (r == STORE_HIT)
            fail_msg("%s with byte %zu flipped is used", name, at);
        store_flush(s); /* it deletes what it refused */
        put_back(db);
        assert_int_equal(get(s, k), STORE_HIT);
    }
    return flips;
}

static void no_flipped_byte_of_a_row_is_used(void **state)
{
    (void)state;
    static const char *const columns[][2] = {{"key", "BLOB"},   {"target", "TEXT"},   {"shape", "BLOB"},
                                             {"image", "BLOB"}, {"entry", "INTEGER"}, {"mac", "BLOB"}};
    restore();
    struct store *s = opened();
    sqlite3 *db = database();
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE kept AS SELECT * FROM kernels", NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        print_message("%s: %u flipped bytes, none used\n", columns[i][0],
                      flip_column(s, db, columns[i][0], columns[i][1]));
    sqlite3_close(db);
    assert_goes_on(s);
    store_close(s);
}

static void no_row_is_used_under_the_key_of_another(void **state)
{
    (void)state;
    unsigned swaps = 0;
    for (int a = 0; a < KERNELS; a++)
        for (int b = 0; b < KERNELS; b++) {
            if (a == b)
                continue;
            restore();
            sqlite3 *db = database();
            execute(db, "DELETE FROM kernels WHERE key=?2", NULL, 0, samples[b].key);
            execute(db, "UPDATE kernels SET key=?1 WHERE key=?2", samples[b].key, HASH_SIZE, samples[a].key);
            sqlite3_close(db);
            struct store *s = opened();
            assert_int_not_equal(get(s, &samples[b]), STORE_HIT);
            struct sample lie = samples[a]; /* asked for with the shape it has */
            memcpy(lie.key, samples[b].key, HASH_SIZE);
            assert_int_not_equal(get(s, &lie), STORE_HIT);
            assert_goes_on(s);
            store_close(s);
            swaps++;
        }
    test_figure("kernels-db.rows-swapped", swaps, "none_used", "-");
    print_message("%u rows put under the key of another, none used\n", swaps);
}

static void a_file_cut_short_costs_only_what_it_held(void **state)
{
    (void)state;
    unsigned cuts = 0;
    for (size_t at = 0; at < file_size; at += 4096, cuts++) {
        restore();
        assert_int_equal(truncate(path, (off_t)at), 0);
        struct store *s = opened();
        for (int i = 0; i < KERNELS; i++)
            get(s, &samples[i]);
        assert_goes_on(s);
        store_close(s);
    }
    test_figure("kernels-db.cuts", cuts, "none_used", "-");
    print_message("kernels.db cut at %u places: never another code, and the store goes on\n", cuts);
}

static void a_flipped_byte_of_the_file_costs_only_what_it_held(void **state)
{
    (void)state;
    unsigned flips = 0, hits = 0;
    for (size_t at = 0; at < file_size; at += step() * 5, flips++) {
        restore();
        uint8_t byte = (uint8_t)((uint8_t)file_bytes[at] ^ 1u << at % 8);
        int fd = open(path, O_WRONLY);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        close(fd);
        struct store *s = opened();
        for (int i = 0; i < KERNELS; i++)
            hits += get(s, &samples[i]) == STORE_HIT;
        bool version = at >= 60 && at < 64; /* it may be newer now: then nothing is stored */
        if (!goes_on(s) && !version)
            fail_msg("the store stays down with byte %zu flipped", at);
        store_close(s);
    }
    test_figure("kernels-db.bytes-flipped", flips, "none_used", "-");
    print_message("%u bytes of kernels.db flipped: %u of %u rows found, all right\n", flips, hits, flips * KERNELS);
}

static void a_newer_store_is_left_alone(void **state)
{
    (void)state;
    struct store_stats stats;
    size_t n, m;
    restore();
    sqlite3 *db = database();
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=9; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    char *before = test_read_file(arena, path, &n);
    struct store *s = opened();
    store_stats(s, &stats);
    assert_true(stats.degraded);
    assert_int_equal(get(s, &samples[0]), STORE_MISS);
    store_put(s, samples[0].key, samples[0].target, samples[0].shape, &samples[0].image);
    store_flush(s);
    store_close(s);
    assert_memory_equal(test_read_file(arena, path, &m), before, n);
    assert_int_equal(n, m);
    assert_int_not_equal(access(file("kernels.db.damaged-1"), F_OK), 0);
}

/* One life on a disk that fails at its n-th operation; how many there were. */
static unsigned one_life(enum vfs_fault kind, unsigned n, bool lasting, bool power)
{
    restore();
    unlink(path);
    vfs_faults_arm(kind, n, lasting);
    struct store *s = opened();
    for (int i = 0; i < KERNELS; i++) {
        store_put(s, samples[i].key, samples[i].target, samples[i].shape, &samples[i].image);
        store_flush(s);
        get(s, &samples[i]);
    }
    store_close(s);
    unsigned count = vfs_faults_count();
    vfs_faults_arm(VFS_SOUND, 0, false);
    if (power)
        vfs_faults_lose(n);
    else
        vfs_faults_forget();
    s = opened();
    for (int i = 0; i < KERNELS; i++)
        get(s, &samples[i]);
    assert_goes_on(s);
    store_close(s);
    return count;
}

static void disks_that_fail_cost_only_what_is_stored(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum vfs_fault kind;
        bool lasting, power;
    } kinds[] = {{"disk full once", VFS_FULL, false, false}, {"disk full from then on", VFS_FULL, true, false},
                 {"a write fails", VFS_IOERR, false, true},  {"read-only from then on", VFS_READONLY, true, false},
                 {"a sync fails", VFS_SYNC, false, true},    {"a read fails", VFS_READ, false, false},
                 {"power cut", VFS_POWER_CUT, true, true}};
    vfs_faults_begin();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        unsigned lives = 0, count = one_life(kinds[i].kind, 0, false, false);
        for (unsigned n = 1; n <= count; n += step() > 7 ? 7 : step(), lives++)
            one_life(kinds[i].kind, n, kinds[i].lasting, kinds[i].power);
        print_message("kernels.db, %s: %u faults, never another code, and the store goes on\n", kinds[i].name, lives);
        assert_true(lives > 0);
    }
    vfs_faults_end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_flipped_byte_of_a_row_is_used),
        cmocka_unit_test(no_row_is_used_under_the_key_of_another),
        cmocka_unit_test(a_file_cut_short_costs_only_what_it_held),
        cmocka_unit_test(a_flipped_byte_of_the_file_costs_only_what_it_held),
        cmocka_unit_test(a_newer_store_is_left_alone),
        cmocka_unit_test(disks_that_fail_cost_only_what_is_stored),
    };
    return cmocka_run_group_tests(tests, make_samples, remove_samples);
}
