/* The last steps between a graph's samples and the file: its latency taken away, another rate, another loudness,
 * whole numbers with dither. Frames come from something that can be read twice; nothing is held but a piece. */
#ifndef API_MASTER_H
#define API_MASTER_H

#include "api/audio/audio_file.h"
#include "api/audio/loudness.h"
#include "api/request.h"

/* What a request asks for: the fields out_rate, normalize, measure, dither, dither_seed, compensate. */
struct master {
    double out_rate; /* 0: that of the track */
    double lufs;
    bool normalize, measure, dither, compensate;
    uint64_t dither_seed;
};
void master_read(struct fields *f, struct master *ret);
bool master_is_none(const struct master *m); /* nothing of this is asked for */

/* The graph's samples. `read`: n frames from frame `from` on, interleaved; false: it failed, and the fault is added. */
struct master_in {
    bool (*read)(void *user, uint64_t from, size_t n, float *to);
    void *user;
    uint64_t frames, skip; /* frames that there are; of those, so many from the front are left out */
    uint32_t channels;
    double rate;
};

/* frames, channels and rate of the file: master_form fills them in from `in`; file and sample are the caller's. */
void master_form(const struct master *m, const struct master_in *in, struct audio_form *form);

struct master_result {
    struct counts counts;
    bool has_loudness;
    struct loudness_result loudness; /* of the answer, before it became whole numbers */
    double gain_db;                  /* that normalize chose */
};
/* DEADLINE and CLIENT_GONE between pieces. The place's own failure is the caller's to look at. */
enum status master_run(struct exchange *ex, const struct master *m, const struct master_in *in,
                       const struct audio_form *form, struct place *place, struct master_result *ret) MUST_CHECK;

/* Sinter-Loudness, Sinter-Peak, Sinter-True-Peak, Sinter-Gain. */
void master_headers(struct exchange *ex, const struct master *m, const struct master_result *r);

#endif
