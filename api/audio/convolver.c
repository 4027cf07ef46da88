/* See convolver.h. The first HEAD samples of a response are a sum in f64; the rest is cut into three levels of equal
 * partitions, which grow with their distance (W. G. Gardner, "Efficient convolution without input-output delay", JAES
 * 1995; the partitions of a level share their transforms: overlap-save with a frequency-domain delay line):
 *
 *     samples 0..64    64..512            512..4096           4096..
 *             sum      7 partitions of 64 7 partitions of 512 partitions of 4096
 *
 * A level's partitions begin one block behind, so when a block of its input is whole, all it adds to the next block is
 * known. Blocks begin at multiples of their size, counted from the stream's first sample. */
#include "api/audio/convolver.h"

#include <kiss_fftr.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/interp.h"

enum { HEAD = 64, LEVELS = 3, PAD = 4 /* bins: block + 1, rounded up to whole vectors */ };
static const uint32_t blocks[LEVELS] = {64, 512, 4096};
static const uint64_t ends[LEVELS] = {512, 4096, UINT64_MAX};

typedef float vec4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef double vec2 __attribute__((vector_size(16), aligned(8), may_alias));

/* Spectra are block + PAD real parts, then as many imaginary parts. */
struct level {
    uint32_t block, parts; /* parts 0: the response ends before */
    float *spectra;        /* of the partitions, divided by 2 block */
    kiss_fftr_cfg forward, inverse;
    kiss_fft_cpx *bins; /* block + 1 */
    float *sum, *frame; /* a spectrum; 2 block samples */
};

struct response {
    atomic_uint refs;
    uint32_t n_head;
    double head[HEAD];
    struct level levels[LEVELS];
};

/* A level's state: 2 block samples, of which the second half is being filled; block samples to add to the block that is
 * being made; a spectrum for each partition, that of block q at q % parts. */
struct level_state {
    float *input, *tail, *spectra;
};

static uint64_t parts_of(uint64_t n, int level)
{
    uint64_t begin = blocks[level], end = n < ends[level] ? n : ends[level];
    return n > begin ? (end - begin + blocks[level] - 1) / blocks[level] : 0;
}

static size_t spectrum_floats(uint32_t block)
{
    return 2 * ((size_t)block + PAD);
}

/* The first level's input is the head's, too. */
static uint64_t state_floats(uint32_t block, uint64_t parts)
{
    return parts || block == HEAD ? 3 * (uint64_t)block + parts * spectrum_floats(block) : 0;
}

uint64_t convolver_state_bytes(uint64_t n)
{
    uint64_t floats = 0;
    for (int i = 0; i < LEVELS; i++)
        floats += state_floats(blocks[i], parts_of(n, i));
    return floats * sizeof(float);
}

uint64_t response_bytes(uint64_t n)
{
    uint64_t floats = 0;
    for (int i = 0; i < LEVELS; i++)
        if (parts_of(n, i)) /* spectra, and what the library and a level work in */
            floats += (parts_of(n, i) + 1) * spectrum_floats(blocks[i]) + 18 * (uint64_t)blocks[i];
    return sizeof(struct response) + floats * sizeof(float);
}

/* 2 block samples of l->frame to a spectrum. */
static void transform(struct level *l, float *spectrum)
{
    float *re = spectrum, *im = spectrum + l->block + PAD;
    kiss_fftr(l->forward, l->frame, l->bins);
    for (uint32_t i = 0; i <= l->block; i++) {
        re[i] = l->bins[i].r;
        im[i] = l->bins[i].i;
    }
}

static bool level_init(struct level *l, const float *h, uint64_t n, int index)
{
    uint32_t block = blocks[index];
    uint64_t parts = parts_of(n, index);
    size_t spectrum = spectrum_floats(block);
    *l = (struct level){.block = block, .parts = (uint32_t)parts};
    if (!parts)
        return true;
    l->spectra = calloc((size_t)parts * spectrum, sizeof(float));
    l->sum = calloc(spectrum, sizeof(float));
    l->frame = calloc(2 * (size_t)block, sizeof(float));
    l->bins = calloc((size_t)block + 1, sizeof *l->bins);
    l->forward = kiss_fftr_alloc((int)(2 * block), 0, NULL, NULL);
    l->inverse = kiss_fftr_alloc((int)(2 * block), 1, NULL, NULL);
    if (!l->spectra || !l->sum || !l->frame || !l->bins || !l->forward || !l->inverse)
        return false;
    for (uint64_t p = 0; p < parts; p++) {
        uint64_t begin = block + p * block, have = n - begin < block ? n - begin : block;
        float *to = l->spectra + p * spectrum, scale = 0.5f / (float)block; /* a power of two */
        memset(l->frame, 0, 2 * (size_t)block * sizeof(float));
        memcpy(l->frame, h + begin, (size_t)have * sizeof(float));
        transform(l, to);
        for (size_t i = 0; i < spectrum; i++)
            to[i] *= scale;
    }
    return true;
}

struct response *response_new(const float *h, uint64_t n)
{
    struct response *r = calloc(1, sizeof *r);
    bool whole = r != NULL;
    if (!r)
        return NULL;
    atomic_init(&r->refs, 1);
    unsigned saved = fp_state_enter();
    r->n_head = n < HEAD ? (uint32_t)n : HEAD;
    for (uint32_t i = 0; i < r->n_head; i++)
        r->head[i] = (double)h[i];
    for (int i = 0; i < LEVELS && whole; i++)
        whole = level_init(&r->levels[i], h, n, i);
    fp_state_leave(saved);
    if (!whole) {
        response_unref(r);
        return NULL;
    }
    return r;
}

