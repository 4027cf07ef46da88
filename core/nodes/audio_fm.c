/* Frequency modulation, as phase modulation of sines; feedback takes the operator's last sample.
 *     fm2  sin(2 pi p + index m), m = sin(2 pi ratio p + feedback m1)
 *     fm4  operators i = 1..4 of frequency ratio_i freq and index_i, which is the amplitude of one that is heard and
 * the depth, in radians, of one that modulates; feedback goes from operator 4 to itself, before its index serial    4
 * into 3 into 2 into 1; 1 is heard parallel  all are heard, the sum over 4 pairs     2 into 1 and 4 into 3; 1 and 3 are
 * heard, the sum over 2 stack     2, 3 and 4 into 1, which is heard Source: Chowning, "The synthesis of complex audio
 * spectra by means of frequency modulation", JAES 1973. */
#include "core/nodes/audio_parts.h"

enum algorithm { SERIAL, PARALLEL, PAIRS, STACK };

/* sin(2 pi phase + radians), the phase of a frequency. */
static struct val modulated(struct build *b, struct val freq, struct val radians)
{
    struct val step, turns = radians.i ? b_mulc(b, b_to(b, TYPE_F64, radians), 0.15915494309189533577) : b_f64(b, 0);
    return sine_of_phase(b, phase_of(b, freq, turns, &step));
}

static struct val fed_back(struct build *b, struct val freq, struct val feedback)
{
    struct val last = b_prev_open(b, TYPE_F32);
    struct val m = modulated(b, freq, b_mul(b, feedback, last));
    b_close(b, last, m);
    return m;
}

static enum status fm2(struct build *b, const struct node_args *args, struct val *out)
{
    struct val m = fed_back(b, b_mul(b, args->in[0], args->in[1]), args->in[3]);
    out[0] = modulated(b, args->in[0], b_mul(b, args->in[2], m));
    return STATUS_OK;
}

/* Component i of a vec input of four, whose default is i + 1 or 1. */
static struct val component(struct build *b, const struct node_args *args, size_t input, int i)
{
    if (!args->dims[input])
        return b_f32(b, input == 2 ? i + 1 : 1);
    return args->vec[input][args->dims[input] == 1 ? 0 : i];
}

static enum status check_vec(struct build *b, const struct node_args *args, size_t input)
{
    int dims = args->dims[input];
    return dims == 0 || dims == 1 || dims == 4
               ? STATUS_OK
               : fault_add(b->fault, STATUS_BAD_GRAPH, b->pointer, 0, "%s of fm4 is a vec4 or one number for all",
                           args->def->inputs[input].name);
}

static enum status fm4(struct build *b, const struct node_args *args, struct val *out)
{
    int algorithm;
    struct val freq[4], index[4];
    TRY(node_choice(b, args, 1, &algorithm));
    TRY(check_vec(b, args, 2));
    TRY(check_vec(b, args, 3));
    for (int i = 0; i < 4; i++) {
        freq[i] = b_mul(b, args->in[0], b_to(b, TYPE_F64, component(b, args, 2, i)));
        index[i] = component(b, args, 3, i);
    }
    struct val y = b_mul(b, fed_back(b, freq[3], args->in[4]), index[3]), sum = VAL_NONE;
    for (int i = 2; i >= 0; i--) { /* y: what modulates the next operator, or none */
        bool heard = i == 0 || algorithm == PARALLEL || (algorithm == PAIRS && i == 2);
        bool from_above = algorithm == SERIAL || (algorithm == PAIRS && i != 1) || (algorithm == STACK && heard);
        if (algorithm == PARALLEL)
            sum = sum.i ? b_add(b, sum, y) : y;
        struct val x = b_mul(b, modulated(b, freq[i], from_above ? y : VAL_NONE), index[i]);
        if (algorithm == PAIRS && i == 2)
            sum = x;
        y = algorithm == STACK && !heard ? b_add(b, y, x) : x;
    }
    y = sum.i ? b_add(b, sum, y) : y;
    out[0] = algorithm == PARALLEL ? b_mulc(b, y, 0.25) : algorithm == PAIRS ? b_mulc(b, y, 0.5) : y;
    return STATUS_OK;
}

extern const struct node_row audio_fm_rows[];
const struct node_row audio_fm_rows[] = {
    {"fm2 : freq:f64 (Hz)=440, ratio:f64=2, index=1, feedback=0",
     "Two-operator FM: a sine of `freq`, its phase modulated by one of ratio freq, `index` radians deep.", NODE_AUDIO,
     NULL, fm2, NULL},
    {"fm4 : freq:f64 (Hz)=440, *algorithm=serial|parallel|pairs|stack, ratios:vec=none, indices:vec=none, feedback=0",
     "Four-operator FM; ratios vec4(1,2,3,4) and indices vec4(1,1,1,1) when left out.", NODE_AUDIO, NULL, fm4, NULL},
    {0},
};
