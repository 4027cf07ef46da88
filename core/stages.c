/* See stages.h. A plane's depth is how many planes lie one behind the other below it. Each stage copies what its roots
 * need, down to the planes, of which it knows only the number. */
#include "core/stages.h"

#include <assert.h>
#include <string.h>

#include "core/interp.h"
#include "core/pass.h"
#include "core/stages_hosted.h"

struct splitter {
    struct ir *ir;
    uint32_t *depth; /* by value: planes below it */
    uint32_t *plane; /* by value: of a `plane`, its number */
    uint32_t deepest;
};

/* Operands stand before their users, as nothing that remembers goes with planes. */
static void find_depths(struct splitter *s, struct stages *ret)
{
    const struct code *code = &s->ir->main;
    for (uint32_t v = 1; v < code->n; v++) {
        const struct ins *ins = &code->ins[v];
        for (uint32_t k = 0; k < ins->n_args; k++) {
            assert(ins->args[k].i < v);
            if (s->depth[ins->args[k].i] > s->depth[v])
                s->depth[v] = s->depth[ins->args[k].i];
        }
        if (ins->op != OP_PLANE)
            continue;
        ret->edges[ret->n_planes] = (enum edge)ins->imm.i;
        s->plane[v] = ret->n_planes++;
        s->depth[v]++;
        if (s->depth[v] > s->deepest)
            s->deepest = s->depth[v];
    }
}

static uint32_t count_planes(const struct code *code)
{
    uint32_t n = 0;
    for (uint32_t v = 1; v < code->n; v++)
        n += code->ins[v].op == OP_PLANE;
    return n;
}

static struct code copy_code(struct ir *to, const struct code *from)
{
    struct code copy = {0};
    for (uint32_t v = 1; v < from->n; v++)
        ir_emit(to, &copy, from->ins[v]);
    return copy;
}

/* All but the main body. Passes change it in place, so each stage has its own. */
struct ir *stages_copy_lists(const struct ir *ir)
{
    struct arena *a = ir->arena;
    struct ir *copy = ir_new(a);
    copy->fns = ARENA_ARRAY(a, ir->n_fns, struct ir_fn);
    copy->tables = ARENA_ARRAY(a, ir->n_tables, struct ir_table);
    copy->args = ARENA_ARRAY(a, ir->n_args, struct arg_source);
    copy->images = ARENA_ARRAY(a, ir->n_images, struct ir_image);
    for (uint32_t i = 0; i < ir->n_fns; i++) {
        copy->fns[i] = ir->fns[i];
        copy->fns[i].code = copy_code(copy, &ir->fns[i].code);
    }
    for (uint32_t i = 0; i < ir->n_tables; i++)
        copy->tables[i] = ir->tables[i];
    for (uint32_t i = 0; i < ir->n_args; i++)
        copy->args[i] = ir->args[i];
    for (uint32_t i = 0; i < ir->n_images; i++)
        copy->images[i] = ir->images[i];
    copy->n_fns = copy->cap_fns = ir->n_fns;
    copy->n_tables = copy->cap_tables = ir->n_tables;
    copy->n_args = copy->cap_args = ir->n_args;
    copy->n_images = copy->cap_images = ir->n_images;
    copy->fixed_images = true;
    return copy;
}

/* What the roots need, not looking behind planes. Users stand after their operands. */
static bool *needed_by(const struct splitter *s, const struct val *roots, uint32_t n)
{
    const struct code *code = &s->ir->main;
    bool *needed = ARENA_ARRAY(s->ir->arena, code->n, bool);
    for (uint32_t i = 0; i < n; i++)
        needed[roots[i].i] = true;
    for (uint32_t v = code->n - 1; v > 0; v--)
        for (uint32_t k = 0; needed[v] && code->ins[v].op != OP_PLANE && k < code->ins[v].n_args; k++)
            needed[code->ins[v].args[k].i] = true;
    return needed;
}

