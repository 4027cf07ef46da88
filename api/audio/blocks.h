/* A graph over audio, block by block, with its state and delay lines. */
#ifndef API_BLOCKS_H
#define API_BLOCKS_H

#include "api/audio/automation.h"
#include "api/audio/block_state.h"
#include "api/audio/format_audio.h"
#include "api/audio/tail.h"
#include "api/runner.h"

/* What becomes of samples that come in and are no numbers. */
enum nonfinite { NONFINITE_ZERO, NONFINITE_REJECT, NONFINITE_PASS };

struct track {
    struct audio_source source; /* no data: a generator, or nothing but silence */
    uint64_t frames;            /* to make; behind the source's there is silence */
    uint32_t channels_in, channels_out;
    double rate, seed;
    uint64_t first;             /* index of the first frame in its stream */
    struct block_state *state;  /* of that stream; NULL: this is all of it */
    struct automation *changes; /* of parameters, whose values the runner's `params` are; NULL: they stay */
    struct tail *tail;          /* hears the answer and may end it before `frames`; NULL: all are made */
    enum nonfinite nonfinite;
    enum sample sample; /* of the answer */
    uint8_t *out;       /* frames * channels_out samples */
};

enum { BLOCKS_FRAMES = 4096 }; /* a longer track may fail after its state has moved */

/* Any split into blocks gives the same samples. DEADLINE and CLIENT_GONE between blocks; BAD_AUDIO for a rejected
 * sample; LIMIT max-state-bytes. `ret_in` counts what was not finite in the source. */
enum status blocks_run(struct runner *r, const struct track *track, struct counts *ret_out,
                       struct counts *ret_in) MUST_CHECK;

/* Bytes that it takes beside what goes in and out: delay lines, state. LIMIT max-state-bytes. */
enum status blocks_measure(struct runner *r, const struct track *track, uint64_t *ret) MUST_CHECK;

/* The same in pieces, with memory and state that are made once. `track` stays the caller's, who sets `source.data` or
 * `source.pull`, `source.frames`, `frames`, `first`, `out` and `tail` of each piece before blocks_go; blocks_new sees
 * the frames of the longest one, and `out` is always where a float may be. */
struct blocks;
enum status blocks_new(struct runner *r, const struct track *track, struct blocks **ret) MUST_CHECK;
enum status blocks_go(struct blocks *b, struct counts *ret_out, struct counts *ret_in) MUST_CHECK;
/* Tells a tail that is to hear the next pieces how long it has to wait; its frames count from the first piece on. */
void blocks_listen(const struct blocks *b, struct tail *tail);

#endif
