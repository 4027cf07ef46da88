/* See probe.h. */
#include "tests/support/probe.h"

#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "core/lower.h"
#include "core/pass.h"

struct probe {
    struct plan *plan;
    struct interp *interp;
    double *args;
    uint32_t outputs; /* those that are wanted */
};

static void expect(enum status status, const struct fault *fault, const char *what)
{
    if (status != STATUS_OK)
        fail_msg("%s: %s", what, fault->count ? fault->items[0].detail : status_title(status));
}

static struct probe *finish(struct arena *a, struct ir *ir, const char *what)
{
    static const double context[CONTEXT_COUNT];
    struct probe *p = ARENA_NEW(a, struct probe);
    struct fault fault;
    fault_init(&fault, a);
    expect(ir_verify(ir, &fault), &fault, what);
    passes_run(ir, NULL, NULL);
    expect(ir_verify(ir, &fault), &fault, what);
    p->plan = plan_make(ir, a);
    p->outputs = 1;
    p->interp = interp_new(p->plan, INTERP_BEST, a);
    p->args = ARENA_ARRAY(a, ir->n_args + 1, double);
    lower_args(ir, NULL, context, NULL, p->args);
    return p;
}

struct probe *probe_expr(struct arena *a, const char *text, int inputs)
{
    const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    struct layout layout = {GRAPH_AUDIO, (uint32_t)inputs};
    struct lowered lowered;
    struct graph *g;
    struct fault fault;
    fault_init(&fault, a);
    expect(graph_from_expr(text, NULL, a, &g, &fault), &fault, text);
    expect(lower(g, layout, &limits, a, &lowered, &fault), &fault, text);
    return finish(a, lowered.ir, text);
}

struct probe *probe_graph(struct arena *a, const char *json, int inputs)
{
    const struct graph_limits limits = GRAPH_LIMITS_DEFAULT;
    const struct json_limits text = {.max_bytes = 1 << 20, .max_depth = 64};
    struct layout layout = {GRAPH_AUDIO, (uint32_t)inputs};
    struct lowered lowered;
    struct datum *root;
    struct graph *g;
    struct fault fault;
    fault_init(&fault, a);
    expect(json_read(json, strlen(json), &text, a, &root, &fault), &fault, json);
    expect(graph_read(root, &limits, a, &g, &fault), &fault, json);
    expect(lower(g, layout, &limits, a, &lowered, &fault), &fault, json);
    struct probe *p = finish(a, lowered.ir, json);
    p->outputs = lowered.ir->n_outputs;
    return p;
}

static struct build build_new(struct arena *a, struct fault *fault)
{
    fault_init(fault, a);
    struct ir *ir = ir_new(a);
    return (struct build){.ir = ir, .code = &ir->main, .fault = fault, .pointer = "", .channels = PROBE_INPUTS};
}

static struct probe *build_done(struct arena *a, struct build *b, struct val first, struct val second, const char *what)
{
    if (b->fault->count)
        fail_msg("%s: %s", what, b->fault->items[0].detail);
    b->ir->n_outputs = second.i ? 2 : 1;
    b->ir->outputs = ARENA_ARRAY(a, 2, struct val);
    b->ir->outputs[0] = first;
    b->ir->outputs[1] = second;
    return finish(a, b->ir, what);
}

struct probe *probe_wide(struct arena *a, const char *node, int inputs)
{
    struct fault fault;
    struct build b = build_new(a, &fault);
    struct val in[PROBE_INPUTS];
    for (int i = 0; i < inputs; i++)
        in[i] = b_add(&b, b_to(&b, TYPE_F64, b_input(&b, 2 * (uint32_t)i)),
                      b_to(&b, TYPE_F64, b_input(&b, 2 * (uint32_t)i + 1)));
    struct val r = b_call(&b, node, in, (size_t)inputs);
    assert_int_equal(b_type(&b, r), TYPE_F64);
    struct val first = b_to(&b, TYPE_F32, r);
    struct val rest = b_to(&b, TYPE_F32, b_sub(&b, r, b_to(&b, TYPE_F64, first)));
    struct probe *p = build_done(a, &b, first, rest, node);
    p->outputs = 2;
    return p;
}

struct probe *probe_built(struct arena *a, probe_body *body, const void *user)
{
    struct fault fault;
    struct build b = build_new(a, &fault);
    return build_done(a, &b, body(&b, user), VAL_NONE, "a built probe");
}

void probe_run(const struct probe *p, const float *const *in, float *const *out, int n)
{
    const struct ir *ir = p->plan->ir;
    float *outs[PROBE_INPUTS], *spare = malloc((size_t)n * sizeof *spare);
    size_t work_size = interp_work_size(p->interp) + KERNEL_ALIGN;
    void *work = aligned_alloc(KERNEL_ALIGN, (work_size + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN);
    double state[64] = {0};
    assert_true(spare && work && ir->n_outputs <= PROBE_INPUTS && p->plan->state_size <= sizeof state);
    for (uint32_t i = 0; i < ir->n_outputs; i++)
        outs[i] = i < p->outputs ? out[i] : spare;
    struct kernel_call call = {.args = p->args, .in = in, .out = outs, .state = state, .count = n, .rows = 1};
    unsigned saved = fp_state_enter();
    interp_run(p->interp, &call, work);
    fp_state_leave(saved);
    free(spare);
    free(work);
}

float probe_at(const struct probe *p, float x, float y, float z)
{
    const float *const in[PROBE_INPUTS] = {&x, &y, &z};
    float r = 0, *const out[2] = {&r, NULL};
    probe_run(p, in, out, 1);
    return r;
}
