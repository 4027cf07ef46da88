/* See audio_parts.h. The mixing constants are those of the 32-bit finaliser "lowbias32" (Chris Wellons,
 * hash-prospector, 2018); the seed enters between its rounds, so that seeds are not shifts of each other. */
#include "core/nodes/audio_parts.h"

#include <math.h>

#include "core/hash.h"

static const double PI = 3.14159265358979323846;

struct val turns_to_phase(struct build *b, struct val turns)
{
    struct val fraction = b_sub(b, turns, b_rint(b, turns));
    return b_to(b, TYPE_I32, b_rint(b, b_mulc(b, fraction, 0x1p32))); /* +2^31 becomes INT_MIN: the same phase */
}

struct val phase_of(struct build *b, struct val freq, struct val phase, struct val *ret_step)
{
    *ret_step = b_div(b, freq, b_rate(b));
    return b_add(b, b_accum(b, turns_to_phase(b, *ret_step)), turns_to_phase(b, phase));
}

struct val unit_phase(struct build *b, struct val phase)
{
    return b_mulc(b, b_to(b, TYPE_F32, b_shr(b, phase, 8)), 0x1p-24);
}

/* sin(2 pi x) for x = phase / 2^32 in -1/2 .. 1/2: folded to a quarter turn, then the odd Taylor series to x^13, whose
 * error there, 7e-10, is below that of f32. */
struct val sine_of_phase(struct build *b, struct val phase)
{
    static const double c[] = {6.283185307179586, -41.341702240399755, 81.60524927607504, -76.70585975306136,
                               42.05869394489765, -15.094642576822984, 3.8199525848482803};
    struct val x = b_mulc(b, b_to(b, TYPE_F32, phase), 0x1p-32);
    struct val halves = b_rint(b, b_mulc(b, x, 2));
    struct val y = b_fmac(b, halves, -0.5, 0);
    y = b_add(b, x, y);
    struct val s = b_mul(b, y, b_horner(b, b_mul(b, y, y), c, 7));
    struct val sign = b_fmac(b, b_abs(b, halves), -2, 1);
    return b_mul(b, s, sign);
}

struct val poly_blep(struct build *b, struct val p, struct val dt)
{
    struct val one = b_f32(b, 1), zero = b_f32(b, 0);
    struct val begins = b_lt(b, p, dt);
    struct val u = b_mul(b, b_select(b, begins, p, b_sub(b, p, one)), b_div(b, one, dt)); /* once a call, mostly */
    struct val after = b_sub(b, b_fma(b, b_neg(b, u), u, b_mulc(b, u, 2)), one);
    struct val falling = b_add(b, b_fma(b, u, u, b_mulc(b, u, 2)), one);
    struct val before = b_select(b, b_gt(b, p, b_sub(b, one, dt)), falling, zero);
    return b_select(b, begins, after, before);
}

struct val clamp_freq(struct build *b, struct val freq)
{
    return b_clamp(b, freq, b_f64(b, 0.1), b_mulc(b, b_rate(b), 0.49));
}

struct val half_angle(struct build *b, struct val freq)
{
    return b_div(b, b_mulc(b, clamp_freq(b, freq), PI), b_rate(b));
}

/* 1 - 2/(e^2x + 1) */
struct val tanh_wide(struct build *b, struct val x)
{
    struct val bounded = b_clamp(b, x, b_f64(b, -20), b_f64(b, 20));
    struct val e = B_CALL(b, "exp", b_mulc(b, bounded, 2));
    return b_sub(b, b_f64(b, 1), b_div(b, b_f64(b, 2), b_addc(b, e, 1)));
}

struct val rising(struct build *b, struct val trigger)
{
    struct val on = b_gt(b, trigger, b_f32(b, 0.5));
    struct val before = b_prev(b, b_to(b, TYPE_F32, on));
    return b_and(b, on, b_lt(b, before, b_f32(b, 0.5)));
}

static struct val xor_shift(struct build *b, struct val x, int n)
{
    return b_xor(b, x, b_shr(b, x, n));
}

static struct val mix(struct build *b, struct val x)
{
    x = b_mul(b, xor_shift(b, x, 16), b_i32(b, 0x7feb352d));
    x = b_mul(b, xor_shift(b, x, 15), b_i32(b, (int32_t)0x846ca68bu));
    return xor_shift(b, x, 16);
}

struct val sample_hash(struct build *b, struct val low, struct val high, struct val seed)
{
    struct val first = mix(b, seed), second = mix(b, b_xor(b, seed, b_i32(b, (int32_t)0x9e3779b9u)));
    struct val x = b_mul(b, xor_shift(b, b_xor(b, low, first), 16), b_i32(b, 0x7feb352d));
    x = b_add(b, x, b_add(b, second, b_mul(b, high, b_i32(b, 0x2c1b3c6d))));
    x = b_mul(b, xor_shift(b, x, 15), b_i32(b, (int32_t)0x846ca68bu));
    return xor_shift(b, x, 16);
}

struct val signed_unit(struct build *b, struct val hash)
{
    return b_fmac(b, b_to(b, TYPE_F32, b_shr(b, hash, 8)), 0x1p-23, -1);
}

struct val wide_unit(struct build *b, struct val bits)
{
    struct val flipped = b_xor(b, bits, b_i32(b, INT32_MIN)); /* in order, as a signed number */
    return b_fmac(b, b_to(b, TYPE_F64, flipped), 0x1p-32, 0.5);
}

struct cell_clock cell_clock(struct build *b, struct val freq)
{
    struct val turns = b_clamp(b, b_div(b, freq, b_rate(b)), b_f64(b, 0), b_f64(b, 1));
    struct val step = b_mulc(b, b_rint(b, b_mulc(b, turns, 0x1p32)), 0x1p-32);
    struct val at = wide_unit(b, b_accum(b, turns_to_phase(b, step)));
    struct val leaves = b_ge(b, b_add(b, at, step), b_f64(b, 1));
    struct val cell = b_accum(b, b_select(b, leaves, b_i32(b, 1), b_i32(b, 0)));
    return (struct cell_clock){at, step, cell};
}

const char *input_pointer(struct build *b, const struct node_args *args, size_t input)
{
    return arena_printf(b->fault->arena, "%s/%s", b->pointer, args->def->inputs[input].name);
}

enum status number_list(struct build *b, const struct datum *list, const char *pointer, const char *what,
                        const char *limit, size_t lo, size_t hi, double *ret, size_t *ret_n)
{
    if (list->kind != DATUM_LIST || list->n < lo)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "%s is a list of %zu or more numbers", what, lo);
    if (list->n > hi)
        return fault_limit(b->fault, limit, pointer, "%s has %zu numbers; at most %zu are taken", what, list->n, hi);
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].kind != DATUM_NUMBER || !isfinite(list->items[i].number))
            return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%zu", pointer, i), 0,
                             "%s holds numbers", what);
        ret[i] = list->items[i].number;
    }
    *ret_n = list->n;
    return STATUS_OK;
}

uint32_t number_table(struct build *b, const float *data, size_t n)
{
    uint8_t digest[HASH_SIZE];
    char hex[HASH_HEX];
    uint32_t size = 1;
    while (size < n)
        size *= 2;
    float *padded = ARENA_ARRAY(b->ir->arena, size, float);
    for (uint32_t i = 0; i < size; i++)
        padded[i] = data[i < n ? i : n - 1];
    hash_parts(&(struct hash_part){padded, size * sizeof *padded}, 1, digest);
    hash_hex(digest, hex);
    return ir_add_table(b->ir, arena_printf(b->ir->arena, "numbers.%s", hex), TYPE_F32, size, padded);
}
