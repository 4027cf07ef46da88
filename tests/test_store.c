/* labels: jit */
/* The kernel store: what was put is found again, what was tampered with is refused, what is broken is begun anew. */
#include "tests/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jit/store.h"
#include "tests/support/folder.h"

enum { NOBODY = 65534, IMAGE = 600, SHAPE = 300 };

static char dir[FOLDER_PATH];
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    folder_make(dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    folder_remove(dir);
    return 0;
}

static struct store *open_store(uint64_t bytes)
{
    return store_open(&(struct store_config){.dir = dir, .bytes = bytes});
}

/* Kernel n: key, shape and image are functions of n. */
static void fill(uint8_t *bytes, size_t n_bytes, unsigned n, uint8_t salt)
{
    for (size_t i = 0; i < n_bytes; i++)
        bytes[i] = (uint8_t)(salt + 7 * i + 13 * n + (n >> 8));
}

struct sample {
    uint8_t key[HASH_SIZE], shape_bytes[SHAPE], image_bytes[IMAGE];
    struct bytes shape;
    struct image image;
};

static struct sample *sample(unsigned n)
{
    struct sample *s = ARENA_NEW(arena, struct sample);
    fill(s->key, HASH_SIZE, n, 1);
    s->key[0] = (uint8_t)n;
    s->key[1] = (uint8_t)(n >> 8);
    fill(s->shape_bytes, SHAPE, n, 101);
    fill(s->image_bytes, IMAGE, n, 57);
    s->shape = (struct bytes){s->shape_bytes, SHAPE};
    s->image = (struct image){s->image_bytes, IMAGE, 16};
    return s;
}

static void put(struct store *s, unsigned n)
{
    struct sample *k = sample(n);
    store_put(s, k->key, TARGET_V3, k->shape, &k->image);
}

static enum store_result get(struct store *s, unsigned n)
{
    struct sample *k = sample(n);
    struct stored row;
    enum store_result r = store_get(s, k->key, TARGET_V3, k->shape, &row);
    if (r == STORE_HIT) {
        assert_int_equal(row.image.size, IMAGE);
        assert_int_equal(row.image.entry, 16);
        assert_memory_equal(row.image.bytes, k->image_bytes, IMAGE);
        stored_done(&row);
    }
    return r;
}

static struct store_stats stats_of(struct store *s)
{
    struct store_stats stats;
    store_stats(s, &stats);
    return stats;
}

static char *file(const char *name)
{
    return arena_printf(arena, "%s/%s", dir, name);
}

static off_t size_of(const char *name)
{
    struct stat st;
    return stat(file(name), &st) == 0 ? st.st_size : -1;
}

