/* See compile.h. gcc writes assembly text into the private directory, `as` (found on the pinned PATH) makes the object
 * file of it; no linker. A context a kernel: nothing is carried from one compile to the next but what libgccjit leaks.
 */
#include "jit/cc/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgccjit.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arena.h"
#include "jit/cc/emit.h"
#include "jit/cc/object.h"
#include "jit/cc/width.h"
#include "jit/cc_protocol.h"

enum { TEXT_MAX = 64 << 20 };

static enum status fail(struct fault *fault, const char *what, const char *why)
{
    return fault_add(fault, STATUS_INTERNAL, "", 0, "%s: %s", what, why ? why : "unknown error");
}

/* Not the kernel's fault, as far as one can tell: `as` is gone, or the disk is full. */
static enum status fail_around(struct fault *fault, const char *what, const char *why)
{
    return fault_add(fault, STATUS_BUSY, "", 0, "%s: %s", what, why);
}

/* What a self-contained kernel needs: wrapping index arithmetic; no calls of memset or memcpy made out of loops;
 * functions that stay functions; nothing beside code and constants in the object; pointers of several types to one
 * buffer; frames that meet the stack's guard page. Then what costs compile time and gains nothing here: together a
 * quarter of it. */
static const char *const options[] = {
    "-fwrapv",
    "-fno-tree-loop-distribute-patterns",
    "-fno-inline",
    "-fno-asynchronous-unwind-tables",
    "-fno-stack-protector",
    "-fno-jump-tables",
    "-fcf-protection=none",
    "-fno-ident",
    "-fno-strict-aliasing",
    "-fstack-clash-protection",
    "-ffp-contract=off",
    "-fipa-ra",
    "-fira-region=one",
    "-fno-tree-pta",
    "-fno-tree-dominator-opts",
};

/* Registers are counted by their class when invariants leave a loop, so that a body's constants fill the vector
 * registers (tanh: 0.38 to 0.34 ns a sample). The loops of voices would spill (2 to 4 ns a voice), and the one-poles in
 * combs (Freeverb: 9.3 to 10.9 ns a frame). */
static const char spend_registers[] = "-fira-loop-pressure";

/* What decides over a context: kernels that agree in it may share one. */
struct manner {
    enum target width;
    bool spends_registers;
};

static struct manner manner_of(const struct plan *plan, enum target target)
{
    return (struct manner){width_choose(plan, target), width_spends_registers(plan)};
}

static gcc_jit_context *context_new(struct manner manner)
{
    gcc_jit_context *c = gcc_jit_context_acquire();
    bool v4 = manner.width == TARGET_V4;
    if (!c)
        return NULL;
    gcc_jit_context_set_int_option(c, GCC_JIT_INT_OPTION_OPTIMIZATION_LEVEL, 1);
    gcc_jit_context_set_bool_print_errors_to_stderr(c, 0);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        gcc_jit_context_add_command_line_option(c, options[i]);
    if (manner.spends_registers)
        gcc_jit_context_add_command_line_option(c, spend_registers);
    gcc_jit_context_add_command_line_option(c, v4 ? "-march=x86-64-v4" : "-march=x86-64-v3");
    if (v4)
        gcc_jit_context_add_command_line_option(c, "-mprefer-vector-width=512");
    return c;
}

static enum status read_file(const char *path, struct arena *a, char **ret_data, size_t *ret_n, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > TEXT_MAX) {
        if (fd >= 0)
            close(fd);
        return fail_around(fault, "reading back what was compiled", strerror(errno));
    }
    char *data = arena_alloc(a, (size_t)st.st_size + 1);
    size_t n = 0;
    for (ssize_t got; n < (size_t)st.st_size && (got = read(fd, data + n, (size_t)st.st_size - n)) > 0;)
        n += (size_t)got;
    close(fd);
    if (n != (size_t)st.st_size)
        return fail_around(fault, "reading back what was compiled", "short read");
    *ret_data = data;
    *ret_n = n;
    return STATUS_OK;
}

/* Kernels of one manner in one context. */
struct crowd {
    struct manner manner;
    const struct plan **plans;
    const char **names;
    size_t n;
};

