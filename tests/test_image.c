/* labels: jit */
/* Images: mapped sealed and never writable; object files flattened or refused; kernels that differ refused. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jit/cc/admit.h"
#include "jit/cc/guarded.h"
#include "jit/cc/object.h"
#include "jit/image.h"
#include "tests/support.h"

/* mov 16(%rdi), %rax; mov (%rax), %rax; movl $1.5f, (%rax); ret: out[0][0] = 1.5 */
static const uint8_t writes_one_and_a_half[] = {0x48, 0x8b, 0x47, 0x10, 0x48, 0x8b, 0x00,
                                                0xc7, 0x00, 0x00, 0x00, 0xc0, 0x3f, 0xc3};

static struct arena *arena;
static struct fault fault;

static struct image image_of(const uint8_t *bytes, size_t size, uint32_t entry)
{
    return (struct image){.bytes = bytes, .size = size, .entry = entry};
}

static void an_image_runs_from_its_entry(void **unused)
{
    (void)unused;
    uint8_t bytes[5000] = {0xcc, 0xcc};
    struct image image = image_of(bytes, sizeof bytes, 4500);
    struct mapped m;
    float out = 0, *outs[] = {&out};
    struct kernel_call call = {.out = outs, .count = 1, .rows = 1};
    memcpy(bytes + 4500, writes_one_and_a_half, sizeof writes_one_and_a_half);
    assert_int_equal(image_map(&image, &m, &fault), STATUS_OK);
    m.entry(&call);
    assert_true(out == 1.5f);
    image_unmap(&m);
    assert_null(m.base);
    image_unmap(&m);
}

static void no_page_is_writable_and_executable(void **unused)
{
    (void)unused;
    struct image image = image_of(writes_one_and_a_half, sizeof writes_one_and_a_half, 0);
    struct mapped m;
    char line[512], want[64];
    bool found = false;
    FILE *maps;
    assert_int_equal(image_map(&image, &m, &fault), STATUS_OK);
    snprintf(want, sizeof want, "%lx-", (unsigned long)(uintptr_t)m.base);
    maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        if (strncmp(line, want, strlen(want)) != 0)
            continue;
        found = true;
        assert_non_null(strstr(line, " r-xp "));
        assert_non_null(strstr(line, "memfd:"));
    }
    fclose(maps);
    assert_true(found);
    image_unmap(&m);
}

static void malformed_images_are_refused(void **unused)
{
    (void)unused;
    struct image bad[] = {image_of(writes_one_and_a_half, 0, 0), image_of(writes_one_and_a_half, 14, 14),
                          image_of(writes_one_and_a_half, (size_t)IMAGE_MAX + 1, 0)};
    struct mapped m;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(image_map(&bad[i], &m, &fault), STATUS_INTERNAL);
}

/* Assembles a text; the object file's bytes. */
static uint8_t *assemble(const char *text, size_t *ret_n)
{
    char dir[] = "/tmp/sinter-test-XXXXXX", command[256], path[128];
    FILE *f;
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "/usr/bin/as --64 -o %s/x.o -", dir);
    f = popen(command, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(pclose(f), 0);
    snprintf(path, sizeof path, "%s/x.o", dir);
    char *data = test_read_file(arena, path, ret_n);
    unlink(path);
    rmdir(dir);
    return (uint8_t *)data;
}

static enum status flatten(const char *text, struct image *ret_image)
{
    size_t n;
    uint8_t *object = assemble(text, &n);
    return object_flatten(object, n, "kernel", arena, ret_image, &fault);
}

static const char *const sound =
    ".text\n.globl kernel\nnop\nhelper: mov 16(%rdi), %rax\nret\nkernel: call helper@PLT\nmov (%rax), %rax\n"
    "vmovss three(%rip), %xmm0\nvmovss %xmm0, (%rax)\nret\n"
    ".section .rodata\n.long 7\n.section .rodata.cst16,\"aM\",@progbits,16\n.balign 16\n"
    ".long 1, 2\nthree: .float 3.0\n.long 4\n";

static void relocations_to_constants_are_applied(void **unused)
{
    (void)unused;
    struct image image;
    struct mapped m;
    float out = 0, *outs[] = {&out};
    struct kernel_call call = {.out = outs};
    assert_int_equal(flatten(sound, &image), STATUS_OK);
    assert_int_equal(image_map(&image, &m, &fault), STATUS_OK);
    m.entry(&call);
    assert_true(out == 3.0f);
    image_unmap(&m);
}

static void whatever_reaches_outside_is_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        ".globl kernel\nkernel: call memset@PLT\nret\n",
        ".globl kernel\nkernel: mov errno@GOTTPOFF(%rip), %rax\nret\n",
        ".globl kernel\nkernel: movabs $kernel, %rax\nret\n",
        ".globl kernel\nkernel: mov x@GOTPCREL(%rip), %rax\nret\n",
        ".globl kernel\nkernel: ret\n.data\n.long 1\n",
        ".globl kernel\nkernel: ret\n.bss\n.zero 4\n",
        ".globl kernel\nkernel: ret\n.section .init_array,\"aw\",@init_array\n.quad kernel\n",
        ".globl other\nother: ret\n",
        ".section .rodata\n.globl kernel\nkernel: .long 1\n",
        ".globl kernel\n.equ kernel, 0x1234\n.text\nret\n",
    };
    struct image image;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (flatten(bad[i], &image) == STATUS_OK)
            fail_msg("accepted: %s", bad[i]);
}

