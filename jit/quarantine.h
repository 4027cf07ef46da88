/* Kernels under suspicion: a text file in the store's folder of those that were running when a process died. What
 * raised a signal is not run again until it is released; what was only running when the process was ended from outside
 * (kill -9, no memory) is not run for an hour once that has happened QUARANTINE_MARKS times without a break. Their
 * graphs are interpreted. A new code generator gives other keys, and so begins without suspicion. */
#ifndef JIT_QUARANTINE_H
#define JIT_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fault.h"
#include "core/hash.h"
#include "jit/marker.h"

enum { QUARANTINE_MARKS = 3, QUARANTINE_S = 3600, QUARANTINE_MAX = 4096 };

struct suspect {
    uint8_t key[HASH_SIZE];
    uint32_t marks;   /* starts in a row that found it running */
    uint32_t crashes; /* it raised a signal so many times */
    int signal;       /* the latest */
    int64_t at;       /* seconds since 1970: the latest of either */
};
bool suspect_is_held(const struct suspect *s, int64_t now);

struct quarantine;

/* Reads DIR/quarantine; there need not be one. NULL: no memory. */
struct quarantine *quarantine_open(const char *dir);
void quarantine_free(struct quarantine *q); /* takes NULL */

/* At a start: what the crash marker found, then the end of it, which forgets suspicions that did not come again. */
void quarantine_note(struct quarantine *q, const struct marked *m, int64_t now);
void quarantine_noted(struct quarantine *q, int64_t now);
bool quarantine_write(const struct quarantine *q) MUST_CHECK; /* false: errno; it holds in memory all the same */

/* Thread-safe, as long as nothing above is called. */
bool quarantine_holds(const struct quarantine *q, const uint8_t key[HASH_SIZE], int64_t now);
uint32_t quarantine_count(const struct quarantine *q, int64_t now);
const struct suspect *quarantine_list(const struct quarantine *q, uint32_t *ret_n);

bool quarantine_release(struct quarantine *q, const uint8_t key[HASH_SIZE]); /* false: it was not there */

#endif
