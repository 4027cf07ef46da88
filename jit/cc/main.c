/* sinter-cc, the compile worker: IR text in, machine code out, over fd CC_FD (see jit/cc_protocol.h). The only program
 * that links libgccjit, so that a crash, a leak or an exit(1) inside gcc costs the service nothing. Its input may be
 * hostile: it is read in a cage (jit/cc/cage.h).
 *
 * In: TMPDIR, a private directory that the parent removes; SINTER_SANDBOX. Leaves at end of file, and at any message
 * that is not one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/interp.h"
#include "jit/cc/admit.h"
#include "jit/cc/cage.h"
#include "jit/cc/compile.h"
#include "jit/cc_protocol.h"

enum {
    ARENA_MAX = 512 << 20,
    COMPILE_SECONDS = 30,
    ADMIT_SECONDS = 5, /* the slowest kernel of the tests takes a tenth of one */
    PROCESSES = 8192,  /* ends a fork bomb; no less, as the kernel counts all threads of the user, the server's too */
    BODY_MAX = 20000,
    ALL_MAX = 100000,
};

static const char *const dummy =
    "main {\n  %1 = input 0\n  %2 = sqrt.f32 %1\n  %3 = lt.f32 %1 %2\n  %4 = sel.f32 %3 %1 %2\n"
    "  out 0 %4\n}\n";

static char *directory; /* TMPDIR */

#ifdef __SANITIZE_ADDRESS__
/* LeakSanitizer asks this: what gcc 12 itself forgets, some kilobytes a compile, is not ours to find. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libgccjit.so\n";
}
#endif

static bool read_all(void *to, size_t n)
{
    for (char *at = to; n > 0;) {
        ssize_t got = read(CC_FD, at, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool write_all(const void *from, size_t n)
{
    for (const char *at = from; n > 0;) {
        ssize_t got = write(CC_FD, at, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool answer(struct cc_header header, const void *payload, size_t size)
{
    header.magic = CC_MAGIC;
    header.size = (uint32_t)size;
    return write_all(&header, sizeof header) && write_all(payload, size);
}

static uint32_t microseconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000);
}

/* So many seconds of processor time from now on; a loop, inside gcc or a kernel on trial, ends with SIGXCPU. */
static void limit_cpu(rlim_t seconds)
{
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) != 0 || getrlimit(RLIMIT_CPU, &limit) != 0)
        return;
    limit.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + seconds;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_CPU, &limit);
}

static void limit_resource(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || most < limit.rlim_max ? most : limit.rlim_max;
    limit.rlim_max = limit.rlim_cur;
    setrlimit(resource, &limit);
}

static void limit_process(void)
{
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* whose shadow alone takes terabytes of addresses   \
                                                                   */
    limit_resource(RLIMIT_AS, (rlim_t)4 << 30);
#endif
    limit_resource(RLIMIT_FSIZE, (rlim_t)128 << 20);
    limit_resource(RLIMIT_NOFILE, 64);
    limit_resource(RLIMIT_CORE, 0);
    limit_resource(RLIMIT_NPROC, PROCESSES);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    clearenv();
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("LC_ALL", "C", 1);
    setenv("TMPDIR", directory, 1);
}

/* gcc takes more than linear time over a body: a second over 5,000 instructions. */
static enum status check_size(const struct ir *ir, struct fault *fault)
{
    uint64_t longest = ir->main.n;
    uint64_t all = longest;
    for (uint32_t f = 0; f < ir->n_fns; f++) {
        longest = ir->fns[f].code.n > longest ? ir->fns[f].code.n : longest;
        all += ir->fns[f].code.n;
    }
    if (longest > BODY_MAX || all > ALL_MAX)
        return fault_add(fault, STATUS_LIMIT, "", 0, "too long to compile: a body of %llu instructions, %llu in all",
                         (unsigned long long)longest, (unsigned long long)all);
    return STATUS_OK;
}

/* Planes and what hosts make come from stages before; what comes here reads them. */
static enum status check_stage(const struct ir *ir, struct fault *fault)
{
    for (uint32_t v = 1; v < ir->main.n; v++)
        if (ir->main.ins[v].op == OP_PLANE || ir->main.ins[v].op == OP_HOSTED)
            return fault_add(fault, STATUS_INTERNAL, "", 0, "IR, main %%%u: the IR is not cut into stages", v);
    return STATUS_OK;
}

static enum status read_plan(const char *text, struct arena *a, struct plan **ret_plan, struct fault *fault)
{
    struct ir *ir = NULL;
    TRY(ir_parse(text, a, &ir, fault));
    TRY(ir_verify(ir, fault));
    TRY(check_size(ir, fault));
    TRY(check_stage(ir, fault));
    ir_rates(ir);
    *ret_plan = plan_make(ir, a);
    return STATUS_OK;
}

