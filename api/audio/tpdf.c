/* See tpdf.h. The noise is the difference of the two halves of a 64-bit hash: splitmix64's finaliser over the place. */
#include "api/audio/tpdf.h"

#include <math.h>

#include "api/wide.h"

static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static const uint64_t golden = 0x9e3779b97f4a7c15u;

static uint64_t key_of(uint64_t seed, uint32_t channel)
{
    return mixed(mixed(seed + golden) + channel);
}

static inline double noise_at(uint64_t key, uint64_t frame)
{
    uint64_t bits = mixed(key + frame * golden);
    return ((double)(uint32_t)(bits >> 32) - (double)(uint32_t)bits) * 0x1p-32;
}

double tpdf_noise(uint64_t seed, uint32_t channel, uint64_t frame)
{
    return noise_at(key_of(seed, channel), frame);
}

/* One channel: `noise` is NULL where there is none. */
WIDE static uint64_t quantise(const float *in, size_t n, size_t step, double scale, const double *noise, int32_t *ret)
{
    uint64_t clipped = 0;
    double most = scale - 1;
    for (size_t i = 0; i < n; i++) {
        float v = in[i * step];
        double x = v == v ? floor((double)v * scale + (noise ? noise[i] : 0) + 0.5) : 0;
        clipped += (x < -scale) | (x > most);
        ret[i * step] = (int32_t)(x < -scale ? -scale : x > most ? most : x);
    }
    return clipped;
}

WIDE static void make_noise(uint64_t key, uint64_t at, size_t n, double *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = noise_at(key, at + i);
}

uint64_t tpdf_quantise(const struct tpdf *t, const float *in, size_t n, uint32_t channels, uint64_t at, int32_t *ret)
{
    enum { PART = 512 };
    double noise[PART];
    uint64_t clipped = 0;
    for (uint32_t c = 0; c < channels; c++) {
        for (size_t done = 0; done < n; done += PART) {
            size_t part = n - done < PART ? n - done : PART, place = done * channels + c;
            if (t->on)
                make_noise(key_of(t->seed, c), at + done, part, noise);
            clipped += quantise(in + place, part, channels, t->scale, t->on ? noise : NULL, ret + place);
        }
    }
    return clipped;
}
