/* The judge of an IR, whoever made it: a pass, the lowering, or bytes that came over a socket.
 *
 * In: any IR whose arrays are as long as they say (ir_parse() and the builders see to that). Out: the first thing
 * wrong, with the body and the instruction. After it, engines and passes may index without looking: operands exist,
 * have the right types and come first unless they are a STATE operation's; immediates are in range; call trees end. It
 * does not judge cost, nor whether a delay in a cycle is long enough at run time. */
#include <stdio.h>
#include <string.h>

#include "core/ir.h"
#include "core/ir_text.h"
#include "core/kernel.h"

struct judge {
    const struct ir *ir;
    struct fault *fault;
    uint64_t *expanded; /* by function: instructions a call runs */
};

/* One body: main when fn is NULL. */
struct body {
    const struct ir_fn *fn;
    uint32_t fn_index;
    const struct code *code;
    const char *name;
    bool *per_call; /* by value: does not change within a call */
};

static enum status __attribute__((format(printf, 4, 5)))
bad_ins(struct judge *j, const struct body *b, uint32_t at, const char *format, ...)
{
    char detail[192];
    va_list ap;
    va_start(ap, format);
    vsnprintf(detail, sizeof detail, format, ap);
    va_end(ap);
    return fault_add(j->fault, STATUS_INTERNAL, "", 0, "IR, %s %%%u: %s", b->name, at, detail);
}

static enum status bad(struct judge *j, const char *what, uint32_t index)
{
    return fault_add(j->fault, STATUS_INTERNAL, "", 0, "IR: %s (%u)", what, index);
}

static bool name_is_sound(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~' || strchr("()[]{},=;", name[i]))
            return false;
    return n && n <= IR_NAME_MAX;
}

static enum status check_tables(struct judge *j)
{
    const struct ir *ir = j->ir;
    if (ir->n_tables > IR_TABLES_MAX)
        return bad(j, "too many tables", ir->n_tables);
    for (uint32_t i = 0; i < ir->n_tables; i++) {
        const struct ir_table *t = &ir->tables[i];
        if (!name_is_sound(t->name))
            return bad(j, "a table's name cannot be written", i);
        if ((t->type != TYPE_F32 && t->type != TYPE_I32) || !t->n || t->n > IR_TABLE_MAX || (t->n & (t->n - 1)))
            return bad(j, "a table's type or length is wrong", i);
    }
    return STATUS_OK;
}

static enum status check_images(struct judge *j)
{
    if (j->ir->n_images > IR_IMAGES_MAX)
        return bad(j, "too many images", j->ir->n_images);
    if (j->ir->n_planes > IR_PLANES_MAX)
        return bad(j, "too many planes", j->ir->n_planes);
    for (uint32_t i = 0; i < j->ir->n_images; i++)
        if (!name_is_sound(j->ir->images[i].name))
            return bad(j, "an image's name cannot be written", i);
    return STATUS_OK;
}

static enum status check_responses(struct judge *j)
{
    if (j->ir->n_responses > IR_RESPONSES_MAX)
        return bad(j, "too many responses", j->ir->n_responses);
    for (uint32_t i = 0; i < j->ir->n_responses; i++)
        if (!name_is_sound(j->ir->responses[i].name))
            return bad(j, "a response's name cannot be written", i);
    return STATUS_OK;
}

static enum status check_args(struct judge *j)
{
    const struct ir *ir = j->ir;
    if (ir->n_args > IR_ARGS_MAX)
        return bad(j, "too many arguments", ir->n_args);
    for (uint32_t i = 0; i < ir->n_args; i++) {
        const struct arg_source *s = &ir->args[i];
        if (s->kind != ARG_CONTEXT && s->kind != ARG_LITERAL && s->kind != ARG_PARAM && s->kind != ARG_IMAGE)
            return bad(j, "an argument's source is unknown", i);
        if (s->kind == ARG_CONTEXT && s->index >= CONTEXT_COUNT)
            return bad(j, "an argument asks for a context number that does not exist", i);
        if (s->kind == ARG_IMAGE && s->index / 2 >= ir->n_images)
            return bad(j, "an argument asks for the size of an image that does not exist", i);
    }
    return STATUS_OK;
}

