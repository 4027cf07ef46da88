/* Lookups and holds.
 *     waveshape       `table`, 2..4096 values spread over -1..1, read with linear interpolation; beyond, its ends
 *     sample_hold     the input's value when the trigger rose above 0.5; 0 before
 *     quantize_pitch  the nearest frequency root 2^((12 k + d)/12), d of the scale, in semitones; of two as
 *                     near, the first in the list. A scale may be a list of semitones, 0 up to 12. Frequencies
 *                     and roots are at least 0.001 Hz. */
#include <math.h>

#include "core/nodes/audio_parts.h"

enum { WAVESHAPE_POINTS_MAX = 4096, SCALE_DEGREES_MAX = 64 };

static enum status waveshape(struct build *b, const struct node_args *args, struct val *out)
{
    static const double straight[] = {-1, 1};
    double *points = ARENA_ARRAY(b->fault->arena, WAVESHAPE_POINTS_MAX, double);
    float *table = ARENA_ARRAY(b->fault->arena, WAVESHAPE_POINTS_MAX, float);
    size_t n = 2;
    for (size_t i = 0; i < n; i++)
        points[i] = straight[i];
    if (args->shape[1])
        TRY(number_list(b, args->shape[1], input_pointer(b, args, 1), "table of waveshape", "waveshape-points", 2,
                        WAVESHAPE_POINTS_MAX, points, &n));
    for (size_t i = 0; i < n; i++)
        table[i] = (float)points[i];
    double half = (double)(n - 1) / 2;
    struct val x = b_clamp(b, b_fmac(b, args->in[0], half, half), b_f32(b, 0), b_f32(b, (double)(n - 1)));
    struct val whole = b_min(b, b_floor(b, x), b_f32(b, (double)(n - 2))), at = b_to(b, TYPE_I32, whole);
    uint32_t index = number_table(b, table, n);
    struct val left = b_gather(b, index, at), right = b_gather(b, index, b_add(b, at, b_i32(b, 1)));
    out[0] = b_lerp(b, left, right, b_sub(b, x, whole));
    return STATUS_OK;
}

static enum status sample_hold(struct build *b, const struct node_args *args, struct val *out)
{
    struct val held1 = b_prev_open(b, TYPE_F32);
    out[0] = b_select(b, rising(b, args->in[1]), args->in[0], held1);
    b_close(b, held1, out[0]);
    return STATUS_OK;
}

static enum status scale_degrees(struct build *b, const struct node_args *args, double degrees[SCALE_DEGREES_MAX],
                                 size_t *ret_n)
{
    static const struct {
        size_t n;
        double degrees[12];
    } scales[] = {{12, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
                  {7, {0, 2, 4, 5, 7, 9, 11}},
                  {7, {0, 2, 3, 5, 7, 8, 10}},
                  {5, {0, 2, 4, 7, 9}},
                  {6, {0, 3, 5, 6, 7, 10}}};
    const struct datum *given = args->shape[1];
    const char *pointer = input_pointer(b, args, 1);
    int index;
    if (given && given->kind == DATUM_LIST) {
        TRY(number_list(b, given, pointer, "a scale", "scale-degrees", 1, SCALE_DEGREES_MAX, degrees, ret_n));
        for (size_t i = 0; i < *ret_n; i++)
            if (!(degrees[i] >= 0 && degrees[i] < 12))
                return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0,
                                 "degrees of a scale are semitones, 0 up to 12");
        return STATUS_OK;
    }
    TRY(node_choice(b, args, 1, &index));
    if ((size_t)index >= sizeof scales / sizeof *scales)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "instead of the word, give the list of semitones");
    *ret_n = scales[index].n;
    for (size_t i = 0; i < *ret_n; i++)
        degrees[i] = scales[index].degrees[i];
    return STATUS_OK;
}

static enum status quantize_pitch(struct build *b, const struct node_args *args, struct val *out)
{
    static const double octave = 0.69314718055994530942; /* ln 2 */
    double degrees[SCALE_DEGREES_MAX] = {0};
    size_t n = 0;
    TRY(scale_degrees(b, args, degrees, &n));
    struct val least = b_f64(b, 1e-3), most = b_f64(b, 1e9);
    struct val root = b_clamp(b, args->in[2], least, most), freq = b_clamp(b, args->in[0], least, most);
    struct val pitch = b_mulc(b, B_CALL(b, "ln", b_div(b, freq, root)), 1 / octave); /* in octaves */
    struct val best = VAL_NONE, best_error = VAL_NONE;
    for (size_t i = 0; i < n; i++) {
        struct val near = b_addc(b, b_rint(b, b_addc(b, pitch, -degrees[i] / 12)), degrees[i] / 12);
        struct val error = b_abs(b, b_sub(b, pitch, near)), nearer = i ? b_lt(b, error, best_error) : VAL_NONE;
        best = i ? b_select(b, nearer, near, best) : near;
        best_error = i ? b_select(b, nearer, error, best_error) : error;
    }
    out[0] = b_mul(b, root, B_CALL(b, "exp", b_mulc(b, best, octave)));
    return STATUS_OK;
}

extern const struct node_row audio_pitch_rows[];
const struct node_row audio_pitch_rows[] = {
    {"waveshape : in, *table=[...]", "Looks the signal up in a table of 2..4096 values over -1..1.", 0, NULL, waveshape,
     NULL},
    {"sample_hold : in, trigger", "Holds the value the input had when the trigger last rose above 0.5.", NODE_AUDIO,
     NULL, sample_hold, NULL},
    {"quantize_pitch : freq:f64, *scale=chromatic|major|minor|pentatonic|blues|list, root:f64=261.6305",
     "The nearest frequency of a scale on `root`; the scale may be a list of semitones.", 0, NULL, quantize_pitch,
     NULL},
    {0},
};
