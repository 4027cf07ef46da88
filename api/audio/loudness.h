/* Loudness (ITU-R BS.1770, EBU R 128) and peaks of a track, through libebur128. Channels count as a WAV's: left, right,
 * centre, LFE (which does not count), surrounds. */
#ifndef API_LOUDNESS_H
#define API_LOUDNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fault.h"

struct loudness; /* NULL is one that hears nothing */
/* `peaks`: those too, which take as long again. */
enum status loudness_new(uint32_t channels, double rate, bool peaks, struct loudness **ret,
                         struct fault *fault) MUST_CHECK;
void loudness_free(struct loudness *l);
void loudness_add(struct loudness *l, const float *interleaved, size_t frames);

/* -INFINITY for silence. */
struct loudness_result {
    double lufs;         /* integrated, gated */
    double peak_db;      /* the greatest sample, dB of full scale; -INFINITY where peaks are not heard */
    double true_peak_db; /* between the samples too: 4 x oversampled below 96 kHz, 2 x below 192 kHz */
};
enum status loudness_result(const struct loudness *l, struct loudness_result *ret, struct fault *fault) MUST_CHECK;

/* The factor from one loudness to another: the same float on every machine. */
float loudness_gain(double from_lufs, double to_lufs);

#endif
