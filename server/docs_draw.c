/* See docs_draw.h. Curves are drawn four times as fine both ways and averaged. */
#include "server/docs_draw.h"

#include <math.h>
#include <string.h>

enum { FINE = 4, SIDE = DOCS_TILE * FINE };
enum { GAP = 4, CAPTION = 13, GLYPH = 6, PER_ROW = 6, LETTERS = DOCS_TILE / GLYPH };

static uint8_t to_byte(double v)
{
    return (uint8_t)(v > 0 ? (v < 1 ? v * 255 + 0.5 : 255) : 0); /* NaN is black */
}

void draw_pixels(struct tile *t, const float *values, size_t channels)
{
    bool alpha = channels == 2 || channels == 4;
    for (int i = 0; i < DOCS_TILE * DOCS_TILE; i++) {
        const float *v = values + (size_t)i * channels;
        double ground = ((i / DOCS_TILE / 8 + i % DOCS_TILE / 8) & 1) ? 0.6 : 0.75;
        double a = alpha ? (double)v[channels - 1] : 1;
        a = a > 0 ? (a < 1 ? a : 1) : 0;
        for (size_t c = 0; c < 3; c++) {
            double shown = channels > 2 ? (double)v[c] : (double)v[0];
            t->rgb[i * 3 + (int)c] = to_byte(alpha ? ground + (fmin(fmax(shown, 0), 1) - ground) * a : shown);
        }
    }
}

/* A drawing: what is drawn covers the lines, the lines the paper. */
struct drawing {
    uint8_t ink[SIDE][SIDE];
    uint8_t paper[DOCS_TILE][DOCS_TILE];
};

static void drawing_clear(struct drawing *d)
{
    memset(d->ink, 0, sizeof d->ink);
    memset(d->paper, 255, sizeof d->paper);
}

static void line_across(struct drawing *d, double at, bool vertical, uint8_t shade)
{
    int k = (int)floor(at * DOCS_TILE);
    for (int i = 0; i < DOCS_TILE && at >= 0 && k >= 0 && k < DOCS_TILE; i++) {
        uint8_t *p = vertical ? &d->paper[i][k] : &d->paper[k][i];
        *p = *p < shade ? *p : shade;
    }
}

/* Ink from y = a to y = b (0 top, 1 bottom) in a fine column and as wide as a pen around it. */
static void stroke(struct drawing *d, int column, double a, double b)
{
    const double pen = 2.5;
    double top = fmin(a, b) * SIDE, bottom = fmax(a, b) * SIDE;
    if (!(top < SIDE + pen && bottom > -pen))
        return;
    for (int dx = -(int)pen; dx <= (int)pen; dx++) {
        int x = column + dx;
        double reach = sqrt(pen * pen - dx * dx);
        int from = (int)fmax(top - reach, 0), to = (int)fmin(bottom + reach, SIDE - 1);
        for (int y = from; y <= to && x >= 0 && x < SIDE; y++)
            d->ink[y][x] = 1;
    }
}

static void drawing_put(const struct drawing *d, struct tile *t)
{
    static const double blue[3] = {0.10, 0.28, 0.52};
    for (int y = 0; y < DOCS_TILE; y++)
        for (int x = 0; x < DOCS_TILE; x++) {
            int n = 0;
            for (int i = 0; i < FINE * FINE; i++)
                n += d->ink[y * FINE + i / FINE][x * FINE + i % FINE];
            double cover = n / (double)(FINE * FINE), paper = d->paper[y][x] / 255.0;
            for (int c = 0; c < 3; c++)
                t->rgb[(y * DOCS_TILE + x) * 3 + c] = to_byte(paper + (blue[c] - paper) * cover);
        }
}

