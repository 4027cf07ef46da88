/* See lone_engine.h. */
#include "tests/support/lone_engine.h"

#include <string.h>

#include "tests/support.h"

struct arena *lone_arena;
char lone_dir[FOLDER_PATH];
const struct layout lone_layout = {GRAPH_FIELD, 0};

static char *compiler;

int lone_set_up(void **state)
{
    (void)state;
    folder_make(lone_dir);
    lone_arena = arena_new(256 << 20);
    compiler = arena_printf(lone_arena, "%s/sinter-cc", test_build_dir());
    return 0;
}

int lone_tear_down(void **state)
{
    (void)state;
    arena_free(lone_arena);
    folder_remove(lone_dir);
    return 0;
}

struct engine_config lone_config(void)
{
    struct engine_config c = engine_config_default();
    c.store_dir = lone_dir;
    c.compiler_path = compiler;
    c.preload = 0;
    return c;
}

struct engine *lone_engine(struct engine_config c)
{
    struct engine *e;
    struct fault f;
    fault_init(&f, lone_arena);
    assert_int_equal(engine_new(&c, &e, &f), STATUS_OK);
    return e;
}

struct program *lone_program(struct engine *e, const char *expr)
{
    struct graph *g;
    struct program *p;
    struct fault f;
    fault_init(&f, lone_arena);
    if (graph_from_expr(expr, NULL, lone_arena, &g, &f) ||
        engine_program(e, g, graph_canonical(g, lone_arena), lone_layout, &GRAPH_LIMITS_DEFAULT, &p, &f))
        fail_msg("%s: %s", expr, f.items[0].detail);
    return p;
}

struct engine_stats lone_stats(struct engine *e)
{
    struct engine_stats s;
    engine_stats(e, &s);
    return s;
}

struct kernel *lone_kernel(struct engine *e, struct program *p, enum kernel_origin expected)
{
    enum kernel_origin origin;
    struct kernel *k = engine_kernel(e, p, 0, LONE_WAIT_MS, &origin);
    assert_non_null(k);
    assert_int_equal(origin, expected);
    return k;
}

void lone_bring(struct engine *e, const char *expr, enum kernel_origin expected)
{
    struct program *p = lone_program(e, expr);
    kernel_unref(lone_kernel(e, p, expected));
    program_unref(p);
}

float *lone_run(const struct program *p, struct kernel *k)
{
    double context[CONTEXT_COUNT] = {[CONTEXT_WIDTH] = LONE_PIXELS,
                                     [CONTEXT_HEIGHT] = LONE_ROWS,
                                     [CONTEXT_DX] = 1.0 / LONE_PIXELS,
                                     [CONTEXT_DY] = 1.0 / LONE_ROWS};
    double params[8] = {0};
    for (size_t i = 0; i < p->n_params; i++)
        params[i] = p->params[i].value;
    double *args = ARENA_ARRAY(lone_arena, p->ir->n_args + 1, double);
    lower_args(p->ir, params, context, NULL, args);
    float *out = ARENA_ARRAY(lone_arena, LONE_PIXELS * LONE_ROWS, float);
    void *work = arena_aligned(lone_arena, interp_work_size(p->interp) + p->plan->scratch_size, KERNEL_ALIGN);
    struct kernel_call call = {.args = args,
                               .out = (float *const[]){out},
                               .state = work,
                               .scratch = work,
                               .out_stride = LONE_PIXELS,
                               .count = LONE_PIXELS,
                               .rows = LONE_ROWS};
    unsigned saved = fp_state_enter();
    program_run(p, k, &call, work);
    fp_state_leave(saved);
    return out;
}
