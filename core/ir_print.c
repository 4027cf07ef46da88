/* The IR as text: the grammar stands in ir.h, its reader in ir_parse.c.
 *
 * The IR must be verified. Instructions of a body are numbered %1, %2, ... in their order, so equal IRs print equal
 * text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#include "core/ir_text.h"
#include "core/kernel.h"

const char *type_text(enum type type)
{
    static const char *const names[] = {
        [TYPE_NONE] = "none", [TYPE_F32] = "f32",   [TYPE_F64] = "f64",     [TYPE_I32] = "i32",
        [TYPE_MASK] = "mask", [TYPE_LINE] = "line", [TYPE_PLANE] = "plane",
    };
    return names[type];
}

struct text {
    struct arena *arena;
    char *s;
    size_t n, cap;
};

static void add_bytes(struct text *t, const char *s, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        size_t cap = 2 * (t->n + n + 1);
        t->s = arena_grow(t->arena, t->s, t->n, cap, 1);
        t->cap = cap;
    }
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

static void add(struct text *t, const char *s)
{
    add_bytes(t, s, strlen(s));
}

static void add_u32(struct text *t, uint32_t u)
{
    char digits[10];
    char *p = digits + sizeof digits;
    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    add_bytes(t, p, (size_t)(digits + sizeof digits - p));
}

static void add_i32(struct text *t, int32_t i)
{
    if (i < 0)
        add(t, "-");
    add_u32(t, i < 0 ? 0u - (uint32_t)i : (uint32_t)i);
}

/* Outside the callers that change MXCSR, so that no conversion moves across the change. */
static __attribute__((noinline)) void format_f64(char *s, uint64_t bits)
{
    double d, back;
    memcpy(&d, &bits, sizeof d);
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(s, TEXT_NUMBER_MAX, "%.*g", digits, d);
        back = strtod(s, NULL);
        if (!memcmp(&back, &bits, sizeof back))
            return;
    }
}

static __attribute__((noinline)) void format_f32(char *s, uint32_t bits)
{
    float f, back;
    memcpy(&f, &bits, sizeof f);
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(s, TEXT_NUMBER_MAX, "%.*g", digits, (double)f);
        back = strtof(s, NULL);
        if (!memcmp(&back, &bits, sizeof back))
            return;
    }
}

static void add_f32(struct text *t, float f)
{
    char s[TEXT_NUMBER_MAX];
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        add(t, "nan");
    } else if (magnitude == 0x7f800000u) {
        add(t, bits >> 31 ? "-inf" : "inf");
    } else if (magnitude >= 0x3f800000u && f > -1e6f && f < 1e6f && f == (float)(int32_t)f) {
        add_i32(t, (int32_t)f);
    } else {
        unsigned saved = _mm_getcsr();
        _mm_setcsr(TEXT_MXCSR);
        format_f32(s, bits);
        _mm_setcsr(saved);
        add(t, s);
    }
}

static void add_f64(struct text *t, double d)
{
    char s[TEXT_NUMBER_MAX];
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    uint64_t magnitude = bits & 0x7fffffffffffffffu;
    if (magnitude > 0x7ff0000000000000u) {
        add(t, "nan");
    } else if (magnitude == 0x7ff0000000000000u) {
        add(t, bits >> 63 ? "-inf" : "inf");
    } else if (magnitude >= 0x3ff0000000000000u && d > -1e9 && d < 1e9 && d == (double)(int32_t)d) {
        add_i32(t, (int32_t)d);
    } else {
        unsigned saved = _mm_getcsr();
        _mm_setcsr(TEXT_MXCSR);
        format_f64(s, bits);
        _mm_setcsr(saved);
        add(t, s);
    }
}

static void add_operand(struct text *t, struct val v)
{
    add(t, " %");
    add_u32(t, v.i);
}