static bool is_param(enum op op)
{
    return op == OP_PARAM_F32 || op == OP_PARAM_F64 || op == OP_PARAM_I32;
}

/* Which operations a body of this kind may hold. */
static bool op_fits(const struct body *b, enum op op)
{
    if (!b->fn)
        return !is_param(op);
    bool impure = op == OP_INPUT || op == OP_ARG || op == OP_IOTA || op == OP_ROW || op == OP_RING || op == OP_TAP ||
                  op == OP_PLANE || op == OP_SURFACE || op == OP_NEAR || op == OP_FETCH || op == OP_HOSTED;
    return !impure && !(op_info(op)->flags & OP_STATE);
}

static enum status check_imm(struct judge *j, const struct body *b, uint32_t at, const struct ins *ins)
{
    const struct ir *ir = j->ir;
    const struct op_info *info = op_info(ins->op);
    uint32_t u = (uint32_t)ins->imm.i; /* a negative one becomes huge */
    if (info->arity < 0) {
        if (u >= (b->fn ? b->fn_index : ir->n_fns))
            return bad_ins(j, b, at, "calls function %d, which does not come before", ins->imm.i);
        if (ir->fns[u].result_type != info->result)
            return bad_ins(j, b, at, "%s of a function that gives %s", info->text, type_text(ir->fns[u].result_type));
        return STATUS_OK;
    }
    if (b->fn && is_param(ins->op) && (u >= b->fn->n_params || b->fn->params[u] != info->result))
        return bad_ins(j, b, at, "there is no parameter %d of type %s", ins->imm.i, type_text(info->result));
    if (ins->op == OP_ARG && u >= ir->n_args)
        return bad_ins(j, b, at, "there is no argument %d", ins->imm.i);
    if (ins->op == OP_INPUT && (u >= ir->n_inputs || u >= IR_INPUTS_MAX))
        return bad_ins(j, b, at, "there is no input channel %d", ins->imm.i);
    if (ins->op == OP_PLANE && u >= EDGE_COUNT)
        return bad_ins(j, b, at, "there is no edge mode %d", ins->imm.i);
    if (ins->op == OP_SURFACE && (u >= ir->n_planes || u >= IR_PLANES_MAX))
        return bad_ins(j, b, at, "there is no plane %d", ins->imm.i);
    if (ins->op == OP_FETCH && u / 4 >= ir->n_images)
        return bad_ins(j, b, at, "there is no image %d", ins->imm.i / 4);
    if (ins->op == OP_HOSTED && u >= ir->n_responses)
        return bad_ins(j, b, at, "there is no response %d", ins->imm.i);
    if ((ins->op == OP_SHL_I32 || ins->op == OP_SHR_I32 || ins->op == OP_SAR_I32) && u > 31)
        return bad_ins(j, b, at, "shifts by %d", ins->imm.i);
    if ((ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32) &&
        (u >= ir->n_tables || ir->tables[u].type != info->result))
        return bad_ins(j, b, at, "there is no table %d of type %s", ins->imm.i, type_text(info->result));
    return STATUS_OK;
}

