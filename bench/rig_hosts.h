/* The stages before a rig's last where its graph convolves, and the convolutions: with impulse responses of the rig's
 * own making, noise that fades, one a name and channel. */
#ifndef BENCH_RIG_HOSTS_H
#define BENCH_RIG_HOSTS_H

#include "bench/rig.h"

struct rig_hosts;

enum { RIG_RESPONSE = 1300 }; /* samples */

/* What runs beside the rig's program, in the rig's arena; NULL for a graph that convolves nothing. rig_stages_open
 * comes first. */
enum status rig_hosts_open(struct rig *s, struct rig_hosts **ret, struct fault *fault) MUST_CHECK;
void rig_hosts_close(struct rig_hosts *h); /* NULL too */
void rig_hosts_reset(struct rig_hosts *h);
/* Makes the next `count` frames at s->n; returns the last stage's inputs. */
const float *const *rig_hosts_run(struct rig *s, bool compiled, const float *const *in, int32_t count);
/* Do two rigs of one graph remember the same: state of stages, and of convolutions? (What lies behind a delay line's
 * end is an engine's own, so delay lines are not looked at.) */
bool rig_hosts_equal(const struct rig *a, const struct rig *b);

#endif
