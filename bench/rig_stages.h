/* The stages before a rig's last: planes computed as far as a call reads them. Nothing lies outside of an image here: a
 * field goes on beyond its borders, so edge modes are not met. Images are noise, one a slot. */
#ifndef BENCH_RIG_STAGES_H
#define BENCH_RIG_STAGES_H

#include "bench/rig.h"

struct rig_stages;

/* For a program with or without stages; with `compiled`, waits for the compiler. Lives in the rig's arena. */
enum status rig_stages_open(struct engine *e, struct rig *s, bool compiled, struct rig_stages **ret,
                            struct fault *fault) MUST_CHECK;
void rig_stages_close(struct rig_stages *st);

const struct kernel_image *rig_stages_images(const struct rig_stages *st); /* by slot */
/* Runs the stages for a call of count x rows at context[PX0], context[PY0] and gives the last one's windows, by
 * surface. They hold until the next call. */
const struct kernel_plane *rig_stages_run(struct rig_stages *st, const struct rig *s, bool compiled, int32_t count,
                                          int32_t rows);

#endif
