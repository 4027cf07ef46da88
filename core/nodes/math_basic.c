/* Rounding, choosing, shaping: functions that are exact or a few operations. All keep f64. */
#include "core/nodes/math_parts.h"

/* Half away from zero: rint goes to even, so a tie that went towards zero is moved on by 2d = +-1. Exact, and keeps -0.
 */
static struct val round_of(struct build *b, struct val x)
{
    enum type t = b_type(b, x);
    struct val r = b_rint(b, x), d = b_sub(b, x, r);
    struct val tie = b_select(b, b_lt(b, x, b_const(b, t, 0)), b_const(b, t, -0.5), b_const(b, t, 0.5));
    return b_select(b, b_eq(b, d, tie), b_add(b, r, b_add(b, d, d)), r);
}

static struct val ceil_of(struct build *b, struct val x)
{
    return b_neg(b, b_floor(b, b_neg(b, x)));
}

static struct val trunc_of(struct build *b, struct val x)
{
    return b_select(b, b_lt(b, x, b_const(b, b_type(b, x), 0)), ceil_of(b, x), b_floor(b, x));
}

/* a - b floor(a/b), the product not rounded. */
static struct val mod_of(struct build *b, struct val x, struct val y)
{
    return b_fma(b, b_neg(b, b_floor(b, b_div(b, x, y))), y, x);
}

static struct val choose(struct build *b, struct val condition, struct val x, struct val y)
{
    return b_select(b, b_lt(b, b_const(b, b_type(b, condition), 0.5), condition), x, y);
}

MATH_1(abs, b_abs(b, x))
MATH_1(floor, b_floor(b, x))
MATH_1(ceil, ceil_of(b, x))
MATH_1(round, round_of(b, x))
MATH_1(trunc, trunc_of(b, x))
MATH_1(sqrt, b_sqrt(b, x))
MATH_2(min, b_min(b, x, y))
MATH_2(max, b_max(b, x, y))
MATH_2(mod, mod_of(b, x, y))
MATH_3(clamp, b_clamp(b, x, y, z))
MATH_3(lerp, b_lerp(b, x, y, z))
MATH_3(select, choose(b, x, y, z))

#define EACH NODE_COMPONENTS
#define BOTH(name) EACH, NULL, build_##name, build_##name
#define IS(text) EACH, text, NULL, NULL

const struct node_row math_basic_rows[] = {
    {"abs : x", "Magnitude.", BOTH(abs)},
    {"sign : x", "1 above zero, -1 below, zero itself at zero.", IS("x > 0 ? 1 : x < 0 ? -1 : x")},
    {"floor : x", "Greatest whole number not above x.", BOTH(floor)},
    {"ceil : x", "Least whole number not below x.", BOTH(ceil)},
    {"round : x", "Nearest whole number, halves away from zero.", BOTH(round)},
    {"trunc : x", "Whole part, towards zero.", BOTH(trunc)},
    {"fract : x", "Distance above the whole number below: 0..1 for negative x, too.", IS("x - floor(x)")},
    {"sqrt : x", "Square root; NaN below 0.", BOTH(sqrt)},
    {"inversesqrt : x", "1 / sqrt(x).", IS("1/sqrt(x)")},
    {"saturate : x", "Clamped to 0..1; NaN gives 0.", IS("min(max(x, 0), 1)")},
    {"isnan : x", "1 when x is not a number, else 0.", IS("x == x ? 0 : 1")},
    {"isfinite : x", "1 unless x is infinite or not a number.", IS("x - x == 0 ? 1 : 0")},
    {"min : a, b", "a < b ? a : b, so b when one is NaN.", BOTH(min)},
    {"max : a, b", "a > b ? a : b, so b when one is NaN.", BOTH(max)},
    {"mod : a, b", "a - b floor(a/b): has the sign of b; also written a % b.", BOTH(mod)},
    {"step : a, b", "0 while b < a, else 1: a is the edge.", IS("b < a ? 0 : 1")},
    {"pingpong : a, b", "a folded to and fro between 0 and b.", IS("b - abs(mod(a, 2*b) - b)")},
    {"wrap : a, b", "a wrapped into 0..b.", IS("mod(a, b)")},
    {"bias : a, b", "Schlick's bias of a: 0.5 goes to b, 0 and 1 stay.", IS("a/((1/b - 2)*(1 - a) + 1)")},
    {"schlick_gain : a, b", "Schlick's gain of a: flatter or steeper in the middle; b = 0.5 changes nothing.",
     IS("let k = (1/b - 2)*(1 - 2*a); a < 0.5 ? a/(k + 1) : (k - a)/(k - 1)")},
    {"quantize : x, steps", "Rounded to multiples of 1/steps.", IS("round(x*steps)/steps")},
    {"gamma : x, amount", "x^(1/amount): above 1 brightens the middle; negative x counts as 0.",
     IS("pow(max(0, x), 1/amount)")},
    {"contrast : x, amount", "(x - 0.5)(1 + amount) + 0.5: 0 changes nothing.", IS("(x - 0.5)*(1 + amount) + 0.5")},
    {"brightness : x, amount", "x + amount.", IS("x + amount")},
    {"clamp : x, lo=0, hi=1", "min(max(x, lo), hi).", BOTH(clamp)},
    {"smoothstep : lo, hi, x", "0 up to lo, 1 from hi, 3t^2 - 2t^3 between.",
     IS("let t = min(max((x - lo)/(hi - lo), 0), 1); t*t*(3 - 2*t)")},
    {"smootherstep : lo, hi, x", "0 up to lo, 1 from hi, 6t^5 - 15t^4 + 10t^3 between.",
     IS("let t = min(max((x - lo)/(hi - lo), 0), 1); t*t*t*(t*(t*6 - 15) + 10)")},
    {"linearstep : lo, hi, x", "0 up to lo, 1 from hi, straight between.", IS("min(max((x - lo)/(hi - lo), 0), 1)")},
    {"lerp mix : a, b, t", "a + (b - a) t, one rounding after the difference.", BOTH(lerp)},
    {"inverse_lerp : a, b, x", "(x - a)/(b - a).", IS("(x - a)/(b - a)")},
    {"remap : x, a, b, c=0, d=1", "x from the range a..b to the range c..d.", IS("c + (x - a)/(b - a)*(d - c)")},
    {"select : condition, a, b", "a where condition > 0.5, else b.", BOTH(select)},
    {0},
};
