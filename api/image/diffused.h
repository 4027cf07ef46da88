/* Error diffusion in front of an encoder of integer samples. */
#ifndef API_DIFFUSED_H
#define API_DIFFUSED_H

#include "api/image/encoder.h"

/* An encoder that takes floats, row after row, and hands `inner` its samples, diffused as inner->form.dither says: one
 * band after the other, in `join`. Both live in the arena. */
struct encoder *diffused_new(struct encoder *inner, struct arena *a);

#endif
