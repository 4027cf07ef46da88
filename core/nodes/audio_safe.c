/* See audio_safe.h. */
#include "core/nodes/audio_safe.h"

static const double LN10_20 = 2.30258509299404568402 / 20;

struct val audio_clean(struct build *b, struct val x)
{
    enum type t = b_type(b, x);
    return b_select(b, b_lt(b, b_abs(b, x), b_const(b, t, 1e30)), x, b_const(b, t, 0));
}

struct val audio_within(struct build *b, struct val x, double lo, double hi)
{
    enum type t = b_type(b, x);
    return b_clamp(b, x, b_const(b, t, lo), b_const(b, t, hi));
}

struct val audio_mix(struct build *b, struct val dry, struct val wet, struct val mix)
{
    return b_lerp(b, dry, wet, audio_within(b, mix, 0, 1));
}

struct val audio_keep(struct build *b, struct val time)
{
    struct val samples = b_max(b, b_mul(b, time, b_rate(b)), b_f64(b, 1e-3));
    return B_CALL(b, "exp", b_div(b, b_f64(b, -1), samples));
}

struct val audio_amplitude(struct build *b, struct val db)
{
    return B_CALL(b, "exp", b_mulc(b, db, LN10_20));
}

struct audio_line audio_line(struct build *b, struct val x, struct val seconds)
{
    struct audio_line l = {.most = b_max(b, b_mul(b, seconds, b_rate(b)), b_f64(b, 1))};
    l.ring = b_ring(b, x, b_addc(b, l.most, 4));
    return l;
}

struct val audio_line_read(struct build *b, const struct audio_line *l, struct val samples, double least)
{
    struct val d = b_clamp(b, samples, b_f64(b, least), l->most), whole = b_floor(b, d);
    struct val age = b_to(b, TYPE_I32, whole), f = b_to(b, TYPE_F32, b_sub(b, d, whole));
    struct val near = b_tap(b, l->ring, age), far = b_tap(b, l->ring, b_add(b, age, b_i32(b, 1)));
    return b_lerp(b, near, far, f);
}
