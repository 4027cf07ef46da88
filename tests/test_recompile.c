/* labels: jit */
/* A new compiler finds a store full of another one's kernels: what was used last is compiled anew in the background,
 * from what stands in the store alone, and nobody has to ask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jit/key.h"
#include "jit/store.h"
#include "tests/support.h"
#include "tests/support/lone_engine.h"

enum { GRAPHS = 3 };

static const char *const exprs[GRAPHS] = {"sin(x*3)*y", "perlin2(x*4, y*4) + x", "abs(x - y)*2.5"};
static const char former[] = "libgccjit 11.4.0 codegen 1";

static struct engine *engine_of(uint32_t recompile)
{
    struct engine_config c = lone_config();
    c.recompile = recompile;
    return lone_engine(c);
}

static uint64_t compiles(struct engine *e)
{
    struct engine_stats s = lone_stats(e);
    return s.compiles_ok + s.compiles_refused;
}

static uint64_t await_compiles(struct engine *e, uint64_t n, int ms)
{
    for (int waited = 0; compiles(e) < n && waited < ms; waited += 20)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return compiles(e);
}

struct rows {
    struct stored list[GRAPHS];
    unsigned n;
};

static bool collect(const struct stored *row, void *user)
{
    struct rows *rows = user;
    uint8_t *shape = arena_alloc(lone_arena, row->shape.n), *image = arena_alloc(lone_arena, row->image.size);
    struct stored *to = &rows->list[rows->n++];
    *to = *row;
    to->shape.data = memcpy(shape, row->shape.data, row->shape.n);
    to->image.bytes = memcpy(image, row->image.bytes, row->image.size);
    return rows->n < GRAPHS;
}

/* The store as another compiler would have left it. */
static void make_former_store(void)
{
    struct rows rows = {0};
    uint64_t removed;
    char command[128];
    snprintf(command, sizeof command, "rm -f %s/kernels.*", lone_dir);
    assert_int_equal(system(command), 0);
    struct engine *e = engine_of(0);
    for (int i = 0; i < GRAPHS; i++)
        lone_bring(e, exprs[i], KERNEL_COMPILED);
    engine_free(e);
    struct store *s = store_open(&(struct store_config){.dir = lone_dir, .bytes = 8 << 20});
    store_recent(s, GRAPHS, collect, &rows);
    assert_int_equal(rows.n, GRAPHS);
    assert_true(store_gc(s, 0, &removed));
    assert_int_equal(removed, GRAPHS);
    for (int i = 0; i < GRAPHS; i++) {
        uint8_t key[HASH_SIZE];
        key_make(rows.list[i].shape, rows.list[i].target, former, key);
        store_put(s, key, rows.list[i].target, rows.list[i].shape, &rows.list[i].image);
    }
    store_remember_compiler(s, former);
    store_close(s);
}

static void what_another_compiler_made_is_compiled_anew_unasked(void **state)
{
    (void)state;
    make_former_store();
    struct engine *e = engine_of(256);
    assert_int_equal(await_compiles(e, GRAPHS, LONE_WAIT_MS), GRAPHS);
    for (int i = 0; i < GRAPHS; i++)
        lone_bring(e, exprs[i], KERNEL_MEMORY);
    assert_int_equal(compiles(e), GRAPHS);
    engine_free(e);
    e = engine_of(256); /* it is done once */
    for (int i = 0; i < GRAPHS; i++)
        lone_bring(e, exprs[i], KERNEL_STORE);
    assert_int_equal(await_compiles(e, 1, 500), 0);
    engine_free(e);
}

static void no_more_are_compiled_than_the_setting_says(void **state)
{
    (void)state;
    make_former_store();
    struct engine *e = engine_of(1);
    assert_int_equal(await_compiles(e, 1, LONE_WAIT_MS), 1);
    assert_int_equal(await_compiles(e, 2, 700), 1);
    engine_free(e);
    e = engine_of(0);
    assert_int_equal(await_compiles(e, 1, 700), 0);
    engine_free(e);
}

static void the_end_does_not_wait_for_it(void **state)
{
    (void)state;
    for (int ms = 0; ms < 400; ms += 40) {
        make_former_store();
        struct engine *e = engine_of(256);
        nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        engine_free(e);
        clock_gettime(CLOCK_MONOTONIC, &to);
        assert_true(to.tv_sec - from.tv_sec < 3);
    }
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, lone_set_up, lone_tear_down)
    static const struct CMUnitTest tests[] = {
        ONE(what_another_compiler_made_is_compiled_anew_unasked),
        ONE(no_more_are_compiled_than_the_setting_says),
        ONE(the_end_does_not_wait_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
