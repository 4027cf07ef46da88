/* See admit.h. Every buffer ends at an inaccessible page, the stack is small, and what lies between rows must stay as
 * it was. The stream of a kernel with state runs on through all lengths; a kernel without gets several rows. */
#include "jit/cc/admit.h"

#include <pthread.h>
#include <string.h>

#include "core/arena.h"
#include "core/interp.h"
#include "jit/cc/admit_inputs.h"
#include "jit/cc/admit_pixels.h"
#include "jit/cc/cage.h"

enum {
    COUNT_MAX = 300,
    ROWS = 3,
    GAP = 5,
#ifdef __SANITIZE_THREAD__ /* which keeps most of that for itself */
    STACK_SIZE = 8 << 20,
#else
    STACK_SIZE = 512 << 10,
#endif
    STACK_GUARD = 8 << 20,
    RING_MAX = 1 << 18,
    SETS = 3
};

static const int counts[] = {1, 7, 16, 17, 0, 67, 256, 300};
enum { N_COUNTS = sizeof counts / sizeof *counts };

/* What one engine works on. */
struct bench {
    struct guarded *out, *rings;
    struct guarded state, scratch;
    float **outs;
    struct kernel_ring *lines;
};

struct trial {
    const struct plan *plan;
    struct arena *arena;
    struct fault *fault;
    struct mapped kernel;
    const struct interp *interp;
    void *work;
    double *args;
    uint32_t *lengths;
    struct guarded *in;
    const float **ins;
    struct pixels pixels;
    struct bench engines[2]; /* kernel, interpreter */
    uint64_t random;
};

static bool has_state(const struct plan *p)
{
    return p->state_size > 0 || p->n_rings > 0;
}

static struct bench bench_new(struct trial *t)
{
    const struct plan *p = t->plan;
    struct bench b = {.out = ARENA_ARRAY(t->arena, p->ir->n_outputs, struct guarded),
                      .rings = ARENA_ARRAY(t->arena, p->n_rings, struct guarded),
                      .outs = ARENA_ARRAY(t->arena, p->ir->n_outputs, float *),
                      .lines = ARENA_ARRAY(t->arena, p->n_rings, struct kernel_ring)};
    for (uint32_t c = 0; c < p->ir->n_outputs; c++)
        b.out[c] = guarded_new((size_t)ROWS * (COUNT_MAX + GAP) * sizeof(float));
    b.state = guarded_new(p->state_size);
    b.scratch = guarded_new(p->scratch_size);
    return b;
}

static void bench_done(struct trial *t, struct bench *b)
{
    for (uint32_t c = 0; c < t->plan->ir->n_outputs; c++)
        guarded_done(&b->out[c]);
    for (uint32_t i = 0; i < t->plan->n_rings; i++)
        guarded_done(&b->rings[i]);
    guarded_done(&b->state);
    guarded_done(&b->scratch);
}

/* A stream from its start: state and delay lines are zero. */
static void bench_restart(struct trial *t, struct bench *b)
{
    memset(guarded_end(&b->state, t->plan->state_size), 0, t->plan->state_size);
    for (uint32_t i = 0; i < t->plan->n_rings; i++) {
        size_t size = (t->lengths[i] + KERNEL_PAD) * sizeof(float);
        guarded_done(&b->rings[i]);
        b->rings[i] = guarded_new(size);
        b->lines[i] = (struct kernel_ring){.data = guarded_end(&b->rings[i], size), .mask = (int32_t)t->lengths[i] - 1};
    }
}

static bool is_ready(const struct trial *t)
{
    bool ready = true;
    for (uint32_t c = 0; c < t->plan->ir->n_inputs; c++)
        ready = ready && t->in[c].base;
    for (int e = 0; e < 2; e++) {
        const struct bench *b = &t->engines[e];
        for (uint32_t c = 0; c < t->plan->ir->n_outputs; c++)
            ready = ready && b->out[c].base;
        for (uint32_t i = 0; i < t->plan->n_rings; i++)
            ready = ready && (!b->rings || !t->lengths[i] || b->rings[i].base);
        ready = ready && b->state.base && b->scratch.base;
    }
    return ready;
}

