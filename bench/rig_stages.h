/* The stages before a rig's last: planes computed as far as a call reads them. Nothing lies outside of an image here: a
 * field goes on beyond its borders, so edge modes are not met. Images are noise, one a slot. */
#ifndef BENCH_RIG_STAGES_H
#define BENCH_RIG_STAGES_H

#include "bench/rig.h"

struct rig_planes;

/* Sets the rig's images, and what its stages work in; all in the rig's arena. */
void rig_stages_open(struct rig *s);
/* Runs the stages for a call of count x rows at context[PX0], context[PY0]. False: no memory. */
bool rig_stages_run(struct rig *s, bool compiled, int32_t count, int32_t rows, struct rig_planes **ret);
/* The last stage's windows, by surface; until the planes are forgotten. */
const struct kernel_plane *rig_windows(const struct rig_planes *planes);
void rig_stages_forget(struct rig_planes *planes);

#endif
