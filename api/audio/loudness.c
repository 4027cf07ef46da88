/* See loudness.h. */
#include "api/audio/loudness.h"

#include <ebur128.h>
#include <math.h>
#include <stdlib.h>

#include "api/bytes/memory.h"

enum { TAKEN_MOST = 1 << 20 /* bytes that libebur128 takes beside a window of samples */ };

struct loudness {
    ebur128_state *state;
    bool failed, peaks;
};

enum status loudness_new(uint32_t channels, double rate, bool peaks, struct loudness **ret, struct fault *fault)
{
    int mode = peaks ? EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK : EBUR128_MODE_I;
    struct loudness *l = memory_probe(TAKEN_MOST) ? calloc(1, sizeof *l) : NULL;
    if (!l)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory to measure the loudness");
    l->state = ebur128_init(channels, (unsigned long)rint(rate), mode);
    l->peaks = peaks;
    if (!l->state) {
        free(l);
        return fault_add(fault, STATUS_BAD_FIELD, "", 0, "loudness of %u channels at %.9g Hz is not measured", channels,
                         rate);
    }
    *ret = l;
    return STATUS_OK;
}

void loudness_free(struct loudness *l)
{
    if (l)
        ebur128_destroy(&l->state);
    free(l);
}

void loudness_add(struct loudness *l, const float *interleaved, size_t frames)
{
    if (l)
        l->failed |= ebur128_add_frames_float(l->state, interleaved, frames) != EBUR128_SUCCESS;
}

static double decibels(double peak)
{
    return peak > 0 ? 20 * log10(peak) : -INFINITY;
}

enum status loudness_result(const struct loudness *l, struct loudness_result *ret, struct fault *fault)
{
    double peak = 0, true_peak = 0, lufs = -INFINITY;
    bool good = !l->failed && ebur128_loudness_global(l->state, &lufs) == EBUR128_SUCCESS;
    for (unsigned c = 0; c < l->state->channels && good && l->peaks; c++) {
        double sample, between;
        good = ebur128_sample_peak(l->state, c, &sample) == EBUR128_SUCCESS &&
               ebur128_true_peak(l->state, c, &between) == EBUR128_SUCCESS;
        peak = good ? fmax(peak, sample) : peak;
        true_peak = good ? fmax(true_peak, between) : true_peak;
    }
    if (!good)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory to measure the loudness");
    *ret = (struct loudness_result){lufs, decibels(peak), decibels(true_peak)};
    return STATUS_OK;
}

/* A thousandth of a decibel is enough, and rounds away what two mathematics libraries may differ in. */
float loudness_gain(double from_lufs, double to_lufs)
{
    return (float)pow(10, rint((to_lufs - from_lufs) * 1000) / 20000);
}
