/* A track at another rate, through soxr: very high quality, linear phase, no delay. Output frame j lies at j * from /
 * to input frames; the samples depend on nothing but the track and the two rates. */
#ifndef API_RESAMPLE_H
#define API_RESAMPLE_H

#include "api/audio/pcm.h"
#include "core/arena.h"
#include "core/fault.h"

/* Takes away what lets soxr choose its code by CPU. Before any thread starts. */
void resample_pin(void);

/* How many frames a track becomes: n * to / from, rounded. */
uint64_t resample_frames(uint64_t n, double from, double to);

/* Pulls from `in`, which has `frames` frames of `from` a second. `ret` is freed by resample_free. */
struct resampler;
enum status resample_new(struct pcm *in, uint64_t frames, double from, double to, struct arena *a,
                         struct resampler **ret, struct fault *fault) MUST_CHECK;
struct pcm *resample_pcm(struct resampler *r);
void resample_free(struct resampler *r);

#endif
