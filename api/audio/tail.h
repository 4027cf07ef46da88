/* tail=auto: how long a graph goes on sounding behind its input. The tail ends behind the last frame in which a channel
 * reaches -100 dB of full scale, when nothing came for a while after it: a tenth of a second, and as long as all delay
 * lines together hold, since an echo may be on its way through them. Any split into blocks finds the same end. */
#ifndef API_TAIL_H
#define API_TAIL_H

#include <stdbool.h>
#include <stdint.h>

struct tail {
    uint64_t input;    /* frames of the input: the answer has at least so many */
    uint64_t patience; /* frames to wait */
    uint64_t end;      /* frames of the answer, as far as is known */
    bool ended;
};

void tail_begin(struct tail *t, uint64_t input);
/* Before the first block: the patience, from the rate and the samples in all delay lines. */
void tail_wait(struct tail *t, double rate, uint64_t delayed);
/* Frames at .. at + n of the answer. True: it has ended, no more need to be made. */
bool tail_hear(struct tail *t, float *const *planes, uint32_t channels, uint64_t at, uint32_t n);

#endif
