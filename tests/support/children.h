/* Child processes of another process, from /proc. */
#ifndef TESTS_SUPPORT_CHILDREN_H
#define TESTS_SUPPORT_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

/* Those of `parent` that are called `name` (at most 15 letters); returns how many of at most `max`. */
size_t children_named(pid_t parent, const char *name, pid_t *ret_pids, size_t max);

#endif
