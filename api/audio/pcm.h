/* Interleaved floats, pulled from front to back: a step between a graph's samples and a file. */
#ifndef API_PCM_H
#define API_PCM_H

#include <stddef.h>
#include <stdint.h>

struct pcm {
    /* Up to n frames; fewer only at the end. */
    size_t (*pull)(struct pcm *p, float *to, size_t n);
    uint32_t channels;
};

enum { PCM_PIECE = 4096 }; /* frames that are asked for at once */

#endif
