/* An image on its way out: bands of a field are computed, converted and encoded on the pool's threads, as one piece of
 * work each, and handed to a sink in file order. The same for an answer held in memory and for one that is sent while
 * it is made. */
#ifndef API_OUTPUT_H
#define API_OUTPUT_H

#include "api/image/encoder.h"
#include "api/image/tiles.h"

struct output_plan {
    struct runner *runner;
    struct encoder *encoder;
    struct view view; /* of the first frame */
    double fps;       /* frames follow one another in time; 0: they do not */
    double z_step;    /* and in z */
};

struct output;

/* Takes the memory of a few bands a thread. Asked after runner_choose. */
enum status output_new(const struct output_plan *plan, struct output **ret) MUST_CHECK;

/* Everything, into memory: sets body, body_size and owned of the answer. */
enum status output_whole(struct output *o) MUST_CHECK;

/* Goes on until all is in the sink (*ret_done), or until `full` says so after a band. */
enum status output_work(struct output *o, struct sink *s, bool (*full)(struct sink *s), bool *ret_done) MUST_CHECK;

struct counts output_counts(const struct output *o);

#endif
