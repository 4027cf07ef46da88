/* What `sinter serve` takes away from itself, and so from the compile workers that it starts: the means of the kernel
 * are those of jit/sandbox.h. */
#ifndef SERVER_CONFINE_H
#define SERVER_CONFINE_H

#include <stdbool.h>

#include "server/config.h"

/* Before the first thread: no new privileges, no memory that becomes executable, only the system calls a server needs,
 * files written in the store's, the spool's and the temporary folder only, and nothing executed that lies there. Says
 * in the log what holds. False: the setting requires what this system does not have. */
bool confine_early(const struct settings *s) MUST_CHECK;

/* Once everything listens: no socket is made, bound or connected any more; connections are accepted only. */
void confine_late(void);

unsigned confine_held(void); /* enum sandbox_part; SANDBOX_NETWORK: after confine_late */

#endif
