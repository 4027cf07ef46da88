/* Writing IR by hand: what node files are made of. Each b_ function appends one operation, chosen by its operands'
 * type; operands of one call have the same type (f32, f64 or i32). */
#ifndef CORE_BUILD_H
#define CORE_BUILD_H

#include "core/ir.h"
#include "core/kernel.h"

struct node_def;
struct datum;

struct build {
    struct ir *ir;
    struct code *code; /* the main body or the function being written */
    struct fault *fault;
    const char *pointer; /* of the node being built, for faults */
    uint32_t channel;    /* instance of a one-output audio graph, else 0 */
    uint32_t channels;   /* audio: input channels */
    uint32_t instances;  /* of a one-output audio graph: one a channel; else 1 */
    struct val open;     /* the prev or ring opened last and not closed by the node itself */
    struct late *late;   /* what b_late() noted */
    uint32_t n_late;
    struct asked_line *lines; /* and b_ring() */
    uint32_t n_lines;
};

/* A delay line, and whose it is. */
struct asked_line {
    struct val ring;
    const char *pointer; /* of the node, in the IR's arena */
};

/* A value that comes later than what it is made from, for good reason: a limiter's look-ahead. */
struct late {
    struct val v;
    double seconds;
};

/* What a node is handed: one entry an input of its definition, in order. */
struct node_args {
    const struct node_def *def;
    const struct val *in;       /* runtime inputs: f32 or f64 by the input's type; VAL_NONE when optional and absent; a
                                 * vec input has its first component here */
    const struct val (*vec)[4]; /* vec inputs: components (f32) */
    const int *dims;            /* 1..4; 0 when absent */
    const struct datum *const *shape; /* shape inputs as given, or NULL: the default */
    const bool *is_literal;           /* the input was given as a plain number (not an expression) */
};

/* Fills out[port]. On failure adds to b->fault and returns its status. */
typedef enum status node_build(struct build *b, const struct node_args *args, struct val *out);

/* Shape inputs. `node_choice` gives the enum's index, `node_count_arg` an integer in lo..hi (else a fault). */
enum status node_choice(struct build *b, const struct node_args *args, size_t input, int *ret_index) MUST_CHECK;
enum status node_count_arg(struct build *b, const struct node_args *args, size_t input, int lo, int hi,
                           int *ret_n) MUST_CHECK;

/* Constants */
struct val b_f32(struct build *b, double v);
struct val b_f64(struct build *b, double v);
struct val b_i32(struct build *b, int32_t v);
struct val b_const(struct build *b, enum type t, double v); /* f32 or f64 */
struct val b_context(struct build *b, enum context c); /* f64; main body only: in functions take it as a parameter */
enum type b_type(const struct build *b, struct val v);

/* Arithmetic: f32, f64, and where it makes sense i32 */
struct val b_add(struct build *b, struct val x, struct val y);
struct val b_sub(struct build *b, struct val x, struct val y);
struct val b_mul(struct build *b, struct val x, struct val y);
struct val b_div(struct build *b, struct val x, struct val y);
struct val b_fma(struct build *b, struct val x, struct val y, struct val z); /* x y + z, one rounding */
struct val b_min(struct build *b, struct val x, struct val y);
struct val b_max(struct build *b, struct val x, struct val y);
struct val b_neg(struct build *b, struct val x);
struct val b_abs(struct build *b, struct val x);
struct val b_sqrt(struct build *b, struct val x);
struct val b_floor(struct build *b, struct val x);
struct val b_rint(struct build *b, struct val x);
struct val b_lt(struct build *b, struct val x, struct val y); /* -> mask */
struct val b_le(struct build *b, struct val x, struct val y);
struct val b_gt(struct build *b, struct val x, struct val y);
struct val b_ge(struct build *b, struct val x, struct val y);
struct val b_eq(struct build *b, struct val x, struct val y);
struct val b_select(struct build *b, struct val mask, struct val x, struct val y);
struct val b_clamp(struct build *b, struct val x, struct val lo, struct val hi); /* min(max(x, lo), hi) */
struct val b_lerp(struct build *b, struct val x, struct val y, struct val t);    /* fma(t, y - x, x) */
/* The same with a constant on the right, of x's type. */
struct val b_addc(struct build *b, struct val x, double c);
struct val b_mulc(struct build *b, struct val x, double c);
struct val b_fmac(struct build *b, struct val x, double m, double c); /* x m + c, one rounding */
/* Polynomial c[0] + c[1] x + ... + c[n-1] x^(n-1) by Horner with fma, in x's type. */
struct val b_horner(struct build *b, struct val x, const double *c, int n);