/* Flips bit 0 of the byte `at` bytes into the first place in the file where the pattern stands. */
static void flip(const char *name, const uint8_t *pattern, size_t n_pattern, size_t at)
{
    size_t n;
    char *data = test_read_file(arena, file(name), &n);
    char *found = memmem(data, n, pattern, n_pattern);
    assert_non_null(found);
    found[at] ^= 1;
    FILE *f = fopen(file(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

static void what_was_put_is_found_after_reopening(void **state)
{
    (void)state;
    struct store *s = open_store(8 << 20);
    char compiler[40];
    assert_false(store_compiler(s, compiler, sizeof compiler));
    for (unsigned n = 0; n < 20; n++)
        put(s, n);
    store_remember_compiler(s, "libgccjit 12.2.0 codegen 1");
    store_close(s);
    s = open_store(8 << 20);
    for (unsigned n = 0; n < 20; n++)
        assert_int_equal(get(s, n), STORE_HIT);
    assert_int_equal(get(s, 20), STORE_MISS);
    assert_true(store_has(s, sample(3)->key));
    assert_false(store_has(s, sample(20)->key));
    assert_true(store_compiler(s, compiler, sizeof compiler));
    assert_string_equal(compiler, "libgccjit 12.2.0 codegen 1");
    assert_int_equal(stats_of(s).rows, 20);
    assert_false(stats_of(s).degraded);
    store_close(s);
}

static void another_shape_or_target_under_the_key_is_refused(void **state)
{
    (void)state;
    struct store *s = open_store(8 << 20);
    struct sample *k = sample(1);
    struct stored row;
    put(s, 1);
    store_flush(s);
    k->shape_bytes[SHAPE - 1] ^= 1;
    assert_int_equal(store_get(s, k->key, TARGET_V3, k->shape, &row), STORE_REFUSED);
    store_flush(s);
    assert_int_equal(get(s, 1), STORE_MISS); /* deleted */
    put(s, 1);
    store_flush(s);
    k = sample(1);
    assert_int_equal(store_get(s, k->key, TARGET_V4, k->shape, &row), STORE_REFUSED);
    assert_int_equal(stats_of(s).refused, 2);
    store_close(s);
}

/* Any bit of the row: image, shape, target, entry and MAC stand side by side in the file, from behind the key on. */
static void a_flipped_bit_is_refused_wherever_it_is(void **state)
{
    (void)state;
    struct sample *k = sample(1);
    const size_t target = 10, row = target + SHAPE + IMAGE + 1 + MAC_SIZE;
    for (size_t at = HASH_SIZE; at < HASH_SIZE + row; at += 29) {
        struct store *s = open_store(8 << 20);
        put(s, 1);
        store_flush(s);
        assert_int_equal(get(s, 1), STORE_HIT);
        store_close(s);
        uint8_t start[HASH_SIZE + 10];
        memcpy(start, k->key, HASH_SIZE);
        memcpy(start + HASH_SIZE, "x86-64-v3", 9);
        flip("kernels.db", start, HASH_SIZE + 9, at);
        s = open_store(8 << 20);
        assert_int_equal(get(s, 1), STORE_REFUSED);
        store_flush(s);
        assert_int_equal(get(s, 1), STORE_MISS);
        assert_int_equal(stats_of(s).refused, 1);
        store_close(s);
    }
}

static void rows_signed_with_another_key_are_refused(void **state)
{
    (void)state;
    struct stat st;
    struct store *s = open_store(8 << 20);
    put(s, 1);
    store_close(s);
    assert_int_equal(stat(file("kernels.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, MAC_KEY_SIZE);
    assert_int_equal(chmod(file("kernels.key"), 0644), 0); /* open to everybody: not to be trusted */
    s = open_store(8 << 20);
    assert_int_equal(get(s, 1), STORE_REFUSED);
    put(s, 1);
    store_flush(s);
    assert_int_equal(get(s, 1), STORE_HIT);
    store_close(s);
    assert_int_equal(truncate(file("kernels.key"), 31), 0);
    s = open_store(8 << 20);
    assert_int_equal(get(s, 1), STORE_REFUSED);
    store_close(s);
    assert_int_equal(stat(file("kernels.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_damaged_database_is_moved_aside_and_begun_anew(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct store *s = open_store(8 << 20);
        for (unsigned n = 0; n < 40; n++)
            put(s, n);
        store_flush(s);
        assert_int_equal(get(s, 39), STORE_HIT);
        store_close(s);
        off_t size = size_of("kernels.db");
        if (round % 2) {
            assert_int_equal(truncate(file("kernels.db"), size / 2), 0);
        } else {
            int fd = open(file("kernels.db"), O_WRONLY);
            assert_int_equal(write(fd, "this is no database at all", 26), 26);
            close(fd);
        }
        s = open_store(8 << 20);
        assert_non_null(s);
        for (unsigned n = 0; n < 40; n++)
            get(s, n);  /* whatever the answer is: a hit has the right bytes */
        store_flush(s); /* a half is noticed at the latest when it is read */
        store_flush(s);
        put(s, 100);
        store_flush(s);
        assert_int_equal(get(s, 100), STORE_HIT);
        assert_false(stats_of(s).degraded);
        store_close(s);
        assert_true(size_of("kernels.db.damaged-1") > 0);
    }
    assert_true(size_of("kernels.db.damaged-3") > 0);
    assert_int_equal(size_of("kernels.db.damaged-4"), -1);
}

static void the_size_stays_within_its_bound(void **state)
{
    (void)state;
    const uint64_t bound = 1 << 20;
    struct store *s = open_store(bound);
    for (unsigned n = 0; n < 3000; n++) {
        put(s, n);
        if (n % 100 == 99) {
            store_touch(s, sample(0)->key);
            store_flush(s);
            assert_true((uint64_t)size_of("kernels.db") <= bound);
            assert_true(size_of("kernels.db-wal") < 6 << 20);
        }
    }
    assert_int_equal(get(s, 2999), STORE_HIT);
    assert_int_equal(get(s, 1), STORE_MISS);
    assert_int_equal(stats_of(s).errors, 0);
    assert_int_equal(stats_of(s).dropped, 0);
    assert_true(stats_of(s).bytes <= bound);
    assert_true(stats_of(s).rows > 100);
    store_close(s);
}

static void what_is_too_large_for_the_store_is_not_kept(void **state)
{
    (void)state;
    struct store *s = open_store(1 << 20);
    struct sample *k = sample(1);
    struct image image = {arena_alloc(arena, 1 << 19), 1 << 19, 0};
    store_put(s, k->key, TARGET_V3, k->shape, &image);
    store_flush(s);
    assert_false(store_has(s, k->key));
    assert_int_equal(stats_of(s).dropped, 1);
    store_close(s);
}

static bool collect(const struct stored *row, void *user)
{
    uint8_t **next = user;
    memcpy(*next, row->key, HASH_SIZE);
    *next += HASH_SIZE;
    return true;
}

static void the_most_recently_used_come_first(void **state)
{
    (void)state;
    struct store *s = open_store(8 << 20);
    uint8_t keys[3 * HASH_SIZE] = {0}, *next = keys;
    for (unsigned n = 0; n < 6; n++)
        put(s, n);
    store_flush(s);
    sleep(1); /* the resolution of used_at */
    store_touch(s, sample(2)->key);
    store_flush(s);
    store_recent(s, 3, collect, &next);
    assert_ptr_equal(next, keys + sizeof keys);
    assert_memory_equal(keys, sample(2)->key, HASH_SIZE);
    store_close(s);
}

struct count {
    unsigned rows, sound;
};

static void count_row(const struct store_row *row, void *user)
{
    struct count *c = user;
    c->rows++;
    c->sound += row->sound;
    assert_string_equal(row->target, "x86-64-v3");
    assert_int_equal(row->size, IMAGE);
    assert_true(row->used_at > 1500000000);
}

static void listing_tells_sound_rows_and_gc_removes_the_oldest(void **state)
{
    (void)state;
    struct store *s = open_store(8 << 20);
    struct count c = {0};
    uint64_t removed;
    for (unsigned n = 0; n < 200; n++)
        put(s, n);
    store_close(s);
    flip("kernels.db", sample(77)->image_bytes, IMAGE, 5);
    s = open_store(8 << 20);
    assert_true(store_list(s, true, count_row, &c));
    assert_int_equal(c.rows, 200);
    assert_int_equal(c.sound, 199);
    assert_true(store_gc(s, 64 << 10, &removed));
    assert_true(removed > 100 && removed < 200);
    assert_true(size_of("kernels.db") <= 64 << 10);
    assert_int_equal(stats_of(s).rows, 200 - removed);
    store_close(s);
}

/* Files stay readable, the directory does not let anybody write. Runs as a user that is not root. */
static int in_a_read_only_directory(void)
{
    struct store *s = open_store(8 << 20);
    if (!s || !stats_of(s).degraded || get(s, 1) != STORE_HIT)
        return 1;
    put(s, 2);
    store_flush(s);
    if (get(s, 1) != STORE_HIT || get(s, 2) != STORE_MISS || !stats_of(s).degraded)
        return 2;
    store_close(s);
    return size_of("kernels.db.damaged-1") == -1 ? 0 : 3;
}

static void a_read_only_directory_is_read(void **state)
{
    (void)state;
    struct store *s = open_store(8 << 20);
    put(s, 1);
    store_close(s);
    if (geteuid() == 0)
        assert_int_equal(chown(file("kernels.key"), NOBODY, NOBODY), 0);
    assert_int_equal(chmod(file("kernels.db"), 0444), 0);
    assert_int_equal(chmod(dir, 0555), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)) ? 9 : in_a_read_only_directory());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void where_nothing_can_be_made_there_is_no_store(void **state)
{
    (void)state;
    FILE *f = fopen(file("occupied"), "w");
    fclose(f);
    assert_null(store_open(&(struct store_config){.dir = file("occupied"), .bytes = 1 << 20}));
    assert_null(store_open(&(struct store_config){.dir = file("occupied/below"), .bytes = 1 << 20}));
}

static atomic_int wrong;

static void *reads_and_writes(void *user)
{
    struct store *s = user;
    for (unsigned n = 0; n < 100; n++) {
        uint8_t key[HASH_SIZE], shape[SHAPE], image[IMAGE];
        struct stored row;
        fill(key, HASH_SIZE, n, 1);
        fill(shape, SHAPE, n, 101);
        fill(image, IMAGE, n, 57);
        store_put(s, key, TARGET_V4, (struct bytes){shape, SHAPE}, &(struct image){image, IMAGE, 0});
        if (n % 25 == 24)
            store_flush(s);
        fill(key, HASH_SIZE, n / 2, 1);
        fill(shape, SHAPE, n / 2, 101);
        enum store_result r = store_get(s, key, TARGET_V4, (struct bytes){shape, SHAPE}, &row);
        if (r == STORE_HIT)
            stored_done(&row);
        else if (r != STORE_MISS)
            wrong++;
    }
    return NULL;
}

static void threads_read_while_others_write(void **state)
{
    (void)state;
    pthread_t threads[8];
    struct store *s = open_store(8 << 20);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reads_and_writes, s), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    store_flush(s);
    assert_int_equal(wrong, 0);
    assert_int_equal(stats_of(s).rows, 100);
    assert_int_equal(stats_of(s).refused + stats_of(s).errors, 0);
    store_close(s);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(what_was_put_is_found_after_reopening),
        ONE(another_shape_or_target_under_the_key_is_refused),
        ONE(a_flipped_bit_is_refused_wherever_it_is),
        ONE(rows_signed_with_another_key_are_refused),
        ONE(a_damaged_database_is_moved_aside_and_begun_anew),
        ONE(the_size_stays_within_its_bound),
        ONE(what_is_too_large_for_the_store_is_not_kept),
        ONE(the_most_recently_used_come_first),
        ONE(listing_tells_sound_rows_and_gc_removes_the_oldest),
        ONE(a_read_only_directory_is_read),
        ONE(where_nothing_can_be_made_there_is_no_store),
        ONE(threads_read_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
