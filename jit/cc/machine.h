/* The emitter's view of the machine: shapes (how many lanes a value has), values as gcc sees them, and the site where
 * code is being written. Private to sinter-cc.
 *
 * Every floating-point operation is one instruction in extended asm, the one the row of ops.def names: gcc allocates
 * registers and does algebra on addresses and integers only, where algebra is exact. */
#ifndef JIT_CC_MACHINE_H
#define JIT_CC_MACHINE_H

#include <libgccjit.h>

#include "core/plan.h"
#include "jit/target.h"

enum { LANES_MAX = 16 };

/* How the values of a piece of code lie in registers: `lanes` samples side by side, or one (`vector` false).
 *   f32, i32   one vector, or float, int
 *   f64        two vectors of half the lanes, the lower lanes first, or double; one vector in the half shape
 *   mask       v4: unsigned short in a mask register; v3: i32 vector of 0 and -1; one lane: int 0 or -1, and in
 * part[1], if there, the same for selects: a mask register, or a float or double of zeros or ones */
struct shape {
    bool vector;
    int lanes;
    int parts; /* vectors of an f64 */
    gcc_jit_type *f32, *f64, *i32, *mask;
    gcc_jit_type *f32_at, *f64_at, *i32_at; /* the same, aligned to an element, for access through pointers */
};

struct value {
    gcc_jit_rvalue *part[2]; /* [0] NULL: no value; [1]: upper half of an f64 vector, the same as [0] when uniform */
    bool dies;               /* used once, where it was made: its register may be overwritten */
    bool constant;
};

struct loop;
struct main_body;
struct coherent_fn;

struct emitter {
    gcc_jit_context *ctxt;
    enum target target;
    bool v4;
    const char *name; /* of the kernel; what it calls its functions and tables begins with it */
    const struct ir *ir;
    const struct plan *plan;
    struct arena *arena;
    const char *reg;        /* constraint of a vector register: "v", or "x" where the upper sixteen do not exist */
    const char *reg_or_mem; /* the same or memory */
    struct shape scalar, vector;
    struct shape half; /* half the vector's lanes: f64 fill a register, f32 and i32 half of one */
    gcc_jit_type *t_void, *t_float, *t_double, *t_int, *t_long, *t_kmask, *t_bool;
    gcc_jit_type *t_float_ptr, *t_double_ptr, *t_int_ptr, *t_byte_ptr;
    bool *tables;                 /* by table: written already */
    gcc_jit_function **fns[2];    /* by shape.vector and function; NULL: not needed in that shape */
    uint32_t **fn_uses;           /* by function: code_uses() */
    bool *fn_inlined;             /* by function: written where it is called */
    struct coherent_fn *coherent; /* see emit_coherent.c */
    uint32_t memo_vectors;        /* that call sites have */
    struct main_body *main;
};

/* Where code is being written. `values` caches by value index what is at hand here. */
struct site {
    struct emitter *e;
    const struct shape *shape;
    gcc_jit_function *fn;
    gcc_jit_block *block;
    const struct code *code;
    const uint32_t *uses; /* by value: how many operands refer to it */
    struct value *values;
    uint32_t *touched; /* indices set in values, so that they can be forgotten */
    uint32_t n_touched;
    const struct value *params; /* of a function's body */
    struct loop *loop;          /* main body at SAMPLE rate: where in the block of samples; else NULL */
    bool main;                  /* the main body, not a function's */
};

/* machine.c: types and small pieces of code */
void machine_init(struct emitter *e);
gcc_jit_type *machine_type(const struct shape *s, enum type t);
gcc_jit_type *machine_type_at(const struct shape *s, enum type t);
gcc_jit_rvalue *machine_int(struct emitter *e, int v);
gcc_jit_rvalue *machine_long(struct emitter *e, long v);

struct operand {
    const char *constraint;
    gcc_jit_rvalue *value;
};
enum { ASM_OPERANDS_MAX = 5 };
/* One asm statement with one result in a fresh local; `out` NULL: a vector register. */
gcc_jit_rvalue *site_asm(struct site *s, gcc_jit_type *type, const char *out, const char *text, int n,
                         const struct operand *in);