/* Masks and bits */
struct val b_and(struct build *b, struct val x, struct val y); /* i32 or mask */
struct val b_or(struct build *b, struct val x, struct val y);
struct val b_xor(struct build *b, struct val x, struct val y); /* i32 */
struct val b_not(struct build *b, struct val x);               /* mask */
struct val b_shl(struct build *b, struct val x, int n);
struct val b_shr(struct build *b, struct val x, int n);
struct val b_sar(struct build *b, struct val x, int n);
struct val b_bits(struct build *b, struct val x);      /* f32 -> i32 */
struct val b_from_bits(struct build *b, struct val x); /* i32 -> f32 */
struct val b_high(struct build *b, struct val x);      /* f64 -> its upper word */
struct val b_from_high(struct build *b, struct val x);
struct val b_to(struct build *b, enum type t,
                struct val x); /* converts between f32, f64, i32 (truncating); mask -> f32/f64 gives 1 or 0 */
struct val b_gather(struct build *b, uint32_t table, struct val index);

/* State. b_prev_open makes a prev whose operand is given later: a recurrence. */
struct val b_prev(struct build *b, struct val x);
struct val b_prev_open(struct build *b, enum type t);
void b_close(struct build *b, struct val open, struct val operand);        /* prev or ring */
struct val b_accum(struct build *b, struct val increment);                 /* i32 */
struct val b_ring(struct build *b, struct val x, struct val capacity_f64); /* x may be VAL_NONE: closed later */
struct val b_tap(struct build *b, struct val ring, struct val age_i32);

/* Notes that v is that much late, so that the graph's latency can be told. Not for delays, which are meant. */
void b_late(struct build *b, struct val v, double seconds);

/* Sources; main body only. b_n is the 64-bit sample index as f64; low and high its halves for hashing. */
struct val b_iota(struct build *b);
struct val b_input(struct build *b, uint32_t channel);
struct val b_rate(struct build *b); /* f64 */
struct val b_n(struct build *b);
void b_n_halves(struct build *b, struct val *ret_low, struct val *ret_high); /* i32 */

/* Planes: x (f32) over the whole image, and its value dx columns right and dy rows down of the pixel (i32, rate CALL at
 * most). Main body only. */
struct val b_plane(struct build *b, struct val x, enum edge edge);
struct val b_near(struct build *b, struct val plane, struct val dx, struct val dy);
struct val b_near_at(struct build *b, struct val plane, int dx, int dy);
/* Images the client sends along: the slot of the one of that name (found or added), its component 0..3 (r g b a; gray:
 * r = g = b, a = 1) at a column and a row (i32; clamped into it), and its size (f64, rate CALL). Main body only. */
uint32_t b_image(struct build *b, const char *name);
struct val b_fetch(struct build *b, uint32_t slot, int component, struct val column, struct val row);
struct val b_image_size(struct build *b, uint32_t slot, int axis); /* 0: width, 1: height */

/* x (f32) convolved with a channel of the impulse response of this name, by a host stage; outside of cycles. Main body
 * only. */
struct val b_convolve(struct build *b, struct val x, struct ir_response response);

/* Calls node `name` (a NODE_FUNCTION or any other with plain inputs) with these inputs: "sin", "perlin2". Missing
 * inputs take their defaults. Types follow the definition; result is its first port. Works in the main body and inside
 * functions. */
struct val b_call(struct build *b, const char *name, const struct val *in, size_t n);
#define B_CALL(b, name, ...)                                                                                           \
    b_call((b), (name), (const struct val[]){__VA_ARGS__},                                                             \
           sizeof((const struct val[]){__VA_ARGS__}) / sizeof(struct val))

#endif
