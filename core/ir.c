/* Building and reading IR. See ir.h. */
#include "core/ir.h"

#include <assert.h>
#include <string.h>

#include "core/kernel.h"

struct ir *ir_new(struct arena *a)
{
    struct ir *ir = ARENA_NEW(a, struct ir);
    ir->arena = a;
    return ir;
}

struct val ir_emit(struct ir *ir, struct code *code, struct ins ins)
{
    if (code->n + 1 >= code->cap) {
        uint32_t cap = code->cap ? code->cap * 2 : 64;
        code->ins = arena_grow(ir->arena, code->ins, code->n, cap, sizeof *code->ins);
        code->cap = cap;
    }
    if (code->n == 0)
        code->n = 1; /* ins[0] is OP_NONE */
    if (ins.n_args) {
        struct val *args = ARENA_ARRAY(ir->arena, ins.n_args, struct val);
        memcpy(args, ins.args, ins.n_args * sizeof *args);
        ins.args = args;
    }
    code->ins[code->n] = ins;
    return (struct val){code->n++};
}

struct val ir_ins1(struct ir *ir, struct code *code, enum op op, struct val a)
{
    return ir_emit(ir, code, (struct ins){.op = op, .n_args = 1, .args = &a});
}

uint32_t ir_add_arg(struct ir *ir, struct arg_source source)
{
    if (source.kind != ARG_LITERAL)
        for (uint32_t i = 0; i < ir->n_args; i++)
            if (ir->args[i].kind == source.kind && ir->args[i].index == source.index)
                return i;
    if (ir->n_args == ir->cap_args) {
        uint32_t cap = ir->cap_args ? ir->cap_args * 2 : 16;
        ir->args = arena_grow(ir->arena, ir->args, ir->n_args, cap, sizeof *ir->args);
        ir->cap_args = cap;
    }
    ir->args[ir->n_args] = source;
    return ir->n_args++;
}

uint32_t ir_add_table(struct ir *ir, const char *name, enum type type, uint32_t n, const void *data)
{
    assert(n && (n & (n - 1)) == 0 && (type == TYPE_F32 || type == TYPE_I32));
    for (uint32_t i = 0; i < ir->n_tables; i++)
        if (!strcmp(ir->tables[i].name, name))
            return i;
    if (ir->n_tables == ir->cap_tables) {
        uint32_t cap = ir->cap_tables ? ir->cap_tables * 2 : 4;
        ir->tables = arena_grow(ir->arena, ir->tables, ir->n_tables, cap, sizeof *ir->tables);
        ir->cap_tables = cap;
    }
    struct ir_table t = {.name = arena_strdup(ir->arena, name), .type = type, .n = n};
    t.data.i = ARENA_ARRAY(ir->arena, n, int32_t);
    memcpy(t.data.i, data, n * sizeof(int32_t));
    ir->tables[ir->n_tables] = t;
    return ir->n_tables++;
}

uint32_t ir_add_image(struct ir *ir, const char *name)
{
    for (uint32_t i = 0; i < ir->n_images; i++)
        if (!strcmp(ir->images[i].name, name))
            return i;
    if (ir->n_images == ir->cap_images) {
        uint32_t cap = ir->cap_images ? ir->cap_images * 2 : 4;
        ir->images = arena_grow(ir->arena, ir->images, ir->n_images, cap, sizeof *ir->images);
        ir->cap_images = cap;
    }
    ir->images[ir->n_images] = (struct ir_image){.name = arena_strdup(ir->arena, name)};
    return ir->n_images++;
}

uint32_t ir_add_response(struct ir *ir, struct ir_response response)
{
    for (uint32_t i = 0; i < ir->n_responses; i++) {
        const struct ir_response *r = &ir->responses[i];
        if (!strcmp(r->name, response.name) && r->channel == response.channel && r->of == response.of)
            return i;
    }
    if (ir->n_responses == ir->cap_responses) {
        uint32_t cap = ir->cap_responses ? ir->cap_responses * 2 : 4;
        ir->responses = arena_grow(ir->arena, ir->responses, ir->n_responses, cap, sizeof *ir->responses);
        ir->cap_responses = cap;
    }
    response.name = arena_strdup(ir->arena, response.name);
    ir->responses[ir->n_responses] = response;
    return ir->n_responses++;
}

struct ir_fn *ir_fn_by_name(struct ir *ir, const char *name, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < ir->n_fns; i++)
        if (!strcmp(ir->fns[i].name, name)) {
            if (ret_index)
                *ret_index = i;
            return &ir->fns[i];
        }
    return NULL;
}

uint32_t ir_add_fn(struct ir *ir, const struct ir_fn *fn)
{
    if (ir->n_fns == ir->cap_fns) {
        uint32_t cap = ir->cap_fns ? ir->cap_fns * 2 : 8;
        ir->fns = arena_grow(ir->arena, ir->fns, ir->n_fns, cap, sizeof *ir->fns);
        ir->cap_fns = cap;
    }
    ir->fns[ir->n_fns] = *fn;
    return ir->n_fns++;
}

const struct ins *ir_at(const struct code *code, struct val v)
{
    assert(v.i && v.i < code->n);
    return &code->ins[v.i];
}

enum type ir_type(const struct ir *ir, const struct code *code, struct val v)
{
    (void)ir;
    return op_info(ir_at(code, v)->op)->result;
}

bool ins_is_delayed(const struct ins *ins, uint32_t k)
{
    return (op_info(ins->op)->flags & OP_STATE) && k == 0;
}

static enum rate source_rate(enum op op)
{
    switch (op) {
    case OP_ARG:
    case OP_SURFACE: /* the same plane for the whole call */
        return RATE_CALL;
    case OP_ROW:
        return RATE_ROW;
    case OP_CONST_F32:
    case OP_CONST_F64:
    case OP_CONST_I32:
        return RATE_CONST;
    default:
        return RATE_SAMPLE; /* iota, input, a function's parameter */
    }
}

static void code_rates(struct code *code)
{
    for (uint32_t i = 1; i < code->n; i++) {
        struct ins *ins = &code->ins[i];
        const struct op_info *info = op_info(ins->op);
        if (info->flags & OP_SOURCE) {
            ins->rate = source_rate(ins->op);
        } else if ((info->flags & OP_STATE) || ins->op == OP_TAP || ins->op == OP_PLANE || ins->op == OP_NEAR ||
                   ins->op == OP_HOSTED) {
            ins->rate = RATE_SAMPLE;
        } else {
            ins->rate = ins->op == OP_FETCH ? RATE_ROW : RATE_CONST; /* arguments alone say what is per call */
            for (uint32_t k = 0; k < ins->n_args; k++) {
                enum rate r = code->ins[ins->args[k].i].rate;
                if (r > ins->rate)
                    ins->rate = r;
            }
        }
    }
}

void ir_rates(struct ir *ir)
{
    code_rates(&ir->main);
    for (uint32_t i = 0; i < ir->n_fns; i++)
        code_rates(&ir->fns[i].code);
}

const char *context_name(enum context c)
{
    static const char *const names[] = {
#define CONTEXT(id, name, what) name,
#include "core/context.def"
#undef CONTEXT
    };
    return names[c];
}

const char *edge_text(enum edge e)
{
    static const char *const names[EDGE_COUNT] = {"repeat", "clamp", "mirror", "constant"};
    return names[e];
}
