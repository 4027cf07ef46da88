/* Envelopes.
 * adsr: the gate is on above 0.5. On its rising edge a linear attack from the present level at 1/attack a second, to 1;
 * then decay to `sustain`, linear, (1 - sustain)/decay a second; when it falls, release from the present level to 0 in
 * `release` seconds. A time under one sample jumps.
 * ar: the same attack whenever the trigger rises above 0.5, then at once down to 0 at 1/release a second.
 * line: from, until `start` seconds; then straight to `to` in `time` seconds, and there it stays. No time jumps.
 * breakpoints: through points (time in seconds, value), times not falling: before the first its value, behind the last
 * its; linear, hold (the value of the last point passed) or smooth (s^2 (3 - 2 s)). Two points at one time jump. */
#include <math.h>

#include "core/nodes/audio_parts.h"

enum { POINTS_MAX = 256 };
enum interpolation { LINEAR, HOLD, SMOOTH };

/* 1 / (time R), at most 1: the share of the way done in one sample. */
static struct val share(struct build *b, struct val time)
{
    struct val one = b_f64(b, 1);
    return b_div(b, one, b_max(b, b_mul(b, time, b_rate(b)), one));
}

static enum status adsr(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1), half = b_f64(b, 0.5), sustain = args->in[3];
    struct val gate = b_to(b, TYPE_F64, b_gt(b, args->in[0], b_f32(b, 0.5))), gate1 = b_prev(b, gate);
    struct val on = b_gt(b, gate, half), starts = b_and(b, on, b_not(b, b_gt(b, gate1, half)));
    struct val fall = b_mul(b, b_sub(b, one, sustain), share(b, args->in[2]));
    struct val rise = share(b, args->in[1]), away = share(b, args->in[4]);
    struct val level1 = b_prev_open(b, TYPE_F64), attacking1 = b_prev_open(b, TYPE_F64),
               from1 = b_prev_open(b, TYPE_F64);
    struct val attacking = b_or(b, starts, b_and(b, on, b_gt(b, attacking1, half)));
    struct val risen = b_add(b, level1, rise), up = b_min(b, risen, one);
    struct val down = b_max(b, b_sub(b, level1, fall), sustain);
    struct val released = b_max(b, b_fma(b, b_neg(b, from1), away, level1), zero);
    struct val level = b_select(b, on, b_select(b, attacking, up, down), released);
    b_close(b, attacking1, b_to(b, TYPE_F64, b_and(b, attacking, b_lt(b, risen, one))));
    b_close(b, from1, b_select(b, on, level, from1)); /* where the release will start */
    b_close(b, level1, level);
    out[0] = b_to(b, TYPE_F32, level);
    return STATUS_OK;
}

static enum status ar(struct build *b, const struct node_args *args, struct val *out)
{
    struct val zero = b_f64(b, 0), one = b_f64(b, 1), half = b_f64(b, 0.5);
    struct val level1 = b_prev_open(b, TYPE_F64), attacking1 = b_prev_open(b, TYPE_F64);
    struct val attacking = b_or(b, rising(b, args->in[0]), b_gt(b, attacking1, half));
    struct val up = b_min(b, b_add(b, level1, share(b, args->in[1])), one);
    struct val down = b_max(b, b_sub(b, level1, share(b, args->in[2])), zero);
    struct val level = b_select(b, attacking, up, down);
    b_close(b, attacking1, b_to(b, TYPE_F64, b_and(b, attacking, b_lt(b, up, one))));
    b_close(b, level1, level);
    out[0] = b_to(b, TYPE_F32, level);
    return STATUS_OK;
}

static struct val seconds(struct build *b)
{
    return b_div(b, b_n(b), b_rate(b));
}

static enum status line(struct build *b, const struct node_args *args, struct val *out)
{
    struct val from = args->in[0], to = args->in[1], time = args->in[2];
    struct val since = b_sub(b, seconds(b), args->in[3]);
    struct val under_way = b_lerp(b, from, to, b_div(b, since, time));
    struct val begun = b_select(b, b_ge(b, since, time), to, under_way);
    out[0] = b_to(b, TYPE_F32, b_select(b, b_lt(b, since, b_f64(b, 0)), from, begun));
    return STATUS_OK;
}

