/* Vectors of 2 to 4 components; a scalar counts as a vector of one, and beside a vector as that number in every
 * component. */
#include "core/nodes/math_parts.h"

static struct val part(const struct node_args *args, int input, int c)
{
    return args->vec[input][args->dims[input] > 1 ? c : 0];
}

/* Components that two vector inputs have in common. */
static enum status shared_dims(struct build *b, const struct node_args *args, int *ret_dims)
{
    int m = args->dims[0], n = args->dims[1];
    if (m != n && m != 1 && n != 1)
        return fault_add(b->fault, STATUS_BAD_GRAPH, b->pointer, 0, "%s of vectors of %d and of %d components",
                         args->def->name, m, n);
    *ret_dims = m > n ? m : n;
    return STATUS_OK;
}

static struct val dot(struct build *b, const struct val *x, const struct val *y, int n)
{
    struct val sum = b_mul(b, x[0], y[0]);
    for (int i = 1; i < n; i++)
        sum = b_fma(b, x[i], y[i], sum);
    return sum;
}

static enum status build_dot(struct build *b, const struct node_args *args, struct val *out)
{
    struct val x[4], y[4];
    int n;
    TRY(shared_dims(b, args, &n));
    for (int i = 0; i < n; i++) {
        x[i] = part(args, 0, i);
        y[i] = part(args, 1, i);
    }
    *out = dot(b, x, y, n);
    return STATUS_OK;
}

static enum status build_distance(struct build *b, const struct node_args *args, struct val *out)
{
    struct val d[4];
    int n;
    TRY(shared_dims(b, args, &n));
    for (int i = 0; i < n; i++)
        d[i] = b_sub(b, part(args, 0, i), part(args, 1, i));
    *out = n == 1 ? b_abs(b, d[0]) : b_sqrt(b, dot(b, d, d, n));
    return STATUS_OK;
}

static enum status build_reflect(struct build *b, const struct node_args *args, struct val *out)
{
    struct val twice;
    int n;
    TRY(shared_dims(b, args, &n));
    TRY(build_dot(b, args, &twice));
    twice = b_mulc(b, twice, -2);
    for (int i = 0; i < n; i++)
        out[i] = b_fma(b, twice, part(args, 1, i), part(args, 0, i));
    return STATUS_OK;
}

static enum status build_cross(struct build *b, const struct node_args *args, struct val *out)
{
    const struct val *x = args->vec[0], *y = args->vec[1];
    if (args->dims[0] != 3 || args->dims[1] != 3)
        return fault_add(b->fault, STATUS_BAD_GRAPH, b->pointer, 0,
                         "cross takes two vectors of 3 components, not %d and %d", args->dims[0], args->dims[1]);
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        out[i] = b_fma(b, x[j], y[k], b_neg(b, b_mul(b, x[k], y[j])));
    }
    return STATUS_OK;
}

static enum status build_length(struct build *b, const struct node_args *args, struct val *out)
{
    const struct val *v = args->vec[0];
    *out = args->dims[0] == 1 ? b_abs(b, v[0]) : b_sqrt(b, dot(b, v, v, args->dims[0]));
    return STATUS_OK;
}

/* A vector of length 0 stays. */
static enum status build_normalize(struct build *b, const struct node_args *args, struct val *out)
{
    struct val length, zero = b_f32(b, 0);
    TRY(build_length(b, args, &length));
    length = b_select(b, b_eq(b, length, zero), b_f32(b, 1), length);
    for (int i = 0; i < args->dims[0]; i++)
        out[i] = b_div(b, args->vec[0][i], length);
    return STATUS_OK;
}

static enum status build_vec(struct build *b, const struct node_args *args, struct val *out)
{
    (void)b;
    for (size_t i = 0; i < args->def->n_inputs; i++)
        out[i] = args->in[i];
    return STATUS_OK;
}

/* c + (c - luminance) amount in red, green and blue; alpha, and what is no colour, stays. */
static enum status build_saturation(struct build *b, const struct node_args *args, struct val *out)
{
    const struct val *v = args->vec[0];
    for (int i = 0; i < args->dims[0]; i++)
        out[i] = v[i];
    if (args->dims[0] < 3)
        return STATUS_OK;
    struct val luminance = b_mulc(b, v[0], 0.2126);
    luminance = b_fma(b, v[1], b_f32(b, 0.7152), luminance);
    luminance = b_fma(b, v[2], b_f32(b, 0.0722), luminance);
    for (int i = 0; i < 3; i++)
        out[i] = b_fma(b, b_sub(b, v[i], luminance), args->in[1], v[i]);
    return STATUS_OK;
}

const struct node_row math_vector_rows[] = {
    {"dot : a:vec, b:vec", "Scalar product.", 0, NULL, build_dot, NULL},
    {"distance : a:vec, b:vec", "Length of a - b.", 0, NULL, build_distance, NULL},
    {"reflect : a:vec, b:vec", "a reflected at the plane with the unit normal b: a - 2 dot(a, b) b.", NODE_VECTOR, NULL,
     build_reflect, NULL},
    {"cross : a:vec, b:vec -> x y z", "Vector product of two vectors of three components.", NODE_VECTOR, NULL,
     build_cross, NULL},
    {"length : v:vec", "Euclidean length; its square must stay in range.", 0, NULL, build_length, NULL},
    {"normalize : v:vec", "v at length 1; a vector of length 0 stays.", NODE_VECTOR, NULL, build_normalize, NULL},
    {"vec2 : x, y -> x y", "A vector of two components.", NODE_VECTOR, NULL, build_vec, NULL},
    {"vec3 : x, y, z -> x y z", "A vector of three components.", NODE_VECTOR, NULL, build_vec, NULL},
    {"vec4 : x, y, z, w -> x y z w", "A vector of four components.", NODE_VECTOR, NULL, build_vec, NULL},
    {"saturation : x:vec, amount", "Colourfulness: 0 changes nothing, -1 is grey; x is r g b or r g b a.", NODE_VECTOR,
     NULL, build_saturation, NULL},
    {0},
};
