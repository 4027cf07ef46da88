/* labels: jit */
/* The compile worker as its parent meets it: the same text gives the same bytes, assembly when asked, and what a
 * hostile or careless parent may send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/support/cc_worker.h"
#include "tests/support/ir_random.h"

static const char *const sound = "main {\n  %1 = input 0\n  %2 = input 1\n  %3 = fma.f32 %1 %2 %2\n  out 0 %3\n}\n";

static bool mentions(const char *text, const char *what)
{
    return text && strstr(text, what) != NULL;
}

static void assembly_is_text(void **unused)
{
    (void)unused;
    assert_true(mentions(cc_worker_ours.ready.compiler, "libgccjit"));
    struct arena *a = arena_new((size_t)16 << 20);
    struct cc_reply r = cc_worker_compile(&cc_worker_ours, sound, TARGET_V3, CC_ASSEMBLY, a);
    assert_int_equal(r.head.kind, CC_IMAGE);
    assert_true(mentions(r.payload, "kernel:") && mentions(r.payload, "vfmadd") && !mentions(r.payload, "zmm"));
    arena_free(a);
}

static void nonsense_is_refused_and_the_worker_stays(void **unused)
{
    (void)unused;
    static const char *const nonsense[] = {
        "",
        "main",
        "main {\n",
        "main {\n  %1 = input 0\n  %2 = add.f32 %1 %9\n  out 0 %2\n}\n",
        "main {\n  %1 = input 0\n  %2 = add.f32 %1 %2\n  out 0 %2\n}\n",
        "main {\n  %1 = input 100000\n  out 0 %1\n}\n",
        "main {\n  %1 = iota\n  out 0 %1\n}\n",
        "main {\n  %1 = input 0\n  %2 = plane %1 repeat\n  out 0 %1\n}\n",
        "\xff\xfe\x80garbage",
        "fn f(f32) f32 {\n  %1 = call.f32 f %1\n  ret %1\n}\nmain {\n}\n",
    };
    struct arena *a = arena_new((size_t)16 << 20);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct cc_reply r = cc_worker_compile(&cc_worker_ours, nonsense[i], TARGET_V3, 0, a);
        assert_int_equal(r.head.kind, CC_REFUSED);
        assert_true(r.payload[0] != 0 && strlen(r.payload) < r.head.size);
    }
    char *lengthy = arena_alloc(a, 1 << 20);
    int at = sprintf(lengthy, "main {\n  %%1 = input 0\n");
    for (int i = 2; i < 30000; i++)
        at += sprintf(lengthy + at, "  %%%d = sqrt.f32 %%%d\n", i, i - 1);
    sprintf(lengthy + at, "  out 0 %%1\n}\n");
    struct cc_reply lengthy_reply = cc_worker_compile(&cc_worker_ours, lengthy, TARGET_V3, 0, a);
    assert_true(lengthy_reply.head.kind == CC_REFUSED && mentions(lengthy_reply.payload, "too long"));
    assert_int_equal(cc_worker_compile(&cc_worker_ours, sound, (enum target)77, 0, a).head.kind, CC_REFUSED);
    assert_int_equal(cc_worker_compile(&cc_worker_ours, sound, TARGET_V3, CC_ASSEMBLY, a).head.kind, CC_IMAGE);
    arena_free(a);
}

static void what_is_no_message_ends_the_worker(void **unused)
{
    (void)unused;
    struct cc_header heads[] = {{.magic = 1, .kind = CC_COMPILE, .size = 4},
                                {.magic = CC_MAGIC, .kind = 99, .size = 4},
                                {.magic = CC_MAGIC, .kind = CC_COMPILE, .size = 0},
                                {.magic = CC_MAGIC, .kind = CC_COMPILE, .size = 4}}; /* not NUL-terminated */
    struct arena *a = arena_new((size_t)16 << 20);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct cc_worker w = cc_worker_start();
        assert_int_equal(cc_worker_ask(&w, heads[i], "main", a).head.kind, 0);
        int status = cc_worker_stop(&w);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    arena_free(a);
}

static void the_same_text_gives_the_same_bytes(void **unused)
{
    (void)unused;
    struct arena *a = test_arena();
    char *text = ir_print(ir_random(a, 5, 60), a);
    struct cc_worker other = cc_worker_start();
    struct cc_reply x = cc_worker_compile(&cc_worker_ours, text, target_of_cpu(), 0, a);
    struct cc_reply y = cc_worker_compile(&other, text, target_of_cpu(), 0, a);
    struct stat st;
    assert_int_equal(x.head.kind, CC_IMAGE);
    assert_int_equal(x.head.size, y.head.size);
    assert_int_equal(x.head.entry, y.head.entry);
    assert_memory_equal(x.payload, y.payload, x.head.size);
    int status = cc_worker_stop(&other);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_not_equal(stat(other.dir, &st), 0); /* empty: nothing was left in it */
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assembly_is_text),
        cmocka_unit_test(nonsense_is_refused_and_the_worker_stays),
        cmocka_unit_test(what_is_no_message_ends_the_worker),
        cmocka_unit_test(the_same_text_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, cc_worker_set_up, cc_worker_tear_down);
}