struct point {
    double at, value;
};

static enum status read_points(struct build *b, const struct node_args *args, struct point ret[POINTS_MAX],
                               size_t *ret_n)
{
    static const struct point ramp[] = {{0, 0}, {1, 1}};
    const struct datum *list = args->shape[0];
    const char *pointer = input_pointer(b, args, 0);
    for (size_t i = 0; i < 2; i++)
        ret[i] = ramp[i];
    *ret_n = 2;
    if (!list)
        return STATUS_OK;
    if (list->kind != DATUM_LIST || !list->n)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "points is a list of [seconds, value]");
    if (list->n > POINTS_MAX)
        return fault_limit(b->fault, "breakpoints-points", pointer, "%zu points; at most %d are taken", list->n,
                           POINTS_MAX);
    for (size_t i = 0; i < list->n; i++) {
        double pair[2];
        size_t n;
        const char *where = arena_printf(b->fault->arena, "%s/%zu", pointer, i);
        TRY(number_list(b, &list->items[i], where, "a point [seconds, value]", "breakpoints-point", 2, 2, pair, &n));
        ret[i] = (struct point){pair[0], pair[1]};
        if (i && ret[i].at < ret[i - 1].at)
            return fault_add(b->fault, STATUS_BAD_GRAPH, where, 0, "a point's time is before that of the point before");
    }
    *ret_n = list->n;
    return STATUS_OK;
}

/* From a point to the next, at t. */
static struct val stretch(struct build *b, struct val t, const struct point *p, enum interpolation how)
{
    double length = p[1].at - p[0].at;
    if (how == HOLD || length == 0 || p[0].value == p[1].value)
        return b_f64(b, p[0].value);
    struct val s = b_div(b, b_addc(b, t, -p[0].at), b_f64(b, length));
    if (how == SMOOTH)
        s = b_mul(b, b_mul(b, s, s), b_fmac(b, s, -2, 3));
    return b_fmac(b, s, p[1].value - p[0].value, p[0].value);
}

static enum status breakpoints(struct build *b, const struct node_args *args, struct val *out)
{
    struct point points[POINTS_MAX];
    size_t n = 0;
    int how;
    TRY(read_points(b, args, points, &n));
    TRY(node_choice(b, args, 1, &how));
    struct val t = seconds(b), y = b_f64(b, points[0].value);
    for (size_t i = 0; i < n; i++) {
        struct val here = i + 1 < n ? stretch(b, t, &points[i], (enum interpolation)how) : b_f64(b, points[i].value);
        y = b_select(b, b_ge(b, t, b_f64(b, points[i].at)), here, y);
    }
    out[0] = b_to(b, TYPE_F32, y);
    return STATUS_OK;
}

extern const struct node_row audio_envelope_rows[];
const struct node_row audio_envelope_rows[] = {
    {"adsr : gate, attack:f64 (s)=0.01, decay:f64 (s)=0.1, sustain:f64=0.7, release:f64 (s)=0.3",
     "0..1: while gate is above 0.5 a rise to 1 in `attack` from where it is, a fall to sustain in `decay`; then down "
     "to 0 in `release`. All linear; a time of 0 jumps.",
     NODE_AUDIO, NULL, adsr, NULL},
    {"ar : trigger, attack:f64 (s)=0.01, release:f64 (s)=0.1",
     "Attack, then release, both linear, each time the trigger rises above 0.5.", NODE_AUDIO, NULL, ar, NULL},
    {"line : from:f64=0, to:f64=1, time:f64 (s)=1, start:f64 (s)=0",
     "A straight line from one value to another, `time` seconds long, beginning at `start`.", NODE_AUDIO, NULL, line,
     NULL},
    {"breakpoints : *points=[[t,v]...], *interp=linear|hold|smooth",
     "A course through up to 256 points of (seconds, value).", NODE_AUDIO, NULL, breakpoints, NULL},
    {0},
};
