/* See tpdf.h. The noise is the difference of the two halves of a 64-bit hash: splitmix64's finaliser over the place. */
#include "api/tpdf.h"

#include <math.h>

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

uint64_t tpdf_quantise(const struct tpdf *t, const float *in, size_t n, uint32_t channels, uint64_t at, int32_t *ret)
{
    uint64_t clipped = 0;
    double most = t->scale - 1;
    for (uint32_t c = 0; c < channels; c++) {
        uint64_t key = key_of(t->seed, c);
        for (size_t i = 0; i < n; i++) {
            float v = in[i * channels + c];
            double noise = t->on ? noise_at(key, at + i) : 0;
            double x = v == v ? floor((double)v * t->scale + noise + 0.5) : 0;
            clipped += (x < -t->scale) | (x > most);
            ret[i * channels + c] = (int32_t)(x < -t->scale ? -t->scale : x > most ? most : x);
        }
    }
    return clipped;
}
