/* What the compile worker, the assembler it starts and the kernels it tries are able to do: compute, read the
 * compiler's files, write into TMPDIR, answer. Nothing else: no network, no other file, no other process. */
#ifndef JIT_CC_CAGE_H
#define JIT_CC_CAGE_H

#include <stdbool.h>

#include "jit/sandbox.h"

/* For the whole process, before anything of a client is read; one thread. `dir` is TMPDIR. Returns what holds. */
unsigned cage_enter(const char *dir);

/* For a thread that is about to run machine code that was just made: from here on memory and its own end are all it
 * can ask the kernel for; anything else ends the process. Does nothing where cage_enter could not hold. */
bool cage_seal_thread(void);

#endif
