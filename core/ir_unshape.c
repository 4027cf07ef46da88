/* An IR from its shape (ir_shape.c): what is no part of the shape, names and where arguments come from, is made up, so
 * that it has the same shape, and the same machine code, again. The bytes may be anything: lengths are bounded before
 * they are believed, and ir_verify() is the judge of the rest. */
#include <string.h>

#include "core/ir.h"

struct reader {
    struct ir *ir;
    const uint8_t *data;
    size_t n, at; /* words */
    bool bad;     /* there was no more, or a number was too large */
};

static uint32_t take(struct reader *r)
{
    uint32_t word = 0;
    if (r->at == r->n)
        r->bad = true;
    else
        memcpy(&word, r->data + 4 * r->at++, sizeof word);
    return word;
}

/* A length: never more than the bound, 0 when it was. */
static uint32_t take_length(struct reader *r, uint32_t most)
{
    uint32_t n = take(r);
    if (n > most)
        r->bad = true;
    return r->bad ? 0 : n;
}

static void take_imm(struct reader *r, struct ins *ins)
{
    unsigned flags = op_info(ins->op)->flags;
    if (!(flags & (OP_IMM_F | OP_IMM_D | OP_IMM_I)))
        return;
    uint64_t bits = take(r);
    uint32_t low = (uint32_t)bits;
    if (ins->op == OP_CONST_F64)
        bits |= (uint64_t)take(r) << 32;
    if (flags & OP_IMM_D)
        memcpy(&ins->imm.d, &bits, sizeof ins->imm.d);
    else if (flags & OP_IMM_F)
        memcpy(&ins->imm.f, &low, sizeof ins->imm.f);
    else
        memcpy(&ins->imm.i, &low, sizeof ins->imm.i);
}

static void take_code(struct reader *r, struct code *code)
{
    uint32_t n = take_length(r, IR_INS_MAX);
    for (uint32_t i = 1; i < n && !r->bad; i++) {
        struct val args[FN_ARGS_MAX];
        uint32_t word = take(r);
        struct ins ins = {.op = (enum op)(word & 0xffff), .n_args = word >> 16, .args = args};
        if (ins.op <= OP_NONE || ins.op >= OP_COUNT || ins.n_args > FN_ARGS_MAX) {
            r->bad = true;
            return;
        }
        take_imm(r, &ins);
        for (uint32_t k = 0; k < ins.n_args; k++)
            args[k].i = take(r);
        ir_emit(r->ir, code, ins);
    }
    if (!code->n)
        code->n = n;
}

static void take_table(struct reader *r, uint32_t i)
{
    enum type type = (enum type)take(r);
    uint32_t n = take_length(r, IR_TABLE_MAX);
    if (r->bad || !n || (n & (n - 1)) || n > r->n - r->at || (type != TYPE_F32 && type != TYPE_I32)) {
        r->bad = true;
        return;
    }
    ir_add_table(r->ir, arena_printf(r->ir->arena, "t%u", i), type, n, r->data + 4 * r->at);
    r->at += n;
}

static void take_fn(struct reader *r, uint32_t i)
{
    struct ir_fn fn = {.name = arena_printf(r->ir->arena, "f%u", i)};
    fn.n_params = take_length(r, FN_ARGS_MAX);
    for (uint32_t k = 0; k < fn.n_params; k++)
        fn.params[k] = (enum type)take(r);
    fn.result_type = (enum type)take(r);
    take_code(r, &fn.code);
    fn.result.i = take(r);
    if (!r->bad)
        ir_add_fn(r->ir, &fn);
}

/* As many images as are read. */
static void name_images(struct ir *ir)
{
    uint32_t n = 0;
    for (uint32_t v = 1; v < ir->main.n; v++)
        if (ir->main.ins[v].op == OP_FETCH && ir->main.ins[v].imm.i >= 0 && ir->main.ins[v].imm.i / 4 < IR_IMAGES_MAX)
            n = (uint32_t)ir->main.ins[v].imm.i / 4 >= n ? (uint32_t)ir->main.ins[v].imm.i / 4 + 1 : n;
    ir->fixed_images = true;
    for (uint32_t i = 0; i < n; i++)
        ir_add_image(ir, arena_printf(ir->arena, "i%u", i));
}

static void take_main(struct reader *r)
{
    struct ir *ir = r->ir;
    uint32_t n_args = take_length(r, IR_ARGS_MAX);
    for (uint32_t i = 0; i < n_args; i++)
        ir_add_arg(ir, (struct arg_source){.kind = ARG_LITERAL});
    ir->n_inputs = take_length(r, IR_INPUTS_MAX);
    ir->n_planes = take_length(r, IR_PLANES_MAX);
    take_code(r, &ir->main);
    ir->n_outputs = take_length(r, IR_OUTPUTS_MAX);
    ir->outputs = ARENA_ARRAY(ir->arena, ir->n_outputs ? ir->n_outputs : 1, struct val);
    for (uint32_t i = 0; i < ir->n_outputs; i++)
        ir->outputs[i].i = take(r);
    name_images(ir);
}

enum status ir_from_shape(struct bytes shape, struct arena *a, struct ir **ret_ir, struct fault *fault)
{
    struct reader r = {.ir = ir_new(a), .data = shape.data, .n = shape.n / 4, .bad = shape.n % 4 != 0};
    uint32_t n = take_length(&r, IR_TABLES_MAX);
    for (uint32_t i = 0; i < n && !r.bad; i++)
        take_table(&r, i);
    n = take_length(&r, IR_FNS_MAX);
    for (uint32_t i = 0; i < n && !r.bad; i++)
        take_fn(&r, i);
    if (!r.bad)
        take_main(&r);
    if (r.bad || r.at != r.n)
        return fault_add(fault, STATUS_INTERNAL, "", 0, "these bytes are no shape of an IR");
    TRY(ir_verify(r.ir, fault));
    ir_rates(r.ir);
    *ret_ir = r.ir;
    return STATUS_OK;
}