/* The ink of samples spread over the width; lo is the bottom. */
static void ink_samples(struct drawing *d, const float *values, size_t n, double lo, double hi)
{
    double last = NAN;
    for (int x = 0; x < SIDE; x++) {
        double at = n > 1 ? (double)x * (double)(n - 1) / (SIDE - 1) : 0;
        size_t from = (size_t)at, to = n > SIDE ? (size_t)((double)(x + 1) * (double)(n - 1) / (SIDE - 1)) : from;
        double f = n > SIDE ? 0 : at - (double)from;
        double next = from + 1 < n ? (double)values[from + 1] : (double)values[from];
        double v = f > 0 ? (double)values[from] + (next - (double)values[from]) * f : (double)values[from];
        double least = v, most = v;
        for (size_t i = from; i < to && i < n; i++) {
            least = fmin(least, (double)values[i]);
            most = fmax(most, (double)values[i]);
        }
        least = isnan(last) ? least : fmin(least, last);
        most = isnan(last) ? most : fmax(most, last);
        if (isfinite(least) && isfinite(most) && !isnan(v))
            stroke(d, x, 1 - (most - lo) / (hi - lo), 1 - (least - lo) / (hi - lo));
        last = isfinite(v) ? v : NAN;
    }
}

static void whole_lines(struct drawing *d, double lo, double hi, bool vertical)
{
    for (int k = (int)ceil(lo); k <= hi && hi - lo <= 20; k++) {
        double at = (k - lo) / (hi - lo);
        line_across(d, vertical ? at : 1 - at, vertical, k == 0 ? 160 : 225);
    }
}

void draw_curve(struct tile *t, const float *values, size_t n, const double range[4])
{
    static struct drawing d;
    drawing_clear(&d);
    whole_lines(&d, range[0], range[1], true);
    whole_lines(&d, range[2], range[3], false);
    ink_samples(&d, values, n, range[2], range[3]);
    drawing_put(&d, t);
}

void draw_wave(struct tile *t, const float *values, size_t n, double lo, double hi)
{
    static struct drawing d;
    drawing_clear(&d);
    whole_lines(&d, lo, hi, false);
    ink_samples(&d, values, n, lo, hi);
    drawing_put(&d, t);
}

static double frequency_at(double part)
{
    return 20 * pow(1000, part);
}

/* |sum v[i] window[i] e^(-iwt)|; window may be NULL. */
static double magnitude(const float *v, size_t n, const double *window, double hz)
{
    double c = cos(2 * M_PI * hz / DOCS_RATE), s = -sin(2 * M_PI * hz / DOCS_RATE);
    double re = 1, im = 0, sum_re = 0, sum_im = 0;
    for (size_t i = 0; i < n; i++) {
        double x = window ? (double)v[i] * window[i] : (double)v[i], was = re;
        sum_re += x * re;
        sum_im += x * im;
        re = was * c - im * s;
        im = was * s + im * c;
    }
    return hypot(sum_re, sum_im);
}

static double decibels(double magnitude_)
{
    return 20 * log10(fmax(magnitude_, 1e-9));
}

enum { WINDOW = 2048 };

static const double *hann(void)
{
    static double window[WINDOW];
    for (int i = 0; i < WINDOW; i++)
        window[i] = (0.5 - 0.5 * cos(2 * M_PI * i / WINDOW)) * sqrt(8.0 / 3 / WINDOW);
    return window;
}

/* Root mean power density over windows that overlap by half. */
static double level(const float *v, size_t n, const double *window, double hz)
{
    double sum = 0;
    size_t count = 0;
    for (size_t from = 0; from + WINDOW <= n; from += WINDOW / 2, count++) {
        double m = magnitude(v + from, WINDOW, window, hz);
        sum += m * m;
    }
    return count ? sqrt(sum / (double)count) : 0;
}

void draw_spectrum(struct tile *t, const float *values, size_t n, bool impulse, double lo, double hi)
{
    enum { POINTS = DOCS_TILE * 2 };
    static struct drawing d;
    float curve[POINTS];
    const double *window = hann();
    drawing_clear(&d);
    for (int decade = 100; decade < 20000; decade *= 10)
        line_across(&d, log10(decade / 20.0) / 3, true, 225);
    for (int db = (int)ceil(lo / 20) * 20; db <= hi; db += 20)
        line_across(&d, 1 - (db - lo) / (hi - lo), false, db == 0 ? 160 : 225);
    for (int i = 0; i < POINTS; i++) {
        double hz = frequency_at(i / (double)(POINTS - 1));
        curve[i] = (float)decibels(impulse ? magnitude(values, n, NULL, hz) : level(values, n, window, hz));
    }
    ink_samples(&d, curve, POINTS, lo, hi);
    drawing_put(&d, t);
}