static struct kernel_call call_of(struct trial *t, struct bench *b, int count, int rows, int32_t n0)
{
    const struct plan *p = t->plan;
    int stride = rows > 1 ? count + GAP : count;
    size_t size = ((size_t)(rows - 1) * (size_t)stride + (size_t)count) * sizeof(float);
    for (uint32_t c = 0; c < p->ir->n_inputs; c++)
        t->ins[c] = guarded_end(&t->in[c], (size_t)count * sizeof(float));
    for (uint32_t c = 0; c < p->ir->n_outputs; c++) {
        memset(b->out[c].base, 0x5a, b->out[c].size);
        b->outs[c] = guarded_end(&b->out[c], size);
    }
    return (struct kernel_call){.args = t->args,
                                .in = t->ins,
                                .out = b->outs,
                                .state = guarded_end(&b->state, p->state_size),
                                .rings = b->lines,
                                .scratch = guarded_end(&b->scratch, p->scratch_size),
                                .planes = t->pixels.planes,
                                .images = t->pixels.images,
                                .out_stride = stride,
                                .count = count,
                                .rows = rows,
                                .n0_low = n0};
}

static enum status differs(struct trial *t, const char *what, uint32_t index, int count, int set)
{
    return fault_add(t->fault, STATUS_INTERNAL, "", 0,
                     "admission: %s %u differs from the interpreter's after %d samples of set %d", what, index, count,
                     set);
}

static enum status compare(struct trial *t, int count, int set)
{
    const struct plan *p = t->plan;
    const struct bench *k = &t->engines[0], *i = &t->engines[1];
    for (uint32_t c = 0; c < p->ir->n_outputs; c++)
        if (memcmp(k->out[c].base, i->out[c].base, k->out[c].size) != 0)
            return differs(t, "output", c, count, set);
    if (memcmp(guarded_end(&k->state, p->state_size), guarded_end(&i->state, p->state_size), p->state_size) != 0)
        return differs(t, "state", 0, count, set);
    for (uint32_t r = 0; r < p->n_rings; r++)
        if (memcmp(k->lines[r].data, i->lines[r].data, t->lengths[r] * sizeof(float)) != 0)
            return differs(t, "delay line", r, count, set);
    return STATUS_OK;
}

static enum status no_memory(struct trial *t)
{
    return fault_add(t->fault, STATUS_NO_MEMORY, "", 0, "admission: no memory for the buffers");
}

static enum status run_count(struct trial *t, int count, int set, int32_t n0)
{
    int rows = has_state(t->plan) ? 1 : ROWS;
    for (uint32_t c = 0; c < t->plan->ir->n_inputs; c++)
        input_fill(guarded_end(&t->in[c], (size_t)count * sizeof(float)), count, set, &t->random);
    if (!pixels_place(&t->pixels, count, rows, count % 2 == 0, set, &t->random))
        return no_memory(t);
    struct kernel_call call = call_of(t, &t->engines[0], count, rows, n0);
    t->kernel.entry(&call);
    call = call_of(t, &t->engines[1], count, rows, n0);
    interp_run(t->interp, &call, t->work);
    return compare(t, count, set);
}