static enum status check_operand(struct judge *j, const struct body *b, uint32_t at, uint32_t k)
{
    const struct ins *ins = &b->code->ins[at];
    const struct op_info *info = op_info(ins->op);
    struct val v = ins->args[k];
    if (!v.i || v.i >= b->code->n)
        return bad_ins(j, b, at, "operand %u, %%%u, does not exist", k, v.i);
    if (v.i >= at && !ins_is_delayed(ins, k))
        return bad_ins(j, b, at, "operand %u, %%%u, does not come before", k, v.i);
    enum op op = b->code->ins[v.i].op; /* a later one is not checked yet */
    if (op <= OP_NONE || op >= OP_COUNT)
        return bad_ins(j, b, v.i, "there is no operation %d", (int)op);
    enum type wanted = info->arity < 0 ? j->ir->fns[ins->imm.i].params[k] : type_by_letter(info->args[k]);
    enum type got = op_info(op)->result;
    if (got != wanted)
        return bad_ins(j, b, at, "operand %u, %%%u, is %s where %s takes %s", k, v.i, type_text(got), info->text,
                       type_text(wanted));
    return STATUS_OK;
}

static bool is_per_call(const struct body *b, const struct ins *ins)
{
    unsigned flags = op_info(ins->op)->flags;
    if ((flags & OP_STATE) || ins->op == OP_TAP || ins->op == OP_PLANE || ins->op == OP_NEAR || ins->op == OP_FETCH ||
        ins->op == OP_HOSTED)
        return false;
    if (flags & OP_SOURCE)
        return ins->op != OP_INPUT && ins->op != OP_IOTA && ins->op != OP_ROW;
    for (uint32_t k = 0; k < ins->n_args; k++)
        if (!b->per_call[ins->args[k].i])
            return false;
    return true;
}

static enum status check_ins(struct judge *j, struct body *b, uint32_t at)
{
    const struct ins *ins = &b->code->ins[at];
    if (ins->op <= OP_NONE || ins->op >= OP_COUNT)
        return bad_ins(j, b, at, "there is no operation %d", (int)ins->op);
    const struct op_info *info = op_info(ins->op);
    if (!op_fits(b, ins->op))
        return bad_ins(j, b, at, "%s does not belong in this body", info->text);
    TRY(check_imm(j, b, at, ins));
    uint32_t wanted = info->arity < 0 ? j->ir->fns[ins->imm.i].n_params : (uint32_t)info->arity;
    if (ins->n_args != wanted)
        return bad_ins(j, b, at, "%s has %u operands where it takes %u", info->text, ins->n_args, wanted);
    for (uint32_t k = 0; k < ins->n_args; k++)
        TRY(check_operand(j, b, at, k));
    b->per_call[at] = is_per_call(b, ins);
    if (ins->op == OP_RING && !b->per_call[ins->args[1].i])
        return bad_ins(j, b, at, "the capacity of a ring changes within a call");
    if (ins->op == OP_NEAR && (!b->per_call[ins->args[1].i] || !b->per_call[ins->args[2].i]))
        return bad_ins(j, b, at, "how near changes within a call");
    return STATUS_OK;
}

static enum status check_code(struct judge *j, struct body *b, uint64_t *ret_expanded)
{
    uint64_t expanded = b->code->n;
    if (b->code->n > IR_INS_MAX)
        return bad_ins(j, b, b->code->n, "more than %d instructions", IR_INS_MAX);
    b->per_call = ARENA_ARRAY(j->ir->arena, b->code->n, bool);
    for (uint32_t at = 1; at < b->code->n; at++) {
        TRY(check_ins(j, b, at));
        if (op_info(b->code->ins[at].op)->arity < 0)
            expanded += j->expanded[b->code->ins[at].imm.i];
        if (expanded > IR_EXPANDED_MAX)
            return bad_ins(j, b, at, "calls run more than %d instructions", IR_EXPANDED_MAX);
    }
    *ret_expanded = expanded;
    return STATUS_OK;
}

