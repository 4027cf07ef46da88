/* Placing signals between two channels.
 *     pan       p = (pan + 1)/2; power: l = cos(p pi/2), r = sin(p pi/2); linear: l = 1 - p, r = p
 *     balance   l min(1, 1 - pan), r min(1, 1 + pan)
 *     width     m = (l + r)/2, s = width (l - r)/2; m + s, m - s
 *     midside   (l + r)/sqrt 2, (l - r)/sqrt 2: its own inverse
 *     matrix    port k is the sum over c of matrix[k][c] x input channel c; zeros are not connected. Ports are fixed in
 * a signature, so there are eight; a port without a row is silent. */
#include "core/nodes/audio_parts.h"

enum { MATRIX_ROWS_MAX = 8, MATRIX_COLUMNS_MAX = 64 };

static enum status pan(struct build *b, const struct node_args *args, struct val *out)
{
    int law;
    TRY(node_choice(b, args, 2, &law));
    struct val p = b_clamp(b, b_fmac(b, args->in[1], 0.5, 0.5), b_f32(b, 0), b_f32(b, 1));
    struct val angle = b_mulc(b, p, 1.57079632679489661923);
    struct val l = law ? b_sub(b, b_f32(b, 1), p) : B_CALL(b, "cos", angle);
    struct val r = law ? p : B_CALL(b, "sin", angle);
    out[0] = b_mul(b, args->in[0], l);
    out[1] = b_mul(b, args->in[0], r);
    return STATUS_OK;
}

static enum status balance(struct build *b, const struct node_args *args, struct val *out)
{
    struct val one = b_f32(b, 1), p = b_clamp(b, args->in[2], b_f32(b, -1), one);
    out[0] = b_mul(b, args->in[0], b_min(b, b_sub(b, one, p), one));
    out[1] = b_mul(b, args->in[1], b_min(b, b_add(b, one, p), one));
    return STATUS_OK;
}

static enum status width(struct build *b, const struct node_args *args, struct val *out)
{
    struct val m = b_mulc(b, b_add(b, args->in[0], args->in[1]), 0.5);
    struct val s = b_mulc(b, b_sub(b, args->in[0], args->in[1]), 0.5);
    out[0] = b_fma(b, s, args->in[2], m);
    out[1] = b_fma(b, b_neg(b, s), args->in[2], m);
    return STATUS_OK;
}

static enum status midside(struct build *b, const struct node_args *args, struct val *out)
{
    out[0] = b_mulc(b, b_add(b, args->in[0], args->in[1]), 0.70710678118654752440);
    out[1] = b_mulc(b, b_sub(b, args->in[0], args->in[1]), 0.70710678118654752440);
    return STATUS_OK;
}

static enum status matrix_row(struct build *b, const struct datum *row, const char *pointer, struct val *ret)
{
    double c[MATRIX_COLUMNS_MAX];
    size_t n = 0;
    *ret = VAL_NONE;
    TRY(number_list(b, row, pointer, "a row of matrix", "matrix-columns", 1, MATRIX_COLUMNS_MAX, c, &n));
    if (n > b->channels)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "a row has %zu numbers, the input %u channels", n,
                         b->channels);
    for (uint32_t i = 0; i < n; i++) {
        if (c[i] == 0)
            continue;
        struct val x = b_input(b, i), factor = b_f32(b, c[i]);
        *ret = ret->i ? b_fma(b, x, factor, *ret) : b_mul(b, x, factor);
    }
    if (!ret->i)
        *ret = b_f32(b, 0);
    return STATUS_OK;
}

static enum status matrix(struct build *b, const struct node_args *args, struct val *out)
{
    const struct datum *rows = args->shape[0];
    const char *pointer = input_pointer(b, args, 0);
    for (uint32_t k = 0; k < MATRIX_ROWS_MAX; k++)
        out[k] = !rows && k < b->channels ? b_input(b, k) : b_f32(b, 0);
    if (!rows)
        return STATUS_OK;
    if (rows->kind != DATUM_LIST || !rows->n)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "matrix is a list of rows, one an output");
    if (rows->n > MATRIX_ROWS_MAX)
        return fault_limit(b->fault, "matrix-rows", pointer, "%zu rows; at most %d are taken", rows->n,
                           MATRIX_ROWS_MAX);
    for (size_t k = 0; k < rows->n; k++)
        TRY(matrix_row(b, &rows->items[k], arena_printf(b->fault->arena, "%s/%zu", pointer, k), &out[k]));
    return STATUS_OK;
}

extern const struct node_row audio_stereo_rows[];
const struct node_row audio_stereo_rows[] = {
    {"pan : in, pan=0, *law=power|linear -> l r",
     "Pans one signal to two: -1 left, 1 right; the power law keeps loudness.", NODE_AUDIO, NULL, pan, NULL},
    {"balance : l, r, pan=0 -> l r", "Turns the right channel down for pan below 0, the left above.", NODE_AUDIO, NULL,
     balance, NULL},
    {"width : l, r, width=1 -> l r", "Stereo width: 0 mono, 1 unchanged, above 1 wider.", NODE_AUDIO, NULL, width,
     NULL},
    {"midside : l, r -> m s", "Sum and difference over sqrt 2; applied to them, left and right again.", NODE_AUDIO,
     NULL, midside, NULL},
    {"matrix : *matrix=[[...]...] -> 0 1 2 3 4 5 6 7",
     "Mixes the input channels: port k by row k, up to 8 rows of one number a channel; left out, the channels "
     "themselves.",
     NODE_AUDIO, NULL, matrix, NULL},
    {0},
};
