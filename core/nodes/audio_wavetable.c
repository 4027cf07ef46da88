/* Wavetables, band-limited: a table is taken apart into harmonics, up to 256, and put together again at nine levels of
 * 256, 128 ... 1 harmonics. The level played is the richest whose harmonics all lie below rate/2 at this sample's
 * frequency; it changes without a crossfade. Read by Catmull-Rom interpolation. `morph`, 0..1, blends linearly between
 * neighbouring tables from the first to the last.
 *     tables   a name: sine, triangle, saw, square, in the phase of those oscillators; or a list of 2..2048 numbers; or
 * a list of up to 16 such lists, each of its own length. A table is one period. */
#include <math.h>
#include <string.h>

#include "core/nodes/audio_parts.h"

enum { TABLES_MAX = 16, TABLE_POINTS_MAX = 2048, HARMONICS = 256, LEVELS = 9, STRIDE = 4480 };

/* Level l, of 256 >> l harmonics, has so many points and begins there in a table's stretch of STRIDE. */
static const int level_size[16] = {2048, 1024, 512, 256, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128};
static const int level_start[16] = {0,    2048, 3072, 3584, 3840, 3968, 4096, 4224,
                                    4352, 4352, 4352, 4352, 4352, 4352, 4352, 4352};

struct harmonics {
    double cosine[HARMONICS + 1], sine[HARMONICS + 1]; /* [0]: the mean */
};

static const double TAU = 6.28318530717958647693;

/* One period of a sine at n points: angles are looked up, since there are a million of them in a table. */
static double *sine_points(struct arena *a, size_t n)
{
    double *points = ARENA_ARRAY(a, n, double);
    for (size_t i = 0; i < n; i++)
        points[i] = sin(TAU * (double)i / (double)n);
    return points;
}

static void analyse(struct arena *a, const double *table, size_t n, struct harmonics *ret)
{
    size_t top = n / 2 < HARMONICS ? n / 2 : HARMONICS;
    double *sines = sine_points(a, 4 * n); /* a cosine is n points ahead */
    memset(ret, 0, sizeof *ret);
    for (size_t h = 0; h <= top; h++) {
        double scale = (h == 0 || 2 * h == n ? 1.0 : 2.0) / (double)n;
        for (size_t i = 0; i < n; i++) {
            size_t angle = 4 * (h * i % n);
            ret->cosine[h] += table[i] * sines[(angle + n) % (4 * n)] * scale;
            ret->sine[h] += table[i] * sines[angle] * scale;
        }
    }
}

static void synthesise(const struct harmonics *h, const double sines[2048], float stretch[STRIDE])
{
    for (int l = 0; l < LEVELS; l++)
        for (int i = 0; i < level_size[l]; i++) {
            double y = h->cosine[0];
            for (int k = 1; k <= HARMONICS >> l; k++) {
                int angle = k * i * (2048 / level_size[l]);
                y += h->cosine[k] * sines[(angle + 512) & 2047] + h->sine[k] * sines[angle & 2047];
            }
            stretch[level_start[l] + i] = (float)y;
        }
}

static void named(int wave, struct harmonics *ret)
{
    memset(ret, 0, sizeof *ret);
    for (int k = 1; k <= HARMONICS; k++) {
        double odd = k % 2, pi = TAU / 2;
        switch (wave) {
        case 0:
            ret->sine[k] = k == 1;
            break;
        case 1:
            ret->sine[k] = odd * (k % 4 == 1 ? 8 : -8) / (pi * pi * k * k);
            break;
        case 2:
            ret->sine[k] = -2 / (pi * k);
            break;
        default:
            ret->sine[k] = odd * 4 / (pi * k);
        }
    }
}

/* The tables one after the other, STRIDE numbers each. */
static enum status read_tables(struct build *b, const struct node_args *args, float **ret, size_t *ret_n)
{
    const struct datum *given = args->shape[2];
    const char *pointer = input_pointer(b, args, 2);
    struct harmonics *h = ARENA_NEW(b->fault->arena, struct harmonics);
    double *sines = sine_points(b->fault->arena, 2048);
    if (!given || given->kind == DATUM_STRING) {
        int wave;
        TRY(node_choice(b, args, 2, &wave));
        if (wave > 3)
            return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "instead of the word, give the lists themselves");
        *ret = ARENA_ARRAY(b->fault->arena, STRIDE, float);
        *ret_n = 1;
        named(wave, h);
        synthesise(h, sines, *ret);
        return STATUS_OK;
    }
    if (given->kind != DATUM_LIST || !given->n)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "tables is a name, a list of numbers or several");
    bool several = given->items[0].kind == DATUM_LIST;
    size_t n = several ? given->n : 1, length = 0;
    if (n > TABLES_MAX)
        return fault_limit(b->fault, "wavetable-tables", pointer, "%zu tables; at most %d are taken", n, TABLES_MAX);
    double *points = ARENA_ARRAY(b->fault->arena, TABLE_POINTS_MAX, double);
    *ret = ARENA_ARRAY(b->fault->arena, n * STRIDE, float);
    for (size_t i = 0; i < n; i++) {
        const char *where = several ? arena_printf(b->fault->arena, "%s/%zu", pointer, i) : pointer;
        TRY(number_list(b, several ? &given->items[i] : given, where, "a wavetable", "wavetable-points", 2,
                        TABLE_POINTS_MAX, points, &length));
        analyse(b->fault->arena, points, length, h);
        synthesise(h, sines, *ret + i * STRIDE);
    }
    *ret_n = n;
    return STATUS_OK;
}

