/* See support.h. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/ir.h"

const char *test_build_dir(void)
{
    const char *dir = getenv("SINTER_BUILD");
    return dir ? dir : "build";
}

struct arena *test_arena(void)
{
    struct arena *a = arena_new((size_t)2 << 30);
    assert_non_null(a);
    return a;
}

char *test_read_file(struct arena *a, const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    size_t n = 0, cap = 4096;
    char *data = arena_alloc(a, cap + 1);
    for (size_t got; (got = fread(data + n, 1, cap - n, f)) > 0;) {
        n += got;
        if (n == cap) {
            data = arena_grow(a, data, cap + 1, 2 * cap + 1, 1);
            cap *= 2;
        }
    }
    fclose(f);
    data[n] = 0;
    if (ret_n)
        *ret_n = n;
    return data;
}

struct ir *test_ir(struct arena *a, const char *text)
{
    struct fault f;
    struct ir *ir = NULL;
    fault_init(&f, a);
    if (ir_parse(text, a, &ir, &f) || ir_verify(ir, &f))
        fail_msg("%s\n%s", f.items[0].detail, text);
    return ir;
}

void test_figure(const char *name, double value, const char *unit, const char *bar)
{
    printf("FIGURE %s %.6g %s %s\n", name, value, unit, bar);
    fflush(stdout);
}

uint32_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}