struct response *response_ref(struct response *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void response_unref(struct response *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    for (int i = 0; i < LEVELS; i++) {
        struct level *l = &r->levels[i];
        kiss_fftr_free(l->forward);
        kiss_fftr_free(l->inverse);
        free(l->spectra);
        free(l->sum);
        free(l->frame);
        free(l->bins);
    }
    free(r);
}

static void place(const struct response *r, float *state, struct level_state *ret)
{
    for (int i = 0; i < LEVELS; i++) {
        const struct level *l = &r->levels[i];
        ret[i] = (struct level_state){state, state + 2 * (size_t)l->block, state + 3 * (size_t)l->block};
        state += state_floats(l->block, l->parts);
    }
}

/* l->sum += a b, bin by bin. Elements do not meet, so however wide a machine adds, the bits are the same. */
static void add_product(struct level *l, const float *a, const float *b)
{
    size_t half = (size_t)l->block + PAD;
    for (size_t i = 0; i < half; i += 4) {
        vec4 ar = *(const vec4 *)(a + i), ai = *(const vec4 *)(a + half + i);
        vec4 br = *(const vec4 *)(b + i), bi = *(const vec4 *)(b + half + i);
        *(vec4 *)(l->sum + i) += ar * br - ai * bi;
        *(vec4 *)(l->sum + half + i) += ar * bi + ai * br;
    }
}

/* Block q of a level's input is whole: what it and those before it add to block q + 1. */
static void end_block(struct level *l, const struct level_state *s, uint64_t q)
{
    size_t spectrum = spectrum_floats(l->block);
    memcpy(l->frame, s->input, 2 * (size_t)l->block * sizeof(float));
    memcpy(s->input, s->input + l->block, l->block * sizeof(float));
    transform(l, s->spectra + q % l->parts * spectrum);
    memset(l->sum, 0, spectrum * sizeof(float));
    for (uint32_t p = l->parts; p-- > 0;) { /* what is oldest, and mostly softest, first */
        uint64_t block = (q % l->parts + l->parts - p) % l->parts;
        add_product(l, l->spectra + p * spectrum, s->spectra + block * spectrum);
    }
    for (uint32_t i = 0; i <= l->block; i++)
        l->bins[i] = (kiss_fft_cpx){l->sum[i], l->sum[l->block + PAD + i]};
    kiss_fftri(l->inverse, l->bins, l->frame);
    memcpy(s->tail, l->frame + l->block, l->block * sizeof(float));
}

/* m <= HEAD samples, the first being sample `at` of the first level's block, by the response's first samples. */
static void sum_head(const struct response *r, const float *input, uint32_t at, uint32_t m, double *ret)
{
    double window[2 * HEAD + 8] = {0}; /* sample i of the output is window[HEAD + i] */
    for (uint32_t i = 0; i < HEAD + m; i++)
        window[i] = (double)input[at + i];
    for (uint32_t i = 0; i < m; i += 8) {
        vec2 sum[4] = {{0}};
        for (uint32_t k = 0; k < r->n_head; k++) {
            const double *x = window + HEAD + i - k;
            vec2 h = {r->head[k], r->head[k]};
            for (int j = 0; j < 4; j++)
                sum[j] += h * *(const vec2 *)(x + 2 * j);
        }
        memcpy(ret + i, sum, sizeof sum);
    }
}

static float contained(float x)
{
    const float most = 0x1p40f;
    if (!(x - x == 0))
        return 0; /* infinite, or no number */
    return x > most ? most : x < -most ? -most : x;
}

/* Up to HEAD samples that do not cross a block of the first level. */
static void run_piece(struct response *r, const struct level_state *s, uint64_t n0, const float *in, float *out,
                      uint32_t m)
{
    float x[HEAD];
    double sum[HEAD + 8];
    for (uint32_t i = 0; i < m; i++)
        x[i] = contained(in[i]);
    for (int k = 0; k < LEVELS; k++)
        if (r->levels[k].parts || k == 0)
            memcpy(s[k].input + blocks[k] + n0 % blocks[k], x, m * sizeof *x);
    sum_head(r, s[0].input, (uint32_t)(n0 % HEAD), m, sum);
    for (int k = 0; k < LEVELS; k++)
        for (uint32_t i = 0; i < m && r->levels[k].parts; i++)
            sum[i] += (double)s[k].tail[n0 % blocks[k] + i];
    for (uint32_t i = 0; i < m; i++)
        out[i] = (float)sum[i];
    for (int k = 0; k < LEVELS; k++) {
        uint64_t next = n0 + m;
        if (next % blocks[k])
            break; /* then no greater block ends either */
        if (r->levels[k].parts)
            end_block(&r->levels[k], &s[k], next / blocks[k] - 1);
        else if (k == 0)
            memmove(s[0].input, s[0].input + HEAD, HEAD * sizeof(float));
    }
}

void convolver_run(struct response *r, float *state, uint64_t n0, const float *in, float *out, uint32_t n)
{
    struct level_state s[LEVELS];
    place(r, state, s);
    for (uint32_t at = 0, m; at < n; at += m) {
        uint32_t left = HEAD - (uint32_t)((n0 + at) % HEAD);
        m = n - at < left ? n - at : left;
        run_piece(r, s, n0 + at, in + at, out + at, m);
    }
}
