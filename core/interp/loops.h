/* Between the interpreter's builder and its loops: one step of bytecode, what a step sees when it runs, and the tables
 * of functions that each instruction set provides. Strip loops (strips.c) work on a piece of a strip, ticks (ticks.c)
 * on one sample. A function does its step and calls the next; STEP_END returns. */
#ifndef CORE_INTERP_LOOPS_H
#define CORE_INTERP_LOOPS_H

#include <stddef.h>
#include <stdint.h>

#include "core/ir.h"
#include "core/kernel.h"

enum {
    LOOP_PAD = 16,     /* loops run over multiples of this many samples */
    UNIFORM_SIZE = 64, /* a uniform value: 16 splatted elements of 4 bytes or 8 of 8 bytes */
};

struct frame;
struct step;
typedef void step_fn(const struct step *s, const struct frame *f);

/* Operands are byte offsets into the work memory. */
struct step {
    step_fn *fn;
    uint32_t dst, a, b, c;
    int32_t imm;  /* the operation's immediate: shift count, table, channel, arg, plane, image and component */
    uint32_t aux; /* offset in state, or index of a ring */
};

struct loop_table {
    const void *data;
    int32_t mask;
};

struct frame {
    char *work;    /* uniform values and a tick's slots */
    char *w4, *w8; /* work, moved on to the piece's first sample in strips of 4- and 8-byte elements */
    const struct kernel_call *call;
    const struct loop_table *tables;
    size_t n;   /* samples in this piece */
    int32_t at; /* index in the row or block of the piece's first sample */
    int32_t row;
    size_t i; /* ticks: the sample, counted from the piece's first */
};

/* By which operands are uniform: bit k for operand k. All are never uniform. */
enum { OPERAND_FORMS = 7 };

struct strip_loops {
    step_fn *op[OP_COUNT][OPERAND_FORMS]; /* elementwise operations; NULL for others */
    step_fn *iota, *input, *output;       /* imm: channel */
    step_fn *fill4, *fill8;               /* a uniform value into a strip */
    step_fn *gather;
    step_fn *near;                             /* imm: plane */
    step_fn *fetch[3];                         /* by which operands are uniform */
    step_fn *prev_f, *prev_d, *prev_i, *accum; /* dst and a may not be the same strip */
    step_fn *ring, *tap, *tap_uniform;
    step_fn *end;
};

struct tick_ops {
    step_fn *op[OP_COUNT];
    step_fn *arg, *row, *iota, *input, *gather, *near, *fetch;
    step_fn *splat4, *splat8; /* dst: lane 0 to all of a uniform value */
    step_fn *copy4, *copy8;
    step_fn *load4, *load8, *store4, *store8; /* between a slot and sample i of a strip */
    step_fn *state_load4, *state_load8, *state_save_f, *state_save_d, *state_save_i;
    step_fn *accum; /* dst += a */
    step_fn *ring, *tap;
    step_fn *end;
};

extern const struct strip_loops strips_base, strips_v3, strips_v4;
extern const struct tick_ops ticks_base, ticks_v3, ticks_v4;

#endif