/* Where to read: the level's start in the first table, the mask of its points, whole and fraction of the place. */
struct place {
    struct val start, mask, whole, fraction;
};

static struct place find_place(struct build *b, struct val phase, struct val step)
{
    static const char *const names[] = {"wavetable.start", "wavetable.size"};
    /* 2^level >= 512 dt: the exponent of 512 dt rounded up */
    struct val x = b_mulc(b, b_abs(b, b_to(b, TYPE_F32, step)), 512);
    struct val bits = b_add(b, b_bits(b, b_clamp(b, x, b_f32(b, 1), b_f32(b, 256))), b_i32(b, 0x7fffff));
    struct val level = b_add(b, b_shr(b, bits, 23), b_i32(b, -127));
    uint32_t starts = ir_add_table(b->ir, names[0], TYPE_I32, 16, level_start);
    uint32_t sizes = ir_add_table(b->ir, names[1], TYPE_I32, 16, level_size);
    struct val size = b_gather(b, sizes, level);
    struct val at = b_mul(b, unit_phase(b, phase), b_to(b, TYPE_F32, size)), floor = b_floor(b, at);
    return (struct place){b_gather(b, starts, level), b_add(b, size, b_i32(b, -1)), b_to(b, TYPE_I32, floor),
                          b_sub(b, at, floor)};
}

/* Catmull-Rom through four neighbours, in the table that begins at `offset`. */
static struct val read_at(struct build *b, uint32_t table, const struct place *p, struct val offset)
{
    struct val y[4], start = b_add(b, p->start, offset), f = p->fraction;
    for (int i = 0; i < 4; i++) {
        struct val at = b_and(b, b_add(b, p->whole, b_i32(b, i - 1)), p->mask);
        y[i] = b_gather(b, table, b_add(b, start, at));
    }
    struct val c1 = b_mulc(b, b_sub(b, y[2], y[0]), 0.5);
    struct val d = b_sub(b, y[2], y[1]), c1_next = b_mulc(b, b_sub(b, y[3], y[1]), 0.5);
    struct val c3 = b_sub(b, b_add(b, c1, c1_next), b_mulc(b, d, 2)), c2 = b_sub(b, b_sub(b, d, c1), c3);
    return b_fma(b, b_fma(b, b_fma(b, c3, f, c2), f, c1), f, y[1]);
}

static enum status wavetable(struct build *b, const struct node_args *args, struct val *out)
{
    float *data = NULL;
    size_t n = 0;
    TRY(read_tables(b, args, &data, &n));
    uint32_t table = number_table(b, data, n * STRIDE);
    struct val step, phase = phase_of(b, args->in[0], args->in[3], &step);
    struct place p = find_place(b, phase, step);
    if (n == 1) {
        out[0] = read_at(b, table, &p, b_i32(b, 0));
        return STATUS_OK;
    }
    struct val zero = b_f32(b, 0), morph = b_mulc(b, args->in[1], (double)(n - 1));
    morph = b_clamp(b, morph, zero, b_f32(b, (double)(n - 1)));
    struct val first = b_min(b, b_floor(b, morph), b_f32(b, (double)(n - 2)));
    struct val offset = b_mul(b, b_to(b, TYPE_I32, first), b_i32(b, STRIDE));
    struct val low = read_at(b, table, &p, offset), high = read_at(b, table, &p, b_add(b, offset, b_i32(b, STRIDE)));
    out[0] = b_lerp(b, low, high, b_sub(b, morph, first));
    return STATUS_OK;
}

extern const struct node_row audio_wavetable_rows[];
const struct node_row audio_wavetable_rows[] = {
    {"wavetable : freq:f64 (Hz)=440, morph=0, *tables=sine|triangle|saw|square|lists, phase:f64=0",
     "Band-limited wavetable oscillator: a named wave, one table, or up to 16 between which `morph` (0..1) blends.",
     NODE_AUDIO, NULL, wavetable, NULL},
    {0},
};