/* Does the same as the IR up to the roots, which become its outputs. */
static struct ir_stage make_stage(const struct splitter *s, const struct val *roots, uint32_t n_roots)
{
    struct arena *a = s->ir->arena;
    const struct code *code = &s->ir->main;
    struct ir_stage stage = {.ir = stages_copy_lists(s->ir), .reads = ARENA_ARRAY(a, code->n, uint32_t)};
    bool *needed = needed_by(s, roots, n_roots);
    uint32_t *to = ARENA_ARRAY(a, code->n, uint32_t);
    for (uint32_t v = 1; v < code->n; v++) {
        struct ins ins = code->ins[v];
        struct val args[FN_ARGS_MAX];
        if (!needed[v])
            continue;
        if (ins.op == OP_PLANE) {
            stage.reads[stage.ir->n_planes] = s->plane[v];
            ins = (struct ins){.op = OP_SURFACE, .imm.i = (int32_t)stage.ir->n_planes++};
        }
        for (uint32_t k = 0; k < ins.n_args; k++)
            args[k].i = to[ins.args[k].i];
        ins.args = args;
        to[v] = ir_emit(stage.ir, &stage.ir->main, ins).i;
    }
    stage.ir->n_inputs = s->ir->n_inputs;
    stage.ir->n_outputs = n_roots;
    stage.ir->outputs = ARENA_ARRAY(a, n_roots, struct val);
    for (uint32_t i = 0; i < n_roots; i++)
        stage.ir->outputs[i].i = to[roots[i].i];
    /* Only these: the others would find more to do, now that a value has fewer uses, and a value that two stages
     * compute would differ. */
    pass_dead(stage.ir);
    pass_canon(stage.ir);
    pass_rates(stage.ir);
    return stage;
}

/* Fills the planes of one depth. */
static struct ir_stage plane_stage(const struct splitter *s, uint32_t depth, uint32_t n_planes)
{
    const struct code *code = &s->ir->main;
    struct val *roots = ARENA_ARRAY(s->ir->arena, n_planes, struct val);
    uint32_t *fills = ARENA_ARRAY(s->ir->arena, n_planes, uint32_t), n = 0;
    for (uint32_t v = 1; v < code->n; v++)
        if (code->ins[v].op == OP_PLANE && s->depth[v] == depth) {
            roots[n] = code->ins[v].args[0];
            fills[n++] = s->plane[v];
        }
    struct ir_stage stage = make_stage(s, roots, n);
    stage.fills = fills;
    return stage;
}

struct stages stages_split(struct ir *ir)
{
    struct arena *a = ir->arena;
    uint32_t n_planes = count_planes(&ir->main);
    if (stages_has_hosts(ir))
        return stages_split_hosted(ir);
    struct stages r = {.list = ARENA_ARRAY(a, 1, struct ir_stage), .n = 1};
    r.list[0].ir = ir;
    if (!n_planes)
        return r;
    assert(!ir->n_planes);
    struct splitter s = {
        .ir = ir, .depth = ARENA_ARRAY(a, ir->main.n, uint32_t), .plane = ARENA_ARRAY(a, ir->main.n, uint32_t)};
    r.edges = ARENA_ARRAY(a, n_planes, enum edge);
    find_depths(&s, &r);
    r.n = s.deepest + 1;
    r.list = ARENA_ARRAY(a, r.n, struct ir_stage);
    for (uint32_t i = 0; i + 1 < r.n; i++)
        r.list[i] = plane_stage(&s, i + 1, n_planes);
    r.list[r.n - 1] = make_stage(&s, ir->outputs, ir->n_outputs);
    return r;
}

static int32_t offset(const struct plan *plan, struct val v, const double *args, struct arena *a)
{
    const struct ins *ins = ir_at(&plan->ir->main, v);
    return ins->op == OP_CONST_I32 ? ins->imm.i : (int32_t)interp_call_value(plan, v, args, a);
}

static void widen(int32_t *low, int32_t *high, int32_t to)
{
    if (to < *low)
        *low = to;
    if (to > *high)
        *high = to;
}

void stages_reach(const struct plan *plan, const double *args, struct reach *ret_reach, struct arena *a)
{
    const struct code *code = &plan->ir->main;
    for (uint32_t i = 0; i < plan->ir->n_planes; i++)
        ret_reach[i] = (struct reach){INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN};
    for (uint32_t v = 1; v < code->n; v++) {
        const struct ins *ins = &code->ins[v];
        if (ins->op != OP_NEAR)
            continue;
        struct reach *r = &ret_reach[ir_at(code, ins->args[0])->imm.i];
        widen(&r->left, &r->right, offset(plan, ins->args[1], args, a));
        widen(&r->up, &r->down, offset(plan, ins->args[2], args, a));
    }
}
