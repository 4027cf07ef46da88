/* Answers that do not leave a graph as they are: the graph's samples are kept as floats, then mastered into a file. */
#ifndef API_MASTERED_H
#define API_MASTERED_H

#include "api/audio/blocks.h"
#include "api/audio/format_snd.h"
#include "api/audio/master.h"
#include "core/text.h"

struct mastered {
    struct master how;
    bool tail_auto;
    struct audio_form form; /* file and sample; the rest is filled in */
    struct master_result result;
    struct counts counts_in;
    uint64_t frames; /* of the answer */
};

/* Can the answer be sent as it leaves the graph, into this file? */
bool mastered_is_needless(const struct mastered *m);

/* All that the answer's bytes depend on, for its ETag. */
void mastered_describe(const struct mastered *m, struct text *to);

/* What mastering takes, in microseconds, once mastered_check has said how long the answer is. */
double mastered_predict_us(const struct mastered *m);

/* Frames by which the graph delays its input. */
uint64_t mastered_latency(const struct runner *r, double rate);

/* Before any work: what the answer will be, as far as is known, and whether its format holds it. Adds to t->frames what
 * the tail and the latency ask for. LIMIT max-frames, max-output-bytes. */
enum status mastered_check(struct runner *r, struct mastered *m, struct track *t) MUST_CHECK;

/* How many frames tail=auto may add, and the fault when they were not enough. */
uint64_t mastered_tail_most(const struct exchange *ex, const struct track *t);
enum status mastered_fault_tail(struct exchange *ex, const struct tail *t, const struct track *track);

/* Runs the graph over the track (whose `sample` and `out` it sets) and writes the file. `snd`: of a source that is
 * decoded; may be NULL. LIMIT max-tail. */
enum status mastered_run(struct runner *r, struct mastered *m, struct track *t, const struct snd_reader *snd,
                         struct place *place) MUST_CHECK;

#endif