static enum status write_assembly(const struct crowd *crowd, const char *path, struct arena *a, struct fault *fault)
{
    gcc_jit_context *c = context_new(crowd->manner);
    if (!c)
        return fail(fault, "libgccjit", "no context");
    for (size_t i = 0; i < crowd->n; i++)
        emit_kernel(c, crowd->names[i], crowd->manner.width, crowd->plans[i]->ir, crowd->plans[i], a);
    const char *error = gcc_jit_context_get_first_error(c);
    if (!error) {
        gcc_jit_context_compile_to_file(c, GCC_JIT_OUTPUT_KIND_ASSEMBLER, path);
        error = gcc_jit_context_get_first_error(c);
    }
    enum status s = error ? fail(fault, "libgccjit", error) : STATUS_OK;
    gcc_jit_context_release(c);
    return s;
}

static enum status assemble(const char *text, const char *object, struct fault *fault)
{
    char *argv[] = {(char *)"as", (char *)"--64", (char *)"-o", (char *)object, (char *)text, NULL};
    extern char **environ;
    pid_t pid;
    int status = 0, error = posix_spawnp(&pid, "as", NULL, NULL, argv, environ);
    if (error != 0)
        return fail_around(fault, "as", strerror(error));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return fail_around(fault, "as", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail_around(fault, "as", "it failed");
    return STATUS_OK;
}

/* Those of `plans` that are to be compiled in this manner. Named by their order here: a lone one is "kernel". */
static struct crowd crowd_of(const struct plan *const *plans, size_t n, enum target target, struct manner manner,
                             struct arena *a)
{
    struct crowd c = {manner, ARENA_ARRAY(a, n, const struct plan *), ARENA_ARRAY(a, n, const char *), 0};
    for (size_t i = 0; i < n; i++) {
        struct manner m = manner_of(plans[i], target);
        if (m.width != manner.width || m.spends_registers != manner.spends_registers)
            continue;
        c.names[c.n] = c.n ? arena_printf(a, "kernel_%zu", c.n) : "kernel";
        c.plans[c.n++] = plans[i];
    }
    return c;
}

enum status compile_text(const struct plan *plan, enum target target, const char *dir, struct arena *a, char **ret_text,
                         size_t *ret_n, struct fault *fault)
{
    const char *path = arena_printf(a, "%s/kernel.s", dir);
    struct crowd crowd = crowd_of(&plan, 1, target, manner_of(plan, target), a);
    enum status s = write_assembly(&crowd, path, a, fault);
    if (s == STATUS_OK)
        s = read_file(path, a, ret_text, ret_n, fault);
    unlink(path);
    return s;
}

static enum status compile_crowd(const struct crowd *crowd, const char *dir, struct arena *a, struct image *ret_images,
                                 struct fault *fault)
{
    const char *text = arena_printf(a, "%s/kernel.s", dir), *object = arena_printf(a, "%s/kernel.o", dir);
    char *file = NULL;
    size_t n = 0;
    enum status s = write_assembly(crowd, text, a, fault);
    if (s == STATUS_OK)
        s = assemble(text, object, fault);
    if (s == STATUS_OK)
        s = read_file(object, a, &file, &n, fault);
    unlink(text);
    unlink(object);
    return s == STATUS_OK ? object_flatten_many((const uint8_t *)file, n, crowd->names, crowd->n, a, ret_images, fault)
                          : s;
}

enum status compile_image(const struct plan *plan, enum target target, const char *dir, struct arena *a,
                          struct image *ret_image, struct fault *fault)
{
    struct crowd crowd = crowd_of(&plan, 1, target, manner_of(plan, target), a);
    return compile_crowd(&crowd, dir, a, ret_image, fault);
}

enum status compile_images(const struct plan *const *plans, size_t n, enum target target, const char *dir,
                           struct arena *a, struct image *ret_images, struct fault *fault)
{
    struct image *images = ARENA_ARRAY(a, n, struct image), *done = ARENA_ARRAY(a, n, struct image);
    bool *is_done = ARENA_ARRAY(a, n, bool);
    for (size_t i = 0; i < n; i++) {
        if (is_done[i])
            continue;
        struct crowd crowd = crowd_of(plans, n, target, manner_of(plans[i], target), a);
        TRY(compile_crowd(&crowd, dir, a, images, fault));
        for (size_t k = i, next = 0; next < crowd.n; k++)
            if (plans[k] == crowd.plans[next]) {
                done[k] = images[next++];
                is_done[k] = true;
            }
    }
    memcpy(ret_images, done, n * sizeof *done);
    return STATUS_OK;
}

const char *compiler_id(struct arena *a)
{
    return arena_printf(a, "libgccjit %d.%d.%d codegen %d", gcc_jit_version_major(), gcc_jit_version_minor(),
                        gcc_jit_version_patchlevel(), CODEGEN_VERSION);
}
