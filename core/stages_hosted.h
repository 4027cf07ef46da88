/* The part of stages.h for audio: an IR cut at `hosted`. Private to stages.c. */
#ifndef CORE_STAGES_HOSTED_H
#define CORE_STAGES_HOSTED_H

#include "core/stages.h"

bool stages_has_hosts(const struct ir *ir);
struct stages stages_split_hosted(struct ir *ir);

/* All of an IR but its main body, copied, as passes change it in place. */
struct ir *stages_copy_lists(const struct ir *ir);

#endif
