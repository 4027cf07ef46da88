/* See tail.h. */
#include "api/audio/tail.h"

#include <math.h>

static const float audible = 1e-5f; /* -100 dB */

void tail_begin(struct tail *t, uint64_t input)
{
    *t = (struct tail){.input = input, .end = input};
}

void tail_wait(struct tail *t, double rate, uint64_t delayed)
{
    t->patience = delayed + (uint64_t)ceil(rate / 10) + 1;
}

static bool is_loud(float *const *planes, uint32_t channels, uint32_t i)
{
    for (uint32_t c = 0; c < channels; c++)
        if (!(fabsf(planes[c][i]) < audible)) /* a NaN is no silence */
            return true;
    return false;
}

bool tail_hear(struct tail *t, float *const *planes, uint32_t channels, uint64_t at, uint32_t n)
{
    uint32_t first = at >= t->input ? 0 : t->input - at < n ? (uint32_t)(t->input - at) : n;
    for (uint32_t i = first; i < n && !t->ended; i++) {
        t->ended = at + i - t->end >= t->patience;
        if (!t->ended && is_loud(planes, channels, i))
            t->end = at + i + 1;
    }
    return t->ended;
}