/* What a COMPILE asks for, into `reply` and `ret_*`. */
static enum status compile(const char *text, const struct cc_header *ask, struct arena *a, struct cc_header *reply,
                           const void **ret_payload, size_t *ret_size, struct fault *fault)
{
    struct timespec start;
    struct plan *plan = NULL;
    struct image image = {0};
    char *assembly = NULL;
    clock_gettime(CLOCK_MONOTONIC, &start);
    TRY(read_plan(text, a, &plan, fault));
    reply->kind = CC_IMAGE;
    if (ask->flags & CC_ASSEMBLY) {
        TRY(compile_text(plan, (enum target)ask->target, directory, a, &assembly, ret_size, fault));
        *ret_payload = assembly;
        reply->compile_us = microseconds_since(&start);
        return STATUS_OK;
    }
    TRY(compile_image(plan, (enum target)ask->target, directory, a, &image, fault));
    reply->compile_us = microseconds_since(&start);
    clock_gettime(CLOCK_MONOTONIC, &start);
    limit_cpu(ADMIT_SECONDS);
    TRY(admit(plan, &image, a, fault));
    reply->admit_us = microseconds_since(&start);
    reply->entry = image.entry;
    *ret_payload = image.bytes;
    *ret_size = image.size;
    return STATUS_OK;
}

static bool serve(const char *text, const struct cc_header *ask)
{
    struct arena *a = arena_new(ARENA_MAX);
    if (!a)
        return false;
    struct cc_header reply = {0};
    const void *payload = NULL;
    size_t size = 0;
    struct fault fault;
    enum status s;
    if (ARENA_GUARD(a)) {
        static const char no_memory[] = "the compiler ran out of memory";
        arena_free(a);
        return answer((struct cc_header){.kind = CC_REFUSED}, no_memory, sizeof no_memory);
    }
    fault_init(&fault, a);
    limit_cpu(COMPILE_SECONDS);
    if (ask->target != TARGET_V3 && ask->target != TARGET_V4)
        s = fault_add(&fault, STATUS_INTERNAL, "", 0, "there is no target %u", ask->target);
    else if (!(ask->flags & CC_ASSEMBLY) && !target_runs_here((enum target)ask->target))
        s = fault_add(&fault, STATUS_INTERNAL, "", 0, "%s does not run here", target_name((enum target)ask->target));
    else
        s = compile(text, ask, a, &reply, &payload, &size, &fault);
    if (s == STATUS_OK && size > CC_MESSAGE_MAX)
        s = fault_add(&fault, STATUS_INTERNAL, "", 0, "the answer is too long for a message");
    /* A strike, not a verdict: this process leaves, and whether its successor gets ready tells what is wrong. */
    if (s == STATUS_BUSY) {
        arena_free(a);
        return false;
    }
    if (s != STATUS_OK) {
        reply = (struct cc_header){.kind = CC_REFUSED};
        payload = fault.count > 0 ? fault.items[0].detail : "refused";
        size = strlen(payload) + 1;
    }
    bool sent = answer(reply, payload, size);
    arena_free(a);
    return sent;
}

static bool serve_next(void)
{
    struct cc_header ask;
    if (!read_all(&ask, sizeof ask))
        return false;
    if (ask.magic != CC_MAGIC || ask.kind != CC_COMPILE || ask.size == 0 || ask.size > CC_MESSAGE_MAX)
        return false;
    char *text = malloc(ask.size);
    bool ok = text && read_all(text, ask.size) && text[ask.size - 1] == 0 && serve(text, &ask);
    free(text);
    return ok;
}

/* The first compile in a process takes three times as long as the next. */
static bool warm_up(struct cc_header *ready)
{
    struct arena *a = arena_new(ARENA_MAX);
    struct cc_header ask = {.target = (uint32_t)target_of_cpu()}, reply = {0};
    const void *payload;
    size_t size;
    struct fault fault;
    if (!a || ARENA_GUARD(a))
        return false;
    fault_init(&fault, a);
    limit_cpu(COMPILE_SECONDS);
    bool ok = ask.target != TARGET_NONE && compile(dummy, &ask, a, &reply, &payload, &size, &fault) == STATUS_OK;
    if (!ok)
        fprintf(stderr, "sinter-cc: %s\n", fault.count > 0 ? fault.items[0].detail : "no target for this CPU");
    snprintf(ready->compiler, sizeof ready->compiler, "%s", compiler_id(a));
    arena_free(a);
    return ok;
}

/* TMPDIR is kept; the rest of the environment is nobody's business here. */
static bool read_environment(enum sandbox_mode *ret_mode)
{
    const char *given = getenv("TMPDIR");
    *ret_mode = sandbox_mode_of(getenv(SANDBOX_VARIABLE));
    directory = given ? strdup(given) : NULL;
    if (!directory)
        fprintf(stderr, "sinter-cc: no TMPDIR; this program is started by sinter\n");
    return directory;
}

int main(void)
{
    struct cc_header ready = {.kind = CC_READY};
    enum sandbox_mode mode;
    if (!read_environment(&mode))
        return 2;
    limit_process();
    if (mode != SANDBOX_OFF)
        ready.flags = cage_enter(directory);
    if (mode == SANDBOX_REQUIRE && (ready.flags & SANDBOX_NEEDED) != SANDBOX_NEEDED)
        return 3;
    if (!warm_up(&ready) || !answer(ready, NULL, 0))
        return 1;
    while (serve_next())
        ;
    return 0;
}