#define SITE_ASM(s, type, out, text, ...)                                                                              \
    site_asm((s), (type), (out), (text), (int)(sizeof((struct operand[]){__VA_ARGS__}) / sizeof(struct operand)),      \
             (struct operand[]){__VA_ARGS__})

#define SITE_ASM0(s, type, out, text) site_asm((s), (type), (out), (text), 0, NULL)

gcc_jit_lvalue *site_local(struct site *s, gcc_jit_type *type, const char *name);
gcc_jit_rvalue *site_let(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *v); /* evaluated here, once */
void site_set(struct site *s, gcc_jit_lvalue *to, gcc_jit_rvalue *v);
gcc_jit_block *site_block(struct site *s, const char *name);
void site_branch(struct site *s, gcc_jit_rvalue *condition, gcc_jit_block *yes, gcc_jit_block *no);
void site_jump(struct site *s, gcc_jit_block *to);

gcc_jit_rvalue *site_binary(struct site *s, enum gcc_jit_binary_op op, gcc_jit_type *type, gcc_jit_rvalue *a,
                            gcc_jit_rvalue *b);
gcc_jit_rvalue *site_int(struct site *s, gcc_jit_rvalue *v);                    /* a long's lower half */
gcc_jit_rvalue *site_index(struct site *s, gcc_jit_rvalue *v);                  /* an int from 0 up as a long */
gcc_jit_rvalue *site_add(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b); /* int or long, both the same */
gcc_jit_rvalue *site_sub(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b);
gcc_jit_rvalue *site_and(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b);
gcc_jit_rvalue *site_less(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b);

gcc_jit_rvalue *site_constant_i32(const struct shape *shape, struct emitter *e, int32_t v);
struct value site_constant(struct emitter *e, const struct shape *shape, const struct ins *ins);
struct value site_splat(struct site *s, enum type t,
                        gcc_jit_rvalue *scalar); /* in every lane of s's vector, or of e->vector */
gcc_jit_rvalue *site_lane0(struct site *s, enum type t, struct value v);        /* the first lane as a scalar */
gcc_jit_rvalue *site_lane_numbers(struct emitter *e);                           /* 0, 1, 2, ... as an i32 vector */
gcc_jit_rvalue *site_canonical(struct site *s, enum type t, gcc_jit_rvalue *v); /* one part; NaN becomes the NaN */
struct value site_canonical_value(struct site *s, enum type t, struct value v);
gcc_jit_rvalue *site_first_lanes(struct site *s, gcc_jit_rvalue *n); /* mask: lanes below the int n */

/* Memory: `base` is a float *, double * or int * by type, index in elements. */
gcc_jit_lvalue *site_at(struct site *s, gcc_jit_type *type_at, gcc_jit_rvalue *base, gcc_jit_rvalue *index);
gcc_jit_rvalue *site_load_masked(struct site *s, gcc_jit_rvalue *base, gcc_jit_rvalue *index,
                                 gcc_jit_rvalue *mask); /* f32 */
void site_store_masked(struct site *s, gcc_jit_rvalue *base, gcc_jit_rvalue *index, gcc_jit_rvalue *mask,
                       gcc_jit_rvalue *v);
struct value site_load(struct site *s, enum type t, gcc_jit_rvalue *bytes, long offset, gcc_jit_rvalue *index);
void site_store(struct site *s, enum type t, gcc_jit_rvalue *bytes, long offset, gcc_jit_rvalue *index, struct value v);

/* emit_ops.c */
struct value site_get(struct site *s, struct val v);  /* an operand, in the site's shape */
struct value site_emit(struct site *s, struct val v); /* computes v here and remembers it */
void site_remember(struct site *s, struct val v, struct value value);
void site_forget(struct site *s); /* all that was remembered */
struct value site_select(struct site *s, enum type t, gcc_jit_rvalue *mask, struct value a,
                         struct value b); /* mask ? a : b */
struct site site_new(struct emitter *e, const struct shape *shape, const struct code *code, gcc_jit_function *fn,
                     gcc_jit_block *block);
uint32_t *code_uses(const struct code *code, struct arena *a);

/* emit_convert.c: base[index] by lane, unmasked; `memory`: of something that is written to. */
gcc_jit_rvalue *site_gather(struct site *s, gcc_jit_type *type, gcc_jit_rvalue *base, gcc_jit_rvalue *index,
                            bool memory);

#endif