/* Where an immediate stands: a name or a source's number before the operands, a shift's count behind them. */
static void add_ins(struct text *t, const struct ir *ir, uint32_t number, const struct ins *ins)
{
    const struct op_info *info = op_info(ins->op);
    add(t, " ");
    add_operand(t, (struct val){number});
    add(t, " = ");
    add(t, info->text);
    if (info->flags & (OP_IMM_F | OP_IMM_D))
        add(t, " ");
    if (info->flags & OP_IMM_F)
        add_f32(t, ins->imm.f);
    if (info->flags & OP_IMM_D)
        add_f64(t, ins->imm.d);
    bool named = info->arity < 0 || ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32;
    if (named) {
        add(t, " ");
        add(t, info->arity < 0 ? ir->fns[ins->imm.i].name : ir->tables[ins->imm.i].name);
    }
    for (uint32_t k = 0; k < ins->n_args; k++)
        add_operand(t, ins->args[k]);
    if ((info->flags & OP_IMM_I) && !named) {
        add(t, " ");
        if (ins->op == OP_PLANE)
            add(t, edge_text((enum edge)ins->imm.i));
        else
            add_i32(t, ins->imm.i);
    }
    add(t, "\n");
}

static void add_table(struct text *t, const struct ir_table *table)
{
    add(t, "table ");
    add(t, table->name);
    add(t, " ");
    add(t, type_text(table->type));
    add(t, " ");
    add_u32(t, table->n);
    add(t, " [");
    for (uint32_t i = 0; i < table->n; i++) {
        add(t, i ? ", " : "");
        if (table->type == TYPE_F32)
            add_f32(t, table->data.f[i]);
        else
            add_i32(t, table->data.i[i]);
    }
    add(t, "]\n");
}

static void add_fn(struct text *t, const struct ir *ir, const struct ir_fn *fn)
{
    add(t, "fn ");
    add(t, fn->name);
    add(t, "(");
    for (uint32_t i = 0; i < fn->n_params; i++) {
        add(t, i ? ", " : "");
        add(t, type_text(fn->params[i]));
    }
    add(t, ") ");
    add(t, type_text(fn->result_type));
    add(t, " {\n");
    for (uint32_t i = 1; i < fn->code.n; i++)
        add_ins(t, ir, i, &fn->code.ins[i]);
    add(t, "  ret");
    add_operand(t, fn->result);
    add(t, "\n}\n");
}

static void add_arg(struct text *t, uint32_t slot, const struct arg_source *source)
{
    add(t, "arg ");
    add_u32(t, slot);
    switch (source->kind) {
    case ARG_CONTEXT:
        add(t, " context ");
        add(t, context_name((enum context)source->index));
        break;
    case ARG_LITERAL:
        add(t, " literal ");
        add_f64(t, source->value);
        break;
    case ARG_PARAM:
        add(t, " param ");
        add_u32(t, source->index);
        break;
    case ARG_IMAGE:
        add(t, " image ");
        add_u32(t, source->index / 2);
        add(t, source->index % 2 ? " height" : " width");
        break;
    }
    add(t, "\n");
}

static void add_image(struct text *t, uint32_t slot, const struct ir_image *image)
{
    add(t, "image ");
    add_u32(t, slot);
    add(t, " ");
    add(t, image->name);
    add(t, "\n");
}

static void add_response(struct text *t, uint32_t slot, const struct ir_response *response)
{
    add(t, "response ");
    add_u32(t, slot);
    add(t, " ");
    add(t, response->name);
    add(t, " ");
    add_u32(t, response->channel);
    add(t, " ");
    add_u32(t, response->of);
    add(t, "\n");
}

char *ir_print(const struct ir *ir, struct arena *a)
{
    struct text t = {.arena = a};
    for (uint32_t i = 0; i < ir->n_tables; i++)
        add_table(&t, &ir->tables[i]);
    for (uint32_t i = 0; i < ir->n_fns; i++)
        add_fn(&t, ir, &ir->fns[i]);
    for (uint32_t i = 0; i < ir->n_images; i++)
        add_image(&t, i, &ir->images[i]);
    for (uint32_t i = 0; i < ir->n_responses; i++)
        add_response(&t, i, &ir->responses[i]);
    for (uint32_t i = 0; i < ir->n_args; i++)
        add_arg(&t, i, &ir->args[i]);
    add(&t, "main {\n");
    for (uint32_t i = 1; i < ir->main.n; i++)
        add_ins(&t, ir, i, &ir->main.ins[i]);
    for (uint32_t i = 0; i < ir->n_outputs; i++) {
        add(&t, "  out ");
        add_u32(&t, i);
        add_operand(&t, ir->outputs[i]);
        add(&t, "\n");
    }
    add(&t, "}\n");
    return t.s;
}