/* Copies end where their memory ends, so that a sanitizer or Valgrind sees a read beyond. */
static void damaged_objects_are_refused_or_flattened_but_never_read_beyond(void **unused)
{
    (void)unused;
    size_t n;
    uint8_t *object = assemble(sound, &n);
    uint64_t seed = 3;
    for (size_t size = 0; size < n; size++) {
        uint8_t *copy = malloc(size + !size);
        struct image image;
        memcpy(copy, object, size);
        enum status s = object_flatten(copy, size, "kernel", arena, &image, &fault);
        assert_true(s != STATUS_OK || image.entry < image.size);
        free(copy);
    }
    for (int round = 0; round < 20000; round++) {
        uint8_t *copy = malloc(n);
        struct arena *a = arena_new((size_t)32 << 20);
        struct image image;
        struct fault f;
        fault_init(&f, a);
        memcpy(copy, object, n);
        for (unsigned k = 1 + test_random(&seed) % 4; k; k--)
            copy[test_random(&seed) % n] = (uint8_t)test_random(&seed);
        enum status s = ARENA_GUARD(a) ? STATUS_NO_MEMORY : object_flatten(copy, n, "kernel", a, &image, &f);
        assert_true(s != STATUS_OK || image.entry < image.size);
        free(copy);
        arena_free(a);
    }
}

static struct plan *plan_of(const char *text)
{
    struct ir *ir;
    if (ir_parse(text, arena, &ir, &fault) != STATUS_OK || ir_verify(ir, &fault) != STATUS_OK)
        fail_msg("%s", fault.items[0].detail);
    ir_rates(ir);
    return plan_make(ir, arena);
}

/* for each row, for each sample: out = 1.5; the loop as a compiler would write it, in words of one lane. */
static const char *const fills =
    ".globl kernel\nkernel: mov 16(%rdi), %rax\nmov (%rax), %rax\nmovslq 72(%rdi), %rcx\nmov 76(%rdi), %edx\n"
    "rows: test %edx, %edx\njle done\nxor %esi, %esi\n"
    "one: cmp %rcx, %rsi\njge next\nmovl $0x3fc00000, (%rax,%rsi,4)\ninc %rsi\njmp one\n"
    "next: mov 64(%rdi), %rsi\nlea (%rax,%rsi,4), %rax\ndec %edx\njmp rows\ndone: ret\n";

static void a_kernel_that_agrees_is_admitted(void **unused)
{
    (void)unused;
    struct image image;
    assert_int_equal(flatten(fills, &image), STATUS_OK);
    assert_int_equal(admit(plan_of("main {\n  %1 = const.f32 1.5\n  out 0 %1\n}\n"), &image, arena, &fault), STATUS_OK);
}

static void a_kernel_that_differs_is_refused(void **unused)
{
    (void)unused;
    static const char *const others[] = {
        "main {\n  %1 = const.f32 1.5000001\n  out 0 %1\n}\n",
        "main {\n  %1 = input 0\n  out 0 %1\n}\n",
        "main {\n  %1 = const.f32 1.5\n  out 0 %1\n  out 1 %1\n}\n",
        "main {\n  %1 = const.i32 3\n  %2 = accum %1\n  %3 = const.f32 1.5\n  out 0 %3\n}\n",
        "main {\n  %1 = const.f32 1.5\n  %2 = const.f64 9\n  %3 = ring %1 %2\n  out 0 %1\n}\n",
    };
    struct image image;
    assert_int_equal(flatten(fills, &image), STATUS_OK);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (admit(plan_of(others[i]), &image, arena, &fault) != STATUS_INTERNAL)
            fail_msg("admitted for %s", others[i]);
}

/* The process dies; its parent counts that. */
static void a_kernel_that_reaches_beyond_dies(void **unused)
{
    (void)unused;
    static const char *const beyond[] = {
        /* one sample too many */
        ".globl kernel\nkernel: mov 16(%rdi), %rax\nmov (%rax), %rax\nmovslq 72(%rdi), %rcx\nmovl $0, "
        "(%rax,%rcx,4)\nret\n",
        /* an input that is not there */
        ".globl kernel\nkernel: mov 8(%rdi), %rax\nmov (%rax), %rax\nmovslq 72(%rdi), %rcx\nmov (%rax,%rcx,4), "
        "%ecx\nret\n",
        /* a megabyte of stack */
        ".globl kernel\nkernel: movl $0, -1048576(%rsp)\nret\n",
    };
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        struct image image;
        assert_int_equal(flatten(beyond[i], &image), STATUS_OK);
        pid_t pid = fork();
        if (pid == 0) {
            signal(SIGSEGV, SIG_DFL);
            _exit(admit(plan_of("main {\n  %1 = input 0\n  %2 = prev.f32 %1\n  out 0 %2\n}\n"), &image, arena,
                        &fault) == STATUS_OK);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    }
}

static int start(void **unused)
{
    (void)unused;
    arena = arena_new((size_t)256 << 20);
    fault_init(&fault, arena);
    return ARENA_GUARD(arena) ? 1 : 0;
}

static int stop(void **unused)
{
    (void)unused;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_runs_from_its_entry),
        cmocka_unit_test(no_page_is_writable_and_executable),
        cmocka_unit_test(malformed_images_are_refused),
        cmocka_unit_test(relocations_to_constants_are_applied),
        cmocka_unit_test(whatever_reaches_outside_is_refused),
        cmocka_unit_test(damaged_objects_are_refused_or_flattened_but_never_read_beyond),
        cmocka_unit_test(a_kernel_that_agrees_is_admitted),
        cmocka_unit_test(a_kernel_that_differs_is_refused),
        cmocka_unit_test(a_kernel_that_reaches_beyond_dies),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