static enum status run_set(struct trial *t, int set)
{
    struct fault ignored;
    fault_init(&ignored, t->arena);
    if (!pixels_draw(&t->pixels, set, &t->random))
        return no_memory(t);
    args_fill(t->plan->ir, t->pixels.images, t->args, set, &t->random);
    if (plan_ring_lengths(t->plan, t->args, RING_MAX, "admission", t->lengths, t->arena, &ignored) != STATUS_OK)
        return STATUS_OK;
    if (!ages_fit(t->plan, t->args, t->lengths, t->arena) || !pixels_reach(&t->pixels, t->args, t->arena))
        return STATUS_OK;
    for (int e = 0; e < 2; e++)
        bench_restart(t, &t->engines[e]);
    if (!is_ready(t))
        return no_memory(t);
    int32_t n0 = -100;
    for (int i = 0; i < N_COUNTS; i++) {
        TRY(run_count(t, counts[i], set, n0));
        n0 += counts[i];
    }
    return STATUS_OK;
}

static enum status run_trial(struct trial *t)
{
    const struct ir *ir = t->plan->ir;
    size_t size;
    t->interp = interp_new(t->plan, INTERP_BEST, t->arena);
    size = interp_work_size(t->interp);
    char *work = arena_alloc(t->arena, size + KERNEL_ALIGN);
    t->work = work + (-(uintptr_t)work & (KERNEL_ALIGN - 1));
    t->args = ARENA_ARRAY(t->arena, ir->n_args + 1, double);
    t->lengths = ARENA_ARRAY(t->arena, t->plan->n_rings + 1, uint32_t);
    t->in = ARENA_ARRAY(t->arena, ir->n_inputs + 1, struct guarded);
    t->ins = ARENA_ARRAY(t->arena, ir->n_inputs + 1, const float *);
    t->pixels = pixels_new(t->plan, t->arena);
    for (uint32_t c = 0; c < ir->n_inputs; c++)
        t->in[c] = guarded_new(COUNT_MAX * sizeof(float));
    for (int e = 0; e < 2; e++)
        t->engines[e] = bench_new(t);
    enum status s = is_ready(t) ? STATUS_OK : no_memory(t);
    for (int set = 0; s == STATUS_OK && set < SETS; set++)
        s = run_set(t, set);
    for (int e = 0; e < 2; e++)
        bench_done(t, &t->engines[e]);
    for (uint32_t c = 0; c < ir->n_inputs; c++)
        guarded_done(&t->in[c]);
    pixels_done(&t->pixels);
    return s;
}

struct errand {
    struct trial *trial;
    enum status status;
};

static void *errand_run(void *user)
{
    struct errand *e = user;
    unsigned saved = fp_state_enter();
    if (!cage_seal_thread())
        e->status = fault_add(e->trial->fault, STATUS_INTERNAL, "", 0, "admission: the thread cannot be sealed");
    else if (ARENA_GUARD(e->trial->arena))
        e->status = STATUS_NO_MEMORY;
    else
        e->status = run_trial(e->trial);
    fp_state_leave(saved);
    return NULL;
}

/* On a thread of its own for its small stack: a kernel's frames must fit. */
static enum status run_on_small_stack(struct trial *t)
{
    struct errand e = {.trial = t, .status = STATUS_INTERNAL};
    pthread_attr_t attr;
    pthread_t thread;
    jmp_buf outer;
    // cppcheck-suppress uninitvar ; this memcpy sets it
    memcpy(outer, *arena_escape(t->arena), sizeof outer);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setguardsize(&attr, STACK_GUARD);
    int error = pthread_create(&thread, &attr, errand_run, &e);
    pthread_attr_destroy(&attr);
    if (error != 0)
        return fault_add(t->fault, STATUS_NO_MEMORY, "", 0, "admission: no thread");
    pthread_join(thread, NULL);
    memcpy(*arena_escape(t->arena), outer, sizeof outer);
    return e.status;
}

enum status admit(const struct plan *plan, const struct image *image, struct arena *a, struct fault *fault)
{
    struct trial *t = ARENA_NEW(a, struct trial);
    *t = (struct trial){.plan = plan, .arena = a, .fault = fault, .random = 1};
    TRY(image_map(image, &t->kernel, fault));
    enum status s = run_on_small_stack(t);
    image_unmap(&t->kernel);
    return s;
}
