/* See pattern_parts.h. A line is the difference of two steps, so that what one edge loses to the filter the other
 * gains: softness never changes a pattern's mean. Hard edges are a comparison: an infinite slope would become NaN where
 * an affine chain is fused, and where softness is left out only the comparison remains. */
#include "core/nodes/pattern_parts.h"

struct softness softness_of(struct build *b, struct val width, bool curved)
{
    struct val held = b_clamp(b, width, b_f32(b, 0), b_f32(b, 1));
    return (struct softness){b_gt(b, held, b_f32(b, 0)), b_div(b, b_f32(b, 1), held), curved};
}

struct val soft_step(struct build *b, struct val x, struct softness s)
{
    struct val zero = b_f32(b, 0), one = b_f32(b, 1);
    struct val ramp = b_clamp(b, b_fma(b, x, s.inverse, b_f32(b, 0.5)), zero, one);
    if (s.curved)
        ramp = b_mul(b, b_mul(b, ramp, ramp), b_fmac(b, ramp, -2, 3));
    return b_select(b, s.soft, ramp, b_select(b, b_ge(b, x, zero), one, zero));
}

struct val soft_line(struct build *b, struct val x, struct val half, struct softness s)
{
    return b_sub(b, soft_step(b, b_add(b, x, half), s), soft_step(b, b_sub(b, x, half), s));
}

/* With x in -1/2..1/2 and a filter of at most 1, of the neighbours only the near edges reach here. */
struct val soft_lines(struct build *b, struct val x, struct val half, struct softness s)
{
    struct val one = b_f32(b, 1), h = b_clamp(b, half, b_f32(b, 0), b_f32(b, 0.5));
    struct val here = b_sub(b, x, b_floor(b, b_addc(b, x, 0.5)));
    struct val next = soft_step(b, b_add(b, b_sub(b, here, one), h), s);
    struct val last = soft_step(b, b_sub(b, b_add(b, here, one), h), s);
    return b_add(b, soft_line(b, here, h, s), b_add(b, next, b_sub(b, one, last)));
}

/* Multiplication spreads low bits upwards, the shifts bring them down again. */
struct val cell_hash(struct build *b, struct val x, struct val y, struct val seed)
{
    struct val h = b_xor(b, b_mulc(b, x, (int32_t)0x9e3779b1u), b_mulc(b, y, (int32_t)0x85ebca77u));
    h = b_mulc(b, b_xor(b, h, seed), 0x2c1b3c6d);
    return hash_again(b, h);
}

struct val hash_again(struct build *b, struct val hash)
{
    struct val h = b_mulc(b, b_xor(b, hash, b_shr(b, hash, 15)), (int32_t)0x846ca68bu);
    return b_xor(b, h, b_shr(b, h, 16));
}

struct val hash_unit(struct build *b, struct val hash)
{
    return b_mulc(b, b_to(b, TYPE_F32, b_shr(b, hash, 8)), 0x1p-24);
}
