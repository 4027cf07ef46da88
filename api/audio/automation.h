/* Parameters that change while audio runs: rows of {"param", "value", "at", "ramp"}, at a sample of the stream, at once
 * or along a straight line. What a parameter is at a sample depends on that sample's index and on the rows alone, so
 * any split into blocks hears the same. */
#ifndef API_AUTOMATION_H
#define API_AUTOMATION_H

#include "api/request.h"

/* From sample `at` on: from what the parameter is there, in a straight line, to `value` at sample at + frames. It ends
 * what an earlier change of the same parameter was about to do. */
struct automation_change {
    uint32_t param;
    double value;
    uint64_t at, frames; /* frames 0: at once */
};

struct automation_ramp {
    double from, to;
    uint64_t at, frames; /* frames 0: there is none */
};

struct automation {
    double *values; /* by the program's order, as of the last step */
    struct automation_ramp *ramps;
    uint32_t n_params;
    struct automation_change *changes; /* to come: by `at`, those of one sample in the order they came */
    size_t n, capacity;
};

/* Heap memory; false: there is none. automation_done takes what is all zero. */
bool automation_init(struct automation *a, uint32_t n_params, const double *values) MUST_CHECK;
bool automation_copy(const struct automation *from, struct automation *ret) MUST_CHECK;
void automation_done(struct automation *a);
/* `rows` as they are read: by `at`. */
bool automation_add(struct automation *a, const struct automation_change *rows, size_t n) MUST_CHECK;

/* Steps are made in the order of samples. Sets `values` for sample n; returns for how many samples from there on, 1 to
 * `most`, they stay what they are. */
uint32_t automation_step(struct automation *a, uint64_t n, uint32_t most);

/* Microseconds that the kernel is called for, beside what it does in them, when it is called for single samples of
 * these frames. */
double automation_predict_us(const struct automation *a, uint64_t n0, uint64_t frames);

/* Rows of a request's field: a list of them, or an object of values by name, which change at once at sample `now`; in a
 * query, JSON.
 * Collects faults; a row without `at` means `now`, one before it is CONFLICT. `ramp` is in seconds and needs a rate,
 * `ramp_frames` is not and does not. */
struct automation_rows {
    struct automation_change *list; /* in the arena */
    size_t n;
};
const char *automation_text(struct fields *f, const char *name); /* the field, canonical enough for an ETag; or "" */
enum status automation_read(struct fields *f, const char *name, const struct program *p, double rate, uint64_t now,
                            struct automation_rows *ret) MUST_CHECK;

#endif
