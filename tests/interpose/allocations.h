/* Allocations that fail on order: a test that links this has malloc and its kin from here, for itself and for every
 * library it uses. Between allocations_arm and allocations_disarm they are counted, on all threads, and the n-th gets
 * nothing; but for libraries that are known to use what they did not get, and are not ours to mend: libsndfile 1.2 with
 * the codecs behind it, soxr 0.1, and libebur128 1.2, which forgets to
 * release the rest. Those that are alive are counted always. */
#ifndef TESTS_INTERPOSE_ALLOCATIONS_H
#define TESTS_INTERPOSE_ALLOCATIONS_H

#include <stdbool.h>

/* n from 1; `onwards`: all after it fail, too. */
void allocations_arm(long n, bool onwards);
/* How many there were. */
long allocations_disarm(void);
long allocations_alive(void);

#endif
