/* The IR: what a graph means. A main body in SSA form over the operations of ops.def, pure functions it calls,
 * constant tables it gathers from. Both engines run this and nothing else; an IR with planes is cut into stages
 * first (stages.h).
 *
 * The main body is evaluated once for every sample. An operand of a STATE operation may point forward: that edge is
 * what closes a feedback cycle. Every other operand points to an earlier instruction. Function bodies hold no STATE
 * operation, no input, no arg, no iota, no row, no plane and no image; they are pure functions of their parameters. A
 * function calls only functions with a smaller index. */
#ifndef CORE_IR_H
#define CORE_IR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/fault.h"

enum op {
    OP_NONE,
#define OP(id, text, result, args, flags, meaning, machine) OP_##id,
#include "core/ops.def"
#undef OP
    OP_COUNT
};

enum type { TYPE_NONE, TYPE_F32, TYPE_F64, TYPE_I32, TYPE_MASK, TYPE_LINE, TYPE_PLANE };

enum op_flag {
    OP_COMMUTES = 1,
    OP_SOURCE = 2,
    OP_IMM_F = 4,
    OP_IMM_D = 8,
    OP_IMM_I = 16,
    OP_STATE = 32,
};

struct op_info {
    const char *text; /* "add.f32" */
    enum type result;
    const char *args; /* "ff"; "*" for calls: by the function's signature */
    unsigned flags;   /* enum op_flag */
    int arity;        /* strlen(args), -1 for calls */
};
extern const struct op_info op_infos[OP_COUNT];
static inline const struct op_info *op_info(enum op op)
{
    return &op_infos[op];
}
enum op op_by_text(const char *text);  /* OP_NONE when unknown */
enum type type_by_letter(char letter); /* 'f' 'd' 'i' 'm' 'l' 'p' */

/* How often a value changes. Code is placed at its rate. */
enum rate { RATE_CONST, RATE_CALL, RATE_ROW, RATE_SAMPLE };

struct val {
    uint32_t i; /* index into code.ins; 0 is no value */
};
#define VAL_NONE ((struct val){0})

struct ins {
    enum op op;
    enum rate rate; /* filled by ir_rates() */
    uint32_t n_args;
    struct val *args;
    union {
        float f;
        double d;
        int32_t i;
    } imm;
};

/* A straight list of instructions; ins[0] is OP_NONE. */
struct code {
    struct ins *ins;
    uint32_t n, cap;
};

#define FN_ARGS_MAX 16
struct ir_fn {
    const char *name; /* unique in the ir: "sin", "fbm2.4" */
    uint32_t n_params;
    enum type params[FN_ARGS_MAX];
    enum type result_type;
    struct code code;
    struct val result;
};

struct ir_table {
    const char *name;
    enum type type; /* TYPE_F32 or TYPE_I32 */
    uint32_t n;     /* a power of two */
    union {
        float *f;
        int32_t *i;
    } data;
};

/* What a plane holds outside of the image's columns and rows: the same again, its nearest pixel, its mirror image
 * about the border pixel (..., 2, 1, 0, 1, 2, ...), or 0. */
enum edge { EDGE_REPEAT, EDGE_CLAMP, EDGE_MIRROR, EDGE_CONSTANT, EDGE_COUNT };
const char *edge_text(enum edge e); /* "repeat" "clamp" "mirror" "constant" */

/* A picture the client sends along, by its name there; `fetch` and ARG_IMAGE name it by its slot. The name is not part
 * of the kernel key. */
struct ir_image {
    const char *name;
};

/* An impulse response the client sends along, by its name there, and which of its channels; `hosted` names it by its
 * slot. Not part of the kernel key. */
struct ir_response {
    const char *name;
    uint32_t channel;
    uint32_t of; /* channels it must have, unless it has one; 0: the graph says which, so `channel` must exist */
};

/* Where the number in args[slot] comes from. Not part of the kernel key. */
struct arg_source {
    enum { ARG_CONTEXT, ARG_LITERAL, ARG_PARAM, ARG_IMAGE } kind;
    uint32_t index; /* ARG_CONTEXT: enum context; ARG_PARAM: the graph's parameter; ARG_IMAGE: 2 * slot + axis, 0 its
                     * width, 1 its height */
    double value;   /* ARG_LITERAL */
};

struct ir {
    struct arena *arena;
    struct code main;
    struct ir_fn *fns;
    uint32_t n_fns, cap_fns;
    struct ir_table *tables;
    uint32_t n_tables, cap_tables;
    struct arg_source *args; /* by arg slot */
    uint32_t n_args, cap_args;
    struct val *outputs; /* f32, one an output channel */
    uint32_t n_outputs;
    uint32_t n_inputs; /* input channels read: 1 + the largest `input` immediate */
    struct ir_image *images;
    uint32_t n_images, cap_images;
    bool fixed_images; /* a stage's: slots are the whole IR's, so no pass drops or orders images */
    uint32_t n_planes; /* planes handed in: 1 + the largest `surface` immediate */
    struct ir_response *responses;
    uint32_t n_responses, cap_responses;
};

