/* The shape of an IR as bytes: what the kernel's machine code depends on, nothing else.
 *
 * In: verified IR, best after the pass `canon`, which gives equal things equal numbers. Out: code, functions, tables,
 * outputs, counts, as 32-bit words in little-endian order. Names and the sources of arguments are not part of it. Every
 * list is preceded by its length, so different shapes never share bytes. */
#include <string.h>

#include "core/ir.h"
#include "core/pass.h"

struct words {
    struct arena *arena;
    uint32_t *data;
    size_t n, cap;
};

static void put(struct words *w, uint32_t word)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 256;
        w->data = arena_grow(w->arena, w->data, w->n, cap, sizeof *w->data);
        w->cap = cap;
    }
    w->data[w->n++] = word;
}

static void put_code(struct words *w, const struct code *code)
{
    put(w, code->n);
    for (uint32_t i = 1; i < code->n; i++) {
        const struct ins *ins = &code->ins[i];
        put(w, (uint32_t)ins->op | ins->n_args << 16);
        if (op_has_imm(ins->op)) {
            uint64_t bits = ins_imm_bits(ins);
            put(w, (uint32_t)bits);
            if (ins->op == OP_CONST_F64)
                put(w, (uint32_t)(bits >> 32));
        }
        for (uint32_t k = 0; k < ins->n_args; k++)
            put(w, ins->args[k].i);
    }
}

static void put_fn(struct words *w, const struct ir_fn *fn)
{
    put(w, fn->n_params);
    for (uint32_t k = 0; k < fn->n_params; k++)
        put(w, fn->params[k]);
    put(w, fn->result_type);
    put_code(w, &fn->code);
    put(w, fn->result.i);
}

static void put_table(struct words *w, const struct ir_table *t)
{
    put(w, t->type);
    put(w, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t bits;
        memcpy(&bits, &t->data.i[i], sizeof bits);
        put(w, bits);
    }
}

struct bytes ir_shape(const struct ir *ir, struct arena *a)
{
    struct words w = {.arena = a};
    put(&w, ir->n_tables);
    for (uint32_t i = 0; i < ir->n_tables; i++)
        put_table(&w, &ir->tables[i]);
    put(&w, ir->n_fns);
    for (uint32_t i = 0; i < ir->n_fns; i++)
        put_fn(&w, &ir->fns[i]);
    put(&w, ir->n_args);
    put(&w, ir->n_inputs);
    put(&w, ir->n_planes);
    put_code(&w, &ir->main);
    put(&w, ir->n_outputs);
    for (uint32_t i = 0; i < ir->n_outputs; i++)
        put(&w, ir->outputs[i].i);
    return (struct bytes){(const uint8_t *)w.data, w.n * sizeof *w.data};
}
