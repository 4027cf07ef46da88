/* From IR and plan to a libgccjit context that holds the kernel, one exported function. */
#ifndef JIT_CC_EMIT_H
#define JIT_CC_EMIT_H

#include "jit/cc/machine.h"

/* Into `ctxt`, beside what is there; `name` is the kernel's symbol, which no other there has or begins with `name` and
 * an underscore. `ir` is verified and rated, `plan` its plan. */
void emit_kernel(gcc_jit_context *ctxt, const char *name, enum target target, const struct ir *ir,
                 const struct plan *plan, struct arena *arena);

/* What the call says of a plane and of an image, as the prologue loaded it. */
struct plane_view {
    gcc_jit_rvalue *data, *stride;
};
struct image_view {
    gcc_jit_rvalue *component[4], *width, *height; /* one lane */
    gcc_jit_rvalue *columns, *last[2];             /* in every lane: width, width - 1, height - 1 */
};

/* The main body's own: what the prologue loads from the call, and values of rate CALL and ROW. */
struct main_body {
    struct site prologue, row;     /* one lane; open until all else is written */
    struct value *uniform, *splat; /* by value: one lane, and in every lane */
    gcc_jit_lvalue *(*carry)[2];   /* by value: what a STATE operation carries from one turn of its loop to the next */
    gcc_jit_rvalue **first;        /* by value: state at the loop's entry */
    gcc_jit_rvalue *args, *state, *scratch, *count, *rows, *n0;
    gcc_jit_lvalue **in, **out; /* by channel: float *, what index 0 of the block refers to */
    gcc_jit_lvalue *row_index;
    gcc_jit_rvalue **ring_data, **ring_mask; /* by ring */
    bool *mirrored;                          /* by ring: its front stands behind its end as well */
    gcc_jit_rvalue *planes, *images;
    struct plane_view *plane_views; /* by plane; filled when first read */
    struct image_view *image_views; /* by image */
    bool *stored;                   /* by output: its region writes it */
    bool *inside;                   /* by value: in no strip buffer, though the plan has one for it */
    bool *apart;                    /* by region of the plan: no loop over vectors goes from the one before into it */
    struct group *packs;
};

/* The loop over samples a site is in. Indices are longs. */
struct loop {
    bool direct;             /* from inputs to outputs in whole vectors: no strip, no masks (see emit_direct.c) */
    gcc_jit_rvalue *base;    /* strip's first sample in the block; NULL when direct */
    gcc_jit_rvalue *index;   /* this turn's first sample within the strip, or within the block when direct */
    gcc_jit_rvalue *at;      /* base + index */
    gcc_jit_rvalue *lo, *hi; /* what the loop runs over */
    gcc_jit_rvalue *mask;    /* lanes that count; vectors only */
    gcc_jit_rvalue *valid;   /* int: how many count, when direct */
    gcc_jit_rvalue *iota;    /* once computed */
    long room;               /* samples of the strips that buffers hold one behind the other; 0: of one */
};

/* emit_state.c: around a region's loop, and at the end of each turn of a SERIAL one. */
void state_begin(struct site *s, const struct region *r);
void state_begin_lines(struct site *s); /* once a call */
void state_turn(struct site *s, const struct region *r);
void state_end(struct site *s, const struct region *r, gcc_jit_rvalue *last_lane);

/* emit_packs.c: cascades, around a row, and in a strip where `region` stands. */
struct group;
struct group *packs_begin(struct site *s);
void packs_run(struct site *outer, struct group *groups, const struct region *region, const struct loop *strip);
void packs_end(struct site *outer, struct group *groups);

/* emit_fn.c */
void fns_emit(struct emitter *e);

/* emit_strips.c, emit_direct.c: the loops over a row's samples, from s->block on. */
void emit_strips(struct site *s);
void emit_direct(struct site *s);
/* emit_regions.c: in a turn of a loop */
void emit_region_body(struct site *s, const struct region *r);
void emit_store(struct site *s, uint32_t output);

/* The machine column's functions: emit instruction v here. */
typedef struct value emit_op(struct site *s, struct val v, const struct ins *ins);

emit_op emit_const, emit_arg, emit_iota, emit_row, emit_input, emit_param,
    emit_call; /* emit.c, emit_regions.c, emit_fn.c */
emit_op emit_neg, emit_abs, emit_select, emit_lt_i32, emit_eq_i32, emit_mask_logic; /* emit_ops.c */
emit_op emit_widen, emit_narrow, emit_f32_i32, emit_f64_i32, emit_i32_f32, emit_i32_f64, emit_bits_f32, emit_from_bits,
    emit_high_f64, emit_from_high, emit_gather;                       /* emit_convert.c */
emit_op emit_prev, emit_accum, emit_ring, emit_tap;                   /* emit_state.c */
emit_op emit_plane, emit_surface, emit_near, emit_fetch, emit_hosted; /* emit_planes.c */

#endif