struct ir *ir_new(struct arena *a);

/* Appends; copies `args`. No checks beyond asserts: ir_verify() is the judge. */
struct val ir_emit(struct ir *ir, struct code *code, struct ins ins);
struct val ir_ins1(struct ir *ir, struct code *code, enum op op, struct val a);
uint32_t ir_add_arg(struct ir *ir,
                    struct arg_source source); /* new slot, or the slot of the same context or parameter */
uint32_t ir_add_table(struct ir *ir, const char *name, enum type type, uint32_t n,
                      const void *data);                                           /* found by name when present */
uint32_t ir_add_image(struct ir *ir, const char *name);                            /* the same */
uint32_t ir_add_response(struct ir *ir, struct ir_response response);              /* found by all it says */
struct ir_fn *ir_fn_by_name(struct ir *ir, const char *name, uint32_t *ret_index); /* NULL when absent */
uint32_t ir_add_fn(struct ir *ir, const struct ir_fn *fn);                         /* returns its index */

const struct ins *ir_at(const struct code *code, struct val v);
enum type ir_type(const struct ir *ir, const struct code *code, struct val v);
/* Is operand k of this instruction an edge to the next sample (of prev, accum, ring)? */
bool ins_is_delayed(const struct ins *ins, uint32_t k);

/* Fills every ins.rate: the greatest of its operands'; arg CALL, row ROW, iota, input, STATE, tap, plane, near
 * and hosted SAMPLE, const CONST; fetch at least ROW. */
void ir_rates(struct ir *ir);

/* What the text and the verifier accept; sanity, not policy: the limits a client meets stand in config.def. Names are
 * printable ASCII without spaces, brackets, ',' '=' or ';'. */
enum {
    IR_INS_MAX = 1 << 20,
    IR_EXPANDED_MAX = 1 << 28, /* instructions a sample when every call is counted as the body it runs */
    IR_FNS_MAX = 4096,
    IR_TABLES_MAX = 1024,
    IR_TABLE_MAX = 1 << 20,
    IR_ARGS_MAX = 1 << 18,
    IR_OUTPUTS_MAX = 1024,
    IR_INPUTS_MAX = 1024,
    IR_IMAGES_MAX = 1024,
    IR_PLANES_MAX = 1024,
    IR_RESPONSES_MAX = 1024,
    IR_HOSTED_MAX = 256, /* in one IR */
    IR_NAME_MAX = 200,
};

/* Text form, one instruction a line; printing what was parsed gives the same text. Format:
 *     table perm i32 4 [1, 2, 3, 4]
 *     fn sq(f32) f32 {
 *       %1 = param.f32 0
 *       %2 = mul.f32 %1 %1
 *       ret %2
 *     }
 *     image 0 photo
 *     response 0 hall 1 2     (slot, name, channel, of how many)
 *     arg 0 context x0        arg 1 literal 0.5        arg 2 param 0        arg 3 image 0 width
 *     main {
 *       %1 = input 0
 *       %2 = call.f32 sq %1
 *       %3 = prev.f32 %2
 *       out 0 %3
 *     }
 * Constants print as the shortest decimal that reads back, or nan, inf, -inf; tables by name in gather; a plane's edge
 * by name, behind its operand. */
char *ir_print(const struct ir *ir, struct arena *a);
enum status ir_parse(const char *text, struct arena *a, struct ir **ret_ir, struct fault *fault) MUST_CHECK;

/* Types, arities, order, forward edges, immediates in range, functions pure and ordered, outputs f32,
 * every cycle closed by a STATE operand. `fault` says which instruction. Input may be hostile (it comes over a socket
 * in sinter-cc). */
enum status ir_verify(const struct ir *ir, struct fault *fault) MUST_CHECK;

/* A canonical byte string of the shape: code, functions, tables; not arg sources or values. Two graphs that
 * share it share their machine code. The kernel key hashes it and the store compares it. */
struct bytes {
    const uint8_t *data;
    size_t n;
};
struct bytes ir_shape(const struct ir *ir, struct arena *a);
/* An IR that has this shape, with names of its own and rates filled: fit to be compiled, not to be run for a graph. */
enum status ir_from_shape(struct bytes shape, struct arena *a, struct ir **ret_ir, struct fault *fault) MUST_CHECK;

/* Raised when the same graph would give other bytes. */
#define SEMANTICS_VERSION 6
#define IR_VERSION 3

#endif