void draw_spectrogram(struct tile *t, const float *values, size_t n, double lo, double hi)
{
    const double *window = hann();
    for (int x = 0; x < DOCS_TILE; x++) {
        size_t from = n > WINDOW ? (n - WINDOW) * (size_t)x / (DOCS_TILE - 1) : 0;
        for (int y = 0; y < DOCS_TILE; y++) {
            double hz = frequency_at(1 - y / (double)(DOCS_TILE - 1));
            double db = n >= WINDOW ? decibels(magnitude(values + from, WINDOW, window, hz)) : lo;
            memset(t->rgb + (y * DOCS_TILE + x) * 3, to_byte((db - lo) / (hi - lo)), 3);
        }
    }
}

int tile_difference(const struct tile *a, const struct tile *b)
{
    int most = 0;
    for (int i = 0; i < DOCS_TILE_BYTES; i++) {
        int d = a->rgb[i] > b->rgb[i] ? a->rgb[i] - b->rgb[i] : b->rgb[i] - a->rgb[i];
        most = d > most ? d : most;
    }
    return most;
}

int tile_contrast(const struct tile *t)
{
    int least = 255, most = 0;
    for (int i = 0; i < DOCS_TILE_BYTES; i++) {
        least = t->rgb[i] < least ? t->rgb[i] : least;
        most = t->rgb[i] > most ? t->rgb[i] : most;
    }
    return most - least;
}

static bool has_colour(const struct tile *t)
{
    for (int i = 0; i < DOCS_TILE_BYTES; i += 3)
        if (t->rgb[i] != t->rgb[i + 1] || t->rgb[i] != t->rgb[i + 2])
            return true;
    return false;
}

/* A letter of the caption at (x, y). */
static void put_letter(const struct raster *r, size_t x, size_t y, char letter)
{
    unsigned code = (unsigned char)letter;
    code += code >= 'A' && code <= 'Z' ? 'a' - 'A' : 0;
    for (size_t row = 0; row < DOCS_GLYPH_HEIGHT && code < 128; row++)
        for (size_t column = 0; column < 5; column++)
            if (docs_font[code][row] >> (4 - column) & 1)
                memset(r->data + ((y + row) * r->width + x + column) * r->channels, 40, r->channels);
}

static void put_tile(const struct raster *r, size_t x, size_t y, const struct tile *t)
{
    for (size_t row = 0; row < DOCS_TILE; row++)
        for (size_t column = 0; column < DOCS_TILE; column++)
            memcpy(r->data + ((y + row) * r->width + x + column) * r->channels, t->rgb + (row * DOCS_TILE + column) * 3,
                   r->channels);
    size_t n = strlen(t->caption);
    for (size_t i = 0; i < n && i < LETTERS; i++)
        put_letter(r, x + i * GLYPH, y + DOCS_TILE + 3, n > LETTERS && i >= LETTERS - 2 ? '.' : t->caption[i]);
}

struct raster sheet_make(struct arena *a, const struct tile *tiles, size_t n)
{
    size_t columns = n < PER_ROW ? n : PER_ROW, rows = (n + PER_ROW - 1) / PER_ROW;
    struct raster r = {.width = (uint32_t)(columns * (DOCS_TILE + GAP) + GAP),
                       .height = (uint32_t)(rows * (DOCS_TILE + CAPTION) + GAP),
                       .channels = 1,
                       .bits = 8};
    for (size_t i = 0; i < n; i++)
        r.channels = has_colour(&tiles[i]) ? 3 : r.channels;
    r.data = arena_alloc(a, raster_row_bytes(&r) * r.height);
    memset(r.data, 255, raster_row_bytes(&r) * r.height);
    for (size_t i = 0; i < n; i++)
        put_tile(&r, GAP + i % PER_ROW * (DOCS_TILE + GAP), GAP + i / PER_ROW * (DOCS_TILE + CAPTION), &tiles[i]);
    return r;
}
