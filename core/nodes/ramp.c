/* Colour ramps: stops of (position, colour), evaluated as a chain of selections and interpolations over the
 * neighbouring stops.
 *
 *     linear    between two stops; before the first and behind the last, their colours
 *     constant  the colour of the stop at or before the input
 *     ease      linear with 3t^2 - 2t^3 for t
 *     cubic     Catmull-Rom through the stops' colours (uniform parameter, end stops doubled), clamped to 0..1
 *
 * Two stops at one place are an edge. Colours are taken as they are written; srgb_to_linear is another node. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/node.h"

enum interpolation { LINEAR, CONSTANT, EASE, CUBIC };

enum { STOPS_MAX = 64 };

struct stop {
    double at, colour[4];
};

static const struct stop black_to_white[] = {{0, {0, 0, 0, 1}}, {1, {1, 1, 1, 1}}};

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c | ((c >= 'A' && c <= 'F') ? 32 : 0)) : NULL;
    return p ? (int)(p - digits) : -1;
}

/* "#rgb", "#rrggbb", "#rrggbbaa" */
static bool read_hex(const char *text, double colour[4])
{
    size_t n = strlen(text);
    int digits[9];
    if (text[0] != '#' || (n != 4 && n != 7 && n != 9))
        return false;
    for (size_t i = 1; i < n; i++)
        if ((digits[i - 1] = hex_digit(text[i])) < 0)
            return false;
    for (size_t i = 0; i < 4; i++)
        colour[i] = n == 4            ? (i < 3 ? digits[i] / 15.0 : 1)
                    : i < (n - 1) / 2 ? (digits[2 * i] * 16 + digits[2 * i + 1]) / 255.0
                                      : 1;
    return true;
}

static bool read_colour(const struct datum *d, double colour[4])
{
    colour[3] = 1;
    if (d->kind == DATUM_STRING)
        return read_hex(d->string, colour);
    if (d->kind != DATUM_LIST || (d->n != 3 && d->n != 4))
        return false;
    for (size_t i = 0; i < d->n; i++) {
        if (d->items[i].kind != DATUM_NUMBER)
            return false;
        colour[i] = d->items[i].number;
    }
    return true;
}

static enum status read_stops(struct build *b, const struct datum *list, struct stop *ret, int *ret_n)
{
    const char *pointer = arena_printf(b->fault->arena, "%s/stops", b->pointer);
    if (!list) {
        memcpy(ret, black_to_white, sizeof black_to_white);
        *ret_n = 2;
        return STATUS_OK;
    }
    if (list->kind != DATUM_LIST || list->n < 1)
        return fault_add(b->fault, STATUS_BAD_GRAPH, pointer, 0, "stops is a list of [position, colour]");
    if (list->n > STOPS_MAX)
        return fault_limit(b->fault, "ramp-stops", pointer, "%zu stops; at most %d are taken", list->n, STOPS_MAX);
    for (size_t i = 0; i < list->n; i++) {
        const struct datum *s = &list->items[i];
        if (s->kind != DATUM_LIST || s->n != 2 || s->items[0].kind != DATUM_NUMBER ||
            !read_colour(&s->items[1], ret[i].colour))
            return fault_add(
                b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%zu", pointer, i), 0,
                "a stop is [position, \"#rrggbb\"] or [position, [r, g, b]] or with a fourth number for alpha");
        ret[i].at = s->items[0].number;
        if (i && ret[i].at < ret[i - 1].at)
            return fault_add(b->fault, STATUS_BAD_GRAPH, arena_printf(b->fault->arena, "%s/%zu/0", pointer, i), 0,
                             "stops come in ascending order");
    }
    *ret_n = (int)list->n;
    return STATUS_OK;
}

/* Polynomials in t of one segment and one component: c0 + c1 t + c2 t^2 + c3 t^3. */
static void segment(const struct stop *s, int n, int i, int c, enum interpolation kind, double ret[4])
{
    double p1 = s[i].colour[c], p2 = s[i + 1].colour[c];
    double p0 = s[i ? i - 1 : 0].colour[c], p3 = s[i + 2 < n ? i + 2 : n - 1].colour[c];
    memset(ret, 0, 4 * sizeof *ret);
    ret[0] = p1;
    if (kind == LINEAR) {
        ret[1] = p2 - p1;
    } else if (kind == EASE) {
        ret[2] = 3 * (p2 - p1);
        ret[3] = -2 * (p2 - p1);
    } else if (kind == CUBIC) {
        ret[1] = (p2 - p0) / 2;
        ret[2] = p0 - 2.5 * p1 + 2 * p2 - p3 / 2;
        ret[3] = (p3 - p0) / 2 + 1.5 * (p1 - p2);
    }
}

/* Selects, per sample, the segment's constants; then evaluates them once. */
static enum status ramp(struct build *b, const struct node_args *args, struct val *out)
{
    struct stop s[STOPS_MAX];
    int n = 0, kind;
    TRY(read_stops(b, args->shape[1], s, &n));
    TRY(node_choice(b, args, 2, &kind));
    struct val x = args->in[0], passed[STOPS_MAX], t = VAL_NONE;
    for (int i = 0; i < n; i++)
        passed[i] = b_ge(b, x, b_f32(b, s[i].at));
    for (int i = 0; i + 1 < n && kind != CONSTANT; i++) { /* t of the segment x lies in; 0 before the first */
        double slope = 1 / (s[i + 1].at - s[i].at);
        struct val here = slope <= FLT_MAX ? b_mulc(b, b_addc(b, x, -s[i].at), slope)
                                           : b_select(b, passed[i], b_f32(b, 1), b_f32(b, 0));
        t = i ? b_select(b, passed[i], here, t) : here;
    }
    if (t.i)
        t = b_clamp(b, t, b_f32(b, 0), b_f32(b, 1));
    for (int c = 0; c < 4; c++) {
        struct val k[4] = {{0}};
        int terms = kind == CONSTANT || n == 1 ? 1 : kind == LINEAR ? 2 : 4;
        for (int i = 0; i < (terms == 1 ? n : n - 1); i++) {
            double poly[4] = {s[i].colour[c]};
            if (terms > 1)
                segment(s, n, i, c, (enum interpolation)kind, poly);
            for (int d = 0; d < terms; d++)
                k[d] = i ? b_select(b, passed[i], b_f32(b, poly[d]), k[d]) : b_f32(b, poly[d]);
        }
        out[c] = k[terms - 1];
        for (int d = terms - 2; d >= 0; d--)
            out[c] = b_fma(b, out[c], t, k[d]);
        if (kind == CUBIC && terms > 1)
            out[c] = b_clamp(b, out[c], b_f32(b, 0), b_f32(b, 1));
    }
    return STATUS_OK;
}

extern const struct node_row ramp_rows[];
const struct node_row ramp_rows[] = {
    {"ramp : in, *stops=[[pos, colour]...], *interp=linear|constant|ease|cubic -> r g b a",
     "Maps a number to a colour through stops of [position, colour]; default black at 0 to white at 1.", NODE_VECTOR,
     NULL, ramp, NULL},
    {0},
};