static enum status check_fn(struct judge *j, uint32_t index)
{
    const struct ir_fn *fn = &j->ir->fns[index];
    if (!name_is_sound(fn->name))
        return bad(j, "a function's name cannot be written", index);
    struct body b = {.fn = fn, .fn_index = index, .code = &fn->code, .name = fn->name};
    if (fn->n_params > FN_ARGS_MAX)
        return bad_ins(j, &b, 0, "more than %d parameters", FN_ARGS_MAX);
    for (uint32_t k = 0; k < fn->n_params; k++)
        if (fn->params[k] < TYPE_F32 || fn->params[k] > TYPE_I32)
            return bad_ins(j, &b, 0, "parameter %u is neither f32, f64 nor i32", k);
    if (fn->result_type < TYPE_F32 || fn->result_type > TYPE_I32)
        return bad_ins(j, &b, 0, "the result is neither f32, f64 nor i32");
    TRY(check_code(j, &b, &j->expanded[index]));
    uint32_t r = fn->result.i;
    if (!r || r >= fn->code.n || op_info(fn->code.ins[r].op)->result != fn->result_type)
        return bad_ins(j, &b, r, "the result does not exist or is no %s", type_text(fn->result_type));
    return STATUS_OK;
}

static enum status check_main(struct judge *j)
{
    const struct ir *ir = j->ir;
    struct body b = {.code = &ir->main, .name = "main"};
    uint64_t expanded;
    if (ir->n_inputs > IR_INPUTS_MAX)
        return bad(j, "too many input channels", ir->n_inputs);
    TRY(check_code(j, &b, &expanded));
    if (!ir->n_outputs || ir->n_outputs > IR_OUTPUTS_MAX)
        return bad(j, "no outputs, or too many", ir->n_outputs);
    for (uint32_t i = 0; i < ir->n_outputs; i++) {
        uint32_t v = ir->outputs[i].i;
        if (!v || v >= ir->main.n || op_info(ir->main.ins[v].op)->result != TYPE_F32)
            return bad_ins(j, &b, v, "out %u does not exist or is no f32", i);
    }
    return STATUS_OK;
}

/* The text form finds functions and tables by name, so two may not share one. */
static enum status check_unique(struct judge *j, uint32_t n, const char *what,
                                const char *(*name_of)(const struct ir *, uint32_t))
{
    uint32_t cap = 2;
    while (cap < 2 * n)
        cap *= 2;
    uint32_t *slots = ARENA_ARRAY(j->ir->arena, cap, uint32_t); /* index + 1 */
    for (uint32_t i = 0; i < n; i++) {
        const char *name = name_of(j->ir, i);
        uint32_t at = 2166136261u;
        for (const char *c = name; *c; c++)
            at = (at ^ (unsigned char)*c) * 16777619u;
        for (at &= cap - 1; slots[at]; at = (at + 1) & (cap - 1))
            if (!strcmp(name_of(j->ir, slots[at] - 1), name))
                return bad(j, what, i);
        slots[at] = i + 1;
    }
    return STATUS_OK;
}

static const char *table_name(const struct ir *ir, uint32_t i)
{
    return ir->tables[i].name;
}

static const char *fn_name(const struct ir *ir, uint32_t i)
{
    return ir->fns[i].name;
}

static const char *image_name(const struct ir *ir, uint32_t i)
{
    return ir->images[i].name;
}

enum status ir_verify(const struct ir *ir, struct fault *fault)
{
    struct judge j = {.ir = ir, .fault = fault};
    TRY(check_tables(&j));
    TRY(check_images(&j));
    TRY(check_responses(&j));
    TRY(check_args(&j));
    if (ir->n_fns > IR_FNS_MAX)
        return bad(&j, "too many functions", ir->n_fns);
    j.expanded = ARENA_ARRAY(ir->arena, ir->n_fns, uint64_t);
    for (uint32_t i = 0; i < ir->n_fns; i++)
        TRY(check_fn(&j, i));
    TRY(check_unique(&j, ir->n_tables, "two tables have one name", table_name));
    TRY(check_unique(&j, ir->n_fns, "two functions have one name", fn_name));
    TRY(check_unique(&j, ir->n_images, "two images have one name", image_name));
    return check_main(&j);
}
